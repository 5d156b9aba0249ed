"""The public interface: frames, groups, expressions, results, readers. Thin: it builds nodes.

`partita` shows all of these names; what they are is told where they are defined.
"""

# The names of the module are those of Polars, builtins or not; no code here uses either.
# ruff: noqa: A004

from . import random_frames as random
from .concat import concat
from .constructors import (
    all,
    any,
    coalesce,
    col,
    concat_str,
    count,
    exclude,
    first,
    last,
    len,
    lit,
    max,
    max_horizontal,
    mean,
    min,
    min_horizontal,
    n_unique,
    std,
    sum,
    var,
    when,
)
from .dataframe import DataFrame
from .delayed import compute, delayed
from .expression import Expression
from .groupby import GroupBy
from .made import from_batches, from_items, generate, range
from .readers import (
    from_arrow,
    from_pandas,
    from_polars,
    from_pydict,
    read_csv,
    read_ipc,
    read_parquet,
    scan_csv,
    scan_ipc,
    scan_parquet,
)
from .result import Result
from .udf import udf

__all__ = [
    "DataFrame",
    "Expression",
    "GroupBy",
    "Result",
    "all",
    "any",
    "coalesce",
    "col",
    "compute",
    "concat",
    "concat_str",
    "count",
    "delayed",
    "exclude",
    "first",
    "from_arrow",
    "from_batches",
    "from_items",
    "from_pandas",
    "from_polars",
    "from_pydict",
    "generate",
    "last",
    "len",
    "lit",
    "max",
    "max_horizontal",
    "mean",
    "min",
    "min_horizontal",
    "n_unique",
    "random",
    "range",
    "read_csv",
    "read_ipc",
    "read_parquet",
    "scan_csv",
    "scan_ipc",
    "scan_parquet",
    "std",
    "sum",
    "udf",
    "var",
    "when",
]

"""Partita: a lazy task-graph dataframe engine. ``import partita as pt``.

Frames come from `scan_parquet`, `scan_csv`, `scan_ipc` or from memory; expressions begin with
`col`; nothing is read but metadata before a frame is collected, shown, streamed or written.

>>> import partita as pt
>>> df = pt.from_pydict({"k": ["a", "b", "a"], "v": [1, 2, 3]})
>>> df.filter(pt.col("v") < 3).group_by("k").agg(pt.col("v").sum()).sort("k").to_pydict()
{'k': ['a', 'b'], 'v': [1, 2]}
"""

# The names of the module are those of Polars, builtins or not; no code here uses either.
# ruff: noqa: A004

from __future__ import annotations

from .engine import config, errors
from .engine.api import (
    DataFrame,
    Expression,
    GroupBy,
    Result,
    all,
    all_horizontal,
    any,
    any_horizontal,
    coalesce,
    col,
    compute,
    concat,
    concat_list,
    concat_str,
    count,
    date,
    datetime,
    duration,
    element,
    exclude,
    field,
    first,
    format,
    from_arrow,
    from_pandas,
    from_polars,
    from_pydict,
    last,
    len,
    lit,
    max,
    max_horizontal,
    mean,
    mean_horizontal,
    min,
    min_horizontal,
    n_unique,
    read_csv,
    read_ipc,
    read_parquet,
    scan_csv,
    scan_ipc,
    scan_parquet,
    std,
    struct,
    sum,
    sum_horizontal,
    time,
    var,
    when,
)
from .engine.execution.session import Session

__all__ = [
    "DataFrame",
    "Expression",
    "GroupBy",
    "Result",
    "Session",
    "__version__",
    "all",
    "all_horizontal",
    "any",
    "any_horizontal",
    "coalesce",
    "col",
    "compute",
    "concat",
    "concat_list",
    "concat_str",
    "config",
    "count",
    "date",
    "datetime",
    "duration",
    "element",
    "errors",
    "exclude",
    "field",
    "first",
    "format",
    "from_arrow",
    "from_pandas",
    "from_polars",
    "from_pydict",
    "last",
    "len",
    "lit",
    "max",
    "max_horizontal",
    "mean",
    "mean_horizontal",
    "min",
    "min_horizontal",
    "n_unique",
    "read_csv",
    "read_ipc",
    "read_parquet",
    "scan_csv",
    "scan_ipc",
    "scan_parquet",
    "std",
    "struct",
    "sum",
    "sum_horizontal",
    "time",
    "var",
    "when",
]


def __getattr__(name: str) -> str:
    if name != "__version__":
        raise AttributeError(f"partita has no {name!r}.{errors.did_you_mean(name, __all__)}")
    # Late: it searches the installed packages, which takes longer than the rest of this module.
    from importlib.metadata import version

    return version("partita")


def __dir__() -> list[str]:
    return __all__

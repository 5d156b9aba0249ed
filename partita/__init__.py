"""Partita: a lazy task-graph dataframe engine. ``import partita as pt``.

Frames come from `scan_parquet`, `scan_csv` and their like, or from memory; expressions begin with
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
    any,
    approx_n_unique,
    approx_quantile,
    coalesce,
    col,
    compute,
    concat,
    concat_str,
    corr,
    count,
    cov,
    delayed,
    exclude,
    first,
    from_arrow,
    from_batches,
    from_items,
    from_pandas,
    from_polars,
    from_pydict,
    generate,
    implode,
    kurtosis,
    last,
    len,
    lit,
    max,
    max_horizontal,
    mean,
    median,
    merge_asof,
    min,
    min_horizontal,
    mode,
    n_unique,
    null_count,
    product,
    quantile,
    random,
    range,
    read_csv,
    read_ipc,
    read_json,
    read_orc,
    read_parquet,
    scan_csv,
    scan_ipc,
    scan_json,
    scan_orc,
    scan_parquet,
    skew,
    std,
    sum,
    udf,
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
    "any",
    "approx_n_unique",
    "approx_quantile",
    "coalesce",
    "col",
    "compute",
    "concat",
    "concat_str",
    "config",
    "corr",
    "count",
    "cov",
    "delayed",
    "errors",
    "exclude",
    "first",
    "from_arrow",
    "from_batches",
    "from_items",
    "from_pandas",
    "from_polars",
    "from_pydict",
    "generate",
    "implode",
    "kurtosis",
    "last",
    "len",
    "lit",
    "max",
    "max_horizontal",
    "mean",
    "median",
    "merge_asof",
    "min",
    "min_horizontal",
    "mode",
    "n_unique",
    "null_count",
    "product",
    "quantile",
    "random",
    "range",
    "read_csv",
    "read_ipc",
    "read_json",
    "read_orc",
    "read_parquet",
    "scan_csv",
    "scan_ipc",
    "scan_json",
    "scan_orc",
    "scan_parquet",
    "skew",
    "std",
    "sum",
    "udf",
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

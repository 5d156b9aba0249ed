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

import importlib
from typing import TYPE_CHECKING, Any

from .engine.machine import load_arrow

if TYPE_CHECKING:
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
        approx_n_unique,
        approx_quantile,
        coalesce,
        col,
        compute,
        concat,
        concat_list,
        concat_str,
        corr,
        count,
        cov,
        date,
        datetime,
        delayed,
        duration,
        element,
        exclude,
        field,
        first,
        format,
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
        mean_horizontal,
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
        row_index,
        scan_csv,
        scan_ipc,
        scan_json,
        scan_orc,
        scan_parquet,
        skew,
        std,
        struct,
        sum,
        sum_horizontal,
        time,
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
    "all_horizontal",
    "any",
    "any_horizontal",
    "approx_n_unique",
    "approx_quantile",
    "coalesce",
    "col",
    "compute",
    "concat",
    "concat_list",
    "concat_str",
    "config",
    "corr",
    "count",
    "cov",
    "date",
    "datetime",
    "delayed",
    "duration",
    "element",
    "errors",
    "exclude",
    "field",
    "first",
    "format",
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
    "mean_horizontal",
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
    "row_index",
    "scan_csv",
    "scan_ipc",
    "scan_json",
    "scan_orc",
    "scan_parquet",
    "skew",
    "std",
    "struct",
    "sum",
    "sum_horizontal",
    "time",
    "udf",
    "var",
    "when",
]

# Before anything of the package loads it another way; without ``ulimit`` it waits.
load_arrow()

_MODULES = {
    "config": ".engine.config",
    "engine": ".engine",
    "errors": ".engine.errors",
    "io": ".io",
}
_ORIGINS = {"Session": ".engine.execution.session"}
"""Where names come from that are not those of ``engine.api``."""


def __getattr__(name: str) -> Any:
    # A script that only asks for the version, or never comes to its query, waits for nothing; the
    # process that workers are forked from loads what they need, which is not the interface.
    if name == "__version__":
        # It searches the installed packages.
        from importlib.metadata import version

        return version("partita")
    if name.startswith("__"):
        raise AttributeError(name)
    if name in _MODULES:
        return importlib.import_module(_MODULES[name], __name__)
    if name not in __all__:
        from .engine.api.absent_module import absent_name

        raise absent_name(name, __all__)
    found = getattr(importlib.import_module(_ORIGINS.get(name, ".engine.api"), __name__), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return __all__

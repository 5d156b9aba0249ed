"""Sorts as a Polars user writes them."""

from __future__ import annotations

from typing import Any

import polars as pl

from ...harness.engines import Written
from ..cases import Case


def run(case: Case, t: Any) -> pl.LazyFrame | Written:
    in_order = t.rows.sort(*case.keys, descending=list(case.keys.values()))
    rows = in_order.select(*case.columns)
    if case.first:
        return rows.head(case.first)
    if not case.written:
        return rows
    path = str(t.scratch / "sorted.parquet")
    rows.sink_parquet(path, compression="zstd", engine="streaming")
    return Written(path=path)

"""Datasets as a Polars user reads them."""

from __future__ import annotations

from typing import Any

import polars as pl
from polars import col


def files_sum(t: Any) -> pl.LazyFrame:
    return t.files.select(rows=pl.len(), amount=col("amount").sum())


def files_groups(t: Any) -> pl.LazyFrame:
    return t.files.group_by("shop").agg(rows=pl.len(), amount=col("amount").sum())


def files_one_day(t: Any) -> pl.LazyFrame:
    day = t.files.filter(col("day") == 73)
    return day.group_by("item").agg(rows=pl.len(), amount=col("amount").sum())


def wide_three_columns(t: Any) -> pl.LazyFrame:
    return t.wide.group_by("c000").agg(total=col("c100").sum(), most=col("c199").max())


def partition_one(t: Any) -> pl.LazyFrame:
    part = pl.scan_parquet(t.dataset.directory / "partitioned").filter(col("part") == 7)
    return part.group_by("shop").agg(rows=pl.len(), amount=col("amount").sum())

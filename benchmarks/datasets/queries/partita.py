"""Datasets as a Partita user reads them."""

from __future__ import annotations

from typing import Any

import partita as pt
from partita import col


def files_sum(t: Any) -> pt.DataFrame:
    return t.files.select(rows=pt.len(), amount=col("amount").sum())


def files_groups(t: Any) -> pt.DataFrame:
    return t.files.group_by("shop").agg(rows=pt.len(), amount=col("amount").sum())


def files_one_day(t: Any) -> pt.DataFrame:
    day = t.files.filter(col("day") == 73)
    return day.group_by("item").agg(rows=pt.len(), amount=col("amount").sum())


def wide_three_columns(t: Any) -> pt.DataFrame:
    return t.wide.group_by("c000").agg(total=col("c100").sum(), most=col("c199").max())


def partition_one(t: Any) -> pt.DataFrame:
    part = pt.scan_parquet(t.dataset.directory / "partitioned").filter(col("part") == 7)
    return part.group_by("shop").agg(rows=pt.len(), amount=col("amount").sum())

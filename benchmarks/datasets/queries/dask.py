"""Datasets as a Dask user reads them."""

from __future__ import annotations

from typing import Any

import dask.dataframe as dd


def files_sum(t: Any) -> Any:
    files = t.files
    return {"rows": files.amount.size, "amount": files.amount.sum()}


def files_groups(t: Any) -> Any:
    return _by(t.files, "shop")


def files_one_day(t: Any) -> Any:
    files = t.files
    return _by(files[files.day == 73], "item")


def wide_three_columns(t: Any) -> Any:
    groups = t.wide.groupby("c000")
    return groups.agg(total=("c100", "sum"), most=("c199", "max")).reset_index()


def partition_one(t: Any) -> Any:
    path = t.dataset.directory / "partitioned"
    return _by(dd.read_parquet(path, filters=[("part", "==", 7)]), "shop")


def _by(frame: Any, key: str) -> Any:
    groups = frame.groupby(key)
    return groups.agg(rows=("amount", "size"), amount=("amount", "sum")).reset_index()

"""Datasets in SQL."""

from __future__ import annotations

from typing import Any


def files_sum(t: Any) -> str:
    return f"select count(*) as rows, sum(amount) as amount from {t.files}"


def files_groups(t: Any) -> str:
    return f"""
        select shop, count(*) as rows, sum(amount) as amount from {t.files} group by shop
    """


def files_one_day(t: Any) -> str:
    return f"""
        select item, count(*) as rows, sum(amount) as amount
        from {t.files} where day = 73 group by item
    """


def wide_three_columns(t: Any) -> str:
    return f"select c000, sum(c100) as total, max(c199) as most from {t.wide} group by c000"


def partition_one(t: Any) -> str:
    path = f"{t.dataset.directory}/partitioned/*/*.parquet".replace("'", "''")
    return f"""
        select shop, count(*) as rows, sum(amount) as amount
        from read_parquet('{path}', hive_partitioning = true) where part = 7 group by shop
    """

"""What no engine can do without: to decode the columns that a query names.

They are read from the standard's SQL, in which the name of a column says its table. A column that
a query names twice, as in a self-join, is decoded once.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from ..harness.suite import Tables
from .dataset import TABLES, Dataset
from .queries import queries

Columns = dict[str, tuple[str, ...]]
"""Path or glob of a table -> the columns to decode."""


class _Words:
    """An engine whose tables are words, so that the SQL made with it names nothing but columns."""

    def scan(self, path: str) -> str:
        return "relation"

    def collect(self, query: Any) -> Any:
        raise TypeError("there is nothing to run: the text alone is of use")

    def close(self) -> None:
        """Nothing was started."""


@cache  # the floor is decoding: to find out what is no part of it
def named_columns(number: int, dataset: Dataset) -> Columns:
    """Return the columns that a query names, by the path of their table."""
    text = queries("duckdb")[number](Tables(_Words(), dataset))
    words = set(re.findall(r"\w+", text))
    found = {}
    for table in TABLES:
        path = Path(dataset.path(table))
        schema = pq.read_schema(next(path.parent.glob(path.name)))
        columns = tuple(name for name in schema.names if name in words)
        if columns:
            found[str(path)] = columns
    return found


def floor_queries() -> dict[int, Callable[[Any], Columns]]:
    """Return what the engine ``floor`` decodes, by the query's number."""
    return {number: partial(_columns, number) for number in queries("duckdb")}


def _columns(number: int, tables: Any) -> Columns:
    return named_columns(number, tables.dataset)

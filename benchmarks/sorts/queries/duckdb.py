"""Sorts in SQL."""

from __future__ import annotations

from typing import Any

import duckdb

from ...harness.engines import Written
from ...harness.engines.duckdb import Statement
from ..cases import Case


def run(case: Case, t: Any) -> str | Statement:
    keys = ", ".join(f"{key} desc" if descending else key for key, descending in case.keys.items())
    rows = f"select {', '.join(case.columns)} from {t.rows} order by {keys}"
    if case.first:
        return f"{rows} limit {case.first}"
    if not case.written:
        return rows
    path = str(t.scratch / "sorted.parquet")

    def copy(connection: duckdb.DuckDBPyConnection) -> Written:
        connection.execute(f"copy ({rows}) to '{path}' (format parquet, compression zstd)")
        return Written(path=path)

    return copy

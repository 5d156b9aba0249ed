"""DuckDB, SQL over Parquet files, in memory."""

from __future__ import annotations

from collections.abc import Callable

import duckdb
import pyarrow as pa

from . import Options, Written

Statement = Callable[[duckdb.DuckDBPyConnection], pa.Table | Written]


class DuckDB:
    """One connection for all queries; a table is the SQL that reads its files."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection

    def scan(self, path: str) -> str:
        quoted = path.replace("'", "''")
        return f"read_parquet('{quoted}')"

    def collect(self, query: str | Statement) -> pa.Table | Written:
        """Run a select, or what a query does with the connection itself, such as a copy."""
        if callable(query):
            return query(self._connection)
        return self._connection.sql(query).to_arrow_table()

    def close(self) -> None:
        self._connection.close()


def start(options: Options) -> DuckDB:
    """Open an in-memory database with the number of threads asked for."""
    connection = duckdb.connect()
    if options.workers is not None:
        connection.execute(f"set threads = {options.workers}")
    return DuckDB(connection)

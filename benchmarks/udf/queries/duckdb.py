"""The functions in DuckDB: registered as functions over Arrow arrays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import duckdb
import pyarrow as pa

from ...harness.engines.duckdb import Statement
from ..functions import families, ratings


def _rated(prices: Any, quantities: Any) -> pa.Array:
    return pa.array(ratings(prices.to_pylist(), quantities.to_pylist()), pa.float64())


def _families(codes: Any) -> pa.Array:
    return pa.array(families(codes.to_pylist()), pa.string())


def _with(
    name: str, function: Callable[..., Any], takes: list[str], returns: str, query: str
) -> Statement:
    """Return a query that has a Python function while it runs."""

    def run(connection: duckdb.DuckDBPyConnection) -> pa.Table:
        connection.create_function(name, function, takes, returns, type="arrow")
        try:
            return connection.sql(query).to_arrow_table()
        finally:
            connection.remove_function(name)

    return run


def numbers(t: Any) -> Statement:
    query = f"""
        select count(*) as rows, sum(rating) as total, max(rating) as most
        from (select rated(price, quantity) as rating from {t.sales})
    """
    return _with("rated", _rated, ["DOUBLE", "BIGINT"], "DOUBLE", query)


def text(t: Any) -> Statement:
    query = f"""
        select family, count(*) as rows
        from (select families(code) as family from {t.sales}) group by family
    """
    return _with("families", _families, ["VARCHAR"], "VARCHAR", query)

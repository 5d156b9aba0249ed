"""One expression in three languages, and how such expressions are put together."""

from __future__ import annotations

import datetime
import decimal
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

import partita as pt

from .frames import Fact

Facts = Mapping[str, Fact]


@dataclass(frozen=True, kw_only=True)
class Value:
    """One expression in three languages; `sql` is None where DuckDB means something else by it."""

    partita: pt.Expression
    polars: pl.Expr
    sql: str | None
    fact: Fact = Fact()  # noqa: RUF009 - it is frozen


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def constant(value: Any) -> Value:
    """Return a literal."""
    bound = abs(value) if isinstance(value, int | float) else math.inf
    dyadic = isinstance(value, float) and (value * 8).is_integer()
    fact = Fact(bound=bound, dyadic=dyadic)
    return Value(partita=pt.lit(value), polars=polars_literal(value), sql=sql_of(value), fact=fact)


def polars_literal(value: Any) -> pl.Expr:
    if isinstance(value, decimal.Decimal):
        return pl.lit(value, dtype=pl.Decimal(9, 2))
    return pl.lit(value)


def sql_of(value: Any) -> str:
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, float):
        return f"'{value!r}'::DOUBLE"
    if isinstance(value, datetime.datetime):
        return f"TIMESTAMP '{value}'"
    if isinstance(value, datetime.date):
        return f"DATE '{value}'"
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    return str(value)


def column(name: str, facts: Facts) -> Value:
    """Return a column."""
    return Value(partita=pt.col(name), polars=pl.col(name), sql=quoted(name), fact=facts[name])


def joined(template: str, *values: Value) -> str | None:
    """Return `template` with the SQL of `values` put in, None where one of them has none."""
    parts = [value.sql for value in values]
    return None if None in parts else template.format(*parts)


def of_two_values(
    of_two: Callable[[Any, Any], Any], template: str, left: Value, right: Value, fact: Fact
) -> Value:
    return Value(
        partita=of_two(left.partita, right.partita),
        polars=of_two(left.polars, right.polars),
        sql=joined(template, left, right),
        fact=fact,
    )

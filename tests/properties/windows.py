"""Steps that add columns over windows: of the rows of a group, of those before and after."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import polars as pl
import pyarrow as pa

import partita as pt

from . import choices
from .frames import Fact
from .plan import MOST_JOINED_ROWS, NUMBER, Draw, RandomPlan, exact_columns, expressions_over, grown
from .value import Value, quoted

MOST_SUMMED = 2**18
"""Sums of so many rows of values of this size are far from overflowing."""

ROW = "__row"


@dataclass(frozen=True, kw_only=True)
class WindowFunction:
    """A function over a window in three languages.

    In `sql`, ``{x}`` is the column, ``{all}`` the window, ``{in_order}`` the window in its order,
    and ``{so_far}`` the part of it that ends with the row.
    """

    of: Callable[[Any], Any]
    """For an expression of either library."""

    takes: Callable[[pa.DataType], bool]
    sql: str | None = None
    fact: Callable[[Fact], Fact] = lambda fact: fact
    sees_order: bool = True
    adds: bool = False
    """Whether it adds up values, so that the last bits depend on the order."""


def _is_number(dtype: pa.DataType) -> bool:
    return pa.types.is_integer(dtype) or pa.types.is_floating(dtype)


def _is_measured(dtype: pa.DataType) -> bool:
    return _is_number(dtype) or pa.types.is_date(dtype) or pa.types.is_timestamp(dtype)


def _is_anything(dtype: pa.DataType) -> bool:
    return True


def _counts(fact: Fact) -> Fact:
    return Fact(bound=MOST_JOINED_ROWS, dyadic=True)


def _sums(fact: Fact) -> Fact:
    return replace(fact, bound=fact.bound * MOST_JOINED_ROWS)


def _differs(fact: Fact) -> Fact:
    return replace(fact, bound=2 * fact.bound)


def _is_rounded(fact: Fact) -> Fact:
    return Fact(bound=fact.bound, rough=not fact.dyadic)


def _is_rough(fact: Fact) -> Fact:
    return Fact(rough=True)


def _rolled(sql: str, least: int) -> str:
    frame = "OVER ({in_order} ROWS BETWEEN 3 PRECEDING AND CURRENT ROW)"
    return f"CASE WHEN count({{x}}) {frame} >= {least} THEN {sql} {frame} END"


FUNCTIONS = {
    "sum": WindowFunction(
        of=lambda x: x.sum(),
        takes=_is_number,
        sql="coalesce(sum({x}) OVER {all}, 0)",
        fact=_sums,
        sees_order=False,
        adds=True,
    ),
    "mean": WindowFunction(
        of=lambda x: x.mean(),
        takes=_is_number,
        sql="avg({x}) OVER {all}",
        fact=lambda fact: Fact(bound=fact.bound),
        sees_order=False,
        adds=True,
    ),
    "std": WindowFunction(of=lambda x: x.std(), takes=_is_number, fact=_is_rough, sees_order=False),
    "min": WindowFunction(
        of=lambda x: x.min(), takes=_is_measured, sql="min({x}) OVER {all}", sees_order=False
    ),
    # DuckDB's maximum is NaN where there is one.
    "max": WindowFunction(of=lambda x: x.max(), takes=_is_measured, sees_order=False),
    "count": WindowFunction(
        of=lambda x: x.count(),
        takes=_is_anything,
        sql="count({x}) OVER {all}",
        fact=_counts,
        sees_order=False,
    ),
    "n_unique": WindowFunction(
        of=lambda x: x.n_unique(), takes=_is_anything, fact=_counts, sees_order=False
    ),
    "share": WindowFunction(
        of=lambda x: x - x.min(),
        takes=pa.types.is_integer,
        sql="{x} - min({x}) OVER {all}",
        fact=_differs,
        sees_order=False,
    ),
    "first": WindowFunction(
        of=lambda x: x.first(),
        takes=_is_anything,
        sql="first_value({x}) OVER {so_far}",
    ),
    "last": WindowFunction(of=lambda x: x.last(), takes=_is_anything),
    "shift": WindowFunction(
        of=lambda x: x.shift(1), takes=_is_anything, sql="lag({x}) OVER ({in_order})"
    ),
    "shift back": WindowFunction(
        of=lambda x: x.shift(-2), takes=_is_anything, sql="lead({x}, 2) OVER ({in_order})"
    ),
    "diff": WindowFunction(
        of=lambda x: x.diff(),
        takes=_is_number,
        sql="{x} - lag({x}) OVER ({in_order})",
        fact=_differs,
    ),
    "cum_sum": WindowFunction(
        of=lambda x: x.cum_sum(),
        takes=_is_number,
        sql="CASE WHEN {x} IS NOT NULL THEN sum({x}) OVER {so_far} END",
        fact=_sums,
        adds=True,
    ),
    "cum_max": WindowFunction(of=lambda x: x.cum_max(), takes=_is_number),
    "cum_min": WindowFunction(of=lambda x: x.cum_min(reverse=True), takes=_is_number),
    "cum_count": WindowFunction(
        of=lambda x: x.cum_count(), takes=_is_anything, sql="count({x}) OVER {so_far}", fact=_counts
    ),
    "rank": WindowFunction(of=lambda x: x.rank(), takes=_is_measured, fact=_counts),
    "min rank": WindowFunction(of=lambda x: x.rank("min"), takes=_is_measured, fact=_counts),
    "dense rank": WindowFunction(
        of=lambda x: x.rank("dense", descending=True), takes=_is_measured, fact=_counts
    ),
    "ordinal rank": WindowFunction(
        of=lambda x: x.rank("ordinal"), takes=_is_measured, fact=_counts
    ),
    "forward_fill": WindowFunction(
        of=lambda x: x.forward_fill(),
        takes=_is_anything,
        sql="last_value({x} IGNORE NULLS) OVER {so_far}",
    ),
    "backward_fill": WindowFunction(of=lambda x: x.backward_fill(2), takes=_is_anything),
    "rolling_sum": WindowFunction(
        of=lambda x: x.rolling_sum(4, min_samples=2),
        takes=_is_number,
        sql=_rolled("sum({x})", 2),
        fact=_sums,
        adds=True,
    ),
    "rolling_mean": WindowFunction(
        of=lambda x: x.rolling_mean(4, min_samples=1),
        takes=_is_number,
        sql=_rolled("avg({x})", 1),
        fact=_is_rounded,
        adds=True,
    ),
    "rolling_max": WindowFunction(
        of=lambda x: x.rolling_max(4, min_samples=1),
        takes=pa.types.is_integer,
        sql=_rolled("max({x})", 1),
    ),
    "rolling_min": WindowFunction(
        of=lambda x: x.rolling_min(5, min_samples=2, center=True), takes=pa.types.is_integer
    ),
    "is_first_distinct": WindowFunction(
        of=lambda x: x.is_first_distinct(), takes=_is_anything, fact=lambda fact: Fact()
    ),
    "is_duplicated": WindowFunction(
        of=lambda x: x.is_duplicated(),
        takes=_is_anything,
        fact=lambda fact: Fact(),
        sees_order=False,
    ),
}


def with_windows(draw: Draw, of: RandomPlan, made: list[RandomPlan]) -> RandomPlan | None:
    # Of one window the rows are sorted once, whatever is computed.
    shared = None if draw(choices.integers(0, 3)) == 0 else _over(draw, of)
    drawn = {
        f"w{len(made)}_{number}": _window(draw, of, shared or _over(draw, of))
        for number in range(draw(choices.integers(1, 4)))
    }
    computed = {name: value for name, value in drawn.items() if value is not None}
    if not computed:
        return None
    sql = None
    texts = {name: value.sql for name, value in computed.items()}
    if of.sql is not None and None not in texts.values():
        shown = ", ".join(f"{text} AS {quoted(name)}" for name, text in texts.items())
        sql = f"SELECT *, {shown} FROM ({of.sql})"
    return grown(
        of,
        f"with_windows{[each.partita for each in computed.values()]}",
        of.partita.with_columns(**{name: each.partita for name, each in computed.items()}),
        of.polars.with_row_index(ROW)
        .with_columns(pl.col(ROW).cast(pl.Int64))
        .with_columns(**{name: each.polars for name, each in computed.items()})
        .drop(ROW),
        sql,
        facts={**of.facts, **{name: each.fact for name, each in computed.items()}},
    )


Over = tuple[list[str], str | None, bool]
"""Keys, what the rows are ordered by, and whether it is descending."""


def _over(draw: Draw, of: RandomPlan) -> Over:
    keys = draw(choices.several(exact_columns(of), least=0, most=2))
    orders = [None, None, *exact_columns(of)] if of.ordered else [None]
    return keys, draw(choices.sampled_from(orders)), draw(choices.booleans())


def _window(draw: Draw, of: RandomPlan, over: Over) -> Value | None:
    name = draw(choices.sampled_from(list(FUNCTIONS)))
    function = FUNCTIONS[name]
    columns = expressions_over(draw, of).named(function.takes)
    if not columns or (function.sees_order and not of.ordered):
        return None
    x = draw(choices.sampled_from(columns))
    dtype, known = of.partita.schema.field(x).type, of.facts[x]
    floats = pa.types.is_floating(dtype)
    if function.adds and not (floats or known.bound < MOST_SUMMED):
        return None
    fact = function.fact(known)
    if function.adds and floats and not known.dyadic:
        fact = replace(fact, rough=True)
    # polars takes the last value of what it knows to be sorted for the least, in any other order.
    unordered = (over[0], None, False)
    # Infinity and NaN make of running sums in DuckDB whatever its tree of parts gives.
    told = not floats or (known.bound < math.inf and name != "min")
    return Value(
        partita=_partita_over(function.of(pt.col(x)), *over),
        polars=_polars_over(function.of(pl.col(x)), *(over if function.sees_order else unordered)),
        sql=function.sql.format(x=quoted(x), **_windows(*over))
        if function.sql is not None and told
        else None,
        fact=fact,
    )


def _partita_over(expr: Any, keys: list[str], by: str | None, down: bool) -> Any:
    if not keys and by is None:
        return expr
    if by is None:
        return expr.over(*keys)
    return expr.over(*keys, order_by=by, descending=down)


def _polars_over(expr: pl.Expr, keys: list[str], by: str | None, down: bool) -> pl.Expr:
    if by is None:
        return expr.over(keys) if keys else expr
    # Its sort is not stable: of equal rows the order is that of their numbers.
    row = -pl.col(ROW) if down else pl.col(ROW)
    return expr.over(keys or None, order_by=[pl.col(by), row], descending=down)


def _windows(keys: list[str], by: str | None, down: bool) -> dict[str, str]:
    among = f"PARTITION BY {', '.join(map(quoted, keys))} " if keys else ""
    first = f"{quoted(by)} {'DESC' if down else 'ASC'} NULLS FIRST, " if by is not None else ""
    in_order = f"{among}ORDER BY {first}{NUMBER}"
    return {
        "all": f"({among})",
        "in_order": in_order,
        "so_far": f"({in_order} ROWS UNBOUNDED PRECEDING)",
    }

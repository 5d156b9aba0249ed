"""Steps that join two plans by comparisons, or by what is nearest in an order."""

from __future__ import annotations

import operator
from typing import Any

import polars as pl
import pyarrow as pa

import partita as pt

from . import choices
from .plan import MOST_JOINED_ROWS, NUMBER, Draw, RandomPlan, exact_columns, grown
from .value import quoted

MOST_COLUMNS = 20
MOST_PAIRS = 400

TESTS = {
    "=": operator.eq,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "<>": operator.ne,
}


def _is_measured(dtype: pa.DataType) -> bool:
    return pa.types.is_integer(dtype) or pa.types.is_floating(dtype) or pa.types.is_temporal(dtype)


def _pairs(of: RandomPlan, other: RandomPlan) -> list[tuple[str, str]]:
    """Return columns of both sides that can be compared as greater and less."""
    mine, others = of.partita.schema, other.partita.schema
    pairs = []
    for left in exact_columns(of):
        for right in exact_columns(other):
            types = mine.field(left).type, others.field(right).type
            numbers = all(pa.types.is_integer(t) or pa.types.is_floating(t) for t in types)
            if numbers or (types[0] == types[1] and _is_measured(types[0])):
                pairs.append((left, right))
    return pairs


def _given(of: RandomPlan, other: RandomPlan) -> dict[str, str]:
    return {name: f"{name}_right" if name in of.facts else name for name in other.facts}


def join_where(draw: Draw, of: RandomPlan, made: list[RandomPlan]) -> RandomPlan | None:
    other = draw(choices.sampled_from(made))
    pairs, given = _pairs(of, other), _given(of, other)
    names = [*of.facts, *given.values()]
    if not pairs or len(set(names)) < len(names) or len(names) > MOST_COLUMNS:
        return None
    if of.polars.height * other.polars.height > 10 * MOST_JOINED_ROWS:
        return None
    chosen = draw(choices.repeated(choices.sampled_from(pairs), least=1, most=3))
    tests = [draw(choices.sampled_from(list(TESTS))) for _ in chosen]
    asked = list(zip(tests, chosen, strict=True))
    conditions = [TESTS[test](pt.col(left), pt.col(given[right])) for test, (left, right) in asked]
    if draw(choices.booleans()):
        partita = of.partita.join_where(other.partita, *conditions)
    else:
        partita = of.partita.join(other.partita, how="cross").filter(*conditions)
    product = of.polars.join(other.polars.rename(given), how="cross", maintain_order="left_right")
    polars = product.filter(
        *(TESTS[test](pl.col(left), pl.col(given[right])) for test, (left, right) in asked)
    )
    if polars.height > MOST_PAIRS:
        return None
    sql = None
    if of.sql is not None and other.sql is not None:
        shown = [f"l.{quoted(name)}" for name in of.facts]
        shown += [f"r.{quoted(name)} AS {quoted(named)}" for name, named in given.items()]
        numbered = f"row_number() OVER (ORDER BY l.{NUMBER}, r.{NUMBER}) AS {NUMBER}"
        on = " AND ".join(f"l.{quoted(a)} {test} r.{quoted(b)}" for test, (a, b) in asked)
        sql = f"SELECT {', '.join([*shown, numbered])} FROM ({of.sql}) l JOIN ({other.sql}) r"
        sql = f"{sql} ON {on}"
    return grown(
        of,
        f"join_where({asked}, [{' -> '.join(other.steps)}])",
        partita,
        polars,
        sql,
        facts={**of.facts, **{named: other.facts[name] for name, named in given.items()}},
        ordered=False,
    )


def join_asof(draw: Draw, of: RandomPlan, made: list[RandomPlan]) -> RandomPlan | None:
    other = draw(choices.sampled_from([each for each in made if each.ordered]))
    pairs = [
        (left, right)
        for left, right in _pairs(of, other)
        if of.polars.schema[left] == other.polars.schema[right]
    ]
    if not pairs or not of.ordered or of.polars.height > MOST_PAIRS:
        return None
    on = draw(choices.sampled_from(pairs))
    by = draw(choices.sampled_from([None, *_by_pairs(of, other, on)]))
    left_out = {by[1]} if by else set()
    left_out |= {on[1]} if on[0] == on[1] else set()
    given = {name: named for name, named in _given(of, other).items() if name not in left_out}
    names = [*of.facts, *given.values()]
    if len(set(names)) < len(names) or len(names) > MOST_COLUMNS:
        return None
    floats = of.polars.schema[on[0]].is_float()
    options: dict[str, Any] = {
        "strategy": draw(
            choices.sampled_from(("backward", "forward", *(() if floats else ("nearest",))))
        ),
        "allow_exact_matches": draw(choices.booleans()),
    }
    partita = of.partita.join_asof(
        other.partita,
        left_on=on[0],
        right_on=on[1],
        by_left=by and by[0],
        by_right=by and by[1],
        **options,
    )
    return grown(
        of,
        f"join_asof({on}, by {by}, {options}, [{' -> '.join(other.steps)}])",
        partita,
        _polars_asof(of.polars, other.polars, on, by, options, given),
        None,
        facts={**of.facts, **{named: other.facts[name] for name, named in given.items()}},
    )


def _by_pairs(of: RandomPlan, other: RandomPlan, on: tuple[str, str]) -> list[tuple[str, str]]:
    exact = set(exact_columns(other))
    return [
        (name, name)
        for name in exact_columns(of)
        if name in exact
        and name not in on
        and of.polars.schema[name] == other.polars.schema[name]
        and not of.polars.schema[name].is_float()
    ]


def _polars_asof(
    left: pl.DataFrame,
    right: pl.DataFrame,
    on: tuple[str, str],
    by: tuple[str, str] | None,
    options: dict[str, Any],
    given: dict[str, str],
) -> pl.DataFrame:
    """Join in Polars, which wants both sides sorted and has other ideas of names."""
    mine = left.with_columns(
        __row=pl.int_range(pl.len()), __on=pl.col(on[0]), __by=pl.col(by[0]) if by else pl.lit(1)
    )
    others = right.select(
        __on=pl.col(on[1]),
        __by=pl.col(by[1]) if by else pl.lit(1),
        **{f"__right {named}": pl.col(name) for name, named in given.items()},
    )
    joined = mine.sort("__on", maintain_order=True).join_asof(
        others.drop_nulls("__on").sort("__on", maintain_order=True),
        on="__on",
        by="__by" if by else None,
        check_sortedness=False,
        **options,
    )
    renamed = {f"__right {named}": named for named in given.values()}
    return joined.sort("__row").select(
        *(pl.col(name) for name in left.columns),
        *(pl.col(old).alias(new) for old, new in renamed.items()),
    )

"""Steps that join two plans."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import polars as pl
import pyarrow as pa

from . import choices
from .frames import Fact
from .plan import MOST_JOINED_ROWS, NUMBER, Draw, RandomPlan, exact_columns, grown
from .value import quoted

MOST_COLUMNS = 20
MOST_ORDERED_ROWS = 200
"""Rows are brought back into their order by a sort, which in pieces of a few rows takes long."""

KINDS = ("inner", "inner", "left", "right", "full", "semi", "anti", "cross")


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A join as it is drawn, and the columns that it gives."""

    how: str
    keys: list[tuple[str, str]]
    nulls_equal: bool
    coalesce: bool
    given: list[tuple[str, str]]
    """The columns given: an expression over ``l`` and ``r`` in SQL, and the name."""


def join(draw: Draw, of: RandomPlan, made: list[RandomPlan]) -> RandomPlan | None:
    other = draw(choices.sampled_from(made))
    asked = _asked(draw, of, other)
    if asked is None:
        return None
    names = [name for _, name in asked.given]
    if len(set(names)) < len(names) or len(names) > MOST_COLUMNS:
        return None
    if asked.how == "cross" and of.polars.height * other.polars.height > MOST_JOINED_ROWS:
        return None
    # Several orders are defined for all kinds but semi-joins, which have the left's alone.
    orders = (
        ("", "left_right") if asked.how in ("semi", "anti") else ("", "left_right", "right_left")
    )
    order = draw(choices.sampled_from(orders)) if of.ordered and other.ordered else ""
    polars = _polars_join(of.polars, other.polars, asked, order or "left_right")
    if polars.height > (MOST_ORDERED_ROWS if order else MOST_JOINED_ROWS):
        return None
    partita = of.partita.join(
        other.partita,
        **_options(asked),
        how=asked.how,
        maintain_order=order or None,
    )
    facts = {name: _fact(sql, of, other) for sql, name in asked.given}
    return grown(
        of,
        f"join({asked.how}, {asked.keys}, [{' -> '.join(other.steps)}])",
        partita,
        polars,
        _sql_join(of, other, asked, order or "left_right"),
        facts=facts,
        # A semi-join is a kind of filter, and still promises no order by itself.
        ordered=bool(order),
    )


def _options(asked: Asked) -> dict[str, Any]:
    if asked.how == "cross":
        return {}
    return {
        "left_on": [left for left, _ in asked.keys],
        "right_on": [right for _, right in asked.keys],
        "nulls_equal": asked.nulls_equal,
        "coalesce": asked.coalesce,
    }


def _asked(draw: Draw, of: RandomPlan, other: RandomPlan) -> Asked | None:
    how = draw(choices.sampled_from(KINDS))
    keys: list[tuple[str, str]] = []
    if how != "cross":
        pairs = _key_pairs(of, other)
        if not pairs:
            return None
        keys = draw(choices.several(pairs, most=2))
        if any(len({key[side] for key in keys}) < len(keys) for side in (0, 1)):
            return None
    coalesce = how != "cross" and draw(choices.booleans())
    merged = dict(keys) if coalesce else {}
    lefts = [name for name in of.facts if how != "right" or name not in merged]
    given = []
    for name in lefts:
        both = how == "full" and name in merged
        sql = f"l.{quoted(name)}"
        given.append((f"coalesce({sql}, r.{quoted(merged[name])})" if both else sql, name))
    if how not in ("semi", "anti"):
        given += [
            (f"r.{quoted(name)}", f"{name}_right" if name in lefts else name)
            for name in other.facts
            if how == "right" or name not in merged.values()
        ]
    nulls_equal = how != "cross" and draw(choices.integers(0, 3)) == 0
    return Asked(how=how, keys=keys, nulls_equal=nulls_equal, coalesce=coalesce, given=given)


def _fact(sql: str, of: RandomPlan, other: RandomPlan) -> Fact:
    """Return what is known of a column that a join gives."""
    sides = {"l": of.facts, "r": other.facts}
    found = [sides[side][name] for side, name in re.findall(r'([lr])\."([^"]*)"', sql)]
    return Fact(
        bound=max(fact.bound for fact in found),
        dyadic=all(fact.dyadic for fact in found),
        rough=any(fact.rough for fact in found),
    )


def _key_pairs(of: RandomPlan, other: RandomPlan) -> list[tuple[str, str]]:
    mine, others = of.partita.schema, other.partita.schema
    pairs = []
    for left in exact_columns(of):
        for right in exact_columns(other):
            types = mine.field(left).type, others.field(right).type
            both_integers = all(pa.types.is_integer(dtype) for dtype in types)
            if types[0] == types[1] or both_integers:
                # Equal names more often: that is how frames are joined.
                pairs += [(left, right)] * (3 if left == right else 1)
    return pairs


def _polars_join(left: pl.DataFrame, right: pl.DataFrame, asked: Asked, order: str) -> pl.DataFrame:
    """Join over keys of names and types of their own, so that only the matching is polars'."""
    names = [f"__key{number}" for number in range(len(asked.keys))]
    mine = {
        name: pl.col(key).cast(_wide(left.schema[key]))
        for name, (key, _) in zip(names, asked.keys, strict=True)
    }
    others = {
        name: pl.col(key).cast(_wide(right.schema[key]))
        for name, (_, key) in zip(names, asked.keys, strict=True)
    }
    # Every column is told apart by its side; which of them are given is not for polars to say.
    keyed = left.select(**{f"l.{name}": pl.col(name) for name in left.columns}, **mine)
    others_keyed = right.select(**{f"r.{name}": pl.col(name) for name in right.columns}, **others)
    how: Any = asked.how
    if how == "cross":
        joined = keyed.join(others_keyed, how="cross", maintain_order=order)  # type: ignore[arg-type]
    else:
        joined = keyed.join(
            others_keyed,
            on=names,
            how=how,
            nulls_equal=asked.nulls_equal,
            coalesce=None if how in ("semi", "anti") else False,
            maintain_order="left" if how in ("semi", "anti") else order,  # type: ignore[arg-type]
        )
    columns = {name: re.findall(r'([lr])\."([^"]*)"', sql) for sql, name in asked.given}
    return joined.select(
        **{
            name: pl.coalesce(*(_side_column(joined, side, of) for side, of in sides))
            for name, sides in columns.items()
        }
    )


def _side_column(joined: pl.DataFrame, side: str, name: str) -> pl.Expr:
    dtype = joined.schema[f"{side}.{name}"]
    # The types of a key on both sides may be two widths of integers.
    return pl.col(f"{side}.{name}").cast(pl.Int64 if dtype.is_integer() else dtype)


def _wide(dtype: pl.DataType) -> Any:
    return pl.Int64 if dtype.is_integer() else pl.String if dtype == pl.Categorical else dtype


def _sql_join(of: RandomPlan, other: RandomPlan, asked: Asked, order: str) -> str | None:
    if of.sql is None or other.sql is None:
        return None
    equal = "IS NOT DISTINCT FROM" if asked.nulls_equal else "="
    on = " AND ".join(f"l.{quoted(left)} {equal} r.{quoted(right)}" for left, right in asked.keys)
    if asked.how in ("semi", "anti"):
        exists = "EXISTS" if asked.how == "semi" else "NOT EXISTS"
        inner = f"SELECT 1 FROM ({other.sql}) r WHERE {on}"
        return f"SELECT l.* FROM ({of.sql}) l WHERE {exists} ({inner})"
    shown = [f"{sql} AS {quoted(name)}" for sql, name in asked.given]
    sides = ("r", "l") if order == "right_left" else ("l", "r")
    by = ", ".join(f"{side}.{NUMBER} NULLS LAST" for side in sides)
    numbered = f"row_number() OVER (ORDER BY {by}) AS {NUMBER}"
    kind = {"inner": "JOIN", "cross": "CROSS JOIN"}.get(asked.how, f"{asked.how.upper()} JOIN")
    condition = "" if asked.how == "cross" else f"ON {on}"
    return (
        f"SELECT {', '.join([*shown, numbered])} FROM ({of.sql}) l {kind} ({other.sql}) r"
        f" {condition}"
    )

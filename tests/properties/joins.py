"""Steps that join two plans."""

from __future__ import annotations

from typing import Any

import polars as pl
import pyarrow as pa
from hypothesis import strategies as st

from .plan import MOST_JOINED_ROWS, NUMBER, Draw, RandomPlan, exact_columns, grown
from .value import quoted


def join(draw: Draw, of: RandomPlan, made: list[RandomPlan]) -> RandomPlan | None:
    other = draw(st.sampled_from(made))
    how = draw(st.sampled_from(("inner", "inner", "left", "semi", "anti")))
    pairs = _key_pairs(of, other)
    if not pairs:
        return None
    keys = draw(st.lists(st.sampled_from(pairs), min_size=1, max_size=2, unique=True))
    if len({left for left, _ in keys}) < len(keys) or len({right for _, right in keys}) < len(keys):
        return None
    merged = {left for left, right in keys if left == right}
    given = {}
    if how in ("inner", "left"):
        given = {
            name: f"{name}_right" if name in of.facts else name
            for name in other.facts
            if name not in merged
        }
    if len({*given.values(), *of.facts}) < len(given) + len(of.facts):
        return None
    order = of.ordered and other.ordered and draw(st.booleans())
    polars = _polars_join(of.polars, other.polars, keys, how, given)
    if polars.height > MOST_JOINED_ROWS:
        return None
    facts = {**of.facts, **{named: other.facts[name] for name, named in given.items()}}
    return grown(
        of,
        f"join({how}, {keys}, [{' -> '.join(other.steps)}])",
        of.partita.join(
            other.partita,
            left_on=[left for left, _ in keys],
            right_on=[right for _, right in keys],
            how=how,
            maintain_order=order,
        ),
        polars,
        _sql_join(of, other, keys, how, given),
        facts=facts,
        # A semi-join is a kind of filter, and still promises no order by itself.
        ordered=order,
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


def _polars_join(
    left: pl.DataFrame,
    right: pl.DataFrame,
    keys: list[tuple[str, str]],
    how: Any,
    given: dict[str, str],
) -> pl.DataFrame:
    """Join over keys of names and types of their own, so that only the matching is polars'."""
    names = [f"__key{number}" for number in range(len(keys))]
    wide = zip(names, keys, strict=True)
    cast = {
        name: (_wide(left.schema[mine]), pl.col(mine), pl.col(others))
        for name, (mine, others) in wide
    }
    keyed = left.with_columns(**{name: mine.cast(dtype) for name, (dtype, mine, _) in cast.items()})
    others_keyed = right.select(
        **{name: others.cast(dtype) for name, (dtype, _, others) in cast.items()},
        **{named: pl.col(name) for name, named in given.items()},
    )
    joined = keyed.join(
        others_keyed,
        on=names,
        how=how,
        maintain_order="left_right" if how in ("inner", "left") else "left",
    )
    return joined.drop(names)


def _wide(dtype: pl.DataType) -> Any:
    return pl.Int64 if dtype.is_integer() else pl.String if dtype == pl.Categorical else dtype


def _sql_join(
    of: RandomPlan,
    other: RandomPlan,
    keys: list[tuple[str, str]],
    how: str,
    given: dict[str, str],
) -> str | None:
    if of.sql is None or other.sql is None:
        return None
    on = " AND ".join(f"l.{quoted(left)} = r.{quoted(right)}" for left, right in keys)
    if how in ("semi", "anti"):
        exists = "EXISTS" if how == "semi" else "NOT EXISTS"
        inner = f"SELECT 1 FROM ({other.sql}) r WHERE {on}"
        return f"SELECT l.* FROM ({of.sql}) l WHERE {exists} ({inner})"
    shown = [f"l.{quoted(name)}" for name in of.facts]
    shown += [f"r.{quoted(name)} AS {quoted(named)}" for name, named in given.items()]
    numbered = f"row_number() OVER (ORDER BY l.{NUMBER}, r.{NUMBER}) AS {NUMBER}"
    kind = "LEFT JOIN" if how == "left" else "JOIN"
    return (
        f"SELECT {', '.join([*shown, numbered])} FROM ({of.sql}) l {kind} ({other.sql}) r ON {on}"
    )

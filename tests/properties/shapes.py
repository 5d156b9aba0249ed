"""Steps that number rows, turn them round, thin them out, and put frames side by side."""

from __future__ import annotations

import polars as pl

import partita as pt

from . import choices
from .frames import Fact
from .plan import MOST_JOINED_ROWS, NUMBER, Draw, RandomPlan, grown, listed
from .value import quoted


def reverse(draw: Draw, of: RandomPlan, made: list[RandomPlan]) -> RandomPlan:
    sql = None
    if of.sql is not None:
        sql = f"SELECT * REPLACE (-{NUMBER} AS {NUMBER}) FROM ({of.sql})"
    return grown(of, "reverse", of.partita.reverse(), of.polars.reverse(), sql)


def with_row_index(draw: Draw, of: RandomPlan, made: list[RandomPlan]) -> RandomPlan | None:
    name, start = f"n{len(made)}", draw(choices.sampled_from((0, 0, 3)))
    if not of.ordered or name in of.facts:
        return None
    sql = None
    if of.sql is not None:
        place = f"row_number() OVER (ORDER BY {NUMBER}) - 1 + {start}"
        sql = f"SELECT *, {place} AS {quoted(name)} FROM ({of.sql})"
    index = pl.int_range(start, start + pl.len(), dtype=pl.Int64).alias(name)
    return grown(
        of,
        f"with_row_index({start})",
        of.partita.with_row_index(name, start),
        of.polars.select(index, pl.all()),
        sql,
        facts={name: Fact(bound=MOST_JOINED_ROWS + start), **of.facts},
    )


def gather_every(draw: Draw, of: RandomPlan, made: list[RandomPlan]) -> RandomPlan | None:
    n, offset = (
        draw(choices.sampled_from((1, 2, 3, 7))),
        draw(choices.sampled_from((0, 0, 1, 4, 60))),
    )
    if not of.ordered:
        return None
    place = f"(row_number() OVER (ORDER BY {NUMBER}) - 1 - {offset})"
    within = f"QUALIFY {place} >= 0 AND {place} % {n} = 0"
    sql = None if of.sql is None else f"SELECT * FROM ({of.sql}) {within}"
    return grown(
        of,
        f"gather_every({n}, {offset})",
        of.partita.gather_every(n, offset),
        of.polars.gather_every(n, offset),
        sql,
    )


def side_by_side(draw: Draw, of: RandomPlan, made: list[RandomPlan]) -> RandomPlan | None:
    other = draw(choices.sampled_from(made))
    if not of.ordered or not other.ordered:
        return None
    names = draw(choices.several(list(other.facts), most=2))
    given = {name: f"{name}_{len(made)}" for name in names}
    if set(given.values()) & set(of.facts):
        return None
    sql = None
    if of.sql is not None and other.sql is not None:
        # The order of a row is that of its place, which both sides count for themselves.
        place = f"row_number() OVER (ORDER BY {NUMBER}) AS place"
        renamed = ", ".join(f"{quoted(name)} AS {quoted(new)}" for name, new in given.items())
        columns = listed([*of.facts, *given.values()])
        sql = (
            f"SELECT place AS {NUMBER}, {columns}"
            f" FROM (SELECT {place}, {listed(list(of.facts))} FROM ({of.sql}))"
            f" FULL JOIN (SELECT {place}, {renamed} FROM ({other.sql})) USING (place)"
        )
    right = {new: pl.col(name) for name, new in given.items()}
    return grown(
        of,
        f"side_by_side{names}",
        pt.concat(
            [of.partita, other.partita.select(**{new: name for name, new in given.items()})],
            how="horizontal_extend",
        ),
        pl.concat([of.polars, other.polars.select(**right)], how="horizontal_extend"),
        sql,
        facts=of.facts | {new: other.facts[name] for name, new in given.items()},
    )

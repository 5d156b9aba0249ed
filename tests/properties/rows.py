"""Steps that choose or order rows."""

from __future__ import annotations

import polars as pl

import partita as pt

from . import choices
from .frames import Fact
from .plan import (
    MOST_JOINED_ROWS,
    NUMBER,
    Draw,
    RandomPlan,
    exact_columns,
    expressions_over,
    grown,
    listed,
)
from .value import quoted


def filtered(draw: Draw, of: RandomPlan, made: list[RandomPlan]) -> RandomPlan:
    made_of = expressions_over(draw, of)
    conditions = [made_of.condition() for _ in range(draw(choices.sampled_from((1, 1, 2))))]
    sql = None
    texts = [each.sql for each in conditions]
    if of.sql is not None and None not in texts:
        sql = f"SELECT * FROM ({of.sql}) WHERE {' AND '.join(map(str, texts))}"
    return grown(
        of,
        "filter",
        of.partita.filter(*(each.partita for each in conditions)),
        of.polars.filter(*(each.polars for each in conditions)),
        sql,
    )


def sort(draw: Draw, of: RandomPlan, made: list[RandomPlan]) -> RandomPlan | None:
    exact = exact_columns(of)
    if not exact:
        return None
    names = draw(choices.several(exact, most=3))
    if not of.ordered and draw(choices.booleans()):
        # By all columns: rows that are still equal cannot be told apart.
        names += [name for name in exact if name not in names]
    down = [draw(choices.booleans()) for _ in names]
    last = [draw(choices.booleans()) for _ in names]
    by = ", ".join(
        f"{quoted(name)} {'DESC' if falling else 'ASC'} NULLS {'LAST' if end else 'FIRST'}"
        for name, falling, end in zip(names, down, last, strict=True)
    )
    numbered = f"row_number() OVER (ORDER BY {by}, {NUMBER}) AS {NUMBER}"
    return grown(
        of,
        f"sort{names}",
        of.partita.sort(*names, descending=down, nulls_last=last),
        of.polars.sort(*names, descending=down, nulls_last=last, maintain_order=True),
        None if of.sql is None else f"SELECT * REPLACE ({numbered}) FROM ({of.sql})",
        ordered=of.ordered or len(names) == len(of.facts),
    )


def slice_rows(draw: Draw, of: RandomPlan, made: list[RandomPlan]) -> RandomPlan | None:
    if not of.ordered:
        return None
    kind = draw(choices.sampled_from(("head", "tail", "slice")))
    length = draw(choices.sampled_from((0, 1, 3, 10, 40)))
    offset = 0
    rows = of.polars.height
    if kind == "slice":
        offset = draw(choices.sampled_from((0, 1, 5, 20, -1, -4, -30)))
        partita, polars = of.partita.slice(offset, length), _sliced(of.polars, offset, length)
    else:
        partita = getattr(of.partita, kind)(length)
        polars = getattr(of.polars, kind)(length)
        offset = max(0, rows - length) if kind == "tail" else 0
    start = offset if offset >= 0 else rows + offset
    place = f"row_number() OVER (ORDER BY {NUMBER})"
    within = f"QUALIFY {place} > {start} AND {place} <= {start + length}"
    sql = None if of.sql is None else f"SELECT * FROM ({of.sql}) {within}"
    return grown(of, f"{kind}({offset}, {length})", partita, polars, sql)


def _sliced(frame: pl.DataFrame, offset: int, length: int) -> pl.DataFrame:
    """Return a slice whose length counts from its offset, even if that is before the first row."""
    start = offset if offset >= 0 else frame.height + offset
    stop = max(0, start + length)
    start = max(0, start)
    return frame.slice(start, max(0, stop - start))


def unique(draw: Draw, of: RandomPlan, made: list[RandomPlan]) -> RandomPlan | None:
    exact = exact_columns(of)
    order = draw(choices.booleans())
    if len(exact) < len(of.facts):
        return None
    if not of.ordered or draw(choices.booleans()):
        # Which of equal rows is kept cannot be seen.
        subset, keep = None, "any"
    else:
        subset = draw(choices.several(exact, most=2))
        keep = draw(choices.sampled_from(("first", "last", "none")))
    over = f"PARTITION BY {listed(subset or exact)}"
    direction = "DESC" if keep == "last" else "ASC"
    chosen = f"row_number() OVER ({over} ORDER BY {NUMBER} {direction})"
    if keep == "none":
        chosen = f"count(*) OVER ({over})"
    return grown(
        of,
        f"unique({subset}, {keep})",
        of.partita.unique(subset, keep=keep, maintain_order=order),
        of.polars.unique(subset, keep=keep if subset else "first", maintain_order=True),
        None if of.sql is None else f"SELECT * FROM ({of.sql}) QUALIFY {chosen} = 1",
        ordered=of.ordered and order,
    )


def concat(draw: Draw, of: RandomPlan, made: list[RandomPlan]) -> RandomPlan | None:
    fitting = [each for each in made if each.partita.schema == of.partita.schema]
    parts = [of, *draw(choices.repeated(choices.sampled_from(fitting), least=1, most=2))]
    if sum(part.polars.height for part in parts) > MOST_JOINED_ROWS:
        return None
    sql = None
    if all(part.sql is not None for part in parts):
        union = " UNION ALL ".join(
            f"SELECT *, {number} AS part FROM ({part.sql})" for number, part in enumerate(parts)
        )
        numbered = f"row_number() OVER (ORDER BY part, {NUMBER}) AS {NUMBER}"
        sql = f"SELECT * EXCLUDE (part) REPLACE ({numbered}) FROM ({union})"
    facts = {
        name: Fact(
            bound=max(part.facts[name].bound for part in parts),
            dyadic=all(part.facts[name].dyadic for part in parts),
            rough=any(part.facts[name].rough for part in parts),
        )
        for name in of.facts
    }
    return grown(
        of,
        f"concat({len(parts)})",
        pt.concat([part.partita for part in parts]),
        pl.concat([part.polars for part in parts], how="vertical_relaxed"),
        sql,
        facts=facts,
        ordered=all(part.ordered for part in parts),
    )

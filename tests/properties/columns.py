"""Steps that compute columns, also through a function of the user."""

from __future__ import annotations

import functools

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

import partita as pt

from . import choices
from .frames import Fact
from .plan import NUMBER, Draw, RandomPlan, expressions_over, grown, listed
from .value import Value, column, quoted


def with_columns(draw: Draw, of: RandomPlan, made: list[RandomPlan]) -> RandomPlan:
    made_of = expressions_over(draw, of)
    named: dict[str, Value] = {}
    for number in range(draw(choices.integers(1, 4))):
        name = draw(choices.sampled_from([f"x{number}", f"x{number}", *of.facts]))
        named[name] = made_of.any_value()[1]
    partita = of.partita.with_columns(**{name: each.partita for name, each in named.items()})
    return _projected(of, "with_columns", partita, named)


def select(draw: Draw, of: RandomPlan, made: list[RandomPlan]) -> RandomPlan:
    names = draw(choices.several(list(of.facts)))
    named = {name: column(name, of.facts) for name in names}
    if draw(choices.booleans()):
        named["y"] = expressions_over(draw, of).any_value()[1]
    partita = of.partita.select(**{name: each.partita for name, each in named.items()})
    computed = _projected(of, "select", partita, named)
    return grown(
        of,
        computed.steps[-1],
        partita,
        computed.polars.select(list(named)),
        computed.sql and f"SELECT {listed(list(named), NUMBER)} FROM ({computed.sql})",
        facts={name: computed.facts[name] for name in named},
    )


def _projected(
    of: RandomPlan, step: str, partita: pt.DataFrame, named: dict[str, Value]
) -> RandomPlan:
    """Return `of` with columns computed, in place or behind the others."""
    kept = [name for name in of.facts if name not in named]
    texts = {name: each.sql for name, each in named.items()}
    sql = None
    if of.sql is not None and None not in texts.values():
        columns = [texts.get(name, quoted(name)) for name in of.facts]
        columns += [text for name, text in texts.items() if name not in of.facts]
        names = [*of.facts, *(name for name in named if name not in of.facts)]
        shown = [f"{text} AS {quoted(name)}" for text, name in zip(columns, names, strict=True)]
        sql = f"SELECT {', '.join([*shown, NUMBER])} FROM ({of.sql})"
    return grown(
        of,
        f"{step}{[*named]}",
        partita,
        of.polars.with_columns(**{name: each.polars for name, each in named.items()}),
        sql,
        facts={
            name: named[name].fact if name in named else of.facts[name]
            for name in [*of.facts, *(name for name in named if name not in kept)]
        },
    )


def map_batches(draw: Draw, of: RandomPlan, made: list[RandomPlan]) -> RandomPlan:
    floats = expressions_over(draw, of).named(pa.types.is_float64)
    if not floats or draw(choices.booleans()):
        name = draw(choices.sampled_from(list(of.facts)))
        kept = f"SELECT * FROM ({of.sql}) WHERE {quoted(name)} IS NOT NULL"
        return grown(
            of,
            f"map_batches(known {name})",
            of.partita.map_batches(functools.partial(known_rows, name=name), of.partita.schema),
            of.polars.filter(pl.col(name).is_not_null()),
            of.sql and kept,
        )
    name = draw(choices.sampled_from(floats))
    return grown(
        of,
        f"map_batches(halve {name})",
        of.partita.map_batches(functools.partial(halved, name=name), of.partita.schema),
        of.polars.with_columns(pl.col(name) / 2),
        of.sql and f"SELECT * REPLACE ({quoted(name)} / 2 AS {quoted(name)}) FROM ({of.sql})",
        facts={**of.facts, name: Fact(bound=of.facts[name].bound)},
    )


def known_rows(batch: pa.RecordBatch, name: str) -> pa.RecordBatch:
    """Keep the rows in which a column is not null."""
    return batch.filter(batch[name].is_valid())


def halved(batch: pa.RecordBatch, name: str) -> pa.Table:
    """Halve a column of floats."""
    table = pa.Table.from_batches([batch])
    place = table.schema.get_field_index(name)
    return table.set_column(place, table.schema.field(name), pc.divide(table[name], 2.0))

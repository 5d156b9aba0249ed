"""Steps that make rows of lists and of columns, and columns of rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import polars as pl
import pyarrow as pa

import partita as pt

from . import choices
from .frames import KINDS, Fact
from .plan import MOST_JOINED_ROWS, NUMBER, Draw, RandomPlan, exact_columns, expressions_over, grown
from .value import quoted, sql_of

EXPLODED = {"empty_as_null": False, "keep_nulls": True}


def implode_and_explode(draw: Draw, of: RandomPlan, made: list[RandomPlan]) -> RandomPlan | None:
    """Make lists of the values of each group, cut them short, and make rows of them again."""
    exact = exact_columns(of)
    if len(exact) < 2 or not of.ordered:
        return None
    key, *values = draw(choices.several(exact, least=2, most=3))
    order, most = draw(choices.booleans()), draw(choices.sampled_from((None, None, 1, 3)))

    def lists(column: Callable[[str], Any], name: str) -> Any:
        # A group's list is never empty: all its rows are there, whatever their values.
        return column(name).implode() if most is None else column(name).head(most).implode()

    partita = (
        of.partita.group_by(key, maintain_order=order)
        .agg(**{name: lists(pt.col, name) for name in values})
        .explode(*values)
    )
    polars = (
        of.polars.group_by(key, maintain_order=True)
        .agg(**{name: pl.col(name) if most is None else pl.col(name).head(most) for name in values})
        .explode(values, **EXPLODED)
    )
    sql = None
    if of.sql is not None:
        place = f"row_number() OVER (PARTITION BY {quoted(key)} ORDER BY {NUMBER})"
        group = f"min({NUMBER}) OVER (PARTITION BY {quoted(key)}) AS begins"
        shown = ", ".join(map(quoted, (key, *values)))
        kept = f"SELECT *, {group}, {place} AS place FROM ({of.sql})"
        kept = f"SELECT * FROM ({kept}) WHERE place <= {most or MOST_JOINED_ROWS}"
        numbered = f"row_number() OVER (ORDER BY begins, place) AS {NUMBER}"
        sql = f"SELECT {shown}, {numbered} FROM ({kept})"
    return grown(
        of,
        f"implode_and_explode({key}, {values}, {most})",
        partita,
        polars,
        sql,
        facts={name: of.facts[name] for name in (key, *values)},
        ordered=order,
    )


def split_and_explode(draw: Draw, of: RandomPlan, made: list[RandomPlan]) -> RandomPlan | None:
    """Make rows of the parts of a text; of some texts there is no part."""
    texts = expressions_over(draw, of).named(pa.types.is_string)
    new = f"p{len(made)}"
    if not texts or of.polars.height > MOST_JOINED_ROWS // 4:
        return None
    name, least = draw(choices.sampled_from(texts)), draw(choices.sampled_from((0, 1, 2)))
    partita = pt.col(name).str.split("a")
    polars = pl.col(name).str.split("a")
    if least:
        partita = pt.when(partita.list.len() > least).then(partita.list.slice(least))
        polars = pl.when(polars.list.len() > least).then(polars.list.slice(least))
        if draw(choices.booleans()):
            partita, polars = pt.col(name).str.split("a"), pl.col(name).str.split("a")
            partita, polars = partita.list.slice(least), polars.list.slice(least)
    options = {name: draw(choices.booleans()) for name in EXPLODED}
    return grown(
        of,
        f"split_and_explode({name}, {least}, {options})",
        of.partita.with_columns(**{new: partita}).explode(new, **options),
        of.polars.with_columns(polars.alias(new)).explode(new, **options),
        None,
        facts={**of.facts, new: Fact()},
    )


def unpivot(draw: Draw, of: RandomPlan, made: list[RandomPlan]) -> RandomPlan | None:
    first = draw(choices.sampled_from(list(of.facts)))
    dtype = of.partita.schema.field(first).type
    alike = [name for name in of.facts if of.partita.schema.field(name).type == dtype]
    on = draw(choices.several(alike, most=3))
    rest = [name for name in of.facts if name not in on]
    index = draw(choices.several(rest, least=0, most=3)) if rest else []
    names = {"variable_name": f"v{len(made)}", "value_name": f"u{len(made)}"}
    if len(on) * of.polars.height > MOST_JOINED_ROWS or pa.types.is_dictionary(dtype):
        return None
    sql = None
    if of.sql is not None:
        kept = "".join(f"{quoted(name)}, " for name in index)
        variable, value = map(quoted, names.values())
        union = " UNION ALL ".join(
            f"SELECT {kept}{sql_of(name)} AS {variable}, {quoted(name)} AS {value}, {NUMBER},"
            f" {number} AS part FROM ({of.sql})"
            for number, name in enumerate(on)
        )
        numbered = f"row_number() OVER (ORDER BY part, {NUMBER}) AS {NUMBER}"
        sql = f"SELECT * EXCLUDE (part) REPLACE ({numbered}) FROM ({union})"
    facts = [of.facts[name] for name in on]
    value_fact = Fact(
        bound=max(fact.bound for fact in facts),
        dyadic=all(fact.dyadic for fact in facts),
        rough=any(fact.rough for fact in facts),
    )
    return grown(
        of,
        f"unpivot({on}, {index})",
        of.partita.unpivot(on, index=index, **names),
        of.polars.unpivot(on, index=index, **names),
        sql,
        facts={
            **{name: of.facts[name] for name in index},
            names["variable_name"]: Fact(),
            names["value_name"]: value_fact,
        },
    )


CELLS = {
    "sum": "coalesce(sum({0}){1}, 0)",
    "min": "min({0}){1}",
    "max": "max({0}){1}",
    "count": "count({0}){1}",
    "len": "count(*){1}",
    "first": f"first({{0}} ORDER BY {NUMBER}){{1}}",
}


def pivot(draw: Draw, of: RandomPlan, made: list[RandomPlan]) -> RandomPlan | None:
    """Make columns of values; others compute each as an aggregate of the rows that have it."""
    exact = exact_columns(of)
    if len(exact) < 3:
        return None
    on, index, value = draw(choices.several(exact, least=3, most=3))
    schema = of.partita.schema
    cells = [kind.values for kind in KINDS.values() if kind.dtype == schema.field(on).type]
    aggregate = draw(choices.sampled_from(list(CELLS)))
    dtype, fact = schema.field(value).type, of.facts[value]
    floats = pa.types.is_floating(dtype)
    measured = pa.types.is_integer(dtype) or (floats and fact.dyadic)
    if not cells or pa.types.is_floating(schema.field(on).type):
        return None
    if (aggregate == "first" and not of.ordered) or (
        aggregate in ("sum", "min", "max") and not measured
    ):
        return None
    # A column that is called like a value of another could not be told from its cells.
    unlike = [cell for cell in dict.fromkeys(cells[0]) if cell != index]
    chosen = draw(choices.several(unlike, most=3))
    order = of.ordered and draw(choices.booleans())
    partita = of.partita.pivot(
        on, chosen, index=index, values=value, aggregate=aggregate, maintain_order=order
    )
    names = partita.schema.names[1:]
    given = {name: f"c{len(made)}_{number}" for number, name in enumerate(names)}
    polars = of.polars.group_by(index, maintain_order=True).agg(
        **{
            name: getattr(pl.col(value).filter(pl.col(on) == cell), aggregate)()
            for name, cell in zip(given.values(), _typed(chosen, of.polars.schema[on]), strict=True)
        }
    )
    sql = None
    if of.sql is not None and not (floats and aggregate in ("min", "max")):
        shown = [
            CELLS[aggregate].format(quoted(value), f" FILTER (WHERE {quoted(on)} = {sql_of(cell)})")
            + f" AS {quoted(name)}"
            for name, cell in zip(given.values(), chosen, strict=True)
        ]
        columns = ", ".join([quoted(index), *shown, f"min({NUMBER}) AS {NUMBER}"])
        sql = f"SELECT {columns} FROM ({of.sql}) GROUP BY {quoted(index)}"
    counts = aggregate in ("count", "len")
    kept = Fact(bound=MOST_JOINED_ROWS) if counts else fact
    if aggregate == "sum":
        kept = Fact(dyadic=fact.dyadic)
    return grown(
        of,
        f"pivot({on}, {chosen}, {index}, {value}, {aggregate})",
        partita.rename(given),
        polars,
        sql,
        facts={index: of.facts[index], **dict.fromkeys(given.values(), kept)},
        ordered=order,
    )


def _typed(values: list[Any], dtype: pl.DataType) -> list[pl.Expr]:
    return [pl.lit(value, dtype=dtype) for value in values]

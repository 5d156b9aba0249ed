"""A plan in three languages, and the small things that every step of one needs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import polars as pl

import partita as pt

from .choices import Draw
from .expressions import Expressions
from .frames import ROW_NUMBER, Fact
from .value import quoted

MOST_JOINED_ROWS = 3000
NUMBER = quoted(ROW_NUMBER)


@dataclass(frozen=True, kw_only=True)
class RandomPlan:
    """A plan in three languages, and what is known of its rows."""

    partita: pt.DataFrame
    polars: pl.DataFrame
    """The rows, as polars has them."""

    sql: str | None
    """A query for the same rows, with the number of each; None where DuckDB has other rules."""

    facts: dict[str, Fact]
    ordered: bool
    """Whether the order of the rows is promised."""

    steps: tuple[str, ...]

    def __repr__(self) -> str:
        return " -> ".join(self.steps) + "\n" + self.partita.explain(optimized=False)

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        # What Hypothesis shows of it.
        printer.text(repr(self))

    def rough(self) -> set[str]:
        """Return the columns whose last bits are not determined."""
        return {name for name, fact in self.facts.items() if fact.rough}


def expressions_over(draw: Draw, of: RandomPlan) -> Expressions:
    return Expressions(draw, of.partita.schema, of.facts)


def grown(
    of: RandomPlan,
    step: str,
    partita: pt.DataFrame,
    polars: pl.DataFrame,
    sql: str | None,
    facts: dict[str, Fact] | None = None,
    ordered: bool | None = None,
) -> RandomPlan:
    return RandomPlan(
        partita=partita,
        polars=_laid_out(_with_signs(polars)),
        sql=sql,
        facts=of.facts if facts is None else facts,
        ordered=of.ordered if ordered is None else ordered,
        steps=(*of.steps, step),
    )


def _laid_out(frame: pl.DataFrame) -> pl.DataFrame:
    """Return a frame whose columns have a value for each row.

    A constant that polars keeps as one value it takes for a column of one row: a comparison with it
    does not fit into the frame any more.
    """
    return pl.from_arrow(frame.to_arrow(), schema=frame.schema) if frame.width else frame


def _with_signs(frame: pl.DataFrame) -> pl.DataFrame:
    """Return a frame whose counts are as they are here: of negative ones something can be asked."""
    counts = [name for name, dtype in frame.schema.items() if dtype.is_unsigned_integer()]
    return frame.with_columns(pl.col(counts).cast(pl.Int64)) if counts else frame


def listed(names: list[str], *more: str) -> str:
    return ", ".join([*map(quoted, names), *more])


def exact_columns(of: RandomPlan) -> list[str]:
    """Return the columns by which rows may be compared."""
    return [name for name, fact in of.facts.items() if not fact.rough]

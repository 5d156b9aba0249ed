"""Rows aggregated over the stretch of time around each of them: the node of ``rolling``."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from .. import schema as schemas
from ..errors import InvalidExpression, PlanError, TypeMismatch
from ..expr.calendar import moved
from ..expr.evaluate import dtype_of
from ..expr.node import Agg, has_aggregate
from .nodes import Named, Unary

CLOSED = ("left", "right", "both", "none")
"""Which of the ends of a window belong to it."""


@dataclass(frozen=True, kw_only=True)
class Rolling(Unary):
    """For each row: its keys, its place on `on`, and aggregates over the rows near it.

    The window of a row at ``t`` goes from ``t + offset`` to ``t + offset + period`` and holds rows
    with the same keys only. Without keys the rows come in the order of `on`, with keys the rows of
    each group do, and the order of groups is open.
    """

    on: str
    """A column of integers, dates or timestamps, without nulls."""

    period: str | int
    """Text such as ``2d`` or, for integers, a number."""

    offset: str | int
    closed: str
    keys: tuple[Named, ...]
    aggs: tuple[Named, ...]
    """Plain aggregates, as in `Aggregate`."""

    def _schema(self) -> pa.Schema:
        if self.closed not in CLOSED:
            raise InvalidExpression(f"closed={self.closed!r}: it is one of {CLOSED}.")
        for name, expr in self.aggs:
            if not isinstance(expr, Agg) or any(map(has_aggregate, expr.children)):
                raise PlanError(f"Aggregate column {name!r} is not one plain aggregate: {expr}")
        schema = self.input.schema
        on = schema.field(schemas.field_index(schema, self.on, "rolling"))
        check_index(on, "rolling")
        for period in (self.period, self.offset):
            # An empty column is enough to find that a period does not fit its type.
            moved(pa.array([], on.type), period)
        keys = [pa.field(name, dtype_of(expr, schema)) for name, expr in self.keys]
        aggs = [pa.field(name, dtype_of(expr, schema)) for name, expr in self.aggs]
        return schemas.schema_of([*keys, on.remove_metadata(), *aggs], "rolling")


def check_index(field: pa.Field, where: str) -> None:
    """Raise `TypeMismatch` where windows cannot be laid over a column."""
    types = pa.types
    if not (
        types.is_integer(field.type) or types.is_date(field.type) or types.is_timestamp(field.type)
    ):
        raise TypeMismatch(
            f"{where} goes along a date, a timestamp or an integer, but {field.name!r} is"
            f" {field.type}. Cast it first, or parse text with .str.to_datetime()."
        )

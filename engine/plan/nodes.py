"""The logical nodes: one class for each thing that can be asked of a frame.

Each checks what it was given when it is built: names exist, types fit, names are unique.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from .. import schema as schemas
from ..errors import InvalidExpression, PlanError, SchemaError, TypeMismatch
from ..expr.evaluate import dtype_of
from ..expr.node import Agg, Expr, SortKey, columns_of, has_aggregate, has_window
from ..expr.text import text_of
from ..source import Pushdown, Source
from ..source import Sink as SinkTarget
from .joins import AsofJoin, Join, RangeJoin
from .node import PlanNode

Named = tuple[str, Expr]
"""An expression and the name of the column it makes."""


@dataclass(frozen=True, kw_only=True)
class Unary(PlanNode):
    """A node with one input."""

    input: PlanNode

    @property
    def inputs(self) -> tuple[PlanNode, ...]:
        return (self.input,)

    def _over(self, inputs: tuple[PlanNode, ...]) -> dict[str, Any]:
        return {"input": inputs[0]}


@dataclass(frozen=True, kw_only=True)
class Scan(PlanNode):
    """Read a source; `pushdown` says what need not be read.

    The rows given are exactly those of the source that fulfil ``pushdown.predicate``.
    """

    source: Source
    pushdown: Pushdown = field(default_factory=Pushdown)

    def _schema(self) -> pa.Schema:
        full = self.source.schema
        if self.pushdown.predicate is not None:
            _check_predicate(self.pushdown.predicate, full)
        columns = self.pushdown.columns
        return full if columns is None else schemas.select(full, columns, self.source.label)


@dataclass(frozen=True, kw_only=True)
class Filter(Unary):
    """Keep the rows for which `predicate` is true (not false, not null); order is kept."""

    predicate: Expr

    def _schema(self) -> pa.Schema:
        _check_predicate(self.predicate, self.input.schema)
        return self.input.schema


@dataclass(frozen=True, kw_only=True)
class Project(Unary):
    """Compute columns row by row; these and only these are given."""

    exprs: tuple[Named, ...]

    def _schema(self) -> pa.Schema:
        for name, expr in self.exprs:
            if has_aggregate(expr) or has_window(expr):
                raise InvalidExpression(
                    f"Column {name!r} is made of several rows, among columns that are computed row"
                    " by row. Compute it with .with_columns(...) first."
                )
        return _schema_of(self.exprs, self.input.schema, "select")


@dataclass(frozen=True, kw_only=True)
class Aggregate(Unary):
    """One row for each distinct combination of `keys`; with no keys, one row in all.

    Every expression of `aggs` is one `Agg` node over row-wise expressions: what the user combines
    of aggregates (``a.sum() / b.sum()``) is split into this and a `Project` above it.
    """

    keys: tuple[Named, ...]
    aggs: tuple[Named, ...]
    maintain_order: bool = False

    def _schema(self) -> pa.Schema:
        for name, expr in self.aggs:
            inner = expr.children if isinstance(expr, Agg) else (expr,)
            if not isinstance(expr, Agg) or any(has_aggregate(child) for child in inner):
                raise PlanError(f"Aggregate column {name!r} is not one plain aggregate: {expr}")
        return _schema_of((*self.keys, *self.aggs), self.input.schema, "group_by")


@dataclass(frozen=True, kw_only=True)
class Sort(Unary):
    """Order the rows, stable; NaN is greater than every number. `limit` keeps the first rows."""

    by: tuple[SortKey, ...]
    limit: int | None = None

    def _schema(self) -> pa.Schema:
        for key in self.by:
            dtype = dtype_of(key.expr, self.input.schema)
            if pa.types.is_nested(dtype):
                raise TypeMismatch(f"Rows cannot be sorted by {show(key.expr)}, which is {dtype}.")
        return self.input.schema


@dataclass(frozen=True, kw_only=True)
class Slice(Unary):
    """Rows from `offset`, `length` of them or all; a negative offset counts from the end."""

    offset: int
    length: int | None

    def _schema(self) -> pa.Schema:
        if self.length is not None and self.length < 0:
            raise SchemaError(f"A slice cannot have {self.length} rows.")
        return self.input.schema


@dataclass(frozen=True, kw_only=True)
class Distinct(Unary):
    """One row for each combination of `subset` (None: of all columns).

    `keep` is ``any``, ``first``, ``last`` or ``none`` (only combinations that occur once).
    """

    subset: tuple[str, ...] | None = None
    keep: str = "any"
    maintain_order: bool = False

    def _schema(self) -> pa.Schema:
        if self.keep not in ("any", "first", "last", "none"):
            raise SchemaError(
                f"unique(keep={self.keep!r}): keep is one of 'any', 'first', 'last', 'none'."
            )
        for name in self.input.schema.names if self.subset is None else self.subset:
            place = schemas.field_index(self.input.schema, name, "unique")
            dtype = self.input.schema.field(place).type
            if pa.types.is_nested(dtype):
                raise TypeMismatch(
                    f"unique compares the values of rows, and column {name!r} is {dtype}, whose"
                    " values cannot be compared. Name the other columns, as in .unique(['a'])."
                )
        return self.input.schema


@dataclass(frozen=True, kw_only=True)
class Union(PlanNode):
    """The rows of all inputs one after the other; the inputs have the same schema."""

    parts: tuple[PlanNode, ...]

    @property
    def inputs(self) -> tuple[PlanNode, ...]:
        return self.parts

    def _over(self, inputs: tuple[PlanNode, ...]) -> dict[str, Any]:
        return {"parts": inputs}

    def _schema(self) -> pa.Schema:
        if not self.parts:
            raise SchemaError("concat needs at least one frame.")
        first = self.parts[0].schema
        for number, part in enumerate(self.parts[1:], start=2):
            if not schemas.same(first, part.schema):
                raise SchemaError(
                    f"concat: frame 1 has the columns {describe(first)}, frame {number} has"
                    f" {describe(part.schema)}. Select and cast them to the same, or use"
                    ' how="diagonal".'
                )
        return first


@dataclass(frozen=True, kw_only=True)
class MapBatches(Unary):
    """Apply a Python function to each batch; `declared` is the schema of what it returns."""

    function: Callable[[Any], Any]
    declared: pa.Schema
    takes: str = "arrow"
    """What the function is given: ``arrow`` (a RecordBatch) or ``pandas`` (a DataFrame)."""

    whole_partition: bool = False
    """Whether it is called once with all rows of a partition (``map_partitions``)."""

    def _schema(self) -> pa.Schema:
        return schemas.schema_of(self.declared, "map_batches")


@dataclass(frozen=True, kw_only=True)
class Write(Unary):
    """Write the rows to a sink; gives one row per file: ``path``, ``rows``, ``bytes``."""

    sink: SinkTarget

    def _schema(self) -> pa.Schema:
        self.sink.check(self.input.schema)
        return WRITTEN


WRITTEN = pa.schema([("path", pa.string()), ("rows", pa.int64()), ("bytes", pa.int64())])


def _schema_of(exprs: tuple[Named, ...], schema: pa.Schema, where: str) -> pa.Schema:
    fields = [pa.field(name, dtype_of(expr, schema)) for name, expr in exprs]
    return schemas.schema_of(fields, where)


def _check_predicate(predicate: Expr, schema: pa.Schema) -> None:
    if has_aggregate(predicate) or has_window(predicate):
        raise InvalidExpression(
            f"A filter works row by row, and {show(predicate)} is made of several rows. Compute it"
            " with .with_columns(...) first."
        )
    dtype = dtype_of(predicate, schema)
    if not (pa.types.is_boolean(dtype) or pa.types.is_null(dtype)):
        raise TypeMismatch(
            f"A filter needs a boolean, and {show(predicate)} is {dtype}."
            " Compare it with something, as in col('x') > 0."
        )


def describe(schema: pa.Schema) -> str:
    """Return ``name: type`` pairs for a message."""
    return ", ".join(f"{field.name}: {field.type}" for field in schema)


def show(expr: Expr) -> str:
    """Return `expr` as a user would write it."""
    return text_of(expr)


def required_columns(node: PlanNode) -> frozenset[str]:
    """Return the columns of its inputs that a node's own expressions read."""
    match node:
        case Filter():
            return columns_of(node.predicate)
        case Project():
            return _columns(node.exprs)
        case Aggregate():
            return _columns((*node.keys, *node.aggs))
        case Sort():
            return frozenset().union(*(columns_of(key.expr) for key in node.by))
        case Join():
            return frozenset().union(*(columns_of(key) for key in node.left_on + node.right_on))
        case AsofJoin():
            exprs = (node.left_on, node.right_on, *node.left_by, *node.right_by)
            return frozenset().union(*(columns_of(expr) for expr in exprs))
        case RangeJoin():
            exprs = (node.point, *(end.expr for end in node.ends()))
            return frozenset().union(*(columns_of(expr) for expr in exprs))
        case Distinct(subset=subset) if subset is not None:
            return frozenset(subset)
        case Slice() | Union():
            return frozenset()
        case _:
            return frozenset(node.inputs[0].schema.names) if node.inputs else frozenset()


def _columns(exprs: tuple[Named, ...]) -> frozenset[str]:
    return frozenset().union(*(columns_of(expr) for _, expr in exprs))

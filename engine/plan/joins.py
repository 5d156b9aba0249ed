"""The logical nodes that bring the rows of two inputs together.

What a join gives is told once, by `columns` of its node; operators, rules and displays read that.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import pyarrow as pa

from .. import schema as schemas
from ..errors import SchemaError, TypeMismatch, listed
from ..expr.evaluate import dtype_of
from ..expr.node import Column, Expr
from ..expr.text import text_of
from .node import PlanNode

JOIN_KINDS = ("inner", "left", "right", "full", "semi", "anti", "cross")

JOIN_ORDERS = ("none", "left", "right", "left_right", "right_left")

VALIDATIONS = ("m:m", "m:1", "1:m", "1:1")


class JoinColumn(NamedTuple):
    """One column that a join gives."""

    side: str
    """``left``, ``right``, or ``both`` for the key of a full join that is given once."""

    name: str
    """What it is called there; of ``both``, on the left."""

    given: str
    """What it is called in the result."""

    partner: str = ""
    """What a key of ``both`` is called on the right."""


@dataclass(frozen=True, kw_only=True)
class TwoSided(PlanNode):
    """A node with a left and a right input."""

    left: PlanNode
    right: PlanNode

    @property
    def inputs(self) -> tuple[PlanNode, ...]:
        return (self.left, self.right)

    def _over(self, inputs: tuple[PlanNode, ...]) -> dict[str, Any]:
        return {"left": inputs[0], "right": inputs[1]}

    def columns(self) -> tuple[JoinColumn, ...]:
        """The columns that are given, in order."""
        found: tuple[JoinColumn, ...] | None = self.kept.get("columns")
        if found is None:
            found = self.kept["columns"] = self._columns()
        return found

    def _columns(self) -> tuple[JoinColumn, ...]:
        raise TypeError(f"{type(self).__name__} does not say its columns")

    def right_columns(self) -> tuple[tuple[str, str], ...]:
        """The right's columns that are given: (name there, name in the result)."""
        return self._of_side("right")

    def left_columns(self) -> tuple[tuple[str, str], ...]:
        """The left's columns that are given: (name there, name in the result)."""
        return self._of_side("left")

    def _of_side(self, side: str) -> tuple[tuple[str, str], ...]:
        found: tuple[tuple[str, str], ...] | None = self.kept.get(side)
        if found is None:
            of_side = [(each.name, each.given) for each in self.columns() if each.side == side]
            found = self.kept[side] = tuple(of_side)
        return found

    def _given_schema(self, where: str) -> pa.Schema:
        fields = []
        for each in self.columns():
            source = self.right.schema if each.side == "right" else self.left.schema
            field = source.field(each.name)
            if each.side == "both":
                partner = self.right.schema.field(each.partner)
                field = field.with_type(schemas.promote(field.type, partner.type))
            fields.append(field.with_name(each.given))
        return schemas.schema_of(fields, where)


def side_by_side(
    left: list[str], right: list[str], suffix: str, partners: dict[str, str] | None = None
) -> tuple[JoinColumn, ...]:
    """Return the columns `left`, then `right`, with `suffix` where the left has that name too.

    `partners` are the left's columns that are given together with one of the right.
    """
    partners = {} if partners is None else partners
    taken = set(left)
    of_left = (
        JoinColumn("both", name, name, partners[name])
        if name in partners
        else JoinColumn("left", name, name)
        for name in left
    )
    of_right = (
        JoinColumn("right", name, name + suffix if name in taken else name) for name in right
    )
    return (*of_left, *of_right)


@dataclass(frozen=True, kw_only=True)
class Join(TwoSided):
    """Combine rows whose keys are equal; null keys are equal to nothing, or to null keys.

    The result has the columns of the left and then those of the right; of these, clashing names get
    `suffix`. Where keys are coalesced, a pair of key columns is one column: the left's, the right's
    in a right join, and in a full join that of the side that is there. ``semi`` and ``anti`` give
    the left's columns only. ``cross`` has no keys and gives every pair of rows.
    """

    left_on: tuple[Expr, ...] = ()
    right_on: tuple[Expr, ...] = ()
    how: str = "inner"
    suffix: str = "_right"
    coalesce: bool | None = None
    """Whether a pair of keys is one column; None: in all joins but full ones."""

    nulls_equal: bool = False
    validate: str = "m:m"
    """How often a key may occur on either side, as in ``1:m``."""

    maintain_order: str = ""
    """Whose order the rows keep, of `JOIN_ORDERS`; empty for nobody's."""

    def merged_keys(self) -> tuple[tuple[str, str], ...]:
        """The pairs of key columns, left and right, that are given as one column."""
        plain = [
            (left.name, right.name)
            for left, right in zip(self.left_on, self.right_on, strict=True)
            if isinstance(left, Column) and isinstance(right, Column)
        ]
        wanted = self.how != "full" if self.coalesce is None else self.coalesce
        # As in Polars, one computed key leaves all of them apart.
        if not wanted or len(plain) < len(self.left_on):
            return ()
        pairs: list[tuple[str, str]] = []
        for left, right in plain:
            if all(left != other and right != another for other, another in pairs):
                pairs.append((left, right))
        return tuple(pairs)

    def _columns(self) -> tuple[JoinColumn, ...]:
        lefts, rights = self.left.schema.names, self.right.schema.names
        if self.how in ("semi", "anti"):
            rights = []
        merged = dict(self.merged_keys())
        if self.how == "right":
            lefts = [name for name in lefts if name not in merged]
        else:
            rights = [name for name in rights if name not in merged.values()]
        return side_by_side(lefts, rights, self.suffix, merged if self.how == "full" else None)

    def key_types(self) -> tuple[pa.DataType, ...]:
        """The common types in which the keys are compared."""
        pairs = zip(self.left_on, self.right_on, strict=True)
        return tuple(
            schemas.promote(dtype_of(left, self.left.schema), dtype_of(right, self.right.schema))
            for left, right in pairs
        )

    def _schema(self) -> pa.Schema:
        for name, value, allowed in (
            ("how", self.how, JOIN_KINDS),
            ("validate", self.validate, VALIDATIONS),
            ("maintain_order", self.maintain_order or "none", JOIN_ORDERS),
        ):
            if value not in allowed:
                raise SchemaError(f"join({name}={value!r}): it is one of {listed(allowed)}.")
        if self.how == "cross":
            self._check_cross()
        elif not self.left_on or len(self.left_on) != len(self.right_on):
            raise SchemaError(
                f"A join needs as many keys on the left as on the right, at least one:"
                f" found {len(self.left_on)} and {len(self.right_on)}."
            )
        for left, right in zip(self.left_on, self.right_on, strict=True):
            check_comparable(left, self.left.schema, right, self.right.schema)
        return self._given_schema("join")

    def _check_cross(self) -> None:
        if self.left_on or self.right_on:
            raise SchemaError("join(how='cross') gives every pair of rows and takes no keys.")
        if self.validate != "m:m":
            raise SchemaError("join(how='cross') has no keys that validate= could count.")


@dataclass(frozen=True, kw_only=True)
class RangeEnd:
    """One end of an interval: an expression, and whether the end itself belongs to it."""

    expr: Expr
    inclusive: bool


@dataclass(frozen=True, kw_only=True)
class RangeJoin(TwoSided):
    """Combine the rows for which a value of one side lies in an interval of the other.

    The columns are those of a cross join. A null value or end makes no pair.
    """

    point: Expr
    """The value."""

    point_side: str
    """Which side it is of, ``left`` or ``right``; the interval is of the other."""

    low: RangeEnd | None = None
    high: RangeEnd | None = None
    """The interval, of which at least one end is there."""

    suffix: str = "_right"

    def _columns(self) -> tuple[JoinColumn, ...]:
        return side_by_side(self.left.schema.names, self.right.schema.names, self.suffix)

    def ends(self) -> tuple[RangeEnd, ...]:
        """The ends that are there."""
        return tuple(end for end in (self.low, self.high) if end is not None)

    def key_type(self) -> pa.DataType:
        """The common type in which value and ends are compared."""
        sides = (self.left, self.right) if self.point_side == "left" else (self.right, self.left)
        dtype = dtype_of(self.point, sides[0].schema)
        for end in self.ends():
            dtype = schemas.promote(dtype, dtype_of(end.expr, sides[1].schema))
        return dtype

    def _schema(self) -> pa.Schema:
        if not self.ends() or self.point_side not in ("left", "right"):
            raise SchemaError("A range join needs a value of one side and an end of the other.")
        if not has_distances(self.key_type()):
            raise TypeMismatch(f"A range join compares numbers or times, not {self.key_type()}.")
        return self._given_schema("join")


ASOF_STRATEGIES = ("backward", "forward", "nearest")


@dataclass(frozen=True, kw_only=True)
class AsofJoin(TwoSided):
    """Put beside each row of the left the row of the right that is nearest in an order.

    Rows come in the order of the left, each once. The right need not be sorted: rows that are equal
    in the order stand as they come. Null matches nothing; NaN is greater than every number.
    """

    left_on: Expr
    right_on: Expr
    left_by: tuple[Expr, ...] = ()
    right_by: tuple[Expr, ...] = ()
    """Keys that have to be equal; null ones are equal to nothing."""

    strategy: str = "backward"
    """``backward`` (the last at or before), ``forward`` or ``nearest`` (of two, the later)."""

    tolerance: int | float | None = None
    """How far the rows may be apart, in units of `key_type`."""

    allow_exact_matches: bool = True
    suffix: str = "_right"
    coalesce: bool = True
    """Whether a column of the order that is called the same on both sides is given once."""

    def _columns(self) -> tuple[JoinColumn, ...]:
        left_out = {key.name for key in self.right_by if isinstance(key, Column)}
        if self.coalesce and self.left_on == self.right_on and isinstance(self.right_on, Column):
            left_out.add(self.right_on.name)
        rights = [name for name in self.right.schema.names if name not in left_out]
        return side_by_side(self.left.schema.names, rights, self.suffix)

    def key_type(self) -> pa.DataType:
        """The common type in which the order is looked at."""
        return schemas.promote(
            dtype_of(self.left_on, self.left.schema), dtype_of(self.right_on, self.right.schema)
        )

    def by_types(self) -> tuple[pa.DataType, ...]:
        """The common types in which the keys are compared."""
        pairs = zip(self.left_by, self.right_by, strict=True)
        return tuple(
            schemas.promote(dtype_of(left, self.left.schema), dtype_of(right, self.right.schema))
            for left, right in pairs
        )

    def unit(self) -> str:
        """The unit of `tolerance`, such as `` us``; empty for numbers."""
        dtype = self.key_type()
        if pa.types.is_date(dtype):
            return " days" if dtype == pa.date32() else " ms"
        return f" {dtype.unit}" if pa.types.is_temporal(dtype) else ""

    def _schema(self) -> pa.Schema:
        if self.strategy not in ASOF_STRATEGIES:
            raise SchemaError(
                f"join_asof(strategy={self.strategy!r}): it is one of {listed(ASOF_STRATEGIES)}."
            )
        if len(self.left_by) != len(self.right_by):
            raise SchemaError(
                f"join_asof needs as many keys by_left= as by_right=:"
                f" found {len(self.left_by)} and {len(self.right_by)}."
            )
        pairs = zip((self.left_on, *self.left_by), (self.right_on, *self.right_by), strict=True)
        for left, right in pairs:
            check_comparable(left, self.left.schema, right, self.right.schema)
        if not has_distances(self.key_type()):
            raise TypeMismatch(
                f"join_asof finds rows by a number, a date or a time, and"
                f" {text_of(self.left_on)} is {self.key_type()}. Cast it first, as in"
                f" .cast('float64'); what has to be equal goes to by=."
            )
        return self._given_schema("join_asof")


def has_distances(dtype: pa.DataType) -> bool:
    """Return whether values of a type lie on a line of 64-bit numbers: numbers and times."""
    if pa.types.is_decimal(dtype):
        return dtype.precision <= 18
    if pa.types.is_floating(dtype):
        return dtype.bit_width >= 32
    plain = pa.types.is_integer(dtype) or pa.types.is_temporal(dtype)
    return plain and dtype != pa.month_day_nano_interval()


def check_comparable(
    left: Expr, left_schema: pa.Schema, right: Expr, right_schema: pa.Schema
) -> pa.DataType:
    """Return the common type of two keys, or raise with advice where they have none."""
    types = dtype_of(left, left_schema), dtype_of(right, right_schema)
    try:
        return schemas.promote(*types)
    except TypeMismatch:
        raise TypeMismatch(
            f"Join keys {text_of(left)} ({types[0]}) and {text_of(right)} ({types[1]}) cannot be"
            f" compared. {_advice(*types)}"
        ) from None


def _advice(left: pa.DataType, right: pa.DataType) -> str:
    """Return how two keys that cannot be compared are made to be."""
    if pa.types.is_timestamp(left) and pa.types.is_timestamp(right):
        return (
            "Bring one side to the other's time zone first, with .dt.convert_time_zone() or, for"
            " times without a zone, .dt.replace_time_zone()."
        )
    return "Cast one side first, as in .cast(pa.string())."

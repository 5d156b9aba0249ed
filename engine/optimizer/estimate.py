"""How many rows and bytes a node will give, guessed from what the sources' metadata tell.

The formulas are the textbook ones (Selinger et al., "Access Path Selection in a Relational Database
Management System", 1979): columns are independent and their values evenly spread. The guesses
order plans and fill displays; nothing that must be right depends on them.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import pyarrow as pa

from ..expr.node import Call, Column, Expr, Literal, conjuncts
from ..plan.group_rows import GroupRows
from ..plan.joins import AsofJoin, RangeJoin, TwoSided
from ..plan.node import PlanNode
from ..plan.nodes import (
    Aggregate,
    Distinct,
    Filter,
    Join,
    MapBatches,
    Named,
    Project,
    Scan,
    Slice,
    Sort,
    Union,
    Write,
)
from ..plan.rolling import Rolling
from ..plan.shape import Beside, Explode, RandomBits, RowIndex, Unnest
from ..plan.together import RunFunction, Together
from ..plan.user_functions import MapGroups, Reduce
from ..plan.windows import WindowColumns
from ..source import ColumnStatistics

UNKNOWN_ROWS = 1_000_000.0
"""Of a source that does not know."""

_SELECTIVITY = {
    "eq": 0.1,
    "ne": 0.9,
    "lt": 1 / 3,
    "le": 1 / 3,
    "gt": 1 / 3,
    "ge": 1 / 3,
    "is_between": 0.25,
    "is_null": 0.05,
    "is_not_null": 0.95,
    "str.starts_with": 0.1,
    "str.ends_with": 0.1,
    "str.contains": 0.1,
}
_DEFAULT_SELECTIVITY = 1 / 3
_DEFAULT_DISTINCT_SHARE = 0.1
_TEXT_BYTES = 24.0
_LIST_VALUES = 4.0
"""Of a list, where nothing is known."""


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """What a node is expected to give."""

    rows: float
    bytes: float
    """In memory, of all its columns."""

    columns: Mapping[str, ColumnStatistics] = field(default_factory=dict)
    """What is known of its columns; distinct values are an upper bound."""

    def distinct(self, name: str) -> float:
        """Return how many values column `name` is expected to have; null is not one."""
        known = self.columns.get(name, ColumnStatistics())
        if known.distinct is not None:
            return min(float(known.distinct), self.rows)
        spread = _spread(known.minimum, known.maximum)
        if spread is not None and isinstance(known.minimum, int):
            return min(spread + 1, self.rows)
        return self.rows


def estimate(plan: PlanNode) -> Estimate:
    """Return the rows and bytes that `plan` is expected to give.

    Only metadata is read. Use `estimates` for all nodes of a plan.
    """
    return estimates(plan)[id(plan)]


def estimates(plan: PlanNode) -> dict[int, Estimate]:
    """Return the estimate of every node of `plan`, by its id."""
    found: dict[int, Estimate] = {}
    for node in plan.walk():
        found[id(node)] = _estimate(node, [found[id(child)] for child in node.inputs])
    return found


@functools.singledispatch
def _estimate(node: PlanNode, inputs: list[Estimate]) -> Estimate:
    return inputs[0]


@_estimate.register
def _(node: Scan, inputs: list[Estimate]) -> Estimate:
    known = node.source.statistics()
    total = UNKNOWN_ROWS if known.rows is None else float(known.rows)
    found = Estimate(rows=total, bytes=0.0, columns=known.columns)
    if node.pushdown.predicate is not None:
        found = _filtered(found, node.pushdown.predicate)
    if node.pushdown.limit is not None:
        found = replace(found, rows=min(found.rows, float(node.pushdown.limit)))
    width = _width(node.schema)
    if known.bytes and known.rows:
        # What the types say of the columns that are read, scaled by what the whole really takes.
        width *= (known.bytes / known.rows) / max(_width(node.source.schema), 1.0)
    return replace(found, bytes=found.rows * width)


@_estimate.register
def _(node: Filter, inputs: list[Estimate]) -> Estimate:
    return _filtered(inputs[0], node.predicate)


def _filtered(before: Estimate, predicate: Expr) -> Estimate:
    share = math.prod(_share(part, before) for part in conjuncts(predicate))
    return _scaled(before, before.rows * share)


def _scaled(before: Estimate, rows: float) -> Estimate:
    share = rows / before.rows if before.rows else 0.0
    return replace(before, rows=rows, bytes=before.bytes * share)


def _share(condition: Expr, rows: Estimate) -> float:
    """Return the share of `rows` for which `condition` is expected to hold."""
    if isinstance(condition, Literal):
        return 1.0 if condition.value.as_py() else 0.0
    if not isinstance(condition, Call):
        return _DEFAULT_SELECTIVITY
    logic = _LOGIC.get(condition.name)
    if logic is not None:
        return logic(*(_share(arg, rows) for arg in condition.args))
    column = condition.args[0]
    if isinstance(column, Column):
        constants = [arg.value for arg in condition.args[1:] if isinstance(arg, Literal)]
        known = _share_of_column(condition.name, column.name, constants, rows)
        if known is not None:
            return known
    return _SELECTIVITY.get(condition.name, _DEFAULT_SELECTIVITY)


_LOGIC: Mapping[str, Callable[..., float]] = {
    "and": lambda left, right: left * right,
    "or": lambda left, right: left + right - left * right,
    "xor": lambda left, right: left + right - 2 * left * right,
    "not": lambda inner: 1 - inner,
}


def _share_of_column(
    test: str, name: str, constants: list[pa.Scalar], rows: Estimate
) -> float | None:
    """Return the share from what is known of the column, None where too little is."""
    known = rows.columns.get(name)
    if known is None:
        return None
    if test in ("is_null", "is_not_null"):
        if known.null_count is None or not rows.rows:
            return None
        nulls = min(known.null_count / rows.rows, 1.0)
        return nulls if test == "is_null" else 1 - nulls
    if not constants:
        return None
    if test in ("eq", "ne") and known.distinct:
        share = 1 / known.distinct
        return share if test == "eq" else 1 - share
    if test == "is_in" and known.distinct and constants[0].is_valid:
        return min(1.0, len(constants[0]) / known.distinct)
    if test in ("lt", "le"):
        return _share_below(known, constants[0])
    if test in ("gt", "ge"):
        below = _share_below(known, constants[0])
        return None if below is None else 1 - below
    if test == "is_between" and len(constants) == 2:
        low, high = (_share_below(known, constant) for constant in constants)
        return None if low is None or high is None else max(high - low, 0.0)
    return None


def _share_below(known: ColumnStatistics, constant: pa.Scalar) -> float | None:
    """Return the share of values below `constant`, if they are evenly spread."""
    whole = _spread(known.minimum, known.maximum)
    if whole is None or not constant.is_valid:
        return None
    part = _spread(known.minimum, constant.as_py())
    if part is None:
        return None
    return min(max(part / whole, 0.0), 1.0) if whole else float(part >= 0)


def _spread(low: object, high: object) -> float | None:
    """Return how far `high` is above `low`; None for what has no distance, such as text."""
    if low is None or high is None:
        return None
    try:
        distance = high - low  # type: ignore[operator]
    except TypeError:
        return None
    seconds = getattr(distance, "total_seconds", None)
    found = float(distance if seconds is None else seconds())
    return found if math.isfinite(found) else None


@_estimate.register
def _(node: Project, inputs: list[Estimate]) -> Estimate:
    before = inputs[0]
    columns = {
        name: before.columns[expr.name]
        for name, expr in node.exprs
        if isinstance(expr, Column) and expr.name in before.columns
    }
    share = _width(node.schema) / max(_width(node.input.schema), 1.0)
    return Estimate(rows=before.rows, bytes=before.bytes * share, columns=columns)


@_estimate.register
def _(node: Aggregate, inputs: list[Estimate]) -> Estimate:
    before = inputs[0]
    rows = _combinations(node.keys, before) if node.keys else 1.0
    columns = {
        name: before.columns[expr.name]
        for name, expr in node.keys
        if isinstance(expr, Column) and expr.name in before.columns
    }
    return Estimate(rows=rows, bytes=rows * _width(node.schema), columns=columns)


def _combinations(keys: tuple[Named, ...], before: Estimate) -> float:
    """Return how many combinations of `keys` there are; never more than rows."""
    product = 1.0
    for _, expr in keys:
        if not isinstance(expr, Column):
            product *= max(before.rows * _DEFAULT_DISTINCT_SHARE, 1.0)
            continue
        distinct = before.distinct(expr.name)
        # A column of which nothing is known may well repeat: people rarely group by what does not.
        product *= distinct if distinct < before.rows else before.rows * _DEFAULT_DISTINCT_SHARE
    return min(max(product, 1.0), before.rows)


@_estimate.register
def _(node: GroupRows, inputs: list[Estimate]) -> Estimate:
    before = inputs[0]
    groups = _combinations(tuple((name, Column(name)) for name in node.keys), before)
    return _scaled(before, min(groups * node.count, before.rows))


@_estimate.register
def _(node: Distinct, inputs: list[Estimate]) -> Estimate:
    before = inputs[0]
    names = node.schema.names if node.subset is None else node.subset
    rows = _combinations(tuple((name, Column(name)) for name in names), before)
    return _scaled(before, rows)


@_estimate.register
def _(node: Join, inputs: list[Estimate]) -> Estimate:
    left, right = inputs
    values = 1.0
    for left_key, right_key in zip(node.left_on, node.right_on, strict=True):
        of_left = left.distinct(left_key.name) if isinstance(left_key, Column) else left.rows
        of_right = right.distinct(right_key.name) if isinstance(right_key, Column) else right.rows
        values = max(values, of_left, of_right)
    matches = left.rows * right.rows / values
    rows = {
        "left": max(matches, left.rows),
        "right": max(matches, right.rows),
        "full": max(matches, left.rows + right.rows - matches, left.rows, right.rows),
        "semi": min(matches, left.rows),
        "anti": max(left.rows - matches, 0.0),
    }.get(node.how, matches)
    return _of_two_sides(node, rows, left, right)


@_estimate.register
def _(node: AsofJoin, inputs: list[Estimate]) -> Estimate:
    left, right = inputs
    return _of_two_sides(node, left.rows, left, right)


@_estimate.register
def _(node: RangeJoin, inputs: list[Estimate]) -> Estimate:
    left, right = inputs
    share = _DEFAULT_SELECTIVITY if len(node.ends()) == 1 else _BETWEEN_SHARE
    return _of_two_sides(node, left.rows * right.rows * share, left, right)


_BETWEEN_SHARE = 0.01
"""Of all pairs, those whose value lies within the interval: intervals are mostly narrow."""


def _of_two_sides(node: TwoSided, rows: float, left: Estimate, right: Estimate) -> Estimate:
    """Return the estimate of so many rows made of one of each side."""
    columns = {}
    sides = {"left": left, "right": right}
    for each in node.columns():
        known = sides[each.side].columns if each.side in sides else {}
        if each.name in known:
            columns[each.given] = known[each.name]
    both = any(each.side != "left" for each in node.columns())
    per_row = _per_row(left) + (_per_row(right) if both else 0.0)
    return Estimate(rows=rows, bytes=rows * per_row, columns=columns)


def _per_row(of: Estimate) -> float:
    return of.bytes / of.rows if of.rows else 0.0


@_estimate.register
def _(node: Sort, inputs: list[Estimate]) -> Estimate:
    before = inputs[0]
    return before if node.limit is None else _scaled(before, min(before.rows, node.limit))


@_estimate.register
def _(node: Slice, inputs: list[Estimate]) -> Estimate:
    before = inputs[0]
    there = before.rows - node.offset if node.offset >= 0 else min(-node.offset, before.rows)
    rows = max(there, 0.0) if node.length is None else min(max(there, 0.0), node.length)
    return _scaled(before, rows)


@_estimate.register
def _(node: Rolling, inputs: list[Estimate]) -> Estimate:
    rows = inputs[0].rows
    return Estimate(rows=rows, bytes=rows * _width(node.schema))


@_estimate.register
def _(node: Union, inputs: list[Estimate]) -> Estimate:
    return Estimate(
        rows=sum(each.rows for each in inputs), bytes=sum(each.bytes for each in inputs)
    )


@_estimate.register
def _(node: Explode, inputs: list[Estimate]) -> Estimate:
    rows = inputs[0].rows * _LIST_VALUES
    columns = {n: each for n, each in inputs[0].columns.items() if n not in node.columns}
    return Estimate(rows=rows, bytes=rows * _width(node.schema), columns=columns)


@_estimate.register
def _(node: Unnest, inputs: list[Estimate]) -> Estimate:
    kept = {name: known for name, known in inputs[0].columns.items() if name not in node.columns}
    return replace(inputs[0], columns=kept)


@_estimate.register(RowIndex)
@_estimate.register(RandomBits)
def _(node: RowIndex | RandomBits, inputs: list[Estimate]) -> Estimate:
    own = inputs[0].rows * _type_width(node.schema.field(node.name).type)
    return replace(inputs[0], bytes=inputs[0].bytes + own)


@_estimate.register
def _(node: Beside, inputs: list[Estimate]) -> Estimate:
    return Estimate(
        rows=max(each.rows for each in inputs), bytes=sum(each.bytes for each in inputs)
    )


@_estimate.register
def _(node: WindowColumns, inputs: list[Estimate]) -> Estimate:
    before = inputs[0]
    made = pa.schema([node.schema.field(name) for name, _ in node.functions])
    return replace(before, bytes=before.bytes + before.rows * _width(made))


@_estimate.register
def _(node: MapBatches, inputs: list[Estimate]) -> Estimate:
    # What a function of the user does is not known; most keep the number of rows.
    rows = inputs[0].rows
    return Estimate(rows=rows, bytes=rows * _width(node.schema))


@_estimate.register
def _(node: MapGroups, inputs: list[Estimate]) -> Estimate:
    rows = inputs[0].rows
    return Estimate(rows=rows, bytes=rows * _width(node.schema))


@_estimate.register(Together)
@_estimate.register(RunFunction)
@_estimate.register(Reduce)
def _(node: PlanNode, inputs: list[Estimate]) -> Estimate:
    return Estimate(rows=1.0, bytes=_width(node.schema))


@_estimate.register
def _(node: Write, inputs: list[Estimate]) -> Estimate:
    return Estimate(rows=1.0, bytes=_width(node.schema))


def _width(schema: pa.Schema) -> float:
    """Return about how many bytes a row of `schema` takes."""
    return sum(_type_width(dtype) for dtype in schema.types)


def _type_width(dtype: pa.DataType) -> float:
    try:
        return dtype.bit_width / 8
    except ValueError:
        return 4 * _TEXT_BYTES if pa.types.is_nested(dtype) else _TEXT_BYTES

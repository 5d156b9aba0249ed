"""How many rows and bytes a node will give, guessed from what the sources' metadata tell.

The formulas are the textbook ones (Selinger et al., "Access Path Selection in a Relational Database
Management System", 1979): columns are independent and their values evenly spread. The guesses
order plans and fill displays; nothing that must be right depends on them.
"""

from __future__ import annotations

import functools
import math
from collections import ChainMap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import pyarrow as pa

from ..expr.node import Agg, Call, Column, Expr
from ..plan.group_rows import GroupRows
from ..plan.joins import AsofJoin, RangeJoin, TwoSided
from ..plan.known import Known
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
from .column_values import UNKNOWN, LazyColumns, common_values, counted
from .selectivity import DEFAULT_SELECTIVITY, kept

UNKNOWN_ROWS = 1_000_000.0
"""Of a source that does not know."""

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

    columns: Mapping[str, ColumnStatistics] = field(default_factory=dict, repr=False)
    """What is known of its columns. How many values they have does not count the rows that were
    left out for the sake of other columns: those fall on all values alike."""

    base: float | None = None
    """Rows before any were left out, where that is another number."""

    def values(self, name: str) -> float:
        """Return how many values column `name` had before rows were left out for other columns."""
        known = self.columns.get(name, UNKNOWN).distinct
        if known is not None:
            return float(max(known, 1))
        return max(self.rows if self.base is None else self.base, 1.0)

    def distinct(self, name: str) -> float:
        """Return how many values column `name` is expected to have; null is not one."""
        return min(self.values(name), self.rows)


def estimate(plan: PlanNode) -> Estimate:
    """Return the rows and bytes that `plan` is expected to give.

    Only metadata is read. Use `estimates` for all nodes of a plan.
    """
    return _ESTIMATES.of(plan)


def estimates(plan: PlanNode) -> dict[int, Estimate]:
    """Return the estimate of every node of `plan`, by its id."""
    return _ESTIMATES.of_all(plan)


@functools.singledispatch
def _estimate(node: PlanNode, inputs: Sequence[Estimate]) -> Estimate:
    return inputs[0]


_ESTIMATES = Known("estimate", _estimate)


@_estimate.register
def _(node: Scan, inputs: Sequence[Estimate]) -> Estimate:
    known = node.source.statistics()
    total = UNKNOWN_ROWS if known.rows is None else float(known.rows)
    columns = LazyColumns(
        node.source.schema.names, lambda name: counted(known.columns.get(name, UNKNOWN), total)
    )
    found = Estimate(rows=total, bytes=0.0, columns=columns, base=total)
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
def _(node: Filter, inputs: Sequence[Estimate]) -> Estimate:
    found = _filtered(inputs[0], node.predicate)
    least = inputs[0].rows * _LEAST_OF_GROUPS if isinstance(node.input, Aggregate) else 0.0
    if found.rows >= least:
        return found
    return replace(_scaled(inputs[0], least), columns=found.columns, base=found.base)


_LEAST_OF_GROUPS = 0.01
"""Share of groups that a filter leaves at least: how sums and counts are spread is not known."""


def _filtered(before: Estimate, predicate: Expr) -> Estimate:
    rows, columns = kept(predicate, before.rows, before.columns)
    base = before.rows if before.base is None else before.base
    return replace(_scaled(before, rows), columns=columns, base=base)


def _scaled(before: Estimate, rows: float) -> Estimate:
    share = rows / before.rows if before.rows else 0.0
    return replace(before, rows=rows, bytes=before.bytes * share)


@_estimate.register
def _(node: Project, inputs: Sequence[Estimate]) -> Estimate:
    before = inputs[0]
    share = _width(node.schema) / max(_width(node.input.schema), 1.0)
    return replace(before, bytes=before.bytes * share, columns=_renamed(node.exprs, before))


def _renamed(exprs: tuple[Named, ...], before: Estimate) -> Mapping[str, ColumnStatistics]:
    """Return what is known of the columns of `before` under the names they are given."""
    plain = {name: expr.name for name, expr in exprs if isinstance(expr, Column)}
    return LazyColumns(plain, lambda name: before.columns.get(plain[name], UNKNOWN))


@_estimate.register
def _(node: Aggregate, inputs: Sequence[Estimate]) -> Estimate:
    before = inputs[0]
    rows = groups(node.keys, before) if node.keys else 1.0
    columns = ChainMap(
        dict(_renamed(node.keys, before)),
        _aggregated(node.aggs, before, rows),  # type: ignore[arg-type]
    )
    return Estimate(rows=rows, bytes=rows * _width(node.schema), columns=columns)


def _aggregated(
    aggs: tuple[Named, ...], before: Estimate, rows: float
) -> Mapping[str, ColumnStatistics]:
    """Return the bounds of sums, least and greatest values; a group has as many rows as others."""
    made = {
        name: agg
        for name, agg in aggs
        if isinstance(agg, Agg) and agg.name in ("sum", "min", "max", "mean")
    }

    def known(name: str) -> ColumnStatistics:
        agg = made[name]
        of = (
            before.columns.get(agg.input.name, UNKNOWN)
            if isinstance(agg.input, Column)
            else UNKNOWN
        )
        low, high = of.minimum, of.maximum
        if (
            agg.name != "sum"
            or not isinstance(low, int | float)
            or not isinstance(high, int | float)
        ):
            return ColumnStatistics(minimum=low, maximum=high)
        many = before.rows / rows if rows else 1.0
        return ColumnStatistics(minimum=low * min(many, 1.0), maximum=high * many)

    return LazyColumns(made, known)


def groups(keys: tuple[Named, ...], before: Estimate) -> float:
    """Return how many combinations of `keys` there are; never more than rows.

    Of several keys each further one is expected to say less that is new (a day and its month).
    """
    counts = sorted((_values_of(expr, before) for _, expr in keys), reverse=True)
    product = math.prod(count ** (1 / 2**place) for place, count in enumerate(counts))
    return min(max(product, 1.0), before.rows)


def _values_of(key: Expr, before: Estimate) -> float:
    """Return how many groups there are by one key."""
    if isinstance(key, Call) and key.name in _PARTS_OF_TIME:
        return _PARTS_OF_TIME[key.name]
    if isinstance(key, Column):
        distinct = before.distinct(key.name)
        if distinct < before.rows or before.columns.get(key.name, UNKNOWN).distinct is not None:
            return distinct
        # Nothing is known of it. It may well repeat: people rarely group by what does not.
    return max(before.rows * _DEFAULT_DISTINCT_SHARE, 1.0)


_PARTS_OF_TIME = {
    "dt.year": 10.0,
    "dt.quarter": 4.0,
    "dt.month": 12.0,
    "dt.week": 53.0,
    "dt.day": 31.0,
    "dt.weekday": 7.0,
    "dt.hour": 24.0,
    "dt.minute": 60.0,
}


@_estimate.register
def _(node: GroupRows, inputs: Sequence[Estimate]) -> Estimate:
    before = inputs[0]
    combinations = groups(tuple((name, Column(name)) for name in node.keys), before)
    return _scaled(before, min(combinations * node.count, before.rows))


@_estimate.register
def _(node: Distinct, inputs: Sequence[Estimate]) -> Estimate:
    before = inputs[0]
    names = node.schema.names if node.subset is None else node.subset
    rows = groups(tuple((name, Column(name)) for name in names), before)
    return _scaled(before, rows)


@_estimate.register
def _(node: Join, inputs: Sequence[Estimate]) -> Estimate:
    left, right = inputs
    matches = left.rows * right.rows * _share_of_pairs(node, left, right)
    if node.how in ("semi", "anti"):
        found = left.rows * _share_that_meets(node, left, right)
        rows = found if node.how == "semi" else max(left.rows - found, 0.0)
    else:
        rows = {
            "left": max(matches, left.rows),
            "right": max(matches, right.rows),
            "full": max(matches, left.rows + right.rows - matches, left.rows, right.rows),
        }.get(node.how, matches)
    return _of_two_sides(node, rows, left, right)


@_estimate.register
def _(node: AsofJoin, inputs: Sequence[Estimate]) -> Estimate:
    left, right = inputs
    return _of_two_sides(node, left.rows, left, right)


@_estimate.register
def _(node: RangeJoin, inputs: Sequence[Estimate]) -> Estimate:
    left, right = inputs
    share = DEFAULT_SELECTIVITY if len(node.ends()) == 1 else _BETWEEN_SHARE
    return _of_two_sides(node, left.rows * right.rows * share, left, right)


_BETWEEN_SHARE = 0.01
"""Of all pairs, those whose value lies within the interval: intervals are mostly narrow."""


def _of_two_sides(node: TwoSided, rows: float, left: Estimate, right: Estimate) -> Estimate:
    """Return the estimate of so many rows made of one of each side."""
    sides = {"left": left, "right": right}
    origins = {each.given: each for each in node.columns() if each.side in sides}

    def known(name: str) -> ColumnStatistics:
        origin = origins[name]
        side = sides[origin.side]
        values = max(round(side.values(origin.name)), 1)
        return replace(side.columns.get(origin.name, UNKNOWN), distinct=values)

    both = any(each.side != "left" for each in node.columns())
    per_row = _per_row(left) + (_per_row(right) if both else 0.0)
    columns = LazyColumns(origins, known)
    return Estimate(rows=rows, bytes=rows * per_row, columns=columns)


def _share_of_pairs(node: Join, left: Estimate, right: Estimate) -> float:
    """Return which share of all pairs of rows is equal in the keys."""
    counts = [max(pair) for pair in _values_of_keys(node, left, right)]
    if not counts:
        return 1.0
    if len(counts) == 1:
        return 1 / max(counts[0], 1.0)
    # Several keys together have no more values than the side that they are the key of had rows.
    most = max(*counts, min(max(side.rows, side.base or 0.0) for side in (left, right)))
    return 1 / max(min(math.prod(counts), most), 1.0)


def _share_that_meets(node: Join, left: Estimate, right: Estimate) -> float:
    """Return which share of the rows on the left is expected to meet one on the right."""
    pairs = _values_of_keys(node, left, right)
    of_left = math.prod(pair[0] for pair in pairs)
    of_right = min(math.prod(min(pair[1], right.rows) for pair in pairs), right.rows)
    if len(pairs) > 1:
        of_left = min(of_left, max(left.rows, left.base or 0.0))
    return min(of_right / max(of_left, 1.0), 1.0)


def _values_of_keys(node: Join, left: Estimate, right: Estimate) -> list[list[float]]:
    """Return, by key, how many values it has on the left and on the right."""
    found = []
    for one, other in zip(node.left_on, node.right_on, strict=True):
        sides = [_key(left, one), _key(right, other)]
        found.append(common_values(sides))
    return found


def _key(side: Estimate, expr: Expr) -> tuple[float, ColumnStatistics]:
    if isinstance(expr, Column):
        return side.values(expr.name), side.columns.get(expr.name, UNKNOWN)
    return max(side.rows, 1.0), UNKNOWN


def _per_row(of: Estimate) -> float:
    return of.bytes / of.rows if of.rows else 0.0


@_estimate.register
def _(node: Sort, inputs: Sequence[Estimate]) -> Estimate:
    before = inputs[0]
    return before if node.limit is None else _scaled(before, min(before.rows, node.limit))


@_estimate.register
def _(node: Slice, inputs: Sequence[Estimate]) -> Estimate:
    before = inputs[0]
    there = before.rows - node.offset if node.offset >= 0 else min(-node.offset, before.rows)
    rows = max(there, 0.0) if node.length is None else min(max(there, 0.0), node.length)
    return _scaled(before, rows)


@_estimate.register
def _(node: Rolling, inputs: Sequence[Estimate]) -> Estimate:
    rows = inputs[0].rows
    return Estimate(rows=rows, bytes=rows * _width(node.schema))


@_estimate.register
def _(node: Union, inputs: Sequence[Estimate]) -> Estimate:
    return Estimate(
        rows=sum(each.rows for each in inputs), bytes=sum(each.bytes for each in inputs)
    )


@_estimate.register
def _(node: Explode, inputs: Sequence[Estimate]) -> Estimate:
    rows = inputs[0].rows * _LIST_VALUES
    columns = {n: each for n, each in inputs[0].columns.items() if n not in node.columns}
    return Estimate(rows=rows, bytes=rows * _width(node.schema), columns=columns)


@_estimate.register
def _(node: Unnest, inputs: Sequence[Estimate]) -> Estimate:
    kept = {name: known for name, known in inputs[0].columns.items() if name not in node.columns}
    return replace(inputs[0], columns=kept)


@_estimate.register(RowIndex)
@_estimate.register(RandomBits)
def _(node: RowIndex | RandomBits, inputs: Sequence[Estimate]) -> Estimate:
    own = inputs[0].rows * _type_width(node.schema.field(node.name).type)
    return replace(inputs[0], bytes=inputs[0].bytes + own)


@_estimate.register
def _(node: Beside, inputs: Sequence[Estimate]) -> Estimate:
    return Estimate(
        rows=max(each.rows for each in inputs), bytes=sum(each.bytes for each in inputs)
    )


@_estimate.register
def _(node: WindowColumns, inputs: Sequence[Estimate]) -> Estimate:
    before = inputs[0]
    made = pa.schema([node.schema.field(name) for name, _ in node.functions])
    return replace(before, bytes=before.bytes + before.rows * _width(made))


@_estimate.register
def _(node: MapBatches, inputs: Sequence[Estimate]) -> Estimate:
    # What a function of the user does is not known; most keep the number of rows.
    rows = inputs[0].rows
    return Estimate(rows=rows, bytes=rows * _width(node.schema))


@_estimate.register
def _(node: MapGroups, inputs: Sequence[Estimate]) -> Estimate:
    rows = inputs[0].rows
    return Estimate(rows=rows, bytes=rows * _width(node.schema))


@_estimate.register(Together)
@_estimate.register(RunFunction)
@_estimate.register(Reduce)
def _(node: PlanNode, inputs: Sequence[Estimate]) -> Estimate:
    return Estimate(rows=1.0, bytes=_width(node.schema))


@_estimate.register
def _(node: Write, inputs: Sequence[Estimate]) -> Estimate:
    return Estimate(rows=1.0, bytes=_width(node.schema))


def _width(schema: pa.Schema) -> float:
    """Return about how many bytes a row of `schema` takes."""
    return sum(_type_width(dtype) for dtype in schema.types)


def _type_width(dtype: pa.DataType) -> float:
    try:
        return dtype.bit_width / 8
    except ValueError:
        return 4 * _TEXT_BYTES if pa.types.is_nested(dtype) else _TEXT_BYTES

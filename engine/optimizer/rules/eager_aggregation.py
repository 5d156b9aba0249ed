"""Aggregate before a join what the join would only repeat.

A sum over a join by keys of which one side has few combinations is made in two steps: that side is
grouped by its join keys and by those of its columns that the result is grouped by, the few rows are
joined, and their sums are summed (Yan and Larson, "Eager Aggregation and Lazy Aggregation", 1995).
A group is joined as often as each of its rows would be, so sums, counts and extremes come out the
same; floats but for their last bits.

Of a left join it is the right side that is aggregated first, and only what rows without a match
have no part in: a count, a sum or an extreme of one of its columns, which is null for them.

It is done where the side shrinks much and the join leaves out little of it. What may raise is not
computed for rows that the join would have left out: also no sum that may overflow.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import replace

import pyarrow as pa

from ... import schema as schemas
from ...errors import ComputeError, TypeMismatch
from ...expr.evaluate import dtype_of
from ...expr.node import Agg, Column, Expr, columns_of, substitute
from ...plan.identity import parent_counts
from ...plan.node import PlanNode
from ...plan.nodes import Aggregate, Join, Named, Project
from ...schema import free_name
from ..context import Context
from ..estimate import Estimate, estimates, groups
from ..properties import inlined, may_raise

_LEAST_SHRINKING = 8
"""Rows of a side for each row that is left of it."""

_LEAST_KEPT = 0.5
"""Rows that the join gives for each row of the side."""

_MOST_DIGITS = 20
"""Of decimals that are summed: a sum has 38, and no dataset has 10^18 rows."""

_SECOND_STEP = {"sum": "sum", "count": "sum", "len": "sum", "min": "min", "max": "max"}
"""Aggregates that can be made in two steps, and what is made of the first one's results."""


def eager_aggregation(plan: PlanNode, context: Context) -> PlanNode:
    """Return `plan` with sides of joins aggregated before they are joined."""
    if not any(isinstance(node, Aggregate) and _join_below(node) for node in plan.walk()):
        return plan
    parents = parent_counts(plan)
    known = estimates(plan)
    built: dict[int, PlanNode] = {}
    for node in plan.walk():
        after = node.with_inputs(tuple(built[id(child)] for child in node.inputs))
        if isinstance(node, Aggregate):
            assert isinstance(after, Aggregate)
            # Estimated is the plan as it was: of two, one upon the other, one is done at a time.
            join = _join_below(node)
            if join is not None and join is _join_below(after) and _is_own(node, join, parents):
                after = _in_two_steps(after, join, known)
        built[id(node)] = after
    return built[id(plan)]


def _join_below(node: Aggregate) -> Join | None:
    """Return the join that `node` aggregates the rows of, if it gives just what its keys say."""
    inner = node.input.input if isinstance(node.input, Project) else node.input
    if not isinstance(inner, Join) or node.maintain_order or not node.aggs:
        return None
    options = (each for each in dataclasses.fields(inner) if each.name not in _OF_EVERY_JOIN)
    plain = all(getattr(inner, each.name) == each.default for each in options)
    columns = all(isinstance(key, Column) for key in (*inner.left_on, *inner.right_on))
    kind = inner.how in ("inner", "left")
    return inner if plain and kind and columns and inner.left_on else None


_OF_EVERY_JOIN = frozenset(
    {"left", "right", "left_on", "right_on", "how", "suffix", "coalesce", "site"}
)


def _is_own(node: Aggregate, join: Join, parents: Mapping[int, int]) -> bool:
    return parents[id(node.input)] == 1 and parents[id(join)] == 1


def _in_two_steps(node: Aggregate, join: Join, known: Mapping[int, Estimate]) -> Aggregate:
    """Return `node` with one side of `join` aggregated first; `node` where that would not pay."""
    keys, aggs = node.keys, node.aggs
    if isinstance(node.input, Project):
        made = dict(node.input.exprs)
        try:
            keys = tuple((name, inlined(expr, made)) for name, expr in keys)
            aggs = tuple((name, inlined(expr, made)) for name, expr in aggs)
        except (TypeMismatch, ComputeError):
            # A function that takes a column there but no constant, or fails for this one.
            return node
    for is_left in (True, False) if join.how == "inner" else (False,):
        side = _Side(join, is_left)
        first = side.first_step(keys, aggs)
        if first is None or not _pays(first, side, join, known):
            continue
        second = side.second_step(node, keys, first)
        if second is not None:
            return second
    return node


def _pays(first: Aggregate, side: _Side, join: Join, known: Mapping[int, Estimate]) -> bool:
    before, joined = known.get(id(side.input)), known.get(id(join))
    if before is None or joined is None:
        return False
    left = groups(first.keys, before)
    return left * _LEAST_SHRINKING <= before.rows and joined.rows >= before.rows * _LEAST_KEPT


class _Side:
    """One side of a join, by the names that its columns have behind the join."""

    def __init__(self, join: Join, is_left: bool) -> None:
        self._join = join
        self._is_left = is_left
        self.input = join.left if is_left else join.right
        given = _given(join, is_left)
        self._inside: dict[str, Expr] = {new: Column(name) for name, new in given.items()}

    def first_step(self, keys: tuple[Named, ...], aggs: tuple[Named, ...]) -> Aggregate | None:
        """Return this side aggregated; None where it has not all that is needed."""
        schema = self.input.schema
        on = self._join.left_on if self._is_left else self._join.right_on
        names = dict.fromkeys(key.name for key in on if isinstance(key, Column))
        for _, expr in keys:
            for name in sorted(columns_of(expr) & self._inside.keys()):
                own = self._inside[name]
                assert isinstance(own, Column)
                names[own.name] = None
        if any(_is_loose(schema.field(name).type) for name in names):
            return None
        steps: list[Named] = []
        right = self._join.right.schema.names
        for number, (_, agg) in enumerate(aggs):
            own_agg = self._own(agg, schema)
            if own_agg is None:
                return None
            step = free_name(f"step_{number}", self._join.left.schema.names, right)
            steps.append((step, own_agg))
        return Aggregate(
            input=self.input,
            keys=tuple((name, Column(name)) for name in names),
            aggs=tuple(steps),
            site=self._join.site,
        )

    def _own(self, agg: Expr, schema: pa.Schema) -> Agg | None:
        """Return an aggregate over the columns of this side, None where it cannot be made there."""
        if not isinstance(agg, Agg) or agg.name not in _SECOND_STEP:
            return None
        if agg.options or agg.where is not None or agg.order_by:
            return None
        if self._join.how == "left" and not isinstance(agg.input, Column):
            # A row without a match is counted by `len`, and may have a value in an expression.
            return None
        if agg.input is None:
            return agg
        if not columns_of(agg.input) or not columns_of(agg.input) <= self._inside.keys():
            return None
        inner = substitute(agg.input, self._inside)
        if may_raise(inner, schema):
            return None
        if agg.name == "sum" and not _cannot_overflow(dtype_of(inner, schema)):
            return None
        return replace(agg, input=inner)

    def second_step(
        self, node: Aggregate, keys: tuple[Named, ...], first: Aggregate
    ) -> Aggregate | None:
        """Return `node` over the join with `first` in place of this side."""
        inputs = (first, self._join.right) if self._is_left else (self._join.left, first)
        join = self._join.with_inputs(inputs)
        assert isinstance(join, Join)
        renamed = self._renamed(join)
        here = _given(join, self._is_left)
        aggs = []
        for (name, agg), (step, _) in zip(node.aggs, first.aggs, strict=True):
            assert isinstance(agg, Agg)
            aggs.append((name, Agg(_SECOND_STEP[agg.name], Column(here[step]))))
        second = replace(
            node,
            input=join,
            keys=tuple((name, substitute(expr, renamed)) for name, expr in keys),
            aggs=tuple(aggs),
        )
        return second if schemas.same(second.schema, node.schema) else None

    def _renamed(self, join: Join) -> dict[str, Expr]:
        """Return what the columns behind the old join are called behind `join`.

        Without the columns that are gone, some do not clash any more and lose their suffix.
        """
        names: dict[str, Expr] = {}
        for is_left in (True, False):
            now = _given(join, is_left)
            for name, old in _given(self._join, is_left).items():
                if name in now:
                    names[old] = Column(now[name])
        return names


def _given(join: Join, is_left: bool) -> dict[str, str]:
    """Return what the columns of one side are called behind `join`."""
    if is_left:
        return {name: name for name in join.left.schema.names}
    return dict(join.right_columns())


def _is_loose(dtype: pa.DataType) -> bool:
    """Return whether values that are equal as keys may differ, as -0.0 and 0.0 do."""
    return pa.types.is_floating(dtype) or pa.types.is_nested(dtype)


def _cannot_overflow(dtype: pa.DataType) -> bool:
    if pa.types.is_decimal(dtype):
        return bool(dtype.precision <= _MOST_DIGITS)
    if pa.types.is_integer(dtype):
        return dtype.bit_width <= 32
    return pa.types.is_floating(dtype) or pa.types.is_boolean(dtype)

"""Filter as early as it does not change the answer: below other nodes, and inside the scans.

A filter is taken apart into the conditions that must all hold. Each travels down on its own:
`_route` says, node by node, which conditions stay above it and which go on to its inputs. A
condition that may raise (see `properties`) never passes what removes rows.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import NamedTuple

import pyarrow as pa

from ...errors import ComputeError, TypeMismatch
from ...expr.conjunctions import conjunction, conjuncts
from ...expr.evaluate import dtype_of
from ...expr.node import Column, Expr, columns_of, substitute
from ...plan.joins import AsofJoin, RangeJoin, TwoSided
from ...plan.known import Known
from ...plan.node import PlanNode, Site
from ...plan.nodes import Aggregate, Distinct, Filter, Join, Project, Scan, Sort, Union
from ...plan.rolling import Rolling
from ...plan.shape import Explode, Reverse, Unnest
from ...plan.windows import WindowColumns
from ..context import Context
from ..properties import inlined, is_cheap, may_raise, respects_equality
from ..sharing import made_once


class Condition(NamedTuple):
    """Something that must hold for a row, and the line it was written on."""

    expr: Expr
    site: Site | None


Conditions = tuple[Condition, ...]


class Route(NamedTuple):
    """Where the conditions that arrive at a node from above go."""

    stay: Conditions
    down: tuple[Conditions, ...]
    """For each input of the node."""


def predicate_pushdown(plan: PlanNode, context: Context) -> PlanNode:
    """Return `plan` with its filters as far down as they can go."""
    return _Push(plan).pushed() if _HAS_FILTER.of(plan) else plan


class _Push:
    """One run of the rule. A node is built once for each set of conditions that reaches it."""

    def __init__(self, plan: PlanNode) -> None:
        self._plan = plan
        self._shared = made_once(plan)
        self._has_filter = _HAS_FILTER.of_all(plan)
        self._built: dict[tuple[int, Conditions], PlanNode] = {}
        self._routes: dict[tuple[int, Conditions], Route] = {}

    def pushed(self) -> PlanNode:
        """Return the whole plan, rebuilt."""
        # Without recursion, as plans may be deeper than Python's stack.
        stack: list[tuple[PlanNode, Conditions]] = [(self._plan, ())]
        while stack:
            node, arriving = stack[-1]
            if (id(node), arriving) in self._built:
                stack.pop()
                continue
            if not arriving and not self._has_filter[id(node)]:
                self._built[id(node), arriving] = node
                stack.pop()
                continue
            lowest, conditions = self._down_a_chain(node, arriving)
            if lowest is not node:
                if (id(lowest), conditions) not in self._built:
                    stack.append((lowest, conditions))
                else:
                    self._built[id(node), arriving] = self._built[id(lowest), conditions]
                    stack.pop()
                continue
            route = self._routed(node, arriving)
            edges = [
                (child, down, self._reaching(child, down))
                for child, down in zip(node.inputs, route.down, strict=True)
            ]
            waiting = [
                (child, entering)
                for child, _, entering in edges
                if (id(child), entering) not in self._built
            ]
            if waiting:
                stack.extend(waiting)
                continue
            inputs = []
            for child, down, entering in edges:
                built = self._built[id(child), entering]
                inputs.append(built if entering == down else _filtered(built, down))
            after = _rebuilt(node, tuple(inputs), arriving)
            self._built[id(node), arriving] = _filtered(after, route.stay)
            stack.pop()
        return self._built[id(self._plan), ()]

    def _down_a_chain(self, node: PlanNode, arriving: Conditions) -> tuple[PlanNode, Conditions]:
        """Return the lowest of the filters, one upon the other, that all conditions come down to.

        Step by step the conditions of a thousand filters would be looked at half a million times.
        """
        passed: list[Conditions] = [arriving]
        while isinstance(node, Filter) and isinstance(node.input, Filter):
            here = passed[-1] if len(passed) == 1 else ()
            own = tuple(Condition(part, node.site) for part in conjuncts(node.predicate))
            raising = any(may_raise(each.expr, node.schema) for each in (*here, *own))
            if raising or id(node.input) in self._shared:
                break
            passed.append(own)
            node = node.input
        if len(passed) == 1:
            return node, arriving
        return node, _unique(tuple(each for part in reversed(passed) for each in part))

    def _routed(self, node: PlanNode, arriving: Conditions) -> Route:
        """Return the route, which is asked for before the inputs of a node are built and after."""
        if not arriving and not isinstance(node, Filter):
            return Route((), ((),) * len(node.inputs))
        found = self._routes.get((id(node), arriving))
        if found is None:
            found = self._routes[id(node), arriving] = _route(node, arriving)
        return found

    def _reaching(self, child: PlanNode, down: Conditions) -> Conditions:
        """Return the conditions that enter `child`: none, where others need all its rows.

        What is made once for several readers would else be made once for each.
        """
        return () if id(child) in self._shared else down


_HAS_FILTER: Known[bool] = Known(
    "has_filter", lambda node, inputs: isinstance(node, Filter) or any(inputs)
)


def _filtered(node: PlanNode, conditions: Conditions) -> PlanNode:
    if not conditions:
        return node
    predicate = conjunction(tuple(condition.expr for condition in conditions))
    assert predicate is not None
    return Filter(input=node, predicate=predicate, site=conditions[0].site)


def _rebuilt(node: PlanNode, inputs: tuple[PlanNode, ...], arriving: Conditions) -> PlanNode:
    if isinstance(node, Filter):
        # Its conditions are among those that went down.
        return inputs[0]
    if isinstance(node, Scan):
        return _scan_with(node, arriving)
    return node.with_inputs(inputs)


def _split(
    conditions: Conditions, passes: Callable[[Condition], bool]
) -> tuple[Conditions, Conditions]:
    """Return the conditions that do not pass, and those that do."""
    stay: list[Condition] = []
    down: list[Condition] = []
    for condition in conditions:
        (down if passes(condition) else stay).append(condition)
    return tuple(stay), tuple(down)


def _unique(conditions: Conditions) -> Conditions:
    return tuple({condition.expr: condition for condition in reversed(conditions)}.values())[::-1]


@functools.singledispatch
def _route(node: PlanNode, arriving: Conditions) -> Route:
    """Return where `arriving` goes; by default a node lets nothing pass."""
    return Route(arriving, tuple(() for _ in node.inputs))


@_route.register
def _(node: Filter, arriving: Conditions) -> Route:
    own = tuple(Condition(part, node.site) for part in conjuncts(node.predicate))
    stay, down = _split(arriving, lambda each: not may_raise(each.expr, node.schema))
    return Route(stay, (_unique(own + down),))


@_route.register
def _(node: Scan, arriving: Conditions) -> Route:
    stay, _ = _split(arriving, lambda each: _enters(node, each))
    return Route(stay, ())


def _enters(node: Scan, condition: Condition) -> bool:
    if node.pushdown.limit is not None:
        return False
    return node.pushdown.predicate is None or not may_raise(condition.expr, node.schema)


def _scan_with(node: Scan, arriving: Conditions) -> Scan:
    _, entering = _split(arriving, lambda each: _enters(node, each))
    if not entering:
        return node
    there = () if node.pushdown.predicate is None else conjuncts(node.pushdown.predicate)
    parts = dict.fromkeys((*there, *(condition.expr for condition in entering)))
    predicate = conjunction(tuple(parts))
    return replace(node, pushdown=replace(node.pushdown, predicate=predicate))


@_route.register
def _(node: Project, arriving: Conditions) -> Route:
    return _through_names(arriving, dict(node.exprs), node.input.schema)


def _through_names(arriving: Conditions, made: dict[str, Expr], schema: pa.Schema) -> Route:
    """Return the route through a node that makes the columns `made` of rows of `schema`."""
    stay, down = [], []
    for condition in arriving:
        below = _expressed_below(condition.expr, made, schema)
        if below is None:
            stay.append(condition)
        else:
            down.append(Condition(below, condition.site))
    return Route(tuple(stay), (tuple(down),))


def _expressed_below(expr: Expr, made: dict[str, Expr], schema: pa.Schema) -> Expr | None:
    columns = columns_of(expr)
    if not all(name in made and is_cheap(made[name]) for name in columns):
        return None
    below = inlined(expr, {name: made[name] for name in columns})
    try:
        dtype_of(below, schema)
    except (TypeMismatch, ComputeError):
        # A function that takes a column there but no constant, or fails for this one.
        return None
    return below


@_route.register
def _(node: Aggregate, arriving: Conditions) -> Route:
    if not node.keys:
        # It gives one row even for none.
        return Route(arriving, ((),))
    stay, by_key = _split(arriving, lambda each: respects_equality(each.expr, node.schema))
    route = _through_names(by_key, dict(node.keys), node.input.schema)
    return Route(stay + route.stay, route.down)


@_route.register
def _(node: Rolling, arriving: Conditions) -> Route:
    keys = {name for name, _ in node.keys}
    stay, by_key = _split(
        arriving,
        lambda each: (
            bool(columns_of(each.expr))
            and columns_of(each.expr) <= keys
            and respects_equality(each.expr, node.schema)
            and not may_raise(each.expr, node.schema)
        ),
    )
    route = _through_names(by_key, dict(node.keys), node.input.schema)
    return Route(stay + route.stay, route.down)


@_route.register
def _(node: Distinct, arriving: Conditions) -> Route:
    subset = frozenset(node.schema.names if node.subset is None else node.subset)

    def passes(condition: Condition) -> bool:
        if node.keep == "none" and may_raise(condition.expr, node.schema):
            # All others leave a row of every combination; this one removes those that repeat.
            return False
        return columns_of(condition.expr) <= subset and respects_equality(
            condition.expr, node.schema
        )

    stay, down = _split(arriving, passes)
    return Route(stay, (down,))


@_route.register
def _(node: Sort, arriving: Conditions) -> Route:
    return Route(arriving, ((),)) if node.limit is not None else Route((), (arriving,))


@_route.register
def _(node: Reverse, arriving: Conditions) -> Route:
    return Route((), (arriving,))


@_route.register
def _(node: Unnest, arriving: Conditions) -> Route:
    kept = frozenset(field.name for field in node.input.schema if not node.opens(field))
    stay, down = _split(arriving, lambda each: columns_of(each.expr) <= kept)
    return Route(stay, (down,))


@_route.register
def _(node: Explode, arriving: Conditions) -> Route:
    made = frozenset(node.columns)
    # A row may be left out for its list, so what may raise must not see it earlier.
    stay, down = _split(
        arriving,
        lambda each: not columns_of(each.expr) & made and not may_raise(each.expr, node.schema),
    )
    return Route(stay, (down,))


@_route.register
def _(node: Union, arriving: Conditions) -> Route:
    return Route((), tuple(arriving for _ in node.parts))


@_route.register
def _(node: WindowColumns, arriving: Conditions) -> Route:
    # By the keys alone, groups are kept or removed as a whole.
    keys = frozenset(key.name for key in node.keys if isinstance(key, Column))

    def passes(condition: Condition) -> bool:
        columns = columns_of(condition.expr)
        safe = not may_raise(condition.expr, node.schema)
        return safe and columns <= keys and respects_equality(condition.expr, node.schema)

    stay, down = _split(arriving, passes)
    return Route(stay, (down,))


@_route.register
def _(node: Join, arriving: Conditions) -> Route:
    of_side = _columns_by_side(node)
    equal = _equal_columns(node)
    stay: list[Condition] = []
    left: list[Condition] = []
    right: list[Condition] = []
    for condition in arriving:
        columns = columns_of(condition.expr)
        if may_raise(condition.expr, node.schema):
            stay.append(condition)
        elif node.how in _PASSES_LEFT and columns <= set(of_side["left"]):
            left.append(condition)
            right += _carried_over(condition, equal, node.left.schema)
        elif node.how in _PASSES_RIGHT and columns <= set(of_side["right"]):
            moved = Condition(substitute(condition.expr, of_side["right"]), condition.site)
            right.append(moved)
            back = {right.name: Column(left) for left, right in equal.items()}
            left += _carried_over(moved, back, node.right.schema)
        elif columns <= set(of_side["both"]) and columns <= set(equal):
            # Rows that are given alone have the same key as those they would have met.
            carried = _carried_over(condition, equal, node.left.schema)
            left += [condition] if carried else []
            right += carried
            stay += [] if carried else [condition]
        else:
            stay.append(condition)
    return Route(tuple(stay), (tuple(left), tuple(right)))


@_route.register
def _(node: AsofJoin, arriving: Conditions) -> Route:
    # Without some of its rows the right would have others that are nearest.
    of_left = set(node.left.schema.names)
    stay, left = _split(
        arriving,
        lambda each: columns_of(each.expr) <= of_left and not may_raise(each.expr, node.schema),
    )
    return Route(stay, (left, ()))


@_route.register
def _(node: RangeJoin, arriving: Conditions) -> Route:
    of_side = _columns_by_side(node)
    stay: list[Condition] = []
    left: list[Condition] = []
    right: list[Condition] = []
    for condition in arriving:
        columns = columns_of(condition.expr)
        if may_raise(condition.expr, node.schema):
            stay.append(condition)
        elif columns <= set(of_side["left"]):
            left.append(condition)
        elif columns <= set(of_side["right"]):
            moved = substitute(condition.expr, of_side["right"])
            right.append(Condition(moved, condition.site))
        else:
            stay.append(condition)
    return Route(tuple(stay), (tuple(left), tuple(right)))


_PASSES_LEFT = ("inner", "left", "semi", "anti", "cross")
"""Joins of which no row is given that has none of the left in it."""

_PASSES_RIGHT = ("inner", "right", "cross")


def _columns_by_side(node: TwoSided) -> dict[str, dict[str, Expr]]:
    """Return, by side, the columns that are given and what they are there."""
    found: dict[str, dict[str, Expr]] = {"left": {}, "right": {}, "both": {}}
    for each in node.columns():
        found[each.side][each.given] = Column(each.name)
    return found


def _equal_columns(node: Join) -> dict[str, Column]:
    """Return, by key column of the left, the column of the right that is equal where they meet."""
    return {
        left.name: right
        for left, right in zip(node.left_on, node.right_on, strict=True)
        if isinstance(left, Column)
        and isinstance(right, Column)
        and dtype_of(left, node.left.schema) == dtype_of(right, node.right.schema)
    }


def _carried_over(
    condition: Condition, equal: Mapping[str, Expr], schema: pa.Schema
) -> list[Condition]:
    """Return the condition on the other side's keys, if it is one on keys alone.

    A row that fails it can only meet rows that fail it too.
    """
    columns = columns_of(condition.expr)
    if not columns or not columns <= set(equal) or not respects_equality(condition.expr, schema):
        return []
    return [Condition(substitute(condition.expr, dict(equal)), condition.site)]

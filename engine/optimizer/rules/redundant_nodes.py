"""Drop nodes that change nothing: an order nobody sees, a distinct of what is distinct already."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import replace

import pyarrow as pa

from ...expr.aggregates import AGGREGATES
from ...expr.node import Agg, Column, Expr, WindowCall, columns_of, substitute
from ...expr.windows import WINDOWS
from ...plan.group_rows import GroupRows
from ...plan.identity import parent_counts
from ...plan.joins import RangeJoin
from ...plan.node import PlanNode
from ...plan.nodes import (
    Aggregate,
    Distinct,
    Filter,
    Join,
    Project,
    Slice,
    Sort,
    Union,
)
from ...plan.partitioning import Cache
from ...plan.rolling import Rolling
from ...plan.shape import Explode, Reverse, Unnest
from ...plan.windows import WindowColumns
from ..context import Context
from ..uniqueness import UNIQUE_KEYS, Keys

ORDER_FREE = frozenset(name for name, entry in AGGREGATES.items() if not entry.sees_order)
"""Aggregates that give the same for their rows in any order (but for the last bits of a sum)."""


_KEEPERS = (Aggregate, Distinct, GroupRows, WindowColumns)
"""Nodes that keep an order if they are asked to, which costs a sort or a gathering."""


def redundant_nodes(plan: PlanNode, context: Context) -> PlanNode:
    """Return `plan` without sorts, distincts and unions that make no difference."""
    if not any(_may_go(node) for node in plan.nodes):
        return plan
    ordered = _order_matters(plan)
    parents = parent_counts(plan)
    built: dict[int, PlanNode] = {}
    for node in plan.walk():
        inputs = tuple(built[id(child)] for child in node.inputs)
        if isinstance(node, Union):
            built[id(node)] = _flattened(node, inputs, parents)
            continue
        after = node.with_inputs(inputs)
        if isinstance(after, Sort):
            after = _without_superseded(after)
            if after.limit is None and not ordered[id(node)]:
                built[id(node)] = after.input
                continue
            if _is_sorted(after):
                built[id(node)] = _first(after)
                continue
        if isinstance(after, Reverse) and not ordered[id(node)]:
            built[id(node)] = after.input
            continue
        if isinstance(after, Reverse) and isinstance(after.input, Reverse):
            built[id(node)] = after.input.input
            continue
        if isinstance(after, Cache) and parents.get(id(node), 0) < 2:
            # Nobody else reads it, so that what is above may reach into it.
            built[id(node)] = after.input
            continue
        if isinstance(after, _KEEPERS) and after.maintain_order and not ordered[id(node)]:
            after = replace(after, maintain_order=False)
        if isinstance(node, Distinct) and _is_distinct(node, UNIQUE_KEYS.of(node.input)):
            assert isinstance(after, Distinct)
            built[id(node)] = after.input
            continue
        built[id(node)] = after
    return built[id(plan)]


def _may_go(node: PlanNode) -> bool:
    """Return whether the rule does anything about nodes like this one."""
    if isinstance(node, _KEEPERS):
        return node.maintain_order or isinstance(node, Distinct)
    return isinstance(node, Sort | Reverse | Union | Cache)


def _order_matters(plan: PlanNode) -> dict[int, bool]:
    """Return, by the id of each node, whether the order of its rows can be seen in the result."""
    matters = {id(node): False for node in plan.walk()}
    matters[id(plan)] = True
    for node in reversed(plan.nodes):
        seen = _sees_order(node, matters[id(node)])
        for child in node.inputs:
            matters[id(child)] = matters[id(child)] or seen
    return matters


@functools.singledispatch
def _sees_order(node: PlanNode, matters: bool) -> bool:
    """Return whether the order of the input can be seen in what `node` gives.

    `matters` says whether the order of what it gives can be seen.
    """
    # Slices, functions of the user and sinks.
    return True


@_sees_order.register(Filter)
@_sees_order.register(Project)
@_sees_order.register(Union)
@_sees_order.register(Explode)
@_sees_order.register(Reverse)
@_sees_order.register(Unnest)
@_sees_order.register(Cache)
def _(node: PlanNode, matters: bool) -> bool:
    return matters


@_sees_order.register
def _(node: Sort, matters: bool) -> bool:
    # Equal rows keep their order, which a limit turns into a choice of rows.
    return matters or node.limit is not None


@_sees_order.register
def _(node: Aggregate, matters: bool) -> bool:
    names = {expr.name for _, expr in node.aggs if isinstance(expr, Agg)}
    return (node.maintain_order and matters) or not names <= ORDER_FREE


@_sees_order.register
def _(node: Rolling, matters: bool) -> bool:
    # Rows of one time keep their order, which such aggregates see.
    names = {expr.name for _, expr in node.aggs if isinstance(expr, Agg)}
    return not names <= ORDER_FREE


@_sees_order.register
def _(node: Distinct, matters: bool) -> bool:
    return (node.maintain_order and matters) or node.keep in ("first", "last")


@_sees_order.register
def _(node: Join, matters: bool) -> bool:
    return bool(node.maintain_order)


@_sees_order.register
def _(node: RangeJoin, matters: bool) -> bool:
    return False


@_sees_order.register
def _(node: WindowColumns, matters: bool) -> bool:
    return matters or any(_depends_on_order(expr) for _, expr in node.functions)


def _depends_on_order(function: Expr) -> bool:
    if isinstance(function, Agg):
        return function.name not in ORDER_FREE
    if isinstance(function, WindowCall):
        tells_apart = dict(function.options).get("method", "ordinal") == "ordinal"
        return WINDOWS[function.name].ordered and (function.name != "rank" or tells_apart)
    return True


def _without_superseded(node: Sort) -> Sort:
    """Return `node` without a sort below it whose keys are all among its own.

    Rows that are equal to the outer sort are then equal to the inner one too, and come out in the
    order they had before both.
    """
    inner = node.input
    keys = {key.expr for key in node.by}
    while isinstance(inner, Sort) and inner.limit is None:
        if not {key.expr for key in inner.by} <= keys:
            break
        inner = inner.input
    return node if inner is node.input else replace(node, input=inner)


def _first(node: Sort) -> PlanNode:
    """Return the rows of `node`, which come in its order."""
    if node.limit is None:
        return node.input
    return Slice(input=node.input, offset=0, length=node.limit, site=node.site)


def _is_sorted(node: Sort) -> bool:
    """Return whether the rows come in the order of `node` already.

    That is so where they were sorted by its keys first and then by others: sorting is stable.
    """
    by = node.by
    inner = node.input
    while not isinstance(inner, Sort):
        if isinstance(inner, Project):
            made = dict(inner.exprs)
            names = frozenset().union(*(columns_of(key.expr) for key in by))
            if not all(isinstance(made[name], Column) for name in names):
                return False
            by = tuple(replace(key, expr=substitute(key.expr, made)) for key in by)
        elif not isinstance(inner, Filter | Slice):
            return False
        inner = inner.inputs[0]
    return inner.by[: len(by)] == by


def _is_distinct(node: Distinct, keys: Keys) -> bool:
    """Return whether no two rows of the input, unique in `keys`, are equal in those of `node`.

    A key is given with -0.0 as 0.0: so every float among the columns has to be one already, else
    leaving the node out would show.
    """
    subset = frozenset(node.schema.names if node.subset is None else node.subset)
    floats = {field.name for field in node.schema if pa.types.is_floating(field.type)} & subset
    return any(key <= subset and floats <= key for key in keys)


def _flattened(node: Union, inputs: tuple[PlanNode, ...], parents: Mapping[int, int]) -> PlanNode:
    """Return a union with the parts of unions below it in their place; one part needs none."""
    parts: list[PlanNode] = []
    for old, new in zip(node.parts, inputs, strict=True):
        own = isinstance(new, Union) and parents[id(old)] == 1
        parts.extend(_parts(new) if own else [new])
    if len(parts) == 1:
        return parts[0]
    if len(parts) == len(inputs):
        return node.with_inputs(inputs)
    return Union(parts=tuple(parts), site=node.site)


def _parts(node: PlanNode) -> Sequence[PlanNode]:
    return node.parts if isinstance(node, Union) else (node,)

"""What must hold of any plan, whoever built or rewrote it.

Building a node checks most of it. This checks the whole again, as a rule of the optimizer may have
got around a check, and is run after every rule in the tests.
"""

from __future__ import annotations

import functools

from .. import schema as schemas
from ..errors import PartitaError, PlanError
from ..expr.node import Expr, has_aggregate
from .joins import AsofJoin, RangeJoin
from .node import PlanNode
from .nodes import Aggregate, Filter, Join, Project, Scan, Sort, describe, required_columns
from .rolling import Rolling
from .user_functions import MapGroups


def verify(plan: PlanNode) -> None:
    """Check all nodes of `plan`.

    Raises
    ------
    PlanError
        If the plan has a cycle, or a node gives another schema than its inputs make it give, reads
        a column that its inputs lack, has two columns of one name, holds an aggregate where none
        may be, or limits a scan that also has a predicate. The node is named.
    """
    _verify_acyclic(plan)
    for node in plan.walk():
        if isinstance(node, Scan):
            _verify_scan(node)
        _verify_columns(node)
        _verify_schema(node)
        for expr in _row_wise(node):
            if has_aggregate(expr):
                raise PlanError(
                    f"{_named(node)} holds an aggregate where rows are computed: {expr}"
                )


def _named(node: PlanNode) -> str:
    # Not describe_node: a node that is wrong may have no description.
    origin = "" if node.site is None else f" of {node.site}"
    return f"The {type(node).__name__} node{origin}"


def _verify_acyclic(plan: PlanNode) -> None:
    """Raise if a node is among what it reads itself."""
    open_nodes: set[int] = {id(plan)}
    done: set[int] = set()
    stack = [(plan, iter(plan.inputs))]
    while stack:
        node, rest = stack[-1]
        child = next((child for child in rest if id(child) not in done), None)
        if child is None:
            stack.pop()
            open_nodes.discard(id(node))
            done.add(id(node))
        elif id(child) in open_nodes:
            raise PlanError(f"{_named(child)} reads its own result: the plan has a cycle.")
        else:
            open_nodes.add(id(child))
            stack.append((child, iter(child.inputs)))


def _verify_schema(node: PlanNode) -> None:
    names = node.schema.names
    if len(set(names)) < len(names):
        raise PlanError(f"{_named(node)} gives two columns of one name: {names}.")
    try:
        computed = node._schema()
    except PartitaError as error:
        raise PlanError(f"{_named(node)} cannot be made again: {error}") from error
    if not schemas.same(computed, node.schema):
        raise PlanError(
            f"{_named(node)} says it gives {describe(node.schema)}, but its inputs make it"
            f" {describe(computed)}."
        )


def _verify_columns(node: PlanNode) -> None:
    there = {name for child in node.inputs for name in child.schema.names}
    missing = required_columns(node) - there
    if missing and node.inputs:
        raise PlanError(
            f"{_named(node)} reads {sorted(missing)}, which its inputs lack;"
            f" they give {sorted(there)}."
        )


def _verify_scan(node: Scan) -> None:
    pushdown = node.pushdown
    if pushdown.limit is not None and pushdown.predicate is not None:
        raise PlanError(f"{_named(node)} has a limit beside a predicate; it would lose rows.")
    if pushdown.columns == () and node.source.schema.names:
        raise PlanError(f"{_named(node)} reads no column; its batches could not say their rows.")


@functools.singledispatch
def _row_wise(node: PlanNode) -> tuple[Expr, ...]:
    """Return the expressions of `node` that are computed row by row."""
    return ()


@_row_wise.register
def _(node: Scan) -> tuple[Expr, ...]:
    return () if node.pushdown.predicate is None else (node.pushdown.predicate,)


@_row_wise.register
def _(node: Filter) -> tuple[Expr, ...]:
    return (node.predicate,)


@_row_wise.register
def _(node: Project) -> tuple[Expr, ...]:
    return tuple(expr for _, expr in node.exprs)


@_row_wise.register
def _(node: Aggregate) -> tuple[Expr, ...]:
    return tuple(expr for _, expr in node.keys)


@_row_wise.register(Rolling)
@_row_wise.register(MapGroups)
def _(node: Rolling | MapGroups) -> tuple[Expr, ...]:
    return tuple(expr for _, expr in node.keys)


@_row_wise.register
def _(node: Join) -> tuple[Expr, ...]:
    return node.left_on + node.right_on


@_row_wise.register
def _(node: AsofJoin) -> tuple[Expr, ...]:
    return (node.left_on, node.right_on, *node.left_by, *node.right_by)


@_row_wise.register
def _(node: RangeJoin) -> tuple[Expr, ...]:
    return (node.point, *(end.expr for end in node.ends()))


@_row_wise.register
def _(node: Sort) -> tuple[Expr, ...]:
    return tuple(key.expr for key in node.by)

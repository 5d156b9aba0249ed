"""What gives no rows is not run: filters that nothing can pass, slices of nothing, and what reads
them."""

from __future__ import annotations

import functools

import pyarrow as pa

from ... import schema as schemas
from ...expr.conjunctions import conjuncts
from ...expr.node import Column, Expr, Literal
from ...plan.known import Rewrite
from ...plan.no_rows import NoRows
from ...plan.node import PlanNode
from ...plan.nodes import (
    Aggregate,
    Distinct,
    Filter,
    Join,
    Project,
    Scan,
    Slice,
    Sort,
    Union,
)
from ..context import Context
from ..contradiction import never_true


def empty_relations(plan: PlanNode, context: Context) -> PlanNode:
    """Return `plan` with a scan of no rows for each part that gives none."""
    return _WITHOUT_ROWS.of(plan)


def is_empty(node: PlanNode) -> bool:
    """Return whether `node` is known to give no rows."""
    return isinstance(node, Scan) and isinstance(node.source, NoRows)


def _nothing(node: PlanNode) -> PlanNode:
    return Scan(source=NoRows(node.schema), site=node.site)


@functools.singledispatch
def _without_rows(node: PlanNode) -> PlanNode:
    """Return what is as good as `node` where it, or one of its inputs, gives no rows."""
    # Functions of the user are called all the same, and sinks write files without rows.
    return node


_WITHOUT_ROWS = Rewrite("empty_relations", _without_rows)


@_without_rows.register
def _(node: Scan) -> PlanNode:
    pushdown = node.pushdown
    if is_empty(node):
        return node
    if pushdown.limit == 0:
        return _nothing(node)
    if pushdown.predicate is None:
        return node
    parts = conjuncts(pushdown.predicate)
    return _nothing(node) if never_true(parts, node.source.schema) else node


@_without_rows.register
def _(node: Filter) -> PlanNode:
    if is_empty(node.input) or never_true(conjuncts(node.predicate), node.input.schema):
        return _nothing(node)
    return node


@_without_rows.register
def _(node: Slice) -> PlanNode:
    return _nothing(node) if node.length == 0 or is_empty(node.input) else node


@_without_rows.register
def _(node: Sort) -> PlanNode:
    return _nothing(node) if node.limit == 0 or is_empty(node.input) else node


@_without_rows.register(Project)
@_without_rows.register(Distinct)
def _(node: Project | Distinct) -> PlanNode:
    return _nothing(node) if is_empty(node.input) else node


@_without_rows.register
def _(node: Aggregate) -> PlanNode:
    # Without keys there is a row all the same.
    return _nothing(node) if node.keys and is_empty(node.input) else node


@_without_rows.register
def _(node: Union) -> PlanNode:
    parts = tuple(part for part in node.parts if not is_empty(part))
    if not parts:
        return _nothing(node)
    if len(parts) == 1:
        return parts[0]
    return node if len(parts) == len(node.parts) else Union(parts=parts, site=node.site)


@_without_rows.register
def _(node: Join) -> PlanNode:
    left, right = is_empty(node.left), is_empty(node.right)
    if node.how in ("inner", "semi", "cross") and (left or right):
        return _nothing(node)
    if (node.how in ("left", "anti") and left) or (node.how == "right" and right):
        return _nothing(node)
    if node.how == "anti" and right:
        return node.left
    if node.how == "left" and right:
        return _unmatched(node)
    return node


def _unmatched(node: Join) -> PlanNode:
    """Return the left rows of a left join with nulls for what is on the right."""
    exprs: list[tuple[str, Expr]] = [(name, Column(name)) for name in node.left.schema.names]
    for _, given in node.right_columns():
        missing = pa.scalar(None, node.schema.field(given).type)
        exprs.append((given, Literal(missing, typed=True)))
    plan = Project(input=node.left, exprs=tuple(exprs), site=node.site)
    return plan if schemas.same(plan.schema, node.schema) else node

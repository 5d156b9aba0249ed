"""Simplify every expression; a filter that keeps all rows goes, one that keeps none reads none."""

from __future__ import annotations

import functools
from dataclasses import replace

import pyarrow as pa

from ...expr.node import Expr, Literal
from ...plan.known import Rewrite
from ...plan.node import PlanNode
from ...plan.nodes import Aggregate, Filter, Named, Project, Scan, Slice, Sort
from ..context import Context
from ..simplify import simplify


def simplify_expressions(plan: PlanNode, context: Context) -> PlanNode:
    """Return `plan` with simpler expressions.

    The keys of a join stay as they are written: their form decides which columns it gives.
    """
    return _SIMPLIFIED.of(plan)


@functools.singledispatch
def _simplified(node: PlanNode) -> PlanNode:
    return node


_SIMPLIFIED = Rewrite("simplify_expressions", _simplified)


@_simplified.register
def _(node: Scan) -> PlanNode:
    predicate = node.pushdown.predicate
    if predicate is None:
        return node
    simpler = simplify(predicate, node.source.schema)
    if simpler is predicate:
        return node
    if isinstance(simpler, Literal):
        everything = replace(node, pushdown=replace(node.pushdown, predicate=None))
        return _filtered_by_literal(everything, simpler)
    return replace(node, pushdown=replace(node.pushdown, predicate=simpler))


@_simplified.register
def _(node: Filter) -> PlanNode:
    predicate = simplify(node.predicate, node.input.schema)
    if isinstance(predicate, Literal):
        return _filtered_by_literal(node.input, predicate)
    return node if predicate is node.predicate else replace(node, predicate=predicate)


def _filtered_by_literal(node: PlanNode, predicate: Literal) -> PlanNode:
    if predicate.value.as_py():
        return node
    return Slice(input=node, offset=0, length=0, site=node.site)


@_simplified.register
def _(node: Project) -> PlanNode:
    exprs = _named(node.exprs, node.input.schema)
    return node if exprs is node.exprs else replace(node, exprs=exprs)


@_simplified.register
def _(node: Aggregate) -> PlanNode:
    keys = _named(node.keys, node.input.schema)
    aggs = _named(node.aggs, node.input.schema)
    if keys is node.keys and aggs is node.aggs:
        return node
    return replace(node, keys=keys, aggs=aggs)


@_simplified.register
def _(node: Sort) -> PlanNode:
    by = tuple(replace(key, expr=simplify(key.expr, node.input.schema)) for key in node.by)
    # A constant orders nothing.
    by = tuple(key for key in by if not isinstance(key.expr, Literal)) or by[:1]
    return node if by == node.by else replace(node, by=by)


def _named(exprs: tuple[Named, ...], schema: pa.Schema) -> tuple[Named, ...]:
    """Return `exprs` simplified; the same tuple where nothing changed."""
    simpler: list[tuple[str, Expr]] = [(name, simplify(expr, schema)) for name, expr in exprs]
    unchanged = all(new is old for (_, new), (_, old) in zip(simpler, exprs, strict=True))
    return exprs if unchanged else tuple(simpler)

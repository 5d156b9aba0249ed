"""Compute in one projection what was written in several, and drop those that do nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

from ... import schema as schemas
from ...errors import ComputeError, TypeMismatch
from ...expr.node import Column, Expr
from ...plan.identity import parent_counts
from ...plan.node import PlanNode
from ...plan.nodes import Named, Project, Scan
from ..context import Context
from ..properties import inlined, is_trivial

MOST_DEPTH = 24
"""Of an expression that is put together from several projections: expressions are walked by
recursion, and a loop of ``with_columns`` can make any depth."""


def projection_fusion(plan: PlanNode, context: Context) -> PlanNode:
    """Return `plan` with projections over projections merged.

    An expression that is used more than once is not copied into its uses.
    """
    if not any(isinstance(node, Project) and _may_go(node) for node in plan.nodes):
        return plan
    parents = parent_counts(plan)
    built: dict[int, PlanNode] = {}
    for node in plan.walk():
        after = node.with_inputs(tuple(built[id(child)] for child in node.inputs))
        if isinstance(node, Project) and isinstance(after, Project):
            shared = parents[id(node.input)] > 1
            after = _fused(after, shared=shared)
        built[id(node)] = after
    return built[id(plan)]


def _may_go(node: Project) -> bool:
    return isinstance(node.input, Project) or _is_selection(node)


def _fused(node: Project, *, shared: bool) -> PlanNode:
    inner = node.input
    if isinstance(inner, Project) and not (shared and _computes(inner)):
        node = _merged(node, inner) or node
        inner = node.input
    if not _is_selection(node):
        return node
    if node.schema.names == inner.schema.names:
        return inner
    if isinstance(inner, Scan):
        columns = tuple(node.schema.names)
        return replace(inner, pushdown=replace(inner.pushdown, columns=columns))
    return node


def _computes(node: Project) -> bool:
    return not all(is_trivial(expr) for _, expr in node.exprs)


def _is_selection(node: Project) -> bool:
    """Return whether `node` only chooses columns, by their own names."""
    return all(isinstance(expr, Column) and expr.name == name for name, expr in node.exprs)


def _merged(outer: Project, inner: Project) -> Project | None:
    """Return one projection for `outer` over `inner`; None where that would cost or change."""
    made = dict(inner.exprs)
    if _copies_work(outer.exprs, made):
        return None
    depths = {name: _depth(expr) for name, expr in made.items()}
    if any(_depth(expr, depths) > MOST_DEPTH for _, expr in outer.exprs):
        return None
    exprs = tuple((name, inlined(expr, made)) for name, expr in outer.exprs)
    try:
        merged = replace(outer, input=inner.input, exprs=exprs)
    except (TypeMismatch, ComputeError):
        # A function that takes a column there but no constant, or fails for this one.
        return None
    return merged if schemas.same(merged.schema, outer.schema) else None


def _copies_work(exprs: tuple[Named, ...], made: Mapping[str, Expr]) -> bool:
    uses = Counter(
        node.name for _, expr in exprs for node in expr.walk() if isinstance(node, Column)
    )
    return any(count > 1 and not is_trivial(made[name]) for name, count in uses.items())


def _depth(expr: Expr, of_columns: Mapping[str, int] | None = None) -> int:
    """Return the height of the tree, with columns as high as `of_columns` says."""
    if isinstance(expr, Column):
        return 0 if of_columns is None else of_columns[expr.name]
    return 1 + max((_depth(child, of_columns) for child in expr.children), default=0)

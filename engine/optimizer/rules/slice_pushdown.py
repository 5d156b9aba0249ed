"""Take a part of the rows early: before projections, inside sorts (top-k), unions and scans."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ...plan.identity import parent_counts
from ...plan.node import PlanNode
from ...plan.nodes import Aggregate, Project, Scan, Slice, Sort, Union
from ...plan.shape import Reverse, RowIndex
from ..context import Context


def slice_pushdown(plan: PlanNode, context: Context) -> PlanNode:
    """Return `plan` with its slices as far down as they can go.

    A slice passes what keeps the number and the order of rows. What it only bounds (a sort, a scan)
    is told how many rows are enough.
    """
    if not plan.has(Slice):
        return plan
    parents = parent_counts(plan)
    # By the identity of what was built, so that a sort that others read whole stays whole.
    shared: dict[int, PlanNode] = {}
    built: dict[int, PlanNode] = {}
    for node in plan.walk():
        after = node.with_inputs(tuple(built[id(child)] for child in node.inputs))
        if isinstance(after, Slice):
            after = _pushed(after, shared)
        if parents.get(id(node), 0) > 1:
            shared[id(after)] = after
        built[id(node)] = after
    return built[id(plan)]


def _pushed(node: Slice, shared: Mapping[int, PlanNode]) -> PlanNode:
    passed: list[Project | RowIndex] = []
    inner = node.input
    while isinstance(inner, Project | RowIndex | Slice):
        if isinstance(inner, Project):
            passed.append(inner)
        elif isinstance(inner, RowIndex):
            if node.offset < 0 or id(inner) in shared:
                break
            # The rows keep the numbers they had.
            first = inner.offset + node.offset
            passed.append(replace(inner, offset=first) if node.offset else inner)
        else:
            merged = _merged(node, inner)
            if merged is None:
                break
            node = merged
        inner = inner.input
    result = _bounded(replace(node, input=inner), shared)
    for above in reversed(passed):
        result = above.with_inputs((result,))
    return result


def _merged(outer: Slice, inner: Slice) -> Slice | None:
    """Return one slice for one over another, None where an end that is not known counts."""
    if outer.offset < 0 or inner.offset < 0:
        return None
    lengths = []
    if inner.length is not None:
        lengths.append(max(inner.length - outer.offset, 0))
    if outer.length is not None:
        lengths.append(outer.length)
    return replace(
        outer,
        input=inner.input,
        offset=inner.offset + outer.offset,
        length=min(lengths, default=None),
    )


def _bounded(node: Slice, shared: Mapping[int, PlanNode]) -> PlanNode:
    """Return a slice over anything but a projection, with its input told what is enough."""
    inner = node.input
    if node.offset < 0:
        return node
    if node.length is None:
        return inner if node.offset == 0 else node
    enough = node.offset + node.length
    if isinstance(inner, Scan):
        inner = _bounded_scan(inner, enough)
    elif id(inner) not in shared and isinstance(inner, Sort | Union):
        inner = _bounded_node(inner, enough, shared)
    known = most_rows(inner)
    if node.offset == 0 and known is not None and known <= enough:
        return inner
    return node if inner is node.input else replace(node, input=inner)


def _bounded_scan(scan: Scan, enough: int) -> Scan:
    limit = scan.pushdown.limit
    if scan.pushdown.predicate is not None or (limit is not None and limit <= enough):
        return scan
    return replace(scan, pushdown=replace(scan.pushdown, limit=enough))


def _bounded_node(node: Sort | Union, enough: int, shared: Mapping[int, PlanNode]) -> PlanNode:
    if isinstance(node, Sort):
        if node.limit is not None and node.limit <= enough:
            return node
        return replace(node, limit=enough)
    parts = tuple(_at_most(part, enough, shared) for part in node.parts)
    return node.with_inputs(parts)


def _at_most(part: PlanNode, enough: int, shared: Mapping[int, PlanNode]) -> PlanNode:
    known = most_rows(part)
    if known is not None and known <= enough:
        return part
    return _pushed(Slice(input=part, offset=0, length=enough, site=part.site), shared)


def most_rows(node: PlanNode) -> int | None:
    """Return how many rows `node` gives at most, None where nothing bounds them."""
    while isinstance(node, Project | RowIndex | Reverse):
        node = node.input
    if isinstance(node, Slice):
        return node.length
    if isinstance(node, Sort):
        return node.limit
    if isinstance(node, Aggregate) and not node.keys:
        return 1
    if isinstance(node, Union):
        counts = [most_rows(part) for part in node.parts]
        known = [count for count in counts if count is not None]
        return sum(known) if len(known) == len(counts) else None
    return None

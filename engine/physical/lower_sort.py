"""Sorting: runs sorted in every task, then ranges of keys taken across all runs."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from ..expr.node import SortKey
from ..plan.node import PlanNode
from ..plan.nodes import Sort
from .kernels.sort import boundaries
from .operators.sort import SortRun, TopK
from .operators.take_range import TakeRange
from .pipeline import Pipeline, over_refs
from .stage import Branch, Exchange, KeyRange, StageOutput, TaskInput

if TYPE_CHECKING:
    from .planner import Planner


def lower_sort(node: Sort, planner: Planner) -> Pipeline | None:
    """Return the pipeline of a sort, or None while the stage that makes its runs goes on."""
    source = planner.lower(node.input)
    if source is None:
        return None
    if node.limit is not None:
        return _top(node, planner, source, node.limit)
    return in_order(node, planner, source, node.by)


def in_order(
    node: PlanNode, planner: Planner, source: Pipeline, by: tuple[SortKey, ...]
) -> Pipeline | None:
    """Return `source` sorted on behalf of `node`, or None while the stage with its runs goes on."""
    run = SortRun(by=by)
    sorted_parts = source.then(run, site=node.site)
    if source.partitions == 1:
        return sorted_parts
    output = planner.run(node, "runs", sorted_parts, Exchange(kind="range"), sort=by)
    if output is None:
        return None
    reads = (output.stage.id,)
    count = max(1, -(-output.bytes // planner.settings.exchange_bytes))
    if count == 1:
        merged = over_refs([output.refs()], source.schema, reads, "all runs")
    else:
        merged = _by_range(by, source, output, count)
    return merged.then(run, site=node.site)


def _top(node: Sort, planner: Planner, source: Pipeline, limit: int) -> Pipeline | None:
    top = TopK(by=node.by, limit=limit)
    gathered = planner.gathered(node, "top", source.then(top, site=node.site))
    if gathered is None or source.partitions == 1:
        return gathered
    return gathered.then(top, site=node.site)


def _by_range(
    by: tuple[SortKey, ...], source: Pipeline, output: StageOutput, count: int
) -> Pipeline:
    """Return one partition per range of keys; each takes its part of every run."""
    cuts = boundaries([result.samples for result in output.results], count, by)
    edges = [None, *cuts, None]
    refs = output.refs()
    inputs = tuple(
        TaskInput(refs=refs, key_range=KeyRange(low=low, high=high), label=f"range {number}")
        for number, (low, high) in enumerate(itertools.pairwise(edges))
    )
    branch = Branch(inputs=inputs, schema=source.schema, operators=(TakeRange(by=by),))
    return Pipeline(branches=(branch,), schema=source.schema, reads=(output.stage.id,))

"""Sorting: runs sorted in every task, then ranges of keys taken across all runs."""

from __future__ import annotations

import itertools
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..expr.node import SortKey
from ..plan.node import PlanNode
from ..plan.nodes import Sort
from .kernels.sort import boundaries, frequent, order_key
from .large_exchanges import range_count
from .operators.sort import SortRun, TopK
from .operators.take_range import TakeRange
from .pipeline import Pipeline, balanced, over_refs
from .stage import Branch, Exchange, KeyRange, Ref, StageOutput, TaskInput

if TYPE_CHECKING:
    from .planner import Planner


def lower_sort(node: Sort, planner: Planner) -> Pipeline | None:
    """Return the pipeline of a sort, or None while the stage that makes its runs goes on."""
    source = planner.lower(node.input)
    if source is None:
        return None
    if node.limit is not None:
        return _top(node, planner, source, node.limit)
    return in_order(node, planner, source, node.by, equal_together=False)


def in_order(
    node: PlanNode,
    planner: Planner,
    source: Pipeline,
    by: tuple[SortKey, ...],
    role: str = "runs",
    equal_together: bool = True,
) -> Pipeline | None:
    """Return `source` sorted on behalf of `node`, or None while the stage with its runs goes on.

    `role` tells apart the orders that one node asks for. Rows of equal keys are in one partition,
    unless `equal_together` says that nobody needs that.
    """
    run = SortRun(by=by)
    sorted_parts = source.then(run, site=node.site)
    if source.partitions == 1:
        return sorted_parts
    output = planner.run(node, role, sorted_parts, Exchange(kind="range"), sort=by)
    if output is None:
        return None
    reads = (output.stage.id,)
    count = range_count(output.bytes, len(output.refs()), planner.settings.exchange_bytes)
    if count == 1:
        merged = over_refs([output.refs()], source.schema, reads, "all runs")
    else:
        inputs = _whole_ranges(by, output, count) if equal_together else _ranges(by, output, count)
        branch = Branch(inputs=inputs, schema=source.schema, operators=(TakeRange(by=by),))
        merged = Pipeline(branches=(branch,), schema=source.schema, reads=reads)
    return merged.then(run, site=node.site)


def _top(node: Sort, planner: Planner, source: Pipeline, limit: int) -> Pipeline | None:
    top = TopK(by=node.by, limit=limit)
    gathered = planner.gathered(node, "top", source.then(top, site=node.site))
    if gathered is None or source.partitions == 1:
        return gathered
    return gathered.then(top, site=node.site)


def _whole_ranges(
    by: tuple[SortKey, ...], output: StageOutput, count: int
) -> tuple[TaskInput, ...]:
    """Return one task for each range of keys; each takes its part of every run."""
    cuts = boundaries([result.samples for result in output.results], count, by)
    edges = [None, *cuts, None]
    refs = output.refs()
    return tuple(
        _range(number, refs, KeyRange(low=low, high=high))
        for number, (low, high) in enumerate(itertools.pairwise(edges))
    )


def _ranges(by: tuple[SortKey, ...], output: StageOutput, count: int) -> tuple[TaskInput, ...]:
    """Return the tasks for ranges of keys, several for a key that has more rows than one should.

    Rows of one key are in order as they come, run after run: so its tasks share the runs.
    """
    samples = [result.samples for result in output.results]
    refs = output.refs()
    ordered = [[order_key(key, by) for key in run] for run in samples]
    inputs: list[TaskInput] = []
    low, done = None, False
    for key, parts in frequent(samples, count, by):
        inputs.append(_range(len(inputs), refs, KeyRange(low=low, high=key, without_low=done)))
        low, done = key, parts > 1
        if done:
            only = KeyRange(low=key, high=key, with_high=True)
            for runs in _shared_runs(order_key(key, by), parts, ordered):
                some = tuple(itertools.chain(*output.partitions[runs.start : runs.stop]))
                inputs.append(_range(len(inputs), some, only))
    inputs.append(_range(len(inputs), refs, KeyRange(low=low, high=None, without_low=done)))
    return tuple(inputs)


def _shared_runs(
    key: tuple[Any, ...], parts: int, samples: Sequence[Sequence[tuple[Any, ...]]]
) -> list[range]:
    """Return at most `parts` stretches of runs, with about as many rows of `key` each.

    `key` and the samples are order keys, those of a run in its order.
    """
    counts = [bisect_right(run, key) - bisect_left(run, key) for run in samples]
    return [run for run in balanced(counts, -(-sum(counts) // parts)) if run]


def _range(number: int, refs: tuple[Ref, ...], wanted: KeyRange) -> TaskInput:
    return TaskInput(refs=refs, key_range=wanted, label=f"range {number}")

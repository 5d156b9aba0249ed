"""Other partitions: neighbouring rows cut anew, rows brought together by key, partitions picked."""

from __future__ import annotations

import bisect
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from ..errors import InvalidExpression
from ..plan.partitioning import Cache, Repartition, TakePartitions
from .lower_aggregate import slot_count
from .operators.slice import LimitRows
from .pipeline import Pipeline, balanced, over_refs
from .stage import Branch, Exchange, Ref, Side, TaskInput

if TYPE_CHECKING:
    from .planner import Planner


def lower_cache(node: Cache, planner: Planner) -> Pipeline | None:
    """Return the pipeline below: the planner keeps what several read, and a mark is never cheap."""
    return planner.lower(node.input)


def lower_repartition(node: Repartition, planner: Planner) -> Pipeline | None:
    """Return a pipeline with other partitions, or None while the stage that makes rows goes on."""
    source = planner.lower(node.input)
    if source is None:
        return None
    if node.keys:
        return _by_keys(node, planner, source)
    if source.partitions == 1 and node.count == 1:
        return source
    output = planner.run(node, "rows", source, Exchange(kind="forward"))
    if output is None:
        return None
    refs = output.refs()
    ends = _even_ends(refs, node.count) if node.count else _ends_by_bytes(refs, node.size or 1)
    branches = tuple(_row_ranges(refs, ends, source))
    return Pipeline(
        branches=branches, schema=source.schema, reads=(output.stage.id,), sites=source.sites
    )


def _by_keys(node: Repartition, planner: Planner, source: Pipeline) -> Pipeline | None:
    target = planner.settings.exchange_bytes if node.size is None else node.size
    slots = node.count or slot_count(source.input_bytes, target)
    if source.partitions == 1 and node.count in (None, 1):
        return source
    exchange = Exchange(kind="hash", keys=node.keys, partitions=slots)
    output = planner.run(node, "keys", source, exchange)
    if output is None:
        return None
    if node.count:
        runs = [range(slot, slot + 1) for slot in range(slots)]
    else:
        runs = balanced(output.slot_bytes(), target)
    return over_refs(output.slot_groups(runs), source.schema, (output.stage.id,), "keys")


def _even_ends(refs: Sequence[Ref], count: int) -> list[int]:
    """Return the row behind the last of each of `count` partitions of as many rows."""
    rows = sum(ref.rows for ref in refs)
    return [rows * (part + 1) // count for part in range(count)]


def _ends_by_bytes(refs: Sequence[Ref], target: int) -> list[int]:
    """Return the row behind the last of each partition, of about `target` bytes and alike."""
    total = sum(ref.bytes for ref in refs)
    count = max(1, -(-total // target))
    places = [0, *itertools.accumulate(ref.bytes for ref in refs)]
    rows = [0, *itertools.accumulate(ref.rows for ref in refs)]
    ends = []
    for part in range(1, count):
        at = total * part // count
        ref = bisect.bisect_right(places, at) - 1
        within = (at - places[ref]) * refs[ref].rows // max(refs[ref].bytes, 1)
        ends.append(rows[ref] + within)
    return [*ends, rows[-1]]


def _row_ranges(refs: Sequence[Ref], ends: Sequence[int], source: Pipeline) -> Iterator[Branch]:
    """Yield one branch of one partition for each range of rows; whole refs are not cut."""
    starts = [0, *itertools.accumulate(ref.rows for ref in refs)]
    for number, (low, high) in enumerate(itertools.pairwise([0, *ends])):
        first = max(bisect.bisect_right(starts, low) - 1, 0)
        last = bisect.bisect_left(starts, high)
        chosen = tuple(refs[first:last]) if high > low else ()
        whole = low == starts[first] and high == starts[last]
        operators = (
            ()
            if whole or not chosen
            else (LimitRows(offset=low - starts[first], length=high - low),)
        )
        task = TaskInput(refs=chosen, label=f"partition {number} (rows {low:,} to {high:,})")
        yield Branch(inputs=(task,), schema=source.schema, operators=operators)


def lower_take_partitions(node: TakePartitions, planner: Planner) -> Pipeline | None:
    """Return the pipeline below with some of its partitions alone."""
    source = planner.lower(node.input)
    if source is None:
        return None
    places = [(branch, place) for branch in source.branches for place in range(len(branch.inputs))]
    branches = []
    for number in node.numbers:
        if number >= len(places):
            raise InvalidExpression(
                f"There is no partition {number}: this frame has {len(places)}, counted from 0."
            )
        branch, place = places[number]
        sides = tuple(_side_of(side, place) for side in branch.sides)
        branches.append(
            Branch(
                inputs=(branch.inputs[place],),
                schema=branch.schema,
                operators=branch.operators,
                sides=sides,
            )
        )
    return Pipeline(
        branches=tuple(branches) or (Branch(inputs=(), schema=source.schema),),
        schema=source.schema,
        reads=source.reads,
        sites=source.sites,
    )


def _side_of(side: Side, place: int) -> Side:
    return replace(side, partitions=(side.refs(place),))

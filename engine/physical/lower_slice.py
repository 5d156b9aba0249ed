"""Slices: each task keeps what could be wanted of it, then the pieces are chosen by their rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..plan.nodes import Slice
from .operators.slice import LimitRows, TailRows
from .pipeline import Pipeline
from .stage import Branch, Exchange, Ref, TaskInput

if TYPE_CHECKING:
    from .planner import Planner


def lower_slice(node: Slice, planner: Planner) -> Pipeline | None:
    """Return the pipeline of a slice, or None while the stage before it runs."""
    source = planner.lower(node.input)
    if source is None:
        return None
    enough = None if node.length is None or node.offset < 0 else node.offset + node.length
    if source.partitions == 1 and node.offset >= 0:
        return source.then(LimitRows(offset=node.offset, length=node.length), site=node.site)
    if enough is not None:
        source = source.then(LimitRows(offset=0, length=enough), site=node.site)
    elif node.offset < 0:
        source = source.then(TailRows(count=-node.offset), site=node.site)
    output = planner.run(node, "slice", source, Exchange(kind="gather", limit=enough))
    if output is None:
        return None
    start = node.offset if node.offset >= 0 else max(0, output.rows + node.offset)
    if node.length is None:
        stop = output.rows
    else:
        # From the end, a length counts from where the offset lies even if that is before row 0.
        asked = node.offset if node.offset >= 0 else output.rows + node.offset
        stop = max(start, min(output.rows, asked + node.length))
    branches = _cut(output.refs(), start, stop, source)
    return Pipeline(
        branches=branches, schema=source.schema, reads=(output.stage.id,), sites=source.sites
    )


def _cut(refs: tuple[Ref, ...], start: int, stop: int, source: Pipeline) -> tuple[Branch, ...]:
    """Return branches that read rows `start` to `stop` of `refs`, cut where these begin or end."""
    branches: list[Branch] = []
    first = 0
    for ref in refs:
        low, high = max(start - first, 0), min(stop - first, ref.rows)
        first += ref.rows
        if low >= high:
            continue
        task = TaskInput(refs=(ref,), label=f"rows {first - ref.rows + low} to {first}")
        whole = low == 0 and high == ref.rows
        operators = () if whole else (LimitRows(offset=low, length=high - low),)
        if whole and branches and not branches[-1].operators:
            last = branches[-1]
            branches[-1] = Branch(inputs=(*last.inputs, task), schema=source.schema)
        else:
            branches.append(Branch(inputs=(task,), schema=source.schema, operators=operators))
    return tuple(branches) or (Branch(inputs=(), schema=source.schema),)

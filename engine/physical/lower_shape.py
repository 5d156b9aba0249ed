"""Lowering of what needs to know where a row stands among all: numbers, reversal, side by side."""

from __future__ import annotations

import bisect
import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ..errors import ComputeError
from ..plan.shape import Beside, Explode, RandomBits, Reverse, RowIndex, Unnest
from .operators.beside import PasteColumns
from .operators.compute import Compute
from .operators.explode import ExplodeRows
from .operators.reverse import ReverseRows
from .operators.row_index import AddRandomBits, AddRowIndex
from .operators.unnest import UnnestStructs
from .pipeline import Pipeline, merged_sites, over_refs
from .stage import Branch, Exchange, Ref, Side, TaskInput

if TYPE_CHECKING:
    from .planner import Planner

KEEPS_ROWS = (Compute, AddRowIndex, AddRandomBits, ReverseRows, UnnestStructs)
"""Operators that give as many rows as they are given."""


def lower_explode(node: Explode, planner: Planner) -> Pipeline | None:
    """Return the pipeline of its input with one more operator."""
    pipeline = planner.lower(node.input)
    explode = ExplodeRows(
        columns=node.columns, empty_as_null=node.empty_as_null, keep_nulls=node.keep_nulls
    )
    return pipeline and pipeline.then(explode, schema=node.schema, site=node.site)


def lower_unnest(node: Unnest, planner: Planner) -> Pipeline | None:
    """Return the pipeline of its input with one more operator."""
    pipeline = planner.lower(node.input)
    unnest = UnnestStructs(columns=node.columns, names=tuple(node.schema.names))
    return pipeline and pipeline.then(unnest, schema=node.schema, site=node.site)


def lower_row_index(node: RowIndex, planner: Planner) -> Pipeline | None:
    """Return the pipeline of numbered rows, or None while a stage counts them."""
    numbered = _numbered(node, planner)
    add = AddRowIndex(name=node.name, offset=node.offset)
    return numbered and numbered.then(add, schema=node.schema, site=node.site)


def lower_random_bits(node: RandomBits, planner: Planner) -> Pipeline | None:
    """Return the pipeline of rows with their bits, or None while a stage counts them."""
    numbered = _numbered(node, planner)
    add = AddRandomBits(name=node.name, seed=node.seed)
    return numbered and numbered.then(add, schema=node.schema, site=node.site)


def _numbered(node: RowIndex | RandomBits, planner: Planner) -> Pipeline | None:
    """Return the input with each task told its first row, or None while a stage counts the rows.

    Where the rows of all partitions are known beforehand, nothing is run for it; else the rows are
    made and kept partition by partition, and each is told how many come before it.
    """
    source = planner.lower(node.input)
    if source is None:
        return None
    numbered = _with_first_rows(source, known_rows(source))
    if numbered is None:
        output = planner.run(node, "rows", source, Exchange(kind="forward"))
        if output is None:
            return None
        counted = over_refs(output.partitions, source.schema, (output.stage.id,), "rows")
        numbered = _with_first_rows(replace(counted, sites=source.sites), known_rows(counted))
    return numbered


def known_rows(pipeline: Pipeline) -> list[int] | None:
    """Return how many rows each partition will have, None where that is not known for sure."""
    counts = []
    for branch in pipeline.branches:
        if not all(isinstance(operator, KEEPS_ROWS) for operator in branch.operators):
            return None
        for task in branch.inputs:
            rows = _rows_of(task)
            if rows is None:
                return None
            counts.append(rows)
    return counts


def _rows_of(task: TaskInput) -> int | None:
    if task.key_range is not None:
        return None
    return sum(ref.rows for ref in task.refs) if task.fragment is None else task.fragment.rows


def _with_first_rows(pipeline: Pipeline, counts: Sequence[int] | None) -> Pipeline | None:
    """Return `pipeline` with each task told its first row, None where that cannot be said yet."""
    if counts is None:
        if pipeline.partitions != 1:
            return None
        # The only partition begins at the first row, however many it has.
        counts = [0]
    first_rows = iter(itertools.accumulate(counts, initial=0))
    branches = []
    for branch in pipeline.branches:
        inputs = []
        for task in branch.inputs:
            first = next(first_rows)
            if task.first_row not in (None, first):
                # Numbered before, in another order, by an operator of the same stage.
                return None
            inputs.append(replace(task, first_row=first))
        branches.append(replace(branch, inputs=tuple(inputs)))
    return replace(pipeline, branches=tuple(branches))


def lower_reverse(node: Reverse, planner: Planner) -> Pipeline | None:
    """Return the partitions of the input in the opposite order, each turned round."""
    source = planner.lower(node.input)
    if source is None:
        return None
    branches = tuple(
        replace(
            branch,
            inputs=branch.inputs[::-1],
            sides=tuple(replace(side, partitions=side.partitions[::-1]) for side in branch.sides),
        )
        for branch in reversed(source.branches)
    )
    return replace(source, branches=branches).then(ReverseRows(), site=node.site)


@dataclass(frozen=True, kw_only=True)
class _Part:
    """One of the inputs that are put side by side, as it was made."""

    partitions: Sequence[tuple[Ref, ...]]
    reads: tuple[int, ...]

    @property
    def rows(self) -> int:
        return sum(ref.rows for refs in self.partitions for ref in refs)


def lower_beside(node: Beside, planner: Planner) -> Pipeline | None:
    """Return rows side by side, or None while the parts are made.

    Each part is made and kept partition by partition. Those of the longest stay as they are; of
    the others, each task reads from the piece on in which its first row lies.
    """
    # All parts are asked before any is waited for, so that their stages run side by side.
    pipelines = [planner.lower(part) for part in node.parts]
    made = [
        None if pipeline is None else _made(node, planner, number, pipeline)
        for number, pipeline in enumerate(pipelines)
    ]
    parts = [part for part in made if part is not None]
    if len(parts) < len(made):
        return None
    _check_rows(node, [part.rows for part in parts])
    longest = max(range(len(parts)), key=lambda number: parts[number].rows)
    main = parts[longest].partitions
    counts = [sum(ref.rows for ref in refs) for refs in main]
    firsts = list(itertools.accumulate(counts, initial=0))[:-1]
    edges = list(itertools.pairwise([*firsts, sum(counts)]))
    sides, skips = [], []
    for number, part in enumerate(parts):
        if number == longest:
            continue
        found = _cut_at(part, edges)
        chosen = tuple(refs for refs, _ in found)
        sides.append(Side(partitions=chosen, schema=node.parts[number].schema))
        skips.append([skip for _, skip in found])
    inputs = tuple(
        TaskInput(refs=refs, skips=tuple(skip[number] for skip in skips), label=f"rows {first} on")
        for number, (refs, first) in enumerate(zip(main, firsts, strict=True))
    )
    paste = PasteColumns(schemas=tuple(part.schema for part in node.parts), longest=longest)
    branch = Branch(
        inputs=inputs, schema=node.parts[longest].schema, operators=(paste,), sides=tuple(sides)
    )
    sites = [] if node.site is None else [node.site]
    for pipeline in pipelines:
        sites = [*merged_sites(pipeline.sites if pipeline else (), sites)]
    return Pipeline(
        branches=(branch,),
        schema=node.schema,
        reads=tuple(read for part in parts for read in part.reads),
        sites=tuple(sites),
    )


def _made(node: Beside, planner: Planner, number: int, pipeline: Pipeline) -> _Part | None:
    """Return one part as refs, which it is already where it has been made for others too."""
    branches = pipeline.branches
    if all(
        not branch.operators and task.fragment is None and task.key_range is None
        for branch in branches
        for task in branch.inputs
    ):
        partitions = [task.refs for branch in branches for task in branch.inputs]
        return _Part(partitions=partitions, reads=pipeline.reads)
    output = planner.run(node, f"part {number}", pipeline, Exchange(kind="forward"))
    if output is None:
        return None
    return _Part(partitions=output.partitions, reads=(output.stage.id,))


def _check_rows(node: Beside, rows: list[int]) -> None:
    if node.extend or len(set(rows)) == 1:
        return
    shown = ", ".join(f"{count:,} rows in frame {n}" for n, count in enumerate(rows, start=1))
    line = "" if node.site is None else f" ({node.site})"
    raise ComputeError(
        f'concat(how="horizontal"){line} wants frames of equal length: {shown}. To fill the'
        ' shorter ones up with null use how="horizontal_extend"; to match rows by a key, .join().'
    )


def _cut_at(part: _Part, edges: Sequence[tuple[int, int]]) -> list[tuple[tuple[Ref, ...], int]]:
    """Return for each pair of edges the refs with the rows between, and how many to leave out."""
    refs = [ref for partition in part.partitions for ref in partition]
    ends = list(itertools.accumulate(ref.rows for ref in refs))
    found: list[tuple[tuple[Ref, ...], int]] = []
    for start, stop in edges:
        low = bisect.bisect_right(ends, start)
        if start == stop or low == len(refs):
            found.append(((), 0))
            continue
        high = bisect.bisect_left(ends, stop)
        found.append((tuple(refs[low : high + 1]), start - (ends[low] - refs[low].rows)))
    return found

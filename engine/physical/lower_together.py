"""Several results of one query, and functions that wait for what others return."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..expr.user_code import name_of
from ..plan.node import PlanNode
from ..plan.together import RunFunction, Together
from ..plan.user_functions import OBJECTS
from .operators.conform import ConformRows
from .operators.run_function import MarkRows, RunFunctionOnce
from .pipeline import Pipeline, merged_sites
from .stage import Branch, Exchange, Ref, Side, TaskInput

if TYPE_CHECKING:
    from .planner import Planner


def lower_together(node: Together, planner: Planner) -> Pipeline | None:
    """Return the branches of all results one behind the other, each marked with its number."""
    # All are asked before any is waited for, so that their stages run side by side.
    parts = [planner.lower(part) for part in node.parts]
    marked = [
        pipeline.then(ConformRows(schema=part.schema), MarkRows(part=number))
        for number, (pipeline, part) in enumerate(zip(parts, node.parts, strict=True))
        if pipeline is not None
    ]
    return _side_by_side(marked) if len(marked) == len(parts) else None


def _side_by_side(pipelines: Sequence[Pipeline]) -> Pipeline:
    return Pipeline(
        branches=tuple(branch for pipeline in pipelines for branch in pipeline.branches),
        schema=pipelines[0].schema,
        reads=tuple(read for pipeline in pipelines for read in pipeline.reads),
        sites=functools.reduce(merged_sites, (pipeline.sites for pipeline in pipelines)),
    )


def lower_run_function(node: RunFunction, planner: Planner) -> Pipeline | None:
    """Return a pipeline of one task, or None while its arguments are made."""
    arguments = _arguments(node, planner)
    if arguments is None:
        return None
    task = TaskInput(label=f"a call of {name_of(node.call.function)}")
    pipeline = Pipeline(branches=(Branch(inputs=(task,), schema=OBJECTS),), schema=OBJECTS)
    for argument, (refs, reads) in zip(node.arguments, arguments, strict=True):
        side = Side(partitions=(refs,), schema=argument.schema)
        pipeline = pipeline.with_side(side, reads, ())
    tables = tuple(None if is_object(argument) else argument.schema for argument in node.arguments)
    run = RunFunctionOnce(call=node.call, tables=tables, site=node.site)
    return pipeline.then(run, site=node.site)


def is_object(node: PlanNode) -> bool:
    """Return whether a node gives an object of Python, and not rows."""
    return isinstance(node, RunFunction)


def _arguments(
    node: RunFunction, planner: Planner
) -> list[tuple[tuple[Ref, ...], tuple[int, ...]]] | None:
    """Return where each argument lies, and the stages that made it.

    Those that are not made yet are made by one stage, a task each: thousands of calls whose results
    meet in one are two stages.
    """
    lowered = [planner.lower(argument) for argument in node.arguments]
    pipelines = [pipeline for pipeline in lowered if pipeline is not None]
    if len(pipelines) < len(lowered):
        return None
    open_ones = [pipeline for pipeline in pipelines if not _is_made(pipeline)]
    made: tuple[tuple[Ref, ...], ...] = ()
    reads: tuple[int, ...] = ()
    if open_ones:
        output = planner.run(node, "arguments", _side_by_side(open_ones), Exchange(kind="forward"))
        if output is None:
            return None
        made, reads = tuple(output.partitions), (output.stage.id,)
    found = []
    first = 0
    for pipeline in pipelines:
        if _is_made(pipeline):
            tasks = (task for branch in pipeline.branches for task in branch.inputs)
            found.append((tuple(ref for task in tasks for ref in task.refs), pipeline.reads))
            continue
        stop = first + pipeline.partitions
        found.append((tuple(ref for part in made[first:stop] for ref in part), reads))
        # It is read by one stage, however many arguments it has made.
        first, reads = stop, ()
    return found


def _is_made(pipeline: Pipeline) -> bool:
    """Return whether it only hands on whole what lies there."""
    return bool(pipeline.reads) and all(
        not branch.operators
        and not branch.sides
        and all(task.fragment is None and task.key_range is None for task in branch.inputs)
        for branch in pipeline.branches
    )

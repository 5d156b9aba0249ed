"""The last stage of a query in the driver's own process, where it has only a few rows to look at.

Its rows come to the driver anyway. Sent to a worker, it is pickled, waited for, run, written, told
of and mapped, while nothing else of the query is left to do.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..physical.memory import Budget
from ..physical.operators.conform import ConformRows
from ..physical.operators.sort import SortRun, TopK
from ..physical.own_side import is_own, is_repeatable
from ..physical.stage import Branch, Operator, Ref, Stage, Task
from .report import Done, Failed, Piece, Report, failure_of, key_of
from .stores import Store
from .task import TaskSettings, run_task

MOST_ROWS = 2_000
"""That it reads. Chosen, not measured: little work also where kernels are not compiled."""

MOST_BYTES = 256 * 1024


def is_for_driver(stage: Stage) -> bool:
    """Return whether `stage` is one task that makes the result of a few rows, with no user code."""
    if stage.output.kind != "result" or stage.partitions != 1:
        return False
    (branch,) = [branch for branch in stage.branches if branch.inputs]
    if branch.inputs[0].fragment is not None or any(side.made_by for side in branch.sides):
        return False
    refs = list(_refs(branch))
    few = sum(ref.rows for ref in refs) <= MOST_ROWS
    small = sum(ref.bytes for ref in refs) <= MOST_BYTES
    return few and small and all(map(_is_ours, branch.operators))


def _refs(branch: Branch) -> Iterator[Ref]:
    yield from branch.inputs[0].refs
    for side in branch.sides:
        yield from side.refs(0)


def _is_ours(operator: Operator) -> bool:
    """Return whether no function of the user is called, which may do anything to its process."""
    if isinstance(operator, SortRun | TopK):
        return is_own(key.expr for key in operator.by)
    return isinstance(operator, ConformRows) or is_repeatable(operator)


def reports(stage: Stage, task: Task, store: Store, settings: TaskSettings) -> Iterator[Report]:
    """Run the task here and report of it as a worker does."""
    key = key_of(task)
    memory = Budget(settings.share, settings.batch_bytes)
    steps = run_task(stage, task, store, settings, {}, lambda: False, memory)
    while True:
        try:
            yield Piece(key, next(steps))
        except StopIteration as stop:
            yield Done(key, stop.value)
            return
        except Exception as error:  # reported as the task's failure
            yield Failed(key, failure_of(error))
            return

"""What an executor reports of the tasks it was given, and how an error gets from there to here."""

from __future__ import annotations

import linecache
import pickle
import traceback
from dataclasses import dataclass

from ..errors import ExecutionError, PartitaError, is_scarcity, refused
from ..physical.stage import Ref, Stage, Task, TaskResult


@dataclass(frozen=True)
class TaskKey:
    """Which attempt of which task."""

    query: int
    stage: int
    partition: int
    attempt: int


def key_of(task: Task) -> TaskKey:
    """Return the key of a task."""
    return TaskKey(task.query, task.stage, task.partition, task.attempt)


@dataclass(frozen=True)
class Piece:
    """A running task has made a piece of its output."""

    key: TaskKey
    ref: Ref


@dataclass(frozen=True)
class Done:
    """A task has finished."""

    key: TaskKey
    result: TaskResult
    worker: int | None = None
    """Which worker ran it, where that was not known when it was started."""


@dataclass(frozen=True)
class Failure:
    """What is left of an exception on its way between processes."""

    error: PartitaError
    cause: BaseException | None = None

    def raised(self) -> PartitaError:
        """Return the error to raise, with what caused it."""
        self.error.__cause__ = self.cause
        self.error.__suppress_context__ = True
        return self.error


@dataclass(frozen=True)
class Failed:
    """A task raised; trying it again would raise again."""

    key: TaskKey
    failure: Failure
    worker: int | None = None


@dataclass(frozen=True)
class Lost:
    """A task did not finish for no fault that is known to be its own: its worker died.

    `blamed` is whether the task was the one that ran, or on how many workers it was.
    """

    key: TaskKey
    reason: str
    blamed: int


@dataclass(frozen=True)
class WorkerUp:
    """A worker is ready."""

    worker: int
    pid: int


@dataclass(frozen=True)
class WorkerDown:
    """A worker ended by itself."""

    worker: int
    pid: int
    reason: str


Report = Piece | Done | Failed | Lost | WorkerUp | WorkerDown


def refs_of(report: Report) -> tuple[Ref, ...]:
    """Return what a report says has been made."""
    match report:
        case Piece():
            return (report.ref,)
        case Done():
            return report.result.refs
        case _:
            return ()


def failure_of(error: BaseException) -> Failure:
    """Return `error` made ready to travel: typed, and with what caused it."""
    if isinstance(error, PartitaError):
        return Failure(_retold(error, str(error)), _portable(error.__cause__))
    if is_scarcity(error):
        return Failure(refused(error), _portable(error))
    trace = "".join(traceback.format_exception(error)).rstrip()
    told = ExecutionError(f"{type(error).__name__}: {error}\n{trace}")
    return Failure(told, _portable(error))


def located(failure: Failure, stage: Stage, partition: int) -> Failure:
    """Return `failure` with its message saying where it happened."""
    return added(failure, location(stage, partition))


def added(failure: Failure, text: str) -> Failure:
    """Return `failure` with one more line of its message."""
    return Failure(_retold(failure.error, f"{failure.error}\n{text}"), failure.cause)


def _retold(error: PartitaError, text: str) -> PartitaError:
    """Return an error of the same kind that says `text`.

    A class that derives from ours may want other arguments, or be unknown where it is to be read:
    its nearest base among ours does.
    """
    own = (kind for kind in type(error).__mro__ if kind.__module__ == PartitaError.__module__)
    told: PartitaError = next(own)(text)
    return told


def location(stage: Stage, partition: int) -> str:
    """Return where a task stands: its partition and file, its stage, the lines of the user."""
    lines = [f"  in partition {partition} of {stage.partitions}"]
    if label := stage.input(partition).label:
        lines[0] += f" ({label})"
    lines.append(f"  of stage {stage.id}: {stage.label}")
    for site in stage.sites:
        code = linecache.getline(site.file, site.line).strip()
        lines.append(f"  from {site}" + (f": {code}" if code else ""))
    return "\n".join(lines)


def _portable(error: BaseException | None) -> BaseException | None:
    """Return `error` if it survives pickling, else one of the same text."""
    if error is None:
        return None
    bare = error.with_traceback(None)
    try:
        pickle.loads(pickle.dumps(bare))
    except Exception:  # whatever a user's exception class does when it is pickled
        return RuntimeError(f"{type(error).__name__}: {error}")
    return bare

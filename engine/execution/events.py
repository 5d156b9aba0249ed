"""Everything that happens while a query runs is one of these frozen events.

The progress bar, the profile, logs and tests read nothing else. ``time`` is in seconds of
`time.perf_counter` in the driver.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..physical.stage import Ref, Stage, TaskResult


@dataclass(frozen=True, kw_only=True)
class Event:
    """Something that happened."""

    query: int
    time: float


@dataclass(frozen=True, kw_only=True)
class QueryStarted(Event):
    """A query was handed to the scheduler."""

    executor: str
    workers: int


@dataclass(frozen=True, kw_only=True)
class StagePlanned(Event):
    """A stage is known, with its partitions; how many will follow is not."""

    stage: Stage


@dataclass(frozen=True, kw_only=True)
class TaskStarted(Event):
    """A task was handed to a worker."""

    stage: int
    partition: int
    attempt: int
    worker: int


@dataclass(frozen=True, kw_only=True)
class PieceMade(Event):
    """A running task announced a piece of its output."""

    stage: int
    partition: int
    ref: Ref


@dataclass(frozen=True, kw_only=True)
class TaskFinished(Event):
    """A task is done."""

    stage: int
    partition: int
    attempt: int
    worker: int
    result: TaskResult


@dataclass(frozen=True, kw_only=True)
class TaskFailed(Event):
    """A task did not finish; it is tried again if `retry`."""

    stage: int
    partition: int
    attempt: int
    worker: int
    reason: str
    retry: bool


@dataclass(frozen=True, kw_only=True)
class WorkerStarted(Event):
    """A worker process is ready."""

    worker: int
    pid: int


@dataclass(frozen=True, kw_only=True)
class WorkerDied(Event):
    """A worker process ended before it was asked to."""

    worker: int
    pid: int
    reason: str


@dataclass(frozen=True, kw_only=True)
class StageFinished(Event):
    """All tasks of a stage are done."""

    stage: int
    rows: int
    bytes: int


@dataclass(frozen=True, kw_only=True)
class QueryFinished(Event):
    """The query is over; `outcome` is ``finished``, ``stopped`` (enough rows) or ``failed``."""

    outcome: str


@dataclass(frozen=True, kw_only=True)
class Heartbeat(Event):
    """Nothing else happened for a moment; given a few times a second while a query runs."""


Observer = Callable[[Event], None]


class Observers:
    """Those who are told what happens in a query."""

    def __init__(self, query: int, observers: Sequence[Observer]) -> None:
        self._query = query
        self._observers = observers

    def tell(self, kind: type[Event], **more: object) -> None:
        """Make an event, if there is anybody to be told of it."""
        if self._observers:
            event = kind(query=self._query, time=time.perf_counter(), **more)
            for observer in self._observers:
                observer(event)

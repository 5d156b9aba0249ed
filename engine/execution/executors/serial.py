"""Run tasks in the driver's own process, one after the other, a piece at a time.

What they hand on stays in memory while its share of the limit lasts, then it goes to disk like that
of workers.
"""

from __future__ import annotations

import weakref
from collections import deque
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from typing import Any

from ...machine import suiting_ulimit
from ...physical.memory import Budget
from ...physical.stage import Ref, Stage, Task, TaskResult
from .. import allocators
from ..report import Done, Failed, Piece, Report, failure_of, key_of
from ..stores import LimitedStore, Store
from ..task import TaskSettings, run_task
from .executor import Resources


@dataclass
class _Running:
    stage: Stage
    task: Task
    steps: Generator[Ref, None, TaskResult]


@dataclass
class _Query:
    """A query that is open: what its tasks share, and those that are under way."""

    store: LimitedStore
    settings: TaskSettings
    cancelled: Callable[[], bool]
    memory: Budget
    cache: dict[Any, Any] = field(default_factory=dict)
    queue: deque[_Running] = field(default_factory=deque)
    places: tuple[str, ...] = ()
    """Its directories, if it has wanted any."""


class SerialExecutor:
    """One task at a time, here."""

    name = "serial"
    workers = 1
    memory = 0
    shares_memory = True
    broken = False

    def __init__(self, resources: Resources) -> None:
        self._resources = resources
        self._queries: dict[int, _Query] = {}

    @property
    def busy(self) -> bool:
        """Whether a query is under way."""
        return bool(self._queries)

    def open_query(
        self, query: int, settings: TaskSettings, cancelled: Callable[[], bool]
    ) -> Store:
        """Make a store for the query."""
        store = LimitedStore(lambda: self._disk_of(query))
        memory = Budget(settings.share, settings.batch_bytes)
        if suiting_ulimit():
            # This is the user's process: its heap is left alone where it may grow.
            allocators.suit(settings.share)
        self._queries[query] = _Query(store.same(), settings, cancelled, memory)
        # The scheduler closes its query, unless an interrupt comes just then: it is forgotten when
        # nobody has its store any more.
        weakref.finalize(store, self._forget, query).atexit = False
        return store

    def holds(self, query: int) -> bool:
        """Return whether the query is open here."""
        return query in self._queries

    def free(self, query: int) -> int:
        """Return 1 when no task of the query is under way."""
        return 0 if self._queries[query].queue else 1

    def start(self, stage: Stage, task: Task) -> int:
        """Queue a task; it runs inside `completed`."""
        query = self._queries[task.query]
        steps = run_task(
            stage, task, query.store, query.settings, query.cache, query.cancelled, query.memory
        )
        query.queue.append(_Running(stage, task, steps))
        return 0

    def completed(self, query: int, timeout: float) -> Sequence[Report]:
        """Run the first task of the query up to its next piece or its end."""
        queue = self._queries[query].queue
        if not queue:
            return ()
        running = queue[0]
        key = key_of(running.task)
        try:
            return (Piece(key, next(running.steps)),)
        except StopIteration as stop:
            queue.popleft()
            return (Done(key, stop.value),)
        except Exception as error:  # reported as the task's failure
            queue.popleft()
            return (Failed(key, failure_of(error)),)

    def cancel(self, query: int, stage: int | None = None, partition: int | None = None) -> None:
        """Close the generators of the tasks."""
        kept: deque[_Running] = deque()
        for running in self._queries[query].queue:
            task = running.task
            if stage is None or (task.stage, task.partition) == (stage, partition):
                running.steps.close()
            else:
                kept.append(running)
        self._queries[query].queue = kept

    def close_query(self, query: int) -> None:
        """Forget the data of the query."""
        if query in self._queries:
            self.cancel(query)
            self._forget(query)

    def _forget(self, query: int) -> None:
        left = self._queries.pop(query, None)
        if left is not None and left.places:
            self._resources.directory().leave(*left.places)

    def _disk_of(self, query: int) -> str:
        """Return the directory of a query, made when it is wanted."""
        found = self._queries[query]
        if not found.places:
            found.places = self._resources.directory().for_query(query)
        return found.places[1]

    def close(self) -> None:
        """Drop everything."""
        for query in list(self._queries):
            self.close_query(query)

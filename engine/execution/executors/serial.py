"""Run tasks in the driver's own process, one after the other, a piece at a time.

What they hand on stays in memory while its share of the limit lasts, then it goes to disk like that
of workers.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Any

from ...physical.memory import Budget
from ...physical.stage import Ref, Stage, Task, TaskResult
from ..report import Done, Failed, Piece, Report, failure_of, key_of
from ..task import TaskSettings, run_task
from ..transport import MemoryStore, Store
from .executor import Resources


@dataclass
class _Running:
    stage: Stage
    task: Task
    steps: Generator[Ref, None, TaskResult]


class SerialExecutor:
    """One task at a time, here."""

    name = "serial"
    workers = 1
    shares_memory = True
    broken = False

    def __init__(self, resources: Resources) -> None:
        self._resources = resources
        self._queues: dict[int, deque[_Running]] = {}
        self._stores: dict[int, MemoryStore] = {}
        self._settings: dict[int, TaskSettings] = {}
        self._caches: dict[int, dict[Any, Any]] = {}
        self._budgets: dict[int, Budget] = {}
        self._cancelled: dict[int, Callable[[], bool]] = {}
        self._places: dict[int, tuple[str, str]] = {}
        """The directories of those queries that have wanted one."""

    @property
    def busy(self) -> bool:
        """Whether a query is under way."""
        return bool(self._queues)

    def open_query(
        self, query: int, settings: TaskSettings, cancelled: Callable[[], bool]
    ) -> Store:
        """Make a store for the query."""
        self._queues[query] = deque()
        self._stores[query] = MemoryStore(lambda: self._disk_of(query))
        self._settings[query] = settings
        self._caches[query] = {}
        self._budgets[query] = Budget(settings.share)
        self._cancelled[query] = cancelled
        return self._stores[query]

    def holds(self, query: int) -> bool:
        """Return whether the query is open here."""
        return query in self._queues

    def free(self, query: int) -> int:
        """Return 1 when no task of the query is under way."""
        return 0 if self._queues[query] else 1

    def start(self, stage: Stage, task: Task) -> int:
        """Queue a task; it runs inside `completed`."""
        query = task.query
        steps = run_task(
            stage,
            task,
            self._stores[query],
            self._settings[query],
            self._caches[query],
            self._cancelled[query],
            self._budgets[query],
        )
        self._queues[query].append(_Running(stage, task, steps))
        return 0

    def completed(self, query: int, timeout: float) -> Sequence[Report]:
        """Run the first task of the query up to its next piece or its end."""
        queue = self._queues[query]
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
        for running in self._queues[query]:
            task = running.task
            if stage is None or (task.stage, task.partition) == (stage, partition):
                running.steps.close()
            else:
                kept.append(running)
        self._queues[query] = kept

    def close_query(self, query: int) -> None:
        """Forget the data of the query."""
        if query not in self._queues:
            return
        self.cancel(query)
        del self._queues[query], self._stores[query], self._settings[query], self._caches[query]
        del self._budgets[query], self._cancelled[query]
        if query in self._places:
            self._resources.directory().leave(*self._places.pop(query))

    def _disk_of(self, query: int) -> str:
        if query not in self._places:
            self._places[query] = self._resources.directory().for_query(query)
        return self._places[query][1]

    def close(self) -> None:
        """Drop everything."""
        for query in list(self._queues):
            self.close_query(query)

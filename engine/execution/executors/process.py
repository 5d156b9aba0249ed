"""Run tasks in a pool of worker processes: which worker has which, and what is reported of them.

A dead worker is replaced (see ``pool.py``) and its tasks are reported as lost; what to do with them
is the scheduler's to decide.
"""

from __future__ import annotations

import contextlib
import pickle
import threading
import time
import weakref
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import cloudpickle

from ...physical.stage import Stage, Task
from ..by_value import pickled_stage
from ..liveness import Busy, Watch
from ..messages import Cancel, Cancelled, CloseQuery, NewStage, OpenQuery, packed
from ..report import Done, Failed, Lost, Report, TaskKey, WorkerDown, WorkerUp, key_of, refs_of
from ..stores import FileStore, Store
from ..task import TaskSettings
from .executor import Resources, not_held
from .pool import Worker, WorkerPool

START_SECONDS = 60.0
"""How long the helper may take to its first answer; it imports for about a second."""

CANCEL_SECONDS = 1.0
"""How long workers have to leave a cancelled task before they are killed."""


class ProcessExecutor:
    """Runs the tasks of a session's queries in a pool of workers."""

    name = "process"
    memory = 0
    shares_memory = False

    def __init__(self, resources: Resources) -> None:
        self.workers = resources.workers
        self._closed = False
        self._directory = resources.directory()
        self._queries: dict[int, OpenQuery] = {}
        self._blobs: dict[tuple[int, int], bytes] = {}
        self._cancelled: set[TaskKey] = set()
        self._pending: dict[int, list[Report]] = {}
        # Queries may be run from several threads; each waits for a moment at a time.
        self._lock = threading.RLock()
        self._inside = False
        self._left: list[int] = []
        """Queries that are over and could not be closed when that happened."""

        self._mean_seconds = 1.0
        self._watches: dict[int, Watch] = {}
        directories = self._directory.memory, self._directory.disk
        self._pool = WorkerPool(self.workers, directories, self)

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """Keep other threads out, and notice when the same thread comes in once more."""
        with self._lock:
            outer, self._inside = self._inside, True
            try:
                if not outer:
                    while self._left:
                        # It stays in the list until that is done: an interrupt may come meanwhile.
                        self._leave(self._left[0])
                        del self._left[0]
                yield
            finally:
                self._inside = outer

    @property
    def broken(self) -> bool:
        """Whether no worker can be started any more."""
        return self._pool.broken

    @property
    def busy(self) -> bool:
        """Whether a query is under way."""
        return bool(self._queries)

    # What the scheduler asks for

    def open_query(
        self, query: int, settings: TaskSettings, cancelled: Callable[[], bool]
    ) -> Store:
        """Make the directories of the query and tell the workers."""
        with self._alone():
            if self._closed:
                raise not_held()
            self._pool.fill()
            memory, disk = self._directory.for_query(query)
            self._queries[query] = OpenQuery(query, settings, memory, disk)
            self._pending[query] = []
            if settings.stall_seconds:
                self._watches[query] = Watch(self._pool.pulses, settings.stall_seconds)
            store = FileStore(memory, disk)
            # The scheduler closes its query, unless two interrupts come one upon the other: then
            # the query is left when nobody has its store any more.
            weakref.finalize(store, self._left.append, query).atexit = False
            return store

    def holds(self, query: int) -> bool:
        """Return whether the query is open here."""
        return query in self._queries

    def free(self, query: int) -> int:
        """Return how many tasks can be handed out: short ones are queued to hide the way."""
        depth = 1 if self._mean_seconds > 0.05 else 2 if self._mean_seconds > 0.005 else 16
        with self._alone():
            return sum(max(0, depth - len(worker.tasks)) for worker in self._pool.workers.values())

    def start(self, stage: Stage, task: Task) -> int:
        """Hand a task to the worker with the fewest; the stage goes along the first time."""
        # A class of the user's script travels by value, which takes longer.
        own = type(task.input.fragment).__module__ == "__main__"
        message = (cloudpickle if own else pickle).dumps(task, pickle.HIGHEST_PROTOCOL)
        with self._alone():
            if self._closed:
                raise not_held()
            worker = min(self._pool.workers.values(), key=lambda one: len(one.tasks))
            news: list[object] = []
            if task.query not in worker.queries:
                news.append(self._queries[task.query])
                worker.queries.add(task.query)
            known = task.query, task.stage
            if known not in worker.stages:
                if known not in self._blobs:
                    self._blobs[known] = pickled_stage(stage)
                news.append(NewStage(*known, self._blobs[known]))
                worker.stages.add(known)
            worker.tasks.append(task)
            self._pool.send(worker, packed(*news) + message)
            return worker.number

    def completed(self, query: int, timeout: float) -> Sequence[Report]:
        """Wait for reports of workers, and for their ends."""
        with self._alone():
            if not self.holds(query):
                raise not_held()
            self._pool.hear(0 if self._pending[query] else timeout)
            self._end_stalled()
            reports, self._pending[query] = self._pending[query], []
            return reports

    def _end_stalled(self) -> None:
        """Kill the workers that hang, whichever query waits: its tasks may be queued behind."""
        for query, watch in self._watches.items():
            if not watch.due:
                continue
            busy = [
                Busy(worker.number, worker.pid, key_of(worker.tasks[0]))
                for worker in self._pool.workers.values()
                if worker.pid and worker.tasks and worker.tasks[0].query == query
            ]
            for number, seen in watch.stalled(busy).items():
                worker = self._pool.workers[number]
                place = self._pool.stacks.place_in(worker.pid)
                at = f" at {place}" if place else ""
                worker.ended = f"killed, for it hung{at}: {seen} (setting 'task_stall_seconds')"
                self._pool.give_up(worker)

    def cancel(self, query: int, stage: int | None = None, partition: int | None = None) -> None:
        """Tell the workers that have such tasks; nothing more is reported of these."""
        cancel = Cancel(query, stage, partition)
        with self._alone():
            for worker in self._pool.workers.values():
                covered = [task for task in worker.tasks if cancel.covers(task)]
                if covered:
                    self._cancelled.update(key_of(task) for task in covered)
                    self._pool.send(worker, packed(cancel))

    def close_query(self, query: int) -> None:
        """Have the workers leave the query, those that do not killed, and remove its files."""
        with self._lock:
            if self._inside:
                # A suspended query that is collected as garbage, in the middle of whatever was
                # going on here: it is left when that is over.
                self._left.append(query)
                return
            with self._alone():
                self._leave(query)

    def _leave(self, query: int) -> None:
        if query not in self._queries:
            return
        try:
            self.cancel(query)
            self._await_idle(query)
        finally:
            # Also when a second Ctrl-C comes meanwhile; what a third one prevents is done again,
            # for the query is known until all is done.
            stuck = self._busy(query)
            for worker in stuck:
                self._pool.give_up(worker)
            for worker in self._pool.workers.values():
                if query in worker.queries:
                    self._pool.send(worker, packed(CloseQuery(query)))
                    worker.queries.discard(query)
                    worker.stages = {known for known in worker.stages if known[0] != query}
            # One that is only just being killed may still write.
            leave = self._directory.remove_places if stuck else self._directory.leave
            leave(self._queries[query].memory, self._queries[query].disk)
            self._blobs = {known: blob for known, blob in self._blobs.items() if known[0] != query}
            self._cancelled = {key for key in self._cancelled if key.query != query}
            self._pending.pop(query, None)
            self._watches.pop(query, None)
            del self._queries[query]

    def _busy(self, query: int) -> list[Worker]:
        """Return the workers that have tasks of `query`."""
        return [
            worker
            for worker in self._pool.workers.values()
            if any(task.query == query for task in worker.tasks)
        ]

    def _await_idle(self, query: int) -> None:
        """Wait until no worker has a task of `query`; kill those that take too long."""
        deadline = time.monotonic() + CANCEL_SECONDS
        while self._busy(query) and (left := deadline - time.monotonic()) > 0:
            self._pool.hear(left)
        stuck = self._busy(query)
        for worker in stuck:
            self._pool.give_up(worker)
        while any(worker.number in self._pool.workers for worker in stuck):
            self._pool.hear(CANCEL_SECONDS)

    # What the pool tells

    def worker_started(self, worker: Worker) -> None:
        """Report to every query that a worker is there."""
        self._tell_all(WorkerUp(worker.number, worker.pid))

    def worker_told(self, worker: Worker, message: Any) -> None:
        """Take a report, or what a cancelled task answers."""
        if not isinstance(message, Done | Failed | Cancelled):
            self._report(message)
            return
        task = worker.tasks.popleft()
        if isinstance(message, Done):
            self._mean_seconds += 0.2 * (message.result.seconds - self._mean_seconds)
        if isinstance(message, Cancelled):
            self._cancelled.discard(key_of(task))
        else:
            self._report(message)

    def worker_ended(self, worker: Worker, reason: str) -> None:
        """Report the end of a worker and the loss of its tasks; remove what nobody will read."""
        for query in worker.queries & self._queries.keys():
            opened = self._queries[query]
            FileStore(opened.memory, opened.disk).remove_unfinished(worker.pid)
        self._tell_all(WorkerDown(worker.number, worker.pid, reason))
        for place, task in enumerate(worker.tasks):
            # The first is the one that ran, if there was a process; others had only been queued.
            ran = place == 0 and worker.pid != 0
            self._report(Lost(key_of(task), f"worker {worker.pid}: {reason}", blamed=ran))

    def _report(self, report: Report) -> None:
        key = getattr(report, "key", None)
        if key is None or key.query not in self._queries:
            return
        if key not in self._cancelled:
            self._pending[key.query].append(report)
            return
        if isinstance(report, Done | Failed | Lost):
            self._cancelled.discard(key)
        store = FileStore(self._queries[key.query].memory, self._queries[key.query].disk)
        for path in {ref.path for ref in refs_of(report)}:
            store.remove(path)

    def _tell_all(self, report: Report) -> None:
        """Report to every query what concerns the pool."""
        for pending in self._pending.values():
            pending.append(report)

    # The end

    @property
    def pids(self) -> tuple[int, ...]:
        """The processes of the pool: its workers, then the helper."""
        with self._alone():
            while not self._pool.whole:
                self._pool.hear(START_SECONDS)
            return self._pool.pids

    def abandon(self) -> None:
        """Close this process's copies of the sockets, in a child that the user has forked."""
        self._closed = True
        self._queries.clear()
        self._watches.clear()
        self._pool.abandon()
        # Another thread of the parent may have held it.
        self._lock = threading.RLock()

    def close(self) -> None:
        """End the pool; bounded in time."""
        self._closed = True
        # Who waits for reports holds it for a moment; who is stuck does not hold up the end.
        alone = self._lock.acquire(timeout=CANCEL_SECONDS)
        try:
            self._queries.clear()
            self._watches.clear()
            self._pool.close()
        finally:
            if alone:
                self._lock.release()

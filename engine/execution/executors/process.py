"""Run tasks in a pool of worker processes that are forked from a preloaded helper.

Supervision is our own: a socket per worker whose end is the worker's end, and the helper tells how
it ended (trap 2). A dead worker is replaced and its tasks are reported as lost; what to do with
them is the scheduler's to decide.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import select
import signal
import socket
import sys
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from typing import Any

import cloudpickle

from ...physical.stage import Stage, Task
from ..by_value import pickled_stage
from ..liveness import Busy, Pulses, Watch
from ..messages import (
    Cancel,
    Cancelled,
    CloseQuery,
    Hello,
    NewStage,
    OpenQuery,
    packed,
    unpacked,
)
from ..report import Done, Failed, Lost, Report, TaskKey, WorkerDown, WorkerUp, key_of, refs_of
from ..task import TaskSettings
from ..transport import FileStore, Store
from .executor import Resources, not_held
from .fork_server import MESSAGE_SECONDS, Forked, ForkServer

START_SECONDS = 60.0
"""How long the helper may take to its first answer; it imports for about a second."""

CANCEL_SECONDS = 1.0
"""How long workers have to leave a cancelled task before they are killed."""

REASON_SECONDS = 0.5
"""How long the helper has to tell how a worker ended."""


@dataclass
class _Worker:
    """One worker process as the driver sees it."""

    number: int
    connection: Connection
    pid: int = 0
    tasks: deque[Task] = field(default_factory=deque)
    queries: set[int] = field(default_factory=set)
    """The queries that it was told of: of each with its first task."""

    stages: set[tuple[int, int]] = field(default_factory=set)
    ended: str = ""

    def __post_init__(self) -> None:
        self._poll = select.poll()
        self._poll.register(self.connection.fileno(), select.POLLIN)

    @property
    def has_more(self) -> bool:
        """Whether there is something to read; `Connection.poll` makes a selector to tell that."""
        return bool(self._poll.poll(0))

    def cut(self) -> None:
        """Shut the socket down: what has arrived can be read, then it is at its end on both sides.

        To close it would not do where a process that the user's function forked holds it as well.
        """
        with (
            contextlib.suppress(OSError),
            socket.socket(fileno=os.dup(self.connection.fileno())) as same,
        ):
            same.shutdown(socket.SHUT_RDWR)


class ProcessExecutor:
    """A pool of workers of one session."""

    name = "process"
    shares_memory = False

    def __init__(self, resources: Resources) -> None:
        self.workers = resources.workers
        self._closed = False
        self._directory = resources.directory()
        self._queries: dict[int, OpenQuery] = {}
        self._blobs: dict[tuple[int, int], bytes] = {}
        self._cancelled: set[TaskKey] = set()
        self._pool: dict[int, _Worker] = {}
        self._pending: dict[int, list[Report]] = {}
        # Queries may be run from several threads; each waits for a moment at a time.
        self._lock = threading.RLock()
        self._inside = False
        self._left: list[int] = []
        """Queries that are over and could not be closed when that happened."""

        self._mean_seconds = 1.0
        self._started = 0
        self._pulses = Pulses()
        self._watches: dict[int, Watch] = {}
        directories = self._directory.memory, self._directory.disk
        try:
            self._helper = ForkServer(directories, self._pulses.descriptor)
        except BaseException:
            self._pulses.close()
            raise
        # One for all waiting: `multiprocessing.connection.wait` makes a selector each time, which
        # takes 60 microseconds with two workers.
        self._poll = select.poll()
        self._poll.register(self._helper.fileno(), select.POLLIN)
        try:
            for _ in range(self.workers):
                self._fork()
        except BaseException:
            # It would take a second to say goodbye to one that still imports.
            self._helper.kill()
            self._close_connections()
            self._pulses.close()
            raise

    # The helper and its workers

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """Keep other threads out, and notice when the same thread comes in once more."""
        with self._lock:
            outer, self._inside = self._inside, True
            try:
                if not outer:
                    while self._left:
                        self._leave(self._left.pop())
                yield
            finally:
                self._inside = outer

    def _fork(self) -> None:
        """Ask the helper for one more worker; it can be sent tasks at once."""
        self._started += 1
        worker = _Worker(self._started, self._helper.fork(self._started))
        self._pool[worker.number] = worker
        self._poll.register(worker.connection.fileno(), select.POLLIN)
        self._send(worker, Hello(tuple(sys.path), _working_directory()))

    def _hear(self) -> None:
        """Take note of which workers the helper has forked, and of how they have ended."""
        for told in self._helper.hear():
            if isinstance(told, Forked):
                worker = self._pool.get(told.number)
                if worker is not None:
                    worker.pid = told.pid
                    self._tell_all(WorkerUp(worker.number, worker.pid))
                continue
            for worker in self._pool.values():
                if worker.pid == told.pid:
                    worker.ended = worker.ended or told.reason
                    worker.cut()

    def _send(self, worker: _Worker, message: object) -> None:
        self._send_bytes(worker, packed(message))

    def _send_bytes(self, worker: _Worker, message: bytes) -> None:
        try:
            worker.connection.send_bytes(message)
        except (BrokenPipeError, ConnectionResetError):
            # A worker that has died is noticed, with its tasks, when its socket is read.
            return
        except BlockingIOError:
            worker.ended = f"killed, for it took no message for {MESSAGE_SECONDS:.0f} s"
            self._give_up(worker)
        except BaseException:
            self._give_up(worker)
            raise

    def _give_up(self, worker: _Worker) -> None:
        """Part with a worker: after an interrupt in a message, what comes next makes no sense."""
        if worker.pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(worker.pid, signal.SIGKILL)
        else:
            # It is not there yet; it will end when it finds its socket shut down.
            worker.ended = "it was given up before it had started"
        worker.cut()

    @property
    def broken(self) -> bool:
        """Whether the helper has ended, so that no worker can be started any more."""
        return self._helper.ended

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
            while len(self._pool) < self.workers:  # after an interrupt in a bad moment
                self._fork()
            memory, disk = self._directory.for_query(query)
            self._queries[query] = OpenQuery(query, settings, memory, disk)
            self._pending[query] = []
            if settings.stall_seconds:
                self._watches[query] = Watch(self._pulses, settings.stall_seconds)
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
            return sum(max(0, depth - len(worker.tasks)) for worker in self._pool.values())

    def start(self, stage: Stage, task: Task) -> int:
        """Hand a task to the worker with the fewest; the stage goes along the first time."""
        # A class of the user's script travels by value, which takes longer.
        own = type(task.input.fragment).__module__ == "__main__"
        message = (cloudpickle if own else pickle).dumps(task, pickle.HIGHEST_PROTOCOL)
        with self._alone():
            if self._closed:
                raise not_held()
            worker = min(self._pool.values(), key=lambda one: len(one.tasks))
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
            self._send_bytes(worker, packed(*news) + message)
            return worker.number

    def completed(self, query: int, timeout: float) -> Sequence[Report]:
        """Wait for reports of workers, and for their ends."""
        with self._alone():
            if not self.holds(query):
                raise not_held()
            self._gather(0 if self._pending[query] else timeout)
            self._end_stalled()
            reports, self._pending[query] = self._pending[query], []
            return reports

    def _gather(self, timeout: float) -> None:
        """Read all that has arrived into the pending reports."""
        ready = {descriptor for descriptor, _ in self._poll.poll(timeout * 1000)}
        if self._helper.fileno() in ready:
            self._hear()
        for worker in list(self._pool.values()):
            if worker.connection.fileno() in ready:
                self._receive(worker)

    def _end_stalled(self) -> None:
        """Kill the workers that hang, whichever query waits: its tasks may be queued behind."""
        for query, watch in self._watches.items():
            if not watch.due:
                continue
            busy = [
                Busy(worker.number, worker.pid, key_of(worker.tasks[0]))
                for worker in self._pool.values()
                if worker.pid and worker.tasks and worker.tasks[0].query == query
            ]
            for number, seen in watch.stalled(busy).items():
                worker = self._pool[number]
                worker.ended = f"killed, for it hung: {seen} (setting 'task_stall_seconds')"
                self._give_up(worker)

    def _receive(self, worker: _Worker) -> None:
        """Read all messages of one worker."""
        try:
            while worker.has_more:
                for message in unpacked(worker.connection.recv_bytes()):
                    self._take(worker, message)
        except BlockingIOError:
            worker.ended = f"killed, for it stopped in a message for {MESSAGE_SECONDS:.0f} s"
            self._give_up(worker)
        except (EOFError, OSError):
            # At its end, perhaps in the middle of a message.
            self._bury(worker)
        except BaseException:
            self._give_up(worker)
            raise

    def _take(self, worker: _Worker, message: Any) -> None:
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

    def _bury(self, worker: _Worker) -> None:
        """Report the end of a worker and the loss of its tasks; have another in its place."""
        if self._helper.ended:
            raise self._helper.failure()
        deadline = time.monotonic() + REASON_SECONDS
        while not worker.ended and (left := deadline - time.monotonic()) > 0:
            if wait([self._helper.fileno()], left):
                self._hear()
        del self._pool[worker.number]
        self._poll.unregister(worker.connection.fileno())
        worker.connection.close()
        reason = worker.ended or "it closed its connection"
        self._tell_all(WorkerDown(worker.number, worker.pid, reason))
        for place, task in enumerate(worker.tasks):
            # The first is the one that ran; the others had only been queued.
            self._report(Lost(key_of(task), f"worker {worker.pid}: {reason}", blamed=place == 0))
        self._fork()

    def cancel(self, query: int, stage: int | None = None, partition: int | None = None) -> None:
        """Tell the workers that have such tasks; nothing more is reported of these."""
        cancel = Cancel(query, stage, partition)
        with self._alone():
            for worker in self._pool.values():
                covered = [task for task in worker.tasks if cancel.covers(task)]
                if covered:
                    self._cancelled.update(key_of(task) for task in covered)
                    self._send(worker, cancel)

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
                self._give_up(worker)
            for worker in self._pool.values():
                if query in worker.queries:
                    self._send(worker, CloseQuery(query))
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

    def _busy(self, query: int) -> list[_Worker]:
        """Return the workers that have tasks of `query`."""
        return [
            worker
            for worker in self._pool.values()
            if any(task.query == query for task in worker.tasks)
        ]

    def _await_idle(self, query: int) -> None:
        """Wait until no worker has a task of `query`; kill those that take too long."""
        deadline = time.monotonic() + CANCEL_SECONDS
        while self._busy(query) and (left := deadline - time.monotonic()) > 0:
            self._gather(left)
        stuck = self._busy(query)
        for worker in stuck:
            self._give_up(worker)
        while any(worker.number in self._pool for worker in stuck):
            self._gather(CANCEL_SECONDS)

    @property
    def pids(self) -> tuple[int, ...]:
        """The processes of the pool: its workers, then the helper."""
        with self._alone():
            while any(not worker.pid for worker in self._pool.values()):
                self._gather(START_SECONDS)
            return (*(worker.pid for worker in self._pool.values()), self._helper.pid)

    def abandon(self) -> None:
        """Close this process's copies of the sockets, in a child that the user has forked."""
        self._closed = True
        self._queries.clear()
        self._helper.abandon()
        self._close_connections()
        self._watches.clear()
        self._pulses.close()
        # Another thread of the parent may have held it.
        self._lock = threading.RLock()

    def close(self) -> None:
        """End the helper, which ends the workers."""
        self._closed = True
        # Who waits for reports holds it for a moment; who is stuck does not hold up the end.
        alone = self._lock.acquire(timeout=CANCEL_SECONDS)
        try:
            self._queries.clear()
            pids = [worker.pid for worker in self._pool.values()]
            still_starts = bool(pids) and not any(pids)
            self._close_connections()
            if still_starts and not self._helper.has_told:
                # It imports for a second yet before it would hear that it is to end.
                self._helper.kill()
            else:
                self._helper.close()
            self._watches.clear()
            self._pulses.close()
        finally:
            if alone:
                self._lock.release()

    def _close_connections(self) -> None:
        for worker in self._pool.values():
            worker.connection.close()
        self._pool.clear()


def _working_directory() -> str:
    """Return where this process stands; empty when that was removed."""
    try:
        return os.getcwd()
    except FileNotFoundError:
        return ""

"""Run tasks in a pool of worker processes that are forked from a preloaded helper.

Supervision is our own: a socket per worker whose end is the worker's end, and the helper tells how
it ended (trap 2). A dead worker is replaced and its tasks are reported as lost; what to do with
them is the scheduler's to decide.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait

import cloudpickle

from ...errors import ExecutionError
from ...physical.stage import Stage, Task
from ..by_value import pickled_stage
from ..messages import (
    CLOSE,
    FORK,
    Cancel,
    Cancelled,
    CloseQuery,
    Hello,
    NewStage,
    OpenQuery,
)
from ..report import Done, Failed, Lost, Report, TaskKey, WorkerDown, WorkerUp, key_of
from ..task import TaskSettings
from ..transport import FileStore, Store
from .executor import Resources

ENVIRONMENT = {
    # glibc gives large temporaries back at once and faults them in again: with these kept, the
    # numpy part of an aggregation takes 0.23 s instead of 0.38 s (docs/architecture.md).
    "MALLOC_MMAP_THRESHOLD_": str(256 * 2**20),
    "MALLOC_TRIM_THRESHOLD_": str(256 * 2**20),
    "MALLOC_TOP_PAD_": str(16 * 2**20),
    # No library may start threads before the fork, and one task is one thread.
    "JE_ARROW_MALLOC_CONF": "background_thread:false",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
}

START_SECONDS = 60.0
"""How long the helper may take to its first answer; it imports for about a second."""

CANCEL_SECONDS = 1.0
"""How long workers have to leave a cancelled task before they are killed."""

CLOSE_SECONDS = 3.0
"""How long the helper has to end."""


@dataclass
class _Worker:
    """One worker process as the driver sees it."""

    number: int
    connection: Connection
    pid: int = 0
    tasks: deque[Task] = field(default_factory=deque)
    stages: set[tuple[int, int]] = field(default_factory=set)
    ended: str = ""


class ProcessExecutor:
    """A pool of workers of one session."""

    name = "process"
    shares_memory = False

    def __init__(self, resources: Resources) -> None:
        self.workers = resources.workers
        self._directory = resources.directory()
        self._queries: dict[int, OpenQuery] = {}
        self._blobs: dict[tuple[int, int], bytes] = {}
        self._cancelled: set[TaskKey] = set()
        self._pool: dict[int, _Worker] = {}
        self._pending: dict[int, list[Report]] = {}
        # Queries may be run from several threads; each waits for a moment at a time.
        self._lock = threading.RLock()
        self._mean_seconds = 1.0
        self._started = 0
        self._start_helper()

    # The helper and its workers

    def _start_helper(self) -> None:
        mine, theirs = socket.socketpair()
        path = os.pathsep.join(filter(None, sys.path))
        with theirs:
            self._helper = subprocess.Popen(
                [
                    sys.executable,
                    "-P",
                    "-m",
                    "partita.engine.execution.forkserver",
                    str(theirs.fileno()),
                    self._directory.memory,
                    self._directory.disk,
                ],
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL,
                env={**os.environ, **ENVIRONMENT, "PYTHONPATH": path},
            )
        self._control = mine
        self._heard = b""
        for _ in range(self.workers):
            self._fork()

    def _fork(self) -> None:
        """Ask the helper for one more worker; it can be sent tasks at once."""
        mine, theirs = socket.socketpair()
        with theirs:
            socket.send_fds(self._control, [FORK], [theirs.fileno()])
        self._started += 1
        worker = _Worker(self._started, Connection(mine.detach()))
        self._pool[worker.number] = worker
        self._send(worker, Hello(tuple(sys.path), os.getcwd()))
        for query in self._queries.values():
            self._send(worker, query)

    def _hear(self) -> None:
        """Read what the helper tells: which workers it has forked, and how they have ended."""
        data = self._control.recv(65536)
        if not data:
            raise ExecutionError(
                "The helper process that starts workers has ended"
                f" (status {self._helper.wait(CLOSE_SECONDS)})."
            )
        *lines, self._heard = (self._heard + data).split(b"\n")
        for line in lines:
            word, pid, *status = line.split()
            if word == b"forked":
                # Workers are forked in the order in which they were asked for.
                worker = next(worker for worker in self._pool.values() if not worker.pid)
                worker.pid = int(pid)
                self._tell_all(WorkerUp(worker.number, worker.pid))
            else:
                for worker in self._pool.values():
                    if worker.pid == int(pid):
                        worker.ended = _how(int(status[0]))

    def _send(self, worker: _Worker, message: object) -> None:
        self._send_bytes(worker, pickle.dumps(message, pickle.HIGHEST_PROTOCOL))

    def _send_bytes(self, worker: _Worker, message: bytes) -> None:
        # A worker that has died is noticed, with its tasks, when its socket is read.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            worker.connection.send_bytes(message)

    @property
    def broken(self) -> bool:
        """Whether the helper has ended, so that no worker can be started any more."""
        return self._helper.poll() is not None

    @property
    def busy(self) -> bool:
        """Whether a query is under way."""
        return bool(self._queries)

    # What the scheduler asks for

    def open_query(self, query: int, settings: TaskSettings) -> Store:
        """Make the directories of the query and tell the workers."""
        with self._lock:
            memory, disk = self._directory.for_query(query)
            self._queries[query] = OpenQuery(query, settings, memory, disk)
            self._pending[query] = []
            for worker in self._pool.values():
                self._send(worker, self._queries[query])
            return FileStore(memory, disk)

    def free(self, query: int) -> int:
        """Return how many tasks can be handed out: short ones are queued to hide the way."""
        depth = 1 if self._mean_seconds > 0.05 else 2 if self._mean_seconds > 0.005 else 16
        return sum(max(0, depth - len(worker.tasks)) for worker in self._pool.values())

    def start(self, stage: Stage, task: Task) -> int:
        """Hand a task to the worker with the fewest; the stage goes along the first time."""
        with self._lock:
            worker = min(self._pool.values(), key=lambda one: len(one.tasks))
            known = task.query, task.stage
            if known not in worker.stages:
                if known not in self._blobs:
                    self._blobs[known] = pickled_stage(stage)
                self._send(worker, NewStage(*known, self._blobs[known]))
                worker.stages.add(known)
            worker.tasks.append(task)
            if type(task.input.fragment).__module__ == "__main__":
                # A class of the user's script travels by value, which takes longer.
                self._send_bytes(worker, cloudpickle.dumps(task))
            else:
                self._send_bytes(worker, pickle.dumps(task, pickle.HIGHEST_PROTOCOL))
            return worker.number

    def completed(self, query: int, timeout: float) -> Sequence[Report]:
        """Wait for reports of workers, and for their ends."""
        with self._lock:
            self._gather(0 if self._pending[query] else timeout)
            reports, self._pending[query] = self._pending[query], []
            return reports

    def _gather(self, timeout: float) -> None:
        """Read all that has arrived into the pending reports."""
        workers = list(self._pool.values())
        ready = wait([self._control, *(worker.connection for worker in workers)], timeout)
        if self._control in ready:
            self._hear()
        for worker in workers:
            if worker.connection in ready:
                self._receive(worker)

    def _receive(self, worker: _Worker) -> None:
        """Read all messages of one worker."""
        try:
            while worker.connection.poll():
                message = worker.connection.recv()
                if not isinstance(message, Done | Failed | Cancelled):
                    self._report(message)
                    continue
                task = worker.tasks.popleft()
                if isinstance(message, Done):
                    self._mean_seconds += 0.2 * (message.result.seconds - self._mean_seconds)
                if isinstance(message, Cancelled):
                    self._cancelled.discard(key_of(task))
                else:
                    self._report(message)
        except (EOFError, ConnectionResetError):
            self._bury(worker)

    def _report(self, report: Report) -> None:
        key = getattr(report, "key", None)
        if key in self._cancelled:
            if not hasattr(report, "ref"):
                self._cancelled.discard(key)
        elif key is not None and key.query in self._queries:
            self._pending[key.query].append(report)

    def _tell_all(self, report: Report) -> None:
        """Report to every query what concerns the pool."""
        for pending in self._pending.values():
            pending.append(report)

    def _bury(self, worker: _Worker) -> None:
        """Report the end of a worker and the loss of its tasks; have another in its place."""
        del self._pool[worker.number]
        worker.connection.close()
        if self._helper.poll() is not None:
            raise ExecutionError(
                f"The helper process that starts workers has ended ({_how_code(self._helper)})."
            )
        self._await_reason(worker)
        reason = worker.ended or "it closed its connection"
        self._tell_all(WorkerDown(worker.number, worker.pid, reason))
        for place, task in enumerate(worker.tasks):
            # The first is the one that ran; the others had only been queued.
            self._report(Lost(key_of(task), f"worker {worker.pid}: {reason}", blamed=place == 0))
        self._fork()

    def _await_reason(self, worker: _Worker) -> None:
        """Give the helper a moment to tell how the worker has ended."""
        deadline = time.monotonic() + 0.5
        self._pool[worker.number] = worker
        try:
            while not worker.ended and (left := deadline - time.monotonic()) > 0:
                if wait([self._control], left):
                    self._hear()
        finally:
            del self._pool[worker.number]

    def cancel(self, query: int, stage: int | None = None, partition: int | None = None) -> None:
        """Tell the workers that have such tasks; nothing more is reported of these."""
        cancel = Cancel(query, stage, partition)
        with self._lock:
            for worker in self._pool.values():
                covered = [task for task in worker.tasks if cancel.covers(task)]
                if covered:
                    self._cancelled.update(key_of(task) for task in covered)
                    self._send(worker, cancel)

    def close_query(self, query: int) -> None:
        """Have the workers leave the query, those that do not killed, and remove its files."""
        with self._lock:
            if query not in self._queries:
                return
            self.cancel(query)
            self._await_idle(query)
            places = self._queries.pop(query)
            del self._pending[query]
            for worker in self._pool.values():
                self._send(worker, CloseQuery(query))
                worker.stages = {known for known in worker.stages if known[0] != query}
            self._blobs = {known: blob for known, blob in self._blobs.items() if known[0] != query}
            self._cancelled = {key for key in self._cancelled if key.query != query}
            self._directory.remove_query(places.memory, places.disk)

    def _await_idle(self, query: int) -> None:
        """Wait until no worker has a task of `query`; kill those that take too long."""
        deadline = time.monotonic() + CANCEL_SECONDS

        def busy() -> list[_Worker]:
            return [
                worker
                for worker in self._pool.values()
                if any(task.query == query for task in worker.tasks)
            ]

        while busy() and (left := deadline - time.monotonic()) > 0:
            self._gather(left)
        stuck = busy()
        for worker in stuck:
            with contextlib.suppress(ProcessLookupError):
                os.kill(worker.pid, signal.SIGKILL)
        while any(worker.number in self._pool for worker in stuck):
            self._gather(CLOSE_SECONDS)

    @property
    def pids(self) -> tuple[int, ...]:
        """The processes of the pool: its workers, then the helper."""
        while any(not worker.pid for worker in self._pool.values()):
            self._gather(START_SECONDS)
        return (*(worker.pid for worker in self._pool.values()), self._helper.pid)

    def abandon(self) -> None:
        """Close this process's copies of the sockets, in a child that the user has forked."""
        self._control.close()
        for worker in self._pool.values():
            worker.connection.close()

    def close(self) -> None:
        """End the helper, which ends the workers."""
        with contextlib.suppress(OSError):
            self._control.sendall(CLOSE)
        for worker in self._pool.values():
            worker.connection.close()
        self._pool.clear()
        try:
            self._helper.wait(CLOSE_SECONDS)
        except subprocess.TimeoutExpired:
            self._helper.kill()
            self._helper.wait()
        self._control.close()


def _how(status: int) -> str:
    """Return how a process ended, from the status that ``waitpid`` gave."""
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        hint = ", perhaps by the system for want of memory" if number == signal.SIGKILL else ""
        return f"killed by {signal.Signals(number).name}{hint}"
    return f"exited with status {os.waitstatus_to_exitcode(status)}"


def _how_code(process: subprocess.Popen[bytes]) -> str:
    code = process.returncode
    return f"killed by signal {-code}" if code < 0 else f"exited with status {code}"

"""A worker process: takes tasks from its pipe, runs them one by one, reports.

A thread reads the pipe, so that a cancellation is seen while a task runs and so that the worker
ends at once when its driver does (trap 3). Everything else happens in the main thread.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import queue
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import Any

import cloudpickle
import pyarrow as pa

from ..errors import QueryCancelled
from ..physical.kernels import jit
from ..physical.memory import Budget
from ..physical.stage import Stage, Task
from . import allocators, give_back
from .messages import (
    Cancel,
    Cancelled,
    CloseQuery,
    Hello,
    NewStage,
    OpenQuery,
    packed,
    unpacked,
)
from .report import Done, Failed, Piece, failure_of, key_of
from .stores import FileStore
from .task import TaskSettings, run_task

PR_SET_PDEATHSIG = 1


@dataclass
class _Query:
    """What a worker keeps of a query."""

    store: FileStore
    settings: TaskSettings
    memory: Budget
    stages: dict[int, Stage] = field(default_factory=dict)
    blobs: dict[int, bytes] = field(default_factory=dict)
    cache: dict[Any, Any] = field(default_factory=dict)


class _Cancellations:
    """What has been cancelled; written by the reading thread, read by the running task.

    A task asks before each batch whether it is still wanted, and shows by that that it goes on.
    """

    def __init__(self, beat: Callable[[], None]) -> None:
        self._beat = beat
        self._known: list[Cancel] = []
        self._lock = threading.Lock()

    def add(self, cancel: Cancel) -> None:
        with self._lock:
            self._known = [*self._known, cancel]

    def forget(self, query: int) -> None:
        with self._lock:
            self._known = [cancel for cancel in self._known if cancel.query != query]

    def test(self, task: Task) -> Callable[[], bool]:
        """Return a function that says whether `task` was cancelled."""

        def cancelled() -> bool:
            self._beat()
            return any(cancel.covers(task) for cancel in self._known)

        return cancelled


def serve(descriptor: int, parent: int, beat: Callable[[], None]) -> None:
    """Run tasks that come through the socket `descriptor` until it closes.

    `beat` is called whenever a task goes on.
    """
    die_with(parent)
    yield_to_driver()
    be_killed_first()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    # The parallelism is the tasks: one thread of Arrow each.
    pa.set_cpu_count(1)
    pa.set_io_thread_count(1)
    connection = Connection(descriptor)
    messages: queue.SimpleQueue[Any] = queue.SimpleQueue()
    cancellations = _Cancellations(beat)
    threading.Thread(
        target=_listen, args=(connection, messages, cancellations), daemon=True
    ).start()
    queries: dict[int, _Query] = {}
    left = False
    while True:
        try:
            message = messages.get(timeout=give_back.IDLE_SECONDS if left else None)
        except queue.Empty:
            give_back.free_memory()
            left = False
            continue
        match message:
            case Hello():
                sys.path[:] = message.path
                with contextlib.suppress(OSError):
                    # A directory that was removed is none for the driver either.
                    os.chdir(message.directory)
            case OpenQuery():
                # Done before the fork, but where the kernels were still to be compiled.
                if not jit.ready() and jit.load_if_cached():
                    give_back.library_pages(jit.COMPILER)
                store = FileStore(message.memory, message.disk)
                allocators.suit(message.settings.share)
                queries[message.query] = _Query(
                    store,
                    message.settings,
                    Budget(message.settings.share, message.settings.batch_bytes),
                )
            case NewStage():
                queries[message.query].blobs[message.stage] = message.blob
            case CloseQuery():
                queries.pop(message.query, None)
                cancellations.forget(message.query)
                left = True
            case Task():
                query = queries[message.query]
                _run(message, query, connection, cancellations)
                allocators.give_back(query.settings.share)


def die_with(parent: int) -> None:
    """Have the kernel kill this process when `parent` ends; check that it has not ended already."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def be_killed_first() -> None:
    """Have the kernel end this process before the driver where it runs out of memory.

    The loss of a worker costs a task tried again, that of the driver everything.
    """
    # Where a container forbids it, the kernel chooses by size alone.
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as file:
        file.write("500")


def yield_to_driver() -> None:
    """Have the kernel not put this process in the driver's place whenever that wakes it.

    The first worker that is sent a task of a stage takes the processor that the driver runs on, if
    none is free, and the driver sends the next task when a slice of time is over: 2 to 4 ms. With
    the policy for batch work a process that wakes waits until the one that runs makes room, and
    its share of time is the same. Measured on two busy cores (load 5), policies alternating: a
    send took 1.05, 2.66 and 1.28 ms in three runs, now 0.45, 1.46 and 0.86; queries took about 2 %
    less, in 199 of 353 pairs. Not measured on an idle machine, where there is less to gain.
    """
    # Where a container forbids it, only these milliseconds are lost.
    with contextlib.suppress(OSError):
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))


def _listen(
    connection: Connection, messages: queue.SimpleQueue[Any], cancellations: _Cancellations
) -> None:
    """Read the pipe; the end of the driver is the end of this process."""
    while True:
        try:
            received = unpacked(connection.recv_bytes())
        except (EOFError, OSError):
            os._exit(0)
        except BaseException:
            # A message that cannot be read leaves the driver waiting: better a visible end.
            traceback.print_exc()
            os._exit(1)
        for message in received:
            if isinstance(message, Cancel):
                cancellations.add(message)
            else:
                messages.put(message)


def _run(task: Task, query: _Query, connection: Connection, cancellations: _Cancellations) -> None:
    """Run one task; report its pieces as they are made, then how it ended."""
    key = key_of(task)
    cancelled = cancellations.test(task)
    report: Any
    # Nobody looks at what is not the result before the task is done: its last piece is told of
    # with that, which spares the driver a message.
    held: list[Piece] = []
    try:
        if cancelled():
            raise QueryCancelled("The query was cancelled.")
        if task.stage not in query.stages:
            query.stages[task.stage] = cloudpickle.loads(query.blobs.pop(task.stage))
        stage = query.stages[task.stage]
        steps = run_task(
            stage, task, query.store, query.settings, query.cache, cancelled, query.memory
        )
        while True:
            try:
                piece = Piece(key, next(steps))
            except StopIteration as stop:
                report = Done(key, stop.value)
                break
            if stage.output.kind == "result":
                _send(connection, piece)
                continue
            if held:
                _send(connection, held.pop())
            held.append(piece)
    except BaseException as error:  # whatever a user's function raises is reported, not died of
        report = Cancelled(task.query) if cancelled() else Failed(key, failure_of(error))
    _send(connection, *held, report)


def _send(connection: Connection, *reports: Any) -> None:
    try:
        connection.send_bytes(packed(*reports))
    except OSError:
        # The driver is gone, or wants no more of this worker.
        os._exit(0)

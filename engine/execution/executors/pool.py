"""The workers of a session: forked by a helper, heard and sent to, and replaced when they end.

Supervision is our own: a socket per worker whose end is the worker's end, and the helper tells how
it ended (trap 2). A helper that ends takes its workers along, and another one is started. What the
messages say and what becomes of the tasks is for whoever has the pool.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import sys
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from typing import Any, Protocol

from ...errors import ExecutionError
from ...physical.stage import Task
from ..liveness import Pulses
from ..messages import Hello, packed, unpacked
from ..stacks import Stacks
from .fork_server import MESSAGE_SECONDS, Forked, ForkServer

_OF_TASKS = ("partita.engine.expr.", "partita.engine.physical.", "partita.io.")
"""Modules of which tasks are made."""

MOST_USELESS = 3
"""Helpers that are started one after another though none of them forks a worker."""

REASON_SECONDS = 3.0
"""How long the helper has to tell how a worker ended."""


@dataclass
class Worker:
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
        # A socket whose other end has closed is shut down already.
        with (
            contextlib.suppress(OSError),
            socket.socket(fileno=os.dup(self.connection.fileno())) as same,
        ):
            same.shutdown(socket.SHUT_RDWR)


class Listener(Protocol):
    """Who is told what happens in a pool."""

    def worker_started(self, worker: Worker) -> None:
        """A worker has been forked, its `pid` is known."""

    def worker_told(self, worker: Worker, message: Any) -> None:
        """A worker has sent a message."""

    def worker_ended(self, worker: Worker, reason: str) -> None:
        """A worker is not there any more; another one takes its place."""


class WorkerPool:
    """Worker processes and the helper that forks them.

    Parameters
    ----------
    workers
        How many there should be.
    directories
        What the helper removes when this process ends without saying so.
    listener
        Who is told what happens, always within a call of `hear`.
    """

    def __init__(self, workers: int, directories: Sequence[str], listener: Listener) -> None:
        self.size = workers
        self.workers: dict[int, Worker] = {}
        self.pulses = Pulses()
        self.stacks = Stacks()
        self._directories = directories
        self._listener = listener
        self._started = 0
        self._lost = 0
        self._useless: int | None = None
        """How many helpers in a row have ended before they had forked a worker; None as long as
        none ever has, for then another one would not either."""

        try:
            self.helper = self._new_helper()
        except BaseException:
            self._close_shared()
            raise
        # One for all waiting: `multiprocessing.connection.wait` makes a selector each time, which
        # takes 60 microseconds with two workers.
        self._poll = select.poll()
        self._poll.register(self.helper.fileno(), select.POLLIN)
        try:
            self._fill()
        except BaseException:
            # It would take a second to say goodbye to one that still imports.
            self.helper.kill()
            self._close_connections()
            self._close_shared()
            raise

    @property
    def pids(self) -> tuple[int, ...]:
        """The processes that are known: workers, then the helper."""
        return (*(worker.pid for worker in self.workers.values() if worker.pid), self.helper.pid)

    @property
    def whole(self) -> bool:
        """Whether every worker has been forked."""
        return all(worker.pid for worker in self.workers.values())

    @property
    def broken(self) -> bool:
        """Whether the helper has ended and no other one would do better."""
        return self.helper.ended and self._useless in (None, MOST_USELESS)

    def fill(self) -> None:
        """Ask for the workers that are missing after an interrupt in a bad moment."""
        self._with_a_helper(self._fill)

    def _fill(self) -> None:
        while len(self.workers) < self.size:
            self._fork()

    def _fork(self) -> None:
        """Ask the helper for one more worker; it can be sent tasks at once."""
        self._started += 1
        worker = Worker(self._started, self.helper.fork(self._started))
        self.workers[worker.number] = worker
        self._poll.register(worker.connection.fileno(), select.POLLIN)
        self.send(worker, packed(Hello(tuple(sys.path), _working_directory())))

    def send(self, worker: Worker, message: bytes) -> None:
        try:
            worker.connection.send_bytes(message)
        except (BrokenPipeError, ConnectionResetError):
            # A worker that has died is noticed, with its tasks, when its socket is read.
            return
        except BlockingIOError:
            worker.ended = f"killed, for it took no message for {MESSAGE_SECONDS:.0f} s"
            self.give_up(worker)
        except BaseException:
            self.give_up(worker)
            raise

    def give_up(self, worker: Worker) -> None:
        """Part with a worker: after an interrupt in a message, what comes next makes no sense."""
        if worker.pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(worker.pid, signal.SIGKILL)
        else:
            # It is not there yet; it will end when it finds its socket shut down.
            worker.ended = "it was given up before it had started"
        worker.cut()

    def hear(self, timeout: float) -> None:
        """Wait for messages and ends of workers, and tell the listener of all that there are.

        Raises
        ------
        ExecutionError
            If the first helper has ended before it had forked a worker, or three others in a row.
        """
        self._with_a_helper(lambda: self._hear(timeout))

    def _with_a_helper(self, do: Callable[[], None]) -> None:
        """Do something; where the helper turns out to have ended have another one instead."""
        while True:
            try:
                return do()
            except ExecutionError:
                if self.broken or not self.helper.ended:
                    raise
                do = self._renew

    def _hear(self, timeout: float) -> None:
        ready = {descriptor for descriptor, _ in self._poll.poll(timeout * 1000)}
        if self.helper.fileno() in ready:
            self._hear_helper()
        for worker in list(self.workers.values()):
            if worker.connection.fileno() in ready:
                self._receive(worker)

    def _hear_helper(self) -> None:
        """Take note of which workers the helper has forked, and of how they have ended."""
        for told in self.helper.hear():
            if isinstance(told, Forked):
                worker = self.workers.get(told.number)
                if worker is not None:
                    self._useless = 0
                    worker.pid = told.pid
                    self._listener.worker_started(worker)
                continue
            for worker in self.workers.values():
                if worker.pid == told.pid:
                    worker.ended = worker.ended or told.reason
                    worker.cut()

    def _receive(self, worker: Worker) -> None:
        """Read all messages of one worker."""
        try:
            while worker.has_more:
                for message in unpacked(worker.connection.recv_bytes()):
                    self._listener.worker_told(worker, message)
        except BlockingIOError:
            worker.ended = f"killed, for it stopped in a message for {MESSAGE_SECONDS:.0f} s"
            self.give_up(worker)
        except (EOFError, OSError):
            # At its end, perhaps in the middle of a message.
            self._bury(worker)
        except BaseException:
            self.give_up(worker)
            raise

    def _bury(self, worker: Worker) -> None:
        """Tell of the end of a worker; have another in its place."""
        if self.helper.ended:
            raise self.helper.failure()
        deadline = time.monotonic() + REASON_SECONDS
        while not worker.ended and (left := deadline - time.monotonic()) > 0:
            if wait([self.helper.fileno()], left):
                self._hear_helper()
        del self.workers[worker.number]
        self._poll.unregister(worker.connection.fileno())
        worker.connection.close()
        self._listener.worker_ended(worker, worker.ended or "it closed its connection")
        self._fork()
        if not self._lost:
            # The first workers import what their tasks name, beside each other, while the first
            # query is planned. Where one has died others may: one forked later has it from the
            # helper, and is at its first task 0.1 s of processor time earlier.
            self.helper.load([name for name in sys.modules if name.startswith(_OF_TASKS)])
        self._lost += 1

    def _renew(self) -> None:
        """Have another helper, and workers of it in the place of those that ended with the old."""
        # An interrupt meanwhile leaves the old one, whose end is then noticed again.
        old, new = self.helper, self._new_helper()
        for worker in self.workers.values():
            worker.ended = worker.ended or "the helper process that had forked it has ended"
            worker.cut()
        self._poll.register(new.fileno(), select.POLLIN)
        self._poll.unregister(old.fileno())
        self.helper, self._lost = new, 0
        self._useless = (self._useless or 0) + 1
        old.kill()
        # What they told before their end counts.
        for worker in list(self.workers.values()):
            self._receive(worker)
        self._fill()

    def abandon(self) -> None:
        """Close this process's copies of the sockets, in a child that the user has forked."""
        self.helper.abandon()
        self._close_connections()
        self._close_shared()

    def close(self) -> None:
        """End the helper, which ends the workers; bounded in time."""
        pids = [worker.pid for worker in self.workers.values()]
        still_starts = bool(pids) and not any(pids)
        self._close_connections()
        if still_starts and not self.helper.has_told:
            # It imports for a second yet before it would hear that it is to end.
            self.helper.kill()
        else:
            self.helper.close()
        self._close_shared()

    def _new_helper(self) -> ForkServer:
        return ForkServer(self._directories, self.pulses.descriptor, self.stacks.descriptor)

    def _close_shared(self) -> None:
        self.pulses.close()
        self.stacks.close()

    def _close_connections(self) -> None:
        for worker in self.workers.values():
            worker.connection.close()
        self.workers.clear()


def _working_directory() -> str:
    """Return where this process stands; empty when that was removed."""
    try:
        return os.getcwd()
    except FileNotFoundError:
        return ""

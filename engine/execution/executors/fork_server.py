"""The driver's end of the helper process that forks workers (see ``forkserver.py``)."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection

from ...errors import ExecutionError
from ...machine import suiting_ulimit
from ..messages import CLOSE, FORK, IMPORT, REQUEST

ENVIRONMENT = {
    # glibc gives large temporaries back at once and faults them in again. With these set TPC-H Q1
    # at scale 1 takes 0.20 s instead of 0.22 (two workers, medians of 14).
    "MALLOC_MMAP_THRESHOLD_": str(256 * 2**20),
    "MALLOC_TRIM_THRESHOLD_": str(256 * 2**20),
    "MALLOC_TOP_PAD_": str(16 * 2**20),
    # Tables that are looked up at random lie in huge pages: 5 % less processor time in Q1, Q3, Q9,
    # Q13, Q18 and Q21 together at scale 1, and two thirds of the page faults.
    "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1",
    # No library may start threads before the fork, and one task is one thread.
    "JE_ARROW_MALLOC_CONF": "background_thread:false",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
}

MESSAGE_SECONDS = 60.0
"""How long a message to or from a worker may make no progress. One that was stopped, or whose
interpreter a library holds, reads and writes nothing: the driver must not stand still with it."""

_TIMEOUT = struct.pack("ll", int(MESSAGE_SECONDS), 0)

CLOSE_SECONDS = 3.0
"""How long the helper has to end."""


@dataclass(frozen=True)
class Forked:
    """The helper has forked the worker that was asked for by this number."""

    number: int
    pid: int


@dataclass(frozen=True)
class Exited:
    """A worker has ended; `reason` says how."""

    pid: int
    reason: str


class ForkServer:
    """The helper process and the socket to it.

    Parameters
    ----------
    directories
        What the helper removes when this process ends without saying so.
    pulses
        The descriptor of the counters by which workers show that they go on.
    stacks
        The descriptor of what they write their stacks into.
    """

    def __init__(self, directories: Sequence[str], pulses: int, stacks: int) -> None:
        self._socket, theirs = socket.socketpair()
        self._heard = b""
        path = os.pathsep.join(filter(None, sys.path))
        module = "partita.engine.execution.forkserver"
        try:
            with theirs, _without_interrupts():
                passed = theirs.fileno(), pulses, stacks
                self._process = subprocess.Popen(
                    [sys.executable, "-P", "-m", module, *map(str, passed), *directories],
                    pass_fds=passed,
                    stdin=subprocess.DEVNULL,
                    env={**suiting_ulimit(), **os.environ, **ENVIRONMENT, "PYTHONPATH": path},
                )
        except BaseException:
            # Whatever has been started ends with the socket.
            self._socket.close()
            raise

    @property
    def pid(self) -> int:
        """The helper's own process."""
        return self._process.pid

    @property
    def ended(self) -> bool:
        """Whether there is no helper any more."""
        return self._process.poll() is not None

    def fileno(self) -> int:
        """Return the descriptor to wait at for what the helper tells."""
        return self._socket.fileno()

    @property
    def has_told(self) -> bool:
        """Whether something waits to be heard: it has finished its imports then."""
        poll = select.poll()
        poll.register(self._socket.fileno(), select.POLLIN)
        return bool(poll.poll(0))

    def fork(self, number: int) -> Connection:
        """Ask for a worker; return the connection to it, which takes messages at once."""
        mine, theirs = socket.socketpair()
        with mine, theirs:
            for direction in (socket.SO_SNDTIMEO, socket.SO_RCVTIMEO):
                mine.setsockopt(socket.SOL_SOCKET, direction, _TIMEOUT)
            try:
                socket.send_fds(self._socket, [REQUEST.pack(FORK, number)], [theirs.fileno()])
            except OSError as error:
                raise self.failure() from error
            return Connection(mine.detach())

    def load(self, modules: Sequence[str]) -> None:
        """Have the helper import modules that the workers to come will want."""
        names = "\n".join(modules).encode()
        # A helper that is gone is noticed when it is heard.
        with contextlib.suppress(OSError):
            self._socket.sendall(REQUEST.pack(IMPORT, len(names)) + names)

    def hear(self) -> Iterator[Forked | Exited]:
        """Yield what the helper has told; call it when there is something to read.

        Raises
        ------
        ExecutionError
            If the helper has ended.
        """
        try:
            data = self._socket.recv(65536)
        except ConnectionError:
            data = b""
        if not data:
            raise self.failure()
        self._heard += data
        while b"\n" in self._heard:
            line, self._heard = self._heard.split(b"\n", 1)
            word, first, second = line.split()
            if word == b"forked":
                yield Forked(int(first), int(second))
            else:
                yield Exited(int(first), _how(int(second)))

    def failure(self) -> ExecutionError:
        """Return (not raise) the error that there is no helper any more."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(CLOSE_SECONDS)
        code = self._process.returncode
        how = "it does not answer" if code is None else f"exited with status {code}"
        if code is not None and code < 0:
            how = f"killed by signal {-code}"
        return ExecutionError(
            f"The helper process that starts workers has ended ({how}). Run the query again: it"
            " gets a new one."
        )

    def close(self) -> None:
        """End the helper, which ends the workers; bounded in time."""
        # One that has ended cannot be asked to, and is waited for like any other.
        with contextlib.suppress(OSError):
            self._socket.sendall(REQUEST.pack(CLOSE, 0))
        try:
            self._process.wait(CLOSE_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
        finally:
            self._socket.close()

    def kill(self) -> None:
        """End the helper at once; the kernel ends its workers."""
        self._process.kill()
        self._process.wait()
        self._socket.close()

    def abandon(self) -> None:
        """Close this process's copy of the socket, in a child that the user has forked."""
        self._socket.close()


@contextlib.contextmanager
def _without_interrupts() -> Iterator[None]:
    """Block Ctrl-C in this thread, and so in what it starts until that has set itself up.

    A terminal interrupts all processes of its group: one that is just importing would end with a
    traceback.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _how(status: int) -> str:
    """Return how a process ended, from the status that ``waitpid`` gave."""
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        hint = ", perhaps by the system for want of memory" if number == signal.SIGKILL else ""
        return f"killed by {signal.Signals(number).name}{hint}"
    return f"exited with status {os.waitstatus_to_exitcode(status)}"

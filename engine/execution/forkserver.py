"""A helper process that forks workers: ``python -m partita.engine.execution.forkserver``.

It has imported what workers need and has started no thread, so that forking it is safe and quick
(trap 1), and it never sees the user's ``__main__`` (trap 4). The driver talks to it through one
socket: a request with a descriptor asks for a worker that will serve that descriptor; the answers
are lines ``forked NUMBER PID`` and ``exit PID STATUS``. When the socket closes, the helper kills
its workers, and removes the session's directories if the driver is gone.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import os
import select
import signal
import socket
import sys
import traceback
from collections.abc import Callable

import pyarrow as pa

# Imported before any fork: the pages are shared by all workers.
from ..physical.kernels import jit
from . import give_back, worker
from .liveness import Pulses
from .messages import CLOSE, FORK, IMPORT, REQUEST
from .run_directory import remove_unowned
from .stacks import Stacks


def main(arguments: list[str]) -> None:
    """Serve the control socket whose descriptor is the first argument until it closes.

    The second is the descriptor of the workers' counters, the third that of their stacks; the
    others are the directories to remove when the driver ends without saying so.
    """
    control = socket.socket(fileno=int(arguments[0]))
    pulses = Pulses(int(arguments[1]))
    stacks = Stacks(int(arguments[2]))
    for shared in (pulses, stacks):
        os.set_inheritable(shared.descriptor, False)
    stacks.answer()
    # The first array made of Python values imports pandas, half a second in each worker else.
    pa.array([0])
    compiled = jit.load_if_cached()
    give_back.library_pages(jit.COMPILER)
    # The driver has blocked it for us until here.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    wake, waker = os.pipe()
    for end in (wake, waker):
        os.set_blocking(end, False)
    signal.set_wakeup_fd(waker)
    signal.signal(signal.SIGCHLD, lambda number, frame: None)
    workers: set[int] = set()
    compiling = set() if compiled else {_compile_beside(control)}
    to_load: list[str] = []
    message = FORK
    while message in (FORK, IMPORT):
        # One after the other, so that a death is told and a worker forked in between.
        ready, _, _ = select.select([control.fileno(), wake], [], [], 0 if to_load else None)
        if not ready:
            _load(to_load.pop())
        if wake in ready:
            # All that was written may have been read by the call before.
            with contextlib.suppress(BlockingIOError):
                os.read(wake, 4096)
            _reap(control, workers)
            _reap(None, compiling)
        if control.fileno() in ready:
            message = _serve(control, workers, (wake, waker), pulses, to_load)
    _end(workers | compiling)
    if message != CLOSE:
        # Only what nobody owns: a start of the pool that was interrupted closes the socket too.
        remove_unowned(arguments[3:])


def _serve(
    control: socket.socket,
    workers: set[int],
    pipe: tuple[int, int],
    pulses: Pulses,
    to_load: list[str],
) -> bytes:
    """Answer one message and return its letter; empty when the driver is gone."""
    try:
        request, descriptors, _, _ = socket.recv_fds(control, REQUEST.size, 1)
    except ConnectionError:
        return b""
    if not request:
        return b""
    message, number = REQUEST.unpack(request)
    if message == FORK:
        # A program that the user's function starts must not keep the worker's socket open.
        os.set_inheritable(descriptors[0], False)
        pid = _fork(control, descriptors[0], pipe, pulses.beater(number))
        workers.add(pid)
        _tell(control, f"forked {number} {pid}\n")
    elif message == IMPORT:
        to_load += control.recv(number, socket.MSG_WAITALL).decode().split()
    return bytes(message)


def _load(module: str) -> None:
    """Import what the workers forked from now on will not have to import each for itself."""
    # What cannot be imported here is missed where it is wanted, if it is.
    with contextlib.suppress(Exception):
        importlib.import_module(module)


def _fork(
    control: socket.socket, descriptor: int, pipe: tuple[int, int], beat: Callable[[], None]
) -> int:
    """Fork a worker that serves `descriptor`; return its pid. In the child it never returns."""
    server = os.getpid()
    # What is there now a collection in the worker need not look at, as looking writes to each
    # object, and pages that are written are no longer shared.
    gc.freeze()
    pid = os.fork()
    if pid:
        os.close(descriptor)
        return pid
    status = 1
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        control.close()
        for end in pipe:
            os.close(end)
        worker.serve(descriptor, server, beat)
        status = 0
    finally:
        # Not sys.exit: what the helper has registered for its own end is not the worker's.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def _compile_beside(control: socket.socket) -> int:
    """Compile the kernels in a process of its own; return its pid. Nobody waits for it.

    Workers that are there already load the kernels with the first query after that.
    """
    server = os.getpid()
    pid = os.fork()
    if pid:
        return pid
    status = 1
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        control.close()
        worker.die_with(server)
        # Where it may not be nicer it loads the kernels all the same.
        with contextlib.suppress(OSError):
            os.nice(10)
        status = 0 if jit.load() else 1
    finally:
        os._exit(status)


def _reap(control: socket.socket | None, children: set[int]) -> None:
    """Take note of the children that have ended, and tell the driver how its workers have."""
    for pid in list(children):
        ended, status = os.waitpid(pid, os.WNOHANG)
        if not ended:
            continue
        children.discard(pid)
        if control is not None:
            _tell(control, f"exit {pid} {status}\n")


def _tell(control: socket.socket, line: str) -> None:
    with contextlib.suppress(OSError):
        # A driver that is gone is noticed by the next read.
        control.sendall(line.encode())


def _end(workers: set[int]) -> None:
    for pid in workers:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    for pid in workers:
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, 0)


if __name__ == "__main__":
    status = 1
    try:
        main(sys.argv[1:])
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        # A driver that ends waits for it, and to take apart what it has imported takes time: to
        # close a session took 0.9 to 1.7 s so on a busy machine (load 7), and 0.06 to 0.11 now.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)

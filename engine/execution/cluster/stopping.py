"""Tasks that go on though nobody wants them any more: they are interrupted where they run.

A task looks between two batches whether its query was given up. A function of the user that gives
none for long does not come to that. So each worker has a thread that looks for it: it raises in the
task's thread, which code in Python hears at its next step. What does not hear it (a sleep, a call
of compiled code) holds its thread until it returns; a worker that is the session's own is ended
instead, and its nanny starts another.
"""

from __future__ import annotations

import ctypes
import os
import signal
import threading
import time
from collections.abc import Callable
from typing import Any

LOOK_SECONDS = 0.1

GRACE_SECONDS = 0.5
"""How long a task has to come to the end of its batch."""

END_SECONDS = 1.5
"""After so long, from when it was given up, a process of our own is ended."""


class LetGo(BaseException):
    """Raised in the thread of a task that nobody wants; not for a user's ``except Exception``."""


class Running:
    """A task that runs in a thread of this process.

    Parameters
    ----------
    cancelled
        Says whether nobody wants it any more.
    alone
        Whether the process is the session's own.
    stays
        Called once where the task cannot be ended.
    """

    def __init__(
        self, cancelled: Callable[[], bool], alone: bool, stays: Callable[[], None]
    ) -> None:
        self.cancelled = cancelled
        self._alone = alone
        self._stays = stays
        self._thread = threading.get_ident()
        self._given_up = 0.0
        self._said = False
        self._alive = threading.Lock()
        self.over = False

    def look(self, now: float) -> None:
        """Do what is due: nothing as long as the task is wanted."""
        if self.over or not self.cancelled():
            self._given_up = 0.0
            return
        self._given_up = self._given_up or now
        passed = now - self._given_up
        if passed > END_SECONDS and self._alone:
            os.kill(os.getpid(), signal.SIGKILL)
        if passed > END_SECONDS and not self._said:
            self._said = True
            self._stays()
        if passed > GRACE_SECONDS:
            with self._alive:
                if not self.over:
                    _raise_in(self._thread, LetGo)

    def end(self) -> None:
        """Have nothing raised any more, nor what was to be raised; called by the thread itself.

        `LetGo` may be raised in the middle of this: it is to be called until it is `over`.
        """
        with self._alive:
            self.over = True
            _raise_in(self._thread, None)
        _running.pop(id(self), None)


_running: dict[int, Running] = {}
_begun = threading.Condition()
_watching: list[threading.Thread] = []


def begin(cancelled: Callable[[], bool], alone: bool, stays: Callable[[], None]) -> Running:
    """Have the calling thread interrupted, until it says `end`, once nobody wants its task."""
    task = Running(cancelled, alone, stays)
    with _begun:
        _running[id(task)] = task
        if not _watching:
            _watching.append(threading.Thread(target=_watch, name="partita-watch", daemon=True))
            _watching[0].start()
        _begun.notify()
    return task


def _watch() -> None:
    while True:
        with _begun:
            while not _running:
                _begun.wait()
        for name, task in list(_running.items()):
            if task.over:
                _running.pop(name, None)
            task.look(time.monotonic())
        time.sleep(LOOK_SECONDS)


def _raise_in(thread: int, error: Any) -> None:
    """Have an exception raised at a thread's next step in Python; None takes one back."""
    value = ctypes.py_object(error) if error is not None else None
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), value)

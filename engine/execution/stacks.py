"""Where a worker that hangs stands: it is asked by a signal, before it is killed.

What answers is C code of `faulthandler`, which needs neither the interpreter nor memory, so it
answers from within a lock or a call that never returns.
"""

from __future__ import annotations

import contextlib
import faulthandler
import linecache
import os
import re
import signal
import time
from pathlib import Path

ASK = signal.SIGUSR1
"""To a worker: write down where you stand. One whose user took the signal may do what it likes: it
is killed next."""

ANSWER_SECONDS = 0.5
"""How long a worker has to answer; one that was stopped does not."""

_FRAME = re.compile(r'  File "(.*)", line (\d+) in (.*)')
_OURS = str(Path(__file__).parents[1])
_LIBRARIES = str(Path(os.__file__).parent), "site-packages", "dist-packages"


class Stacks:
    """Memory that all workers write their stacks into, one when it is asked.

    Parameters
    ----------
    descriptor
        Of the memory that another process has made; by default it is made.
    """

    def __init__(self, descriptor: int | None = None) -> None:
        if descriptor is None:
            # No file in a file system, for the reasons that `Pulses` has.
            descriptor = os.memfd_create("partita-stacks", os.MFD_CLOEXEC)
        self.descriptor = descriptor
        self._closed = False

    def answer(self) -> None:
        """Have this process, and all that it forks, answer from now on."""
        faulthandler.register(ASK, file=self.descriptor, all_threads=False)

    def place_in(self, pid: int) -> str:
        """Ask a worker where it stands in the user's code; empty if that is nowhere, or unknown."""
        os.ftruncate(self.descriptor, 0)
        os.lseek(self.descriptor, 0, os.SEEK_SET)
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, ASK)
        seen, told = -1, b""
        deadline = time.monotonic() + ANSWER_SECONDS
        # It is at its end when it does not grow any more.
        while (not told or len(told) > seen) and time.monotonic() < deadline:
            time.sleep(0.01)
            seen, told = len(told), os.pread(self.descriptor, 1 << 20, 0)
        return _innermost_of_the_user(told.decode(errors="replace"))

    def close(self) -> None:
        """Give the memory up in this process; once is enough."""
        if not self._closed:
            self._closed = True
            os.close(self.descriptor)


def _innermost_of_the_user(stack: str) -> str:
    """Return the innermost frame that is the user's own, else one of a library that it called.

    >>> _innermost_of_the_user('  File "/home/me/a.py", line 3 in wait')
    '/home/me/a.py:3 in wait'
    """
    called = []
    for found in _FRAME.finditer(stack):
        file, line, function = found[1], int(found[2]), found[3]
        if file.startswith(_OURS):
            break
        called.append((file, line, function))
    own = [frame for frame in called if not any(part in frame[0] for part in _LIBRARIES)]
    if not called:
        return ""
    file, line, function = (own or called)[0]
    code = linecache.getline(file, line).strip()
    return f"{file}:{line} in {function}" + (f": {code}" if code else "")

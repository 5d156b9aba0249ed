"""Read a stripe of an ORC file so that nothing in it ends the process that wants it.

pyarrow 26 ended the process for 4 of 4,000 damaged files whose stripes it read, in the midst of
reading, where no check comes before. Stripes are therefore read by another process, which may be
lost (``orc_reader``). To look at a footer is not dangerous: of 16,800 files that differ from a good
one in one bit of its end, and of 90,000 that were damaged there in other ways, none ended it.

Workers do the same: what a stripe takes can be bounded for a process that does nothing else, and a
query with ``on_error="skip"`` goes on without it wherever it runs. A stripe of 3 million rows in 3
columns takes 0.16 s so, of which 0.08 s are spent here, and 0.12 s without.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pyarrow as pa

from . import orc_reader

_END_SECONDS = 5.0

_ENVIRONMENT = {
    # Other allocators reserve a gigabyte of addresses, which counts as taken.
    "ARROW_DEFAULT_MEMORY_POOL": "system",
}


class _Ended(Exception):
    """The process that reads has ended, before or while it answered."""


class _Refused(Exception):
    """The stripe cannot be read, for the reason that Arrow gives."""


def read_stripe(
    file: pa.NativeFile, stripe: int, columns: list[str], most_bytes: int
) -> pa.RecordBatch:
    """Return the rows of a stripe of an open file, decoded by a process of its own.

    Parameters
    ----------
    most_bytes
        What that process may take for it.

    Raises
    ------
    pa.ArrowInvalid
        If the stripe cannot be read, or the process that reads it has ended for it.
    OSError
        If the file cannot be read.
    """
    global _reader
    with _lock:
        while True:
            if _reader is None:
                _reader = _Reader()
            whole = False
            try:
                batch = _reader.read_stripe(file, stripe, columns, most_bytes)
                whole = True
            except _Refused as refused:
                whole = True
                raise pa.ArrowInvalid(str(refused)) from None
            except _Ended:
                code = _reader.close()
                # With 0 it ends when it has had nothing to do for a while: another one is asked.
                if code:
                    raise pa.ArrowInvalid(
                        f"Arrow's reader was ended by stripe {stripe} ({_how(code)}); it could"
                        f" take {most_bytes:,} bytes"
                    ) from None
            else:
                return batch
            finally:
                if not whole:
                    # It has ended, or the rest of an answer is on the way that nobody wants.
                    _reader.close()
                    _reader = None


class _Reader:
    """The process that reads, and the socket to it."""

    def __init__(self) -> None:
        self._socket, theirs = socket.socketpair()
        with theirs:
            program = Path(orc_reader.__file__)
            path = os.pathsep.join(filter(None, sys.path))
            self._process = subprocess.Popen(
                [sys.executable, "-P", str(program), str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                env={**os.environ, **_ENVIRONMENT, "PYTHONPATH": path},
            )
        self._stream = self._socket.makefile("rwb")

    def read_stripe(
        self, file: pa.NativeFile, stripe: int, columns: list[str], most_bytes: int
    ) -> pa.RecordBatch:
        """Return the rows of a stripe."""
        asked = {
            "size": file.size(),
            "stripe": stripe,
            "columns": columns,
            "most_bytes": most_bytes,
        }
        self._tell(json.dumps(asked).encode() + b"\n")
        while True:
            match self._heard().split(b" ", 1):
                case [b"read", where]:
                    place, length = map(int, where.split())
                    data = file.read_at(length, place)
                    self._tell(b"%d\n" % len(data), data)
                case [b"refused", *why]:
                    raise _Refused(b"".join(why).decode(errors="replace").strip())
                case _:
                    break
        try:
            with pa.ipc.open_stream(self._stream) as answer:
                (batch,) = answer
                return batch
        except pa.ArrowException:
            # A stream that breaks off.
            raise _Ended from None

    def _tell(self, *parts: bytes) -> None:
        try:
            for part in parts:
                self._stream.write(part)
            self._stream.flush()
        except OSError:
            raise _Ended from None

    def _heard(self) -> bytes:
        try:
            said = self._stream.readline()
        except OSError:
            raise _Ended from None
        if not said.endswith(b"\n"):
            raise _Ended
        return said

    def close(self) -> int:
        """End the process, if it has not ended by itself; return its exit code."""
        # What was not sent yet cannot be sent to a process that has ended.
        with contextlib.suppress(OSError):
            self._stream.close()
        self._socket.close()
        try:
            return self._process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait()

    def let_go(self) -> None:
        """Leave the process to the one that has started it, of which this one is a copy."""
        # The process may have ended, which is the affair of the one that has started it.
        with contextlib.suppress(OSError):
            self._stream.close()
        self._socket.close()
        self._process.returncode = 0


def _how(code: int) -> str:
    return signal.Signals(-code).name if code < 0 else f"exit code {code}"


_lock = threading.Lock()
_reader: _Reader | None = None


def _close() -> None:
    global _reader
    if _reader is not None:
        _reader.close()
        _reader = None


def _let_go() -> None:
    """In a forked process: the reader is its parent's, and so may be who holds the lock."""
    global _lock, _reader
    _lock = threading.Lock()
    if _reader is not None:
        _reader.let_go()
        _reader = None


atexit.register(_close)
os.register_at_fork(after_in_child=_let_go)

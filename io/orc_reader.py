"""A program that reads stripes of ORC files for another process, which a bad file must not end.

``python -P orc_reader.py DESCRIPTOR``: through that socket it is told a stripe, asks for the bytes
of the file that it needs, and answers with a line that says how it went and an Arrow IPC stream. It
is run by its path and imports nothing of the package: it starts in 0.1 s, and in 0.3 s with that.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import resource
import select
import signal
import socket
import sys
import threading
from typing import Any

import pyarrow as pa
from pyarrow import orc

IDLE_SECONDS = 2.0
"""After so long without a request the program ends; it takes 60 MiB."""

_LOOK_SECONDS = 1.0


def main(descriptor: int) -> None:
    """Answer requests until none comes any more."""
    # Ctrl-C is for the driver, which closes the socket then.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # What Arrow's reader and C++ have to say of a bad file is told by the driver.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    pa.set_cpu_count(1)
    connection = socket.socket(fileno=descriptor)
    threading.Thread(target=_end_with, args=(connection, os.getppid()), daemon=True).start()
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    with connection.makefile("rwb") as stream, contextlib.suppress(OSError):
        while poll.poll(IDLE_SECONDS * 1000):
            request = stream.readline()
            if not request:
                return
            _answer(stream, **json.loads(request))
            stream.flush()


def _end_with(connection: socket.socket, parent: int) -> None:
    """End this process when the other one is gone, also in the midst of a stripe."""
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLRDHUP | select.POLLHUP)
    while os.getppid() == parent and not poll.poll(_LOOK_SECONDS * 1000):
        pass
    os._exit(0)


def _answer(
    stream: io.BufferedRWPair, size: int, stripe: int, columns: list[str], most_bytes: int
) -> None:
    try:
        resource.setrlimit(resource.RLIMIT_DATA, (_taken() + most_bytes, resource.RLIM_INFINITY))
        with pa.PythonFile(io.BufferedReader(_Elsewhere(stream, size)), mode="r") as file:
            batch = orc.ORCFile(file).read_stripe(stripe, columns=columns)
        batch.validate(full=True)
    except Exception as error:  # whatever it is, the other process is told
        stream.write(f"refused {' '.join(str(error).split())}\n".encode())
        return
    stream.write(b"rows\n")
    with pa.ipc.new_stream(stream, batch.schema) as writer:
        writer.write_batch(batch)


def _taken() -> int:
    """Return the bytes that this process has for its data, as the kernel counts them."""
    with open("/proc/self/status") as status:
        found = next(line for line in status if line.startswith("VmData:"))
    return int(found.split()[1]) * 1024


class _Elsewhere(io.RawIOBase):
    """A file of which the other process reads what is asked for."""

    def __init__(self, stream: io.BufferedRWPair, size: int) -> None:
        self._stream = stream
        self._size = size
        self._place = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._place

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._place, os.SEEK_END: self._size}
        self._place = start[whence] + offset
        return self._place

    def readinto(self, buffer: Any) -> int:
        length = max(0, min(len(buffer), self._size - self._place))
        if not length:
            return 0
        self._stream.write(b"read %d %d\n" % (self._place, length))
        self._stream.flush()
        got = int(self._stream.readline())
        buffer[:got] = self._stream.read(got)
        self._place += got
        return got


if __name__ == "__main__":
    main(int(sys.argv[1]))

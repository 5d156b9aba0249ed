"""Where a task on a Dask worker puts what it makes: in memory, and on disk what is too much."""

from __future__ import annotations

import mmap
import os
import tempfile
from collections.abc import Sequence

import pyarrow as pa

from ...physical.stage import Ref
from ..stores import MemoryStore
from ..transport import Batches
from .output import Output


class WorkerStore(MemoryStore):
    """The streams that a task was given, and those that it makes.

    Dask holds a task's output as one value, in memory while the task runs. What goes beyond a
    quarter of the task's share is written to a file without a name and mapped: its pages are the
    system's to drop, and the file is gone with the last buffer.
    """

    def __init__(self, directory: str, files: dict[str, dict[int, pa.Buffer]], share: int) -> None:
        super().__init__(lambda: directory, files)
        self._given = set(files)
        self._directory_path = directory
        self._left = share // 4
        self._mapped: set[str] = set()

    def write(self, name: str, parts: Sequence[tuple[int, Batches]], fast: bool) -> list[Ref]:
        """Keep `parts` under `name`."""
        refs = super().write(name, parts, fast)
        self._left -= sum(ref.length for ref in refs)
        if self._left < 0:
            self._mapped.add(name)
            streams = self.files[name]
            for place, stream in list(streams.items()):
                streams[place] = _on_disk(stream, self._directory_path)
        return refs

    def on_disk(self, ref: Ref) -> bool:
        """Return whether a stream that was made here lies on disk."""
        return ref.path in self._mapped

    def output(self) -> Output:
        """Return what was made."""
        return Output({path: held for path, held in self.files.items() if path not in self._given})


def _on_disk(stream: pa.Buffer, directory: str) -> pa.Buffer:
    if not stream.size:
        return stream
    with tempfile.TemporaryFile(dir=directory) as file:
        # A full disk is an error here, and not a signal when the pages are written.
        os.posix_fallocate(file.fileno(), 0, stream.size)
        file.write(stream)
        file.flush()
        return pa.py_buffer(mmap.mmap(file.fileno(), stream.size, prot=mmap.PROT_READ))

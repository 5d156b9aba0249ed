"""Rows that a task puts aside on disk, because it may not hold them: written once, read once.

A file belongs to the task that made it: it is removed when it was read, and with the directory of
the query if the task does not come so far. It is a run of Arrow IPC streams, compressed; a new one
begins where the physical schema changes.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

import pyarrow as pa

from ..errors import StorageFull

# To hand columns to other threads takes longer than to compress or expand them: 2 ms a batch.
_WRITING = pa.ipc.IpcWriteOptions(compression="lz4", use_threads=False)
_READING = pa.ipc.IpcReadOptions(use_threads=False)


class SpillFile:
    """A file of batches, in the order in which they were written."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.rows = 0
        self.bytes = 0
        """Of the file."""

        self.size = 0
        """Bytes of the rows in memory."""

        self._starts: list[int] = []
        self._sink: pa.OSFile | None = None
        self._writer: pa.RecordBatchWriter | None = None
        self._schema: pa.Schema | None = None

    def write(self, batch: pa.RecordBatch) -> None:
        """Put a batch behind the others.

        Raises
        ------
        StorageFull
            If there is no room; nothing of the file is left.
        """
        try:
            if self._sink is None:
                # Nobody else's file, and no link, is written to.
                os.close(os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
                self._sink = pa.OSFile(self.path, "wb")
            if self._writer is None or not batch.schema.equals(self._schema):
                self._end_stream()
                self._starts.append(self._sink.tell())
                self._schema = batch.schema
                self._writer = pa.ipc.new_stream(self._sink, batch.schema, options=_WRITING)
            self._writer.write_batch(batch)
        except OSError as error:
            raise self._full(error) from None
        self.rows += batch.num_rows
        self.size += batch.nbytes

    def finish(self) -> None:
        """End writing; what was not written yet is."""
        try:
            self._end_stream()
            if self._sink is not None:
                self.bytes = self._sink.tell()
                self._sink.close()
        except OSError as error:
            raise self._full(error) from None
        self._sink = None

    def read(self, *, keep: bool = False) -> Iterator[pa.RecordBatch]:
        """Stream the batches, each read when it is asked for; the file goes unless `keep`."""
        if not self._starts:
            return
        try:
            with pa.OSFile(self.path) as source:
                for start in self._starts:
                    source.seek(start)
                    with pa.ipc.open_stream(source, options=_READING) as reader:
                        yield from reader
        finally:
            if not keep:
                self.remove()

    def remove(self) -> None:
        """Remove the file, if there is one."""
        if self._sink is not None:
            # What it still held may not fit on a full disk, and nobody wants it any more.
            with contextlib.suppress(OSError):
                self._sink.close()
            self._sink = self._writer = None
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.path)

    def _end_stream(self) -> None:
        if self._writer is not None:
            writer, self._writer = self._writer, None
            writer.close()

    def _full(self, error: OSError) -> StorageFull:
        self.remove()
        place = os.path.dirname(self.path)
        free = os.statvfs(place)
        return StorageFull(
            f"Rows that do not fit into memory_limit cannot be put aside in {place!r}:"
            f" {error.strerror or error}; {free.f_bavail * free.f_frsize:,} bytes are free there."
            " Free some, set run_directory to a place with more, or raise memory_limit."
        )

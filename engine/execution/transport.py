"""Arrow between processes: IPC streams in files that are written once, mapped, and unlinked.

A file holds one or more streams one behind the other; a `Ref` says where one begins and how long it
is. Space is allocated before it is written, so that a full device is an error and not a SIGBUS
(trap 10), and a file gets its name only when it is whole.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pyarrow as pa

from ..errors import ExecutionError, StorageFull
from ..physical.stage import Ref

ALIGNMENT = 64
"""Arrow's buffers are aligned to this within a stream, so the streams are too."""

Batches = Sequence[pa.RecordBatch]


class Store(Protocol):
    """Where tasks put what they make, and read what others made."""

    def write(self, name: str, parts: Sequence[tuple[int, Batches]], fast: bool) -> list[Ref]:
        """Keep `parts`, pairs of a slot and its batches (one physical schema each)."""

    def read(self, ref: Ref) -> Iterator[pa.RecordBatch]:
        """Stream the batches of `ref`; their buffers are those of the store."""

    def remove(self, path: str) -> None:
        """Forget what is at `path`; readers that have it open keep it."""


def stream_bytes(batches: Batches) -> int:
    """Return the exact length of the IPC stream of `batches`, without writing it."""
    sink = pa.MockOutputStream()
    _write_stream(sink, batches)
    return sink.size()


def batch_bytes(batch: pa.RecordBatch) -> int:
    """Return about how many bytes a batch takes in a stream, its dictionaries included.

    It does not depend on whether the batch was read from a stream or just computed, as ``nbytes``
    does: what is cut by it has to be cut alike by every executor.
    """
    size = pa.ipc.get_record_batch_size(batch)
    for column in batch.columns:
        if isinstance(column, pa.DictionaryArray):
            size += column.dictionary.nbytes
    return size


def pieces(batches: Iterator[pa.RecordBatch], chunk_bytes: int) -> Iterator[list[pa.RecordBatch]]:
    """Yield runs of batches that make one stream of about `chunk_bytes` each, none empty.

    A stream has one schema; where a text column changes between plain and dictionary, a new piece
    begins.
    """
    held: list[pa.RecordBatch] = []
    size = 0
    for batch in batches:
        if batch.num_rows == 0:
            continue
        grown = batch_bytes(batch)
        full = size + grown > chunk_bytes
        if held and (full or not batch.schema.equals(held[0].schema)):
            yield held
            held, size = [], 0
        held.append(batch)
        size += grown
    if held:
        yield held


def _write_stream(sink: pa.NativeFile, batches: Batches) -> None:
    with pa.ipc.new_stream(sink, batches[0].schema) as writer:
        for batch in batches:
            writer.write_batch(batch)


def _aligned(size: int) -> int:
    return -(-size // ALIGNMENT) * ALIGNMENT


@dataclass(frozen=True)
class _Layout:
    """Where each part of a file will lie."""

    parts: Sequence[tuple[int, Batches]]
    offsets: Sequence[int]
    lengths: Sequence[int]
    total: int

    def refs(self, path: str) -> list[Ref]:
        return [
            Ref(
                path=path,
                offset=offset,
                length=length,
                rows=sum(batch.num_rows for batch in batches),
                bytes=length,
                slot=slot,
            )
            for (slot, batches), offset, length in zip(
                self.parts, self.offsets, self.lengths, strict=True
            )
        ]


def _layout(parts: Sequence[tuple[int, Batches]]) -> _Layout:
    offsets, lengths, total = [], [], 0
    for _, batches in parts:
        length = stream_bytes(batches)
        offsets.append(total)
        lengths.append(length)
        total += _aligned(length)
    return _Layout(parts, offsets, lengths, total)


class MemoryStore:
    """Keeps streams in the memory of this process, for the serial executor."""

    def __init__(self) -> None:
        self._buffers: dict[str, dict[int, pa.Buffer]] = {}

    def write(self, name: str, parts: Sequence[tuple[int, Batches]], fast: bool) -> list[Ref]:
        """Keep `parts` under `name`."""
        layout = _layout(parts)
        refs = layout.refs(name)
        buffers = self._buffers[name] = {}
        for ref, (_, batches) in zip(refs, parts, strict=True):
            sink = pa.BufferOutputStream()
            _write_stream(sink, batches)
            buffers[ref.offset] = sink.getvalue()
        return refs

    def read(self, ref: Ref) -> Iterator[pa.RecordBatch]:
        """Stream the batches of `ref`."""
        yield from _read_stream(self._buffers[ref.path][ref.offset])

    def remove(self, path: str) -> None:
        """Forget the streams under `path`."""
        self._buffers.pop(path, None)


class FileStore:
    """Keeps streams in files of one query: in shared memory, or on disk where that is full."""

    def __init__(self, memory: str, disk: str) -> None:
        self.memory = memory
        self.disk = disk

    def write(self, name: str, parts: Sequence[tuple[int, Batches]], fast: bool) -> list[Ref]:
        """Write `parts` into one file called `name`; in shared memory if `fast` and it has room.

        Raises
        ------
        StorageFull
            If there is no room on disk either; no partial file is left.
        """
        layout = _layout(parts)
        if fast:
            try:
                return layout.refs(_write_file(self.memory, name, layout))
            except OSError as error:
                if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
                    raise
        try:
            return layout.refs(_write_file(self.disk, name, layout))
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
                raise
            free = os.statvfs(self.disk)
            raise StorageFull(
                f"No room for {layout.total:,} bytes in {self.disk!r} (and none in shared memory):"
                f" {free.f_bavail * free.f_frsize:,} bytes are free. Free some, or set"
                " run_directory to a place with more."
            ) from None

    def read(self, ref: Ref) -> Iterator[pa.RecordBatch]:
        """Stream the batches of `ref`; they are views of the mapped file."""
        with pa.memory_map(ref.path) as source:
            if source.size() < ref.offset + ref.length:
                raise ExecutionError(
                    f"The file {ref.path!r} is shorter than when it was written: it was changed by"
                    " another program."
                )
            source.seek(ref.offset)
            buffer = source.read_buffer(ref.length)
        yield from _read_stream(buffer)

    def remove(self, path: str) -> None:
        """Unlink the file; mapped rows stay readable."""
        Path(path).unlink(missing_ok=True)


def _read_stream(buffer: pa.Buffer) -> Iterator[pa.RecordBatch]:
    with pa.ipc.open_stream(pa.BufferReader(buffer)) as reader:
        yield from reader


def _write_file(directory: str, name: str, layout: _Layout) -> str:
    """Write a file whole, under another name until it is; nothing is left of one that failed."""
    path = os.path.join(directory, name)
    unfinished = path + ".part"
    descriptor = os.open(unfinished, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        try:
            os.posix_fallocate(descriptor, 0, max(layout.total, 1))
            for offset, (_, batches) in zip(layout.offsets, layout.parts, strict=True):
                os.lseek(descriptor, offset, os.SEEK_SET)
                with pa.PythonFile(_Descriptor(descriptor), mode="w") as sink:
                    _write_stream(sink, batches)
        finally:
            os.close(descriptor)
        os.rename(unfinished, path)
    except BaseException:
        Path(unfinished).unlink(missing_ok=True)
        raise
    return path


class _Descriptor:
    """The least of a Python file that Arrow writes to: no buffer of its own, no short writes.

    `pa.OSFile` would truncate the file and lose what was allocated.
    """

    closed = False

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._place = 0

    def write(self, data: bytes) -> int:
        view = memoryview(data).cast("B")
        while view:
            view = view[os.write(self._descriptor, view) :]
        self._place += len(memoryview(data).cast("B"))
        return self._place

    def tell(self) -> int:
        return self._place

    def flush(self) -> None:
        """Nothing is held back."""

    def close(self) -> None:
        self.closed = True

"""Arrow between processes: IPC streams in files that are written once, mapped, and unlinked.

A file holds one or more streams one behind the other; a `Ref` says where one begins and how long it
is. Space is allocated before it is written, so that a full device is an error and not a SIGBUS
(trap 10), and a file gets its name only when it is whole. Which files there are, and where, is told
by the stores (`stores.py`).
"""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa

from ..errors import ExecutionError, is_refusal
from ..physical.spill import reading
from ..physical.stage import Ref

ALIGNMENT = 64
"""Arrow's buffers are aligned to this within a stream, so the streams are too."""

Batches = Sequence[pa.RecordBatch]


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


_SMALL_STREAM = 1 << 20
"""Streams up to this size are copied into one buffer: less than what Python takes for each part."""

_PADDING = bytes(ALIGNMENT)


class _Parts:
    """The least of a Python file that Arrow writes to: it keeps the parts, without a copy."""

    closed = False

    def __init__(self) -> None:
        self.parts: list[bytes | pa.Buffer] = []
        self.size = 0

    def write(self, data: bytes | pa.Buffer) -> int:
        self.parts.append(data)
        self.size += len(data)
        return len(data)

    def tell(self) -> int:
        return self.size

    def flush(self) -> None:
        """Nothing is held back."""

    def close(self) -> None:
        self.closed = True


def _stream(batches: Batches) -> list[bytes | pa.Buffer]:
    """Return the parts of the IPC stream of `batches`, which are written one behind another.

    So its length is known before a byte is written, and it is written by one call of the system;
    a first pass that only measures, and a call for each part, took as long as the copy itself.
    """
    if sum(batch.nbytes for batch in batches) <= _SMALL_STREAM:
        whole = pa.BufferOutputStream()
        _write_stream(whole, batches)
        return [whole.getvalue()]
    found = _Parts()
    with pa.PythonFile(found, mode="w") as sink:
        _write_stream(sink, batches)
    return found.parts


def _write_stream(sink: pa.NativeFile, batches: Batches) -> None:
    with pa.ipc.new_stream(sink, batches[0].schema) as writer:
        for batch in batches:
            writer.write_batch(batch)


@dataclass(frozen=True)
class Layout:
    """The streams of a file, and where each of them will lie."""

    streams: Sequence[Sequence[bytes | pa.Buffer]]
    refs: Sequence[Ref]
    """Of a file that has no path yet."""

    total: int

    def refs_in(self, path: str) -> list[Ref]:
        return [ref._replace(path=path) for ref in self.refs]

    def parts(self) -> Iterator[bytes | pa.Buffer]:
        """Yield all that the file is made of, from its beginning to its end."""
        for stream, ref in zip(self.streams, self.refs, strict=True):
            yield from stream
            if padding := -ref.length % ALIGNMENT:
                yield _PADDING[:padding]


def laid_out(parts: Sequence[tuple[int, Batches]]) -> Layout:
    """Return the streams of `parts`, pairs of a slot and its batches, one behind another."""
    streams, refs, total = [], [], 0
    for slot, batches in parts:
        stream = _stream(batches)
        length = sum(map(len, stream))
        rows = sum(batch.num_rows for batch in batches)
        refs.append(Ref(path="", offset=total, length=length, rows=rows, bytes=length, slot=slot))
        streams.append(stream)
        total += length + -length % ALIGNMENT
    return Layout(streams, refs, total)


def unfinished_name(name: str, pid: int) -> str:
    """Return what a file is called while a process is writing it."""
    return f"{name}.{pid}.part"


def mapped(path: str, how: Callable[[str], pa.Buffer]) -> pa.Buffer | None:
    """Return a mapped file; None where the process may map no more (``ulimit -v``): it is read."""
    try:
        with reading(path):
            return how(path)
    except OSError as error:
        if not is_refusal(error, errno.ENOMEM):
            raise
        return None


def mapped_whole(path: str) -> pa.Buffer:
    """Return what is in a file, which stays readable when the file is unlinked."""
    with pa.memory_map(path) as source:
        return source.read_buffer(source.size())


def read_file(ref: Ref) -> Iterator[pa.RecordBatch]:
    """Stream the batches of a stream on disk, each read when it is asked for."""
    with reading(ref.path), pa.OSFile(ref.path) as source:
        if source.size() < ref.offset + ref.length:
            raise _shorter(ref)
        source.seek(ref.offset)
        with pa.ipc.open_stream(source) as reader:
            yield from reader


def part_of(file: pa.Buffer, ref: Ref) -> pa.Buffer:
    """Return the bytes of one stream of a file."""
    if file.size < ref.offset + ref.length:
        raise _shorter(ref)
    return file.slice(ref.offset, ref.length)


def _shorter(ref: Ref) -> ExecutionError:
    return ExecutionError(
        f"The file {ref.path!r} is shorter than when it was written: it was changed by another"
        " program."
    )


def joined(stream: Sequence[bytes | pa.Buffer]) -> pa.Buffer:
    """Return the parts of a stream as one buffer."""
    if len(stream) == 1 and isinstance(stream[0], pa.Buffer):
        return stream[0]
    whole = pa.allocate_buffer(sum(map(len, stream)))
    with pa.FixedSizeBufferWriter(whole) as sink:
        for part in stream:
            sink.write(part)
    return whole


def read_stream(buffer: pa.Buffer) -> Iterator[pa.RecordBatch]:
    """Stream the batches of a stream in memory, as views of it."""
    with pa.ipc.open_stream(buffer) as reader:
        yield from reader


def write_file(directory: str, name: str, layout: Layout) -> str:
    """Write a file whole, under another name until it is; nothing is left of one that failed."""
    path = os.path.join(directory, name)
    unfinished = unfinished_name(path, os.getpid())
    descriptor = os.open(unfinished, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        try:
            os.posix_fallocate(descriptor, 0, max(layout.total, 1))
            _write_parts(descriptor, layout.parts())
        finally:
            os.close(descriptor)
        os.rename(unfinished, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(unfinished)
        raise
    return path


_PARTS_AT_ONCE = 1024
"""As many parts one call of the system takes."""


def _write_parts(descriptor: int, parts: Iterator[bytes | pa.Buffer]) -> None:
    """Write `parts` one behind another, as many as possible by one call."""
    views = (memoryview(part) for part in parts if len(part))
    while waiting := list(itertools.islice(views, _PARTS_AT_ONCE)):
        done = 0
        while done < len(waiting):
            written = os.writev(descriptor, waiting[done:])
            # A call may write less than all, and end within a part.
            while done < len(waiting) and written >= len(waiting[done]):
                written -= len(waiting[done])
                done += 1
            if written:
                waiting[done] = waiting[done][written:]

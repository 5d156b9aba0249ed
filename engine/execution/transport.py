"""Arrow between processes: IPC streams in files that are written once, mapped, and unlinked.

A file holds one or more streams one behind the other; a `Ref` says where one begins and how long it
is. Space is allocated before it is written, so that a full device is an error and not a SIGBUS
(trap 10), and a file gets its name only when it is whole.
"""

from __future__ import annotations

import contextlib
import copy
import errno
import itertools
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, Self

import pyarrow as pa

from ..errors import ExecutionError, is_refusal
from ..physical.kernels.mapped_rows import mapped_without_neighbours
from ..physical.spill import is_full, not_written, reading
from ..physical.stage import Ref

ALIGNMENT = 64
"""Arrow's buffers are aligned to this within a stream, so the streams are too."""

Batches = Sequence[pa.RecordBatch]


class Store(Protocol):
    """Where tasks put what they make, and read what others made."""

    def write(self, name: str, parts: Sequence[tuple[int, Batches]], fast: bool) -> list[Ref]:
        """Keep `parts`, pairs of a slot and its batches (one physical schema each)."""

    def read(self, *refs: Ref, sparsely: bool = False) -> Iterator[pa.RecordBatch]:
        """Stream the batches of `refs`; `sparsely` if a few rows of each batch are looked at."""

    def on_disk(self, ref: Ref) -> bool:
        """Return whether a stream lies on disk and not in memory."""

    def spill_path(self) -> str:
        """Return the path of a file that does not exist, on disk, for rows that are put aside."""

    def remove(self, path: str) -> None:
        """Forget what is at `path`; readers that have it open keep it."""


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
class _Layout:
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


def _layout(parts: Sequence[tuple[int, Batches]]) -> _Layout:
    streams, refs, total = [], [], 0
    for slot, batches in parts:
        stream = _stream(batches)
        length = sum(map(len, stream))
        rows = sum(batch.num_rows for batch in batches)
        refs.append(Ref(path="", offset=total, length=length, rows=rows, bytes=length, slot=slot))
        streams.append(stream)
        total += length + -length % ALIGNMENT
    return _Layout(streams, refs, total)


class MemoryStore:
    """Keeps streams in the memory of this process."""

    def __init__(
        self,
        directory: Callable[[], str],
        files: dict[str, dict[int, pa.Buffer]] | None = None,
    ) -> None:
        self._directory = directory
        self.files = {} if files is None else files
        """By path and place."""

    def same(self) -> Self:
        """Return another object with the same streams, so that the end of this one is seen."""
        return copy.copy(self)

    def write(self, name: str, parts: Sequence[tuple[int, Batches]], fast: bool) -> list[Ref]:
        """Keep `parts` under `name`."""
        layout = _layout(parts)
        self.files[name] = {
            ref.offset: _joined(stream)
            for ref, stream in zip(layout.refs, layout.streams, strict=True)
        }
        return layout.refs_in(name)

    def read(self, *refs: Ref, sparsely: bool = False) -> Iterator[pa.RecordBatch]:
        """Stream the batches of `refs`."""
        for ref in refs:
            yield from _read_stream(self.files[ref.path][ref.offset])

    def on_disk(self, ref: Ref) -> bool:
        """Return False: all of it lies in memory."""
        return False

    def spill_path(self) -> str:
        """Return a path in the directory of the session, which is made when it is wanted."""
        return _spill_path(self._directory())

    def remove(self, path: str) -> None:
        """Forget the streams under `path`."""
        self.files.pop(path, None)


class LimitedStore(MemoryStore):
    """Keeps streams in the memory of this process, and on disk what is more than their share.

    Its `directory` makes one for the files of the query, when it is wanted.
    """

    def __init__(self, directory: Callable[[], str]) -> None:
        super().__init__(directory)
        self._file_stores: list[FileStore] = []
        """One, once it is wanted; of all that are the same."""

    def write(self, name: str, parts: Sequence[tuple[int, Batches]], fast: bool) -> list[Ref]:
        """Keep `parts` under `name`, in memory if `fast`; see `FileStore.write`."""
        return (
            super().write(name, parts, fast) if fast else self._on_disk().write(name, parts, fast)
        )

    def read(self, *refs: Ref, sparsely: bool = False) -> Iterator[pa.RecordBatch]:
        """Stream the batches of `refs`."""
        for ref in refs:
            if self.on_disk(ref):
                yield from self._on_disk().read(ref, sparsely=sparsely)
            else:
                yield from super().read(ref)

    def on_disk(self, ref: Ref) -> bool:
        """Return whether a stream lies on disk and not in memory."""
        return any(store.on_disk(ref) for store in self._file_stores)

    def spill_path(self) -> str:
        """Return a path in the directory of the query."""
        return self._on_disk().spill_path()

    def remove(self, path: str) -> None:
        """Forget the streams under `path`."""
        if path in self.files:
            super().remove(path)
        elif self._file_stores:
            self._on_disk().remove(path)

    def _on_disk(self) -> FileStore:
        if not self._file_stores:
            directory = self._directory()
            self._file_stores.append(FileStore(directory, directory))
        return self._file_stores[0]


class FileStore:
    """Keeps streams in files of one query: in shared memory, or on disk where that is full."""

    def __init__(self, memory: str, disk: str) -> None:
        self.memory = memory
        self.disk = disk
        # Another directory's name may begin as this one's does.
        self._on_disk = os.path.join(disk, "")

    def write(self, name: str, parts: Sequence[tuple[int, Batches]], fast: bool) -> list[Ref]:
        """Write `parts` into one file called `name`; in shared memory if `fast` and it has room.

        Raises
        ------
        StorageFull
            If there is no room on disk either; no partial file is left.
        ExecutionError
            If a directory cannot be written to.
        """
        layout = _layout(parts)
        if fast:
            try:
                return layout.refs_in(_write_file(self.memory, name, layout))
            except OSError as error:
                if not is_full(error):
                    raise not_written(error, f"{layout.total:,} bytes", self.memory) from error
        try:
            return layout.refs_in(_write_file(self.disk, name, layout))
        except OSError as error:
            raise not_written(error, f"{layout.total:,} bytes", self.disk) from error

    def read(self, *refs: Ref, sparsely: bool = False) -> Iterator[pa.RecordBatch]:
        """Stream the batches of `refs`.

        Those in shared memory are views of the mapped files; a file is mapped once for all refs in
        it, unless there are very many files. What lies on disk is read batch by batch: its pages
        would be counted as this process's own for as long as they are mapped, 1.2 GB in a sort of
        2 GB. It is mapped too where it is read `sparsely`, and then copied where it is to stay.
        """
        mapped: dict[str, pa.Buffer | None] = {}
        for ref in refs:
            if self.on_disk(ref):
                file = _mapped(ref.path, mapped_without_neighbours) if sparsely else None
            else:
                if ref.path not in mapped:
                    if len(mapped) >= _MAPPED_FILES:
                        del mapped[next(iter(mapped))]
                    mapped[ref.path] = _mapped(ref.path, _mapped_whole)
                file = mapped[ref.path]
            if file is None:
                yield from _read_file(ref)
            else:
                yield from _read_stream(_part(file, ref))

    def on_disk(self, ref: Ref) -> bool:
        """Return whether a stream lies on disk and not in shared memory."""
        return ref.path.startswith(self._on_disk)

    def spill_path(self) -> str:
        """Return a path in the directory of the query."""
        return _spill_path(self.disk)

    def remove(self, path: str) -> None:
        """Unlink the file; mapped rows stay readable."""
        # Not by pathlib, which takes 10 microseconds more; it is done for every task. What cannot
        # be removed goes with the directory of the query.
        with contextlib.suppress(OSError):
            os.unlink(path)

    def remove_unfinished(self, pid: int) -> None:
        """Remove what a process that has died was writing, or had put aside.

        A query may go on for long, and the next attempt wants the room.
        """
        ends, begins = _unfinished("", pid), _spilled_by(pid)
        for place in (self.memory, self.disk):
            for name in _listed(place):
                if name.endswith(ends) or name.startswith(begins):
                    self.remove(os.path.join(place, name))


def _listed(place: str) -> list[str]:
    try:
        return os.listdir(place)
    except FileNotFoundError:
        # Another program has removed it, with all that there was.
        return []


_spilled = itertools.count(1)


def _spill_path(directory: str) -> str:
    return os.path.join(directory, f"{_spilled_by(os.getpid())}{next(_spilled)}.arrows")


def _spilled_by(pid: int) -> str:
    return f"spilled-{pid}-"


def _unfinished(name: str, pid: int) -> str:
    return f"{name}.{pid}.part"


_MAPPED_FILES = 64
"""So many files a reader keeps mapped, in case that it wants more of them."""


def _mapped(path: str, how: Callable[[str], pa.Buffer]) -> pa.Buffer | None:
    """Return a mapped file; None where the process may map no more (``ulimit -v``): it is read."""
    try:
        with reading(path):
            return how(path)
    except OSError as error:
        if not is_refusal(error, errno.ENOMEM):
            raise
        return None


def _mapped_whole(path: str) -> pa.Buffer:
    with pa.memory_map(path) as source:
        return source.read_buffer(source.size())


def _read_file(ref: Ref) -> Iterator[pa.RecordBatch]:
    """Stream the batches of a stream on disk, each read when it is asked for."""
    with reading(ref.path), pa.OSFile(ref.path) as source:
        if source.size() < ref.offset + ref.length:
            raise _shorter(ref)
        source.seek(ref.offset)
        with pa.ipc.open_stream(source) as reader:
            yield from reader


def _part(file: pa.Buffer, ref: Ref) -> pa.Buffer:
    if file.size < ref.offset + ref.length:
        raise _shorter(ref)
    return file.slice(ref.offset, ref.length)


def _shorter(ref: Ref) -> ExecutionError:
    return ExecutionError(
        f"The file {ref.path!r} is shorter than when it was written: it was changed by another"
        " program."
    )


def _joined(stream: Sequence[bytes | pa.Buffer]) -> pa.Buffer:
    """Return the parts of a stream as one buffer."""
    if len(stream) == 1 and isinstance(stream[0], pa.Buffer):
        return stream[0]
    whole = pa.allocate_buffer(sum(map(len, stream)))
    with pa.FixedSizeBufferWriter(whole) as sink:
        for part in stream:
            sink.write(part)
    return whole


def _read_stream(buffer: pa.Buffer) -> Iterator[pa.RecordBatch]:
    with pa.ipc.open_stream(buffer) as reader:
        yield from reader


def _write_file(directory: str, name: str, layout: _Layout) -> str:
    """Write a file whole, under another name until it is; nothing is left of one that failed."""
    path = os.path.join(directory, name)
    unfinished = _unfinished(path, os.getpid())
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

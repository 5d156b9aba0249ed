"""Rows that a session keeps: what `persist` writes, who holds it, and when it goes.

A persisted frame is written by a sink like any other, as Arrow streams into directories of the
session's own beside those of its queries: in shared memory while its share lasts, else on disk.
They are not a query's, so they outlive the pool and its workers; they go with the last frame that
reads them, or with the session.
"""

from __future__ import annotations

import itertools
import os
import weakref
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import pyarrow as pa
import pyarrow.compute as pc

from ..errors import ExecutionError
from ..source import HELD, KeptFile, Written
from .run_directory import RunDirectory
from .stores import FileStore, Store
from .transport import pieces

_GONE = " Persist it again where it is needed, or write it with .checkpoint(path), which stays."


class Keeper:
    """All that the persisted frames of one session hold."""

    def __init__(self, directories: Callable[[], RunDirectory]) -> None:
        self._directories = directories
        self._numbers = itertools.count(1)
        # By number, and not one sum: a frame may be collected as garbage in the middle of an
        # addition.
        self._in_memory: dict[int, int] = {}
        self.process = os.getpid()
        self.closed = False

    def bytes_in_memory(self) -> int:
        """Return how many bytes of shared memory persisted frames take."""
        return sum(list(self._in_memory.values()))

    def close(self) -> None:
        """Give up all that is kept; the session removes its directories."""
        self.closed = True
        self._in_memory.clear()

    def sink(self) -> KeepSink:
        """Return a sink for the rows of one frame."""
        return KeepSink(self)

    def places(self) -> tuple[str, str]:
        """Make the directories of one frame, in memory and on disk."""
        return self._directories().places(f"kept-{next(self._numbers)}")

    def hold(self, job: KeepJob, files: Sequence[KeptFile]) -> Kept:
        """Return the holder of files: when it is garbage they are removed."""
        number = next(self._numbers)
        self._in_memory[number] = kept_in_memory(files)
        kept = Kept(self, tuple(files))
        gone = weakref.finalize(kept, self._remove, number, job.memory, job.disk)
        # At the end of the process the session removes everything.
        gone.atexit = False
        return kept

    def _remove(self, number: int, *places: str) -> None:
        self._in_memory.pop(number, None)
        self.drop(*places)

    def drop(self, *places: str) -> None:
        """Remove the directories of one frame."""
        # A child that the user forked has copies of frames, and the files are its parent's.
        if os.getpid() == self.process and not self.closed:
            self._directories().remove_places(*places)


class Kept:
    """The files of one persisted frame, for as long as somebody has this object."""

    def __init__(self, keeper: Keeper, files: tuple[KeptFile, ...]) -> None:
        self._keeper = keeper
        self.files = files
        """By partition, and by piece of it."""

    def check(self) -> None:
        """Raise `ExecutionError` when the rows are not there any more, or not for this process."""
        if os.getpid() != self._keeper.process:
            raise ExecutionError(
                "The rows of this persisted frame belong to the process that this one was forked"
                f" from.{_GONE}"
            )
        if self._keeper.closed:
            raise ExecutionError(
                f"The rows of this persisted frame went with their session, which is closed.{_GONE}"
            )


@dataclass(frozen=True, eq=False)
class KeepSink:
    """A sink that keeps the rows in the session; `kept` holds them once it has been run."""

    keeper: Keeper
    keeps_encoding: ClassVar[bool] = True

    @property
    def label(self) -> str:
        """What to call it in a plan."""
        return "to keep in the session"

    def check(self, schema: pa.Schema) -> None:
        """Any schema can be kept."""

    def start(self, schema: pa.Schema) -> KeepJob:
        """Make the directories."""
        memory, disk = self.keeper.places()
        return KeepJob(sink=self, memory=memory, disk=disk)

    kept: Kept | None = None


@dataclass(frozen=True, kw_only=True)
class KeepJob:
    """One run of a `KeepSink`."""

    memory: str
    disk: str
    sink: KeepSink | None = None
    """Of the driver alone."""

    room: int = 0
    """Bytes that one task may put into shared memory, by the scheduler's account."""

    chunk_bytes: int = 1

    held_by: Store | None = None
    """Where a worker keeps rows that no other process finds in a file."""

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "sink": None, "held_by": None}

    def placed(self, *, room: int, chunk_bytes: int) -> KeepJob:
        """Return the job for one task."""
        return replace(self, room=room, chunk_bytes=chunk_bytes)

    def write(
        self, partition: int, attempt: int, batches: Iterator[pa.RecordBatch]
    ) -> Sequence[KeptFile]:
        """Write the rows of one partition in pieces; without rows there is one of none."""
        store = self.held_by or FileStore(self.memory, self.disk)
        written = []
        room = self.room
        for number, piece in enumerate(pieces(batches, self.chunk_bytes)):
            name = f"p{partition}-a{attempt}-{number}.arrows"
            if self.held_by is not None:
                name = f"{HELD}{self.disk}/{name}"
            fast = sum([batch.nbytes for batch in piece]) <= room
            (ref,) = store.write(name, [(0, piece)], fast)
            room -= ref.length if fast else 0
            table = pa.Table.from_batches(piece)
            written.append(
                KeptFile(
                    path=ref.path,
                    target=name,
                    rows=ref.rows,
                    bytes=ref.length,
                    partition=partition,
                    piece=number,
                    in_memory=ref.path.startswith(self.memory),
                    column_bytes=tuple(column.nbytes for column in table.columns),
                    bounds=tuple(map(bounds_of, table.columns)),
                    null_counts=tuple(map(_nulls_of, table.columns)),
                )
            )
        return written or [_nothing(partition)]

    def commit(self, written: Sequence[Written]) -> Sequence[KeptFile]:
        """Hold what was written, and remove what lost attempts have left."""
        assert self.sink is not None
        files = [file for file in written if isinstance(file, KeptFile)]
        files.sort(key=lambda file: (file.partition, file.piece))
        there = {file.path for file in files}
        for place in (self.memory, self.disk):
            for path in Path(place).iterdir():
                if str(path) not in there:
                    path.unlink(missing_ok=True)
        # Past the frozen dataclass: it is what a run of the sink comes to.
        self.sink.__dict__["kept"] = self.sink.keeper.hold(self, files)
        return files

    def abort(self) -> None:
        """Remove all that was written."""
        assert self.sink is not None
        self.sink.keeper.drop(self.memory, self.disk)


def kept_in_memory(written: Sequence[Written]) -> int:
    """Return how many bytes of shared memory the files take that are to be kept."""
    return sum(file.bytes for file in written if isinstance(file, KeptFile) and file.in_memory)


def bounds_of(column: pa.ChunkedArray) -> tuple[Any, Any] | None:
    """Return the least and the greatest value as plain numbers; None for types without cheap ones.

    >>> bounds_of(pa.chunked_array([[3, None, 1]]))
    (1, 3)
    """
    dtype = column.type
    whole = pa.types.is_integer(dtype) or pa.types.is_date(dtype) or pa.types.is_timestamp(dtype)
    if not (whole or pa.types.is_float32(dtype) or pa.types.is_float64(dtype)):
        return None
    found = pc.min_max(column)
    low, high = found["min"], found["max"]
    if not low.is_valid or low.as_py() != low.as_py():
        return None
    # Times as they are stored: Python's datetime has no nanoseconds.
    return (low.value, high.value) if hasattr(low, "value") else (low.as_py(), high.as_py())


def _nothing(partition: int) -> KeptFile:
    """Return what stands for a partition without rows."""
    return KeptFile(
        path="",
        target="",
        rows=0,
        bytes=0,
        partition=partition,
        piece=0,
        in_memory=False,
        column_bytes=(),
        bounds=(),
        null_counts=(),
    )


def _nulls_of(column: pa.ChunkedArray) -> int | None:
    # The codes of a dictionary do not tell of a null among its values.
    return None if pa.types.is_dictionary(column.type) else column.null_count

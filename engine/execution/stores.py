"""Where tasks put the streams that they make, and read those that others made.

A store knows places: the memory of this process, files in shared memory, files on disk. How
batches become the bytes of a file and batches again is in `transport.py`.
"""

from __future__ import annotations

import contextlib
import copy
import itertools
import os
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol, Self

import pyarrow as pa

from ..physical.kernels.mapped_rows import mapped_without_neighbours
from ..physical.spill import is_full, not_written
from ..physical.stage import Ref
from .transport import (
    Batches,
    joined,
    laid_out,
    mapped,
    mapped_whole,
    part_of,
    read_file,
    read_stream,
    unfinished_name,
    write_file,
)


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


_MAPPED_FILES = 64
"""So many files a reader keeps mapped, in case that it wants more of them."""


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
        layout = laid_out(parts)
        self.files[name] = {
            ref.offset: joined(stream)
            for ref, stream in zip(layout.refs, layout.streams, strict=True)
        }
        return layout.refs_in(name)

    def read(self, *refs: Ref, sparsely: bool = False) -> Iterator[pa.RecordBatch]:
        """Stream the batches of `refs`."""
        for ref in refs:
            yield from read_stream(self.files[ref.path][ref.offset])

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
        layout = laid_out(parts)
        if fast:
            try:
                return layout.refs_in(write_file(self.memory, name, layout))
            except OSError as error:
                if not is_full(error):
                    raise not_written(error, f"{layout.total:,} bytes", self.memory) from error
        try:
            return layout.refs_in(write_file(self.disk, name, layout))
        except OSError as error:
            raise not_written(error, f"{layout.total:,} bytes", self.disk) from error

    def read(self, *refs: Ref, sparsely: bool = False) -> Iterator[pa.RecordBatch]:
        """Stream the batches of `refs`.

        Those in shared memory are views of the mapped files; a file is mapped once for all refs in
        it, unless there are very many files. What lies on disk is read batch by batch: its pages
        would be counted as this process's own for as long as they are mapped, 1.2 GB in a sort of
        2 GB. It is mapped too where it is read `sparsely`, and then copied where it is to stay.
        """
        files: dict[str, pa.Buffer | None] = {}
        for ref in refs:
            if self.on_disk(ref):
                file = mapped(ref.path, mapped_without_neighbours) if sparsely else None
            else:
                if ref.path not in files:
                    if len(files) >= _MAPPED_FILES:
                        del files[next(iter(files))]
                    files[ref.path] = mapped(ref.path, mapped_whole)
                file = files[ref.path]
            if file is None:
                yield from read_file(ref)
            else:
                yield from read_stream(part_of(file, ref))

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
        ends, begins = unfinished_name("", pid), _spilled_by(pid)
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

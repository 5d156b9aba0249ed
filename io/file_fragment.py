"""One task's share of a dataset of files: what is the same whatever their format is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Generic, Protocol, Self, TypeVar

import pyarrow as pa
from pyarrow import fs

from ..engine.errors import PartitaError, SourceCorrupt, SourceNotFound
from ..engine.source import Skipped
from .batches import rebatched, without_columns
from .conforming import conformed
from .file_errors import gone
from .listing import File
from .watching import watched


class FilePart(Protocol):
    """A part of a file; as text, the file and which part it is."""

    @property
    def file(self) -> File:
        """The file as it was when the scan was planned."""


PartT = TypeVar("PartT", bound=FilePart)


@dataclass(frozen=True, kw_only=True)
class FileFragment(ABC, Generic[PartT]):
    """Parts of files that one task reads."""

    parts: tuple[PartT, ...]
    schema: pa.Schema
    """The columns to give, in order, with their logical types."""

    keys: frozenset[str]
    """Columns that come from folder names."""

    size: int
    store: fs.FileSystem | None = None
    on_error: str = "raise"
    """``skip`` leaves out parts that cannot be read, and tells of them."""

    tell: Callable[[Skipped], None] | None = field(default=None, compare=False, repr=False)
    """Is told of what is left out."""

    def telling(self, tell: Callable[[Skipped], None]) -> Self:
        """Return the fragment, which tells of what it leaves out, if it leaves anything out."""
        return self if self.on_error == "raise" else replace(self, tell=tell)

    def leave_out(self, file: File, part: str, error: PartitaError) -> None:
        """Tell of a part that cannot be read; raise what is wrong with it if that is wanted.

        A part that is left out without anybody who can be told is an error as well.
        """
        if self.tell is None:
            raise error
        self.tell(Skipped(file=file.path, part=part, reason=str(error)))

    @property
    def label(self) -> str:
        """The file and its part, or how many files."""
        first, more = self.parts[0], len(self.parts) - 1
        return f"{first.file.path} and {more} more files" if more else str(first)

    @property
    def is_near(self) -> bool:
        """Whether it is one file of this machine, which each process may read for itself."""
        return self.store is None and len(self.parts) == 1 and self.on_error == "raise"

    @property
    def rows(self) -> int | None:
        """Rows, in a format that tells them without reading."""
        return None

    @property
    def bytes(self) -> int:
        """Decoded bytes of the columns, estimated."""
        return self.size

    @property
    def stored_bytes(self) -> int:
        """The same, where a format has no other: only the needed columns are read."""
        return self.size

    @cached_property
    def stored_names(self) -> list[str]:
        """The columns that come from the files themselves."""
        return [name for name in self.schema.names if name not in self.keys]

    @abstractmethod
    def batches(self, batch_rows: int) -> Iterator[pa.RecordBatch]:
        """Stream the rows."""


@dataclass(frozen=True, kw_only=True)
class StreamedFragment(FileFragment[PartT]):
    """A fragment of a format whose parts are read batch after batch."""

    @abstractmethod
    def stored_batches(self, part: PartT) -> Iterator[pa.RecordBatch]:
        """Stream a part as the file has it: batches of any length, the needed columns or more."""

    def batches(self, batch_rows: int) -> Iterator[pa.RecordBatch]:
        """Stream the rows."""
        for part in self.parts:
            rows = 0
            try:
                for batch in self._checked(part):
                    rows += batch.num_rows
                    yield from self._given(batch, part.file, batch_rows)
            except (SourceCorrupt, SourceNotFound) as error:
                which = str(part).removeprefix(part.file.path).strip(" []")
                behind = f"all behind its row {rows:,}" if rows else ""
                self.leave_out(part.file, ", ".join(filter(None, (which, behind))), error)

    def _checked(self, part: PartT) -> Iterator[pa.RecordBatch]:
        with watched(part.file) if self.store is None else nullcontext():
            try:
                yield from self.stored_batches(part)
            except FileNotFoundError:
                raise gone(part.file) from None

    def _given(
        self, batch: pa.RecordBatch, file: File, batch_rows: int
    ) -> Iterator[pa.RecordBatch]:
        if not self.schema.names:
            yield from without_columns(batch.num_rows, batch_rows)
            return
        table = pa.Table.from_batches([batch])
        columns = conformed(table, batch.num_rows, self.schema, file, self.keys)
        yield from rebatched(columns, batch_rows)

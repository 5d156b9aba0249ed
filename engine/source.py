"""The protocols between the engine and the formats: sources, their fragments, and sinks."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

import numpy as np
import pyarrow as pa

from .expr.node import Expr


@dataclass(frozen=True, kw_only=True)
class Pushdown:
    """What a scan is spared: the optimizer fills it, a source makes of it what it can."""

    columns: tuple[str, ...] | None = None
    """Names to read, in order; None reads all. A source gives exactly these columns."""

    predicate: Expr | None = None
    """A condition on the rows. A source may leave out files and row groups where it holds for no
    row; the engine filters what is given, so a source need not filter rows."""

    limit: int | None = None
    """So many rows are enough; a source may stop planning fragments when it has them for sure
    (only together with a predicate of None)."""


@dataclass(frozen=True, kw_only=True)
class ColumnStatistics:
    """What is known of a column without reading it; None is not known."""

    minimum: Any = None
    maximum: Any = None
    null_count: int | None = None
    distinct: int | None = None


@dataclass(frozen=True, kw_only=True)
class Statistics:
    """What is known of a dataset or fragment without reading it."""

    rows: int | None = None
    bytes: int | None = None
    columns: Mapping[str, ColumnStatistics] = field(default_factory=dict)


@runtime_checkable
class Fragment(Protocol):
    """A piece of a dataset that one task reads; picklable, and it carries its pushdown."""

    @property
    def label(self) -> str:
        """What to call it in messages: the file, and which part of it."""

    @property
    def rows(self) -> int | None:
        """Rows before any filter, where known."""

    @property
    def bytes(self) -> int:
        """Decoded bytes of the columns that will be read, estimated."""

    @property
    def stored_bytes(self) -> int:
        """Bytes that will be read from storage, estimated; 0 for data in memory."""

    def batches(self, batch_rows: int) -> Iterator[pa.RecordBatch]:
        """Stream the rows in batches of at most `batch_rows`.

        The columns are those of the pushdown in its order. A text column may come as
        ``dictionary<int32, string>`` where the schema says ``string``.

        Raises
        ------
        SourceCorrupt
            If the file is damaged, or is not what it was when it was planned.
        SourceNotFound
            If the file is gone.
        """


@dataclass(frozen=True, kw_only=True)
class RowFilter:
    """A condition that the first steps behind a scan put on its rows."""

    columns: tuple[str, ...]
    """What has to be read to test it."""

    passing: Callable[[pa.RecordBatch], np.ndarray]
    """Returns for each row of a batch with these columns whether it may pass."""

    ranges: Callable[[], Mapping[str, tuple[pa.Scalar, pa.Scalar]]] = dict
    """Returns for some of the columns the least and the greatest value of any row that passes, in
    the column's type or a wider one; a null never passes then."""


@dataclass(kw_only=True)
class RowFilters:
    """What a fragment may leave out while it is read: rows that do not pass all of `filters`.

    It is advice. Rows that do not pass may still be given, so a format may ignore it.
    """

    filters: tuple[RowFilter, ...] = ()
    passed: int = 0
    """Rows that have got through all filters so far. Who has given a batch sees here, when the next
    one is asked for, whether anything of it was needed."""

    tells: bool = True
    """Whether `passed` is kept up to date."""

    most_bytes: int = 256 << 20
    """Decoded bytes that may be held at once; a part of a file that has more is streamed."""

    share: int = 1 << 62
    """Bytes that the task may take in all: what has to be held at once and is more is refused."""

    count: Callable[[str, int], None] = lambda metric, amount: None
    """Adds to a counter of the profile."""


@runtime_checkable
class Filtering(Protocol):
    """A fragment that leaves out what filters behind it need not see."""

    def filtered_batches(self, batch_rows: int, filters: RowFilters) -> Iterator[pa.RecordBatch]:
        """Stream the rows as `Fragment.batches` does, but for some that would not pass."""


@dataclass(frozen=True, kw_only=True)
class Skipped:
    """A part of a dataset that could not be read and was left out, as ``on_error="skip"`` asks."""

    file: str
    part: str
    """Which part: ``row group 3``; empty for all of the file."""

    reason: str

    def __str__(self) -> str:
        return f"{self.file!r}{f', {self.part}' if self.part else ''}: {self.reason}"


@runtime_checkable
class Skipping(Protocol):
    """A fragment that leaves out what cannot be read, and has to tell of it."""

    def telling(self, tell: Callable[[Skipped], None]) -> Fragment:
        """Return the fragment, which calls `tell` for each part that it leaves out."""


@runtime_checkable
class InMemory(Protocol):
    """A fragment whose rows are in the driver's memory; it is shared with workers, not pickled."""

    def table(self) -> pa.Table:
        """Return the rows of the fragment, with the columns of its pushdown; no copy."""


@dataclass(frozen=True, kw_only=True)
class ScanPlan:
    """The fragments that a source will read for one query, and what it was spared."""

    fragments: tuple[Fragment, ...]
    """In row order."""

    pruned: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    """What -> (read, all), such as ``{"files": (1, 24), "row groups": (3, 96)}``; for display."""

    stored_bytes: tuple[int, int] = (0, 0)
    """Bytes to read from storage, and bytes of the whole dataset."""


@runtime_checkable
class Source(Protocol):
    """A dataset that can be scanned. Two sources are equal when they read the same thing."""

    @property
    def schema(self) -> pa.Schema:
        """The logical schema of all columns."""

    @property
    def label(self) -> str:
        """What to call it in a plan: ``parquet 'sales/'``."""

    def statistics(self) -> Statistics:
        """Return what the metadata tells; footers are read once and kept."""

    def plan(self, pushdown: Pushdown, partition_bytes: int) -> ScanPlan:
        """Return the fragments to read: pruned, and cut to about `partition_bytes` each.

        The cut depends on the data and on the arguments alone.
        """


@runtime_checkable
class WriteJob(Protocol):
    """One run of a sink. It is picklable: workers get a copy to `write` with."""

    def write(
        self, partition: int, attempt: int, batches: Iterator[pa.RecordBatch]
    ) -> Sequence[Written]:
        """Write one partition where no reader sees it yet, and say what was written.

        It is called in a worker, perhaps again after a failure, perhaps twice at once with another
        `attempt`: names are made from both numbers.
        """

    def commit(self, written: Sequence[Written]) -> Sequence[Written]:
        """Make exactly `written` visible, at once; called once, in the driver.

        Returned are the files as readers find them, their ``path`` being where they lie now; a
        dataset without rows may have one that no task wrote.
        """

    def abort(self) -> None:
        """Remove all that was written; called in the driver when the query did not succeed."""


@dataclass(frozen=True, kw_only=True)
class Written:
    """A file that a task wrote and that is not visible yet."""

    path: str
    """Where it lies now."""

    target: str
    """Its path relative to the target of the sink, once it is committed."""

    rows: int
    bytes: int


@dataclass(frozen=True, kw_only=True)
class KeptFile(Written):
    """A stream of Arrow batches that a session keeps: rows of one partition, or a piece of them."""

    partition: int
    piece: int
    """Its place among the pieces of the partition."""

    in_memory: bool
    """Whether it lies in shared memory, and not on disk."""

    column_bytes: tuple[int, ...]
    """Bytes of each column."""

    bounds: tuple[tuple[Any, Any] | None, ...]
    """Least and greatest value of each column as plain numbers, None where they are not known."""

    null_counts: tuple[int | None, ...]

    holder: Any = field(default=None, compare=False, repr=False)
    """What keeps the rows of a path that begins with `HELD` where they are, and gives them as its
    ``result()``."""


HELD = "held:"
"""How the path of rows begins that lie in no file, but in the memory of a cluster."""

held_here = threading.local()
"""The rows of such paths that the running task was given: ``files``, by path and place."""


@runtime_checkable
class Sink(Protocol):
    """A target that batches are written to. Nothing is visible before commit."""

    @property
    def label(self) -> str:
        """What to call it in a plan: ``parquet 'out/'``."""

    def check(self, schema: pa.Schema) -> None:
        """Raise when rows of `schema` cannot be written there; touches nothing.

        Raises
        ------
        SinkExists
            If the target exists and the mode is ``error``.
        SinkError
            If the target cannot be written, or a column to partition by is not in `schema`.
        """

    def start(self, schema: pa.Schema) -> WriteJob:
        """Begin one run: check again, make the place that is written to."""

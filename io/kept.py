"""Rows that a session keeps, as a source: each partition is a fragment, mapped and not copied."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NoReturn, Protocol

import pyarrow as pa

from ..engine.errors import ExecutionError, SourceNotFound
from ..engine.schema import field_index
from ..engine.source import (
    HELD,
    ColumnStatistics,
    KeptFile,
    Pushdown,
    ScanPlan,
    Statistics,
    held_here,
)
from .bounds import ONLY_NULLS, UNKNOWN, Bounds, of_scalar, type_kind
from .column_statistics import LazyColumns, combined
from .pruning import may_match


class Holder(Protocol):
    """Whoever sees to it that the files are there, as long as it is referred to."""

    files: tuple[KeptFile, ...]

    def check(self) -> None:
        """Raise when they are not there any more."""


@dataclass(frozen=True, eq=False)
class KeptSource:
    """The rows of a persisted frame; equal to itself alone, and gone with its session."""

    holder: Holder
    columns: pa.Schema

    @property
    def schema(self) -> pa.Schema:
        """The schema of the frame that was persisted."""
        return self.columns

    @property
    def label(self) -> str:
        """What to call it in a plan: how many rows in how many partitions."""
        rows = sum(file.rows for file in self.holder.files)
        count = len(self._partitions)
        return f"kept [{rows:,} rows, {count} partition{'' if count == 1 else 's'}]"

    @functools.cached_property
    def _partitions(self) -> Sequence[KeptPartition]:
        grouped: dict[int, list[KeptFile]] = {}
        for file in self.holder.files:
            grouped.setdefault(file.partition, []).append(file)
        return [KeptPartition(grouped[number], self.columns) for number in sorted(grouped)]

    def statistics(self) -> Statistics:
        """Return exact counts of rows, bytes and nulls, and the bounds of numbers and times."""
        return Statistics(
            rows=sum(file.rows for file in self.holder.files),
            bytes=sum(file.bytes for file in self.holder.files),
            columns=LazyColumns(self.columns.names, self._statistics_of),
        )

    def _statistics_of(self, name: str) -> ColumnStatistics:
        place = field_index(self.columns, name)
        filled = [part for part in self._partitions if part.rows]
        bounds = [part.bounds(place) for part in filled]
        nulls = [part.null_count(place) for part in filled]
        return combined(bounds, nulls, self.columns.field(place).type)

    def plan(self, pushdown: Pushdown, partition_bytes: int) -> ScanPlan:
        """Return the partitions as they were made, whatever `partition_bytes` says.

        Left out are those that the predicate holds for no row of, and those behind the limit.
        """
        self.holder.check()
        names = tuple(self.columns.names) if pushdown.columns is None else pushdown.columns
        places = [field_index(self.columns, name) for name in names]
        fragments = []
        rows = 0
        for number, part in enumerate(self._partitions):
            if pushdown.predicate is None:
                if pushdown.limit is not None and rows >= pushdown.limit:
                    break
            elif not (part.rows and self._may_match(part, pushdown)):
                continue
            rows += part.rows
            fragments.append(
                KeptFragment(
                    number=number,
                    paths=tuple((file.path, file.bytes) for file in part.files if file.rows),
                    columns=names,
                    places=tuple(places),
                    rows=part.rows,
                    bytes=part.bytes(places),
                    holders=tuple(file.holder for file in part.files if file.holder is not None),
                )
            )
        pruned = {"partitions": (len(fragments), len(self._partitions))}
        return ScanPlan(fragments=tuple(fragments), pruned=pruned)

    def _may_match(self, part: KeptPartition, pushdown: Pushdown) -> bool:
        assert pushdown.predicate is not None
        return may_match(
            pushdown.predicate, lambda name: part.bounds(field_index(self.columns, name))
        )

    def __copy__(self) -> KeptSource:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> KeptSource:
        return self

    def __reduce__(self) -> NoReturn:
        raise ExecutionError(
            "A persisted frame cannot be pickled: its rows belong to the session that made it."
            " Write it with .checkpoint(path) or .sink_parquet(path), which stays, or send"
            " .collect().to_arrow()."
        )


@dataclass(frozen=True, eq=False)
class KeptPartition:
    """The files of one partition, and what is known of its columns."""

    files: Sequence[KeptFile]
    schema: pa.Schema

    @property
    def rows(self) -> int:
        """Rows in all."""
        return sum(file.rows for file in self.files)

    def bytes(self, places: Sequence[int]) -> int:
        """Return the bytes of the columns at `places`."""
        return sum(file.column_bytes[place] for file in self.files if file.rows for place in places)

    def null_count(self, place: int) -> int | None:
        """Return the nulls of a column, None where they were not counted."""
        counts = [file.null_counts[place] for file in self.files]
        return None if None in counts else sum(count or 0 for count in counts)

    def bounds(self, place: int) -> Bounds:
        """Return what is known of the values of a column."""
        dtype = self.schema.field(place).type
        nulls = self.null_count(place)
        if nulls == self.rows:
            return ONLY_NULLS
        known = [file.bounds[place] for file in self.files]
        floating = pa.types.is_floating(dtype)
        if None in known or not type_kind(dtype):
            return Bounds(nulls=nulls != 0, nan=floating or UNKNOWN.nan)
        pairs = [pair for pair in known if pair is not None]
        low = of_scalar(pa.scalar(min(low for low, _ in pairs), dtype))
        high = of_scalar(pa.scalar(max(high for _, high in pairs), dtype))
        return Bounds(
            kind=low.kind,
            low=low.low,
            high=high.high,
            nulls=nulls != 0,
            nan=floating,
            single=low.single,
        )


@dataclass(frozen=True, kw_only=True)
class KeptFragment:
    """One partition of a persisted frame."""

    number: int
    paths: tuple[tuple[str, int], ...]
    """Files and their lengths."""

    columns: tuple[str, ...]
    places: tuple[int, ...] = field(repr=False)
    rows: int
    bytes: int
    stored_bytes: int = 0
    holders: tuple[Any, ...] = field(default=(), compare=False, repr=False)
    """What keeps rows that lie in no file; of the driver alone."""

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "holders": ()}

    @property
    def label(self) -> str:
        """Which partition it is."""
        return f"kept partition {self.number}"

    def batches(self, batch_rows: int) -> Iterator[pa.RecordBatch]:
        """Stream the rows; their buffers are those of the mapped files."""
        # Columns that nobody asks for are not even looked at.
        options = pa.ipc.IpcReadOptions(included_fields=sorted(self.places))
        for path, length in self.paths:
            found = self._held(path) if path.startswith(HELD) else _mapped(path, length)
            with pa.ipc.open_stream(found, options=options) as reader:
                for batch in reader:
                    chosen = batch.select(list(self.columns))
                    for start in range(0, chosen.num_rows, batch_rows):
                        yield chosen.slice(start, batch_rows)

    def _held(self, path: str) -> pa.Buffer:
        """Return rows that a cluster holds: of the task's inputs, in the driver fetched from it."""
        given = getattr(held_here, "files", {})
        for holder in () if path in given else self.holders:
            given = {**given, **holder.result().files}
        if path not in given:
            raise ExecutionError(
                "The rows of a persisted frame are held by the workers of a Dask cluster, and"
                " another executor cannot read them. Run the query with the executor that persist()"
                " ran with, or use .checkpoint(path)."
            )
        (stream,) = given[path].values()
        return stream


def _mapped(path: str, length: int) -> pa.BufferReader:
    try:
        with pa.memory_map(path) as file:
            if file.size() < length:
                raise ExecutionError(
                    f"The file {path!r} is shorter than when it was written: it was changed by"
                    " another program."
                )
            return pa.BufferReader(file.read_buffer(length))
    except FileNotFoundError:
        raise SourceNotFound(
            f"The rows of a persisted frame are gone from {path!r}: its session has ended."
        ) from None

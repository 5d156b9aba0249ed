"""Write the rows of one task into files, one or more for each combination of partition values.

Rows wait in memory until there are enough of them, within one bound for all values together, so
that neither memory nor open files grow with the number of values.
"""

from __future__ import annotations

import contextlib
import os
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import TracebackType
from typing import Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..engine.schema import decoded
from ..engine.source import Written
from .hive import folder_of
from .staging import sync

_MOST_OPEN = 64
"""Files open at once; the longest unused is closed first, and its value goes on in a new file."""

_MOST_WAITING = 64 << 20
"""Bytes of rows that wait to be written, over all values."""


class TableWriter(Protocol):
    """A file that is being written."""

    def write(self, table: pa.Table) -> None:
        """Append rows."""

    def close(self) -> None:
        """Finish the file."""


@dataclass
class _Waiting:
    """Rows of one combination of values that are not written yet."""

    batches: list[pa.RecordBatch] = field(default_factory=list)
    rows: int = 0
    bytes: int = 0


@dataclass
class _Open:
    """A file being written."""

    writer: TableWriter
    path: str
    target: str
    rows: int = 0


class PartFiles:
    """The files of one task; `written` is complete when the ``with`` block has ended."""

    def __init__(
        self,
        *,
        folder: str,
        name: str,
        schema: pa.Schema,
        keys: tuple[str, ...],
        open_writer: Callable[[str, pa.Schema], TableWriter],
        rows_at_once: int,
        label: str,
    ) -> None:
        self.written: list[Written] = []
        self._folder = folder
        self._name = name
        self._schema = schema
        self._keys = keys
        self._open_writer = open_writer
        self._rows_at_once = rows_at_once
        self._label = label
        self._waiting: dict[str, _Waiting] = {}
        self._waiting_bytes = 0
        self._open: OrderedDict[str, _Open] = OrderedDict()
        self._made: dict[str, int] = {}

    def __enter__(self) -> PartFiles:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if error is None:
            for place in list(self._waiting):
                self._flush(place)
        for place in list(self._open):
            self._close(place, keep=error is None)

    def write(self, batch: pa.RecordBatch) -> None:
        """Take the rows of a batch in; some may wait."""
        for place, rows in self._split(batch):
            waiting = self._waiting.setdefault(place, _Waiting())
            waiting.batches.append(rows)
            waiting.rows += rows.num_rows
            waiting.bytes += rows.nbytes
            self._waiting_bytes += rows.nbytes
            if waiting.rows >= self._rows_at_once:
                self._flush(place)
        if self._waiting_bytes > _MOST_WAITING:
            # The largest first, and down to half: few files, each with many rows.
            places = sorted(self._waiting, key=lambda place: -self._waiting[place].bytes)
            for place in places:
                if self._waiting_bytes <= _MOST_WAITING // 2:
                    break
                self._flush(place)

    def _split(self, batch: pa.RecordBatch) -> Iterator[tuple[str, pa.RecordBatch]]:
        if not batch.num_rows:
            return
        if not self._keys:
            yield "", batch
            return
        for values, rows in rows_by_value(batch, self._keys):
            yield folder_of(values, self._label), rows.select(self._schema.names)

    def _flush(self, place: str) -> None:
        waiting = self._waiting.pop(place)
        self._waiting_bytes -= waiting.bytes
        opened = self._open.pop(place, None) or self._new(place)
        self._open[place] = opened
        table = pa.Table.from_batches(waiting.batches, self._schema)
        opened.writer.write(table.combine_chunks())
        opened.rows += waiting.rows
        if len(self._open) > _MOST_OPEN:
            self._close(next(iter(self._open)), keep=True)

    def _new(self, place: str) -> _Open:
        count = self._made[place] = self._made.get(place, 0) + 1
        stem, suffix = os.path.splitext(self._name)
        name = self._name if count == 1 else f"{stem}-{count:05d}{suffix}"
        target = os.path.join(place, name)
        path = os.path.join(self._folder, target)
        folder = self._folder
        # Not from the top: a task that has not heard yet of the end of its run does not make again
        # what was removed.
        for part in filter(None, place.split(os.sep)):
            folder = os.path.join(folder, part)
            with contextlib.suppress(FileExistsError):
                os.mkdir(folder)
        return _Open(self._open_writer(path, self._schema), path, target)

    def _close(self, place: str, keep: bool) -> None:
        file = self._open.pop(place)
        file.writer.close()
        if keep:
            sync(file.path)
            size = os.stat(file.path).st_size
            self.written.append(
                Written(path=file.path, target=file.target, rows=file.rows, bytes=size)
            )


def rows_by_value(
    batch: pa.RecordBatch, keys: tuple[str, ...]
) -> Iterator[tuple[dict[str, str | None], pa.RecordBatch]]:
    """Yield the values of `keys` as text and the rows that have them, in their order.

    Examples
    --------
    >>> batch = pa.record_batch({"k": ["b", "a", "b"], "v": [1, 2, 3]})
    >>> for values, rows in rows_by_value(batch, ("k",)):
    ...     print(values, rows.column("v").to_pylist())
    {'k': 'b'} [1, 3]
    {'k': 'a'} [2]
    """
    groups = np.zeros(batch.num_rows, dtype=np.int64)
    texts: list[tuple[np.ndarray, pa.Array]] = []
    for key in keys:
        codes, values = _coded(batch.column(key))
        texts.append((codes, values))
        # Numbered anew after each column, so that the product never overflows.
        groups = np.unique(groups * (len(values) + 1) + codes, return_inverse=True)[1]
    order = np.argsort(groups, kind="stable")
    starts = np.flatnonzero(np.diff(groups[order], prepend=-1))
    ordered = batch if len(starts) == 1 else batch.take(pa.array(order))
    stops = [*starts[1:].tolist(), batch.num_rows]
    for start, stop in zip(starts.tolist(), stops, strict=True):
        row = order[start]
        values_here = {
            key: None if codes[row] == len(values) else values[int(codes[row])].as_py()
            for key, (codes, values) in zip(keys, texts, strict=True)
        }
        yield values_here, ordered.slice(start, stop - start)


def _coded(column: pa.Array) -> tuple[np.ndarray, pa.Array]:
    """Return a number for each row's value (one past the last for null) and the values as text."""
    encoded = decoded(column).dictionary_encode()
    texts = pc.cast(encoded.dictionary, pa.string())
    # Different values may have one text (times of a finer unit): they share a folder.
    distinct = texts.unique()
    remap = pc.index_in(texts, distinct)
    codes = pc.fill_null(remap.take(encoded.indices), len(distinct))
    return codes.to_numpy(zero_copy_only=False).astype(np.int64), distinct

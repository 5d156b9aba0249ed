"""Rows that an operator holds until it may go on, and what it does when it may hold no more.

`Held` reserves before it takes a batch. An operator that is refused puts rows aside in files and
comes back to them in an order of its own: sorted runs are merged (`merged`), rows that meet by
their keys are split by a hash of these until each part fits (`Parts`). Rows carry their place in
the input (`PLACE`), by which what comes of the parts is merged: so an answer has the same rows in
the same order whether rows were put aside or not, which depends on how many workers share the
limit.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import pyarrow as pa

from ...expr.node import Column, SortKey
from ..kernels.concat import positions, slices, take
from ..kernels.hash import hash_rows
from ..kernels.hash_loops import choose_slots
from ..kernels.lookup_loops import list_rows
from ..kernels.sort import cut, keys_at, merge, order_key
from ..kernels.text_loops import mix
from ..spill import SpillFile
from ..stage import TaskContext

PLACE = "\x1fplace"
"""The number of a row in the input of an operator. No column that somebody typed is called so."""

FAN_OUT = 16
"""Parts into which rows are split by a hash, and again where one of them is still too large."""

LEVELS = 4
"""Rows are not split more often: 65,536 parts, of which one that is too large has few keys."""

_FAN_IN = 16
"""Sorted runs that are merged at once; of each one batch is held."""

_RUN_BYTES = 256 * 1024
"""Of a batch in a file that is merged with others."""


class Held:
    """Batches of an input that are held, and reserved for.

    Parameters
    ----------
    copies
        How many times the bytes of the rows an operator has in hand at most, with the batches
        themselves.
    row_bytes
        What it needs beside that for each row: numbers of groups, positions.
    """

    def __init__(self, context: TaskContext, copies: float = 2, row_bytes: int = 16) -> None:
        self.batches: list[pa.RecordBatch] = []
        self.rows = 0
        self.reserved = 0
        self._memory = context.memory
        self._copies = copies
        self._row_bytes = row_bytes
        self._dictionaries: dict[int, int] = {}

    def __enter__(self) -> Held:
        return self

    def __exit__(self, *error: object) -> None:
        self.clear()

    def add(self, batch: pa.RecordBatch) -> bool:
        """Hold a batch; False, and it is not held, if that is refused."""
        size = self._size(batch)
        if not self._memory.reserve(size):
            return False
        self._take(batch, size)
        return True

    def insist(self, batch: pa.RecordBatch, what: str, advice: str) -> None:
        """Hold a batch that cannot be put aside; see `Budget.insist`."""
        size = self._size(batch)
        self._memory.insist(size, what, advice, beside=self.reserved)
        self._take(batch, size)

    def clear(self) -> None:
        """Hold nothing any more."""
        self._memory.release(self.reserved)
        self.batches, self.rows, self.reserved = [], 0, 0
        self._dictionaries.clear()

    def _take(self, batch: pa.RecordBatch, size: int) -> None:
        self.batches.append(batch)
        self.rows += batch.num_rows
        self.reserved += size

    def _size(self, batch: pa.RecordBatch) -> int:
        """Return what to reserve for a batch; a dictionary that several batches share is one."""
        size = batch.nbytes
        for place, column in enumerate(batch.columns):
            if isinstance(column, pa.DictionaryArray):
                values = column.dictionary
                buffer = values.buffers()[-1]
                address = 0 if buffer is None else buffer.address
                if self._dictionaries.get(place) == address:
                    size -= values.nbytes
                self._dictionaries[place] = address
        return int(size * self._copies) + batch.num_rows * self._row_bytes


class SpilledTo:
    """The files that one operator has put rows into; it removes what was not read."""

    def __init__(self, context: TaskContext) -> None:
        self._context = context
        self._files: list[SpillFile] = []

    def __enter__(self) -> SpilledTo:
        return self

    def __exit__(self, *error: object) -> None:
        for file in self._files:
            file.remove()

    def new(self) -> SpillFile:
        """Return a new file."""
        file = self._context.spill_file()
        self._files.append(file)
        return file

    def done(self, file: SpillFile) -> SpillFile:
        """Return a file to which nothing more is written, and count it."""
        file.finish()
        self._context.count("spilled_bytes", file.bytes)
        return file

    def run(self, batches: Iterator[pa.RecordBatch]) -> SpillFile:
        """Return a file with `batches`, which are sorted, in pieces that several are merged by."""
        file = self.new()
        for batch in batches:
            self._context.check()
            rows = max(1, batch.num_rows * _RUN_BYTES // max(batch.nbytes, 1))
            for piece in slices(batch, min(rows, self._context.batch_rows)):
                file.write(piece)
        return self.done(file)


def placed(batches: Iterator[pa.RecordBatch], name: str = PLACE) -> Iterator[pa.RecordBatch]:
    """Yield the batches with the places of their rows, unless they have them already."""
    place = 0
    for batch in batches:
        if batch.schema.names[-1:] == [name]:
            yield batch
            continue
        numbers = pa.array(np.arange(place, place + batch.num_rows))
        place += batch.num_rows
        yield with_place(batch, numbers, name)


def with_place(batch: pa.RecordBatch, places: pa.Array, name: str = PLACE) -> pa.RecordBatch:
    """Return the batch with a last column of places."""
    return pa.RecordBatch.from_arrays([*batch.columns, places], names=[*batch.schema.names, name])


def without_place(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Yield the batches without the places of their rows."""
    for batch in batches:
        yield batch.select([name for name in batch.schema.names if name != PLACE])


Keys = Callable[[pa.RecordBatch], list[pa.Array]]
"""Gives the keys of the rows of a batch."""


def split(
    batches: Iterator[pa.RecordBatch],
    keys: Keys,
    level: int,
    files: SpilledTo,
    context: TaskContext,
) -> list[SpillFile]:
    """Return files of which each has all rows of its keys, in their order.

    The hash that rows are split by is another one on each `level`, and another than that by which
    they came to this task.
    """
    parts = [files.new() for _ in range(FAN_OUT)]
    salt = np.uint64((level + 1) * 0x9E3779B97F4A7C15 % 2**64)
    for batch in batches:
        context.check()
        if not batch.num_rows:
            continue
        slots = np.empty(batch.num_rows, np.int32)
        choose_slots(mix(hash_rows(keys(batch)) ^ salt), FAN_OUT, slots)
        starts, order = np.empty(FAN_OUT + 1, np.int32), np.empty(batch.num_rows, np.int32)
        list_rows(slots, starts, order)
        rows = take(batch, positions(order, complete=True), batch.schema)
        for number, part in enumerate(parts):
            start, stop = int(starts[number]), int(starts[number + 1])
            if stop > start:
                part.write(rows.slice(start, stop - start))
    return [files.done(part) for part in parts]


def merged(
    runs: Sequence[SpillFile], by: Sequence[SortKey], files: SpilledTo, context: TaskContext
) -> Iterator[pa.RecordBatch]:
    """Yield the rows of sorted runs in order; equal keys in the order of the runs.

    Many runs are first made fewer: of those that are merged at once, a batch each is held.
    """
    waiting = [run for run in runs if run.rows]
    while len(waiting) > _FAN_IN:
        waiting = [
            files.run(_merged_at_once(waiting[start : start + _FAN_IN], by))
            for start in range(0, len(waiting), _FAN_IN)
        ]
    yield from _merged_at_once(waiting, by)


def merged_by_place(
    runs: Sequence[SpillFile], files: SpilledTo, context: TaskContext
) -> Iterator[pa.RecordBatch]:
    """Yield the rows of runs in the order of their places."""
    return merged(runs, (SortKey(Column(PLACE)),), files, context)


def _merged_at_once(runs: Sequence[SpillFile], by: Sequence[SortKey]) -> Iterator[pa.RecordBatch]:
    """Merge runs; what is given at once are the rows up to the end of the batch that ends first.

    Rows of earlier runs that equal its last come with it, and those of later runs behind it.
    """
    coming = [run.read() for run in runs]
    heads: dict[int, pa.RecordBatch] = {}
    ends: list[tuple[tuple[object, ...], int]] = []

    def follow(number: int) -> None:
        head = next(coming[number], None)
        if head is not None:
            heads[number] = head
            (last,) = keys_at(head, by, [head.num_rows - 1])
            heapq.heappush(ends, (order_key(last, by), number))

    for number in range(len(runs)):
        follow(number)
    while ends:
        _, first = heapq.heappop(ends)
        whole = heads.pop(first)
        if not heads:
            yield whole
            follow(first)
            continue
        (edge,) = keys_at(whole, by, [whole.num_rows - 1])
        pieces = []
        for number in sorted([*heads, first]):
            if number == first:
                pieces.append(whole)
                continue
            head = heads[number]
            (stop,) = cut(head, by, [edge], behind=number < first)
            if stop:
                pieces.append(head.slice(0, stop))
                heads[number] = head.slice(stop)
        yield merge(pieces, by) if len(pieces) > 1 else whole
        follow(first)

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
import itertools
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import numpy as np
import pyarrow as pa

from ...expr.node import Column, SortKey
from ...schema import decoded
from ..kernels.concat import positions, slices, take
from ..kernels.hash import hash_rows
from ..kernels.hash_loops import choose_slots
from ..kernels.lookup_loops import list_rows
from ..kernels.sort import cut, keys_at, merge, order_key
from ..kernels.text_loops import mix
from ..memory import Labelled
from ..spill import SpillFile
from ..stage import TaskContext

PLACE = f"place {secrets.token_hex(8)}"
"""The number of a row in the input of an operator. It leaves neither the task nor its files, and no
column of a user is called so: the name is another one in each process."""

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
    of
        The operator.
    copies
        How many times the bytes of the rows an operator has in hand at most, with the batches
        themselves.
    row_bytes
        What it needs beside that for each row: numbers of groups, positions.
    """

    def __init__(
        self, context: TaskContext, of: Labelled, copies: float = 2, row_bytes: int = 16
    ) -> None:
        self.batches: list[pa.RecordBatch] = []
        self.rows = 0
        self.reserved = 0
        self._memory = context.memory
        self._account = context.memory.account(of)
        self._copies = copies
        self._row_bytes = row_bytes
        self._sizes: list[int] = []
        self._dictionaries: dict[int, int] = {}

    def __enter__(self) -> Held:
        return self

    def __exit__(self, *error: object) -> None:
        self.clear()

    def add(self, batch: pa.RecordBatch) -> bool:
        """Hold a batch; False, and it is not held, if that is refused."""
        codes = _dictionaries(batch)
        size = self._size(batch, codes)
        if not self._memory.reserve(size, self._account, self.reserved):
            return False
        self._take(batch, size, codes)
        return True

    def needs(self, batch: pa.RecordBatch) -> int:
        """Return what would be reserved with the batch, in all."""
        return self.reserved + self._weight(batch.nbytes, batch.num_rows)

    def weight(self, part: SpillFile) -> int:
        """Return what would be reserved for all rows of a file."""
        return self._weight(part.size, part.rows)

    def insist(self, batch: pa.RecordBatch, what: str, advice: str) -> None:
        """Hold a batch that cannot be put aside; see `Budget.insist`."""
        codes = _dictionaries(batch)
        size = self._size(batch, codes)
        self._memory.insist(size, self._account, what, advice, beside=self.reserved)
        self._take(batch, size, codes)

    def reserve_beside(self, batch: pa.RecordBatch, what: str, advice: str) -> None:
        """Reserve for a batch that somebody else keeps, as long as those that are held."""
        size = self._size(batch, _dictionaries(batch))
        self._memory.insist(size, self._account, what, advice, beside=self.reserved)
        self.reserved += size

    def clear(self) -> None:
        """Hold nothing any more."""
        self._memory.release(self.reserved, self._account)
        self.batches, self._sizes, self.rows, self.reserved = [], [], 0, 0
        self._dictionaries.clear()

    def forget_first(self) -> None:
        """Hold the first of the batches no more."""
        batch, size = self.batches.pop(0), self._sizes.pop(0)
        self._memory.release(size, self._account)
        self.rows -= batch.num_rows
        self.reserved -= size
        # It may have stood for a dictionary of those behind it: the next to come does now.
        self._dictionaries.clear()

    def become(self, size: int) -> None:
        """Hold something of `size` bytes that was made of the batches, and these no more."""
        self.clear()
        self._memory.count(size, self._account)
        self.reserved = size

    def all(
        self, batches: Iterator[pa.RecordBatch], context: TaskContext, what: str, advice: str
    ) -> list[pa.RecordBatch]:
        """Hold and return all batches that have rows; see `Budget.insist`."""
        for batch in batches:
            context.check()
            if batch.num_rows:
                self.insist(batch, what, advice)
        return self.batches

    def _take(self, batch: pa.RecordBatch, size: int, codes: Mapping[int, int]) -> None:
        self._dictionaries.update(codes)
        self.batches.append(batch)
        self._sizes.append(size)
        self.rows += batch.num_rows
        self.reserved += size

    def _size(self, batch: pa.RecordBatch, codes: Mapping[int, int]) -> int:
        """Return what to reserve for a batch; a dictionary that several batches share is one."""
        size = batch.nbytes
        for place, address in codes.items():
            if self._dictionaries.get(place) == address:
                size -= batch.column(place).dictionary.nbytes
        return self._weight(size, batch.num_rows)

    def _weight(self, size: int, rows: int) -> int:
        return int(size * self._copies) + rows * self._row_bytes


def held_whole(
    batches: Iterator[pa.RecordBatch], held: Held, context: TaskContext
) -> Iterator[pa.RecordBatch] | None:
    """Hold a build side; return what may not be held of it, None if all is."""
    for batch in batches:
        context.check()
        if batch.num_rows and not held.add(batch):
            return itertools.chain([batch], batches)
    return None


def _dictionaries(batch: pa.RecordBatch) -> Mapping[int, int]:
    """Return where the dictionaries lie of the columns that have one."""
    found = {}
    for place, column in enumerate(batch.columns):
        if isinstance(column, pa.DictionaryArray):
            buffer = column.dictionary.buffers()[-1]
            found[place] = 0 if buffer is None else buffer.address
    return found


class SpilledTo:
    """The files that one operator has put rows into; it removes what was not read."""

    def __init__(self, context: TaskContext, of: Labelled) -> None:
        self._context = context
        self._account = context.memory.account(of)
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
        self._account.spilled += file.bytes
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


def fan_out(part: SpillFile, held: Held, context: TaskContext) -> int:
    """Return into how many parts to split rows that were put aside: few where few suffice.

    Where hardly anything is granted, parts of a sixteenth each would be split until there are
    65,536 of them.
    """
    wanted = -(-2 * held.weight(part) // max(context.memory.free(held.reserved), 1))
    return int(min(max(wanted, 2), FAN_OUT))


def have_several_keys(batches: Iterable[pa.RecordBatch], keys: Keys) -> bool:
    """Return whether the rows have several keys, so that to split them makes parts smaller."""
    first: np.uint64 | None = None
    for batch in batches:
        hashes = hash_rows(keys(batch))
        first = hashes[0] if first is None else first
        if (hashes != first).any():
            return True
    return False


def split(
    batches: Iterator[pa.RecordBatch],
    keys: Keys,
    level: int,
    files: SpilledTo,
    context: TaskContext,
    count: int = FAN_OUT,
) -> list[SpillFile]:
    """Return `count` files of which each has all rows of its keys, in their order.

    The hash that rows are split by is another one on each `level`, and another than that by which
    they came to this task.
    """
    parts = [files.new() for _ in range(count)]
    salt = np.uint64((level + 1) * 0x9E3779B97F4A7C15 % 2**64)
    for batch in batches:
        context.check()
        if not batch.num_rows:
            continue
        batch = _with_small_dictionaries(batch, count)
        slots = np.empty(batch.num_rows, np.int32)
        choose_slots(mix(hash_rows(keys(batch)) ^ salt), count, slots)
        starts, order = np.empty(count + 1, np.int32), np.empty(batch.num_rows, np.int32)
        list_rows(slots, starts, order)
        rows = take(batch, positions(order, complete=True), batch.schema)
        for number, part in enumerate(parts):
            start, stop = int(starts[number]), int(starts[number + 1])
            if stop > start:
                part.write(rows.slice(start, stop - start))
    return [files.done(part) for part in parts]


def _with_small_dictionaries(batch: pa.RecordBatch, count: int) -> pa.RecordBatch:
    """Return the batch without dictionaries that would be copied into every part at a loss."""
    columns = [
        decoded(column)
        if isinstance(column, pa.DictionaryArray) and len(column.dictionary) * count > len(column)
        else column
        for column in batch.columns
    ]
    return pa.RecordBatch.from_arrays(columns, names=batch.schema.names)


def merged(
    runs: Sequence[SpillFile], by: Sequence[SortKey], files: SpilledTo
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


def merged_by_place(runs: Sequence[SpillFile], files: SpilledTo) -> Iterator[pa.RecordBatch]:
    """Yield the rows of runs in the order of their places."""
    return merged(runs, (SortKey(Column(PLACE)),), files)


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

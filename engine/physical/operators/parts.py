"""Rows of which those of a key have to be together, held at once or, where that is too much, in
parts: split by a hash of the keys, part after part, and what is made of them merged by place."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import pyarrow as pa

from ..kernels.hash import hash_rows
from ..stage import TaskContext
from .held import (
    LEVELS,
    Held,
    Keys,
    SpilledTo,
    merged_by_place,
    placed,
    split,
    without_place,
)


class Make(Protocol):
    """What an operator makes of rows; it may empty the list that it is given."""

    def __call__(
        self, batches: list[pa.RecordBatch], /, *, placed: bool
    ) -> Iterator[pa.RecordBatch]:
        """Stream it; if `placed`, rows come and go with their places, and go in that order."""


@dataclass(frozen=True, kw_only=True)
class InParts:
    """How rows of the same keys are brought together and what is made of them."""

    context: TaskContext
    keys: Keys | None
    """None where all rows have to be together."""

    make: Make
    what: str
    """Who needs rows of one key at once, for a message."""

    advice: str
    fewer: Callable[[list[pa.RecordBatch]], pa.RecordBatch] | None = None
    """Leaves out rows of which is known that they do not matter, with or without places."""

    copies: float = 3
    row_bytes: int = 32
    """See `Held`."""

    def given(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Stream what is made of all rows."""
        with self._held() as held:
            for batch in batches:
                self.context.check()
                if not batch.num_rows or held.add(batch):
                    continue
                if not self._splits(held, batch):
                    held.insist(batch, self.what, self.advice)
                    continue
                rest = itertools.chain(held.batches, [batch], batches)
                with SpilledTo(self.context) as files:
                    yield from without_place(self._spilled(placed(rest), held, 0, files))
                return
            if held.rows:
                yield from self.make(held.batches, placed=False)

    def spilled(self, batches: Iterator[pa.RecordBatch], held: Held) -> Iterator[pa.RecordBatch]:
        """Stream what is made of rows that are known to be too many to be held."""
        with SpilledTo(self.context) as files:
            yield from without_place(self._spilled(placed(batches), held, 0, files))

    def _spilled(
        self, batches: Iterator[pa.RecordBatch], held: Held, level: int, files: SpilledTo
    ) -> Iterator[pa.RecordBatch]:
        assert self.keys is not None
        parts = split(batches, self.keys, level, files, self.context)
        held.clear()
        runs = [
            files.run(self._of_part(part.read(), level + 1, files)) for part in parts if part.rows
        ]
        yield from merged_by_place(runs, files, self.context)

    def _of_part(
        self, batches: Iterator[pa.RecordBatch], level: int, files: SpilledTo
    ) -> Iterator[pa.RecordBatch]:
        with self._held() as held:
            for batch in batches:
                self.context.check()
                if held.add(batch) or (self.reduced(held) and held.add(batch)):
                    continue
                if level < LEVELS and self._splits(held, batch):
                    rest = itertools.chain(held.batches, [batch], batches)
                    yield from self._spilled(rest, held, level, files)
                    return
                held.insist(batch, self.what, self.advice)
            if held.rows:
                yield from self.make(held.batches, placed=True)

    def reduced(self, held: Held) -> bool:
        """Leave out rows that do not matter; return whether so many do not that it was worth it."""
        if self.fewer is None or not held.rows:
            return False
        before, rows = held.reserved, self.fewer(held.batches)
        held.clear()
        held.insist(rows, self.what, self.advice)
        return held.reserved <= before // 2

    def _held(self) -> Held:
        return Held(self.context, self.copies, self.row_bytes)

    def _splits(self, held: Held, batch: pa.RecordBatch) -> bool:
        """Return whether the rows have several keys, so that to split them makes parts smaller."""
        if self.keys is None:
            return False
        first: np.uint64 | None = None
        for each in [batch, *held.batches]:
            hashes = hash_rows(self.keys(each))
            first = hashes[0] if first is None else first
            if (hashes != first).any():
                return True
        return False

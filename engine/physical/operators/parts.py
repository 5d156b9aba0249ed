"""Rows of which those of a key have to be together, held at once or, where that is too much, in
parts: split by a hash of the keys, part after part, and what is made of them merged by place."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

import pyarrow as pa

from ..memory import Labelled
from ..spill import SpillFile
from ..stage import TaskContext
from .held import (
    FAN_OUT,
    LEVELS,
    Held,
    Keys,
    SpilledTo,
    fan_out,
    have_several_keys,
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
    of: Labelled
    """The operator."""

    keys: Keys | None
    """None where all rows have to be together."""

    make: Make
    what: str
    """Who needs rows of one key at once, for a message."""

    advice: str
    fewer: Callable[[list[pa.RecordBatch]], pa.RecordBatch] | None = None
    """Leaves out rows of which is known that they do not matter, with or without places."""

    grows: bool = False
    """Whether more is taken than is reserved, by a function of the user: near the share rows are
    put aside, so that it is given the groups of fewer at once."""

    copies: float = 3
    row_bytes: int = 32
    """See `Held`."""

    def given(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Stream what is made of all rows."""
        with self._held() as held:
            for batch in batches:
                self.context.check()
                if not batch.num_rows or (not self._is_near() and held.add(batch)):
                    continue
                if not self._splits(held, batch):
                    held.insist(batch, self.what, self.advice)
                    continue
                rest = itertools.chain(held.batches, [batch], batches)
                with SpilledTo(self.context, self.of) as files:
                    yield from without_place(self._spilled(placed(rest), held, 0, files))
                return
            if held.rows:
                yield from self.make(held.batches, placed=False)

    def spilled(self, batches: Iterator[pa.RecordBatch], held: Held) -> Iterator[pa.RecordBatch]:
        """Stream what is made of rows that are known to be too many to be held."""
        with SpilledTo(self.context, self.of) as files:
            yield from without_place(self._spilled(placed(batches), held, 0, files))

    def _spilled(
        self,
        batches: Iterator[pa.RecordBatch],
        held: Held,
        level: int,
        files: SpilledTo,
        count: int = FAN_OUT,
    ) -> Iterator[pa.RecordBatch]:
        assert self.keys is not None
        parts = split(batches, self.keys, level, files, self.context, count)
        held.clear()
        runs = [files.run(self._of_part(part, level + 1, files)) for part in parts if part.rows]
        yield from merged_by_place(runs, files)

    def _of_part(self, part: SpillFile, level: int, files: SpilledTo) -> Iterator[pa.RecordBatch]:
        batches = part.read()
        with self._held() as held:
            for batch in batches:
                self.context.check()
                near = self._is_near()
                if not near and (held.add(batch) or (self.reduced(held) and held.add(batch))):
                    continue
                if level < LEVELS and self._splits(held, batch):
                    rest = itertools.chain(held.batches, [batch], batches)
                    count = fan_out(part, held, self.context)
                    yield from self._spilled(rest, held, level, files, count)
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

    def _is_near(self) -> bool:
        return self.grows and self.context.memory.is_near()

    def _held(self) -> Held:
        return Held(self.context, self.of, self.copies, self.row_bytes)

    def _splits(self, held: Held, batch: pa.RecordBatch) -> bool:
        """Return whether parts would be smaller, and large enough to be worth a file each."""
        if self.keys is None or self.context.memory.is_least(held.needs(batch)):
            return False
        return have_several_keys([batch, *held.batches], self.keys)

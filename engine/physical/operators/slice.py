"""Take rows by their place: from the beginning, or from the end."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow as pa

from ..spill import SpillFile
from ..stage import TaskContext
from .held import Held, SpilledTo


@dataclass(frozen=True, kw_only=True)
class LimitRows:
    """Give `length` rows from row `offset` (counted from 0); all that follow if it is None."""

    offset: int
    length: int | None

    @property
    def label(self) -> str:
        """What to call it in a profile."""
        rows = "all" if self.length is None else str(self.length)
        return f"limit {rows}" + (f" from {self.offset}" if self.offset else "")

    def execute(
        self, batches: Iterator[pa.RecordBatch], context: TaskContext
    ) -> Iterator[pa.RecordBatch]:
        """Stream the rows; nothing more is read once there are enough."""
        skip, left = self.offset, self.length
        if left == 0:
            return
        for batch in batches:
            context.check()
            if skip >= batch.num_rows:
                skip -= batch.num_rows
                continue
            piece = batch.slice(skip, left)
            skip = 0
            yield piece
            if left is not None:
                left -= piece.num_rows
                if left == 0:
                    return


@dataclass(frozen=True, kw_only=True)
class TailRows:
    """Give the last `count` rows; holds them and no more than one batch besides.

    Those that may not be held are put aside.
    """

    count: int

    @property
    def label(self) -> str:
        """What to call it in a profile."""
        return f"tail {self.count}"

    def execute(
        self, batches: Iterator[pa.RecordBatch], context: TaskContext
    ) -> Iterator[pa.RecordBatch]:
        """Stream the rows, once the input is at its end."""
        with Held(context, self, 1, 0) as held, SpilledTo(context, self) as files:
            aside: deque[SpillFile] = deque()
            rows = 0
            for batch in batches:
                context.check()
                if not held.add(batch):
                    if held.batches:
                        aside.append(files.run(iter(held.batches)))
                        held.clear()
                    if not held.add(batch):
                        aside.append(files.run(iter([batch])))
                rows += batch.num_rows
                rows -= self._forget(rows - self.count, aside, held)
            coming = itertools.chain(*(file.read() for file in aside), held.batches)
            yield from _behind(coming, max(rows - self.count, 0))

    def _forget(self, surplus: int, aside: deque[SpillFile], held: Held) -> int:
        """Forget files and batches without a row that is given; return how many rows they had."""
        forgotten = 0
        while surplus - forgotten > 0 and len(aside) + len(held.batches) > 1:
            first = aside[0].rows if aside else held.batches[0].num_rows
            if forgotten + first > surplus:
                break
            forgotten += first
            if aside:
                aside.popleft().remove()
            else:
                held.forget_first()
        return forgotten


def _behind(batches: Iterator[pa.RecordBatch], surplus: int) -> Iterator[pa.RecordBatch]:
    """Yield the rows behind the first `surplus`."""
    for batch in batches:
        piece = batch.slice(min(surplus, batch.num_rows))
        surplus -= min(surplus, batch.num_rows)
        if piece.num_rows:
            yield piece

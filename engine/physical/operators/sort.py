"""Sort the rows of a partition, or keep the first of them in an order."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from ...expr.evaluate import evaluate_many
from ...expr.node import Column, SortKey
from ...expr.text import text_of
from ...schema import decoded
from ..kernels.concat import concat, concat_arrays, take, take_batches
from ..kernels.sort import sort_positions
from ..kernels.threshold import possible
from ..spill import SpillFile
from ..stage import TaskContext
from .held import Held, SpilledTo, merged

_ROW_BYTES = 24
"""Of a row that is sorted: its position, and the digits of its keys packed with it."""


@dataclass(frozen=True, kw_only=True)
class SortRun:
    """Sort a whole partition, stable; also merges sorted runs that come one behind another."""

    by: tuple[SortKey, ...]
    limit: int | None = None
    """Give so many rows only, from the first."""

    @property
    def label(self) -> str:
        """What to call it in a profile."""
        return f"sort {describe(self.by)}"

    def execute(
        self, batches: Iterator[pa.RecordBatch], context: TaskContext
    ) -> Iterator[pa.RecordBatch]:
        """Stream the rows in order, once the input is at its end.

        Rows that may not be held together are sorted run by run, put aside, and merged.
        """
        with Held(context, self, 2, _ROW_BYTES) as held, SpilledTo(context, self) as files:
            runs: list[SpillFile] = []
            for batch in batches:
                context.check()
                if not batch.num_rows or held.add(batch):
                    continue
                if held.rows:
                    runs.append(files.run(self._in_order(held, context)))
                if not held.add(batch):
                    # It is there already, and sorted by itself.
                    runs.append(files.run(self._sorted([batch], context)))
            if not runs:
                yield from self._in_order(held, context)
                return
            if held.rows:
                runs.append(files.run(self._in_order(held, context)))
            yield from self._first(merged(runs, self.by, files))

    def _in_order(self, held: Held, context: TaskContext) -> Iterator[pa.RecordBatch]:
        """Stream what is held in order, and hold it no more."""
        if held.rows:
            batches, held.batches = held.batches, []
            yield from self._sorted(batches, context)
            held.clear()

    def _sorted(
        self, batches: list[pa.RecordBatch], context: TaskContext
    ) -> Iterator[pa.RecordBatch]:
        rows, positions = _sorted(batches, self.by, self.limit)
        schema = batches[0].schema
        batches.clear()
        for batch in take_batches(rows, positions, schema, context.batch_rows):
            context.check()
            yield batch

    def _first(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        left = self.limit
        for batch in batches:
            if left is None:
                yield batch
                continue
            yield batch.slice(0, left)
            left -= min(left, batch.num_rows)
            if not left:
                return


@dataclass(frozen=True, kw_only=True)
class TopK:
    """Give the first `limit` rows in an order, without holding many more at any time."""

    by: tuple[SortKey, ...]
    limit: int

    @property
    def label(self) -> str:
        """What to call it in a profile."""
        return f"top {self.limit} by {describe(self.by)}"

    def execute(
        self, batches: Iterator[pa.RecordBatch], context: TaskContext
    ) -> Iterator[pa.RecordBatch]:
        """Stream the rows in order, once the input is at its end.

        A limit of so many rows that they may not be held is left to a sort.
        """
        if self.limit <= 0:
            return
        with Held(context, self, 3, _ROW_BYTES) as room:
            yield from self._first(batches, room, context)

    def _first(
        self, batches: Iterator[pa.RecordBatch], room: Held, context: TaskContext
    ) -> Iterator[pa.RecordBatch]:
        best: pa.RecordBatch | None = None
        threshold: pa.Scalar | None = None
        held: list[pa.RecordBatch] = []
        rows = 0
        for batch in batches:
            context.check()
            found = self._found(batch, threshold)
            if found is None:
                continue
            if not room.add(found):
                sort = SortRun(by=self.by, limit=self.limit)
                parts = [*([] if best is None else [best]), *held, found]
                best, held = None, []
                room.clear()
                yield from sort.execute(itertools.chain(parts, batches), context)
                return
            held.append(found)
            rows += found.num_rows
            # A large limit waits for as many new rows, so that each row is sorted about twice.
            if rows >= self.limit:
                best, threshold = self._best(best, held)
                held, rows = [], 0
                room.become(2 * best.nbytes)
        if held:
            best, _ = self._best(best, held)
        if best is not None:
            for start in range(0, best.num_rows, context.batch_rows):
                yield best.slice(start, context.batch_rows)

    def _found(self, batch: pa.RecordBatch, threshold: pa.Scalar | None) -> pa.RecordBatch | None:
        """Return the rows of a batch that can be among the first, None if there are none.

        The keys are looked at alone: other columns are gathered for these rows only.
        """
        positions: np.ndarray | None = None
        if threshold is not None:
            (first,) = evaluate_many([self.by[0].expr], batch)
            # What equals the only key of the last of the best comes later, and so behind it.
            positions = possible(first, threshold, self.by[0], strict=len(self.by) == 1)
        count = batch.num_rows if positions is None else len(positions)
        if count > self.limit:
            keys = evaluate_many([key.expr for key in self.by], batch)
            if positions is None:
                positions = sort_positions(keys, self.by, self.limit)
            else:
                some = pa.array(positions)
                order = sort_positions([key.take(some) for key in keys], self.by, self.limit)
                positions = positions[order]
        if positions is not None and len(positions) < batch.num_rows:
            batch = take(batch, positions, batch.schema)
        return batch if batch.num_rows else None

    def _best(
        self, best: pa.RecordBatch | None, held: list[pa.RecordBatch]
    ) -> tuple[pa.RecordBatch, pa.Scalar | None]:
        """Return the first rows of the best so far and of what came later, in this order.

        With them comes the first key of the last one, if there are as many as wanted.
        """
        parts = held if best is None else [best, *held]
        rows, positions = _sorted(parts, self.by, self.limit)
        found = take(rows, positions, parts[0].schema)
        if found.num_rows < self.limit:
            return found, None
        (last,) = evaluate_many([self.by[0].expr], found.slice(self.limit - 1, 1))
        return found, decoded(last)[0]


def _sorted(
    batches: Sequence[pa.RecordBatch], by: tuple[SortKey, ...], limit: int | None
) -> tuple[pa.RecordBatch, np.ndarray]:
    """Return all rows in their old order, and their positions in the new one."""
    rows = concat(batches)
    columns = [_key_column(key, batches, rows) for key in by]
    return rows, sort_positions(columns, by, limit)


def _key_column(key: SortKey, batches: Sequence[pa.RecordBatch], rows: pa.RecordBatch) -> pa.Array:
    if isinstance(key.expr, Column):
        return rows.column(key.expr.name)
    # By batch, since in `rows` long text has another type than the expression was checked for.
    return concat_arrays([evaluate_many([key.expr], batch)[0] for batch in batches])


def describe(by: tuple[SortKey, ...]) -> str:
    """Return the keys as text, for a label."""
    return ", ".join(text_of(key.expr) + (" desc" if key.descending else "") for key in by)

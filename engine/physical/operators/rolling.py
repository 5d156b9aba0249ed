"""Aggregate for each row the rows near it in time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ...errors import ComputeError
from ...expr.aggregates import AGGREGATES
from ...expr.calendar import moved
from ...expr.node import SortKey
from ...expr.text import text_of
from ..kernels.concat import concat, take
from ..kernels.group import group_ids
from ..kernels.sort import sort_positions
from ..kernels.time_windows import expanded, window_ranges
from ..kernels.words import storage
from ..stage import TaskContext
from .aggregate import Aggs


@dataclass(frozen=True, kw_only=True)
class RollingAggregate:
    """Give each row's keys and time, and aggregates over its window; all rows of a group come here.

    Where the task is for a range of times (``own_range``), rows outside of it are looked at, but
    none is given for them.
    """

    keys: tuple[str, ...]
    on: str
    period: str | int
    offset: str | int
    closed: str
    aggs: Aggs
    schema: pa.Schema
    """The logical columns given: the keys, the time, the aggregates."""

    @property
    def label(self) -> str:
        """What to call it in a profile."""
        by = f" by {', '.join(self.keys)}" if self.keys else ""
        shown = ", ".join(text_of(agg) for _, agg in self.aggs[:3])
        return f"rolling {shown} over {self.period} of {self.on}{by}"

    def execute(
        self, batches: Iterator[pa.RecordBatch], context: TaskContext
    ) -> Iterator[pa.RecordBatch]:
        """Stream one row for each row, group after group in the order of time."""
        held = []
        for batch in batches:
            context.check()
            if batch.num_rows:
                held.append(batch)
        if not held:
            return
        schema = held[0].schema
        joined = concat(held)
        held.clear()
        if joined.column(self.on).null_count:
            raise ComputeError(
                f"rolling along {self.on!r} found {joined.column(self.on).null_count} nulls in"
                f" {context.label}, which lie nowhere in time. Leave them out with"
                f" .drop_nulls({self.on!r}) or give them a value with .fill_null(...)."
            )
        groups = group_ids([joined.column(name) for name in self.keys], joined.num_rows)
        order = sort_positions(
            [pa.array(groups.ids), joined.column(self.on)], [SortKey(_NOBODY), SortKey(_NOBODY)]
        )
        rows = take(joined, order, schema)
        yield from self._aggregated(rows, groups.ids[order], context)

    def _aggregated(
        self, rows: pa.RecordBatch, groups: np.ndarray, context: TaskContext
    ) -> Iterator[pa.RecordBatch]:
        on = rows.column(self.on)
        begin = moved(on, self.offset)
        lower, times = _ticks(begin), _ticks(on)
        starts, stops = window_ranges(
            groups, times, lower, _ticks(moved(begin, self.period)), self.closed
        )
        first, last = self._own(times, context)
        most = 4 * context.batch_rows
        for windows, members, ids in expanded(starts[first:last], stops[first:last], most):
            context.check()
            near = rows.take(pa.array(members))
            there = stops[first:last][windows] > starts[first:last][windows]
            own = rows.slice(first + windows.start, windows.stop - windows.start)
            columns = [own.column(name) for name in (*self.keys, self.on)]
            for name, agg in self.aggs:
                made = aggregate_groups(agg, ids, near, self.schema.field(name).type)
                columns.append(_with_empty(made, there, AGGREGATES[agg.name].empty))
            yield pa.RecordBatch.from_arrays(columns, names=self.schema.names)

    def _own(self, times: np.ndarray, context: TaskContext) -> tuple[int, int]:
        """Return from which row to which the rows are this task's own."""
        own = context.own_range
        if own is None:
            return 0, len(times)
        first = 0 if own.low is None else int(np.searchsorted(times, own.low[0]))
        last = len(times) if own.high is None else int(np.searchsorted(times, own.high[0]))
        return first, last


def _ticks(array: pa.Array) -> np.ndarray:
    return storage(array).astype(np.int64)


def _with_empty(made: pa.Array, there: np.ndarray, empty: object) -> pa.Array:
    """Return a value for every window, `empty` for those that hold no row."""
    if there.all():
        return made
    places = np.where(there, np.cumsum(there) - 1, 0)
    spread = made.take(pa.array(places, mask=~there))
    if empty is None:
        return spread
    return pc.if_else(pa.array(there), spread, pa.scalar(empty, pa.int64()).cast(made.type))

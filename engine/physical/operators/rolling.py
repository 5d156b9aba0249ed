"""Aggregate for each row the rows near it in time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
import pyarrow as pa

from ...errors import ComputeError
from ...expr.calendar import moved, moved_twice
from ...expr.node import Column, SortKey
from ...expr.text import text_of
from ..kernels.aggregate_groups import aggregate_groups, result_of_nothing
from ..kernels.concat import concat, concat_arrays, take
from ..kernels.group import group_ids
from ..kernels.sort import sort_positions
from ..kernels.time_windows import expanded, window_ranges
from ..kernels.words import storage
from ..stage import TaskContext
from .aggregate_states import Aggs
from .held import PLACE, with_place
from .parts import InParts


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
        parts = InParts(
            context=context,
            of=self,
            keys=self._keys if self.keys else None,
            make=partial(self._made, context),
            what=f"{self.label[0].upper()}{self.label[1:]}",
            advice=_ADVICE if self.keys else _ADVICE_WITHOUT_KEYS,
            copies=4,
        )
        yield from parts.given(batches)

    def _keys(self, batch: pa.RecordBatch) -> list[pa.Array]:
        return [batch.column(name) for name in self.keys]

    def _made(
        self, context: TaskContext, held: list[pa.RecordBatch], /, *, placed: bool
    ) -> Iterator[pa.RecordBatch]:
        """Stream the rows of groups; as their places, those of the first rows of groups."""
        schema = held[0].schema
        joined = concat(held)
        held.clear()
        if joined.column(self.on).null_count:
            raise ComputeError(
                f"rolling along {self.schema.names[len(self.keys)]!r} found null in"
                f" {joined.column(self.on).null_count} of its rows, which lie nowhere in time."
                f" Leave them out with .drop_nulls({self.schema.names[len(self.keys)]!r}), or give"
                " them a value with .fill_null(...)."
            )
        groups = group_ids([joined.column(name) for name in self.keys], joined.num_rows)
        order = sort_positions(
            [pa.array(groups.ids), joined.column(self.on)], [SortKey(Column(self.on))] * 2
        )
        rows, ids = take(joined, order, schema), groups.ids[order]
        places = joined.column(PLACE).to_numpy()[groups.first_rows[ids]] if placed else None
        del joined
        for made, which in self._aggregated(rows, ids, context):
            yield made if places is None else with_place(made, pa.array(places[which]))

    def _aggregated(
        self, rows: pa.RecordBatch, groups: np.ndarray, context: TaskContext
    ) -> Iterator[tuple[pa.RecordBatch, slice]]:
        """Yield what is given for rows, and which these are."""
        on = rows.column(self.on)
        times, lower = _ticks(on), _ticks(moved(on, self.offset))
        upper = _ticks(moved_twice(on, self.offset, self.period))
        starts, stops = window_ranges(groups, times, lower, upper, self.closed)
        first, last = self._own(times, context)
        most = 4 * context.batch_rows
        for windows, members, ids in expanded(starts[first:last], stops[first:last], most):
            context.check()
            near = rows.take(pa.array(members))
            there = stops[first:last][windows] > starts[first:last][windows]
            which = slice(first + windows.start, first + windows.stop)
            own = rows.slice(which.start, which.stop - which.start)
            columns = [own.column(name) for name in (*self.keys, self.on)]
            for name, agg in self.aggs:
                dtype = self.schema.field(name).type
                made = aggregate_groups(agg, ids, near, dtype)
                columns.append(_with_empty(made, there, result_of_nothing(agg, dtype)))
            yield pa.RecordBatch.from_arrays(columns, names=self.schema.names), which

    def _own(self, times: np.ndarray, context: TaskContext) -> tuple[int, int]:
        """Return from which row to which the rows are this task's own."""
        own = context.own_range
        if own is None:
            return 0, len(times)
        first = 0 if own.low is None else int(np.searchsorted(times, own.low[0]))
        last = len(times) if own.high is None else int(np.searchsorted(times, own.high[0]))
        return first, last


_ADVICE = (
    "The rows of one group are that many: raise memory_limit, take fewer workers, or choose keys"
    " that fewer rows share."
)
_ADVICE_WITHOUT_KEYS = (
    "A range of times with the windows around it is that many rows: set exchange_bytes lower, raise"
    " memory_limit, take fewer workers, or give it keys."
)


def _ticks(array: pa.Array) -> np.ndarray:
    return storage(array).astype(np.int64)


def _with_empty(made: pa.Array, there: np.ndarray, empty: pa.Array) -> pa.Array:
    """Return a value for every window, that of `empty` for those that hold no row."""
    if there.all():
        return made
    places = np.where(there, np.cumsum(there) - 1, len(made))
    return concat_arrays([made, empty]).take(pa.array(places))

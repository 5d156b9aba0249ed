"""Bring the states of each group together, and finish them."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow as pa

from ..kernels.aggregate_groups import (
    accumulations,
    result_of_nothing,
    state_of,
)
from ..kernels.concat import concat
from ..kernels.group import (
    last_rows,
)
from ..stage import TaskContext
from .aggregate_states import (
    Aggs,
    HeldStates,
    accumulated,
    aggregate_label,
    grouped,
    naming,
    parts_of,
    plain_columns,
    state_names,
    states_of,
)
from .held import PLACE, Held, with_place
from .parts import InParts
from .plain_rows import PlainRows

_FINAL_BATCHES_HELD = 16
"""The same where the states of a slot meet: so many are those of one slot, merged at once."""


@dataclass(frozen=True, kw_only=True)
class FinalAggregate:
    """Merge all states (and rows) of each group, in the order in which they come, and finish them.

    Without keys there is one row, also where nothing comes in.
    """

    keys: tuple[str, ...]
    aggs: Aggs
    schema: pa.Schema
    """The logical columns given: the keys, then the aggregates."""

    by_last: bool = False
    """Whether groups are given by their last appearance, in place of their first."""

    @property
    def label(self) -> str:
        """What to call it in a profile."""
        return aggregate_label("aggregate", self.keys, self.aggs)

    def execute(
        self, batches: Iterator[pa.RecordBatch], context: TaskContext
    ) -> Iterator[pa.RecordBatch]:
        """Stream one row per group, once the input is at its end; groups by appearance.

        States that may not be held are put aside, split by a hash of their keys. Those of a group
        are merged in the same order as else: a few at a time where that gives the same bits.
        """
        # A batch from elsewhere may hold several states of one group, so even one is merged.
        aggs = accumulated(self.aggs)
        folds = all(state_of(agg).folds for _, agg in aggs)
        held = HeldStates(keys=len(self.keys), aggs=aggs, by_last=self.by_last, distinct=False)
        most = _FINAL_BATCHES_HELD * context.batch_rows
        parts = self._parts(context, aggs)
        with Held(context, self, parts.copies, parts.row_bytes) as room:
            coming = self._as_states(batches, context, most)
            for states, are_merged in coming:
                fits = room.add(states)
                if not fits and folds and held.rows:
                    before = room.reserved
                    self._merge(held, room)
                    fits = room.reserved <= before // 2 and room.add(states)
                if not fits and self.keys:
                    rest = itertools.chain(held.batches, [states], (each for each, _ in coming))
                    yield from parts.spilled(rest, room)
                    return
                if not fits:
                    room.insist(states, parts.what, parts.advice)
                held.add(states, are_merged=are_merged)
                if folds and held.rows >= most and held.rows >= 2 * held.merged_rows:
                    self._merge(held, room)
            if held.rows:
                held.merge()
                for merged in held.given(context.batch_rows):
                    yield self._finished(merged)
            elif not self.keys:
                yield self._of_nothing()

    def _merge(self, held: HeldStates, room: Held) -> None:
        held.merge()
        room.clear()
        for states in held.batches:
            room.insist(states, self.label, "")

    def _parts(self, context: TaskContext, aggs: Aggs) -> InParts:
        return InParts(
            context=context,
            of=self,
            keys=lambda states: states.columns[: len(self.keys)],
            make=functools.partial(self._made, aggs),
            what=f"A group of {self.label}",
            advice="Its values are kept until it is whole: raise memory_limit, take fewer workers,"
            " or choose an aggregate that is approximate.",
        )

    def _made(
        self, aggs: Aggs, batches: list[pa.RecordBatch], /, *, placed: bool
    ) -> Iterator[pa.RecordBatch]:
        """Stream the results of groups that were put aside, each with the place of its first row.

        Groups in order of their last rows have the place of these.
        """
        whole = concat(batches)
        columns = whole.columns[: len(self.keys)]
        groups = grouped(columns, whole.num_rows, self.by_last)
        held = HeldStates(keys=len(self.keys), aggs=aggs, by_last=self.by_last, distinct=False)
        held.add(whole.select(range(whole.num_columns - placed)))
        held.merge()
        rows = last_rows(groups) if self.by_last else groups.first_rows
        places = whole.column(PLACE).take(pa.array(rows)) if placed else None
        made = self._finished(held.batches[0])
        yield made if places is None else with_place(made, places)

    def _as_states(
        self, batches: Iterator[pa.RecordBatch], context: TaskContext, most: int
    ) -> Iterator[tuple[pa.RecordBatch, bool]]:
        """Yield what comes as states, and whether no two of a batch are of one group."""
        rows = PlainRows(columns=plain_columns(self.keys, self.aggs))
        for batch in batches:
            context.check()
            if not batch.num_rows:
                continue
            if not rows.hold(batch):
                # What follows rows comes behind them.
                yield from self._group(rows)
                yield batch, False
            elif rows.rows >= most:
                yield from self._group(rows)
        yield from self._group(rows)

    def _group(self, rows: PlainRows) -> Iterator[tuple[pa.RecordBatch, bool]]:
        """Make states of rows that came as they are."""
        batch = rows.given()
        if batch is not None:
            aggs = accumulated(self.aggs)
            states = states_of(batch, self.keys, aggs, self.by_last, exact=True)
            names = [*self.keys, *state_names(self.keys, self.aggs)]
            yield pa.RecordBatch.from_arrays(states, names=names), True

    def _finished(self, states: pa.RecordBatch) -> pa.RecordBatch:
        columns = list(states.columns[: len(self.keys)])
        aggs = accumulated(self.aggs)
        parts = parts_of(states, len(self.keys), aggs)
        of = {agg: own for (_, agg), own in zip(aggs, parts, strict=True)}
        for name, agg in self.aggs:
            dtype = self.schema.field(name).type
            with naming(name):
                own = tuple(column for part in accumulations(agg) for column in of[part])
                columns.append(state_of(agg).finish(own, dtype, dict(agg.options)))
        return pa.RecordBatch.from_arrays(columns, names=self.schema.names)

    def _of_nothing(self) -> pa.RecordBatch:
        arrays = [result_of_nothing(agg, self.schema.field(name).type) for name, agg in self.aggs]
        return pa.RecordBatch.from_arrays(arrays, names=self.schema.names)

"""Group the rows of a partition into states, one for each group or few."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa

from ..kernels.concat import concat, slices
from ..kernels.group import (
    as_key,
    single_rows,
)
from ..kernels.words import is_text
from ..stage import TaskContext
from .aggregate_states import (
    Aggs,
    HeldStates,
    accumulated,
    aggregate_label,
    plain_columns,
    started_states,
    state_names,
    states_of,
)
from .plain_rows import are_alone, has_many_groups

_BATCHES_HELD = 4
"""States are merged when their rows reach this many batches: rarely, and while they fit caches."""

_MANY = 0.25
"""Where batches have more groups to a row, several with plain text among their keys are grouped at
once: texts are looked up when they are met and again with each merge, and most are met in each
batch."""

_TOGETHER = 8
"""So many batches are grouped at once at most."""

_WORTHWHILE = 0.75
"""Merging that leaves more than this share of the states is not worth repeating."""


@dataclass(frozen=True, kw_only=True)
class PartialAggregate:
    """Turn the rows of a partition into one state per group, or few.

    Each batch is grouped by itself, or a few of them at once (see `_MANY`); the states are merged
    with earlier ones now and then. Where hardly any rows share a group, they are handed on as they
    are (see `plain_rows`). Where merging turns out to bring hardly any together, the states of
    later batches are handed on as they are made; where the rows of one batch hardly share groups
    either, each row becomes a state, and nothing is looked up. What is decided depends on the rows
    of the partition alone. So nothing is reserved: what is held follows from the partition, which
    is a small part of the limit, and would make other bits if it followed from what is free.
    """

    keys: tuple[str, ...]
    aggs: Aggs
    schema: pa.Schema
    """The logical columns that come in."""

    by_last: bool = False
    """Whether groups are given by their last appearance, in place of their first."""

    @property
    def label(self) -> str:
        """What to call it in a profile."""
        return aggregate_label("partial aggregate", self.keys, self.aggs)

    def execute(
        self, batches: Iterator[pa.RecordBatch], context: TaskContext
    ) -> Iterator[pa.RecordBatch]:
        """Stream states with the columns of `partial_schema`, groups by appearance; or rows."""
        aggs = accumulated(self.aggs)
        held = HeldStates(keys=len(self.keys), aggs=aggs, by_last=self.by_last)
        names = [*self.keys, *state_names(self.keys, self.aggs)]
        most = _BATCHES_HELD * context.batch_rows
        rows_seen = states_seen = 0
        merging = grouping = True
        enough = _TOGETHER * context.batch_rows
        input_ = _Gathered(batches=batches, most=enough, is_better_together=self._has_many_texts)
        plain = plain_columns(self.keys, self.aggs)
        for batch in input_.given():
            context.check()
            if plain is not None and not rows_seen and are_alone(batch.select(plain), self.keys):
                yield from slices(batch.select(plain), context.batch_rows)
                yield from self._as_they_are(plain, batches, context)
                return
            made = self._states(batch, aggs) if grouping else self._row_by_row(batch, aggs)
            states = pa.RecordBatch.from_arrays(made, names=names)
            if not merging:
                yield from slices(states, context.batch_rows)
                continue
            rows_seen += batch.num_rows
            states_seen += states.num_rows
            held.add(states)
            input_.together = states_seen > _MANY * rows_seen and self._has_plain_text(states)
            if held.rows >= most and held.rows >= 2 * held.merged_rows:
                before = held.rows
                held.merge()
                if held.rows > _WORTHWHILE * before:
                    yield from held.given(context.batch_rows)
                    merging = input_.together = False
                    grouping = states_seen <= _WORTHWHILE * rows_seen
        if held.rows:
            held.merge()
            yield from held.given(context.batch_rows)

    def _as_they_are(
        self, columns: Sequence[str], batches: Iterator[pa.RecordBatch], context: TaskContext
    ) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            context.check()
            yield from slices(batch.select(columns), context.batch_rows)

    def _states(self, batch: pa.RecordBatch, aggs: Aggs) -> list[pa.Array]:
        # States of one group are merged later, should there be several.
        return states_of(batch, self.keys, aggs, self.by_last, exact=False)

    def _has_plain_text(self, states: pa.RecordBatch) -> bool:
        return any(is_text(states.column(name).type) for name in self.keys)

    def _has_many_texts(self, batch: pa.RecordBatch) -> bool:
        return self._has_plain_text(batch) and has_many_groups(batch, self.keys)

    def _row_by_row(self, batch: pa.RecordBatch, aggs: Aggs) -> list[pa.Array]:
        keys = [as_key(batch.column(name)) for name in self.keys]
        return [*keys, *started_states(aggs, single_rows(batch.num_rows), batch)]


@dataclass(kw_only=True)
class _Gathered:
    """The batches of an input that have rows: as they come, or several put together."""

    batches: Iterator[pa.RecordBatch]
    most: int
    """Rows that are enough for one batch."""

    is_better_together: Callable[[pa.RecordBatch], bool]
    """Whether those that come first are put together, by the first of them."""

    together: bool | None = None
    """Whether to put together those that come next; may be changed meanwhile."""

    def given(self) -> Iterator[pa.RecordBatch]:
        """Yield them, in their order."""
        waiting: list[pa.RecordBatch] = []
        rows = 0
        for batch in self.batches:
            if not batch.num_rows:
                continue
            if self.together is None:
                self.together = self.is_better_together(batch)
            waiting.append(batch)
            rows += batch.num_rows
            if not self.together or rows >= self.most:
                yield from _put_together(waiting)
                waiting, rows = [], 0
        if waiting:
            yield from _put_together(waiting)


def _put_together(batches: list[pa.RecordBatch]) -> list[pa.RecordBatch]:
    """Return one batch, or those that were given where it would carry a column in another way."""
    whole = concat(batches)
    return [whole] if whole.schema.types == batches[0].schema.types else batches

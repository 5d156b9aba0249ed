"""Group rows and aggregate them, in two steps: partial states in every task, then the result."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from ...errors import ComputeError
from ...expr.node import Agg
from ...expr.text import text_of
from ..kernels.aggregate_groups import (
    Inputs,
    accumulations,
    result_of_nothing,
    state_of,
    state_types,
)
from ..kernels.concat import concat, narrowed, slices
from ..kernels.group import (
    GroupIds,
    as_key,
    by_last_appearance,
    group_ids,
    key_values,
    last_rows,
    single_rows,
)
from ..kernels.state import Parts, State
from ..kernels.words import is_text
from ..stage import TaskContext
from .held import PLACE, Held, with_place
from .parts import InParts
from .plain_rows import PlainRows, are_alone, has_many_groups, row_columns

Aggs = tuple[tuple[str, Agg], ...]
"""Aggregates and the names of the columns they make."""

_BATCHES_HELD = 4
"""States are merged when their rows reach this many batches: rarely, and while they fit caches."""

_FINAL_BATCHES_HELD = 16
"""The same where the states of a slot meet: so many are those of one slot, merged at once."""

_MANY = 0.25
"""Where batches have more groups to a row, several with plain text among their keys are grouped at
once: texts are looked up when they are met and again with each merge, and most are met in each
batch."""

_TOGETHER = 8
"""So many batches are grouped at once at most."""

_WORTHWHILE = 0.75
"""Merging that leaves more than this share of the states is not worth repeating."""


def partial_schema(keys: Sequence[str], aggs: Aggs, schema: pa.Schema) -> pa.Schema:
    """Return the logical columns of partial states: the keys, then those of each aggregate.

    Parameters
    ----------
    keys
        Names of the key columns.
    aggs
        The aggregates over columns of `schema`.
    schema
        The logical columns that are aggregated.
    """
    fields = [schema.field(name) for name in keys]
    names = iter(_state_names(tuple(keys), aggs))
    for _, agg in accumulated(aggs):
        for dtype in state_types(agg, schema):
            fields.append(pa.field(next(names), dtype))
    return pa.schema(fields)


@functools.lru_cache(maxsize=256)
def accumulated(aggs: Aggs) -> Aggs:
    """Return what states are kept for `aggs`: one for all that are finished from the same."""
    kept: dict[Agg, str] = {}
    for name, agg in aggs:
        for part in accumulations(agg):
            kept.setdefault(part, name)
    return tuple((name, agg) for agg, name in kept.items())


@functools.lru_cache(maxsize=256)
def _state_names(keys: tuple[str, ...], aggs: Aggs) -> list[str]:
    """Return names such as ``total__sum``, none of which is taken by a key."""
    taken = set(keys)
    names = []
    for name, agg in accumulated(aggs):
        for part in state_of(agg).parts:
            free = f"{name}__{part}"
            while free in taken:
                free += "_"
            taken.add(free)
            names.append(free)
    return names


@dataclass(frozen=True, kw_only=True)
class PartialAggregate:
    """Turn the rows of a partition into one state per group, or few.

    Each batch is grouped by itself, or a few of them at once (see `_MANY`); the states are merged
    with earlier ones now and then. Where hardly any rows share a group, they are handed on as they
    are (see `plain_rows`). Where merging turns out to bring hardly any together, the states of
    later batches are handed on as they are made; where the rows of one batch hardly share groups
    either, each row becomes a state, and nothing is looked up. What is decided depends on the rows
    of the partition alone.
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
        return _label("partial aggregate", self.keys, self.aggs)

    def execute(
        self, batches: Iterator[pa.RecordBatch], context: TaskContext
    ) -> Iterator[pa.RecordBatch]:
        """Stream states with the columns of `partial_schema`, groups by appearance; or rows."""
        aggs = accumulated(self.aggs)
        held = _Held(keys=len(self.keys), aggs=aggs, by_last=self.by_last)
        names = [*self.keys, *_state_names(self.keys, self.aggs)]
        most = _BATCHES_HELD * context.batch_rows
        rows_seen = states_seen = 0
        merging = grouping = True
        enough = _TOGETHER * context.batch_rows
        input_ = _Gathered(batches=batches, most=enough, is_better_together=self._has_many_texts)
        plain = _row_columns(self.keys, self.aggs)
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
        return _states_of(batch, self.keys, aggs, self.by_last, exact=False)

    def _has_plain_text(self, states: pa.RecordBatch) -> bool:
        return any(is_text(states.column(name).type) for name in self.keys)

    def _has_many_texts(self, batch: pa.RecordBatch) -> bool:
        return self._has_plain_text(batch) and has_many_groups(batch, self.keys)

    def _row_by_row(self, batch: pa.RecordBatch, aggs: Aggs) -> list[pa.Array]:
        keys = [as_key(batch.column(name)) for name in self.keys]
        return [*keys, *_started(aggs, single_rows(batch.num_rows), batch)]


def _row_columns(keys: Sequence[str], aggs: Aggs) -> tuple[str, ...] | None:
    states = (*keys, *_state_names(keys, aggs))
    return row_columns(keys, [agg for _, agg in accumulated(aggs)], states)


def _states_of(
    batch: pa.RecordBatch, keys: Sequence[str], aggs: Aggs, by_last: bool, *, exact: bool
) -> list[pa.Array]:
    columns = [batch.column(name) for name in keys]
    groups = group_ids(columns, batch.num_rows, exact=exact)
    groups = by_last_appearance(groups) if by_last else groups
    found = [key_values(column, groups.first_rows) for column in columns]
    return [*found, *_started(aggs, groups, batch)]


def _started(aggs: Aggs, groups: GroupIds, batch: pa.RecordBatch) -> Iterator[pa.Array]:
    inputs = Inputs([agg for _, agg in aggs], groups, batch)
    for name, agg in aggs:
        with _named(name):
            yield from inputs.start(agg)


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
        return _label("aggregate", self.keys, self.aggs)

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
        held = _Held(keys=len(self.keys), aggs=aggs, by_last=self.by_last, distinct=False)
        most = _FINAL_BATCHES_HELD * context.batch_rows
        parts = self._parts(context, aggs)
        with Held(context, parts.copies, parts.row_bytes) as room:
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

    def _merge(self, held: _Held, room: Held) -> None:
        held.merge()
        room.clear()
        for states in held.batches:
            room.insist(states, self.label, "")

    def _parts(self, context: TaskContext, aggs: Aggs) -> InParts:
        return InParts(
            context=context,
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
        groups = _grouped(columns, whole.num_rows, self.by_last)
        held = _Held(keys=len(self.keys), aggs=aggs, by_last=self.by_last, distinct=False)
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
        rows = PlainRows(columns=_row_columns(self.keys, self.aggs))
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
            states = _states_of(batch, self.keys, aggs, self.by_last, exact=True)
            names = [*self.keys, *_state_names(self.keys, self.aggs)]
            yield pa.RecordBatch.from_arrays(states, names=names), True

    def _finished(self, states: pa.RecordBatch) -> pa.RecordBatch:
        columns = list(states.columns[: len(self.keys)])
        aggs = accumulated(self.aggs)
        parts = _parts_of(states, len(self.keys), aggs)
        of = {agg: own for (_, agg), own in zip(aggs, parts, strict=True)}
        for name, agg in self.aggs:
            dtype = self.schema.field(name).type
            with _named(name):
                own = tuple(column for part in accumulations(agg) for column in of[part])
                columns.append(state_of(agg).finish(own, dtype, dict(agg.options)))
        return pa.RecordBatch.from_arrays(columns, names=self.schema.names)

    def _of_nothing(self) -> pa.RecordBatch:
        arrays = [result_of_nothing(agg, self.schema.field(name).type) for name, agg in self.aggs]
        return pa.RecordBatch.from_arrays(arrays, names=self.schema.names)


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


@dataclass(kw_only=True)
class _Held:
    """States that have come so far: merged ones first, then later ones as they came."""

    keys: int
    aggs: Aggs
    by_last: bool
    distinct: bool = True
    """Whether no batch that comes has a group more than a few times."""

    batches: list[pa.RecordBatch] = field(default_factory=list)
    rows: int = 0
    merged_rows: int = 0
    schema: pa.Schema | None = None

    def add(self, states: pa.RecordBatch, *, are_merged: bool = False) -> None:
        """Add states; `are_merged` if no two of them are of one group."""
        if self.schema is None:
            self.schema = states.schema
        self.batches.append(states)
        self.rows += states.num_rows
        if are_merged and len(self.batches) == 1:
            self.merged_rows = self.rows

    def merge(self) -> None:
        """Bring the states of each group together."""
        if len(self.batches) > 1 or not (self.distinct or self.merged_rows):
            states = concat(self.batches)
            columns = states.columns[: self.keys]
            groups = _grouped(columns, states.num_rows, self.by_last)
            self.batches = [states]
            self.rows = self.merged_rows = states.num_rows
            if groups.count == states.num_rows:
                return
            merged = [key_values(column, groups.first_rows) for column in columns]
            parts = _parts_of(states, self.keys, self.aggs)
            for (name, agg), own in zip(self.aggs, parts, strict=True):
                with _named(name):
                    merged.extend(_merged(state_of(agg), groups, own, bool(self.keys)))
            self.batches = [pa.RecordBatch.from_arrays(merged, names=states.schema.names)]
        self.rows = self.merged_rows = self.batches[0].num_rows

    def given(self, batch_rows: int) -> Iterator[pa.RecordBatch]:
        """Yield the merged states in batches and forget them."""
        (states,), schema = self.batches, self.schema
        assert schema is not None
        self.batches, self.rows, self.merged_rows, self.schema = [], 0, 0, None
        for piece in slices(states, batch_rows):
            yield narrowed(piece, schema)


def _merged(state: State, groups: GroupIds, parts: Parts, keyed: bool) -> Parts:
    """Return one state per group.

    The sum of one group is taken pairwise, and that of one among several in order: states of a
    group are merged in order whatever lies beside it.
    """
    if groups.count > 1 or not keyed:
        return state.merge(groups, parts)
    first_rows = np.append(groups.first_rows, len(groups.ids))
    beside_none = GroupIds(ids=groups.ids, first_rows=first_rows, count=2)
    return tuple(part.slice(0, 1) for part in state.merge(beside_none, parts))


def _grouped(columns: Sequence[pa.Array], rows: int, by_last: bool) -> GroupIds:
    groups = group_ids(columns, rows)
    return by_last_appearance(groups) if by_last else groups


def _parts_of(states: pa.RecordBatch, keys: int, aggs: Aggs) -> list[Parts]:
    """Return the columns of each aggregate's state; by position, since names may have changed."""
    columns = states.columns
    parts, start = [], keys
    for _, agg in aggs:
        stop = start + len(state_of(agg).parts)
        parts.append(tuple(columns[start:stop]))
        start = stop
    return parts


class _named:  # noqa: N801 - reads as a word of the with statement
    """Put the name of the column in front of the message of a `ComputeError`."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        if isinstance(error, ComputeError):
            raise ComputeError(f"Column {self.name!r}: {error}") from None


def _label(what: str, keys: tuple[str, ...], aggs: Aggs) -> str:
    by = f" by {', '.join(keys)}" if keys else ""
    shown = ", ".join(text_of(agg) for _, agg in aggs[:3])
    return f"{what} {shown}{', ...' if len(aggs) > 3 else ''}{by}"

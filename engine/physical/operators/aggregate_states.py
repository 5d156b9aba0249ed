"""States of groups: what they are called, made of rows, and brought together."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from ...errors import ComputeError
from ...expr.node import Agg
from ...expr.text import text_of
from ..kernels.aggregate_groups import (
    Inputs,
    accumulations,
    state_of,
    state_types,
)
from ..kernels.concat import concat, narrowed, slices
from ..kernels.group import (
    GroupIds,
    by_last_appearance,
    group_ids,
    key_values,
)
from ..kernels.state import Parts, State
from .plain_rows import row_columns

Aggs = tuple[tuple[str, Agg], ...]
"""Aggregates and the names of the columns they make."""


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
    names = iter(state_names(tuple(keys), aggs))
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
def state_names(keys: tuple[str, ...], aggs: Aggs) -> list[str]:
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


def plain_columns(keys: Sequence[str], aggs: Aggs) -> tuple[str, ...] | None:
    states = (*keys, *state_names(keys, aggs))
    return row_columns(keys, [agg for _, agg in accumulated(aggs)], states)


def states_of(
    batch: pa.RecordBatch, keys: Sequence[str], aggs: Aggs, by_last: bool, *, exact: bool
) -> list[pa.Array]:
    columns = [batch.column(name) for name in keys]
    groups = group_ids(columns, batch.num_rows, exact=exact)
    groups = by_last_appearance(groups) if by_last else groups
    found = [key_values(column, groups.first_rows) for column in columns]
    return [*found, *started_states(aggs, groups, batch)]


def started_states(aggs: Aggs, groups: GroupIds, batch: pa.RecordBatch) -> Iterator[pa.Array]:
    inputs = Inputs([agg for _, agg in aggs], groups, batch)
    for name, agg in aggs:
        with naming(name):
            yield from inputs.start(agg)


@dataclass(kw_only=True)
class HeldStates:
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
            groups = grouped(columns, states.num_rows, self.by_last)
            self.batches = [states]
            self.rows = self.merged_rows = states.num_rows
            if groups.count == states.num_rows:
                return
            merged = [key_values(column, groups.first_rows) for column in columns]
            parts = parts_of(states, self.keys, self.aggs)
            for (name, agg), own in zip(self.aggs, parts, strict=True):
                with naming(name):
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


def grouped(columns: Sequence[pa.Array], rows: int, by_last: bool) -> GroupIds:
    groups = group_ids(columns, rows)
    return by_last_appearance(groups) if by_last else groups


def parts_of(states: pa.RecordBatch, keys: int, aggs: Aggs) -> list[Parts]:
    """Return the columns of each aggregate's state; by position, since names may have changed."""
    columns = states.columns
    parts, start = [], keys
    for _, agg in aggs:
        stop = start + len(state_of(agg).parts)
        parts.append(tuple(columns[start:stop]))
        start = stop
    return parts


class naming:  # noqa: N801 - reads as a word of the with statement
    """Put the name of the column in front of the message of a `ComputeError`."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        if isinstance(error, ComputeError):
            raise ComputeError(f"Column {self.name!r}: {error}") from None


def aggregate_label(what: str, keys: tuple[str, ...], aggs: Aggs) -> str:
    by = f" by {', '.join(keys)}" if keys else ""
    shown = ", ".join(text_of(agg) for _, agg in aggs[:3])
    return f"{what} {shown}{', ...' if len(aggs) > 3 else ''}{by}"

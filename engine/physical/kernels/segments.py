"""Rows brought together by keys and put in order: the form in which window kernels see them."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from ...expr.node import Column, SortKey
from .group import GroupIds, group_ids, rows_by_group
from .sort import sort_positions

_BY_GROUP = SortKey(Column("group"))


@dataclass(frozen=True)
class Segments:
    """Runs of neighbouring rows; each is one group in its order."""

    starts: np.ndarray
    """int64: where each segment begins, and at the end the number of rows."""

    @property
    def rows(self) -> int:
        """Rows in all."""
        return int(self.starts[-1])

    @property
    def count(self) -> int:
        """How many segments there are."""
        return len(self.starts) - 1

    @functools.cached_property
    def lengths(self) -> np.ndarray:
        """Rows of each segment."""
        return np.diff(self.starts)

    @functools.cached_property
    def ids(self) -> np.ndarray:
        """The segment of each row."""
        return np.repeat(np.arange(self.count), self.lengths)

    @functools.cached_property
    def first(self) -> np.ndarray:
        """For each row the first row of its segment."""
        return np.repeat(self.starts[:-1], self.lengths)

    @functools.cached_property
    def last(self) -> np.ndarray:
        """For each row the last row of its segment."""
        return np.repeat(self.starts[1:] - 1, self.lengths)

    @functools.cached_property
    def groups(self) -> GroupIds:
        """The segments as groups, for the kernels of aggregates."""
        return GroupIds(ids=self.ids, first_rows=self.starts[:-1], count=self.count)

    def reversed(self) -> Segments:
        """Return the segments of the same rows from the last to the first."""
        return Segments((self.rows - self.starts)[::-1])


@dataclass(frozen=True, kw_only=True)
class Arranged:
    """The segments of some rows, and which row comes where in them."""

    segments: Segments
    order: np.ndarray | None
    """For each place in the segments the row that has it; None where it is that place itself."""

    def gathered(self, values: pa.Array) -> pa.Array:
        """Return the values of the rows in the order of the segments."""
        return values if self.order is None else values.take(pa.array(self.order))

    def scattered(self, values: pa.Array) -> pa.Array:
        """Return values in the order of the segments as those of the rows."""
        return values if self.order is None else values.take(self._places)

    @functools.cached_property
    def _places(self) -> pa.Array:
        assert self.order is not None
        places = np.empty(len(self.order), np.int64)
        places[self.order] = np.arange(len(self.order))
        return pa.array(places)


def one_segment(rows: int) -> Segments:
    """Return all rows as one segment; none where there are no rows."""
    return Segments(np.array([0, rows] if rows else [0], np.int64))


def arranged(
    keys: Sequence[pa.Array], by: Sequence[pa.Array], order_by: Sequence[SortKey], rows: int
) -> Arranged:
    """Return the rows with equal keys as segments, each ordered, stable.

    Parameters
    ----------
    keys
        Columns that the rows are brought together by, perhaps none.
    by, order_by
        Columns to order by, and their directions.
    rows
        How many there are.
    """
    if not keys:
        order = sort_positions(by, order_by) if by else None
        return Arranged(segments=one_segment(rows), order=order)
    groups = group_ids(keys, rows)
    if not by:
        order, starts = rows_by_group(groups)
        return Arranged(segments=Segments(starts), order=order)
    order = sort_positions([pa.array(groups.ids), *by], [_BY_GROUP, *order_by])
    starts = np.zeros(groups.count + 1, np.int64)
    np.cumsum(np.bincount(groups.ids, minlength=groups.count), out=starts[1:])
    return Arranged(segments=Segments(starts), order=order)

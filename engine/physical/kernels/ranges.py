"""Which values of a sorted column lie within bounds, and the pairs of rows that this makes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from ...schema import decoded
from .words import integers, validity


@dataclass(frozen=True, kw_only=True)
class SortedPoints:
    """The values of a column in order, without nulls."""

    words: np.ndarray
    """int64 that compare as the values do; see `integers`."""

    rows: np.ndarray
    """The row of each."""


def sorted_points(values: pa.Array) -> SortedPoints:
    """Return the values of a column of numbers or times in order. Cost: one sort."""
    values = decoded(values)
    words, valid = integers(values), validity(values)
    rows = np.arange(len(words)) if valid is None else np.flatnonzero(valid)
    order = np.argsort(words[rows], kind="stable")
    return SortedPoints(words=words[rows][order], rows=rows[order])


@dataclass(frozen=True, kw_only=True)
class Edge:
    """One end of an interval for each row: a column, and whether the end itself belongs to it."""

    values: pa.Array
    inclusive: bool


def within(
    points: SortedPoints, low: Edge | None, high: Edge | None
) -> tuple[np.ndarray, np.ndarray]:
    """Return for each interval the first place of the points in it, and how many there are.

    An interval with a null end holds nothing. Cost: a binary search for each end.
    """
    edges = [edge for edge in (low, high) if edge is not None]
    starts = np.zeros(len(edges[0].values), np.int64)
    stops = np.full(len(starts), len(points.words), np.int64)
    valid = np.ones(len(starts), np.bool_)
    for edge in edges:
        known = validity(decoded(edge.values))
        if known is not None:
            valid &= known
    if low is not None:
        starts = _places(points, low, before=low.inclusive)
    if high is not None:
        stops = _places(points, high, before=not high.inclusive)
    return starts, np.where(valid, np.maximum(stops - starts, 0), 0)


def _places(points: SortedPoints, edge: Edge, before: bool) -> np.ndarray:
    """Return the place before all points that are equal to an end, or behind them."""
    words = integers(decoded(edge.values))
    return np.searchsorted(points.words, words, side="left" if before else "right")


def pairs(
    starts: np.ndarray, counts: np.ndarray, most: int
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield the number of each interval beside each place in it, at most `most` pairs at a time."""
    ends = np.cumsum(counts)
    total = int(ends[-1]) if len(ends) else 0
    for first in range(0, total, most):
        places = np.arange(first, min(first + most, total))
        intervals = np.searchsorted(ends, places, side="right")
        yield intervals, places - (ends - counts)[intervals] + starts[intervals]

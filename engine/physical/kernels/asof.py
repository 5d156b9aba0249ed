"""Which row of a side is the last before, the first after or the nearest to a value."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from ...schema import decoded
from .join import JoinIndex, build_index, find_keys
from .words import integers, storage, validity


@dataclass(frozen=True, kw_only=True)
class AsofIndex:
    """Rows by key and, within a key, in order.

    Method: the distinct values of the order are ranked; key and rank together are one integer, by
    which the rows are sorted once and found by binary search.
    """

    by: JoinIndex | None
    words: np.ndarray
    """The distinct values of the order as int64, in order."""

    values: np.ndarray
    """What distances are computed of: doubles, or `words`."""

    places: np.ndarray
    """For each row the number of its key times the number of ranks, plus its rank; in order."""

    rows: np.ndarray
    """The row of each place; rows that are equal stand as they came."""


def build_asof(on: pa.Array, by: Sequence[pa.Array]) -> AsofIndex:
    """Return the index of rows by the columns `by`, which may be none, in the order of `on`.

    Rows with a null are left out. Cost: two sorts.
    """
    on = decoded(on)
    words, valid = integers(on), validity(on)
    groups = np.zeros(len(words), np.int64)
    index = None
    if by:
        index = build_index(by)
        groups = find_keys(index, by).keys.astype(np.int64)
    kept = groups >= 0 if valid is None else (groups >= 0) & valid
    rows = np.flatnonzero(kept)
    distinct, first, ranks = np.unique(words[rows], return_index=True, return_inverse=True)
    places = groups[rows] * len(distinct) + ranks
    order = np.argsort(places, kind="stable")
    return AsofIndex(
        by=index,
        words=distinct,
        values=_measured(on, words)[rows[first]],
        places=places[order],
        rows=rows[order],
    )


def find_asof(
    index: AsofIndex,
    on: pa.Array,
    by: Sequence[pa.Array],
    *,
    strategy: str,
    exact: bool,
    tolerance: int | float | None,
) -> np.ndarray:
    """Return for each value the row that is found for it, -1 where there is none; int64.

    Parameters
    ----------
    strategy
        ``backward``: the last row at or before the value; ``forward``: the first at or after it;
        ``nearest``: the last of those that are nearest.
    exact
        Whether a row at the very value counts.
    tolerance
        How far it may be away at most.
    """
    on = decoded(on)
    words, valid = integers(on), validity(on)
    if len(index.rows) == 0:
        return np.full(len(words), -1, np.int64)
    groups = np.zeros(len(words), np.int64)
    if index.by is not None:
        groups = find_keys(index.by, by).keys.astype(np.int64)
    if valid is not None:
        groups = np.where(valid, groups, -1)
    values = _measured(on, words)
    low = np.maximum(groups, 0) * len(index.words)
    before = _before(index, words, low, exact)
    after = _after(index, words, low, exact)
    if strategy == "nearest":
        # Of rows that are equal the last, as of those before.
        after = np.where(
            after >= 0, np.searchsorted(index.places, index.places[after], side="right") - 1, -1
        )
        gaps = _gaps(index, values, before), _gaps(index, values, after)
        chosen = np.where((after >= 0) & ((before < 0) | (gaps[1] <= gaps[0])), after, before)
    else:
        chosen = before if strategy == "backward" else after
    found = (chosen >= 0) & (groups >= 0)
    if tolerance is not None:
        found &= _gaps(index, values, chosen) <= values.dtype.type(tolerance)
    return np.where(found, index.rows[np.maximum(chosen, 0)], -1)


def _before(index: AsofIndex, words: np.ndarray, low: np.ndarray, exact: bool) -> np.ndarray:
    """Return the last place of the same key whose value is at or before the word, -1 for none."""
    ranks = np.searchsorted(index.words, words, side="right" if exact else "left")
    places = np.searchsorted(index.places, low + ranks, side="left") - 1
    return np.where((places >= 0) & (index.places[np.maximum(places, 0)] >= low), places, -1)


def _after(index: AsofIndex, words: np.ndarray, low: np.ndarray, exact: bool) -> np.ndarray:
    """Return the first place of the same key whose value is at or after the word, -1 for none."""
    ranks = np.searchsorted(index.words, words, side="left" if exact else "right")
    places = np.searchsorted(index.places, low + ranks, side="left")
    last = np.minimum(places, len(index.places) - 1)
    inside = (places == last) & (index.places[last] < low + len(index.words))
    return np.where(inside, last, -1)


def _measured(on: pa.Array, words: np.ndarray) -> np.ndarray:
    """Return what distances are computed of: doubles as they are, all else as unsigned words."""
    if pa.types.is_floating(on.type):
        return storage(on).astype(np.float64)
    return words.view(np.uint64)


def _gaps(index: AsofIndex, values: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Return how far each value is from that at its place; anything where there is no place."""
    there = index.values[index.places[np.maximum(places, 0)] % len(index.words)]
    if values.dtype.kind == "f":
        with np.errstate(invalid="ignore"):
            # Of two infinities: decided below.
            gaps = np.abs(values - there)
        nan = np.isnan(values) == np.isnan(there)
        # The same infinity, or NaN and NaN, are not apart; NaN and a number are infinitely.
        same = (values == there) | (np.isnan(values) & nan)
        return np.where(same, 0.0, np.where(np.isnan(gaps), np.inf, gaps))
    # Modulo 2**64 the difference of the greater and the smaller is right for any two words.
    flipped = values.view(np.int64) >= there.view(np.int64)
    return np.where(flipped, values - there, there - values)

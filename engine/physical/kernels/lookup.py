"""From a key to the first row that has it: an array, a ranked bitmap, or a hash table."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .key_columns import KeyColumn, key_range
from .lookup_loops import find_direct, find_hashed, place_direct, place_hashed
from .ranked_loops import find_ranked, place_ranked

_LEAST_DIRECT = 1 << 12
_MOST_DIRECT_NEAR = 1 << 22
_DIRECT_PER_KEY_NEAR = 16
_DIRECT_PER_KEY = 4
_LEAST_RANKED = 1 << 23
_RANKED_PER_KEY = 512
_MOST_RANGE = 1 << 31
_SMALL_BITS = 17


@dataclass(frozen=True, kw_only=True)
class Lookup:
    """Where the first row of each key is found.

    By `kind`:

    - ``direct``: ``table[key - low]`` is the row, -1 where there is none; int32.
    - ``ranked``: a bit of `table` for each key of a range, with ranks beside them, and the rows by
      rank in `first`: a quarter of a byte for a key of the range.
    - ``hashed``: open addressing with linear steps in a table of 2^`bits` places, at most half
      full, key and row side by side; a free place has row -1. int64.
    """

    kind: str
    table: np.ndarray
    first: np.ndarray
    low: int
    bits: int
    repeats: int
    """How many rows have a key that a row before them has."""


_NONE = np.zeros(0, np.int32)


def make_lookup(keys: KeyColumn) -> Lookup:
    """Return a lookup from each key to its first row; a null is no key.

    An array for keys in a range of at most 16 times their number while it fits the cache, else 4
    times, a ranked bitmap for 512 times, a hash table for others. Cost for a million, compiled: 1
    ms dense, 3 ms ranked, 25 ms hashed; else 4, 30 and 60 ms. In a range of 11 million an array
    costs 8 ns a key and 9 for each that is looked up, ranked bits 3 and 3.
    """
    bounds = key_range(keys)
    if bounds is None:
        return _direct(keys, 0, 1)
    low, high = bounds
    span, count = high - low + 1, len(keys.values)
    near = min(max(_DIRECT_PER_KEY_NEAR * count, _LEAST_DIRECT), _MOST_DIRECT_NEAR)
    if span <= min(max(near, _DIRECT_PER_KEY * count), _MOST_RANGE):
        return _direct(keys, low, span)
    if span <= most_range(count):
        return _ranked(keys, low, span)
    return _hashed(keys)


def most_range(count: int) -> int:
    """Return how wide the range of so many keys may be that are not hashed."""
    return min(max(_RANKED_PER_KEY * count, _LEAST_RANKED), _MOST_RANGE)


def _direct(keys: KeyColumn, low: int, span: int) -> Lookup:
    table = np.full(span, -1, np.int32)
    repeats = place_direct(keys.values, keys.valid, low, table)
    return Lookup(kind="direct", table=table, first=_NONE, low=low, bits=0, repeats=repeats)


def _ranked(keys: KeyColumn, low: int, span: int) -> Lookup:
    words = np.zeros(2 * ((span >> 6) + 1), np.uint64)
    first = np.full(len(keys.values), -1, np.int32)
    repeats = place_ranked(keys.values, keys.valid, low, words, first)
    return Lookup(kind="ranked", table=words, first=first, low=low, bits=0, repeats=repeats)


def _hashed(keys: KeyColumn) -> Lookup:
    bits = max(int(2 * len(keys.values) - 1).bit_length(), 4)
    if bits <= _SMALL_BITS:
        # A quarter full while that is still in the cache: fewer steps, 2 ns a row in place of 4.
        bits += 1
    table = np.full(2 << bits, -1, np.int64)
    words = keys.values.astype(np.int64, copy=False)
    repeats = place_hashed(words, keys.valid, bits, table)
    return Lookup(kind="hashed", table=table, first=_NONE, low=0, bits=bits, repeats=repeats)


def find(lookup: Lookup, keys: KeyColumn) -> tuple[np.ndarray, int]:
    """Return for each key the first row that has it, -1 for none and null; and how many are found.

    Returns
    -------
    found, count
        int32, one for each key.
    """
    found = np.empty(len(keys.values), np.int32)
    values, valid, table = keys.values, keys.valid, lookup.table
    if lookup.kind == "direct":
        return found, find_direct(values, valid, lookup.low, table, found)
    if lookup.kind == "ranked":
        return found, find_ranked(values, valid, lookup.low, table, lookup.first, found)
    words = values.astype(np.int64, copy=False)
    return found, find_hashed(words, valid, lookup.bits, table, found)

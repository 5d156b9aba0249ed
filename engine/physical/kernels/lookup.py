"""From a key to a row that has it: an array where keys are dense, else a hash table."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .key_columns import KeyColumn, key_range
from .lookup_loops import find_direct, find_hashed, place_direct, place_hashed

_LEAST_DIRECT = 1 << 16
_MOST_DIRECT = 1 << 28
_DIRECT_PER_KEY = 32
_SMALL_BITS = 17


@dataclass(frozen=True, kw_only=True)
class Lookup:
    """Where the first row of each key is found.

    Direct: ``table[key - low]``, int32. Hashed (`bits` > 0): open addressing with linear steps, at
    most half full, key and row side by side in int64. A free place holds row -1.
    """

    table: np.ndarray
    low: int
    bits: int
    repeats: int
    """How many rows have a key that a row before them has."""

    @property
    def direct(self) -> bool:
        """Whether keys are array positions."""
        return self.bits == 0


def make_lookup(keys: KeyColumn) -> Lookup:
    """Return a lookup from each key to its first row; a null is no key.

    Keys in a range of at most 32 times their number are positions in an array, others are hashed by
    multiplication. Cost for a million, compiled: 1 ms dense, 10 ms hashed; else 4 and 60 ms.
    """
    bounds = key_range(keys)
    if bounds is None:
        return Lookup(table=np.full(1, -1, np.int32), low=0, bits=0, repeats=0)
    low, high = bounds
    span = high - low + 1
    if span <= min(max(_DIRECT_PER_KEY * len(keys.values), _LEAST_DIRECT), _MOST_DIRECT):
        table = np.full(span, -1, np.int32)
        repeats = place_direct(keys.values, keys.valid, low, table)
        return Lookup(table=table, low=low, bits=0, repeats=repeats)
    bits = max(int(2 * len(keys.values) - 1).bit_length(), 4)
    if bits <= _SMALL_BITS:
        # A quarter full while that is still in the cache: fewer steps, 2 ns a row in place of 4.
        bits += 1
    table = np.full(2 << bits, -1, np.int64)
    words = keys.values.astype(np.int64, copy=False)
    repeats = place_hashed(words, keys.valid, bits, table)
    return Lookup(table=table, low=0, bits=bits, repeats=repeats)


def find(lookup: Lookup, keys: KeyColumn) -> tuple[np.ndarray, int]:
    """Return for each key the first row that has it, -1 for none and null; and how many are found.

    Returns
    -------
    found, count
        int32, one for each key.
    """
    found = np.empty(len(keys.values), np.int32)
    if lookup.direct:
        return found, find_direct(keys.values, keys.valid, lookup.low, lookup.table, found)
    words = keys.values.astype(np.int64, copy=False)
    return found, find_hashed(words, keys.valid, lookup.bits, lookup.table, found)

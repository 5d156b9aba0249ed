"""From an integer to its place among distinct ones: an array where dense, else a hash table."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

_SPREAD = np.uint64(0x9E3779B97F4A7C15)
_LEAST_DIRECT = 1 << 16
_MOST_DIRECT = 1 << 28


@dataclass(frozen=True, kw_only=True)
class Lookup:
    """Where each of some distinct int64 keys is found.

    Direct: ``table[key - low]``. Hashed (`bits` > 0): open addressing with linear steps, at most
    half full; ``table`` holds positions in `keys`. A free place holds -1.
    """

    table: np.ndarray
    keys: np.ndarray
    low: int = 0
    bits: int = 0

    @property
    def direct(self) -> bool:
        """Whether keys are array positions."""
        return self.bits == 0


def make_lookup(keys: np.ndarray) -> Lookup:
    """Return a lookup from each of the distinct int64 `keys` to its position among them.

    Dense keys (their range at most eight times their number) take one scatter. Others are hashed
    by multiplication; in each round all keys still without a place try theirs at once, and those
    that lose it to another step on. Cost for a million: 3 ms dense, 40 ms hashed.
    """
    if len(keys) == 0:
        return Lookup(table=np.full(1, -1, np.int32), keys=keys, low=0)
    low, high = int(keys.min()), int(keys.max())
    span = high - low + 1
    if span <= min(max(8 * len(keys), _LEAST_DIRECT), _MOST_DIRECT):
        table = np.full(span, -1, np.int32)
        table[keys - low] = np.arange(len(keys), dtype=np.int32)
        return Lookup(table=table, keys=keys, low=low)
    return _hashed(keys)


def _hashed(keys: np.ndarray) -> Lookup:
    bits = max(int(2 * len(keys) - 1).bit_length(), 4)
    table = np.full(1 << bits, -1, np.int32)
    last = np.int64((1 << bits) - 1)
    waiting = np.arange(len(keys), dtype=np.int32)
    places = _first_places(keys, bits)
    while len(waiting):
        free = table[places] < 0
        table[places[free]] = waiting[free]
        lost = table[places] != waiting
        waiting, places = waiting[lost], (places[lost] + 1) & last
    return Lookup(table=table, keys=keys, bits=bits)


def _first_places(keys: np.ndarray, bits: int) -> np.ndarray:
    words = keys.view(np.uint64)
    # The high half is folded in, or doubles (whose low bits are zero) would crowd a few places.
    mixed = (words ^ (words >> np.uint64(32))) * _SPREAD
    return (mixed >> np.uint64(64 - bits)).view(np.int64)


def find(lookup: Lookup, values: np.ndarray) -> np.ndarray:
    """Return for each int64 value the position of the equal key, -1 where there is none.

    Cost for a million: 4 ms dense, 15 ms hashed among 250,000 keys, 50 among a million.
    """
    if lookup.direct:
        high = lookup.low + len(lookup.table) - 1
        if len(values) == 0 or (values.min() >= lookup.low and values.max() <= high):
            return lookup.table[values - lookup.low].astype(np.int64)
        inside = (values >= lookup.low) & (values <= high)
        places = np.where(inside, values, lookup.low) - lookup.low
        return np.where(inside, lookup.table[places], -1).astype(np.int64)
    last = np.int64(len(lookup.table) - 1)
    places = _first_places(values, lookup.bits)
    found = lookup.table[places].astype(np.int64)
    wrong = np.flatnonzero((found >= 0) & (lookup.keys[found] != values))
    places = places[wrong]
    while len(wrong):
        places = (places + 1) & last
        next_found = lookup.table[places].astype(np.int64)
        found[wrong] = next_found
        still = (next_found >= 0) & (lookup.keys[next_found] != values[wrong])
        wrong, places = wrong[still], places[still]
    return found

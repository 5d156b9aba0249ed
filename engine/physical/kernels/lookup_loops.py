"""Compiled loops over lookups: rows placed by their keys, and found by them."""

from __future__ import annotations

import numpy as np

from .jit import kernel

_SPREAD = np.uint64(0x9E3779B97F4A7C15)


# Direct: the key less the least one is a position


def _places(values: np.ndarray, valid: np.ndarray, low: int, size: int) -> np.ndarray:
    """Return how far each key is above `low`, -1 where that is not below `size`, or it is null."""
    distances = values.astype(np.int64) - np.int64(low)
    inside = distances.view(np.uint64) < np.uint64(size)
    if len(valid):
        inside &= valid.view(np.bool_)
    return np.where(inside, distances, -1)


def _place_direct_numpy(values: np.ndarray, valid: np.ndarray, low: int, table: np.ndarray) -> int:
    places = _places(values, valid, low, len(table))
    rows = np.flatnonzero(places >= 0)[::-1]
    # Of several rows assigned to one place the last assigned stays: assign from the end.
    table[places[rows]] = rows
    return len(rows) - int(np.count_nonzero(table >= 0))


@kernel("in i4, in u1, i8, out i4", "in i8, in u1, i8, out i4", instead=_place_direct_numpy)
def place_direct(values: np.ndarray, valid: np.ndarray, low: int, table: np.ndarray) -> int:
    """Put the first row of each key at ``table[key - low]``; return how many rows come after one.

    Every valid key has a place; free ones hold -1. Cost: 1 ns a row where the table fits into the
    cache or the keys come in order, 4 ns where neither is so.
    """
    repeats = 0
    for row in range(len(values)):
        if len(valid) == 0 or valid[row] != 0:
            place = np.uint64(np.int64(values[row]) - low)
            if table[place] < 0:
                table[place] = row
            else:
                repeats += 1
    return repeats


def _find_direct_numpy(
    values: np.ndarray, valid: np.ndarray, low: int, table: np.ndarray, found: np.ndarray
) -> int:
    places = _places(values, valid, low, len(table))
    found[:] = np.where(places >= 0, table[places], -1)
    return int(np.count_nonzero(found >= 0))


@kernel(
    "in i4, in u1, i8, in i4, out i4", "in i8, in u1, i8, in i4, out i4", instead=_find_direct_numpy
)
def find_direct(
    values: np.ndarray, valid: np.ndarray, low: int, table: np.ndarray, found: np.ndarray
) -> int:
    """Put ``table[key - low]`` into `found`, -1 where there is none; return how many there are.

    Cost: 0.7 ns a row where the table fits into the cache or the keys come in order.
    """
    size = np.uint64(len(table))
    matched = 0
    # Without branches: which keys are found is as good as random.
    for row in range(len(values)):
        place = np.uint64(np.int64(values[row]) - low)
        inside = place < size
        there = table[place if inside else np.uint64(0)]
        # All bits set, which is -1, where the key is out of range.
        number = there | (np.int32(inside) - np.int32(1))
        found[row] = number
        matched += int(number >= 0)
    for row in range(len(valid)):
        if valid[row] == 0:
            matched -= int(found[row] >= 0)
            found[row] = -1
    return matched


# Hashed: key and row side by side, open addressing with linear steps


def first_places(keys: np.ndarray, bits: int) -> np.ndarray:
    """Return where in a table of 2^bits places the search for each int64 key begins."""
    words = keys.view(np.uint64)
    # The high half is folded in, or doubles (whose low bits are zero) would crowd a few places.
    mixed = (words ^ (words >> np.uint64(32))) * _SPREAD
    return (mixed >> np.uint64(64 - bits)).view(np.int64)


def _place_hashed_numpy(keys: np.ndarray, valid: np.ndarray, bits: int, table: np.ndarray) -> int:
    pairs = table.reshape(-1, 2)
    last = len(pairs) - 1
    waiting = np.flatnonzero(valid) if len(valid) else np.arange(len(keys))
    places = first_places(keys, bits)[waiting]
    repeats = 0
    # In each round all rows still without a place try theirs at once; of those that lose it, the
    # ones with its key are repeats and the others step on.
    while len(waiting):
        free = np.flatnonzero(pairs[places, 1] < 0)[::-1]
        pairs[places[free], 1] = waiting[free]
        won = pairs[places, 1] == waiting
        pairs[places[won], 0] = keys[waiting[won]]
        same = pairs[places, 0] == keys[waiting]
        repeats += int(np.count_nonzero(same & ~won))
        waiting, places = waiting[~same], (places[~same] + 1) & last
    return repeats


@kernel("in i8, in u1, i8, out i8", instead=_place_hashed_numpy)
def place_hashed(keys: np.ndarray, valid: np.ndarray, bits: int, table: np.ndarray) -> int:
    """Put each key with its first row into a table; return how many rows come after one.

    The table has 2^bits places of two words, key and row, so that a search ends within one line of
    the cache; it is at most half full, and the row of a free place is -1. Where keys meet at a
    place, which of them steps on depends on the method; the rows that are found do not. Cost: 10
    ns a row for a million of them.
    """
    last = np.uint64((1 << bits) - 1)
    shift = np.uint64(64 - bits)
    repeats = 0
    for row in range(len(keys)):
        if len(valid) != 0 and valid[row] == 0:
            continue
        key = keys[row]
        word = np.uint64(key)
        place = ((word ^ (word >> np.uint64(32))) * np.uint64(0x9E3779B97F4A7C15)) >> shift
        while table[2 * place + np.uint64(1)] >= 0 and table[2 * place] != key:
            place = (place + np.uint64(1)) & last
        if table[2 * place + np.uint64(1)] >= 0:
            repeats += 1
        else:
            table[2 * place] = key
            table[2 * place + np.uint64(1)] = row
    return repeats


def _find_hashed_numpy(
    keys: np.ndarray, valid: np.ndarray, bits: int, table: np.ndarray, found: np.ndarray
) -> int:
    pairs = table.reshape(-1, 2)
    last = len(pairs) - 1
    places = first_places(keys, bits)
    found[:] = pairs[places, 1]
    wrong = np.flatnonzero((found >= 0) & (pairs[places, 0] != keys))
    places = places[wrong]
    while len(wrong):
        places = (places + 1) & last
        found[wrong] = pairs[places, 1]
        still = (found[wrong] >= 0) & (pairs[places, 0] != keys[wrong])
        wrong, places = wrong[still], places[still]
    if len(valid):
        found[valid == 0] = -1
    return int(np.count_nonzero(found >= 0))


@kernel("in i8, in u1, i8, in i8, out i4", instead=_find_hashed_numpy)
def find_hashed(
    keys: np.ndarray, valid: np.ndarray, bits: int, table: np.ndarray, found: np.ndarray
) -> int:
    """Put the row of each key into `found`, -1 where there is none; return how many there are.

    Cost: 3 ns a row among a thousand keys, 15 ns among a million.
    """
    last = np.uint64((1 << bits) - 1)
    shift = np.uint64(64 - bits)
    matched = 0
    for row in range(len(keys)):
        if len(valid) != 0 and valid[row] == 0:
            found[row] = -1
            continue
        key = keys[row]
        word = np.uint64(key)
        place = ((word ^ (word >> np.uint64(32))) * np.uint64(0x9E3779B97F4A7C15)) >> shift
        while table[2 * place + np.uint64(1)] >= 0 and table[2 * place] != key:
            place = (place + np.uint64(1)) & last
        number = np.int32(table[2 * place + np.uint64(1)])
        found[row] = number
        matched += int(number >= 0)
    return matched


# What follows of the rows that were found


def _compact_numpy(found: np.ndarray, rows: np.ndarray, kept: np.ndarray) -> None:
    rows[:] = np.flatnonzero(found >= 0)
    kept[:] = found[rows]


@kernel("in i4, out i4, out i4", instead=_compact_numpy)
def compact(found: np.ndarray, rows: np.ndarray, kept: np.ndarray) -> None:
    """Put the rows for which something was found into `rows`, and what it was into `kept`.

    Both are as long as there are such rows. Cost: 0.7 ns a row.
    """
    count = len(rows)
    place = 0
    for row in range(len(found)):
        number = found[row]
        if place < count:
            # Written without asking, and kept by stepping on.
            rows[place] = row
            kept[place] = number
            place += int(number >= 0)


def _list_rows_numpy(ids: np.ndarray, starts: np.ndarray, rows: np.ndarray) -> None:
    with_key = np.flatnonzero(ids >= 0)
    own = ids[with_key]
    starts[0] = 0
    np.cumsum(np.bincount(own, minlength=len(starts) - 1), out=starts[1:])
    # numpy sorts 16-bit integers by radix, ten times faster than wider ones.
    narrow = own.astype(np.uint16) if len(starts) <= 1 << 16 else own
    rows[: len(own)] = with_key[np.argsort(narrow, kind="stable")]


@kernel("in i4, out i4, out i4", instead=_list_rows_numpy)
def list_rows(ids: np.ndarray, starts: np.ndarray, rows: np.ndarray) -> None:
    """Put the rows of id 0, then those of id 1, and so on into `rows`; -1 is of no id.

    Where those of an id begin is put into `starts`, with the end behind the last. Cost: 3 ns a row.
    """
    starts[:] = 0
    for row in range(len(ids)):
        if ids[row] >= 0:
            starts[ids[row] + 1] += 1
    for number in range(1, len(starts)):
        starts[number] += starts[number - 1]
    for row in range(len(ids)):
        if ids[row] >= 0:
            rows[starts[ids[row]]] = row
            starts[ids[row]] += 1
    # Each has been moved to the beginning of the next one.
    for number in range(len(starts) - 1, 0, -1):
        starts[number] = starts[number - 1]
    starts[0] = 0


def _list_pairs_numpy(
    found: np.ndarray,
    starts: np.ndarray,
    rows: np.ndarray,
    ends: np.ndarray,
    first: int,
    probe: np.ndarray,
    build: np.ndarray,
) -> None:
    places = np.arange(first, first + len(probe))
    probe[:] = np.searchsorted(ends, places, side="right")
    given = np.diff(ends, prepend=0)
    within = places - (ends - given)[probe]
    numbers = found[probe]
    build[:] = np.where(numbers >= 0, rows[np.where(numbers >= 0, starts[numbers] + within, 0)], -1)


@kernel("in i4, in i4, in i4, in i8, i8, out i4, out i4", instead=_list_pairs_numpy)
def list_pairs(
    found: np.ndarray,
    starts: np.ndarray,
    rows: np.ndarray,
    ends: np.ndarray,
    first: int,
    probe: np.ndarray,
    build: np.ndarray,
) -> None:
    """Put the pairs from number `first` on into `probe` and `build`, as many as these are long.

    Probe row r takes part in the pairs before number ``ends[r]`` and from ``ends[r - 1]`` on, with
    the rows of id ``found[r]`` one after another, or with -1 where nothing was found. Cost: 1 ns a
    pair.
    """
    low, high = 0, len(ends)
    while low < high:
        middle = (low + high) // 2
        if ends[middle] <= first:
            low = middle + 1
        else:
            high = middle
    row = low
    place = 0
    while place < len(probe):
        before = ends[row - 1] if row > 0 else np.int64(0)
        within = first + place - before
        stop = min(ends[row] - first, len(probe))
        number = found[row]
        while place < stop:
            probe[place] = row
            build[place] = rows[starts[number] + within] if number >= 0 else np.int32(-1)
            within += 1
            place += 1
        row += 1

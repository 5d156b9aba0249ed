"""Compiled loops that add up values group by group."""

from __future__ import annotations

import numpy as np

from .jit import kernel

_EXACT = 2**53
"""Doubles hold all integers up to here, so sums of doubles below are exact."""

_LIMB = np.int64(0xFFFFFFFF)
_LIMB_ROWS = 1 << 20
"""So many 32-bit limbs add up to less than `_EXACT`."""


_FEW_GROUPS = 1024
"""Tables of so many groups fit the cache several times."""


_MANY_ROWS = 32
"""In groups of so many rows most values are not the least so far."""


def _count_ids_numpy(ids: np.ndarray, counts: np.ndarray) -> None:
    counts[:] = np.bincount(ids, minlength=len(counts))


@kernel("in i8, out i8", instead=_count_ids_numpy)
def count_ids(ids: np.ndarray, counts: np.ndarray) -> None:
    """Count the rows of each group; `counts` are 0 before.

    Where groups are few, neighbouring rows count in four tables, since a count waits for the one
    before it in the same place: 0.4 ms for a million rows (`np.bincount`: 1.6 ms).
    """
    if len(counts) > _FEW_GROUPS:
        for row in range(len(ids)):
            counts[ids[row]] += 1
        return
    four = np.zeros(4 * len(counts), np.int64)
    whole = len(ids) - len(ids) % 4
    for row in range(0, whole, 4):
        four[4 * ids[row]] += 1
        four[4 * ids[row + 1] + 1] += 1
        four[4 * ids[row + 2] + 2] += 1
        four[4 * ids[row + 3] + 3] += 1
    for row in range(whole, len(ids)):
        counts[ids[row]] += 1
    for group in range(len(counts)):
        place = 4 * group
        counts[group] += four[place] + four[place + 1] + four[place + 2] + four[place + 3]


def _keep_extremes_numpy(
    ids: np.ndarray, values: np.ndarray, largest: bool, kept: np.ndarray
) -> None:
    if values.dtype.kind == "f":
        (np.fmax if largest else np.fmin).at(kept, ids, values)
    else:
        (np.maximum if largest else np.minimum).at(kept, ids, values)
    if values.dtype.kind == "f":
        kept += 0.0


@kernel(
    "in i8, in f8, b1, out f8",
    "in i8, in i8, b1, out i8",
    instead=_keep_extremes_numpy,
)
def keep_extremes(ids: np.ndarray, values: np.ndarray, largest: bool, kept: np.ndarray) -> None:
    """Put the least or the largest value of each group into `kept`, which holds others before.

    NaN is passed over, -0.0 comes as 0.0. A value is hardly ever less than all before it, so that
    no row waits for another: 0.5 ms for a million doubles of few groups (numpy: 2.0 ms), 1.1 ms of
    100,000 (4.7 ms).
    """
    if len(ids) < _MANY_ROWS * len(kept):
        for row in range(len(ids)):
            group = ids[row]
            value, known = values[row], kept[group]
            further = (known <= value) if largest else (value <= known)
            # Stored in any case: where groups are short, nobody guesses which value goes further.
            kept[group] = value if further or (known != known and value == value) else known
    elif largest:
        for row in range(len(ids)):
            value = values[row]
            if not value <= kept[ids[row]] and value == value:
                kept[ids[row]] = value
    else:
        for row in range(len(ids)):
            value = values[row]
            if not value >= kept[ids[row]] and value == value:
                kept[ids[row]] = value
    for group in range(len(kept)):
        if kept[group] == 0:
            kept[group] = 0


def _add_doubles_numpy(ids: np.ndarray, values: np.ndarray, total: np.ndarray) -> None:
    total[:] = np.bincount(ids, weights=values, minlength=len(total))


@kernel("in i8, in f8, out f8", instead=_add_doubles_numpy)
def add_doubles(ids: np.ndarray, values: np.ndarray, total: np.ndarray) -> None:
    """Add each double to the `total` of its group, which is 0.0 before, in the order of the rows.

    Cost: 0.8 ms for a million rows (`np.bincount`: 1.5 ms).
    """
    for row in range(len(ids)):
        total[ids[row]] += values[row]


def _add_four_doubles_numpy(
    ids: np.ndarray,
    first: np.ndarray,
    second: np.ndarray,
    third: np.ndarray,
    fourth: np.ndarray,
    total: np.ndarray,
) -> None:
    for place, values in enumerate((first, second, third, fourth)):
        total[place::4] = np.bincount(ids, weights=values, minlength=len(total) // 4)


@kernel("in i8, in f8, in f8, in f8, in f8, out f8", instead=_add_four_doubles_numpy)
def add_four_doubles(
    ids: np.ndarray,
    first: np.ndarray,
    second: np.ndarray,
    third: np.ndarray,
    fourth: np.ndarray,
    total: np.ndarray,
) -> None:
    """Add four columns to sums side by side in `total`, each as `add_doubles` does.

    An addition to a group waits for the one before it, but not for those of other columns: five
    columns, four of them so, take 3.3 ms for a million rows of four groups, one by one 10 ms. TPC-H
    Q1 at scale 1 takes 0.31 s of a processor in place of 0.34.
    """
    for row in range(len(ids)):
        place = 4 * ids[row]
        total[place] += first[row]
        total[place + 1] += second[row]
        total[place + 2] += third[row]
        total[place + 3] += fourth[row]


def _add_integers_numpy(
    ids: np.ndarray, values: np.ndarray, step: int, low: np.ndarray, high: np.ndarray
) -> None:
    words = values[::step]
    peak = max(abs(int(words.min())), abs(int(words.max()))) if len(words) else 0
    if peak * len(words) < _EXACT:
        low[:] = np.bincount(ids, weights=words, minlength=len(low))
        high[:] = low >> np.int64(63)
        return
    limbs = (words & _LIMB, words >> np.int64(32))
    lower, upper = (_sum_limbs(ids, len(low), limb) for limb in limbs)
    # upper * 2**32 + lower, in two words.
    carried = upper + (lower >> np.int64(32))
    low[:] = (carried << np.int64(32)) | (lower & _LIMB)
    high[:] = carried >> np.int64(32)


def _sum_limbs(ids: np.ndarray, count: int, limb: np.ndarray) -> np.ndarray:
    total = np.zeros(count, np.int64)
    for start in range(0, len(ids), _LIMB_ROWS):
        stop = start + _LIMB_ROWS
        part = np.bincount(ids[start:stop], weights=limb[start:stop], minlength=count)
        total += part.astype(np.int64)
    return total


@kernel("in i8, in i8, i8, out i8, out i8", instead=_add_integers_numpy)
def add_integers(
    ids: np.ndarray, values: np.ndarray, step: int, low: np.ndarray, high: np.ndarray
) -> None:
    """Add integers to sums of 128 bits, 0 before: exact for any number of rows.

    Row `n` has ``values[step * n]``: with a step of 2, the low words of decimals of few digits as
    Arrow holds them. Cost: 1 ms for a million rows (limbs by `np.bincount`: 4 to 8 ms).
    """
    for row in range(len(ids)):
        group = ids[row]
        value = values[step * row]
        summed = np.uint64(low[group]) + np.uint64(value)
        high[group] += (value >> 63) + np.int64(summed < np.uint64(value))
        low[group] = np.int64(summed)


def _add_decimals_numpy(
    ids: np.ndarray, words: np.ndarray, low: np.ndarray, high: np.ndarray, top: np.ndarray
) -> None:
    lower, upper = words[::2], words[1::2]
    limbs = (
        lower & _LIMB,
        (lower.view(np.uint64) >> np.uint64(32)).view(np.int64),
        upper & _LIMB,
        upper >> np.int64(32),
    )
    carry = np.zeros(len(low), np.int64)
    carried = []
    for limb in limbs:
        summed = _sum_limbs(ids, len(low), limb) + carry
        carried.append(summed & _LIMB)
        carry = summed >> np.int64(32)
    low[:] = carried[0] | (carried[1] << np.int64(32))
    high[:] = carried[2] | (carried[3] << np.int64(32))
    top[:] = carry


@kernel("in i8, in i8, out i8, out i8, out i8", instead=_add_decimals_numpy)
def add_decimals(
    ids: np.ndarray, words: np.ndarray, low: np.ndarray, high: np.ndarray, top: np.ndarray
) -> None:
    """Add decimals of 128 bits to sums of 192 bits, 0 before, so that no sum is wrapped unseen.

    `words` are pairs of a low and a high word, as Arrow holds them. Cost: 1 ms for a million
    rows of few groups, 3 ms of 30,000 (limbs by `np.bincount`: 12 to 17 ms).
    """
    for row in range(len(ids)):
        group = ids[row]
        lower, upper = np.uint64(words[2 * row]), words[2 * row + 1]
        summed = np.uint64(low[group]) + lower
        low[group] = np.int64(summed)
        carry = np.uint64(summed < lower)
        # Of the high words and the carry, at most one addition carries further.
        half = np.uint64(high[group]) + np.uint64(upper)
        whole = half + carry
        further = np.int64(half < np.uint64(upper)) + np.int64(whole < half)
        high[group] = np.int64(whole)
        top[group] += (upper >> 63) + further

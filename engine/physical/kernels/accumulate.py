"""Values combined group by group: sums, extremes, spreads, distinct values.

Each kernel takes the group of every row (int64, from `group_ids`) and the number of groups.
Floating-point sums add in row order, one value after the other, so that the same rows give the same
bits. Integers and decimals are summed exactly.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ...errors import ComputeError
from ...schema import decoded
from .group import GroupIds, group_ids, rows_by_group
from .words import (
    as_bytes,
    decimal_words,
    decimals_of,
    dictionary_parts,
    integers,
    is_number64,
    key_words,
    of_integers,
    storage,
    validity,
)

_EXACT = 2**53
"""Doubles hold all integers up to here, so sums of doubles below are exact."""

_LIMB = np.int64(0xFFFFFFFF)
_LIMB_ROWS = 1 << 20
"""So many 32-bit limbs add up to less than `_EXACT`."""

_TEN_38 = divmod(10**38, 2**64)


def count_rows(ids: np.ndarray, count: int) -> np.ndarray:
    """Return the rows of each group, int64. Cost: 1 ms for a million rows."""
    return np.bincount(ids, minlength=count)


def count_valid(ids: np.ndarray, count: int, array: pa.Array) -> np.ndarray:
    """Return how many values of each group are not null, int64."""
    valid = _valid_rows(array)
    return np.bincount(ids if valid is None else ids[valid], minlength=count)


def _valid_rows(array: pa.Array) -> np.ndarray | None:
    """Return `validity`, in which a null in a dictionary's values counts as well."""
    if isinstance(array, pa.DictionaryArray) and array.dictionary.null_count:
        return np.asarray(decoded(array).is_valid())
    return validity(array)


def sum_floats(ids: np.ndarray, count: int, values: np.ndarray) -> np.ndarray:
    """Return the sum of each group's doubles; nulls come as 0.0.

    Method: `np.bincount`, which adds in row order. Cost: 1.5 ms for a million rows.
    """
    # Of no rows at all, bincount gives integers.
    return np.bincount(ids, weights=values, minlength=count).astype(np.float64, copy=False)


def sum_counts(ids: np.ndarray, count: int, values: np.ndarray) -> np.ndarray:
    """Return the sum of each group's int64 of which no sum can overflow, such as counts."""
    total = np.zeros(count, np.int64)
    np.add.at(total, ids, values)
    return total


def doubles(array: pa.Array) -> np.ndarray:
    """Return numbers as doubles, 0.0 under nulls."""
    if pa.types.is_decimal(array.type):
        array = pc.cast(array, pa.float64())
    return storage(array).astype(np.float64, copy=False)


def sum_exact(ids: np.ndarray, count: int, array: pa.Array) -> pa.Array:
    """Return the exact sum of each group's integers, booleans, durations or decimals.

    Method: values are cut into limbs of 32 bits, whose sums as doubles are exact; one limb is
    enough where the largest value times the rows stays below 2**53. Cost for a million rows: 4 ms
    with one limb, 8 ms with two, 14 ms with four.

    Returns
    -------
    pyarrow.Array
        ``decimal128(38, scale)``, scale 0 for integers; 0 for a group without values.

    Raises
    ------
    ComputeError
        If a sum has more than 38 digits.
    """
    decimal = pa.types.is_decimal(array.type)
    result = pa.decimal128(38, array.type.scale if decimal else 0)
    low, high = _two_words(array)
    if high is None:
        narrow = low.view(np.int64)
        peak = max(abs(int(narrow.min())), abs(int(narrow.max()))) if len(narrow) else 0
        if peak * len(narrow) < _EXACT:
            total = np.bincount(ids, weights=narrow, minlength=count).astype(np.int64)
            return decimals_of(total.view(np.uint64), total >> np.int64(63), result)
        limbs = [narrow & _LIMB, narrow >> np.int64(32)]
    else:
        lower = low.view(np.int64)
        limbs = [
            lower & _LIMB,
            (low >> np.uint64(32)).view(np.int64),
            high & _LIMB,
            high >> np.int64(32),
        ]
    return _from_limbs([_sum_limbs(ids, count, limb) for limb in limbs], result)


def _two_words(array: pa.Array) -> tuple[np.ndarray, np.ndarray | None]:
    """Return values as 128 bits; the high word is None where all values fit into 64 bits."""
    if pa.types.is_decimal(array.type):
        low, high = decimal_words(array)
        fits = array.type.precision <= 18 or bool((high == low.view(np.int64) >> 63).all())
        return low, None if fits else high
    values = storage(array)
    if values.dtype == np.uint64:
        large = len(values) > 0 and int(values.max()) >= 2**63
        return values, np.zeros(len(values), np.int64) if large else None
    return values.astype(np.int64).view(np.uint64), None


def _sum_limbs(ids: np.ndarray, count: int, limb: np.ndarray) -> np.ndarray:
    total = np.zeros(count, np.int64)
    for start in range(0, len(ids), _LIMB_ROWS):
        stop = start + _LIMB_ROWS
        part = np.bincount(ids[start:stop], weights=limb[start:stop], minlength=count)
        total += part.astype(np.int64)
    return total


def _from_limbs(limbs: list[np.ndarray], result: pa.DataType) -> pa.Array:
    """Carry from limb to limb, the last of which has the sign, and return the decimals."""
    carried: list[np.ndarray] = []
    carry = np.zeros(len(limbs[0]), np.int64)
    for limb in limbs:
        summed = limb + carry
        carried.append(summed & _LIMB)
        carry = summed >> np.int64(32)
    while len(carried) < 4:
        carried.append(carry & _LIMB)
        carry = carry >> np.int64(32)
    low = carried[0].view(np.uint64) | (carried[1].view(np.uint64) << np.uint64(32))
    high = carried[2] | (carried[3] << np.int64(32))
    # What is left over must be the mere sign of the 128 bits.
    wrapped = carry != high >> np.int64(63)
    if wrapped.any() or _beyond_38_digits(low, high).any():
        raise ComputeError(
            "the sum has more than 38 digits, which no decimal holds. Cast to double to sum"
            " approximately."
        )
    return decimals_of(low, high, result)


def _beyond_38_digits(low: np.ndarray, high: np.ndarray) -> np.ndarray:
    top, rest = np.int64(_TEN_38[0]), np.uint64(_TEN_38[1])
    negative = high < 0
    # The complement of a negative number is its magnitude less one.
    low, high = np.where(negative, ~low, low), np.where(negative, ~high, high)
    limit = np.where(negative, rest - np.uint64(1), rest)
    return (high > top) | ((high == top) & (low >= limit))


def exact_to_doubles(array: pa.Array) -> np.ndarray:
    """Return what `sum_exact` gave as doubles, rounded once or twice."""
    low, high = decimal_words(array)
    narrow = high == low.view(np.int64) >> np.int64(63)
    wide = high.astype(np.float64) * 2.0**64 + low.astype(np.float64)
    unscaled = np.where(narrow, low.view(np.int64).astype(np.float64), wide)
    # Powers of ten up to 10**22 are exact in a double, so a division rounds once.
    return unscaled / 10.0**array.type.scale


def exact_to_integers(array: pa.Array, dtype: pa.DataType) -> pa.Array:
    """Return what `sum_exact` gave of integers as ``int64``, ``uint64`` or a duration.

    Raises
    ------
    ComputeError
        If a sum does not fit.
    """
    low, high = decimal_words(array)
    unsigned = dtype == pa.uint64()
    fits = high == (0 if unsigned else low.view(np.int64) >> np.int64(63))
    if not fits.all():
        value = array[int(np.argmin(fits))].as_py()
        raise ComputeError(
            f"the sum {value} does not fit into {dtype}. Cast to a decimal or a double before"
            " summing."
        )
    if unsigned:
        return pa.array(low)
    return of_integers(low.view(np.int64), None, dtype)


def extremes(ids: np.ndarray, count: int, array: pa.Array, *, largest: bool) -> pa.Array:
    """Return the least or the largest value of each group, null where it has none but nulls.

    NaN is passed over unless a group has nothing else; -0.0 comes as 0.0.

    Method: one scatter with `np.minimum.at` or `np.maximum.at` over numbers; other values by their
    rank among the distinct ones. Cost for a million rows: 2 ms integers, 5 ms doubles,
    80 ms strings.
    """
    valid = _valid_rows(array)
    rows = ids if valid is None else ids[valid]
    filled = np.bincount(rows, minlength=count) > 0
    has = None if filled.all() else filled
    if pa.types.is_floating(array.type):
        # Adding 0.0 turns -0.0 into 0.0.
        values = storage(array)[... if valid is None else valid] + 0.0
        combined = np.full(count, np.nan, values.dtype)
        (np.fmax if largest else np.fmin).at(combined, rows, values)
        return pa.array(combined, mask=None if has is None else ~has)
    ranks, distinct = _ranks(array)
    ranks = ranks[... if valid is None else valid]
    limits = np.iinfo(np.int64)
    found = np.full(count, limits.min if largest else limits.max, np.int64)
    (np.maximum if largest else np.minimum).at(found, rows, ranks)
    if has is not None:
        found = np.where(has, found, 0)
    if distinct is None:
        return of_integers(found, has, array.type)
    return distinct.take(pa.array(found, mask=None if has is None else ~has))


def _ranks(array: pa.Array) -> tuple[np.ndarray, pa.Array | None]:
    """Return int64 of the values' order, and the values they stand for by position.

    Those are None where the integers are the values themselves; see `of_integers`.
    """
    if not isinstance(array, pa.DictionaryArray) and is_number64(array.type):
        return integers(array), None
    if not isinstance(array, pa.DictionaryArray):
        array = _dictionary(array)
    codes, values = dictionary_parts(array)
    order = sort_distinct(values)
    ranks = np.empty(len(values), np.int64)
    ranks[order] = np.arange(len(values))
    # A null row has code -1: what it reads here is never looked at.
    return np.append(ranks, 0)[codes], values.take(pa.array(order))


def _dictionary(array: pa.Array) -> pa.DictionaryArray:
    if pa.types.is_decimal(array.type):
        groups = group_ids([array], len(array))
        values = array.take(pa.array(groups.first_rows))
        return pa.DictionaryArray.from_arrays(pa.array(groups.ids), values)
    view = array.type in (pa.string_view(), pa.binary_view())
    return pc.dictionary_encode(as_bytes(array) if view else array, null_encoding="mask")


def sort_distinct(values: pa.Array) -> np.ndarray:
    """Return the positions of values in ascending order; those of equal ones in their order."""
    if pa.types.is_decimal(values.type):
        words = key_words(values)
        return np.lexsort(words[::-1])
    return pc.sort_indices(values).to_numpy().astype(np.int64)


def spread(
    ids: np.ndarray, count: int, array: pa.Array
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return count, mean and sum of squared distances from the mean of each group.

    Method: two passes, which loses no digits to cancellation. Cost: 6 ms for a million rows.
    """
    valid = validity(array)
    values = doubles(array)
    if valid is not None:
        ids, values = ids[valid], values[valid]
    rows = count_rows(ids, count)
    mean = sum_floats(ids, count, values) / np.maximum(rows, 1)
    # Infinite values have no distance from their mean: NaN is the answer, not a warning.
    with np.errstate(invalid="ignore", over="ignore"):
        return rows, mean, sum_floats(ids, count, (values - mean[ids]) ** 2)


def merge_spreads(
    ids: np.ndarray, count: int, rows: np.ndarray, means: np.ndarray, squares: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return what `spread` would give of all rows, from what it gave of their parts.

    Method: Chan, Golub, LeVeque, Algorithms for Computing the Sample Variance (1983), for any
    number of parts at once: the distances of the parts' means from the common mean are added.
    """
    total = sum_counts(ids, count, rows)
    weighted = sum_floats(ids, count, np.where(rows > 0, means * rows, 0.0))
    mean = weighted / np.maximum(total, 1)
    with np.errstate(invalid="ignore", over="ignore"):
        between = np.where(rows > 0, (means - mean[ids]) ** 2 * rows, 0.0)
        return total, mean, sum_floats(ids, count, squares + between)


def distinct_lists(ids: np.ndarray, count: int, array: pa.Array) -> pa.Array:
    """Return for each group the list of its distinct values, null among them, as they appear.

    Cost: that of grouping by group and value.
    """
    pairs = group_ids([pa.array(ids), array], len(ids))
    own = ids[pairs.first_rows]
    rows, starts = rows_by_group(GroupIds(ids=own, first_rows=own[:0], count=count))
    values = decoded(array.take(pa.array(pairs.first_rows[rows])))
    return pa.LargeListArray.from_arrays(pa.array(starts), values)


def merge_lists(ids: np.ndarray, count: int, lists: pa.Array) -> pa.Array:
    """Return for each group the distinct values of all its lists."""
    lengths = pc.list_value_length(lists).to_numpy().astype(np.int64)
    return distinct_lists(np.repeat(ids, lengths), count, lists.flatten())

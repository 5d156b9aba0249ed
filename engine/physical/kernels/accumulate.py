"""Values combined group by group: sums, extremes, spreads, distinct values.

Each kernel takes the group of every row (int64, from `group_ids`) and the number of groups.
Floating-point sums add in row order, one value after the other, or pairwise where there is but one
group, so that the same rows give the same bits. Integers and decimals are summed exactly.

One group needs no places: its rows are reduced as they lie. Six million doubles are added in 4 ms
so, in 17 ms by `add_doubles`, each of whose additions waits for the one before.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ...errors import ComputeError
from ...schema import decoded
from .accumulate_loops import (
    add_decimals,
    add_doubles,
    add_four_doubles,
    add_integers,
    keep_extremes,
)
from .group import GroupIds, distinct_in_groups, group_ids
from .limbs import of_three_words
from .words import (
    INT64_DIGITS,
    as_bytes,
    decimal_pairs,
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


def count_rows(ids: np.ndarray, count: int) -> np.ndarray:
    """Return the rows of each group, int64. Cost: see `count_ids`."""
    return GroupIds(ids=ids, first_rows=ids[:0], count=count).sizes


def count_valid(groups: GroupIds, array: pa.Array) -> np.ndarray:
    """Return how many values of each group are not null, int64; of no nulls, all are counted once.

    Cost: nothing where no value is null and the groups' sizes are known, or there is one group.
    """
    if groups.count == 1 and not isinstance(array, pa.DictionaryArray):
        return np.array([len(array) - array.null_count])
    valid = _valid_rows(array)
    return groups.sizes if valid is None else count_rows(groups.ids[valid], groups.count)


def _valid_rows(array: pa.Array) -> np.ndarray | None:
    """Return `validity`, in which a null in a dictionary's values counts as well."""
    if isinstance(array, pa.DictionaryArray) and array.dictionary.null_count:
        return np.asarray(decoded(array).is_valid())
    return validity(array)


def sum_floats(ids: np.ndarray, count: int, values: np.ndarray) -> np.ndarray:
    """Return the sum of each group's doubles; nulls come as 0.0.

    Cost: see `add_doubles`, and the top for one group.
    """
    total = np.zeros(count)
    if count == 1:
        # Opposite infinities have no sum: NaN is the answer, not a warning.
        with np.errstate(invalid="ignore", over="ignore"):
            total += np.add.reduce(values)
    else:
        add_doubles(ids, values, total)
    return total


def sum_columns(ids: np.ndarray, count: int, columns: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Return what `sum_floats` gives of each column, with the same bits.

    Cost: see `add_four_doubles`.
    """
    if count == 1:
        return [sum_floats(ids, count, values) for values in columns]
    totals: list[np.ndarray] = []
    for start in range(0, len(columns), 4):
        four = columns[start : start + 4]
        if len(four) == 1:
            totals.append(sum_floats(ids, count, four[0]))
            continue
        total = np.zeros(4 * count)
        # Three columns in place of four cost as much, and so do two.
        first, second, third, fourth = (*four, *[four[-1]] * (4 - len(four)))
        add_four_doubles(ids, first, second, third, fourth, total)
        totals += [total[place::4].copy() for place in range(len(four))]
    return totals


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

    Cost: see `add_integers` and `add_decimals`.

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
    if count == 1 and array.null_count and pa.types.is_signed_integer(array.type):
        array = _summed(array)
        ids = ids[: len(array)]
    if decimal:
        values, step = decimal_pairs(array), 2
        if array.type.precision > INT64_DIGITS:
            return _sum_wide(ids, count, values, result)
    else:
        values, step = storage(array), 1
        if values.dtype == np.uint64 and len(values) and int(values.max()) >= 2**63:
            pairs = np.zeros(2 * len(values), np.int64)
            pairs[::2] = values.view(np.int64)
            return _sum_wide(ids, count, pairs, result)
    words = values.astype(np.int64, copy=False)
    low, high = np.zeros(count, np.int64), np.zeros(count, np.int64)
    if count == 1 and _adds_up(words[::step]):
        low += np.add.reduce(words[::step])
        high += low >> np.int64(63)
    else:
        add_integers(ids, words, step, low, high)
    return decimals_of(low.view(np.uint64), high, result)


def _summed(array: pa.Array) -> pa.Array:
    """Return the sum of integers by itself, or all of them if it might overflow.

    Arrow passes over nulls by their bits: 10 million, a tenth of them null, in 20 ms, not 40.
    """
    # What lies under nulls may only make it look as if it might.
    kind = np.dtype(array.type.to_pandas_dtype())
    values = np.frombuffer(array.buffers()[1], kind, len(array), array.offset * kind.itemsize)
    if not _adds_up(values):
        return array
    return pa.array([pc.sum(array).as_py() or 0], pa.int64())


def _adds_up(values: np.ndarray) -> bool:
    """Return whether no sum of some of the integers can overflow 64 bits."""
    if not len(values):
        return True
    return max(abs(int(values.min())), abs(int(values.max()))) * len(values) < 2**63


def _sum_wide(ids: np.ndarray, count: int, pairs: np.ndarray, result: pa.DataType) -> pa.Array:
    low, high, top = (np.zeros(count, np.int64) for _ in range(3))
    add_decimals(ids, pairs, low, high, top)
    return of_three_words(low.view(np.uint64), high, top, result)


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

    Method: one pass over numbers, see `keep_extremes`; other values by their rank among the
    distinct ones, 80 ms for a million strings.
    """
    valid = _valid_rows(array)
    rows = ids if valid is None else ids[valid]
    if pa.types.is_floating(array.type):
        values = storage(array)[... if valid is None else valid]
        combined = np.full(count, np.nan, values.dtype)
        _reduce(rows, values, combined, largest)
        missing = np.isnan(combined)
        has = ~missing | (count_rows(rows, count) > 0) if missing.any() else None
        return pa.array(combined, mask=None if has is None else ~has)
    ranks, distinct = order_ranks(array)
    ranks = ranks[... if valid is None else valid]
    limits = np.iinfo(np.int64)
    none = limits.min if largest else limits.max
    found = np.full(count, none, np.int64)
    _reduce(rows, ranks, found, largest)
    has = None
    if (found == none).any():
        has = count_rows(rows, count) > 0
        found = np.where(has, found, 0)
    if distinct is None:
        return of_integers(found, has, array.type)
    return distinct.take(pa.array(found, mask=None if has is None else ~has))


def _reduce(ids: np.ndarray, values: np.ndarray, kept: np.ndarray, largest: bool) -> None:
    """Do what `keep_extremes` does, for numbers of any width."""
    if len(kept) != 1:
        of_kernel = values.dtype in (np.float64, np.int64)
        (keep_extremes if of_kernel else keep_extremes.instead)(ids, values, largest, kept)
        return
    floating = values.dtype.kind == "f"
    wider = np.fmax if largest else np.fmin
    found = wider.reduce(values, initial=kept[0])
    # Of several kinds of NaN and of zero, one is given.
    kept[0] = kept[0] if floating and np.isnan(found) else found
    if floating:
        kept += 0.0


def order_ranks(array: pa.Array) -> tuple[np.ndarray, pa.Array | None]:
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

    Cost: see `distinct_in_groups`.
    """
    groups = GroupIds(ids=ids, first_rows=ids[:0], count=count)
    rows, starts = distinct_in_groups(groups, array)
    values = decoded(array.take(pa.array(rows)))
    return pa.LargeListArray.from_arrays(pa.array(starts), values)


def merge_lists(ids: np.ndarray, count: int, lists: pa.Array) -> pa.Array:
    """Return for each group the distinct values of all its lists."""
    lengths = pc.list_value_length(lists).to_numpy().astype(np.int64)
    return distinct_lists(np.repeat(ids, lengths), count, lists.flatten())

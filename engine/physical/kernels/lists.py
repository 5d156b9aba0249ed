"""A list of values for each group, as flat values and where each list begins: no loop over groups.

Lists are large lists, and text in them is large text, so that what many batches bring together
does not overflow 32-bit offsets.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ...errors import ComputeError
from ...expr.node import Column, SortKey
from ...schema import decoded
from .group import GroupIds, rows_by_group
from .sort import sort_positions
from .words import integers, is_number64

_WIDE = {pa.string(): pa.large_string(), pa.binary(): pa.large_binary()}

_BY_VALUE = Column("value")
"""Stands for the values in a `SortKey`, whose expression `sort_positions` does not look at."""


def wide(dtype: pa.DataType) -> pa.DataType:
    """Return the type of values in lists for values of type `dtype`."""
    return _WIDE.get(dtype, dtype)


def widened(array: pa.Array) -> pa.Array:
    """Return values as they lie in lists."""
    plain = decoded(array)
    return pc.cast(plain, wide(plain.type)) if plain.type in _WIDE else plain


def lists_of(groups: GroupIds, array: pa.Array) -> pa.LargeListArray:
    """Return the values of each group's rows, in the order of the rows.

    Cost for a million integers: 15 ms in many groups, 2 ms in one.
    """
    if groups.count == 1:
        starts = np.array([0, len(array)])
        return pa.LargeListArray.from_arrays(pa.array(starts), widened(array))
    rows, starts = rows_by_group(groups)
    return pa.LargeListArray.from_arrays(pa.array(starts), widened(array.take(pa.array(rows))))


def concatenated(groups: GroupIds, lists: pa.LargeListArray) -> pa.LargeListArray:
    """Return for each group the values of all its lists, one list behind the other."""
    rows, starts = rows_by_group(groups)
    ordered = lists.take(pa.array(rows))
    ends = starts_of(ordered)
    return pa.LargeListArray.from_arrays(pa.array(ends[starts]), ordered.flatten())


def lengths(lists: pa.LargeListArray) -> np.ndarray:
    """Return how many values each list has, int64."""
    return np.asarray(pc.list_value_length(lists).to_numpy(zero_copy_only=False), np.int64)


def members(lists: pa.LargeListArray) -> tuple[np.ndarray, np.ndarray]:
    """Return the number of the list of each value, and where each list begins; both int64."""
    return np.repeat(np.arange(len(lists)), lengths(lists)), starts_of(lists)


def starts_of(lists: pa.LargeListArray) -> np.ndarray:
    """Return where each list begins among all values, and where the last ends; int64."""
    starts = np.zeros(len(lists) + 1, np.int64)
    np.cumsum(lengths(lists), out=starts[1:])
    return starts


def ordered(
    ids: np.ndarray, count: int, keys: Sequence[pa.Array], by: Sequence[SortKey]
) -> np.ndarray:
    """Return the positions of values list after list, within each in the order of the keys.

    Method: all values are sorted at once, then brought together by list without losing that order.
    """
    order = sort_positions(keys, by)
    if count == 1:
        return order
    rows, _ = rows_by_group(GroupIds(ids=ids[order], first_rows=order[:0], count=count))
    return order[rows]


def sorted_lists(lists: pa.LargeListArray, *, descending: bool = False) -> pa.LargeListArray:
    """Return each list in order; nulls come first where it ascends, else last."""
    values = lists.flatten()
    ids, starts = members(lists)
    key = SortKey(_BY_VALUE, descending=descending, nulls_last=descending)
    order = ordered(ids, len(lists), [values], [key])
    return pa.LargeListArray.from_arrays(pa.array(starts), values.take(pa.array(order)))


def sorted_numbers(lists: pa.LargeListArray) -> np.ndarray:
    """Return the int64 of the values (see `integers`) list after list, ascending in each.

    Of values without nulls. Sorting them as they are is several times faster than sorting
    positions, which a single list does not need.
    """
    values = lists.flatten()
    assert is_number64(values.type)
    words = integers(values)
    if len(lists) == 1:
        return np.sort(words)
    ids, _ = members(lists)
    order = ordered(ids, len(lists), [pa.array(words)], [SortKey(_BY_VALUE)])
    return words[order]


def heads(lists: pa.LargeListArray, most: int, *, last: bool = False) -> pa.LargeListArray:
    """Return the first `most` values of each list, or the last."""
    ids, starts = members(lists)
    place = np.arange(len(ids)) - starts[ids]
    if last:
        place = (starts[1:] - starts[:-1])[ids] - 1 - place
    return chosen(lists, place < most)


def chosen(lists: pa.LargeListArray, kept: np.ndarray) -> pa.LargeListArray:
    """Return the lists with the values for which `kept` is True, of all values one after other."""
    ids, _ = members(lists)
    ends = np.zeros(len(lists) + 1, np.int64)
    np.cumsum(np.bincount(ids[kept], minlength=len(lists)), out=ends[1:])
    values = lists.flatten().filter(pa.array(kept))
    return pa.LargeListArray.from_arrays(pa.array(ends), values)


def as_lists(lists: pa.LargeListArray, dtype: pa.DataType) -> pa.Array:
    """Return lists in the type that a user sees: ``list`` with values of their own type.

    Raises
    ------
    ComputeError
        If they are too large for its 32-bit offsets.
    """
    values, starts = lists.flatten(), starts_of(lists)
    try:
        if values.type != dtype.value_type:
            values = pc.cast(values, dtype.value_type)
        return pa.ListArray.from_arrays(pa.array(starts).cast(pa.int32()), values, type=dtype)
    except pa.ArrowInvalid as error:
        raise ComputeError(
            f"{len(values):,} values are too many for the lists of one batch, which hold 2**31"
            f" values and 2 GiB of text ({error}). Use pt.config.set(batch_rows=...) for batches"
            " of fewer groups, or .head(n) and the like for shorter lists."
        ) from None

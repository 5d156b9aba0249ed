"""Which rows belong together: numbers for the distinct combinations of some columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .words import as_bytes, dictionary_parts, is_text, key_words, validity

_MOST_CODES = 1 << 62
_LEAST_DIRECT = 1 << 16


@dataclass(frozen=True, kw_only=True)
class GroupIds:
    """The group of each row; groups are numbered by their first appearance, or their last.

    A group may be without rows where rows were left out, see `only_rows`.
    """

    ids: np.ndarray
    """int64, one per row, from 0 to `count` - 1."""

    first_rows: np.ndarray
    """int64, one per group: its first row."""

    count: int


@dataclass(frozen=True, kw_only=True)
class _Codes:
    """A number for each row, equal exactly where the values are equal; `size` is above all."""

    values: np.ndarray
    size: int


def group_ids(columns: Sequence[pa.Array], rows: int) -> GroupIds:
    """Return the groups of `rows` rows by the values of `columns`; without columns, one group.

    Null is a value like others here, every NaN is the same one, -0.0 is 0.0.

    Method: each column becomes small integers (the distance from its least value; codes of its
    dictionary), which are combined as digits of one number. A number within four times the rows
    is used as an array position, one pass; a greater one is hashed by Arrow. Cost for a million
    rows and 250,000 groups: 7 ms dense, 22 ms hashed integers, 38 ms plain strings; 8 ms for two
    columns of few values.

    Raises
    ------
    TypeMismatch
        If a column is nested.
    """
    if not columns:
        zeros = np.zeros(rows, np.int64)
        return GroupIds(ids=zeros, first_rows=zeros[:1], count=1)
    combined: _Codes | None = None
    for column in columns:
        for codes in _codes(column):
            combined = codes if combined is None else _combined(combined, codes)
    assert combined is not None
    return _by_appearance(combined)


def by_last_appearance(groups: GroupIds) -> GroupIds:
    """Return the same groups, numbered by their last appearance."""
    last = np.zeros(groups.count, np.int64)
    # Of several values for one place, numpy keeps the one that comes last.
    last[groups.ids] = np.arange(len(groups.ids))
    order = np.argsort(last)
    number = np.empty(groups.count, np.int64)
    number[order] = np.arange(groups.count)
    return GroupIds(ids=number[groups.ids], first_rows=groups.first_rows[order], count=groups.count)


def _combined(left: _Codes, right: _Codes) -> _Codes:
    if left.size * right.size > _MOST_CODES:
        left = _compact(left)
    if left.size * right.size > _MOST_CODES:
        right = _compact(right)
    return _Codes(values=left.values * right.size + right.values, size=left.size * right.size)


def _compact(codes: _Codes) -> _Codes:
    groups = _by_appearance(codes)
    return _Codes(values=groups.ids, size=groups.count)


def _codes(array: pa.Array) -> list[_Codes]:
    """Return codes for a column: one or, for values wider than 64 bits, two of them."""
    if isinstance(array, pa.DictionaryArray):
        codes, values = dictionary_parts(array)
        return [_gathered(each, codes, values) for each in _codes(values)]
    if is_text(array.type):
        return [_encoded(as_bytes(array) if _is_view(array.type) else array)]
    valid = validity(array)
    return [_distances(words, valid) for words in key_words(array)]


def _is_view(dtype: pa.DataType) -> bool:
    return dtype in (pa.string_view(), pa.binary_view())


def _gathered(codes: _Codes, places: np.ndarray, values: pa.Array) -> _Codes:
    """Return the code of each row's value; a null row (place -1) and a null value are the same."""
    if values.null_count:
        null = codes.values[np.argmin(np.asarray(values.is_valid()))]
        return _Codes(values=np.append(codes.values, null)[places], size=codes.size)
    return _Codes(values=np.append(codes.values, codes.size)[places], size=codes.size + 1)


def _encoded(array: pa.Array) -> _Codes:
    encoded = pc.dictionary_encode(array, null_encoding="encode")
    codes = encoded.indices.to_numpy().astype(np.int64)
    return _Codes(values=codes, size=max(len(encoded.dictionary), 1))


def _distances(words: np.ndarray, valid: np.ndarray | None) -> _Codes:
    """Return the distance of each integer from the least one; null comes after the greatest."""
    present = words if valid is None else words[valid]
    if len(present) == 0:
        return _Codes(values=np.zeros(len(words), np.int64), size=1)
    low, high = int(present.min()), int(present.max())
    size = high - low + 1
    if size >= _MOST_CODES:
        mask = None if valid is None else ~valid
        return _encoded(pa.array(words, mask=mask))
    if valid is None:
        return _Codes(values=words - low, size=size)
    return _Codes(values=np.where(valid, words - low, size), size=size + 1)


def _by_appearance(codes: _Codes) -> GroupIds:
    values, rows = codes.values, len(codes.values)
    if codes.size > max(4 * rows, _LEAST_DIRECT):
        encoded = pc.dictionary_encode(pa.array(values))
        values = encoded.indices.to_numpy().astype(np.int64)
        count = len(encoded.dictionary)
        return GroupIds(ids=values, first_rows=_first_rows(values, count), count=count)
    first = _first_rows(values, codes.size)
    # Sorting the first rows by marking them: one pass instead of a sort.
    is_first = np.zeros(rows, np.bool_)
    is_first[first[first < rows]] = True
    first_rows = np.flatnonzero(is_first)
    number = np.empty(codes.size, np.int64)
    number[values[first_rows]] = np.arange(len(first_rows))
    return GroupIds(ids=number[values], first_rows=first_rows, count=len(first_rows))


def _first_rows(codes: np.ndarray, size: int) -> np.ndarray:
    """Return the first row of each code, the number of rows for a code that does not occur."""
    rows = len(codes)
    first = np.full(size, rows, np.int64)
    # Of several rows assigned to one place the last assigned stays: assign from the end.
    first[codes[::-1]] = np.arange(rows - 1, -1, -1)
    return first


def only_rows(groups: GroupIds, kept: np.ndarray) -> GroupIds:
    """Return the groups of the rows for which `kept` is True; some may have none left.

    The first row of a group without any is the number of rows.
    """
    ids = groups.ids[kept]
    return GroupIds(ids=ids, first_rows=_first_rows(ids, groups.count), count=groups.count)


def last_rows(groups: GroupIds) -> np.ndarray:
    """Return the last row of each group, int64; -1 for a group without rows."""
    last = np.full(groups.count, -1, np.int64)
    last[groups.ids] = np.arange(len(groups.ids))
    return last


def rows_by_group(groups: GroupIds) -> tuple[np.ndarray, np.ndarray]:
    """Return all rows, group after group and in order within one, and where each group begins.

    Returns
    -------
    rows, starts
        int64; `starts` has one entry more than there are groups.
    """
    count = len(groups.ids)
    bits = max(count - 1, 1).bit_length()
    # Group and row in one word: numpy sorts words fifteen times faster than it sorts positions.
    packed = (groups.ids.astype(np.uint64) << np.uint64(bits)) | np.arange(count, dtype=np.uint64)
    packed.sort()
    rows = (packed & np.uint64((1 << bits) - 1)).astype(np.int64)
    starts = np.zeros(groups.count + 1, np.int64)
    np.cumsum(np.bincount(groups.ids, minlength=groups.count), out=starts[1:])
    return rows, starts


def key_values(array: pa.Array, rows: np.ndarray) -> pa.Array:
    """Return the keys of groups: the values at `rows`, with -0.0 given as 0.0.

    A dictionary stays one, without the values that no group has.
    """
    taken = array.take(pa.array(rows))
    if pa.types.is_floating(taken.type) and taken.type != pa.float16():
        return pc.add(taken, pa.scalar(0.0, taken.type))
    if isinstance(taken, pa.DictionaryArray) and len(taken.dictionary) > len(taken):
        used = pc.drop_null(pc.unique(taken.indices))
        renumbered = pc.index_in(taken.indices, used)
        renumbered = renumbered.cast(taken.type.index_type)
        return pa.DictionaryArray.from_arrays(renumbered, taken.dictionary.take(used))
    return taken

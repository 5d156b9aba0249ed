"""Which rows belong together: numbers for the distinct combinations of some columns."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ...schema import decoded
from . import jit
from .accumulate_loops import count_ids
from .determined import is_dear, is_determined
from .group_loops import distinct_rows, number_direct, number_hashed, number_sorted, place_rows
from .key_columns import text_parts, valid_bytes
from .text_group_loops import number_texts
from .words import as_bytes, dictionary_parts, is_text, key_words, storage, validity

_MOST_CODES = 1 << 62
_LEAST_DIRECT = 1 << 16

_FEW_ROWS = 1 << 17
_SAMPLE = 4096
_REPEATED = 0.03
"""Of 4096 rows from 70,000 groups so many have a key that another has."""

_FEW_KEYS = 4096
_REPEATED_HARDLY = 0.9
"""From this share of distinct values on text lies as it is; of few keys it does not matter."""

_LARGE_GROUP = 4096
"""Groups of so many rows on average are found together with their values."""


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

    @functools.cached_property
    def sizes(self) -> np.ndarray:
        """The rows of each group, int64."""
        if self.count == 1:
            return np.array([len(self.ids)])
        counts = np.zeros(self.count, np.int64)
        count_ids(self.ids, counts)
        return counts


@dataclass(frozen=True, kw_only=True)
class _Codes:
    """An integer for each row, equal exactly where the values are equal.

    Less `low` (modulo 2**64) all are from 0 to `size` - 1.
    """

    values: np.ndarray
    size: int
    low: int = 0


def group_ids(columns: Sequence[pa.Array], rows: int, *, exact: bool = True) -> GroupIds:
    """Return the groups of `rows` rows by the values of `columns`; without columns, one group.

    Unless it has to be `exact`, a group may come as several where a dictionary has a value twice.
    That saves looking at the values: 3.4 ms for a dictionary of 100,000.

    Null is a value like others here, every NaN is the same one, -0.0 is 0.0.

    Method: each column becomes an integer (itself, or a code of its dictionary), and the integers'
    distances from their least ones are combined as digits of one number. A number within four
    times the rows is used as an array position; a greater one is hashed, or sorted where there are
    so many groups that a table would not fit the cache. See `number_direct`, `number_hashed` and
    `number_sorted` for the cost; a second column of few values adds 0.6 ms for a million rows.
    Texts and doubles beside other columns are looked up only if these do not determine them.

    Raises
    ------
    TypeMismatch
        If a column is nested.
    """
    if not columns:
        zeros = np.zeros(rows, np.int64)
        return GroupIds(ids=zeros, first_rows=zeros[:1], count=1)
    if len(columns) == 1 and is_text(columns[0].type):
        return _by_text(columns[0])
    dear = [column for column in columns if is_dear(column)]
    if not dear or len(dear) == len(columns):
        return _by_appearance(_codes_of_all(columns, exact))
    cheap = [column for column in columns if not is_dear(column)]
    groups = _by_appearance(_codes_of_all(cheap, exact))
    left = [each for each in dear if not is_determined(each, groups.ids, groups.first_rows)]
    if not left:
        return groups
    found = _Codes(values=groups.ids, size=groups.count)
    return _by_appearance(_combined(found, _codes_of_all(left, exact)))


def single_rows(rows: int) -> GroupIds:
    """Return each row as a group of its own."""
    ids = np.arange(rows)
    return GroupIds(ids=ids, first_rows=ids, count=rows)


def by_last_appearance(groups: GroupIds) -> GroupIds:
    """Return the same groups, numbered by their last appearance."""
    last = np.zeros(groups.count, np.int64)
    # Of several values for one place, numpy keeps the one that comes last.
    last[groups.ids] = np.arange(len(groups.ids))
    order = np.argsort(last)
    number = np.empty(groups.count, np.int64)
    number[order] = np.arange(groups.count)
    return GroupIds(ids=number[groups.ids], first_rows=groups.first_rows[order], count=groups.count)


def _codes_of_all(columns: Sequence[pa.Array], exact: bool = True) -> _Codes:
    parts = [codes for column in columns for codes in _codes(column, exact)]
    return functools.reduce(_combined, parts)


def _combined(left: _Codes, right: _Codes) -> _Codes:
    if left.size * right.size > _MOST_CODES:
        left = _compact(left)
    if left.size * right.size > _MOST_CODES:
        right = _compact(right)
    values = np.multiply(left.values, right.size, dtype=np.int64)
    values += right.values
    low = _wrapped(left.low * right.size + right.low)
    return _Codes(values=values, size=left.size * right.size, low=low)


def _wrapped(value: int) -> int:
    """Return what is left of an integer in 64 bits, as sums of int64 wrap."""
    return (value + 2**63) % 2**64 - 2**63


def _compact(codes: _Codes) -> _Codes:
    groups = _by_appearance(codes)
    return _Codes(values=groups.ids, size=groups.count)


def _codes(array: pa.Array, exact: bool = True) -> list[_Codes]:
    """Return codes for a column: one or, for values wider than 64 bits, two of them."""
    if isinstance(array, pa.DictionaryArray):
        return _codes_of_dictionary(array, exact)
    if is_text(array.type):
        return [_encoded(array)]
    valid = validity(array)
    return [_distances(words, valid) for words in key_words(array)]


def _codes_of_dictionary(array: pa.DictionaryArray, exact: bool) -> list[_Codes]:
    values = array.dictionary
    size = len(values)
    plain = is_text(values.type) and 0 < size <= len(array) and not values.null_count
    # Where no value is there twice, the codes are what is wanted, without a pass.
    if plain and not (exact and _encoded(values).size < size):
        indices = storage(array.indices)
        valid = validity(array.indices)
        if valid is None:
            return [_Codes(values=_signed(indices), size=size)]
        codes = np.where(valid, indices.astype(np.int64), size)
        return [_Codes(values=codes, size=size + 1)]
    places, values = dictionary_parts(array)
    return [_gathered(each, places, values) for each in _codes(values)]


def _signed(indices: np.ndarray) -> np.ndarray:
    """Return codes as int32 or int64, which the compiled loops take."""
    return indices if indices.dtype == np.int32 else indices.astype(np.int64, copy=False)


def _gathered(codes: _Codes, places: np.ndarray, values: pa.Array) -> _Codes:
    """Return the code of each row's value; a null row (place -1) and a null value are the same."""
    if codes.size > _MOST_CODES:
        codes = _compact(codes)
    digits = codes.values - codes.low
    if values.null_count:
        null = digits[np.argmin(np.asarray(values.is_valid()))]
        return _Codes(values=np.append(digits, null)[places], size=codes.size)
    return _Codes(values=np.append(digits, codes.size)[places], size=codes.size + 1)


def _encoded(array: pa.Array) -> _Codes:
    groups = _by_text(array)
    return _Codes(values=groups.ids, size=max(groups.count, 1))


def _by_text(array: pa.Array) -> GroupIds:
    rows = len(array)
    ids, first_rows = np.empty(rows, np.int64), np.empty(rows, np.int64)
    count = number_texts(*text_parts(as_bytes(array)), valid_bytes(array), ids, first_rows)
    return GroupIds(ids=ids, first_rows=first_rows[:count], count=count)


def _distances(words: np.ndarray, valid: np.ndarray | None) -> _Codes:
    """Return integers with their least one; null comes after the greatest."""
    present = words if valid is None else words[valid]
    if len(present) == 0:
        return _Codes(values=np.zeros(len(words), np.int64), size=1)
    low, high = int(present.min()), int(present.max())
    size = high - low + 1
    if valid is None:
        return _Codes(values=words, size=size, low=low)
    if size >= _MOST_CODES:
        groups = _by_appearance(_Codes(values=present, size=size, low=low))
        values = np.full(len(words), groups.count, np.int64)
        values[valid] = groups.ids
        return _Codes(values=values, size=groups.count + 1)
    return _Codes(values=np.where(valid, words - low, size), size=size + 1)


def _by_appearance(codes: _Codes) -> GroupIds:
    rows = len(codes.values)
    ids = np.empty(rows, np.int64)
    first_rows = np.empty(min(rows, codes.size), np.int64)
    if codes.size <= max(4 * rows, _LEAST_DIRECT):
        numbers = np.full(codes.size, -1, np.int32)
        count = number_direct(codes.values, codes.low, numbers, ids, first_rows)
        return GroupIds(ids=ids, first_rows=first_rows[:count], count=count)
    keys = codes.values.astype(np.int64, copy=False)
    bits = rows.bit_length()
    if codes.size.bit_length() + bits <= 64 and jit.ready() and _has_many_groups(keys):
        packed = (keys - np.int64(codes.low)).view(np.uint64) << np.uint64(bits)
        packed |= np.arange(rows, dtype=np.uint64)
        packed.sort()
        count = number_sorted(packed, bits, ids, first_rows)
    else:
        count = number_hashed(keys, ids, first_rows)
    return GroupIds(ids=ids, first_rows=first_rows[:count], count=count)


def _first_rows(codes: np.ndarray, size: int) -> np.ndarray:
    """Return the first row of each code, the number of rows for a code that does not occur."""
    rows = len(codes)
    first = np.full(size, rows, np.int64)
    # Of several rows assigned to one place the last assigned stays: assign from the end.
    first[codes[::-1]] = np.arange(rows - 1, -1, -1)
    return first


def _has_many_groups(keys: np.ndarray) -> bool:
    """Return whether a table of the keys would be larger than the cache, by a sample of them."""
    if len(keys) <= _FEW_ROWS:
        return False
    sample = np.sort(keys[:: len(keys) // _SAMPLE])
    repeated = int(np.count_nonzero(sample[1:] == sample[:-1]))
    return repeated < _REPEATED * len(sample)


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
    starts = np.zeros(groups.count + 1, np.int64)
    np.cumsum(groups.sizes, out=starts[1:])
    rows = np.empty(len(groups.ids), np.int64)
    place_rows(groups.ids, starts[:-1].copy(), rows)
    return rows, starts


def distinct_in_groups(groups: GroupIds, array: pa.Array) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows with the values of each group that it had not before, group after group.

    Null is a value, as in `group_ids`.

    Returns
    -------
    rows, starts
        int64, as those of `rows_by_group`.
    """
    if len(groups.ids) > _LARGE_GROUP * groups.count:
        ids = pa.array(groups.ids)
        first = group_ids([ids, array] if groups.count > 1 else [array], len(array)).first_rows
        own = GroupIds(ids=groups.ids[first], first_rows=first[:0], count=groups.count)
        rows, starts = rows_by_group(own)
        return first[rows], starts
    codes = _codes_of_all([array])
    rows, starts = rows_by_group(groups)
    kept, ends = np.empty(len(rows), np.int64), np.zeros(groups.count + 1, np.int64)
    values = codes.values.astype(np.int64, copy=False)
    total = distinct_rows(values, rows, starts, kept, ends[1:])
    return kept[:total], ends


def key_values(array: pa.Array, rows: np.ndarray) -> pa.Array:
    """Return the keys of groups: the values at `rows`, with -0.0 given as 0.0.

    A dictionary stays one, without the values that no group has, unless hardly any repeats.
    """
    taken = as_key(array.take(pa.array(rows)))
    if isinstance(taken, pa.DictionaryArray) and len(taken.dictionary) > len(taken):
        used = pc.drop_null(pc.unique(taken.indices))
        if len(taken) > _FEW_KEYS and len(used) > _REPEATED_HARDLY * len(taken):
            return decoded(taken)
        renumbered = pc.index_in(taken.indices, used)
        renumbered = renumbered.cast(taken.type.index_type)
        return pa.DictionaryArray.from_arrays(renumbered, taken.dictionary.take(used))
    return taken


def as_key(array: pa.Array) -> pa.Array:
    """Return values with -0.0 given as 0.0."""
    if pa.types.is_floating(array.type) and array.type != pa.float16():
        return pc.add(array, pa.scalar(0.0, array.type))
    return array

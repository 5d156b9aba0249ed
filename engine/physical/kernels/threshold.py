"""Which rows can still be among the first: a look at one key, before anything is copied.

The last of the best rows so far is a threshold: what lies behind it in the order cannot be wanted.
One comparison with a constant tells that for a whole batch, at 0.3 ns a number, 2 ns a text and
nothing but a gather of flags where text is coded; sorting the keys to find out costs fifty times
that. Nulls and NaN are where `sort_positions` puts them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ...expr.node import SortKey
from .words import is_number64, is_text, storage, validity


def possible(
    array: pa.Array, threshold: pa.Scalar, key: SortKey, strict: bool
) -> np.ndarray | None:
    """Return the positions of the rows that do not lie behind `threshold`; None for all rows.

    Parameters
    ----------
    array
        The values of the first key, perhaps as a dictionary.
    threshold
        A value of the same logical type, perhaps null.
    key
        Direction and place of nulls.
    strict
        Whether rows that are equal to the threshold lie behind it.

    Examples
    --------
    >>> from partita.engine.expr.node import Column
    >>> values = pa.array([3, None, 1, 2])
    >>> possible(values, pa.scalar(2), SortKey(Column("x")), strict=False).tolist()
    [1, 2, 3]
    """
    if isinstance(array, pa.DictionaryArray):
        if len(array.dictionary) > len(array):
            return possible(array.dictionary.take(array.indices), threshold, key, strict)
        wanted = _wanted(array.dictionary, threshold, key, strict)
        return None if wanted is None else _rows_of_codes(array, wanted, threshold, key, strict)
    wanted = _wanted(array, threshold, key, strict)
    return None if wanted is None else np.flatnonzero(wanted)


def _rows_of_codes(
    array: pa.DictionaryArray, wanted: np.ndarray, threshold: pa.Scalar, key: SortKey, strict: bool
) -> np.ndarray:
    if not array.indices.null_count:
        return np.flatnonzero(wanted[storage(array.indices)] if wanted.any() else wanted[:0])
    nulls = _null_wanted(threshold, key, strict)
    flags = np.append(wanted, nulls)
    codes = np.where(np.asarray(array.indices.is_valid()), storage(array.indices), len(wanted))
    return np.flatnonzero(flags[codes])


def _null_wanted(threshold: pa.Scalar, key: SortKey, strict: bool) -> bool:
    if threshold.is_valid:
        return not key.nulls_last
    return not strict


def _wanted(array: pa.Array, threshold: pa.Scalar, key: SortKey, strict: bool) -> np.ndarray | None:
    """Return True for each row that does not lie behind the threshold; None where all are."""
    if array.type != threshold.type or not (is_text(array.type) or is_number64(array.type)):
        return None
    valid = validity(array)
    nulls = _null_wanted(threshold, key, strict)
    if not threshold.is_valid:
        if key.nulls_last:
            return np.ones(len(array), np.bool_) if nulls or valid is None else valid
        present = np.zeros(len(array), np.bool_)
        return present if valid is None or not nulls else ~valid
    wanted = _before(array, threshold, key.descending, strict)
    if valid is None:
        return wanted
    return np.where(valid, wanted, nulls)


def _before(array: pa.Array, threshold: pa.Scalar, descending: bool, strict: bool) -> np.ndarray:
    """Return whether a value is before the threshold, or equal; anything under a null."""
    if not pa.types.is_floating(array.type):
        return _flags(_compare(array, threshold, descending, strict))
    limit: Any = np.float64(threshold.as_py())
    values = _stored_floats(array)
    if np.isnan(limit):
        # NaN is above all numbers.
        missing = np.isnan(values)
        if descending:
            return np.zeros(len(values), np.bool_) if strict else missing
        return ~missing if strict else np.ones(len(values), np.bool_)
    if descending:
        # Also true for NaN, which is not less and not equal.
        return ~(values <= limit) if strict else ~(values < limit)
    return values < limit if strict else values <= limit


def _stored_floats(array: pa.Array) -> np.ndarray:
    kind = np.dtype(array.type.to_pandas_dtype())
    buffer = array.buffers()[1]
    if buffer is None or len(array) == 0:
        return np.zeros(len(array), kind)
    return np.frombuffer(buffer, kind, array.offset + len(array))[array.offset :]


def _compare(array: pa.Array, threshold: pa.Scalar, descending: bool, strict: bool) -> pa.Array:
    if descending:
        compare = pc.greater if strict else pc.greater_equal
    else:
        compare = pc.less if strict else pc.less_equal
    return compare(array, threshold)


def _flags(array: pa.BooleanArray) -> np.ndarray:
    return np.asarray(array.fill_null(False) if array.null_count else array)

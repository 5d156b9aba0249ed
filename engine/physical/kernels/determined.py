"""Columns that say nothing more of a row's group: equal wherever the columns before are equal.

Who groups by the number of a customer often groups by name and address as well, to have them in
the result. To find that out costs less than to look the texts up.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from .key_columns import text_parts, valid_bytes
from .text_loops import keep_same
from .words import as_bytes, is_text, key_words

_SAMPLE = 1024
_LARGE = 1 << 12


def is_dear(array: pa.Array) -> bool:
    """Return whether it costs more to look values up than to compare them with others."""
    if isinstance(array, pa.DictionaryArray):
        # Digits of so many values soon make numbers that have to be looked up.
        return is_text(array.type.value_type) and len(array.dictionary) > _LARGE
    return is_text(array.type) or pa.types.is_floating(array.type)


def is_determined(array: pa.Array, ids: np.ndarray, first_rows: np.ndarray) -> bool:
    """Return whether all rows of each group have the same value: null, NaN or another.

    Of a dictionary they have to have the same code, or it is not said that they have.

    Method: rows are compared with the first of their group, some of them before all. Cost for
    114,000 rows of 38,000 groups: 2.7 ms text of 60 bytes, 0.4 ms doubles; to look them up 9 and
    1.3. Where they do not turn out the same, less than 1 ms is lost.

    Parameters
    ----------
    array
        A column that `is_dear`.
    ids, first_rows
        The group of each row, and the first row of each group.
    """
    if len(first_rows) == len(ids):
        return True
    if isinstance(array, pa.DictionaryArray):
        array = array.indices
    elif is_text(array.type):
        array = as_bytes(array)
    some = np.arange(0, len(ids), max(len(ids) // _SAMPLE, 1))
    firsts = first_rows[ids[some]]
    if not _same(array.take(pa.array(some)), array.take(pa.array(firsts))):
        return False
    return _all_same(array, first_rows[ids].astype(np.int32))


def _same(left: pa.Array, right: pa.Array) -> bool:
    if is_text(left.type):
        return bool(left.equals(right))
    return bool(np.array_equal(left.is_valid(), right.is_valid())) and all(
        np.array_equal(*words) for words in zip(key_words(left), key_words(right), strict=True)
    )


def _all_same(array: pa.Array, firsts: np.ndarray) -> bool:
    valid = valid_bytes(array)
    if len(valid) and not np.array_equal(valid, valid[firsts]):
        return False
    if not is_text(array.type):
        return all(np.array_equal(words, words[firsts]) for words in key_words(array))
    # Only what may differ is compared: rows with a value that are not the first of their group.
    compared = np.where(firsts == np.arange(len(firsts), dtype=np.int32), np.int32(-1), firsts)
    if len(valid):
        compared[valid == 0] = -1
    asked = int(np.count_nonzero(compared >= 0))
    parts = text_parts(array)
    return keep_same(*parts, *parts, compared) == asked

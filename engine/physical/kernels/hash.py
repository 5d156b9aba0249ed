"""A 64-bit hash of a row's values, the same in every process and for every way to carry a value.

It depends on what a value is, not on how it lies in memory: a text in a dictionary or plain, an
integer of any width, a double that is a whole number and that integer, -0.0 and 0.0, every NaN.
Values of types that are compared after a promotion (decimals of other scales, timestamps of other
units) are cast to the common type before they come here.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from .hash_loops import hash_behind, hash_integers
from .key_columns import KeyColumn, key_column, text_parts, valid_bytes
from .text_loops import hash_texts, mix
from .words import (
    as_bytes,
    decimal_words,
    dictionary_parts,
    integers,
    is_number64,
    is_text,
    storage,
    unsupported,
    validity,
)

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_NULL = np.uint64(0x6A09E667F3BCC909)
_TWO_63 = 2.0**63


def hash_text(array: pa.Array, seed: int = 0) -> np.ndarray:
    """Return a uint64 hash of each string or binary; what it gives under nulls means nothing."""
    offsets, data = text_parts(as_bytes(array))
    hashes = np.empty(len(offsets) - 1, np.uint64)
    if len(hashes):
        longest = int(np.diff(offsets).max())
        places = np.arange(max((longest + 7) >> 3, 1), dtype=np.uint64)
        salts = mix((places + np.uint64(seed)) * _GOLDEN + _GOLDEN)
        hash_texts(offsets, data, salts, hashes)
    return hashes


def hash_values(array: pa.Array) -> np.ndarray:
    """Return a uint64 hash of each value of one column.

    Raises
    ------
    TypeMismatch
        If the values are nested.
    """
    if isinstance(array, pa.DictionaryArray):
        codes, values = dictionary_parts(array)
        # The code of a null row is -1, which is the last place.
        return np.append(hash_values(values), _NULL)[codes]
    if is_text(array.type):
        hashed = hash_text(array)
    elif is_number64(array.type):
        column = _comparable(array)
        hashed = np.empty(len(array), np.uint64)
        hash_integers(column.values, column.valid, hashed)
        return hashed
    elif pa.types.is_decimal(array.type):
        low, high = decimal_words(array)
        narrow = high == low.view(np.int64) >> np.int64(63)
        spread = np.where(narrow, np.uint64(0), mix(high.view(np.uint64)))
        hashed = mix((low ^ spread) + _GOLDEN)
    else:
        raise unsupported(array.type)
    valid = validity(array)
    return hashed if valid is None else np.where(valid, hashed, _NULL)


def _comparable(array: pa.Array) -> KeyColumn:
    """Return integers that are equal for equal numbers, be they integers or floating."""
    if array.type == pa.uint64():
        return KeyColumn(values=storage(array).view(np.int64), valid=valid_bytes(array))
    if not pa.types.is_floating(array.type):
        return key_column(array)
    doubles = storage(array).astype(np.float64)
    whole = (np.trunc(doubles) == doubles) & (np.abs(doubles) < _TWO_63)
    as_integers = np.where(whole, doubles, 0.0).astype(np.int64)
    return KeyColumn(values=np.where(whole, as_integers, integers(array)), valid=valid_bytes(array))


def hash_rows(columns: Sequence[pa.Array]) -> np.ndarray:
    """Return one uint64 hash for each row of `columns`, of which there is at least one."""
    hashed = hash_values(columns[0])
    for column in columns[1:]:
        hash_behind(hash_values(column), hashed)
    return hashed

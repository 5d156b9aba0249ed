"""Key columns as the compiled loops read them: flat integers, and where a row has a key at all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from ...schema import decoded
from .words import integers, is_number64, key_words

NO_NULLS = np.zeros(0, np.uint8)
"""What stands for the validity of a column in which all values are there."""

_AS_STORED: dict[int, np.dtype[Any]] = {
    pa.int32().id: np.dtype(np.int32),
    pa.date32().id: np.dtype(np.int32),
    pa.time32("s").id: np.dtype(np.int32),
    pa.int64().id: np.dtype(np.int64),
    pa.date64().id: np.dtype(np.int64),
    pa.time64("us").id: np.dtype(np.int64),
    pa.timestamp("us").id: np.dtype(np.int64),
    pa.duration("us").id: np.dtype(np.int64),
}
"""Types whose keys are the integers that lie in the buffer."""


@dataclass(frozen=True, kw_only=True)
class KeyColumn:
    """A column of keys that are compared as integers."""

    values: np.ndarray
    """int32 or int64; what lies under a null means nothing."""

    valid: np.ndarray
    """uint8, one for each row, 0 where it is null; `NO_NULLS` where none is."""


def key_column(array: pa.Array) -> KeyColumn:
    """Return a column of one of the types of `is_number64`, without a copy where that can be."""
    array = decoded(array)
    stored = _AS_STORED.get(array.type.id)
    if stored is None:
        return KeyColumn(values=integers(array), valid=valid_bytes(array))
    buffer = array.buffers()[1]
    if buffer is None or len(array) == 0:
        values = np.zeros(len(array), stored)
    else:
        values = np.frombuffer(
            buffer, stored, count=len(array), offset=array.offset * stored.itemsize
        )
    return KeyColumn(values=values, valid=valid_bytes(array))


def key_columns_of(array: pa.Array) -> list[KeyColumn]:
    """Return the columns that a column of any type but text is compared by: one, or two."""
    plain = decoded(array)
    if is_number64(plain.type):
        return [key_column(plain)]
    valid = valid_bytes(plain)
    return [KeyColumn(values=words, valid=valid) for words in key_words(plain)]


def valid_bytes(array: pa.Array) -> np.ndarray:
    """Return 1 for each value that is not null, 0 else; `NO_NULLS` where no value is null."""
    if array.null_count == 0:
        return NO_NULLS
    return np.asarray(array.is_valid()).view(np.uint8)


def all_valid(keys: Sequence[pa.Array]) -> np.ndarray:
    """Return 1 for each row without a null among its keys; `NO_NULLS` where all are."""
    valid = NO_NULLS
    for key in keys:
        own = valid_bytes(decoded(key) if _may_hide_null(key) else key)
        if len(own):
            valid = valid & own if len(valid) else own
    return valid


def _may_hide_null(key: pa.Array) -> bool:
    return isinstance(key, pa.DictionaryArray) and key.dictionary.null_count > 0


def key_range(column: KeyColumn) -> tuple[int, int] | None:
    """Return the least and the greatest key; None where there is none."""
    values = column.values[column.valid.view(np.bool_)] if len(column.valid) else column.values
    if len(values) == 0:
        return None
    return int(values.min()), int(values.max())


def text_parts(array: pa.Array) -> tuple[np.ndarray, np.ndarray]:
    """Return where each text begins and the last one ends, int64, and the bytes they lie in.

    Takes what `as_bytes` gives.
    """
    _, offset_buffer, data = array.buffers()
    if offset_buffer is None or len(array) == 0:
        return np.zeros(1, np.int64), np.zeros(0, np.uint8)
    offsets = np.frombuffer(offset_buffer, np.int64, len(array) + 1, 8 * array.offset)
    if data is None or data.size == 0:
        return offsets, np.zeros(0, np.uint8)
    return offsets, np.frombuffer(data, np.uint8)

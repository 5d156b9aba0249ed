"""Arrow arrays of numbers and booleans as numpy sees them: without a copy, one byte for a boolean.

Numpy compares 123,000 doubles in 8 us and joins two masks in 2 us; Arrow takes 30 us for the
comparison, as it packs the result into bits, and 50 to 80 us to pack or unpack them by its casts.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

_PLAIN = (
    *(pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.uint8(), pa.uint16(), pa.uint32()),
    *(pa.uint64(), pa.float32(), pa.float64()),
)
_STORAGE = {dtype.id: np.dtype(dtype.to_pandas_dtype()) for dtype in _PLAIN} | {
    pa.date32().id: np.dtype(np.int32),
    pa.date64().id: np.dtype(np.int64),
    pa.time32("s").id: np.dtype(np.int32),
    pa.time64("us").id: np.dtype(np.int64),
    pa.timestamp("us").id: np.dtype(np.int64),
    pa.duration("us").id: np.dtype(np.int64),
}
"""Types whose values lie one behind another as machine numbers of the same order."""

_WIDE = np.dtype("V16")
"""What a decimal128 is to whoever only moves it."""

DIGITS_OF_WORD = 18
"""A decimal128 of so many digits is told by its lower 64 bits alone."""


def is_flat(dtype: pa.DataType) -> bool:
    """Return whether `numbers` takes a type."""
    if pa.types.is_decimal128(dtype):
        return dtype.precision <= DIGITS_OF_WORD
    return dtype.id in _STORAGE


def numbers(array: pa.Array) -> np.ndarray:
    """Return the values of an array of a flat type as machine numbers of the same order.

    Read-only, and anything at all where the array is null. Decimals give every second word of
    theirs: a strided view.
    """
    rows, buffer = len(array), array.buffers()[1]
    if pa.types.is_decimal128(array.type):
        if buffer is None or not rows:
            return np.zeros(rows, np.int64)
        return np.frombuffer(buffer, np.int64, 2 * rows, 16 * array.offset)[::2]
    kind = _STORAGE[array.type.id]
    if buffer is None or not rows:
        return np.zeros(rows, kind)
    return np.frombuffer(buffer, kind, rows, kind.itemsize * array.offset)


def valid_rows(array: pa.Array) -> np.ndarray | None:
    """Return True for each row that is not null; None where no row is null."""
    if not array.null_count:
        return None
    buffer = array.buffers()[0]
    if buffer is None:
        # Of Arrow's null type, whose rows are all null.
        return np.zeros(len(array), np.bool_)
    return _unpacked(buffer, array.offset, len(array))


def true_rows(array: pa.BooleanArray) -> np.ndarray:
    """Return True for each row that is true: not for those that are false or null."""
    rows, buffer = len(array), array.buffers()[1]
    if buffer is None or not rows:
        return np.zeros(rows, np.bool_)
    values = _unpacked(buffer, array.offset, rows)
    valid = valid_rows(array)
    return values if valid is None else np.logical_and(values, valid, out=values)


def _unpacked(buffer: pa.Buffer, offset: int, rows: int) -> np.ndarray:
    first = offset // 8
    packed = np.frombuffer(buffer, np.uint8, (offset + rows + 7) // 8 - first, first)
    bits = np.unpackbits(packed, bitorder="little")
    return bits[offset - 8 * first :][:rows].view(np.bool_)


def boolean_array(values: np.ndarray) -> pa.BooleanArray:
    """Return a boolean for each of numpy's, none of them null."""
    packed = np.packbits(values, bitorder="little")
    return pa.Array.from_buffers(pa.bool_(), len(values), [None, pa.py_buffer(packed)])


def fixed_values(array: pa.Array) -> np.ndarray | None:
    """Return the values of an array of fixed width, as they lie in memory, for `with_values`.

    Of a dictionary these are the codes. None where values have no fixed width, or some are null.
    """
    if array.null_count:
        return None
    dtype = array.type
    if isinstance(array, pa.DictionaryArray):
        if array.dictionary.null_count:
            return None
        dtype = dtype.index_type
    if pa.types.is_decimal128(dtype):
        kind = _WIDE
    elif dtype.id in _STORAGE:
        kind = _STORAGE[dtype.id]
    else:
        return None
    buffer = array.buffers()[1]
    if buffer is None:
        return None
    return np.frombuffer(buffer, kind, len(array), kind.itemsize * array.offset)


def with_values(array: pa.Array, values: np.ndarray) -> pa.Array:
    """Return an array like `array` with values that numpy took of its `fixed_values`."""
    buffers = [None, pa.py_buffer(values)]
    if isinstance(array, pa.DictionaryArray):
        indices = pa.Array.from_buffers(array.type.index_type, len(values), buffers)
        return pa.DictionaryArray.from_arrays(
            indices, array.dictionary, ordered=array.type.ordered, safe=False
        )
    return pa.Array.from_buffers(array.type, len(values), buffers)

"""Arrow values as 64-bit machine integers: the common form in which keys are compared.

Two values of one type are equal as keys exactly if their integers are equal, and smaller exactly if
their integers are smaller. NaN is one value, above all numbers; -0.0 is 0.0. What lies under a null
is 0, so that garbage there never matters.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ...errors import TypeMismatch

_STORAGE = {
    pa.date32().id: pa.int32(),
    pa.date64().id: pa.int64(),
    pa.time32("s").id: pa.int32(),
    pa.time64("us").id: pa.int64(),
    pa.timestamp("us").id: pa.int64(),
    pa.duration("us").id: pa.int64(),
}
"""Types that are integers under another name."""

_DECIMALS = tuple(
    dtype.id for dtype in (pa.decimal32(1), pa.decimal64(1), pa.decimal128(1), pa.decimal256(1))
)
_TEXTS = {
    pa.string().id: pa.large_string(),
    pa.large_string().id: pa.large_string(),
    pa.string_view().id: pa.large_string(),
    pa.binary().id: pa.large_binary(),
    pa.large_binary().id: pa.large_binary(),
    pa.binary_view().id: pa.large_binary(),
    pa.binary(1).id: pa.large_binary(),
}
"""Types of variable length, and the one form their bytes are read in."""

_SIGN = np.int64(np.iinfo(np.int64).min)
_BELOW_SIGN = np.int64(np.iinfo(np.int64).max)
INT64_DIGITS = 18
"""Decimals of so many digits fit into 64 bits."""


def is_text(dtype: pa.DataType) -> bool:
    """Return whether values are bytes of variable length: strings and binaries."""
    return dtype.id in _TEXTS


def is_number64(dtype: pa.DataType) -> bool:
    """Return whether `integers` takes a type: all flat ones but text and wide decimals."""
    if dtype.id in _DECIMALS:
        return dtype.precision <= INT64_DIGITS
    flat = pa.types.is_primitive(dtype) or pa.types.is_boolean(dtype) or pa.types.is_null(dtype)
    return flat and dtype != pa.month_day_nano_interval()


def unsupported(dtype: pa.DataType) -> TypeMismatch:
    """Return (not raise) the error for a type that cannot be a key."""
    return TypeMismatch(
        f"Values of type {dtype} cannot be compared as keys. Take the parts of it that count as"
        " columns of their own, as in .struct.field('name')."
    )


def validity(array: pa.Array) -> np.ndarray | None:
    """Return True for each value that is not null; None where no value is null."""
    if array.null_count == 0:
        return None
    return np.asarray(array.is_valid())


def storage(array: pa.Array) -> np.ndarray:
    """Return the numbers of an array of a primitive type as they lie in memory, 0 under nulls."""
    dtype = array.type
    if pa.types.is_null(dtype):
        return np.zeros(len(array), dtype=np.int64)
    if pa.types.is_boolean(dtype):
        return np.asarray(array.fill_null(False)).view(np.uint8)
    stored = _STORAGE.get(dtype.id, dtype)
    buffer = array.buffers()[1]
    kind = np.dtype(stored.to_pandas_dtype())
    if buffer is None or len(array) == 0:
        return np.zeros(len(array), dtype=kind)
    values = np.frombuffer(buffer, dtype=kind, count=array.offset + len(array))[array.offset :]
    valid = validity(array)
    return values if valid is None else np.where(valid, values, kind.type(0))


def integers(array: pa.Array) -> np.ndarray:
    """Return int64 that compare as the values do, 0 under nulls.

    Cost: one to three passes. Takes the types of `is_number64`.
    """
    dtype = array.type
    if dtype.id in _DECIMALS:
        return decimal_words(array)[0].view(np.int64)
    values = storage(array)
    if values.dtype.kind == "f":
        return _ordered_floats(values)
    if values.dtype == np.uint64:
        # Unsigned order becomes signed order when the sign bit is flipped.
        return values.view(np.int64) ^ _SIGN
    return values.astype(np.int64, copy=False)


def _ordered_floats(values: np.ndarray) -> np.ndarray:
    """Map doubles to integers of the same order: flip what is below the sign of negative ones."""
    # Adding 0.0 turns -0.0 into 0.0 and changes nothing else.
    bits = (values.astype(np.float64) + 0.0).view(np.int64)
    bits = np.where(bits < 0, bits ^ _BELOW_SIGN, bits)
    missing = np.isnan(values)
    if missing.any():
        bits[missing] = np.float64(np.nan).view(np.int64) & _BELOW_SIGN
    return bits


def decimal_words(array: pa.Array) -> tuple[np.ndarray, np.ndarray]:
    """Return the low (unsigned) and the high (signed) 64 bits of decimals, 0 under nulls."""
    pairs = decimal_pairs(array).reshape(-1, 2)
    return np.ascontiguousarray(pairs[:, 0]).view(np.uint64), np.ascontiguousarray(pairs[:, 1])


def decimal_pairs(array: pa.Array) -> np.ndarray:
    """Return the words of decimals as Arrow holds them, int64: low, high, low, high, and so on.

    Both are 0 under nulls; without nulls nothing is copied.
    """
    if array.type.id not in (_DECIMALS[2],):
        array = pc.cast(array, pa.decimal128(min(array.type.precision, 38), array.type.scale))
    buffer = array.buffers()[1]
    if buffer is None or len(array) == 0:
        return np.zeros(2 * len(array), np.int64)
    pairs = np.frombuffer(buffer, dtype=np.int64, count=2 * (array.offset + len(array)))
    pairs = pairs[2 * array.offset :]
    valid = validity(array)
    return pairs if valid is None else np.where(np.repeat(valid, 2), pairs, np.int64(0))


def decimals_of(
    low: np.ndarray, high: np.ndarray, dtype: pa.DataType, valid: np.ndarray | None = None
) -> pa.Array:
    """Return the decimal128 array of the words that `decimal_words` gives."""
    pairs = np.empty((len(low), 2), dtype=np.int64)
    pairs[:, 0] = low.view(np.int64)
    pairs[:, 1] = high
    bitmap = None if valid is None else pa.array(valid).buffers()[1]
    return pa.Array.from_buffers(dtype, len(low), [bitmap, pa.py_buffer(pairs)])


def key_words(array: pa.Array) -> list[np.ndarray]:
    """Return the int64 columns, most significant first, that together compare as the values do.

    Takes the types of `is_number64` (one column) and wide decimals (two).

    Raises
    ------
    TypeMismatch
        If the type is not one of these.
    """
    if is_number64(array.type):
        return [integers(array)]
    if array.type.id in _DECIMALS:
        low, high = decimal_words(array)
        return [high, low.view(np.int64) ^ _SIGN]
    raise unsupported(array.type)


def of_integers(values: np.ndarray, valid: np.ndarray | None, dtype: pa.DataType) -> pa.Array:
    """Return the values of a type that `integers` turned into `values`; not for floats."""
    if dtype.id in _DECIMALS:
        wide = pa.decimal128(dtype.precision, dtype.scale)
        made = decimals_of(values.view(np.uint64), values >> np.int64(63), wide, valid)
        return made if wide == dtype else pc.cast(made, dtype)
    if pa.types.is_null(dtype):
        return pa.nulls(len(values))
    mask = None if valid is None else ~valid
    if dtype == pa.uint64():
        return pa.array((values ^ _SIGN).view(np.uint64), mask=mask)
    if pa.types.is_boolean(dtype):
        return pa.array(values.astype(np.bool_), mask=mask)
    stored = _STORAGE.get(dtype.id, dtype)
    made = pa.array(values.astype(stored.to_pandas_dtype()), mask=mask, type=stored)
    return made if stored == dtype else made.view(dtype)


def dictionary_parts(array: pa.DictionaryArray) -> tuple[np.ndarray, pa.Array]:
    """Return int64 codes, -1 for a null row, and the values they stand for.

    Where the dictionary is larger than the array, only the values that occur are returned, so that
    what is computed of them is never more than what would be computed of the rows.
    """
    codes = storage(array.indices).astype(np.int64)
    if array.indices.null_count:
        codes = np.where(np.asarray(array.indices.is_valid()), codes, -1)
    if len(array.dictionary) <= len(array):
        return codes, array.dictionary
    present = codes[codes >= 0]
    used, places = np.unique(present, return_inverse=True)
    codes[codes >= 0] = places
    return codes, array.dictionary.take(pa.array(used))


def as_bytes(array: pa.Array) -> pa.Array:
    """Return text in the one form its bytes are read in: with 64-bit offsets.

    Raises
    ------
    TypeMismatch
        If the values are not text.
    """
    target = _TEXTS.get(array.type.id)
    if target is None:
        raise unsupported(array.type)
    return array if array.type == target else pc.cast(array, target)

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


def mix(values: np.ndarray) -> np.ndarray:
    """Return uint64 with every bit of the input spread over all bits.

    The finalizer of splitmix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number
    Generators, 2014). Cost: eight passes, 2 ms for a million.
    """
    mixed = values.astype(np.uint64)
    mixed ^= mixed >> np.uint64(30)
    mixed *= np.uint64(0xBF58476D1CE4E5B9)
    mixed ^= mixed >> np.uint64(27)
    mixed *= np.uint64(0x94D049BB133111EB)
    mixed ^= mixed >> np.uint64(31)
    return mixed


def hash_text(array: pa.Array, seed: int = 0) -> np.ndarray:
    """Return a uint64 hash of each string or binary; what it gives under nulls means nothing.

    A text is read as words of 8 bytes. Each word is mixed together with its position, and the
    mixed words of a text are added: all words of all texts at once. Cost: about 20 ns a word.
    """
    array = as_bytes(array)
    if len(array) == 0:
        return np.zeros(0, np.uint64)
    _, offset_buffer, data = array.buffers()
    offsets = np.frombuffer(offset_buffer, np.int64, count=array.offset + len(array) + 1)
    offsets = offsets[array.offset :]
    first, last = int(offsets[0]), int(offsets[-1])
    # Seven bytes behind the end, so that the last text can be read by words as well.
    padded = np.zeros(last - first + 8, np.uint8)
    if last > first:
        padded[:-8] = np.frombuffer(data, np.uint8, count=last)[first:]
    words = np.ndarray(shape=(last - first + 1,), dtype="<u8", buffer=padded, strides=(1,))

    lengths = np.diff(offsets)
    counts = np.maximum((lengths + 7) >> 3, 1)
    ends = np.cumsum(counts)
    starts = ends - counts
    place = np.arange(int(ends[-1])) - np.repeat(starts, counts)
    taken = words[np.repeat(offsets[:-1] - first, counts) + 8 * place]
    left = np.clip(np.repeat(lengths, counts) - 8 * place, 0, 8)
    beyond = (np.uint64(8) - left.astype(np.uint64)) * np.uint64(8)
    # A shift by all 64 bits is undefined: the empty text has no word.
    taken = np.where(left == 0, np.uint64(0), (taken << (beyond & np.uint64(63))))
    salted = taken ^ mix((place.astype(np.uint64) + np.uint64(seed)) * _GOLDEN + _GOLDEN)
    sums = np.add.reduceat(mix(salted), starts)
    return mix(sums ^ (lengths.astype(np.uint64) * _GOLDEN))


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
        hashed = mix(_comparable(array) + _GOLDEN)
    elif pa.types.is_decimal(array.type):
        low, high = decimal_words(array)
        narrow = high == low.view(np.int64) >> np.int64(63)
        spread = np.where(narrow, np.uint64(0), mix(high.view(np.uint64)))
        hashed = mix((low ^ spread) + _GOLDEN)
    else:
        raise unsupported(array.type)
    valid = validity(array)
    return hashed if valid is None else np.where(valid, hashed, _NULL)


def _comparable(array: pa.Array) -> np.ndarray:
    """Return uint64 that are equal for equal numbers, be they integers or floating."""
    values = storage(array) if pa.types.is_integer(array.type) else integers(array)
    if not pa.types.is_floating(array.type):
        return (
            values.astype(np.int64).view(np.uint64)
            if values.dtype.kind == "i"
            else (values.astype(np.uint64))
        )
    doubles = storage(array).astype(np.float64)
    whole = (np.trunc(doubles) == doubles) & (np.abs(doubles) < _TWO_63)
    as_integers = np.where(whole, doubles, 0.0).astype(np.int64)
    return np.where(whole, as_integers, values).view(np.uint64)


def hash_rows(columns: Sequence[pa.Array]) -> np.ndarray:
    """Return one uint64 hash for each row of `columns`, of which there is at least one."""
    hashed = hash_values(columns[0])
    for column in columns[1:]:
        # Multiplied before the next is added, so that (a, b) and (b, a) differ.
        hashed = mix(hashed * _GOLDEN + hash_values(column))
    return hashed

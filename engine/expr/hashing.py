"""``hash``: 64 bits of each value, the same in every process and every version.

Unlike the hash by which rows are dealt out to partitions, this one is a promise to users, who may
keep what it gives: it never changes.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .binary import bytes_of
from .function import FLAT, Example, Function, Parameter, Value, is_binary, is_text

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_NULL = np.uint64(0x6A09E667F3BCC909)


def _mix(values: np.ndarray) -> np.ndarray:
    """Return uint64 with every bit of the input spread over all bits.

    The finalizer of splitmix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number
    Generators, 2014).
    """
    mixed = values.astype(np.uint64)
    mixed ^= mixed >> np.uint64(30)
    mixed *= np.uint64(0xBF58476D1CE4E5B9)
    mixed ^= mixed >> np.uint64(27)
    mixed *= np.uint64(0x94D049BB133111EB)
    mixed ^= mixed >> np.uint64(31)
    return mixed


def _hash(value: Value, seed: int) -> Value:
    salt = _mix(np.array([seed & (2**64 - 1)], np.uint64) + _GOLDEN)[0]
    if is_text(value.type) or is_binary(value.type):
        hashed = _mix(_of_bytes(value) ^ salt)
    else:
        hashed = _mix((_bits(value) + _GOLDEN) ^ salt)
    if value.null_count:
        hashed = np.where(np.asarray(value.is_null()), _mix(np.array([_NULL ^ salt]))[0], hashed)
    return pa.array(hashed)


def _bits(value: pa.Array) -> np.ndarray:
    """Return 64 bits that are equal for equal values of a type."""
    dtype = value.type
    if pa.types.is_null(dtype):
        return np.zeros(len(value), np.uint64)
    if pa.types.is_decimal(dtype):
        return _of_bytes(pc.cast(value, pa.string()))
    if pa.types.is_floating(dtype):
        plain = pc.fill_null(value, 0.0).to_numpy(zero_copy_only=False).astype(np.float64) + 0.0
        # One NaN of all there are.
        plain[np.isnan(plain)] = np.nan
        return plain.view(np.uint64)
    if pa.types.is_boolean(dtype):
        value = value.cast(pa.uint8())
    elif not pa.types.is_integer(dtype):
        value = value.cast(pa.int32() if dtype.bit_width == 32 else pa.int64())
    plain = pc.fill_null(value, 0).to_numpy(zero_copy_only=False)
    return plain.astype(np.int64 if plain.dtype.kind == "i" else np.uint64).view(np.uint64)


def _of_bytes(value: pa.Array) -> np.ndarray:
    """Return a hash of the bytes of each value: its words, mixed with their place and added."""
    data, offsets = bytes_of(value)
    padded = np.zeros(len(data) + 8, np.uint8)
    padded[: len(data)] = data
    words = np.ndarray(shape=(len(data) + 1,), dtype="<u8", buffer=padded, strides=(1,))
    lengths = np.diff(offsets)
    counts = np.maximum((lengths + 7) >> 3, 1)
    starts = np.cumsum(counts) - counts
    if not len(counts):
        return np.zeros(0, np.uint64)
    place = np.arange(int(counts.sum())) - np.repeat(starts, counts)
    left = np.clip(np.repeat(lengths, counts) - 8 * place, 0, 8)
    taken = words[np.minimum(np.repeat(offsets[:-1], counts) + 8 * place, len(data))]
    beyond = (np.uint64(8) - left.astype(np.uint64)) * np.uint64(8)
    # A shift by all 64 bits is undefined: the empty text has no word.
    taken = np.where(left == 0, np.uint64(0), taken << (beyond & np.uint64(63)))
    salted = taken ^ _mix((place.astype(np.uint64) + np.uint64(1)) * _GOLDEN)
    sums = np.add.reduceat(_mix(salted), starts)
    return _mix(sums ^ (lengths.astype(np.uint64) * _GOLDEN))


HASHING = (
    Function(
        name="hash",
        kernel=_hash,
        accepts=(FLAT,),
        parameters=(Parameter(name="seed", default=0, types=(int,)),),
        doc="""Return 64 bits made of the value, as ``uint64``.

        They are the same for equal values of a type, in every run, on every machine and in every
        version; NaN equals NaN, -0.0 equals 0.0, and null has a hash too.""",
        example=Example(
            code="pt.col('a').hash()",
            data={"a": ["x", "y", "x", None]},
            gives=[
                4102819632020126512,
                8826680794223790962,
                4102819632020126512,
                1565415834824797037,
            ],
        ),
    ),
)
"""The hash of a value."""

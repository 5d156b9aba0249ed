"""Integers of 128 bits: values as two words, and sums of limbs brought back to decimals."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from ...errors import ComputeError
from .words import decimal_words, decimals_of, storage

_LIMB = np.int64(0xFFFFFFFF)
_TEN_38 = divmod(10**38, 2**64)


def two_words(array: pa.Array) -> tuple[np.ndarray, np.ndarray | None]:
    """Return values as 128 bits; the high word is None where all values fit into 64 bits."""
    if pa.types.is_decimal(array.type):
        low, high = decimal_words(array)
        fits = array.type.precision <= 18 or bool((high == low.view(np.int64) >> 63).all())
        return low, None if fits else high
    values = storage(array)
    if values.dtype == np.uint64:
        large = len(values) > 0 and int(values.max()) >= 2**63
        return values, np.zeros(len(values), np.int64) if large else None
    return values.astype(np.int64).view(np.uint64), None


def from_limbs(limbs: list[np.ndarray], result: pa.DataType) -> pa.Array:
    """Carry from limb to limb, the last of which has the sign, and return the decimals."""
    carried: list[np.ndarray] = []
    carry = np.zeros(len(limbs[0]), np.int64)
    for limb in limbs:
        summed = limb + carry
        carried.append(summed & _LIMB)
        carry = summed >> np.int64(32)
    while len(carried) < 4:
        carried.append(carry & _LIMB)
        carry = carry >> np.int64(32)
    low = carried[0].view(np.uint64) | (carried[1].view(np.uint64) << np.uint64(32))
    high = carried[2] | (carried[3] << np.int64(32))
    return of_three_words(low, high, carry, result)


def of_three_words(
    low: np.ndarray, high: np.ndarray, top: np.ndarray, result: pa.DataType
) -> pa.Array:
    """Return the decimals of sums of 192 bits.

    Raises
    ------
    ComputeError
        If one has more than 38 digits.
    """
    # What is above 128 bits must be their mere sign.
    wrapped = top != high >> np.int64(63)
    if wrapped.any() or _beyond_38_digits(low, high).any():
        raise ComputeError(
            "the sum has more than 38 digits, which no decimal holds. Cast to double to sum"
            " approximately."
        )
    return decimals_of(low, high, result)


def _beyond_38_digits(low: np.ndarray, high: np.ndarray) -> np.ndarray:
    top, rest = np.int64(_TEN_38[0]), np.uint64(_TEN_38[1])
    negative = high < 0
    # The complement of a negative number is its magnitude less one.
    low, high = np.where(negative, ~low, low), np.where(negative, ~high, high)
    limit = np.where(negative, rest - np.uint64(1), rest)
    return (high > top) | ((high == top) & (low >= limit))

"""A compiled loop that makes numbers of texts of one length."""

from __future__ import annotations

import numpy as np

from .jit import kernel


def _pack_texts_numpy(
    offsets: np.ndarray, data: np.ndarray, lows: np.ndarray, sizes: np.ndarray, out: np.ndarray
) -> None:
    rows = np.flatnonzero(np.diff(offsets) == len(lows))
    starts = offsets[rows]
    numbers, inside = np.zeros(len(rows), np.int64), np.ones(len(rows), np.bool_)
    for place, (low, size) in enumerate(zip(lows.tolist(), sizes.tolist(), strict=True)):
        digits = data[starts + place].astype(np.int64) - low
        inside &= (digits >= 0) & (digits < size)
        numbers = numbers * size + digits
    out[:] = -1
    out[rows] = np.where(inside, numbers, -1)


@kernel("in i8, in u1, in i8, in i8, out i8", instead=_pack_texts_numpy)
def pack_texts(
    offsets: np.ndarray, data: np.ndarray, lows: np.ndarray, sizes: np.ndarray, out: np.ndarray
) -> None:
    """Put the number of each text into `out`, -1 where one has another length or other bytes.

    The byte at a position is a digit: its distance from the least one there, below the size there.
    Cost: 8 ns for a text of 9 bytes; 60 ns not compiled.
    """
    length = len(lows)
    for row in range(len(out)):
        start = offsets[row]
        if offsets[row + 1] - start != length:
            out[row] = -1
            continue
        number = np.int64(0)
        beyond = np.int64(0)
        for place in range(length):
            digit = np.int64(data[start + place]) - lows[place]
            # The sign of either is that of a digit which is not one of those there.
            beyond |= digit | (sizes[place] - 1 - digit)
            number = number * sizes[place] + digit
        out[row] = number if beyond >= 0 else np.int64(-1)

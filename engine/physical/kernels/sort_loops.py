"""Compiled loops of sorting: numbers and text as unsigned integers of the same order."""

from __future__ import annotations

import numpy as np

from .jit import kernel

_BELOW_SIGN = (1 << 63) - 1
_NAN = 0x7FF8000000000000
_ALIKE = 64
"""Places of texts that numpy compares for many texts at once."""


def _float_words_numpy(values: np.ndarray, words: np.ndarray) -> None:
    # Adding 0.0 turns -0.0 into 0.0 and changes nothing else.
    np.add(values, 0.0, out=words.view(np.float64))
    signs = words >> np.int64(63)
    signs &= np.int64(_BELOW_SIGN)
    words ^= signs
    missing = np.isnan(values)
    if missing.any():
        words[missing] = _NAN


@kernel("in f8, out i8", instead=_float_words_numpy)
def float_words(values: np.ndarray, words: np.ndarray) -> None:
    """Put for each double the integer of the same order into `words`.

    Method: the bits, of negative numbers turned over below the sign; NaN is one value above all,
    and -0.0 is 0.0. Cost: 1 ns a value, where numpy's six passes take 5.
    """
    bits = values.view(np.int64)
    for row in range(len(values)):
        value = values[row]
        if value != value:
            words[row] = _NAN
        elif value == 0.0:
            words[row] = 0
        elif bits[row] < 0:
            words[row] = bits[row] ^ _BELOW_SIGN
        else:
            words[row] = bits[row]


def _characters(
    data: np.ndarray,
    starts: np.ndarray,
    ends: np.ndarray,
    rows: np.ndarray,
    place: int,
) -> np.ndarray:
    """Return the byte at `place` of each text plus one, 0 where it ends before; int64."""
    at = starts[rows] + place
    inside = at < ends[rows]
    if len(data) == 0:
        return np.zeros(len(rows), np.int64)
    return np.where(inside, data[np.minimum(at, len(data) - 1)].astype(np.int64) + 1, 0)


def _text_bounds_numpy(
    data: np.ndarray,
    starts: np.ndarray,
    ends: np.ndarray,
    rows: np.ndarray,
    begin: int,
    low: np.ndarray,
    high: np.ndarray,
) -> None:
    for number in range(len(low)):
        found = _characters(data, starts, ends, rows, begin + number)
        low[number], high[number] = found.min(), found.max()


@kernel("in u1, in i8, in i8, in i8, i8, out i8, out i8", instead=_text_bounds_numpy)
def text_bounds(
    data: np.ndarray,
    starts: np.ndarray,
    ends: np.ndarray,
    rows: np.ndarray,
    begin: int,
    low: np.ndarray,
    high: np.ndarray,
) -> None:
    """Put the least and the greatest byte at each of ``len(low)`` places into `low` and `high`.

    A byte counts as itself plus one and the end of a text as 0; the first place is `begin`; there
    is at least one row. Cost: 1 ns a byte.
    """
    places = len(low)
    low[:] = 256
    high[:] = 0
    for number in range(len(rows)):
        row = rows[number]
        start = starts[row] + begin
        count = min(ends[row] - start, places)
        for place in range(count):
            value = np.int64(data[start + place]) + 1
            if value < low[place]:
                low[place] = value
            if value > high[place]:
                high[place] = value
        # Behind its end all are 0.
        if count < places:
            low[max(count, 0)] = 0
    ended = False
    for place in range(places):
        ended = ended or low[place] == 0
        if ended:
            low[place] = 0


def _text_words_numpy(
    data: np.ndarray,
    starts: np.ndarray,
    ends: np.ndarray,
    rows: np.ndarray,
    begin: int,
    low: np.ndarray,
    factors: np.ndarray,
    words: np.ndarray,
) -> None:
    words[:] = 0
    for number in range(len(low)):
        found = _characters(data, starts, ends, rows, begin + number) - low[number]
        words += found.view(np.uint64) * factors[number]


@kernel("in u1, in i8, in i8, in i8, i8, in i8, in u8, out u8", instead=_text_words_numpy)
def text_words(
    data: np.ndarray,
    starts: np.ndarray,
    ends: np.ndarray,
    rows: np.ndarray,
    begin: int,
    low: np.ndarray,
    factors: np.ndarray,
    words: np.ndarray,
) -> None:
    """Put the bytes at some places of each text, as digits of a number, into `words`.

    `low` is what counts as 0 at a place and `factors` what one more is worth. Cost: 1 ns a byte.
    """
    for number in range(len(rows)):
        row = rows[number]
        start = starts[row] + begin
        left = ends[row] - start
        word = np.uint64(0)
        for place in range(len(low)):
            value = np.int64(0)
            if place < left:
                value = np.int64(data[start + place]) + 1
            word += np.uint64(value - low[place]) * factors[place]
        words[number] = word


def _text_repeats_numpy(
    data: np.ndarray,
    starts: np.ndarray,
    ends: np.ndarray,
    rows: np.ndarray,
    begin: int,
    repeats: np.ndarray,
) -> None:
    lengths = np.maximum(ends - starts - begin, 0)[rows]
    open_rows = np.flatnonzero(lengths[1:] == lengths[:-1]) + 1
    repeats[:] = False
    place = begin
    while len(open_rows) and place < begin + _ALIKE:
        ended = lengths[open_rows] <= place - begin
        repeats[open_rows[ended]] = True
        open_rows = open_rows[~ended]
        here = _characters(data, starts, ends, rows[open_rows], place)
        before = _characters(data, starts, ends, rows[open_rows - 1], place)
        open_rows = open_rows[here == before]
        place += 1
    # What is alike so far and longer: a call a text, in place of one for each place of a text.
    for row in open_rows.tolist():
        end = lengths[row]
        one, other = (
            data[starts[at] + place : starts[at] + begin + end] for at in rows[row - 1 : row + 1]
        )
        repeats[row] = np.array_equal(one, other)


@kernel("in u1, in i8, in i8, in i8, i8, out b1", instead=_text_repeats_numpy)
def text_repeats(
    data: np.ndarray,
    starts: np.ndarray,
    ends: np.ndarray,
    rows: np.ndarray,
    begin: int,
    repeats: np.ndarray,
) -> None:
    """Tell of each of `rows` whether its text, from `begin` on, is that of the one before.

    Cost: 10 to 20 ns a row, which is the way to the bytes.
    """
    if len(rows) == 0:
        return
    repeats[0] = False
    for number in range(1, len(rows)):
        one = starts[rows[number - 1]] + begin
        other = starts[rows[number]] + begin
        left = max(ends[rows[number - 1]] - one, 0)
        same = left == max(ends[rows[number]] - other, 0)
        place = 0
        while same and place < left:
            same = data[one + place] == data[other + place]
            place += 1
        repeats[number] = same


def _text_shared_numpy(
    data: np.ndarray,
    starts: np.ndarray,
    ends: np.ndarray,
    rows: np.ndarray,
    begin: int,
    shared: np.ndarray,
) -> None:
    shared[:1] = 0
    for number in range(1, len(rows)):
        places = [(starts[row] + begin, ends[row]) for row in rows[number - 1 : number + 1]]
        length = max(min(end - start for start, end in places), 0)
        one, other = (data[start : start + length] for start, _ in places)
        differences = np.flatnonzero(one != other)
        shared[number] = differences[0] if len(differences) else length


@kernel("in u1, in i8, in i8, in i8, i8, out i8", instead=_text_shared_numpy)
def text_shared(
    data: np.ndarray,
    starts: np.ndarray,
    ends: np.ndarray,
    rows: np.ndarray,
    begin: int,
    shared: np.ndarray,
) -> None:
    """Count for each of `rows` the bytes, from `begin` on, that are those of the one before.

    Cost: 1 ns a byte that is alike.
    """
    if len(rows) == 0:
        return
    shared[0] = 0
    for number in range(1, len(rows)):
        one = starts[rows[number - 1]] + begin
        other = starts[rows[number]] + begin
        left = min(ends[rows[number - 1]] - one, ends[rows[number]] - other)
        place = 0
        while place < left and data[one + place] == data[other + place]:
            place += 1
        shared[number] = place

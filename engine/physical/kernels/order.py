"""Positions in order, by rounds of sorting machine words.

In a round the leading digits of the keys, as many as fit, are packed into a 64-bit word together
with the number of the row, and the words are sorted by value: numpy does that in 4 to 5 ns a row,
where it sorts positions by such words in 80 (stable) and by two words in 160. The row's number
makes it stable. Rows whose words do not differ go into the next round, with the digits that are
left: after the first round these are few, or equal in all digits, which one comparison finds out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from .sort_loops import text_bounds, text_repeats, text_shared, text_words

_WORD = 1 << 64
_PLACES = 16
"""Bytes of a text that are looked at for one word."""

_LONG = 256
"""Bytes of texts behind which it is looked how many are alike; less are soon done in rounds."""

_BYTE_VALUES = 257
"""What may be at one place of a text: a byte, or its end."""


class Digits(Protocol):
    """Unsigned numbers of the order of one key, or of what is left of it."""

    def lead(self, rows: np.ndarray | None, most: int) -> Lead | None:
        """Return leading digits of the given rows (None: of all) as a number below `most`.

        None if not even one digit is that small; with `most` of 257 or more there is one.
        """

    def repeats(self, rows: np.ndarray) -> np.ndarray:
        """Return of each row whether it is equal to the one before it."""

    def behind_shared(self, rows: np.ndarray, runs: np.ndarray) -> Digits:
        """Return the digits of `rows` without leading ones that all rows of a run share.

        `runs` tells of each row its run, which are numbered in order and have two rows or more.
        """


@dataclass(frozen=True, kw_only=True)
class Lead:
    """Numbers from 0 to `size` - 1, uint64, and what they do not tell."""

    values: np.ndarray
    size: int
    rest: Digits | None = None


@dataclass(frozen=True, kw_only=True)
class Numbers:
    """One digit a row, from 0 to `size` - 1: the low bits of uint64 where it is less than they."""

    values: np.ndarray
    size: int
    masked: bool = False
    """Whether the values have higher bits, which do not count."""

    def lead(self, rows: np.ndarray | None, most: int) -> Lead | None:
        """Return the high bits, all of them if they fit."""
        if self.size > most < 2:
            return None
        values = self._of(rows)
        if self.size <= most:
            return Lead(values=values, size=self.size)
        shift = (self.size - 1).bit_length() - most.bit_length() + 1
        rest = Numbers(values=self.values, size=1 << shift, masked=True)
        size = ((self.size - 1) >> shift) + 1
        return Lead(values=values >> np.uint64(shift), size=size, rest=rest)

    def repeats(self, rows: np.ndarray) -> np.ndarray:
        """Return of each row whether it is equal to the one before it."""
        values = self._of(rows)
        return np.append(False, values[1:] == values[:-1])

    def behind_shared(self, rows: np.ndarray, runs: np.ndarray) -> Numbers:
        """Return the same: there is only one digit, or two."""
        return self

    def _of(self, rows: np.ndarray | None) -> np.ndarray:
        values = self.values if rows is None else self.values[rows]
        return values & np.uint64(self.size - 1) if self.masked else values


@dataclass(frozen=True, kw_only=True)
class Texts:
    """Bytes of variable length, from one place on; each is a digit, and so is the end."""

    data: np.ndarray
    starts: np.ndarray
    ends: np.ndarray
    longest: int
    descending: bool
    begin: int = 0

    def lead(self, rows: np.ndarray | None, most: int) -> Lead | None:
        """Return as many bytes as fit, each as a digit of the values that occur at its place."""
        if most < _BYTE_VALUES:
            return None
        if rows is None:
            rows = np.arange(len(self.starts))
        places = min(_PLACES, self.longest - self.begin)
        low, high = np.empty(places, np.int64), np.empty(places, np.int64)
        text_bounds(self.data, self.starts, self.ends, rows, self.begin, low, high)
        size, used = 1, 0
        sizes = (high - low + 1).tolist()
        while used < places and size * sizes[used] <= most:
            size *= sizes[used]
            used += 1
        factors = np.ones(used, np.uint64)
        for place in range(used - 2, -1, -1):
            factors[place] = factors[place + 1] * np.uint64(sizes[place + 1])
        words = np.empty(len(rows), np.uint64)
        text_words(self.data, self.starts, self.ends, rows, self.begin, low[:used], factors, words)
        if self.descending:
            words = np.uint64(size - 1) - words
        return Lead(values=words, size=size, rest=self._behind(used))

    def _behind(self, used: int) -> Texts | None:
        begin = self.begin + used
        return None if begin >= self.longest else replace(self, begin=begin)

    def repeats(self, rows: np.ndarray) -> np.ndarray:
        """Return of each row whether what is left of it is equal to the one before it."""
        repeats = np.empty(len(rows), np.bool_)
        text_repeats(self.data, self.starts, self.ends, rows, self.begin, repeats)
        return repeats

    def behind_shared(self, rows: np.ndarray, runs: np.ndarray) -> Texts:
        """Return texts that begin later, if they are long.

        A round looks at 16 bytes of all that is left of a text, so that the rounds of texts of n
        bytes with the same beginning took n**2 / 16: 200 texts of 1,000 bytes 1.1 s without
        compiled loops, and 2,400 of a million minutes with them.
        """
        if self.longest - self.begin <= _LONG:
            return self
        shared = np.empty(len(rows), np.int64)
        text_shared(self.data, self.starts, self.ends, rows, self.begin, shared)
        firsts = np.flatnonzero(np.append(True, runs[1:] != runs[:-1]))
        # The first row of a run has nothing to do with the one before it.
        shared[firsts] = shared[firsts + 1]
        starts = self.starts.copy()
        starts[rows] += np.minimum.reduceat(shared, firsts)[runs]
        return replace(self, starts=starts)


def positions(keys: Sequence[Digits], rows: int, limit: int | None = None) -> np.ndarray:
    """Return the positions of `rows` rows in the order of their digits, stable; int64.

    With a `limit` between 1 and half of the rows, only rows that can be among so many first ones
    are given, and those in order.
    """
    if rows < 2 or not keys:
        return np.arange(rows)
    lead = _leads(keys, None, _WORD >> _bits(rows))
    kept: np.ndarray | None = None
    if limit is not None and 0 < limit < rows // 2:
        # Only what is not above the last wanted value can be in the result, and stays in order.
        last = np.partition(lead.values, limit - 1)[limit - 1]
        kept = np.flatnonzero(lead.values <= last)
    values = lead.values if kept is None else lead.values[kept]
    order, repeats = _sorted(values, bool(lead.rest))
    if kept is not None:
        order = kept[order]
    if repeats is not None:
        _settle(order, repeats, lead.rest)
    return order


@dataclass(frozen=True, kw_only=True)
class _Leads:
    """The numbers of one round, and what of the keys is left for the next."""

    values: np.ndarray
    size: int
    rest: tuple[Digits, ...]


def _bits(count: int) -> int:
    """Return how many bits tell numbers below `count` apart."""
    return max(count - 1, 1).bit_length()


def _leads(keys: Sequence[Digits], rows: np.ndarray | None, most: int) -> _Leads:
    """Return the leading digits of several keys as one number below `most`."""
    values: np.ndarray | None = None
    size = 1
    left = list(keys)
    while left:
        lead = left[0].lead(rows, most // size)
        if lead is None:
            break
        if values is None:
            values = lead.values
        elif lead.size > 1:
            values = values * np.uint64(lead.size) + lead.values
        size *= lead.size
        left.pop(0)
        if lead.rest is not None:
            left.insert(0, lead.rest)
    assert values is not None, "a word has room for a digit"
    return _Leads(values=values, size=size, rest=tuple(left))


def _sorted(values: np.ndarray, more: bool) -> tuple[np.ndarray, np.ndarray | None]:
    """Return the order of numbers that leave room for their places.

    With it comes, if there is `more` to tell them apart by and some are equal, of each in this
    order whether it is equal to the one before.
    """
    bits = np.uint64(_bits(len(values)))
    packed = values << bits
    packed |= np.arange(len(values), dtype=np.uint64)
    packed.sort()
    repeats = None
    if more:
        repeats = np.empty(len(packed), np.bool_)
        repeats[0] = False
        np.less((packed[1:] ^ packed[:-1]), np.uint64(1) << bits, out=repeats[1:])
        if not repeats.any():
            repeats = None
    packed &= (np.uint64(1) << bits) - np.uint64(1)
    return packed.view(np.int64), repeats


def _settle(order: np.ndarray, repeats: np.ndarray, keys: Sequence[Digits]) -> None:
    """Put rows that were equal so far in order, by what is left of the keys; in place."""
    while True:
        # The rows of runs of equal ones: those that repeat, and the first that is repeated.
        places = np.flatnonzero(repeats | np.append(repeats[1:], False))
        rows = order[places]
        same = repeats[places]
        different = same & ~_equal(keys, rows)
        if not different.any():
            return
        # Runs of rows that are equal in all that is left stay as they are.
        runs = np.cumsum(~same) - 1
        open_runs = np.zeros(int(runs[-1]) + 1, np.bool_)
        open_runs[runs[different]] = True
        chosen = open_runs[runs]
        places, rows, runs = places[chosen], rows[chosen], runs[chosen]
        runs = (np.cumsum(open_runs) - 1)[runs].view(np.uint64)
        count = int(runs[-1]) + 1
        keys = (keys[0].behind_shared(rows, runs), *keys[1:])
        lead = _leads(keys, rows, (_WORD >> _bits(len(rows))) // count)
        inner, again = _sorted(runs * np.uint64(lead.size) + lead.values, bool(lead.rest))
        order[places] = rows[inner]
        if again is None:
            return
        repeats = np.zeros(len(order), np.bool_)
        repeats[places] = again
        keys = lead.rest


def _equal(keys: Sequence[Digits], rows: np.ndarray) -> np.ndarray:
    """Return of each row whether it is equal to the one before it in all `keys`."""
    equal = keys[0].repeats(rows)
    for key in keys[1:]:
        if not equal.any():
            break
        equal &= key.repeats(rows)
    return equal

"""Compiled loops over texts: their hashes, and whether two are equal."""

from __future__ import annotations

import numpy as np

from .jit import kernel

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


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


def _hash_texts_numpy(
    offsets: np.ndarray, data: np.ndarray, salts: np.ndarray, out: np.ndarray
) -> None:
    first, last = int(offsets[0]), int(offsets[-1])
    # Seven bytes behind the end, so that the last text can be read by words as well.
    padded = np.zeros(last - first + 8, np.uint8)
    padded[:-8] = data[first:last]
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
    sums = np.add.reduceat(mix(taken ^ salts[place]), starts)
    out[:] = mix(sums ^ (lengths.astype(np.uint64) * _GOLDEN))


@kernel("in i8, in u1, in u8, out u8", instead=_hash_texts_numpy)
def hash_texts(offsets: np.ndarray, data: np.ndarray, salts: np.ndarray, out: np.ndarray) -> None:
    """Put a hash of each text, of which there is at least one, into `out`.

    A text is read as words of 8 bytes. Each is mixed together with the salt of its position, and
    the mixed words of a text are added. Cost: 3 ns a word; 20 ns not compiled.
    """
    for row in range(len(out)):
        place = offsets[row]
        length = offsets[row + 1] - place
        total = np.uint64(0)
        for number in range(max((length + 7) >> 3, 1)):
            left = length - 8 * number
            word = np.uint64(0)
            if left >= 8:
                word = (
                    np.uint64(data[place])
                    | np.uint64(data[place + 1]) << np.uint64(8)
                    | np.uint64(data[place + 2]) << np.uint64(16)
                    | np.uint64(data[place + 3]) << np.uint64(24)
                    | np.uint64(data[place + 4]) << np.uint64(32)
                    | np.uint64(data[place + 5]) << np.uint64(40)
                    | np.uint64(data[place + 6]) << np.uint64(48)
                    | np.uint64(data[place + 7]) << np.uint64(56)
                )
                place += 8
            else:
                # The bytes that there are, at the upper end.
                for each in range(left):
                    word |= np.uint64(data[place + each]) << np.uint64(8 * (8 - left + each))
            mixed = word ^ salts[number]
            mixed ^= mixed >> np.uint64(30)
            mixed *= np.uint64(0xBF58476D1CE4E5B9)
            mixed ^= mixed >> np.uint64(27)
            mixed *= np.uint64(0x94D049BB133111EB)
            mixed ^= mixed >> np.uint64(31)
            total += mixed
        total ^= np.uint64(length) * np.uint64(0x9E3779B97F4A7C15)
        total ^= total >> np.uint64(30)
        total *= np.uint64(0xBF58476D1CE4E5B9)
        total ^= total >> np.uint64(27)
        total *= np.uint64(0x94D049BB133111EB)
        total ^= total >> np.uint64(31)
        out[row] = total


def _keep_same_numpy(
    offsets: np.ndarray,
    data: np.ndarray,
    their_offsets: np.ndarray,
    their_data: np.ndarray,
    found: np.ndarray,
) -> int:
    rows = np.flatnonzero(found >= 0)
    theirs = found[rows]
    lengths = offsets[rows + 1] - offsets[rows]
    same = lengths == their_offsets[theirs + 1] - their_offsets[theirs]
    found[rows[~same]] = -1
    rows, theirs, lengths = rows[same], theirs[same], lengths[same]
    ends = np.cumsum(lengths)
    within = np.arange(int(ends[-1]) if len(ends) else 0) - np.repeat(ends - lengths, lengths)
    mine = data[np.repeat(offsets[rows], lengths) + within]
    other = their_data[np.repeat(their_offsets[theirs], lengths) + within]
    found[rows[np.repeat(np.arange(len(rows)), lengths)[mine != other]]] = -1
    return int(np.count_nonzero(found >= 0))


@kernel("in i8, in u1, in i8, in u1, out i4", instead=_keep_same_numpy)
def keep_same(
    offsets: np.ndarray,
    data: np.ndarray,
    their_offsets: np.ndarray,
    their_data: np.ndarray,
    found: np.ndarray,
) -> int:
    """Put -1 in place of each row found whose text is another; return how many are left.

    Three loops over blocks of rows, so that the memory where their texts lie is fetched for many
    rows at once: a million texts of 18 bytes among as many take 53 to 72 ms, 175 in one loop, and
    10 ms where theirs are in the cache.
    """
    places = np.empty(1024, np.int64)
    matched = 0
    for block in range(0, len(found), 1024):
        stop = min(block + 1024, len(found))
        for row in range(block, stop):
            theirs = found[row]
            number = theirs if theirs >= 0 else np.int32(0)
            start = their_offsets[number]
            length = offsets[row + 1] - offsets[row]
            same = theirs >= 0 and their_offsets[number + 1] - start == length
            places[row - block] = start if same else np.int64(-1)
        for row in range(block, stop):
            other = places[row - block]
            mine = offsets[row]
            if other >= 0 and offsets[row + 1] > mine and data[mine] != their_data[other]:
                places[row - block] = -1
        for row in range(block, stop):
            other = places[row - block]
            if other < 0:
                found[row] = -1
                continue
            mine = offsets[row]
            left = offsets[row + 1] - mine
            differs = np.uint64(0)
            while left >= 8:
                # Eight bytes at a time: LLVM makes one load of each eight.
                differs |= (
                    np.uint64(data[mine])
                    | np.uint64(data[mine + 1]) << np.uint64(8)
                    | np.uint64(data[mine + 2]) << np.uint64(16)
                    | np.uint64(data[mine + 3]) << np.uint64(24)
                    | np.uint64(data[mine + 4]) << np.uint64(32)
                    | np.uint64(data[mine + 5]) << np.uint64(40)
                    | np.uint64(data[mine + 6]) << np.uint64(48)
                    | np.uint64(data[mine + 7]) << np.uint64(56)
                ) ^ (
                    np.uint64(their_data[other])
                    | np.uint64(their_data[other + 1]) << np.uint64(8)
                    | np.uint64(their_data[other + 2]) << np.uint64(16)
                    | np.uint64(their_data[other + 3]) << np.uint64(24)
                    | np.uint64(their_data[other + 4]) << np.uint64(32)
                    | np.uint64(their_data[other + 5]) << np.uint64(40)
                    | np.uint64(their_data[other + 6]) << np.uint64(48)
                    | np.uint64(their_data[other + 7]) << np.uint64(56)
                )
                mine += 8
                other += 8
                left -= 8
            while left > 0:
                differs |= np.uint64(data[mine] ^ their_data[other])
                mine += 1
                other += 1
                left -= 1
            if differs == 0:
                matched += 1
            else:
                found[row] = -1
    return matched

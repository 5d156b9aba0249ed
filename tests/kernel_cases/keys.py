"""Cases of the loops over keys of joins."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from partita.engine.physical.kernels import lookup_loops, ranked_loops

from .case import Arguments, Cases


def _keys(random: np.random.Generator) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield keys and which of them are there: none, few, many, with the ends of their types."""
    for dtype in (np.int32, np.int64):
        ends = np.array([np.iinfo(dtype).min, np.iinfo(dtype).max, 0, -1], dtype)
        for rows in (0, 1, 1000):
            values = random.integers(-100, 400, rows).astype(dtype)
            for valid in (np.zeros(0, np.uint8), random.integers(0, 2, rows).astype(np.uint8)):
                yield values, valid
        yield np.append(values, ends), np.zeros(0, np.uint8)


def add_bits(random: np.random.Generator) -> Iterator[Arguments]:
    for values, valid in _keys(random):
        yield [values, valid, -50, 300, np.zeros(300 // 8 + 1, np.uint8)]


def find_bits(random: np.random.Generator) -> Iterator[Arguments]:
    for values, valid in _keys(random):
        bits = random.integers(0, 256, 300 // 8 + 1).astype(np.uint8)
        yield [values, valid, -50, 300, bits, np.zeros(len(values), np.bool_)]


def add_hashes(random: np.random.Generator) -> Iterator[Arguments]:
    for rows in (0, 1, 1000):
        hashes = random.integers(0, 2**64, rows, dtype=np.uint64)
        yield [hashes, np.zeros(32, np.uint64)]


def find_hashes(random: np.random.Generator) -> Iterator[Arguments]:
    for rows in (0, 1, 1000):
        hashes = random.integers(0, 2**64, rows, dtype=np.uint64)
        blocks = random.integers(0, 2**64, 32, dtype=np.uint64)
        yield [hashes, blocks, np.zeros(rows, np.bool_)]


def add_digit(random: np.random.Generator) -> Iterator[Arguments]:
    for values, valid in _keys(random):
        yield [values, valid, -50, 300, random.integers(-1, 2**50, len(values))]


def place_direct(random: np.random.Generator) -> Iterator[Arguments]:
    for dtype in (np.int32, np.int64):
        for rows in (0, 1, 1000):
            values = random.integers(-100, 400, rows).astype(dtype)
            for valid in (np.zeros(0, np.uint8), random.integers(0, 2, rows).astype(np.uint8)):
                yield [values, valid, -100, np.full(500, -1, np.int32)]


def find_direct(random: np.random.Generator) -> Iterator[Arguments]:
    for values, valid in _keys(random):
        table = random.integers(-1, 50, 300).astype(np.int32)
        yield [values, valid, -50, table, np.zeros(len(values), np.int32)]


def place_hashed(random: np.random.Generator) -> Iterator[Arguments]:
    for rows in (0, 1, 200):
        # So few in so large a table that no two keys meet: which one steps on is not promised.
        values = random.integers(-(2**63), 2**63 - 1, 50)[random.integers(0, 50, rows)]
        for valid in (np.zeros(0, np.uint8), random.integers(0, 2, rows).astype(np.uint8)):
            yield [values, valid, 20, np.full(2 << 20, -1, np.int64)]


def find_hashed(random: np.random.Generator) -> Iterator[Arguments]:
    ends = np.array([0, -1, 2**63 - 1, -(2**63)])
    keys = np.append(random.integers(-(2**62), 2**62, 100), ends)
    table = np.full(2 << 8, -1, np.int64)
    lookup_loops.place_hashed.instead(keys, np.zeros(0, np.uint8), 8, table)
    for rows in (0, 1, 1000):
        values = np.append(keys, random.integers(-(2**62), 2**62, 100))
        values = values[random.integers(0, len(values), rows)]
        for valid in (np.zeros(0, np.uint8), random.integers(0, 2, rows).astype(np.uint8)):
            yield [values, valid, 8, table, np.zeros(rows, np.int32)]


def place_ranked(random: np.random.Generator) -> Iterator[Arguments]:
    for dtype in (np.int32, np.int64):
        for rows in (0, 1, 100, 1000):
            values = random.integers(-100, 400, rows).astype(dtype)
            for valid in (np.zeros(0, np.uint8), random.integers(0, 2, rows).astype(np.uint8)):
                words = np.zeros(2 * 8, np.uint64)
                yield [values, valid, -100, words, np.full(rows, -1, np.int32)]


def find_ranked(random: np.random.Generator) -> Iterator[Arguments]:
    for values, valid in _keys(random):
        words, first = np.zeros(2 * 5, np.uint64), np.full(40, -1, np.int32)
        there = random.integers(-50, 270, 40)
        ranked_loops.place_ranked.instead(there, np.zeros(0, np.uint8), -50, words, first)
        yield [values, valid, -50, words, first, np.zeros(len(values), np.int32)]


def compact(random: np.random.Generator) -> Iterator[Arguments]:
    for rows in (0, 1, 1000):
        for least in (-1000, -10, 0):
            found = np.maximum(random.integers(least, 10, rows), -1).astype(np.int32)
            kept = int((found >= 0).sum())
            yield [found, np.zeros(kept, np.int32), np.zeros(kept, np.int32)]


def list_rows(random: np.random.Generator) -> Iterator[Arguments]:
    for rows in (0, 1, 1000):
        ids = random.integers(-1, 30, rows).astype(np.int32)
        yield [ids, np.zeros(31, np.int32), np.zeros(rows, np.int32)]


def list_pairs(random: np.random.Generator) -> Iterator[Arguments]:
    for rows in (1, 1000):
        sizes = random.integers(0, 4, 20)
        starts = np.append(0, np.cumsum(sizes)).astype(np.int32)
        build = random.permutation(int(starts[-1])).astype(np.int32)
        found = random.integers(-1, 20, rows).astype(np.int32)
        for least in (0, 1):
            counts = np.where(found >= 0, sizes[found], 0)
            found = np.where(counts > 0, found, np.int32(-1))
            ends = np.cumsum(np.maximum(counts, least))
            for first, last in ((0, int(ends[-1])), (0, 5), (5, 20), (700, int(ends[-1]))):
                room = max(min(last, int(ends[-1])) - first, 0)
                made = np.zeros(room, np.int32), np.zeros(room, np.int32)
                yield [found, starts, build, ends, first, *made]


def _texts(random: np.random.Generator) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield offsets and bytes of texts: of one, of equal ones, of many; not from the beginning."""
    for lengths in ([0], [3, 3, 3], random.integers(0, 40, 300)):
        offsets = np.append(5, 5 + np.cumsum(lengths)).astype(np.int64)
        yield offsets, random.integers(97, 99, int(offsets[-1]) + 3).astype(np.uint8)


def hash_texts(random: np.random.Generator) -> Iterator[Arguments]:
    for offsets, data in _texts(random):
        salts = random.integers(0, 2**64, 5, dtype=np.uint64)
        yield [offsets, data, salts, np.zeros(len(offsets) - 1, np.uint64)]


def pack_texts(random: np.random.Generator) -> Iterator[Arguments]:
    for length in (1, 9, 20):
        lows = random.integers(0, 200, length)
        sizes = random.integers(1, 5, length)
        for rows in (0, 1, 1000):
            # Texts of the length, shorter and longer ones; half of them with a byte out of range.
            lengths = length + random.choice([0, 0, 0, -1, 1], rows)
            offsets = np.append(7, 7 + np.cumsum(lengths))
            data = random.integers(0, 256, int(offsets[-1])).astype(np.uint8)
            for start, of in zip(offsets[:-1], lengths, strict=True):
                if of >= length and random.integers(0, 2):
                    digits = lows + random.integers(0, sizes)
                    data[start : start + length] = digits
            yield [offsets, data, lows, sizes, np.zeros(rows, np.int64)]


def keep_same(random: np.random.Generator) -> Iterator[Arguments]:
    for offsets, data in _texts(random):
        count = len(offsets) - 1
        found = random.integers(-1, count, count).astype(np.int32)
        same = np.where(random.random(count) < 0.5, np.arange(count), found).astype(np.int32)
        yield [offsets, data, offsets, data.copy(), same]


def hash_integers(random: np.random.Generator) -> Iterator[Arguments]:
    for values, valid in _keys(random):
        yield [values, valid, np.zeros(len(values), np.uint64)]


def hash_behind(random: np.random.Generator) -> Iterator[Arguments]:
    for rows in (0, 1, 1000):
        yield [random.integers(0, 2**64, rows, dtype=np.uint64) for _ in range(2)]


def choose_slots(random: np.random.Generator) -> Iterator[Arguments]:
    for rows in (0, 1, 1000):
        for count in (2, 7, 70_000):
            hashes = random.integers(0, 2**64, rows, dtype=np.uint64)
            yield [hashes, count, np.zeros(rows, np.int32)]


CASES: dict[str, Cases] = {
    "add_bits": add_bits,
    "find_bits": find_bits,
    "add_hashes": add_hashes,
    "find_hashes": find_hashes,
    "add_digit": add_digit,
    "place_direct": place_direct,
    "find_direct": find_direct,
    "place_hashed": place_hashed,
    "find_hashed": find_hashed,
    "place_ranked": place_ranked,
    "find_ranked": find_ranked,
    "compact": compact,
    "list_rows": list_rows,
    "list_pairs": list_pairs,
    "hash_texts": hash_texts,
    "hash_integers": hash_integers,
    "hash_behind": hash_behind,
    "choose_slots": choose_slots,
    "keep_same": keep_same,
    "pack_texts": pack_texts,
}

"""Cases of the loops over keys of joins."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

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
        yield [hashes, 59, np.zeros(32, np.uint64)]


def find_hashes(random: np.random.Generator) -> Iterator[Arguments]:
    for rows in (0, 1, 1000):
        hashes = random.integers(0, 2**64, rows, dtype=np.uint64)
        blocks = random.integers(0, 2**64, 32, dtype=np.uint64)
        yield [hashes, 59, blocks, np.zeros(rows, np.bool_)]


def add_digit(random: np.random.Generator) -> Iterator[Arguments]:
    for values, valid in _keys(random):
        yield [values, valid, -50, 300, random.integers(-1, 2**50, len(values))]


CASES: dict[str, Cases] = {
    "add_bits": add_bits,
    "find_bits": find_bits,
    "add_hashes": add_hashes,
    "find_hashes": find_hashes,
    "add_digit": add_digit,
}

"""Cases of the loops of sorting."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from .case import Arguments, Cases


def float_words(random: np.random.Generator) -> Iterator[Arguments]:
    odd = [0.0, -0.0, np.nan, -np.nan, np.inf, -np.inf, 5e-324, -5e-324, 1e300, -2.5]
    yield [np.array(odd), np.zeros(len(odd), np.int64)]
    yield [random.standard_normal(1000), np.zeros(1000, np.int64)]
    yield [np.zeros(0), np.zeros(0, np.int64)]


def _texts(random: np.random.Generator) -> Iterator[Arguments]:
    """Yield the bytes of texts, where each begins and ends, and some rows of them."""
    for longest, letters in ((1, 2), (12, 3), (40, 256), (200, 1)):
        lengths = random.integers(0, longest + 1, 200)
        ends = np.cumsum(lengths) + 7
        data = random.integers(0, letters, int(ends[-1]) + 5).astype(np.uint8)
        for rows in (1, 300):
            yield [data, ends - lengths, ends, random.integers(0, 200, rows)]
    yield [np.zeros(0, np.uint8), np.zeros(3, np.int64), np.zeros(3, np.int64), np.arange(3)]


def text_bounds(random: np.random.Generator) -> Iterator[Arguments]:
    for texts in _texts(random):
        for begin in (0, 3, 50):
            yield [*texts, begin, np.zeros(16, np.int64), np.zeros(16, np.int64)]


def text_words(random: np.random.Generator) -> Iterator[Arguments]:
    for texts in _texts(random):
        for begin in (0, 3, 50):
            factors = np.array([257**2, 257, 1], np.uint64)
            yield [*texts, begin, np.zeros(3, np.int64), factors, np.ones(len(texts[3]), np.uint64)]


def text_repeats(random: np.random.Generator) -> Iterator[Arguments]:
    for texts in _texts(random):
        texts[3] = np.sort(texts[3])
        for begin in (0, 3, 50):
            yield [*texts, begin, np.ones(len(texts[3]), np.bool_)]


def text_shared(random: np.random.Generator) -> Iterator[Arguments]:
    for texts in _texts(random):
        texts[3] = np.sort(texts[3])
        for begin in (0, 3, 50):
            yield [*texts, begin, np.ones(len(texts[3]), np.int64)]


CASES: dict[str, Cases] = {
    "float_words": float_words,
    "text_bounds": text_bounds,
    "text_words": text_words,
    "text_repeats": text_repeats,
    "text_shared": text_shared,
}

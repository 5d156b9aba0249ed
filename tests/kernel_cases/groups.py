"""Cases of the loops that number groups and accumulate."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from .case import Arguments, Cases


def _keys(random: np.random.Generator) -> Iterator[np.ndarray]:
    """Yield keys: none, one, few different, many, extreme, and such as a poor hash piles up."""
    limits = np.iinfo(np.int64)
    yield np.zeros(0, np.int64)
    yield np.array([-5])
    yield random.integers(-2, 3, 1000)
    yield random.permutation(20_000) * 7 - 500
    yield np.array([limits.min, limits.max, 0, limits.max, limits.min])
    yield random.integers(0, 30_000, 60_000) << 44
    yield random.integers(limits.min, limits.max, 40_000)


def number_hashed(random: np.random.Generator) -> Iterator[Arguments]:
    for keys in _keys(random):
        yield [keys, np.zeros(len(keys), np.int64), np.zeros(len(keys), np.int64)]


def number_direct(random: np.random.Generator) -> Iterator[Arguments]:
    for keys in _keys(random):
        low, high = (int(keys.min()), int(keys.max())) if len(keys) else (0, 0)
        if high - low >= 1 << 20:
            continue
        for dtype in (np.int32, np.int64):
            numbers = np.full(high - low + 1, -1, np.int32)
            ids, first_rows = np.zeros(len(keys), np.int64), np.zeros(len(keys), np.int64)
            yield [keys.astype(dtype), low, numbers, ids, first_rows]


def number_sorted(random: np.random.Generator) -> Iterator[Arguments]:
    for keys in _keys(random):
        bits = len(keys).bit_length()
        if len(keys) and int(keys.max()) - int(keys.min()) >= 1 << (64 - bits):
            continue
        packed = (keys - (keys.min() if len(keys) else 0)).astype(np.uint64) << np.uint64(bits)
        packed = np.sort(packed | np.arange(len(keys), dtype=np.uint64))
        yield [packed, bits, np.zeros(len(keys), np.int64), np.zeros(len(keys), np.int64)]


def number_texts(random: np.random.Generator) -> Iterator[Arguments]:
    """Texts shorter and longer than one word and two, equal in all bytes but the last, with NUL."""
    for rows, longest in ((0, 1), (1, 0), (500, 2), (2000, 9), (3000, 17), (500, 70), (40_000, 4)):
        lengths = random.integers(0, longest + 1, rows)
        offsets = np.append(5, 5 + np.cumsum(lengths)).astype(np.int64)
        data = np.full(int(offsets[-1]) + 1, 97, np.uint8)
        data[offsets[1:] - 1] = random.integers(0, 3 if longest > 4 else 256, rows)
        for valid in (np.zeros(0, np.uint8), (random.random(rows) < 0.9).astype(np.uint8)):
            yield [offsets, data, valid, np.zeros(rows, np.int64), np.full(rows, -1, np.int64)]


def distinct_rows(random: np.random.Generator) -> Iterator[Arguments]:
    limits = np.iinfo(np.int64)
    for ids, count in _groups(random):
        starts = np.zeros(count + 1, np.int64)
        np.cumsum(np.bincount(ids, minlength=count), out=starts[1:])
        rows = np.argsort(ids, kind="stable")
        for codes in (
            random.integers(0, 5, len(ids)),
            random.integers(0, 500, len(ids)) << 40,
            random.integers(limits.min, limits.max, len(ids)),
        ):
            kept, ends = np.zeros(len(ids), np.int64), np.zeros(count, np.int64)
            yield [codes, rows, starts, kept, ends]


def _groups(random: np.random.Generator) -> Iterator[tuple[np.ndarray, int]]:
    """Yield the group of each row, and how many there are; some have no rows."""
    for rows, count in ((0, 3), (1, 1), (1000, 4), (1000, 3000), (70_000, 30_000)):
        yield random.integers(0, count, rows), count


def place_rows(random: np.random.Generator) -> Iterator[Arguments]:
    for ids, count in _groups(random):
        starts = np.zeros(count, np.int64)
        np.cumsum(np.bincount(ids, minlength=count)[:-1], out=starts[1:])
        yield [ids, starts, np.zeros(len(ids), np.int64)]


def count_ids(random: np.random.Generator) -> Iterator[Arguments]:
    for ids, count in _groups(random):
        yield [ids, np.zeros(count, np.int64)]


def keep_extremes(random: np.random.Generator) -> Iterator[Arguments]:
    limits = np.iinfo(np.int64)
    special = np.array([np.inf, -np.inf, np.nan, -np.nan, 0.0, -0.0, 1e308, 5e-324])
    for ids, count in _groups(random):
        for largest in (False, True):
            for values in (random.choice(special, len(ids)), random.choice(special[2:6], len(ids))):
                yield [ids, values, largest, np.full(count, np.nan)]
            integers = random.integers(limits.min, limits.max, len(ids), endpoint=True)
            none = limits.min if largest else limits.max
            yield [ids, integers, largest, np.full(count, none, np.int64)]


def add_doubles(random: np.random.Generator) -> Iterator[Arguments]:
    special = np.array([np.inf, -np.inf, np.nan, -0.0, 1e308, -1e308, 5e-324])
    for ids, count in _groups(random):
        values = random.normal(size=len(ids)) * 10.0 ** random.integers(-10, 10, len(ids))
        yield [ids, values, np.zeros(count)]
        yield [ids, np.full(len(ids), -0.0), np.zeros(count)]
        yield [ids, random.choice(special, len(ids)), np.zeros(count)]


def add_four_doubles(random: np.random.Generator) -> Iterator[Arguments]:
    special = np.array([np.inf, -np.inf, np.nan, -0.0, 1e308, -1e308, 5e-324])
    for ids, count in _groups(random):
        wide = random.normal(size=len(ids)) * 10.0 ** random.integers(-10, 10, len(ids))
        columns = [wide, -wide, np.full(len(ids), -0.0), random.choice(special, len(ids))]
        yield [ids, *columns, np.zeros(4 * count)]


def add_integers(random: np.random.Generator) -> Iterator[Arguments]:
    limits = np.iinfo(np.int64)
    for ids, count in _groups(random):
        for top in (100, limits.max):
            for step in (1, 2):
                values = random.integers(-top - 1, top, step * len(ids), endpoint=True)
                yield [ids, values, step, *_words(count, 2)]
        for value in (limits.min, limits.max, -1):
            yield [ids, np.full(len(ids), value), 1, *_words(count, 2)]


def add_decimals(random: np.random.Generator) -> Iterator[Arguments]:
    limits = np.iinfo(np.int64)
    for ids, count in _groups(random):
        words = random.integers(limits.min, limits.max, 2 * len(ids), endpoint=True)
        yield [ids, words, *_words(count, 3)]
        for value in (limits.min, limits.max, -1):
            yield [ids, np.full(2 * len(ids), value), *_words(count, 3)]


def _words(count: int, number: int) -> list[np.ndarray]:
    return [np.zeros(count, np.int64) for _ in range(number)]


CASES: dict[str, Cases] = {
    "number_direct": number_direct,
    "number_hashed": number_hashed,
    "number_sorted": number_sorted,
    "number_texts": number_texts,
    "place_rows": place_rows,
    "distinct_rows": distinct_rows,
    "count_ids": count_ids,
    "keep_extremes": keep_extremes,
    "add_doubles": add_doubles,
    "add_four_doubles": add_four_doubles,
    "add_integers": add_integers,
    "add_decimals": add_decimals,
}

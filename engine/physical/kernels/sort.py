"""Order: the sorted positions of rows, and how sorted runs are cut into ranges of keys.

NaN is greater than every number and -0.0 equals 0.0. Nulls come first, also in a descending order,
unless a key says ``nulls_last``. Text is ordered by its UTF-8 bytes. Rows with equal keys keep
their order.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ...expr.evaluate import evaluate_many
from ...expr.node import Column, Literal, SortKey, columns_of
from ...schema import decoded
from .concat import concat, take
from .order import Digits, Numbers, Texts, positions
from .sort_loops import float_words
from .words import as_bytes, dictionary_parts, is_text, key_words, storage, validity

Key = tuple[Any, ...]
"""The sort keys of one row as plain Python values; times and dates are integers."""


def sort_positions(
    columns: Sequence[pa.Array], by: Sequence[SortKey], limit: int | None = None
) -> np.ndarray:
    """Return the positions of the rows in order, int64; the first `limit` of them.

    Parameters
    ----------
    columns
        The values of the keys, at least one column.
    by
        Direction and place of nulls for each column; its expression is not looked at.

    Notes
    -----
    Each key becomes unsigned integers of the wanted order, text a number of as many of its bytes
    as fit; how these are sorted is told in `order`.
    """
    digits = [
        digit
        for column, key in zip(columns, by, strict=True)
        for digit in _digits(column, key)
        # What is the same everywhere decides nothing.
        if not (isinstance(digit, Numbers) and digit.size == 1)
    ]
    order = positions(digits, len(columns[0]), limit)
    return order if limit is None else order[:limit]


def _digits(array: pa.Array, key: SortKey) -> list[Digits]:
    """Return the digits of one key, most significant first."""
    if isinstance(array, pa.DictionaryArray) and is_text(array.type.value_type):
        codes, values = dictionary_parts(array)
        ranks, valid = _text_ranks(codes, values)
        return _numbers([ranks], valid, key)
    plain = decoded(array)
    if is_text(plain.type):
        return _texts(plain, key)
    if pa.types.is_float64(plain.type):
        words = np.empty(len(plain), np.int64)
        float_words(storage(plain), words)
        return _numbers([words], validity(plain), key)
    return _numbers(key_words(plain), validity(plain), key)


def _numbers(columns: Sequence[np.ndarray], valid: np.ndarray | None, key: SortKey) -> list[Digits]:
    """Return the digits of int64 columns that together compare as the values do."""
    digits = [_digit(column, valid, key.descending) for column in columns]
    if valid is None:
        return [*digits]
    first = digits[0]
    if first.size + 1 > 1 << 64:
        return [_null_flags(valid, key), *digits]
    if key.nulls_last:
        values = np.where(valid, first.values, np.uint64(first.size))
    else:
        values = np.where(valid, first.values + np.uint64(1), np.uint64(0))
    return [Numbers(values=values, size=first.size + 1), *digits[1:]]


def _null_flags(valid: np.ndarray, key: SortKey) -> Numbers:
    flags = valid == (not key.nulls_last)
    return Numbers(values=flags.astype(np.uint64), size=2)


def _digit(words: np.ndarray, valid: np.ndarray | None, descending: bool) -> Numbers:
    """Return the distances of int64 from the least, or from the greatest; 0 under nulls."""
    present = words if valid is None else words[valid]
    if len(present) == 0:
        return Numbers(values=np.zeros(len(words), np.uint64), size=1)
    low, high = present.min(), present.max()
    unsigned = words.view(np.uint64)
    # Differences are taken modulo 2**64, where the distance between any two int64 has a place.
    values = high.view(np.uint64) - unsigned if descending else unsigned - low.view(np.uint64)
    if valid is not None:
        values = np.where(valid, values, np.uint64(0))
    return Numbers(values=values, size=int(high) - int(low) + 1)


def _texts(array: pa.Array, key: SortKey) -> list[Digits]:
    """Return the bytes of text that is not coded; a null has none."""
    valid = validity(array)
    plain = as_bytes(array)
    rows = len(plain)
    _, offsets, data = plain.buffers()
    flags: list[Digits] = [] if valid is None else [_null_flags(valid, key)]
    if rows == 0 or offsets is None or data is None:
        return flags
    edges = np.frombuffer(offsets, np.int64, plain.offset + rows + 1)[plain.offset :]
    starts, ends = edges[:-1], edges[1:]
    if valid is not None:
        ends = np.where(valid, ends, starts)
    texts = Texts(
        data=np.frombuffer(data, np.uint8),
        starts=starts,
        ends=ends,
        longest=int((ends - starts).max()),
        descending=key.descending,
    )
    return [*flags, texts] if texts.longest else flags


def _text_ranks(codes: np.ndarray, values: pa.Array) -> tuple[np.ndarray, np.ndarray | None]:
    """Return the rank of each text among the distinct ones, and which rows are not null."""
    # Values of a dictionary may be equal, and may be null.
    values = as_bytes(values)
    order = sort_positions([values], [SortKey(Literal(pa.scalar(None)))])
    ranks = np.zeros(len(values) + 1, np.int64)
    if len(values) > 1:
        sorted_values = values.take(pa.array(order))
        steps = pc.not_equal(sorted_values.slice(1), sorted_values.slice(0, len(values) - 1))
        ranks[order[1:]] = np.cumsum(np.asarray(steps.fill_null(True)))
    valid = validity(values)
    if valid is not None or (codes < 0).any():
        own = np.ones(len(values), np.bool_) if valid is None else valid
        valid = np.append(own, False)[codes]
    return ranks[codes], valid


def merge(runs: Sequence[pa.RecordBatch], by: Sequence[SortKey]) -> pa.RecordBatch:
    """Return the rows of sorted runs, at least one, in order; equal keys in the order of runs."""
    rows = concat(runs)
    order = sort_positions(evaluate_many([key.expr for key in by], rows), by)
    return take(rows, order, runs[0].schema)


_GOLDEN = 0x9E3779B1
"""2**32 by the golden ratio: its multiples modulo 2**32 fill the range evenly."""


def sample(
    batch: pa.RecordBatch, by: Sequence[SortKey], count: int, run: int = 0
) -> tuple[Key, ...]:
    """Return the keys of `count` rows of a sorted batch at even distances.

    `run` is the number of the batch: it says how far from its first row the distances begin. If all
    began at the first, many short runs of one sample each would tell of nothing but the least keys,
    and nearly all rows would come to lie in one range.

    Of long texts it is how they begin: a range may begin with any key, also with one that no row
    has, and the driver holds the samples of all runs.
    """
    rows = batch.num_rows
    begin = (run * _GOLDEN % 2**32) * rows >> 32
    places = [(number * rows + begin) // count for number in range(count)] if rows else []
    taken = _key_columns(batch, by).take(pa.array(sorted(set(places)), pa.int64()))
    columns = evaluate_many([key.expr for key in by], taken)
    values = (_plain_values(_beginnings(column, _SAMPLE_CHARACTERS)) for column in columns)
    return tuple(zip(*values, strict=True))


_SAMPLE_CHARACTERS = 1024


def keys_at(batch: pa.RecordBatch, by: Sequence[SortKey], rows: Sequence[int]) -> tuple[Key, ...]:
    """Return the keys of the given rows."""
    taken = _key_columns(batch, by).take(pa.array(rows, pa.int64()))
    columns = evaluate_many([key.expr for key in by], taken)
    return tuple(zip(*(_plain_values(column) for column in columns), strict=True))


def _beginnings(array: pa.Array, most: int) -> pa.Array:
    """Return the first `most` characters of texts, where these are long; else the array."""
    if array.nbytes <= 4 * most * len(array):
        return array
    plain = decoded(array)
    if pa.types.is_string(plain.type) or pa.types.is_large_string(plain.type):
        return pc.utf8_slice_codeunits(plain, 0, most)
    if pa.types.is_binary(plain.type) or pa.types.is_large_binary(plain.type):
        return pc.binary_slice(plain, 0, most)
    return array


def _plain_values(array: pa.Array) -> list[Any]:
    array = decoded(array)
    # Times of nanoseconds have no Python type of the standard library; integers compare alike.
    if pa.types.is_temporal(array.type):
        return pa.array(storage(array), mask=np.asarray(array.is_null())).to_pylist()
    return array.to_pylist()


@functools.total_ordering
class _Descending:
    """A value that sorts the other way round."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Descending) and self.value == other.value

    def __lt__(self, other: _Descending) -> bool:
        return bool(other.value < self.value)

    __hash__ = None  # type: ignore[assignment]


def order_key(key: Key, by: Sequence[SortKey]) -> tuple[Any, ...]:
    """Return something that Python compares as the rows with these keys are ordered.

    Examples
    --------
    >>> from partita.engine.expr.node import Column
    >>> by = [SortKey(Column("x"), descending=True)]
    >>> sorted([(1.0,), (None,), (math.nan,), (2.0,)], key=lambda key: order_key(key, by))
    [(None,), (nan,), (2.0,), (1.0,)]
    """
    return tuple(_order_value(value, each) for value, each in zip(key, by, strict=True))


def _order_value(value: Any, key: SortKey) -> tuple[int, Any]:
    if value is None:
        return (1 if key.nulls_last else -1), 0
    missing = isinstance(value, float) and math.isnan(value)
    pair = (1, 0.0) if missing else (0, value)
    return 0, (_Descending(pair) if key.descending else pair)


def boundaries(
    samples: Sequence[Sequence[Key]], partitions: int, by: Sequence[SortKey]
) -> list[Key]:
    """Return the keys, at most ``partitions - 1``, at which equal parts of all rows begin.

    Parameters
    ----------
    samples
        For each run its keys at even distances; a sample of any run stands for as many rows.
    partitions
        How many parts are wanted; keys that occur often make it fewer.

    Examples
    --------
    >>> from partita.engine.expr.node import Column
    >>> boundaries([[(1,), (3,), (5,)], [(2,), (4,), (6,)]], 3, [SortKey(Column("x"))])
    [(3,), (5,)]
    """
    keys = sorted((key for run in samples for key in run), key=lambda key: order_key(key, by))
    chosen: list[Key] = []
    for number in range(1, partitions):
        if not keys:
            break
        key = keys[number * len(keys) // partitions]
        before = chosen[-1] if chosen else keys[0]
        if order_key(key, by) != order_key(before, by):
            chosen.append(key)
    return chosen


def frequent(
    samples: Sequence[Sequence[Key]], partitions: int, by: Sequence[SortKey]
) -> list[tuple[Key, int]]:
    """Return the keys at which equal parts of all rows begin, each with how many of these do.

    A key with which two or more parts begin is that of more rows than one part should have.

    Examples
    --------
    >>> from partita.engine.expr.node import Column
    >>> frequent([[(1,), (2,), (2,), (2,)], [(2,), (4,)]], 3, [SortKey(Column("x"))])
    [((2,), 2)]
    """
    keys = sorted((key for run in samples for key in run), key=lambda key: order_key(key, by))
    starts = [keys[part * len(keys) // partitions] for part in range(1, partitions) if keys]
    alike = itertools.groupby(starts, key=lambda key: order_key(key, by))
    groups = [list(group) for _, group in alike]
    return [(group[0], len(group)) for group in groups]


def cut(
    run: pa.RecordBatch | pa.Table,
    by: Sequence[SortKey],
    edges: Sequence[Key],
    behind: bool = False,
) -> list[int]:
    """Return for each of the `edges` the first row of a sorted run that is not before it.

    With `behind`, rows that are equal to an edge count as before it.

    Cost: two looks at a row where the edge is outside of the run's range, which is the common
    case; else a binary search.
    """
    keys = _key_columns(run, by)
    plain = _plain_column(keys, by)
    if plain is not None:
        return [_first_number(plain, edge[0], by[0], behind) for edge in edges]
    return [_first_row(keys, by, edge, behind) for edge in edges]


def _plain_column(run: pa.RecordBatch | pa.Table, by: Sequence[SortKey]) -> np.ndarray | None:
    """Return the only key where it is a column of integers or doubles without nulls."""
    expr = by[0].expr
    if len(by) > 1 or not isinstance(expr, Column) or not isinstance(run, pa.RecordBatch):
        return None
    column = run.column(expr.name)
    number = pa.types.is_int64(column.type) or pa.types.is_float64(column.type)
    return column.to_numpy() if number and not column.null_count else None


def _first_number(values: np.ndarray, edge: Any, key: SortKey, behind: bool) -> int:
    """Do as `_first_row` for plain numbers: 1 microsecond in place of 200."""
    if edge is None:
        # Before all numbers, or behind them.
        return len(values) if key.nulls_last else 0
    if not key.descending:
        return int(np.searchsorted(values, edge, "right" if behind else "left"))
    # NaN is the greatest for numpy too; equal rows lie on the other side of the mirror.
    mirrored = values[::-1]
    return len(values) - int(np.searchsorted(mirrored, edge, "left" if behind else "right"))


def _key_columns(
    run: pa.RecordBatch | pa.Table, by: Sequence[SortKey]
) -> pa.RecordBatch | pa.Table:
    """Return the columns that the keys read: a look at a row of all of them costs as many takes."""
    read = frozenset().union(*(columns_of(key.expr) for key in by))
    return run.select([name for name in run.schema.names if name in read]) if read else run


def _first_row(
    run: pa.RecordBatch | pa.Table, by: Sequence[SortKey], edge: Key, behind: bool
) -> int:
    wanted = order_key(edge, by)
    names = [key.expr.name for key in by if isinstance(key.expr, Column)]
    plain = isinstance(run, pa.RecordBatch) and len(names) == len(by)
    # What follows the character behind the last of the edge's decides nothing: of texts of 1 MB
    # to make Python's would take the most time of a cut.
    most = [len(value) + 1 if isinstance(value, str | bytes) else 1 for value in edge]

    def before(row: int) -> bool:
        if plain:
            # A few microseconds; a batch of one row costs fifty.
            columns = (run.column(name).slice(row, 1) for name in names)
            parts = map(_beginnings, columns, most)
            key = tuple(_plain_values(column)[0] for column in parts)
        else:
            (key,) = keys_at(_one_row(run, row), by, [0])
        here = order_key(key, by)
        return here < wanted or (behind and here == wanted)

    low, high = 0, run.num_rows
    if high == 0 or not before(0):
        return 0
    if before(high - 1):
        return high
    # Row `low` is before the edge and row `high` is not.
    high -= 1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if before(middle) else (low, middle)
    return high


def _one_row(run: pa.RecordBatch | pa.Table, row: int) -> pa.RecordBatch:
    piece = run.slice(row, 1)
    return piece if isinstance(piece, pa.RecordBatch) else piece.combine_chunks().to_batches()[0]

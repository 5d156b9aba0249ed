"""Random frames for random plans: nulls, NaN, both zeros, duplicates, skewed keys, empty pieces.

A frame exists three times: as a frame of Partita (in memory or as Parquet files of several row
groups), as a polars DataFrame, and as a DuckDB table with the number of each row.
"""

from __future__ import annotations

import datetime
import decimal
import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

import partita as pt

from . import choices
from .choices import Draw

ROW_NUMBER = "#"
"""The column by which the rows of every DuckDB relation are ordered."""


@dataclass(frozen=True, kw_only=True)
class Fact:
    """What is known of the values of a column, so that no question has more than one answer."""

    bound: float = math.inf
    """No value is greater in size; integers with a bound are kept from overflowing."""

    dyadic: bool = False
    """Floats of which sums are exact, so that they do not depend on the order of the addends."""

    rough: bool = False
    """The last bits are not determined: it is carried, but nothing is asked of it."""


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A kind of column: its type, the values it takes, and what is known of them."""

    dtype: pa.DataType
    values: tuple[Any, ...]
    fact: Fact = Fact()


_DAY = datetime.date(1970, 1, 1)
_NOON = datetime.datetime(1970, 1, 1, 12)


def _days(*numbers: int) -> tuple[datetime.date, ...]:
    return tuple(_DAY + datetime.timedelta(days=number) for number in numbers)


def _instants(*seconds: float) -> tuple[datetime.datetime, ...]:
    return tuple(_NOON + datetime.timedelta(seconds=number) for number in seconds)


KINDS: dict[str, Kind] = {
    "i": Kind(dtype=pa.int64(), values=(1, 2, 0, 3, -4, 5, 17, 100), fact=Fact(bound=100)),
    "j": Kind(dtype=pa.int32(), values=(2, 1, 0, -1, 3, 7, 40), fact=Fact(bound=40)),
    "f": Kind(
        dtype=pa.float64(),
        values=(0.0, -0.0, 0.5, math.nan, 1.25, -2.0, 3.75, 2.0, 1.0),
        fact=Fact(bound=4, dyadic=True),
    ),
    # Sums of these depend on the order of the addends.
    "g": Kind(
        dtype=pa.float64(),
        values=(0.1, 0.7, -1.3, 1e6 + 0.1, 3.3, math.nan, 1e-3),
        fact=Fact(bound=2e6),
    ),
    "s": Kind(dtype=pa.string(), values=("a", "b", "ab", "", "B", "é", "日本", " a ", "aab")),
    "u": Kind(dtype=pa.string(), values=tuple(f"key {number:03}" for number in range(60))),
    "b": Kind(dtype=pa.bool_(), values=(True, False)),
    "d": Kind(dtype=pa.date32(), values=_days(0, 1, -1, 59, 19_000, -400, 18_321)),
    "t": Kind(
        dtype=pa.timestamp("us"), values=_instants(0, 1, -1.5, 1e9, 1.6e9 + 0.000001, -1e8, 1e9)
    ),
    "m": Kind(
        dtype=pa.decimal128(9, 2),
        values=tuple(map(decimal.Decimal, ("0.00", "1.15", "-2.50", "1.10", "99.99", "10.00"))),
    ),
}
"""Name of a column -> its kind; frames share names, so that they can be joined."""

MOST_ROWS = 150


@dataclass(frozen=True, kw_only=True)
class RandomFrame:
    """One frame in the three forms, and how it came to be."""

    name: str
    partita: pt.DataFrame
    polars: pl.DataFrame
    facts: dict[str, Fact]
    layout: str


def random_table(draw: Draw) -> pa.Table:
    """Draw a table: the values of a column are skewed or even, and some are null."""
    names = draw(choices.several(list(KINDS), least=2, most=6))
    rows = draw(choices.sampled_from((0, 1, 5, 12, 30, 60, 60, MOST_ROWS, MOST_ROWS)))
    random = np.random.default_rng(draw(choices.integers(0, 2**16)))
    return pa.table({name: _column(KINDS[name], rows, random) for name in names})


def _column(kind: Kind, rows: int, random: np.random.Generator) -> pa.Array:
    count = len(kind.values)
    weights = np.ones(count)
    if random.random() < 0.5:
        weights = 1.0 / np.arange(1, count + 1) ** 1.5
    picked = random.choice(count, size=rows, p=weights / weights.sum())
    missing = random.random(rows) < random.choice([0.0, 0.1, 0.1, 0.5])
    if random.random() < 0.05:
        missing[:] = True
    values = [None if gone else kind.values[at] for at, gone in zip(picked, missing, strict=True)]
    return pa.array(values, kind.dtype)


def random_frame(
    draw: Draw,
    name: str,
    folder: Callable[[], Path],
    duck: duckdb.DuckDBPyConnection,
    parts: int | None = None,
) -> RandomFrame:
    """Draw a frame called `name`; `folder` gives a new one for its files, if it has any.

    With `parts`, it lies in so many files of one row group: cut as small as can be, it has exactly
    so many partitions, if it has as many rows.
    """
    table = random_table(draw)
    layouts = ("one chunk", "chunks", "dictionary", "parquet", "parquet")
    layout = draw(choices.sampled_from(layouts)) if parts is None else f"{parts} files"
    if parts is not None:
        path = folder()
        _write_evenly(table, path, parts)
        frame = pt.scan_parquet(path)
    elif layout == "parquet":
        path = folder()
        _write(draw, table, path)
        frame = pt.scan_parquet(path)
    else:
        frame = pt.from_arrow(_laid_out(draw, table, layout))
    numbers = pa.array(range(table.num_rows), pa.int64())
    # Registered tables are looked up by name when the query runs.
    duck.register(name, table.append_column(ROW_NUMBER, numbers))
    facts = {column: KINDS[column].fact for column in table.column_names}
    polars = pl.DataFrame(pl.from_arrow(table))
    return RandomFrame(name=name, partita=frame, polars=polars, facts=facts, layout=layout)


def _pieces(draw: Draw, table: pa.Table, most: int) -> list[pa.Table]:
    """Cut a table at drawn places; some of the pieces are empty."""
    places = draw(choices.repeated(choices.integers(0, table.num_rows), least=1, most=most))
    cuts = [0, *sorted(places), table.num_rows]
    return [table.slice(low, high - low) for low, high in itertools.pairwise(cuts)]


def _laid_out(draw: Draw, table: pa.Table, layout: str) -> pa.Table:
    if layout == "chunks":
        return pa.concat_tables(_pieces(draw, table, 4))
    if layout == "dictionary":
        # Every piece has a dictionary of its own.
        pieces = [_encoded(piece) for piece in _pieces(draw, table, 2)]
        return pa.concat_tables(pieces)
    return table


def _encoded(table: pa.Table) -> pa.Table:
    for number, field in enumerate(table.schema):
        if pa.types.is_string(field.type):
            column = table.column(number).combine_chunks().dictionary_encode()
            table = table.set_column(number, field.name, column)
    return table


def _write(draw: Draw, table: pa.Table, folder: Path) -> None:
    """Write a table as Parquet files of small row groups, text as dictionaries or plain."""
    for number, piece in enumerate(_pieces(draw, table, 2)):
        pq.write_table(
            piece,
            folder / f"part-{number}.parquet",
            row_group_size=draw(choices.sampled_from((3, 16, 64))),
            use_dictionary=draw(choices.sampled_from((True, True, False))),
            compression="none",
        )


def _write_evenly(table: pa.Table, folder: Path, parts: int) -> None:
    """Write a table as so many files of about as many rows, each of one row group."""
    places = [table.num_rows * number // parts for number in range(parts + 1)]
    for number, (low, high) in enumerate(itertools.pairwise(places)):
        pq.write_table(table.slice(low, high - low), folder / f"part-{number}.parquet")

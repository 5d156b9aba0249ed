"""The tables of docs/semantics.md, the checks of their cells, and how each engine is asked."""

from __future__ import annotations

import datetime
import functools
import math
import re
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pyarrow as pa
import pytest

import partita as pt
from partita import errors

TEXT = (Path(__file__).parents[2] / "docs" / "semantics.md").read_text()
ENGINES = ("here", "pandas", "Polars", "DuckDB")
HEADER = ("what", *ENGINES)

NAN, INF = math.nan, math.inf
MOST, LEAST = 2**63 - 1, -(2**63)


def tables() -> dict[str, list[tuple[str, ...]]]:
    """Return the lines of the page below each heading: a title and a cell for each engine."""
    found: dict[str, list[tuple[str, ...]]] = {}
    heading = ""
    for text in TEXT.splitlines():
        if text.startswith("## "):
            heading = text[3:]
        elif text.startswith("| "):
            cells = tuple(cell.strip() for cell in re.split(r"(?<!\\)\|", text)[1:-1])
            if cells != HEADER:
                found.setdefault(heading, []).append(cells)
    return found


class Section:
    """The checks of one table."""

    def __init__(self, heading: str) -> None:
        self.heading = heading
        self.checks: dict[tuple[str, str], Callable[[], None]] = {}

    def line(self, title: str, *engines: str) -> Callable[[Callable[..., None]], None]:
        """Enter a check of a line; one for several engines takes the engine to ask."""

        def enter(check: Callable[..., None]) -> None:
            several = len(engines) > 1
            for engine in engines or ("here",):
                assert (title, engine) not in self.checks, f"{title}, {engine} is checked twice"
                asked = functools.partial(check, ASKED[engine]) if several else check
                self.checks[title, engine] = asked

        return enter

    def cells(self) -> list[tuple[str, str]]:
        """Return the cells that say something: the title of the line, and the engine."""
        return [
            (title, engine)
            for title, *given in tables()[self.heading]
            for engine, text in zip(ENGINES, given, strict=True)
            if text
        ]

    def tests(self) -> tuple[Callable[..., None], Callable[[], None]]:
        """Return the two tests of a section: of each cell, and that each cell has a check."""

        @pytest.mark.parametrize(("title", "engine"), self.cells())
        def cell(title: str, engine: str) -> None:
            assert (title, engine) in self.checks, "no check is entered for this cell"
            self.checks[title, engine]()

        def agreement() -> None:
            assert not set(self.checks) - set(self.cells()), "checks without a cell"

        return cell, agreement


class Library:
    """Partita or Polars, which spell expressions and verbs alike."""

    def __init__(self, library: Any) -> None:
        self.library = library

    def __getattr__(self, name: str) -> Any:
        """Return what the library calls so: ``col``, ``when``, ``concat``."""
        return getattr(self.library, name)

    def frame(self, **data: Any) -> Any:
        """Return a frame of these columns, lists or Arrow arrays."""
        if self.library is pt:
            return pt.from_pydict(data)
        return pl.DataFrame(
            {
                name: pl.from_arrow(values) if isinstance(values, pa.Array) else values
                for name, values in data.items()
            },
            strict=False,
        )

    def rows(self, frame: Any) -> list[dict[str, Any]]:
        """Return the rows of a frame."""
        return list(frame.to_dicts())

    def values(self, expression: Any, **data: Any) -> list[Any]:
        """Return what `expression` gives over these columns."""
        return [row["x"] for row in self.rows(self.frame(**data).select(x=expression))]

    def type_of(self, expression: Any, **data: Any) -> str:
        """Return the type of an expression, by Arrow's name."""
        made = self.frame(**data).select(x=expression)
        dtype = made.dtypes[0] if self.library is pt else made.to_arrow().schema.field("x").type
        return str(dtype).replace("large_", "")

    def fails(self, expression: Any, **data: Any) -> bool:
        """Whether computing it is refused because of a value or a type."""
        try:
            self.values(expression() if callable(expression) else expression, **data)
        except (errors.PartitaError, pl.exceptions.PolarsError):
            return True
        return False


HERE, POLARS = Library(pt), Library(pl)
ASKED = {"here": HERE, "Polars": POLARS}

col = pt.col
values, type_of = HERE.values, HERE.type_of


def fails(expression: Any, **data: Any) -> bool:
    """Whether computing it here is refused because of a value."""
    try:
        values(expression, **data)
    except errors.ComputeError:
        return True
    return False


@functools.cache
def _connection() -> Any:
    connection = duckdb.connect(config={"threads": 1})
    connection.execute("SET TimeZone = 'UTC'")
    return connection


def let_go() -> None:
    """Close DuckDB; left to the end of Python, its library complains of what is still there."""
    _connection().close()
    _connection.cache_clear()


def query(text: str, **tables: dict[str, Any]) -> pa.Table:
    """Return what a query of DuckDB gives over these tables."""
    for name, data in tables.items():
        _connection().register(name, pa.table(data))
    return _connection().sql(text).to_arrow_table()


def rows(text: str, **tables: dict[str, Any]) -> list[tuple[Any, ...]]:
    """Return the rows of a query of DuckDB."""
    found = query(text, **tables)
    return [*zip(*(column.to_pylist() for column in found.columns), strict=True)]


def sql(expression: str, **data: Any) -> list[Any]:
    """Return what DuckDB gives for an expression over these columns."""
    return [row[0] for row in rows(f"SELECT {expression} FROM t", t=data or {"_": [1]})]


def sql_type(expression: str, **data: Any) -> str:
    """Return the type that DuckDB gives an expression, by Arrow's name."""
    found = query(f"SELECT {expression} FROM t", t=data or {"_": [1]})
    return str(found.schema.types[0])


def sql_fails(expression: str, **data: Any) -> bool:
    """Whether DuckDB refuses an expression."""
    try:
        sql(expression, **data)
    except duckdb.Error:
        return True
    return False


def same(found: Any, wanted: Any) -> bool:
    """Whether two lists are equal, NaN being equal to NaN and -0.0 not to 0.0."""
    # Numbers of numpy, which pandas gives, are Python's behind `item`.
    plain = [value.item() if hasattr(value, "item") else value for value in found]
    return [repr(value) for value in plain] == [repr(value) for value in wanted]


def ints(dtype: str, *numbers: int | None) -> pa.Array:
    """Return an array of integers of a type such as ``int8``."""
    return pa.array(numbers, pa.type_for_alias(dtype))


def single(*numbers: float | None) -> pa.Array:
    """Return an array of float32."""
    return pa.array(numbers, pa.float32())


def decimals(precision: int, scale: int, *texts: str | None) -> pa.Array:
    """Return an array of decimals."""
    numbers = [None if text is None else Decimal(text) for text in texts]
    return pa.array(numbers, pa.decimal128(precision, scale))


def moments(unit: str, zone: str | None, *moments: int | datetime.datetime | None) -> pa.Array:
    """Return an array of timestamps, of numbers since 1970 or of Python's."""
    return pa.array(moments, pa.timestamp(unit, zone))

"""Every function over every type that it takes, through the engine, against another engine.

All calls over one type are one query; its answers are compared with those of Polars, or where that
has no such function with a reference in Python (``function_references.py``). What differs is listed
in ``DIFFERENCES``, what is refused in ``REFUSED``; nothing is skipped.
"""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pytest
from pyarrow import feather

import partita as pt
from partita.engine.expr.functions import FUNCTIONS

from .function_calls import POLARS
from .function_data import batch_of, build, calls, equal, planned
from .function_references import reference


@dataclass(frozen=True)
class Difference:
    """A call that does not give what the oracle gives."""

    code: str
    types: str
    """What the names of the types begin with."""

    what: str
    """What differs and who is right."""


DIFFERENCES = (
    Difference(
        "x.round_sig_figs",
        "decimal",
        "halves go away from zero here, as for floats; Polars has a decimal to even",
    ),
    Difference(
        "x.to_physical()", "decimal", "a decimal is what it is; Polars shows its unscaled digits"
    ),
    Difference(
        "p.concat_str",
        "timestamp[ns, tz=",
        "the offset is +0100 here, as Arrow writes it, and +01:00 there; both are ISO 8601",
    ),
    Difference(
        "x.list.arg_max()",
        "list<item: string>",
        "the first of several greatest, as for numbers; Polars gives the last of text",
    ),
    Difference(
        "x.dt.base_utc_offset()",
        "timestamp[ns, tz=",
        "double summer time of 1945: Python's zones say one hour of it is the zone's own; Polars"
        " is right by the letter of the tz database",
    ),
    Difference(
        "x.dt.combine",
        "timestamp[ns, tz=",
        "the date is that on the wall; Polars takes that of UTC, a day earlier after midnight",
    ),
    Difference(
        "x.list.concat(y)",
        "fixed_size_list",
        "lists of a fixed size are lists here; Polars makes them the elements of a list",
    ),
    Difference("x.dt.dst_offset()", "timestamp[ns, tz=", "double summer time of 1945, as above"),
)
"""Where an answer is meant to be another than the oracle's, and why."""

REFUSED = {
    *(("-x", f"uint{bits}") for bits in (8, 16, 32, 64)),
    *((f"x.dt.{call}", "date32[day]") for call in ("truncate('1h30m')", "round('1h')")),
    ("x.dt.offset_by('2h30m')", "date32[day]"),
    *((code, "duration[us]") for code in ("x * y", "x // y", "x % y")),
    *((code, "duration[us]") for code in ("x ** 2", "x ** 0.5")),
    ("p.concat_str('x', 'y', separator='-')", "list<item: int64>"),
    ("p.concat_str('x', 'y', ignore_nulls=True)", "list<item: int64>"),
    ("x.list.count_matches(1)", "list<item: string>"),
    ("x.list.count_matches(1)", "list<item: date32[day]>"),
    ("x.list.diff()", "list<item: uint8>"),
}
"""Calls that have no meaning for a type of a kind, and say so when they are written."""


@dataclass(frozen=True, kw_only=True)
class Shape:
    """How many rows a frame has, how many of them are null, and in how many partitions it lies."""

    rows: int
    nulls: float
    partitions: int = 1


SHAPES = {
    "some null, several partitions": Shape(rows=60, nulls=0.2, partitions=4),
    "no null": Shape(rows=25, nulls=0.0),
    "all null": Shape(rows=7, nulls=1.0),
    "one row": Shape(rows=1, nulls=0.0),
    "empty": Shape(rows=0, nulls=0.0),
}

TYPES = {
    str(dtype): dtype for function in FUNCTIONS.values() for dtype in function.accepts[0].samples
}


def taking(dtype: pa.DataType) -> Iterator[str]:
    """Yield the calls of all functions that take a type."""
    for function in FUNCTIONS.values():
        if dtype in function.accepts[0].samples:
            yield from calls(function)


def frame_of(batch: pa.RecordBatch, partitions: int, folder: Path) -> pt.DataFrame:
    """Return a frame over files with the rows of `batch`."""
    rows = -(-batch.num_rows // partitions) or 1
    for number in range(partitions):
        part = pa.table(batch).slice(number * rows, rows)
        feather.write_feather(part, str(folder / f"{number}.arrow"), compression="uncompressed")
    return pt.scan_ipc(str(folder))


def expected(code: str, dtype: pa.DataType, batch: pa.RecordBatch) -> tuple[str, list[Any]] | None:
    """Return who answers a call, and the answer; None where nobody does."""
    by_value = reference(code, str(dtype))
    if by_value is not None:
        return "reference", by_value(batch.to_pylist())
    found = by_polars(code, dtype, pa.table(batch))
    if found is not None:
        return "polars", found
    other = stand_in(dtype)
    if other is not None:
        table = pa.table(batch)
        for name in ("x", "y"):
            place = table.schema.get_field_index(name)
            table = table.set_column(place, name, table[name].cast(other))
        found = by_polars(code, dtype, table)
    return None if found is None else (f"polars over {other}", found)


def stand_in(dtype: pa.DataType) -> pa.DataType | None:
    """Return the type by which Polars is asked for what it does not offer for `dtype`."""
    if pa.types.is_decimal(dtype):
        return pa.float64()
    if pa.types.is_fixed_size_list(dtype):
        return pa.list_(dtype.value_type)
    return None


def by_polars(code: str, dtype: pa.DataType, table: pa.Table) -> list[Any] | None:
    """Return what Polars gives; None where it has no such function for the type."""
    frame = pl.from_arrow(table)
    assert isinstance(frame, pl.DataFrame)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            asked = build(POLARS.get(code, code), dtype, pl)
        column = frame.select(z=asked).to_series()
    except pl.exceptions.PolarsError:
        return None
    values = column.to_list()
    # A literal alone is one row there.
    return values if len(values) == table.num_rows else None


COUNTED: Counter[str] = Counter()
FOUND: set[tuple[str, str]] = set()


@pytest.mark.parametrize("name", TYPES)
def test_all_functions_over(name: str, tmp_path: Path) -> None:
    dtype = TYPES[name]
    for shape_name, shape in SHAPES.items():
        batch = batch_of(dtype, shape.rows, shape.nulls)
        exprs = {code: planned(code, batch) for code in dict.fromkeys(taking(dtype))}
        refused = {code for code, plan in exprs.items() if plan is None}
        assert refused == {code for code in exprs if (code, name) in REFUSED}, "see REFUSED"
        asked = [code for code in exprs if code not in refused]
        folder = tmp_path / shape_name
        folder.mkdir()
        with pt.config.set(executor="serial", partition_bytes=64):
            frame = frame_of(batch, shape.partitions, folder)
            query = frame.select(
                **{f"c{place}": build(code, dtype) for place, code in enumerate(asked)}
            )
            result = query.collect()
        if shape.partitions > 1:
            assert max(stage.tasks for stage in result.profile.stages) >= shape.partitions
        table = result.to_arrow()
        for place, code in enumerate(asked):
            found = table.column(place).to_pylist()
            compare(code, name, shape_name, batch, found)


def compare(code: str, name: str, shape: str, batch: pa.RecordBatch, found: list[Any]) -> None:
    """Fail where an answer is another than the oracle's and that is not listed."""
    oracle = expected(code, TYPES[name], batch)
    assert oracle is not None, f"nobody answers {code} over {name}: write a reference for it"
    who, wanted = oracle
    COUNTED[who] += 1
    differing = [
        (row, got, want)
        for row, got, want in zip(batch.to_pylist(), found, wanted, strict=True)
        if not equal(got, want)
    ]
    listed = [
        each for each in DIFFERENCES if code.startswith(each.code) and name.startswith(each.types)
    ]
    FOUND.update((each.code, each.types) for each in listed if differing)
    assert listed or not differing, (
        f"{code} over {name}, {shape}: (row, ours, that of {who}) {differing[:3]}"
    )


def test_every_difference_is_there(record_property: Any) -> None:
    # Runs behind the others: what they have not found is no difference (any more).
    if len(COUNTED) == 0:
        pytest.fail("run with the tests before it")
    assert {(each.code, each.types) for each in DIFFERENCES} == FOUND
    record_property("function cases", dict(COUNTED))
    print(f"function cases: {sum(COUNTED.values())} {dict(COUNTED)}, {len(FOUND)} differences")

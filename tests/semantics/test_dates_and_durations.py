"""Dates, durations and units of time: the checks of their table."""

from __future__ import annotations

import datetime
from datetime import date, timedelta
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import partita as pt
from partita import errors

from .page import (
    HERE,
    POLARS,
    Section,
    col,
    fails,
    moments,
    sql,
    sql_fails,
    sql_type,
    type_of,
    values,
)

SECTION = Section("Dates, durations and units of time")
line = SECTION.line

MONDAY, SUNDAY = date(2024, 1, 1), date(2023, 12, 31)


def at(*args: int) -> datetime.datetime:
    """Return a point in time without a zone."""
    return datetime.datetime(*args)  # type: ignore[arg-type]


@line("a month after the last of January", "here", "Polars")
def _(e: Any) -> None:
    found = e.values(e.col("d").dt.offset_by("1mo"), d=[date(2024, 1, 31)])
    assert found == [date(2024, 2, 29)]


@line("a month after the last of January", "pandas")
def _() -> None:
    found = pd.Series([at(2024, 1, 31)]) + pd.DateOffset(months=1)
    assert list(found) == [pd.Timestamp(2024, 2, 29)]


@line("a month after the last of January", "DuckDB")
def _() -> None:
    assert sql("d + INTERVAL 1 MONTH", d=[date(2024, 1, 31)]) == [at(2024, 2, 29)]


@line("units of time")
def _() -> None:
    df = pt.from_pydict({"ms": moments("ms", None, 1), "ns": moments("ns", None, 1_000_000)})
    assert len(df.filter(col("ms") == col("ns"))) == 1
    assert len(df.join(df, left_on="ms", right_on="ns")) == 1
    later = {"ms": moments("ms", None, 1), "ns": moments("ns", None, 1_000_001)}
    assert values(col("ms") == col("ns"), **later) == [False]


@line("units of time", "pandas")
def _() -> None:
    ms, ns = (pd.Series(at(1970, 1, 1), [0]).astype(f"M8[{unit}]") for unit in ("ms", "ns"))
    assert list(ms == ns) == [True]
    assert list(ms == ns + pd.Timedelta(1, "ns")) == [False]


@line("units of time", "Polars")
def _() -> None:
    later = {"ms": moments("ms", None, 1), "ns": moments("ns", None, 1_000_001)}
    assert POLARS.values(pl.col("ms") == pl.col("ns"), **later) == [True]


@line("units of time", "DuckDB")
def _() -> None:
    later = {"ms": moments("ms", None, 1), "ns": moments("ns", None, 1_000_001)}
    assert sql("ms = ns", **later) == [False]


@line("a date beside a point in time", "here", "Polars")
def _(e: Any) -> None:
    assert e.values(e.col("d") == e.col("t"), d=[MONDAY], t=[at(2024, 1, 1)]) == [True]
    assert e.values(e.col("t") > MONDAY, t=[at(2024, 1, 1, 1)]) == [True]
    assert e.values(e.col("d") == at(2024, 1, 1, 12), d=[MONDAY]) == [False]


@line("a date beside a point in time", "DuckDB")
def _() -> None:
    assert sql("d = t", d=[MONDAY], t=[at(2024, 1, 1)]) == [True]
    assert sql("t > DATE '2024-01-01'", t=[at(2024, 1, 1, 1)]) == [True]


@line("a date beside text")
def _() -> None:
    assert HERE.fails(lambda: col("d") == pt.lit("2024-01-01"), d=[MONDAY])


@line("a date beside text", "pandas")
def _() -> None:
    assert list(pd.Series([at(2024, 1, 1)]) == "2024-01-01") == [True]


@line("a date beside text", "Polars")
def _() -> None:
    assert POLARS.fails(pl.col("d") == "2024-01-01", d=[MONDAY])


@line("a date beside text", "DuckDB")
def _() -> None:
    assert sql("d = '2024-01-01'", d=[MONDAY]) == [True]


@line("difference of times")
def _() -> None:
    data = {"a": [date(2024, 1, 31)], "b": [date(2024, 2, 1)]}
    assert values(col("b") - col("a"), **data) == [timedelta(days=1)]
    assert values(col("a") + timedelta(hours=25), **data) == [date(2024, 2, 1)]
    with pytest.raises(errors.TypeMismatch):
        pt.from_pydict(data).select(col("a") + 1)


@line("difference of times", "pandas")
def _() -> None:
    days = pd.Series([at(2024, 1, 31)])
    assert list(days - days) == [pd.Timedelta(0)]
    with pytest.raises(TypeError):
        days + 1


@line("difference of times", "Polars")
def _() -> None:
    data = {"a": [date(2024, 1, 31)], "b": [date(2024, 2, 1)]}
    assert POLARS.values(pl.col("b") - pl.col("a"), **data) == [timedelta(days=1)]
    assert POLARS.values(pl.col("a") + timedelta(hours=25), **data) == [date(2024, 2, 1)]
    assert POLARS.fails(pl.col("a") + 1, **data)


@line("difference of times", "DuckDB")
def _() -> None:
    data = {"a": [date(2024, 1, 31)], "b": [date(2024, 2, 1)]}
    assert sql("b - a", **data) == [1]
    assert sql("a + 1", **data) == [date(2024, 2, 1)]
    assert sql("a + INTERVAL 25 HOUR", **data) == [at(2024, 2, 1, 1)]


@line("a share of a duration")
def _() -> None:
    data = {"a": [timedelta(microseconds=3), timedelta(microseconds=-3)]}
    assert values(col("a") / 2, **data) == [timedelta(microseconds=1), timedelta(microseconds=-2)]
    assert values(col("a") / col("a"), **data) == [1.0, 1.0]


@line("a share of a duration", "pandas")
def _() -> None:
    micros = pd.Series([timedelta(microseconds=3), timedelta(microseconds=-3)])
    assert list(micros / 2) == [timedelta(microseconds=1), timedelta(microseconds=-1)]
    assert list(micros / micros) == [1.0, 1.0]


@line("a share of a duration", "Polars")
def _() -> None:
    data = {"a": [timedelta(microseconds=3), timedelta(microseconds=-3)]}
    found = POLARS.values(pl.col("a") / 2, **data)
    assert found == [timedelta(microseconds=1), timedelta(microseconds=-2)]


@line("whole days of a duration below zero", "here", "Polars")
def _(e: Any) -> None:
    assert e.values(e.col("a").dt.total_days(), a=[timedelta(hours=-36)]) == [-1]


@line("whole days of a duration below zero", "pandas")
def _() -> None:
    assert list(pd.Series([timedelta(hours=-36)]).dt.days) == [-2]


@line("weekday", "here", "Polars")
def _(e: Any) -> None:
    assert e.values(e.col("a").dt.weekday(), a=[MONDAY, SUNDAY]) == [1, 7]


@line("weekday", "pandas")
def _() -> None:
    assert list(pd.Series([at(2024, 1, 1), at(2023, 12, 31)]).dt.day_of_week) == [0, 6]


@line("weekday", "DuckDB")
def _() -> None:
    assert sql("dayofweek(a)", a=[MONDAY, SUNDAY]) == [1, 0]
    assert sql("isodow(a)", a=[MONDAY, SUNDAY]) == [1, 7]


@line("week of the year", "here", "Polars")
def _(e: Any) -> None:
    assert e.values(e.col("a").dt.week(), a=[date(2024, 12, 30)]) == [1]
    assert e.values(e.col("a").dt.truncate("1w"), a=[date(2024, 1, 7)]) == [MONDAY]


@line("week of the year", "pandas")
def _() -> None:
    assert list(pd.Series([at(2024, 12, 30)]).dt.isocalendar().week) == [1]


@line("week of the year", "DuckDB")
def _() -> None:
    assert sql("week(a)", a=[date(2024, 12, 30)]) == [1]
    assert sql("date_trunc('week', a)::DATE", a=[date(2024, 1, 7)]) == [MONDAY]


@line("where periods begin", "here", "Polars")
def _(e: Any) -> None:
    found = e.values(e.col("a").dt.truncate("7h"), a=[at(2024, 1, 7)])
    assert found == [at(2024, 1, 6, 22)]
    before = e.values(e.col("a").dt.truncate("1d"), a=[at(1969, 12, 31, 5)])
    assert before == [at(1969, 12, 31)]


@line("where periods begin", "pandas")
def _() -> None:
    assert list(pd.Series([at(2024, 1, 7)]).dt.floor("7h")) == [at(2024, 1, 6, 22)]


@line("where periods begin", "DuckDB")
def _() -> None:
    found = sql("time_bucket(INTERVAL '7 hours', a)", a=[at(2024, 1, 7)])
    assert found == [at(2024, 1, 6, 20)]


@line("`dt.round` between two", "here", "Polars")
def _(e: Any) -> None:
    found = e.values(e.col("a").dt.round("1h"), a=[at(2024, 1, 1, 0, 30)])
    assert found == [at(2024, 1, 1, 1)]


@line("`dt.round` between two", "pandas")
def _() -> None:
    assert list(pd.Series([at(2024, 1, 1, 0, 30)]).dt.round("h")) == [at(2024, 1, 1)]


@line("times that do not fit their unit")
def _() -> None:
    assert fails(col("a").cast(pa.timestamp("ns")), a=[at(9999, 12, 31)])
    assert fails(col("a") + timedelta(days=150_000), a=moments("ns", None, 0))


@line("times that do not fit their unit", "pandas")
def _() -> None:
    with pytest.raises(pd.errors.OutOfBoundsDatetime):
        pd.Series([at(9999, 12, 31)]).astype("M8[ns]")


@line("times that do not fit their unit", "Polars")
def _() -> None:
    assert POLARS.fails(pl.col("a").cast(pl.Datetime("ns")), a=[at(9999, 12, 31)])
    grown = pl.col("a") + timedelta(days=150_000)
    assert POLARS.type_of(grown, a=moments("ns", None, 0)) == "timestamp[us]"


@line("times that do not fit their unit", "DuckDB")
def _() -> None:
    assert sql_fails("a::TIMESTAMP_NS", a=[at(9999, 12, 31)])


@line("times in a coarser unit")
def _() -> None:
    before = col("a").cast(pa.timestamp("s")).cast(int)
    assert values(before, a=moments("us", None, -1)) == [-1]
    assert values(col("a").dt.epoch("s"), a=moments("us", None, -1)) == [-1]
    shorter = col("a").cast(pa.duration("ms")).cast(int)
    assert values(shorter, a=pa.array([-1500], pa.duration("us"))) == [-1]


@line("times in a coarser unit", "Polars")
def _() -> None:
    coarser = pl.col("a").cast(pl.Datetime("ms")).cast(pl.Int64)
    assert POLARS.values(coarser, a=moments("us", None, -1)) == [-1]


@line("times in a coarser unit", "DuckDB")
def _() -> None:
    assert sql("epoch_ms(a::TIMESTAMP_MS)", a=moments("us", None, -1)) == [0]


@line("type of parts of a time")
def _() -> None:
    for part in (col("a").dt.year(), col("a").dt.month(), col("a").dt.hour()):
        assert type_of(part, a=[at(2024, 1, 1)]) == "int64"


@line("type of parts of a time", "pandas")
def _() -> None:
    assert pd.Series([at(2024, 1, 1)]).dt.year.dtype == "int32"


@line("type of parts of a time", "Polars")
def _() -> None:
    assert POLARS.type_of(pl.col("a").dt.year(), a=[at(2024, 1, 1)]) == "int32"
    assert POLARS.type_of(pl.col("a").dt.month(), a=[at(2024, 1, 1)]) == "int8"


@line("type of parts of a time", "DuckDB")
def _() -> None:
    assert sql_type("month(a)", a=[at(2024, 1, 1)]) == "int64"


test_cells, test_agreement = SECTION.tests()

"""Time zones: the checks of their table."""

from __future__ import annotations

import datetime
from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import partita as pt
from partita import errors

from .page import (
    POLARS,
    Section,
    col,
    moments,
    sql,
    sql_type,
    values,
)

SECTION = Section("Time zones")
line = SECTION.line

ZONE = "America/New_York"
NEW_YORK = ZoneInfo(ZONE)
EPOCH = moments("us", ZONE, 0)  # 19:00 on the day before, there
ZONES = {"utc": moments("us", "UTC", 0), "berlin": moments("us", "Europe/Berlin", 0)}
PLAIN = moments("us", None, 0)
NOON = pd.Series([datetime.datetime(2024, 3, 9, 12)]).dt.tz_localize(ZONE)
"""The day before clocks are set forward."""


def at(*args: int) -> datetime.datetime:
    """Return a point in time without a zone."""
    return datetime.datetime(*args)  # type: ignore[arg-type]


@line("time zones", "here", "Polars")
def _(e: Any) -> None:
    assert e.type_of(e.col("t"), t=EPOCH) == f"timestamp[us, tz={ZONE}]"
    assert e.values(e.col("t").dt.hour(), t=EPOCH) == [19]
    local = e.col("t").dt.convert_time_zone(ZONE)
    assert e.values(local.dt.hour(), t=moments("us", "UTC", 0)) == [19]
    # Without a zone it is taken for UTC.
    assert e.values(local.dt.hour(), t=PLAIN) == [19]


@line("time zones", "pandas")
def _() -> None:
    zoned = pd.Series([at(1970, 1, 1)]).dt.tz_localize("UTC").dt.tz_convert(ZONE)
    assert list(zoned.dt.hour) == [19]
    with pytest.raises(TypeError, match="tz_localize"):
        pd.Series([at(1970, 1, 1)]).dt.tz_convert(ZONE)


@line("time zones", "DuckDB")
def _() -> None:
    assert sql_type("t", t=EPOCH) == "timestamp[us, tz=UTC]"
    assert sql("hour(t)", t=EPOCH) == [0]


@line("points in time of two zones")
def _() -> None:
    df = pt.from_pydict({**ZONES, "none": PLAIN})
    for one, other in ("utc", "berlin"), ("utc", "none"):
        with pytest.raises(errors.TypeMismatch):
            df.filter(col(one) == col(other))
        with pytest.raises(errors.TypeMismatch):
            df.join(df, left_on=one, right_on=other)
    assert len(df.filter(col("utc") == col("berlin").dt.convert_time_zone("UTC"))) == 1


@line("points in time of two zones", "pandas")
def _() -> None:
    utc = pd.Series([at(1970, 1, 1)]).dt.tz_localize("UTC")
    assert list(utc == utc.dt.tz_convert(ZONE)) == [True]
    assert list(utc == utc.dt.tz_localize(None)) == [False]
    with pytest.raises(TypeError):
        utc < utc.dt.tz_localize(None)  # noqa: B015 - it is the comparison that fails


@line("points in time of two zones", "Polars")
def _() -> None:
    assert POLARS.fails(pl.col("utc") == pl.col("berlin"), **ZONES)
    assert POLARS.fails(pl.col("utc") == pl.col("none"), utc=ZONES["utc"], none=PLAIN)


@line("points in time of two zones", "DuckDB")
def _() -> None:
    assert sql("utc = berlin", **ZONES) == [True]
    assert sql("utc = none", utc=ZONES["utc"], none=PLAIN) == [True]


@line("a point in time of Python beside a zone")
def _() -> None:
    there = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC).astimezone(NEW_YORK)
    assert values(col("t") == there, t=ZONES["utc"]) == [True]
    with pytest.raises(errors.TypeMismatch):
        pt.from_pydict({"t": ZONES["utc"]}).filter(col("t") == at(1970, 1, 1))


@line("a point in time of Python beside a zone", "pandas")
def _() -> None:
    there = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC).astimezone(NEW_YORK)
    utc = pd.Series([at(1970, 1, 1)]).dt.tz_localize("UTC")
    assert list(utc == there) == [True]
    assert list(utc == at(1970, 1, 1)) == [False]


@line("a point in time of Python beside a zone", "Polars")
def _() -> None:
    there = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC).astimezone(NEW_YORK)
    assert POLARS.fails(lambda: pl.col("t") == there, t=ZONES["utc"])
    assert POLARS.fails(lambda: pl.col("t") == at(1970, 1, 1), t=ZONES["utc"])


GAP, TWICE = at(2024, 3, 10, 2, 30), at(2024, 11, 3, 1, 30)


@line("a local time that does not exist or is ambiguous", "here", "Polars")
def _(e: Any) -> None:
    zoned = e.col("t").dt.replace_time_zone(ZONE)
    for moment in GAP, TWICE:
        with pytest.raises((errors.ComputeError, pl.exceptions.ComputeError)):
            e.values(zoned, t=[moment])
    assert e.values(zoned.dt.hour(), t=[at(2024, 11, 3, 3, 30)]) == [3]


@line("a local time that does not exist or is ambiguous", "pandas")
def _() -> None:
    for moment in GAP, TWICE:
        with pytest.raises(ValueError, match=r"nonexistent|Cannot infer dst"):
            pd.Series([moment]).dt.tz_localize(ZONE)


@line("a local time that does not exist or is ambiguous", "DuckDB")
def _() -> None:
    found = sql(f"timezone('{ZONE}', t)::TIMESTAMP", t=[GAP, TWICE])
    # Half past three in summer time; half past one after the clocks were set back.
    assert found == [at(2024, 3, 10, 7, 30), at(2024, 11, 3, 6, 30)]


@line("a day later, where clocks are set", "here", "Polars")
def _(e: Any) -> None:
    noon = moments("us", ZONE, NOON[0].to_pydatetime())
    assert e.values(e.col("t").dt.offset_by("1d").dt.hour(), t=noon) == [12]
    assert e.values((e.col("t") + timedelta(days=1)).dt.hour(), t=noon) == [13]


@line("a day later, where clocks are set", "pandas")
def _() -> None:
    assert list((NOON + pd.DateOffset(days=1)).dt.hour) == [12]
    assert list((NOON + timedelta(days=1)).dt.hour) == [13]


@line("a day later, where clocks are set", "DuckDB")
def _() -> None:
    noon = moments("us", ZONE, NOON[0].to_pydatetime())
    assert sql("hour(t)", t=noon) == sql("hour(t + INTERVAL 1 DAY)", t=noon) == [17]


@line("a point in time as a date")
def _() -> None:
    assert values(col("t").cast("date"), t=EPOCH) == [date(1969, 12, 31)]
    assert values(col("t").dt.date(), t=EPOCH) == [date(1969, 12, 31)]


@line("a point in time as a date", "pandas")
def _() -> None:
    zoned = pd.Series([at(1970, 1, 1)]).dt.tz_localize("UTC").dt.tz_convert(ZONE)
    assert list(zoned.dt.date) == [date(1969, 12, 31)]


@line("a point in time as a date", "Polars")
def _() -> None:
    assert POLARS.values(pl.col("t").cast(pl.Date), t=EPOCH) == [date(1970, 1, 1)]
    assert POLARS.values(pl.col("t").dt.date(), t=EPOCH) == [date(1969, 12, 31)]


@line("a point in time as a date", "DuckDB")
def _() -> None:
    assert sql("t::DATE", t=EPOCH) == [date(1970, 1, 1)]


@line("a cast that takes a zone away or gives one", "here", "Polars")
def _(e: Any) -> None:
    kinds = (pa.timestamp("us"), pa.timestamp("us", ZONE))
    if e is POLARS:
        kinds = (pl.Datetime("us"), pl.Datetime("us", ZONE))
    assert e.values(e.col("t").cast(kinds[0]), t=EPOCH) == [at(1970, 1, 1)]
    assert e.values(e.col("t").cast(kinds[1]).dt.hour(), t=PLAIN) == [19]
    assert e.values(e.col("t").dt.replace_time_zone(None).dt.hour(), t=EPOCH) == [19]


@line("a cast that takes a zone away or gives one", "DuckDB")
def _() -> None:
    assert sql("t::TIMESTAMP", t=EPOCH) == [at(1970, 1, 1)]


test_cells, test_agreement = SECTION.tests()

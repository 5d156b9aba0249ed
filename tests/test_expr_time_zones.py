"""Truncating, rounding and moving where clocks are set back and forth, as Polars does it."""

from __future__ import annotations

import datetime
from typing import Any

import polars as pl
import pyarrow as pa
import pytest

import partita as pt
from partita.engine.errors import InvalidExpression
from partita.engine.expr.evaluate import evaluate

ZONES = (
    "UTC",
    "Europe/Paris",
    "America/New_York",
    "America/Sao_Paulo",
    "Australia/Lord_Howe",
    "Asia/Kolkata",
)
UTC = datetime.UTC
NIGHTS = (
    datetime.datetime(2024, 3, 30, 22, tzinfo=UTC),
    datetime.datetime(2024, 10, 26, 22, tzinfo=UTC),
    datetime.datetime(2024, 3, 10, 4, tzinfo=UTC),
    datetime.datetime(2024, 11, 3, 4, tzinfo=UTC),
    datetime.datetime(2018, 11, 4, 1, tzinfo=UTC),
    datetime.datetime(2018, 2, 18, 0, tzinfo=UTC),
    datetime.datetime(2024, 4, 6, 13, tzinfo=UTC),
    datetime.datetime(1969, 12, 31, 20, tzinfo=UTC),
)
"""When the clocks of one of the zones are set, or just before 1970."""

INSTANTS = [
    night + datetime.timedelta(days=days, minutes=20 * step, seconds=7)
    for night in NIGHTS
    for days in (-1, 0, 1)
    for step in range(24)
]

CALLS = (
    *(f"truncate('{every}')" for every in ("10m", "1h", "2h", "90m", "1d", "3d", "1w", "2w")),
    *(f"truncate('{every}')" for every in ("1mo", "5mo", "1q", "1y", "3y")),
    *(f"round('{every}')" for every in ("30m", "1d", "1w")),
    *(f"offset_by('{by}')" for by in ("24h", "-1h", "90m", "1d", "-1d", "1w", "2mo")),
    *(f"offset_by('{by}')" for by in ("-1y", "1q2d3h", "1s", "1d1h")),
    *("month_start()", "month_end()", "date()", "hour()", "days_in_month()", "ordinal_day()"),
    *("base_utc_offset()", "dst_offset()", "replace_time_zone(None)", "iso_year()"),
)


REFUSED_THERE = {("Europe/Paris", "month_end()")}
"""Polars raises where the last day of a month skips the hour; here it is the first one behind."""


def test_the_end_of_a_month_may_be_the_day_the_clocks_are_set() -> None:
    skipped = datetime.datetime(2024, 3, 30, 1, 30, tzinfo=UTC)
    assert moved("month_end()", skipped) == ["2024-03-31T03:00:00+02:00"]


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("unit", ["us", "ms", "ns"])
def test_times_of_a_zone_are_those_of_polars(zone: str, unit: str) -> None:
    times = pa.array(INSTANTS, pa.timestamp("us", "UTC")).cast(pa.timestamp(unit, zone))
    batch = pa.record_batch({"t": times})
    frame = pl.from_arrow(pa.table(batch))
    assert isinstance(frame, pl.DataFrame)
    for call in CALLS:
        if (zone, call) in REFUSED_THERE:
            continue
        ours = evaluate(eval(f"pt.col('t').dt.{call}").node, batch)
        theirs = frame.select(eval(f"pl.col('t').dt.{call}")).to_series()
        wanted = theirs.to_arrow()
        if pa.types.is_timestamp(ours.type):
            assert ours.type == times.type or "replace" in call
        assert [*map(str, ours.to_pylist())] == [*map(str, wanted.to_pylist())], call


def moved(call: str, *instants: datetime.datetime) -> list[Any]:
    times = pa.array(instants).cast(pa.timestamp("us", "Europe/Paris"))
    found = evaluate(eval(f"pt.col('t').dt.{call}").node, pa.record_batch({"t": times}))
    return [each.isoformat() for each in found.to_pylist()]


def test_a_day_is_a_day_on_the_wall_and_24_hours_are_24_hours() -> None:
    before = datetime.datetime(2024, 3, 30, 1, 30, tzinfo=UTC)
    assert moved("offset_by('1d')", before - datetime.timedelta(hours=1)) == [
        "2024-03-31T01:30:00+01:00"
    ]
    assert moved("offset_by('2d')", before) == ["2024-04-01T02:30:00+02:00"]
    assert moved("offset_by('48h')", before) == ["2024-04-01T03:30:00+02:00"]


def test_a_time_that_is_skipped_is_an_hour_nearer_to_where_one_comes_from() -> None:
    winter = datetime.datetime(2024, 3, 30, 1, 30, tzinfo=UTC)
    summer = datetime.datetime(2024, 4, 1, 0, 30, tzinfo=UTC)
    assert moved("offset_by('1d')", winter) == ["2024-03-31T01:30:00+01:00"]
    assert moved("offset_by('-1d')", summer) == ["2024-03-31T03:30:00+02:00"]


def test_an_hour_that_comes_twice_stays_the_one_it_is() -> None:
    first = datetime.datetime(2024, 10, 27, 0, 40, tzinfo=UTC)
    assert moved("truncate('1h')", first, first + datetime.timedelta(hours=1)) == [
        "2024-10-27T02:00:00+02:00",
        "2024-10-27T02:00:00+01:00",
    ]


def test_periods_come_from_columns_and_timedeltas() -> None:
    batch = pa.record_batch(
        {
            "t": pa.array([datetime.datetime(2024, 2, 29, 13, 45)] * 3),
            "every": ["1h", "1mo", None],
        }
    )
    t = pt.col("t")
    found = evaluate(t.dt.truncate(pt.col("every")).node, batch).to_pylist()
    assert found == [datetime.datetime(2024, 2, 29, 13), datetime.datetime(2024, 2, 1), None]
    found = evaluate(t.dt.truncate(datetime.timedelta(hours=2)).node, batch).to_pylist()
    assert found[0] == datetime.datetime(2024, 2, 29, 12)
    found = evaluate(t.dt.offset_by(pt.col("every")).node, batch).to_pylist()
    assert found[:2] == [
        datetime.datetime(2024, 2, 29, 14, 45),
        datetime.datetime(2024, 3, 29, 13, 45),
    ]


def test_rounding_to_months_and_years_goes_to_the_nearer_end() -> None:
    days = [datetime.date(2024, 7, 2), datetime.date(2024, 7, 1), datetime.date(2023, 12, 31)]
    batch = pa.record_batch({"t": pa.array(days)})
    assert evaluate(pt.col("t").dt.round("1y").node, batch).to_pylist() == [
        datetime.date(2025, 1, 1),
        datetime.date(2024, 1, 1),
        datetime.date(2024, 1, 1),
    ]


@pytest.mark.parametrize("text", ["1", "h", "1x", "0d", "-1d", "1mo-1d", "1 d", ""])
def test_what_is_no_period_says_how_to_write_one(text: str) -> None:
    batch = pa.record_batch({"t": pa.array([], pa.timestamp("us"))})
    with pytest.raises(InvalidExpression, match=r"15m|above zero"):
        evaluate(pt.col("t").dt.truncate(text).node, batch)


def test_months_and_days_have_no_common_start() -> None:
    batch = pa.record_batch({"t": pa.array([], pa.timestamp("us"))})
    with pytest.raises(InvalidExpression, match="no common"):
        evaluate(pt.col("t").dt.truncate("1mo2d").node, batch)

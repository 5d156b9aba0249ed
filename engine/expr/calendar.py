"""Periods written as text (``"15m"``, ``"1mo2d"``), and moving by them on the calendar."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..errors import InvalidExpression

_NANOSECONDS = {"ns": 1, "us": 10**3, "ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}
_MONTHS = {"mo": 1, "q": 3, "y": 12}
_DAYS = {"d": 1, "w": 7}
_UNITS = "ns|us|ms|mo|s|m|h|d|w|q|y"
DAY = 24 * _NANOSECONDS["h"]


@dataclass(frozen=True, kw_only=True)
class Period:
    """A length of time: months and days of the calendar, and a fixed length."""

    text: str
    """As it was written."""

    months: int = 0
    days: int = 0
    nanoseconds: int = 0

    weeks: bool = False
    """Whether the days were written as weeks, which begin on Monday."""

    @property
    def whole_days(self) -> bool:
        """Whether it consists of whole days."""
        return self.nanoseconds == 0

    @property
    def fixed(self) -> int:
        """Its days and its fixed length, in nanoseconds."""
        return self.days * DAY + self.nanoseconds


def period_of(text: str, *, signed: bool = False) -> Period:
    """Return the period that `text` says.

    Parameters
    ----------
    text
        Numbers and units, such as ``"1h30m"``; a sign at the front is for all of them.
    signed
        Whether it may be below zero, or zero.

    Raises
    ------
    InvalidExpression
        If it is none.

    Examples
    --------
    >>> period_of("1d12h")
    Period(text='1d12h', months=0, days=1, nanoseconds=43200000000000, weeks=False)
    """
    found = re.fullmatch(rf"([+-]?)((\d+({_UNITS}))+)", text)
    sign = -1 if found is not None and found[1] == "-" else 1
    amount = {"months": 0, "days": 0, "nanoseconds": 0}
    units = set()
    for number, unit in re.findall(rf"(\d+)({_UNITS})", text if found is not None else ""):
        units.add(unit)
        for name, lengths in (
            ("months", _MONTHS),
            ("days", _DAYS),
            ("nanoseconds", _NANOSECONDS),
        ):
            amount[name] += sign * int(number) * lengths.get(unit, 0)
    if found is None or (not signed and (sign < 0 or not any(amount.values()))):
        raise InvalidExpression(
            f"{text!r} is not a period of time. Write a number"
            f"{'' if signed else ' above zero'} and a unit of: ns us ms s m h d w mo q y, such as"
            ' "15m" or "1mo".'
        )
    return Period(text=text, weeks=units == {"w"}, **amount)


def offset(value: pa.Array, period: Period) -> pa.Array:
    """Return dates or timestamps a period later.

    Months and days are counted on the wall of the time zone: a day later is the same hour, also
    where the clocks have been changed. The rest is a fixed length of time.
    """
    dtype = value.type
    if pa.types.is_date(dtype):
        _refuse_part_of_a_day(period)
        wall = value.cast(pa.timestamp("s"))
        return _later_on_the_wall(wall, period).cast(dtype)
    if period.months or period.days:
        moved = _later_on_the_wall(wall_of(value), period)
        value = instants(moved, value, dtype, moved=True)
    return _plus(value, period.nanoseconds) if period.nanoseconds else value


def _refuse_part_of_a_day(period: Period) -> None:
    if not period.whole_days:
        raise InvalidExpression(f"A date has no time of day, but {period.text!r} is part of a day.")


def _later_on_the_wall(wall: pa.Array, period: Period) -> pa.Array:
    if period.months:
        wall = _plus_months(wall, period.months)
    return _plus(wall, period.days * DAY) if period.days else wall


def _plus(value: pa.Array, nanoseconds: int) -> pa.Array:
    ticks, rest = divmod(nanoseconds, _TICKS[value.type.unit])
    if rest:
        raise InvalidExpression(
            f"{value.type} has no finer parts than its unit; cast it to a finer one first."
        )
    return pc.add_checked(value, pa.scalar(ticks, pa.duration(value.type.unit)))


_TICKS = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}
"""Nanoseconds in one of a unit."""


def _ticks(wall: pa.Array) -> np.ndarray:
    return pc.fill_null(wall.cast(pa.int64()), 0).to_numpy(zero_copy_only=False)


def _from_ticks(ticks: np.ndarray, like: pa.Array) -> pa.Array:
    mask = np.asarray(like.is_null()) if like.null_count else None
    return pa.array(ticks.astype(np.int64), mask=mask).cast(like.type)


def _plus_months(wall: pa.Array, months: int) -> pa.Array:
    """Return timestamps some months later, on the last day where the month has no such day."""
    unit = wall.type.unit
    values = _ticks(wall).view(f"M8[{unit}]")
    month = values.astype("M8[M]")
    days = values.astype("M8[D]")
    day_of_month = days - month.astype("M8[D]")
    later = month + np.timedelta64(months, "M")
    last = (later + 1).astype("M8[D]") - later.astype("M8[D]") - 1
    moved = later.astype("M8[D]") + np.minimum(day_of_month, last)
    result = moved.astype(f"M8[{unit}]") + (values - days.astype(f"M8[{unit}]"))
    return _from_ticks(result.view("i8"), wall)


def wall_of(value: pa.Array) -> pa.Array:
    """Return timestamps as the clocks of their zone show them, without a zone."""
    return pc.local_timestamp(value) if value.type.tz else value


def instants(
    wall: pa.Array, original: pa.Array, dtype: pa.DataType, *, moved: bool = False
) -> pa.Array:
    """Return times on the wall as instants of the zone of `dtype`.

    Where the clocks are set back and a time is there twice, it is the one as far from UTC as the
    `original` instant is. A time that they skip when they are set forward is the first instant
    behind. If the original was `moved` to it, it is read by the offset that the original has not,
    as Polars does it: half past two, where two becomes three, is half past one if one comes from
    winter, and half past three from summer.
    """
    if dtype.tz is None:
        return wall
    first, second = (
        pc.assume_timezone(wall, dtype.tz, ambiguous=side, nonexistent="latest")
        for side in ("earliest", "latest")
    )
    away = _offsets(original)
    if not first.equals(second):
        is_second = pc.equal(_ticks_between(wall, second), away)
        first = pc.if_else(is_second, second, first)
    if not moved or wall_of(first).equals(wall):
        return first
    before = pc.assume_timezone(wall, dtype.tz, ambiguous="earliest", nonexistent="earliest")
    old, new = _offsets(before), _offsets(first)
    other = pc.if_else(pc.equal(old, away), new, old)
    skipped = pc.not_equal(wall_of(first), wall)
    return pc.if_else(skipped, pc.subtract(wall.cast(pa.int64()), other).cast(dtype), first)


def _offsets(instant: pa.Array) -> pa.Array:
    """Return how far the clocks of the zone are from UTC, in ticks of the unit."""
    return _ticks_between(wall_of(instant), instant)


def _ticks_between(left: pa.Array, right: pa.Array) -> pa.Array:
    return pc.subtract(left.cast(pa.int64()), right.cast(pa.int64()))


def truncated(value: pa.Array, period: Period) -> pa.Array:
    """Return the start of the period that each date or timestamp is in, on the wall of its zone.

    Periods are counted from 1970-01-01, weeks from the Monday behind it.
    """
    wall, dtype = _on_the_wall(value, period)
    floor = _from_ticks(_floor(_ticks(wall), wall.type.unit, period), wall)
    return floor.cast(dtype) if pa.types.is_date(dtype) else instants(floor, value, dtype)


def rounded(value: pa.Array, period: Period) -> pa.Array:
    """Return the nearest start of a period, the later one of two as near."""
    start = truncated(value, period)
    following = _following(value, period)
    seconds = pa.types.is_date(value.type)
    here, before, behind = (
        (each.cast(pa.timestamp("s")) if seconds else each).cast(pa.int64())
        for each in (value, start, following)
    )
    nearer = pc.greater_equal(pc.subtract(here, before), pc.subtract(behind, here))
    return pc.if_else(nearer, following, start)


def _following(value: pa.Array, period: Period) -> pa.Array:
    """Return the start of the period after that which each date or timestamp is in."""
    wall, dtype = _on_the_wall(value, period)
    floor = _from_ticks(_floor(_ticks(wall), wall.type.unit, period), wall)
    if period.nanoseconds and dtype.tz is not None:
        return offset(instants(floor, value, dtype), period)
    behind = offset(floor, period)
    return behind.cast(dtype) if pa.types.is_date(dtype) else instants(behind, value, dtype)


def _on_the_wall(value: pa.Array, period: Period) -> tuple[pa.Array, pa.DataType]:
    if pa.types.is_date(value.type):
        _refuse_part_of_a_day(period)
        return value.cast(pa.timestamp("s")), value.type
    return wall_of(value), value.type


def _floor(ticks: np.ndarray, unit: str, period: Period) -> np.ndarray:
    if period.months:
        if period.fixed:
            raise InvalidExpression(
                f"{period.text!r} is made of months and of days or less, which have no common"
                " start. Truncate by one of them."
            )
        months = ticks.view(f"M8[{unit}]").astype("M8[M]").view("i8")
        floor = months - months % period.months
        return floor.view("M8[M]").astype(f"M8[{unit}]").view("i8")
    length, rest = divmod(period.fixed, _TICKS[unit])
    if rest:
        if length == 0 and _TICKS[unit] % period.fixed == 0:
            # Finer than the values are: each is the start of such a period.
            return ticks
        raise InvalidExpression(
            f"Timestamps of the unit {unit} have no periods of {period.text!r}; cast to a finer"
            " one."
        )
    origin = 4 * DAY // _TICKS[unit] if period.weeks else 0
    return ticks - (ticks - origin) % length


def moved(value: pa.Array, by: str | int) -> pa.Array:
    """Return dates or timestamps a period later, or integers by so much greater.

    Raises
    ------
    InvalidExpression
        If `by` is no period, or a number beside times, or a period of time beside integers.

    Examples
    --------
    >>> moved(pa.array([1, 2]), -3).to_pylist()
    [-2, -1]
    """
    if pa.types.is_integer(value.type):
        if not isinstance(by, int):
            raise InvalidExpression(
                f"{by!r} is a period of time, but the column holds {value.type}: write a number."
            )
        return pc.add_checked(value.cast(pa.int64()), pa.scalar(by, pa.int64()))
    if isinstance(by, int):
        raise InvalidExpression(
            f"{by!r} is a number, but the column holds {value.type}: write a period such as"
            f' "{by}d" or "{by}h".'
        )
    return offset(value, period_of(by, signed=True))


def moved_twice(value: pa.Array, first: str | int, then: str | int) -> pa.Array:
    """Return `moved` by one period and then by another; by their sum where they have one unit.

    A month back and a month on from the 29th of March is the 29th of March, not the 28th, where
    February ends.
    """
    if isinstance(first, int) and isinstance(then, int):
        return moved(value, first + then)
    if isinstance(first, str) and isinstance(then, str):
        one, two = period_of(first, signed=True), period_of(then, signed=True)
        if _parts(one) == _parts(two):
            both = Period(
                text=f"{first} and {then}",
                months=one.months + two.months,
                days=one.days + two.days,
                nanoseconds=one.nanoseconds + two.nanoseconds,
            )
            return offset(value, both)
    return moved(moved(value, first), then)


def _parts(period: Period) -> tuple[bool, bool, bool]:
    """Return which parts a period has: months, days, a fixed length."""
    return bool(period.months), bool(period.days), bool(period.nanoseconds)

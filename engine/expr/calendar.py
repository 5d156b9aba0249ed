"""Periods written as text (``"15m"``, ``"1mo"``), and moving by them on the calendar."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..errors import InvalidExpression

_ARROW_UNITS = {
    "ns": "nanosecond",
    "us": "microsecond",
    "ms": "millisecond",
    "s": "second",
    "m": "minute",
    "h": "hour",
    "d": "day",
    "w": "week",
    "mo": "month",
    "q": "quarter",
    "y": "year",
}
_NANOSECONDS = {"ns": 1, "us": 10**3, "ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}
_MONTHS = {"mo": 1, "q": 3, "y": 12}
_DAYS = {"d": 1, "w": 7}


@dataclass(frozen=True, kw_only=True)
class Period:
    """A number of units of time."""

    count: int
    unit: str
    """One of ``ns us ms s m h d w mo q y``."""

    @property
    def text(self) -> str:
        """The period as it was written."""
        return f"{self.count}{self.unit}"

    @property
    def arrow_unit(self) -> str:
        """Arrow's name of the unit."""
        return _ARROW_UNITS[self.unit]

    @property
    def whole_days(self) -> bool:
        """Whether it consists of whole days."""
        return self.unit not in _NANOSECONDS


def period_of(text: str, *, signed: bool = False) -> Period:
    """Return the period that `text` says.

    >>> period_of("15m")
    Period(count=15, unit='m')
    """
    found = re.fullmatch(r"(-?\d+)(ns|us|ms|mo|s|m|h|d|w|q|y)", text)
    if found is None or (not signed and int(found[1]) < 1):
        raise InvalidExpression(
            f"{text!r} is not a period of time. Write a number"
            f"{'' if signed else ' above zero'} and a unit of: ns us ms s m h d w mo q y, such as"
            ' "15m" or "1mo".'
        )
    return Period(count=int(found[1]), unit=found[2])


def offset(value: pa.Array, period: Period) -> pa.Array:
    """Return dates or timestamps a period later.

    Days and longer are counted on the wall of the time zone: a day later is the same hour, also
    where the clocks have been changed.
    """
    dtype = value.type
    if not period.whole_days:
        if pa.types.is_date(dtype):
            raise InvalidExpression(
                f"A date has no time of day, but {period.text!r} is part of a day."
            )
        ticks = _NANOSECONDS[period.unit] * period.count
        return _plus(value, ticks)
    wall = pc.local_timestamp(value) if pa.types.is_timestamp(dtype) and dtype.tz else value
    if pa.types.is_date(dtype):
        wall = value.cast(pa.timestamp("s"))
    if period.unit in _DAYS:
        moved = _plus(wall, _DAYS[period.unit] * period.count * 24 * _NANOSECONDS["h"])
    else:
        moved = _plus_months(wall, _MONTHS[period.unit] * period.count)
    if pa.types.is_date(dtype):
        return moved.cast(dtype)
    return pc.assume_timezone(moved, dtype.tz) if dtype.tz else moved


def _plus(value: pa.Array, nanoseconds: int) -> pa.Array:
    scale = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}[value.type.unit]
    if nanoseconds % scale:
        raise InvalidExpression(
            f"{value.type} has no finer parts than its unit; cast it to a finer one first."
        )
    return pc.add_checked(value, pa.scalar(nanoseconds // scale, pa.duration(value.type.unit)))


def _plus_months(wall: pa.Array, months: int) -> pa.Array:
    """Return timestamps some months later, on the last day where the month has no such day."""
    unit = wall.type.unit
    values = pc.fill_null(wall.cast(pa.int64()), 0).to_numpy().view(f"M8[{unit}]")
    month = values.astype("M8[M]")
    days = values.astype("M8[D]")
    day_of_month = days - month.astype("M8[D]")
    later = month + np.timedelta64(months, "M")
    last = (later + 1).astype("M8[D]") - later.astype("M8[D]") - 1
    moved = later.astype("M8[D]") + np.minimum(day_of_month, last)
    result = moved.astype(f"M8[{unit}]") + (values - days.astype(f"M8[{unit}]"))
    mask = np.asarray(wall.is_null()) if wall.null_count else None
    return pa.array(result.view("i8"), mask=mask).cast(wall.type)


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
        periods = period_of(first, signed=True), period_of(then, signed=True)
        if periods[0].unit == periods[1].unit:
            return moved(value, f"{periods[0].count + periods[1].count}{periods[0].unit}")
    return moved(moved(value, first), then)

"""The functions under ``.dt`` that put dates together or ask the calendar and its zones."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .calendar import instants, offset, period_of, truncated, wall_of
from .casting import cast
from .function import (
    DATE,
    INTEGER,
    TIMESTAMP,
    Example,
    Function,
    Kind,
    Parameter,
    Value,
)
from .list_layout import beside
from .moments import Parts, days_of, micros_of

_MONTH = period_of("1mo")
_DAY_OF_CLOCK = 86_400 * 10**6


def _month_start(value: Value) -> Value:
    """Return the first day of the month, at the same time of day."""
    days = pc.subtract(pc.day(value), 1)
    return _days_earlier(value, days)


def _month_end(value: Value) -> Value:
    following = offset(_month_start(value), _MONTH)
    return _days_earlier(following, pa.repeat(pa.scalar(1), len(value)))


def _days_earlier(value: Value, days: pa.Array) -> Value:
    if pa.types.is_date(value.type):
        moved = pc.subtract(value.cast(pa.date32()).cast(pa.int32()), days.cast(pa.int32()))
        return moved.cast(pa.int32()).cast(pa.date32()).cast(value.type)
    wall = wall_of(value)
    ticks = pc.multiply(days, _TICKS[wall.type.unit] * 86_400)
    moved = pc.subtract(wall.cast(pa.int64()), ticks).cast(wall.type)
    return instants(moved, value, value.type)


_TICKS = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}


def _days_in_month(value: Value) -> Value:
    wall = value if pa.types.is_date(value.type) else cast(value, pa.date32())
    first = truncated(wall.cast(pa.date32()), _MONTH)
    following = offset(first, _MONTH)
    return pc.subtract(following.cast(pa.int32()), first.cast(pa.int32())).cast(pa.int64())


def _century(years: int) -> Callable[[Value], Value]:
    def number(value: Value) -> Value:
        shifted = pc.add(pc.year(value), years - 1).cast(pa.float64())
        return pc.floor(pc.divide(shifted, years)).cast(pa.int64())

    return number


def _cast_time_unit(value: Value, time_unit: str) -> Value:
    dtype = value.type
    if pa.types.is_duration(dtype):
        return cast(value, pa.duration(time_unit))
    return cast(value, pa.timestamp(time_unit, dtype.tz))


def _timestamp(value: Value, time_unit: str) -> Value:
    zone = None if pa.types.is_date(value.type) else value.type.tz
    return cast(value, pa.timestamp(time_unit, zone)).cast(pa.int64())


def _combine(value: Value, clock: Value, time_unit: str) -> Value:
    zone = None if pa.types.is_date(value.type) else value.type.tz
    days = cast(value, pa.date32()).cast(pa.timestamp(time_unit)).cast(pa.int64())
    unit = pa.time32(time_unit) if time_unit in ("s", "ms") else pa.time64(time_unit)
    since = cast(beside(clock, len(value)), unit)
    since = since.cast(pa.int32() if time_unit in ("s", "ms") else pa.int64()).cast(pa.int64())
    wall = pc.add_checked(days, since).cast(pa.timestamp(time_unit))
    return wall if zone is None else pc.assume_timezone(wall, zone)


def _replace(
    value: Value,
    year: Value,
    month: Value,
    day: Value,
    hour: Value,
    minute: Value,
    second: Value,
    microsecond: Value,
    ambiguous: str,
) -> Value:
    is_date = pa.types.is_date(value.type)
    wall = (value if is_date else wall_of(value)).cast(pa.timestamp("us"), safe=False)
    own = [kernel(wall) for kernel in (pc.year, pc.month, pc.day, pc.hour, pc.minute, pc.second)]
    own.append(pc.add(pc.multiply(pc.millisecond(wall), 1000), pc.microsecond(wall)))
    given = (year, month, day, hour, minute, second, microsecond)
    parts = Parts(
        *(
            pc.coalesce(beside(each, len(wall)).cast(pa.int64()), before)
            for before, each in zip(own, given, strict=True)
        )
    )
    days = days_of(parts, *parts.numbers[:3])
    micros = days * _DAY_OF_CLOCK + micros_of(parts, *parts.numbers[3:])
    moved = pa.array(micros, mask=parts.mask).cast(pa.timestamp("us"))
    if is_date:
        return moved.cast(pa.date32()).cast(value.type)
    moved = moved.cast(pa.timestamp(value.type.unit), safe=value.type.unit == "ns")
    zone = value.type.tz
    return moved if zone is None else pc.assume_timezone(moved, zone, ambiguous=ambiguous)


def _zone_part(name: str) -> Callable[[Value], Value]:
    """Return a kernel for a part of a zone's offset from UTC, ``utcoffset`` or ``dst``."""

    def part(value: Value) -> Value:
        zone = value.type.tz
        if zone is None:
            return pa.nulls(len(value), pa.duration("ms"))
        seconds = value.cast(pa.timestamp("s", zone), safe=False)
        away = pc.subtract(wall_of(seconds).cast(pa.int64()), seconds.cast(pa.int64()))
        # One instant of each month and offset is asked: in a month an offset has one meaning.
        months = pc.add(pc.multiply(pc.year(seconds), 12), pc.month(seconds))
        kinds = pc.add(pc.multiply(months, 10**6), away).dictionary_encode()
        rows = np.flatnonzero(np.asarray(kinds.indices.is_valid()))[::-1]
        firsts = np.zeros(len(kinds.dictionary), np.int64)
        firsts[pc.fill_null(kinds.indices, 0).to_numpy()[rows]] = rows
        clock = _zone(zone)
        lengths = [_length(clock, seconds[int(place)].as_py(), name) for place in firsts.tolist()]
        found = pa.array(lengths, pa.int64()).take(kinds.indices)
        return found.cast(pa.duration("ms"))

    return part


def _zone(name: str) -> Any:
    if name[0] in "+-":
        sign = -1 if name[0] == "-" else 1
        hours, minutes = int(name[1:3]), int(name[-2:])
        return timezone(sign * timedelta(hours=hours, minutes=minutes))
    return ZoneInfo(name)


def _length(zone: Any, moment: datetime | None, name: str) -> int | None:
    if moment is None:
        return None
    local = moment.astimezone(zone)
    saving = local.dst() or timedelta(0)
    whole = local.utcoffset() or timedelta(0)
    chosen = saving if name == "dst" else whole - saving
    return int(chosen.total_seconds() * 1000)


_DAY = date(2024, 2, 29)
_MOMENT = datetime(2024, 2, 29, 13, 45, 30, 123456)
_SUMMER = datetime(2024, 7, 1, tzinfo=ZoneInfo("Europe/Paris"))


def _entry(
    name: str,
    kernel: Callable[..., Value],
    kind: Kind,
    doc: str,
    given: Any,
    gives: Any,
    *parameters: Parameter,
    call: str = "",
    accepts: tuple[Kind, ...] = (),
    also: tuple[str, ...] = (),
) -> Function:
    return Function(
        name=f"dt.{name}",
        kernel=kernel,
        accepts=(kind, *accepts),
        parameters=parameters,
        alike=False,
        also=also,
        doc=doc,
        example=Example(
            code=f"pt.col('t').dt.{name}({call})",
            data={"t": [given, None]},
            gives=[gives, None],
        ),
    )


_UNIT = Parameter(name="time_unit", default="us", types=(str,), choices=("ns", "us", "ms", "s"))
_TIME_OF_DAY = Kind(
    name="a time of day",
    contains=pa.types.is_time,
    stand_in=pa.time64("us"),
    samples=(pa.time64("us"), pa.time32("s")),
)
_SPANS = Kind(
    name="a timestamp or a duration",
    contains=lambda dtype: pa.types.is_timestamp(dtype) or pa.types.is_duration(dtype),
    stand_in=pa.timestamp("us"),
    samples=(*TIMESTAMP.samples, pa.duration("us")),
)


def _part(name: str) -> Parameter:
    return Parameter(name=name, expr=True, names=True, default=None, keyword_only=True)


TEMPORAL_MORE = (
    _entry(
        "iso_year",
        pc.iso_year,
        DATE,
        "Return the year that the ISO week is in.",
        date(2021, 1, 3),
        2020,
    ),
    _entry(
        "century",
        _century(100),
        DATE,
        "Return the century; the 21st begins with 2001.",
        _DAY,
        21,
    ),
    _entry(
        "millennium",
        _century(1000),
        DATE,
        "Return the millennium; the 3rd begins with 2001.",
        _DAY,
        3,
    ),
    _entry(
        "is_leap_year", pc.is_leap_year, DATE, "Return whether the year has 366 days.", _DAY, True
    ),
    _entry("days_in_month", _days_in_month, DATE, "Return how many days the month has.", _DAY, 29),
    _entry(
        "month_start",
        _month_start,
        DATE,
        "Return the first day of the month, at the same time of day.",
        _DAY,
        date(2024, 2, 1),
    ),
    _entry(
        "month_end",
        _month_end,
        DATE,
        "Return the last day of the month, at the same time of day.",
        _DAY,
        date(2024, 2, 29),
    ),
    _entry(
        "timestamp",
        _timestamp,
        DATE,
        "Return the `time_unit`s since the start of 1970 in UTC, rounded down.",
        datetime(1970, 1, 2),
        86_400_000,
        _UNIT,
        call="'ms'",
    ),
    _entry(
        "cast_time_unit",
        _cast_time_unit,
        _SPANS,
        "Return it in another unit; what a coarser one cannot say is cut off.",
        _MOMENT,
        _MOMENT.replace(microsecond=123000),
        Parameter(name="time_unit", types=(str,), choices=("ns", "us", "ms", "s")),
        call="'ms'",
        also=("as_unit",),
    ),
    _entry(
        "combine",
        _combine,
        DATE,
        "Return the date with a time of day.",
        _DAY,
        datetime(2024, 2, 29, 9, 30),
        Parameter(name="time", expr=True),
        _UNIT,
        call="pt.time(9, 30)",
        accepts=(_TIME_OF_DAY,),
    ),
    _entry(
        "replace",
        _replace,
        DATE,
        """Return it with some of its parts replaced; a part that is null stays as it is.

        What is no date then raises. `ambiguous` says which of two instants is meant where
        clocks are set back.""",
        _DAY,
        date(2024, 1, 29),
        *(
            _part(name)
            for name in ("year", "month", "day", "hour", "minute", "second", "microsecond")
        ),
        Parameter(
            name="ambiguous",
            default="raise",
            types=(str,),
            choices=("raise", "earliest", "latest"),
            keyword_only=True,
        ),
        call="month=1",
        accepts=(INTEGER,),
    ),
    _entry(
        "base_utc_offset",
        _zone_part("utcoffset"),
        TIMESTAMP,
        "Return how far the zone is from UTC without daylight saving; null without a zone.",
        _SUMMER,
        timedelta(hours=1),
    ),
    _entry(
        "dst_offset",
        _zone_part("dst"),
        TIMESTAMP,
        "Return how far the clocks are set forward for daylight saving; null without a zone.",
        _SUMMER,
        timedelta(hours=1),
    ),
)
"""Further functions of time."""

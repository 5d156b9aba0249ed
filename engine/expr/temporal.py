"""The functions under ``.dt``: on dates, times, timestamps and durations.

Of a timestamp with a time zone, the parts are those on the wall there.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc

from ..errors import InvalidExpression
from .by_day import by_day
from .by_pattern import by_pattern
from .calendar import offset, period_of, rounded, truncated
from .casting import cast
from .function import (
    DATE,
    DURATION,
    TIME,
    TIMESTAMP,
    Example,
    Function,
    Kind,
    Parameter,
    Value,
    is_text,
)
from .zones import known_zone


def _part(kernel: Callable[..., Value], **options: Any) -> Callable[[Value], Value]:
    return lambda value: kernel(value, **options)


def _microsecond(value: Value) -> Value:
    return pc.add(pc.multiply(pc.millisecond(value), 1000), pc.microsecond(value))


def _nanosecond(value: Value) -> Value:
    return pc.add(pc.multiply(_microsecond(value), 1000), pc.nanosecond(value))


def _date(value: Value) -> Value:
    return cast(value, pa.date32())


def _time(value: Value) -> Value:
    if pa.types.is_time(value.type):
        return value
    return cast(value, pa.time64("ns" if value.type.unit == "ns" else "us"))


def _epoch(value: Value, time_unit: str) -> Value:
    if time_unit == "d":
        seconds = cast(value, pa.timestamp("s", getattr(value.type, "tz", None))).cast(pa.int64())
        days = pc.floor(pc.divide(seconds.cast(pa.float64()), 86_400.0))
        return days.cast(pa.int64())
    if pa.types.is_date(value.type):
        return value.cast(pa.timestamp(time_unit)).cast(pa.int64())
    instant = pa.timestamp(time_unit, value.type.tz)
    return cast(value, instant).cast(pa.int64())


_PERIOD = Kind(
    name="a period, as text or a timedelta,",
    contains=lambda dtype: is_text(dtype) or pa.types.is_duration(dtype),
    stand_in=pa.string(),
    samples=(),
)


def _by_period(kernel: Callable[..., Value], *, signed: bool = False) -> Callable[..., Value]:
    """Return a kernel whose second argument is a period: one for all, or a column of them."""

    def of_text(value: Value, text: str) -> Value:
        return kernel(value, period_of(text, signed=signed))

    def of_periods(value: Value, period: Value) -> Value:
        if pa.types.is_duration(period.type):
            ticks = pc.cast(period.cast(pa.duration("ns")).cast(pa.int64()), pa.string())
            unit, empty = (pa.scalar(each, pa.string()) for each in ("ns", ""))
            period = pc.binary_join_element_wise(ticks, unit, empty)
        return by_pattern(of_text, "1d")(value, period)

    return of_periods


def _strftime(value: Value, format: str) -> Value:  # noqa: A002 - Polars' name
    if re.search(r"%(\.\d?)?f", format):
        raise InvalidExpression(
            f"The format {format!r} asks for fractions of a second, which formats cannot write."
            " Cast to str for all digits."
        )
    tz = None if pa.types.is_date(value.type) else value.type.tz
    # Arrow writes the fraction with %S wherever the type has one.
    return pc.strftime(cast(value, pa.timestamp("s", tz)), format=format)


def _convert_time_zone(value: Value, time_zone: str) -> Value:
    aware = value if value.type.tz else pc.assume_timezone(value, "UTC")
    return aware.cast(pa.timestamp(value.type.unit, known_zone(time_zone)))


def _replace_time_zone(
    value: Value, time_zone: str | None, ambiguous: str, non_existent: str
) -> Value:
    wall = pc.local_timestamp(value) if value.type.tz else value
    if time_zone is None:
        return wall
    return pc.assume_timezone(
        wall,
        known_zone(time_zone),
        ambiguous=ambiguous,
        nonexistent=non_existent,
    )


_PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}


def _total(seconds: int = 1, per_second: int = 1) -> Callable[..., Value]:
    """Return a kernel for whole units in a duration, towards zero: of `seconds` or parts of one."""

    def total(value: Value, fractional: bool) -> Value:
        ticks = value.cast(pa.int64())
        own = _PER_SECOND[value.type.unit]
        if fractional:
            return pc.divide(pc.cast(ticks, pa.float64(), safe=False), own * seconds / per_second)
        if per_second > own:
            return pc.multiply_checked(ticks, per_second // own)
        return pc.divide(ticks, own * seconds // per_second)

    return total


_DAY = date(2024, 2, 29)
_MOMENT = datetime(2024, 2, 29, 13, 45, 30, 123456)
_SPAN = timedelta(days=1, hours=2, minutes=3, seconds=4)


def _entry(
    name: str,
    kernel: Callable[..., Value],
    kind: Kind,
    doc: str,
    given: Any,
    gives: Any,
    *parameters: Parameter,
    call: str = "",
    also: tuple[str, ...] = (),
) -> Function:
    """Return an entry for a function of one column of `kind`; its example is over one value."""
    return Function(
        name=f"dt.{name}",
        kernel=kernel,
        accepts=(kind, _PERIOD) if any(each.expr for each in parameters) else (kind,),
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


_EVERY = Parameter(name="every", expr=True)
_ZONE = Parameter(name="time_zone", types=(str,))
_PERIODS = """

        A period is a number and a unit: ``ns us ms s m h d w mo q y``, such as ``"15m"``."""


_FRACTIONAL = Parameter(name="fractional", default=False, types=(bool,), keyword_only=True)
"""Whether to give a double with the part of a unit that is over."""


def _choice(name: str) -> Parameter:
    return Parameter(
        name=name,
        default="raise",
        types=(str,),
        choices=("raise", "earliest", "latest"),
        keyword_only=True,
    )


TEMPORAL = (
    _entry("year", by_day(pc.year), DATE, "Return the year.", _DAY, 2024),
    _entry("quarter", by_day(pc.quarter), DATE, "Return the quarter, 1 to 4.", _DAY, 1),
    _entry("month", by_day(pc.month), DATE, "Return the month, 1 to 12.", _DAY, 2),
    _entry("week", by_day(pc.iso_week), DATE, "Return the ISO week, 1 to 53.", _DAY, 9),
    _entry(
        "weekday",
        by_day(_part(pc.day_of_week, count_from_zero=False, week_start=1)),
        DATE,
        "Return the ISO day of the week: Monday is 1, Sunday 7.",
        _DAY,
        4,
    ),
    _entry("day", by_day(pc.day), DATE, "Return the day of the month, 1 to 31.", _DAY, 29),
    _entry(
        "ordinal_day",
        by_day(pc.day_of_year),
        DATE,
        "Return the day of the year, 1 to 366.",
        _DAY,
        60,
        also=("dayofyear",),
    ),
    _entry("hour", pc.hour, TIME, "Return the hour, 0 to 23.", _MOMENT, 13),
    _entry("minute", pc.minute, TIME, "Return the minute, 0 to 59.", _MOMENT, 45),
    _entry("second", pc.second, TIME, "Return the second, 0 to 59.", _MOMENT, 30),
    _entry(
        "millisecond",
        pc.millisecond,
        TIME,
        "Return the milliseconds past the second.",
        _MOMENT,
        123,
    ),
    _entry(
        "microsecond",
        _microsecond,
        TIME,
        "Return the microseconds past the second.",
        _MOMENT,
        123456,
    ),
    _entry(
        "nanosecond",
        _nanosecond,
        TIME,
        "Return the nanoseconds past the second.",
        _MOMENT,
        123456000,
    ),
    _entry("date", _date, DATE, "Return the date.", _MOMENT, _DAY),
    _entry("time", _time, TIME, "Return the time of day.", _MOMENT, time(13, 45, 30, 123456)),
    _entry(
        "epoch",
        _epoch,
        DATE,
        "Return the `time_unit`s since the start of 1970 in UTC, rounded down.",
        datetime(1970, 1, 2),
        86_400,
        Parameter(
            name="time_unit", default="us", types=(str,), choices=("ns", "us", "ms", "s", "d")
        ),
        call="'s'",
    ),
    _entry(
        "truncate",
        _by_period(truncated),
        DATE,
        f"Return the start of the period it is in; weeks start on Monday.{_PERIODS}",
        _MOMENT,
        datetime(2024, 2, 29, 13),
        _EVERY,
        call="'1h'",
        also=("floor",),
    ),
    _entry(
        "round",
        _by_period(rounded),
        DATE,
        f"Return the nearest start of a period, the later one of two.{_PERIODS}",
        _MOMENT,
        datetime(2024, 2, 29, 14),
        _EVERY,
        call="'1h'",
    ),
    _entry(
        "offset_by",
        _by_period(offset, signed=True),
        DATE,
        f"""Return it a period later, or earlier: ``"-1mo"``.

        By months, a day that the month lacks becomes its last.{_PERIODS}""",
        _DAY,
        date(2025, 2, 28),
        Parameter(name="by", expr=True),
        call="'1y'",
    ),
    _entry(
        "strftime",
        _strftime,
        DATE,
        "Return it as text, by a ``strftime`` format.",
        _DAY,
        "29.02.2024",
        Parameter(name="format", types=(str,)),
        call="'%d.%m.%Y'",
        also=("to_string",),
    ),
    _entry(
        "convert_time_zone",
        _convert_time_zone,
        TIMESTAMP,
        "Return the same instant as the clocks of `time_zone` show it; without a zone it was UTC.",
        _MOMENT,
        _MOMENT.replace(hour=14, tzinfo=ZoneInfo("Europe/Paris")),
        _ZONE,
        call="'Europe/Paris'",
        also=("tz_convert",),
    ),
    _entry(
        "replace_time_zone",
        _replace_time_zone,
        TIMESTAMP,
        """Return the same time on the wall in another zone, None for in no zone.

        `ambiguous` and `non_existent` say what to do where clocks are set back and forth.""",
        _MOMENT,
        _MOMENT.replace(tzinfo=ZoneInfo("Europe/Paris")),
        Parameter(name="time_zone", types=(str, type(None))),
        _choice("ambiguous"),
        _choice("non_existent"),
        call="'Europe/Paris'",
        also=("tz_localize",),
    ),
    _entry(
        "total_days",
        _total(86_400),
        DURATION,
        "Return the whole days, towards zero.",
        _SPAN,
        1,
        _FRACTIONAL,
    ),
    _entry(
        "total_hours",
        _total(3600),
        DURATION,
        "Return the whole hours, towards zero.",
        _SPAN,
        26,
        _FRACTIONAL,
    ),
    _entry(
        "total_minutes",
        _total(60),
        DURATION,
        "Return the whole minutes, towards zero.",
        _SPAN,
        1563,
        _FRACTIONAL,
    ),
    _entry(
        "total_seconds",
        _total(),
        DURATION,
        "Return the whole seconds, towards zero.",
        _SPAN,
        93784,
        _FRACTIONAL,
    ),
    _entry(
        "total_milliseconds",
        _total(per_second=10**3),
        DURATION,
        "Return the whole milliseconds, towards zero.",
        _SPAN,
        93784000,
        _FRACTIONAL,
    ),
    _entry(
        "total_microseconds",
        _total(per_second=10**6),
        DURATION,
        "Return the whole microseconds, towards zero.",
        _SPAN,
        93784000000,
        _FRACTIONAL,
    ),
    _entry(
        "total_nanoseconds",
        _total(per_second=10**9),
        DURATION,
        "Return the nanoseconds.",
        _SPAN,
        93784000000000,
        _FRACTIONAL,
    ),
)
"""The functions of time."""

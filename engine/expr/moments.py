"""Dates, timestamps, times and durations made of numbers."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..errors import ComputeError
from .function import INTEGER, Example, Function, Kind, Parameter, Value
from .list_layout import beside, whole_numbers
from .zones import known_zone

_PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}


class Parts:
    """Several columns of whole numbers, and the rows in which one is null."""

    def __init__(self, *values: Value) -> None:
        rows = max(len(each) for each in values if isinstance(each, pa.Array))
        self.mask = np.zeros(rows, bool)
        self.numbers = []
        for each in values:
            numbers, missing = whole_numbers(each, rows)
            self.numbers.append(numbers)
            self.mask |= False if missing is None else missing

    def check(self, wrong: np.ndarray, what: str) -> None:
        """Raise if a row whose parts are all known is `wrong`."""
        """Raise if a row whose parts are all known is `wrong`."""
        wrong = wrong & ~self.mask
        if not wrong.any():
            return
        row = int(np.flatnonzero(wrong)[0])
        raise ComputeError(
            f"{int(wrong.sum())} of {len(wrong)} rows are no {what}, the first has the parts"
            f" {tuple(int(each[row]) for each in self.numbers)}."
        )


def days_of(parts: Parts, year: np.ndarray, month: np.ndarray, day: np.ndarray) -> np.ndarray:
    """Return the days since the start of 1970; what is no date raises."""
    inside = (month >= 1) & (month <= 12) & (abs(year) < 100_000)
    months = np.where(inside, (year - 1970) * 12 + month - 1, 0).view("M8[M]")
    first, following = months.astype("M8[D]"), (months + 1).astype("M8[D]")
    length = (following - first).astype(np.int64)
    parts.check(~inside | (day < 1) | (day > length), "date")
    return first.astype(np.int64) + day - 1


def micros_of(
    parts: Parts, hour: np.ndarray, minute: np.ndarray, second: np.ndarray, micro: np.ndarray
) -> np.ndarray:
    """Return the microseconds since midnight; what is no time of day raises."""
    wrong = (hour < 0) | (hour > 23) | (minute < 0) | (minute > 59) | (second < 0) | (second > 59)
    parts.check(wrong | (micro < 0) | (micro > 999_999), "time of day")
    return ((hour * 60 + minute) * 60 + second) * 10**6 + micro


def _date(year: Value, month: Value, day: Value) -> Value:
    parts = Parts(year, month, day)
    days = days_of(parts, *parts.numbers)
    return pa.array(days.astype(np.int32), mask=parts.mask).cast(pa.date32())


def _datetime(*values: Value, time_unit: str, time_zone: str | None, ambiguous: str) -> Value:
    parts = Parts(*values)
    days = days_of(parts, *parts.numbers[:3])
    micros = days * 86_400 * 10**6 + micros_of(parts, *parts.numbers[3:])
    wall = pa.array(micros, mask=parts.mask).cast(pa.timestamp("us"))
    wall = wall.cast(pa.timestamp(time_unit), safe=time_unit == "ns")
    if time_zone is None:
        return wall
    return pc.assume_timezone(wall, known_zone(time_zone), ambiguous=ambiguous)


def _time(hour: Value, minute: Value, second: Value, microsecond: Value) -> Value:
    parts = Parts(hour, minute, second, microsecond)
    return pa.array(micros_of(parts, *parts.numbers), mask=parts.mask).cast(pa.time64("us"))


_NANOSECONDS = {
    "weeks": 7 * 86_400 * 10**9,
    "days": 86_400 * 10**9,
    "hours": 3600 * 10**9,
    "minutes": 60 * 10**9,
    "seconds": 10**9,
    "milliseconds": 10**6,
    "microseconds": 10**3,
    "nanoseconds": 1,
}


def _duration(*values: Value, time_unit: str) -> Value:
    rows = max(len(each) for each in values if isinstance(each, pa.Array))
    tick = 10**9 // _PER_SECOND[time_unit]
    total = pa.repeat(pa.scalar(0), rows)
    for each, length in zip(values, _NANOSECONDS.values(), strict=True):
        part = beside(each, rows)
        if pa.types.is_floating(part.type):
            part = pc.trunc(pc.multiply(part.cast(pa.float64()), length / tick)).cast(pa.int64())
        elif length >= tick:
            part = pc.multiply_checked(part.cast(pa.int64()), length // tick)
        else:
            # A finer part than the unit: what is over is dropped.
            part = pc.divide(part.cast(pa.int64()), tick // length)
        total = pc.add_checked(total, part)
    return total.cast(pa.duration(time_unit))


def _parameter(name: str, default: object = ..., *, keyword_only: bool = False) -> Parameter:
    if default is ...:
        return Parameter(name=name, expr=True, names=True)
    return Parameter(name=name, expr=True, names=True, default=default, keyword_only=keyword_only)


_LENGTH = Kind(
    name="an integer or a float",
    contains=lambda dtype: pa.types.is_integer(dtype) or pa.types.is_floating(dtype),
    stand_in=pa.int64(),
    samples=(*INTEGER.samples, pa.float32(), pa.float64()),
)
_UNIT = Parameter(
    name="time_unit",
    default="us",
    types=(str,),
    choices=tuple(_PER_SECOND),
    keyword_only=True,
)
_CLOCK = tuple(_parameter(name, 0) for name in ("hour", "minute", "second", "microsecond"))
_DAY = tuple(_parameter(name) for name in ("year", "month", "day"))

MOMENTS = (
    Function(
        name="date",
        alike=False,
        method=False,
        kernel=_date,
        accepts=(INTEGER,),
        parameters=_DAY,
        doc="Return the date of a year, a month and a day; what is no date raises.",
        example=Example(
            code="pt.date('y', 2, 29)", data={"y": [2024, None]}, gives=[date(2024, 2, 29), None]
        ),
    ),
    Function(
        name="datetime",
        alike=False,
        method=False,
        kernel=_datetime,
        accepts=(INTEGER,),
        parameters=(
            *_DAY,
            *_CLOCK,
            _UNIT,
            Parameter(name="time_zone", default=None, types=(str, type(None)), keyword_only=True),
            Parameter(
                name="ambiguous",
                default="raise",
                types=(str,),
                choices=("raise", "earliest", "latest"),
                keyword_only=True,
            ),
        ),
        doc="""Return the timestamp of its parts, the time on the wall in `time_zone` if given.

        What is no date or time of day raises.""",
        example=Example(
            code="pt.datetime('y', 2, 29, 13, 45)",
            data={"y": [2024, None]},
            gives=[datetime(2024, 2, 29, 13, 45), None],
        ),
    ),
    Function(
        name="time",
        alike=False,
        method=False,
        kernel=_time,
        accepts=(INTEGER,),
        parameters=_CLOCK,
        doc="Return the time of day of its parts; what is none raises.",
        example=Example(
            code="pt.time('h', 45)", data={"h": [13, None]}, gives=[time(13, 45), None]
        ),
    ),
    Function(
        name="duration",
        alike=False,
        method=False,
        kernel=_duration,
        accepts=(_LENGTH,),
        parameters=(
            *(_parameter(name, 0, keyword_only=True) for name in _NANOSECONDS),
            _UNIT,
        ),
        doc="Return the length of time of its parts, integers or floats; null if one is null.",
        example=Example(
            code="pt.duration(days='d', hours=1.5)",
            data={"d": [1, None]},
            gives=[timedelta(days=1, hours=1, minutes=30), None],
        ),
    ),
)
"""The functions that make points and lengths of time."""

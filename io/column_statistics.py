"""From bounds of many row groups to the statistics of a column."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pyarrow as pa

from ..engine.source import ColumnStatistics
from .bounds import Bounds

_EPOCH = date(1970, 1, 1)
_DAY = 86_400 * 10**9


class LazyColumns(Mapping[str, ColumnStatistics]):
    """Statistics by column, each put together when it is first asked for."""

    def __init__(self, names: Sequence[str], make: Callable[[str], ColumnStatistics]) -> None:
        self._names = names
        self._make = make
        self._known: dict[str, ColumnStatistics] = {}

    def __getitem__(self, name: str) -> ColumnStatistics:
        known = self._known.get(name)
        if known is None:
            if name not in self._names:
                raise KeyError(name)
            known = self._known[name] = self._make(name)
        return known

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


def combined(
    parts: Sequence[Bounds],
    nulls: Sequence[int | None],
    dtype: pa.DataType,
    distinct: int | None = None,
) -> ColumnStatistics:
    """Return the statistics of a column of `dtype` from those of its parts.

    Minimum and maximum are bounds (text may be cut short in a file): no value lies outside, not
    every one is attained. They are not known for a column that may hold NaN above its maximum,
    and come as the Python value of the type.
    """
    known = [part for part in parts if part.some]
    lows, highs = [part.low for part in known], [part.high for part in known]
    may_be_nan = any(part.nan for part in known)
    complete = bool(known) and None not in lows and all(part.kind for part in known)
    return ColumnStatistics(
        minimum=_python(min(lows), dtype) if complete else None,
        maximum=(
            _python(max(highs), dtype)
            if complete and None not in highs and not may_be_nan
            else None
        ),
        null_count=None if None in nulls else sum(count or 0 for count in nulls),
        distinct=distinct,
    )


def _python(bound: Any, dtype: pa.DataType) -> Any:
    if pa.types.is_date(dtype) or pa.types.is_timestamp(dtype):
        try:
            return _calendar(bound, dtype)
        except OverflowError:
            # Outside of the years 1 to 9999, for which Python has no date.
            return None
    if pa.types.is_time(dtype):
        return None
    if isinstance(bound, bytes) and not pa.types.is_binary(dtype):
        try:
            return bound.decode()
        except UnicodeDecodeError:
            # Text that was cut inside a character.
            return None
    return bound


def _calendar(bound: int, dtype: pa.DataType) -> date:
    if pa.types.is_date(dtype):
        return _EPOCH + timedelta(days=bound // _DAY)
    # Rounded down to microseconds, which is what a datetime holds.
    instant = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=bound // 1000)
    return instant if dtype.tz else instant.replace(tzinfo=None)

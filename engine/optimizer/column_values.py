"""What is known of the values of columns: where they lie, how many there are, which two share.

It is kept column by column and worked out when it is asked for: a dataset of many files has to go
through all of them for each column.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal

from ..source import ColumnStatistics

UNKNOWN = ColumnStatistics()

_LEAST_DENSITY = 0.05
"""Keys that fill less of their range than this are a choice of keys, not the way keys are given."""

_MOST_COUNTED_DIGITS = 12


class LazyColumns(Mapping[str, ColumnStatistics]):
    """Statistics by column; each is made when it is first asked for."""

    def __init__(
        self, names: Iterable[str], make: Callable[[str], ColumnStatistics | None]
    ) -> None:
        self._names = dict.fromkeys(names)
        self._make = make
        self._known: dict[str, ColumnStatistics] = {}

    def __getitem__(self, name: str) -> ColumnStatistics:
        if name not in self._known:
            if name not in self._names:
                raise KeyError(name)
            self._known[name] = self._make(name) or UNKNOWN
        return self._known[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


def counted(known: ColumnStatistics, rows: float) -> ColumnStatistics:
    """Return `known` of a column of `rows` with a bound on how many values it has, if there is one.

    >>> counted(ColumnStatistics(minimum=1, maximum=25), 1000.0).distinct
    25
    """
    most = possible_values(known) if known.distinct is None else None
    return known if most is None else replace(known, distinct=math.ceil(max(min(most, rows), 1)))


def possible_values(known: ColumnStatistics) -> float | None:
    """Return how many values fit between the bounds; None for what cannot be counted."""
    low, high = known.minimum, known.maximum
    if isinstance(low, str) and isinstance(high, str):
        return _possible_texts(low, high)
    if isinstance(low, date) and not isinstance(low, datetime):
        return spread(low, high, 86_400)
    if isinstance(low, int) and isinstance(high, int):
        return float(high - low) + 1
    if (
        isinstance(low, Decimal)
        and isinstance(high, Decimal)
        and isinstance(exponent := low.as_tuple().exponent, int)
    ):
        return float((high - low).scaleb(-exponent)) + 1
    return None


def spread(low: object, high: object, unit: float = 1) -> float | None:
    """Return how many values `unit` apart there are; None for what has no distance."""
    found = distance(low, high)
    return None if found is None else found / unit + 1


def distance(low: object, high: object) -> float | None:
    """Return how far `high` is above `low`; None for what has no distance, such as text."""
    if low is None or high is None:
        return None
    try:
        between = high - low  # type: ignore[operator]
    except TypeError:
        return None
    seconds = getattr(between, "total_seconds", None)
    found = float(between if seconds is None else seconds())
    return found if math.isfinite(found) else None


def _possible_texts(low: str, high: str) -> float | None:
    """Return a guess: texts of one length that differ in a number or in a letter or two."""
    if low == high:
        return 1.0
    if len(low) != len(high):
        return None
    same = next(place for place, (a, b) in enumerate(zip(low, high, strict=True)) if a != b)
    ends = low[same:], high[same:]
    if len(ends[0]) <= _MOST_COUNTED_DIGITS and all(end.isdecimal() for end in ends):
        return float(int(ends[1]) - int(ends[0]) + 1)
    if len(ends[0]) <= 2:
        pairs = zip(*ends, strict=True)
        return float(math.prod(max(abs(ord(b) - ord(a)), 1) + 1 for a, b in pairs))
    return None


def common_values(keys: Iterable[tuple[float, ColumnStatistics]]) -> list[float]:
    """Return how many values each of several key columns has that are compared for equality.

    `keys` are how many values each has at most, and its bounds. Where keys are given out with gaps
    (1, 2, 3, 8, 9, ...), the column that they are counted in tells the density, and a column that
    refers to it, often several times, has no more values in the same range.
    """
    keys = list(keys)
    ranges = [distance(known.minimum, known.maximum) for _, known in keys]
    densities = [
        values / (size + 1)
        for (values, known), size in zip(keys, ranges, strict=True)
        if size is not None and isinstance(known.minimum, int)
    ]
    if len(densities) < len(keys):
        return [values for values, _ in keys]
    density = min(densities)
    if density < _LEAST_DENSITY:
        return [values for values, _ in keys]
    return [
        min(values, max(density * (size + 1), 1.0)) if size is not None else values
        for (values, _), size in zip(keys, ranges, strict=True)
    ]

"""What functions give, computed value by value in Python where no other engine has them so.

A reference takes the rows as they are, dicts of ``x``, ``y``, ``i`` and ``s``, and gives a list.
"""

from __future__ import annotations

import datetime
import decimal
import math
from collections.abc import Callable
from typing import Any

Row = dict[str, Any]
_MASK = 2**64 - 1
_GOLDEN = 0x9E3779B97F4A7C15
_NULL = 0x6A09E667F3BCC909


def _each(function: Callable[[Row], Any]) -> Callable[[list[Row]], list[Any]]:
    return lambda rows: [function(row) for row in rows]


def _of_both(function: Callable[[Any, Any], Any]) -> Callable[[list[Row]], list[Any]]:
    return _each(
        lambda row: None if row["x"] is None or row["y"] is None else function(row["x"], row["y"])
    )


def _of_x(function: Callable[[Any], Any]) -> Callable[[list[Row]], list[Any]]:
    return _each(lambda row: None if row["x"] is None else function(row["x"]))


def _quotient(left: Any, right: Any) -> float:
    if right == 0:
        return math.nan if left == 0 else math.copysign(math.inf, left)
    return float(left) / float(right)


def _clipped(left: Row) -> Any:
    value, bound = left["x"], left["y"]
    if value is None or bound is None:
        return value
    return bound


def _distinct(values: list[Any]) -> list[Any]:
    found: list[Any] = []
    for value in values:
        if not any(_alike(value, each) for each in found):
            found.append(value)
    return found


def _alike(left: Any, right: Any) -> bool:
    nans = [isinstance(each, float) and math.isnan(each) for each in (left, right)]
    return all(nans) or ((left is None) == (right is None) and bool(left == right))


def _without(left: list[Any], right: list[Any]) -> list[Any]:
    return [each for each in _distinct(left) if not any(_alike(each, other) for other in right)]


def _first_count(values: list[Any]) -> int:
    item = values[0] if values else None
    return sum(_alike(each, item) for each in values)


def mix(value: int) -> int:
    """Return 64 bits mixed as splitmix64 does it."""
    value &= _MASK
    value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9 & _MASK
    value = (value ^ (value >> 27)) * 0x94D049BB133111EB & _MASK
    return value ^ (value >> 31)


def hashed(value: Any) -> int:
    """Return the hash of a value with the seed 0, written as plainly as can be."""
    salt = mix(_GOLDEN)
    if value is None:
        return mix(_NULL ^ salt)
    if isinstance(value, str | bytes):
        return mix(_of_bytes(value.encode() if isinstance(value, str) else value) ^ salt)
    return mix((_bits(value) + _GOLDEN) & _MASK ^ salt)


def _of_bytes(data: bytes) -> int:
    words = [data[at : at + 8] for at in range(0, len(data), 8)] or [b""]
    total = 0
    for place, word in enumerate(words):
        # The bytes of a word that is not full are the highest ones.
        number = int.from_bytes(word.rjust(8, b"\0"), "little") if word else 0
        total += mix(number ^ mix((place + 1) * _GOLDEN))
    return mix((total & _MASK) ^ (len(data) * _GOLDEN & _MASK))


def _bits(value: Any) -> int:
    if isinstance(value, float):
        import struct

        plain = math.nan if math.isnan(value) else value + 0.0
        return int.from_bytes(struct.pack("<d", plain), "little")
    if isinstance(value, decimal.Decimal):
        return _of_bytes(str(value).encode())
    if isinstance(value, datetime.timedelta):
        value = value // datetime.timedelta(microseconds=1)
    elif isinstance(value, datetime.datetime):
        nanoseconds = getattr(value, "value", None)
        epoch = datetime.datetime(1970, 1, 1, tzinfo=value.tzinfo and datetime.UTC)
        micros = datetime.timedelta(microseconds=1)
        value = (value - epoch) // micros if nanoseconds is None else nanoseconds
    elif isinstance(value, datetime.date):
        value = (value - datetime.date(1970, 1, 1)).days
    return int(value) & _MASK


def _duration_text(value: datetime.timedelta) -> str:
    return str(value // datetime.timedelta(microseconds=1))


def _durations(separator: str, skip: bool) -> Callable[[list[Row]], list[Any]]:
    def joined(row: Row) -> str | None:
        given = [each for each in (row["x"], row["y"]) if each is not None]
        if len(given) < 2 and not skip:
            return None
        return separator.join(_duration_text(each) for each in given)

    return _each(joined)


REFERENCES: dict[tuple[str, str], Callable[[list[Row]], list[Any]]] = {
    ("x * y", "decimal"): _of_both(lambda x, y: x * y),
    ("x / y", "decimal"): _of_both(_quotient),
    ("x // y", "decimal"): _of_both(lambda x, y: None if y == 0 else math.floor(x / y)),
    ("x % y", "decimal"): _of_both(lambda x, y: None if y == 0 else x - y * math.floor(x / y)),
    ("x.clip(y, y)", "string"): _each(_clipped),
    ("x.clip(y, y)", "bool"): _each(_clipped),
    ("x.sign()", "duration"): _of_x(
        lambda x: (x > datetime.timedelta(0)) - (x < datetime.timedelta(0))
    ),
    ("x.hash()", ""): _each(lambda row: hashed(row["x"])),
    ("x.str.contains_any([])", ""): _of_x(lambda x: False),
    ("x.list.count_matches(x.list.first())", ""): _of_x(_first_count),
    ("x.list.set_difference(y)", ""): _of_both(_without),
    ("p.concat_str('x', 'y', separator='-')", "duration"): _durations("-", False),
    ("p.concat_str('x', 'y', ignore_nulls=True)", "duration"): _durations("", True),
    ("x.dt.base_utc_offset()", "timestamp[us]"): _each(lambda row: None),
    ("x.dt.base_utc_offset()", "timestamp[ms]"): _each(lambda row: None),
    ("x.dt.dst_offset()", "timestamp[us]"): _each(lambda row: None),
    ("x.dt.dst_offset()", "timestamp[ms]"): _each(lambda row: None),
    ("x.is_in([])", ""): _of_x(lambda x: False),
    ("x.is_in([], nulls_equal=True)", ""): _each(lambda row: False),
}
"""(call, what the type's name begins with) -> the reference."""


def reference(code: str, dtype: str) -> Callable[[list[Row]], list[Any]] | None:
    """Return the reference for a call over a type, if there is one."""
    for (known, prefix), found in REFERENCES.items():
        if known == code and dtype.startswith(prefix):
            return found
    return None

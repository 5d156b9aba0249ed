"""Whether a value that Arrow gives back is the value of Python that it was made of.

Arrow asks an object whether it is a number, and takes what ``int()`` makes of it: 1 of
``np.float16(1.5)`` beside an integer, 5 of a UUID, -1.0 of an unsigned integer that is too large.
"""

from __future__ import annotations

import datetime
import math
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from itertools import chain
from typing import Any

import numpy as np
import pyarrow as pa

Same = Callable[[Any, Any], bool]

OWN = frozenset(
    {bool, int, float, str, bytes, Decimal, np.float64}
    | {datetime.date, datetime.datetime, datetime.time, datetime.timedelta}
)
"""The kinds of which Arrow itself tells the type rightly, whatever stands beside them."""

_LISTS = (list, tuple, set, frozenset)
_HOLDERS = frozenset({type(None), dict, np.ndarray, *_LISTS})

_FAMILIES: tuple[tuple[tuple[type, ...], str], ...] = (
    # The order matters: a datetime is a date, and timedelta64 says that it is an integer.
    ((bool, np.bool_), "bool"),
    ((datetime.timedelta, np.timedelta64), "span"),
    ((int, float, Decimal, np.integer, np.floating), "number"),
    ((str,), "text"),
    ((bytes, bytearray, memoryview), "bytes"),
    ((datetime.datetime, np.datetime64), "moment"),
    ((datetime.date,), "day"),
    ((datetime.time,), "clock"),
)

_LEAST_HALF = 2.0**-24
_HALF_DIGITS = 2.0**-10
"""How far floats of 16 bits are from what they stand for, in all and for each unit."""


def kinds_of(values: Iterable[Any]) -> set[type]:
    """Return the types of objects, and of what those hold that hold others; not that of None.

    A million integers take 15 ms, where making an array of them takes 30; an array of numpy that
    has a type is one value.

    >>> sorted(kind.__name__ for kind in kinds_of([1, None, [2.5], {"a": "b"}]))
    ['float', 'int', 'str']
    """
    kinds = set(map(type, values))
    held: list[Any] = []
    if not kinds.isdisjoint(_LISTS):
        held.extend(chain.from_iterable(each for each in values if type(each) in _LISTS))
    if dict in kinds:
        held.extend(chain.from_iterable(each.values() for each in values if type(each) is dict))
    if np.ndarray in kinds:
        arrays = [each for each in values if type(each) is np.ndarray]
        typed = {dtype.type for dtype in {each.dtype for each in arrays}}
        if np.object_ in typed:
            held.extend(chain.from_iterable(each.flat for each in arrays if each.dtype == object))
        kinds |= typed - {np.object_}
    kinds -= _HOLDERS
    return kinds | kinds_of(held) if held else kinds


def are_alike(kinds: set[type]) -> bool:
    """Return whether Arrow tells the type of such values rightly, and takes nothing for another."""
    if kinds <= OWN:
        return True
    return len(kinds) == 1 and all(
        issubclass(kind, np.integer | np.floating | np.bool_ | np.str_)
        and not issubclass(kind, np.timedelta64)
        for kind in kinds
    )


def check_kinds(kinds: set[type]) -> None:
    """Raise `TypeError` for kinds that end the process in Arrow.

    pyarrow 26 reads the unit of any scalar of numpy that follows a ``datetime64``.
    """
    if np.datetime64 in kinds:
        others = [kind.__name__ for kind in kinds - {np.datetime64} if issubclass(kind, np.generic)]
        if others:
            raise TypeError(f"datetime64 and {', '.join(sorted(others))} are of no common type")


def family(value: Any) -> str:
    """Return what a value says, whichever type it has; of others the name of the type."""
    for kinds, name in _FAMILIES:
        if isinstance(value, kinds):
            return name
    return type(value).__name__


def unchanged(value: Any, made: Any) -> bool:
    """Return whether `made`, of which nobody has said the type, is `value`.

    >>> unchanged(np.float16(1.5), 1.5), unchanged(np.float16(1.5), 1), unchanged(True, 1)
    (True, False, False)
    """
    value = _plain(value)
    if made is None:
        return value is None or _is_missing(value)
    if (parts := _parts(value, made, unchanged)) is not None:
        return parts
    kind = family(value)
    if kind != family(made):
        return False
    if kind == "number":
        return bool(value == made) or (made != made and value != value)
    return _same_time(kind, value, made) if kind in _TIMES else bool(value == made)


def fits(value: Any, made: Any) -> bool:
    """Return whether `made`, of a type that somebody chose, says all that `value` does.

    What the type is chosen for is no loss: fewer digits of floats, days and seconds that are given
    as integers, text as its bytes.
    """
    value = _plain(value)
    if made is None:
        # What stands for null in any library was taken for it; NaN is none of itself.
        return value is None or _is_missing(value) or bool(value != value)
    if (parts := _parts(value, made, fits)) is not None:
        return parts
    kind, found = family(value), family(made)
    if kind in ("bool", "number") and isinstance(made, float):
        return _same_float(float(value), made)
    if kind == "number" and found in _TIMES:
        return isinstance(value, int | np.integer)
    if kind in ("text", "bytes") and found in ("text", "bytes"):
        return True
    if kind in ("bool", "number") and found in ("bool", "number"):
        return bool(value == made)
    if kind == "moment" and found == "day":
        moment = np.datetime64(_naive(value))
        return moment == moment.astype("datetime64[D]") == np.datetime64(made)
    if kind != found:
        return False
    return _same_time(kind, value, made, utc=True) if kind in _TIMES else bool(value == made)


_TIMES = ("moment", "day", "clock", "span")


def _plain(value: Any) -> Any:
    """Return a scalar of Arrow as the value that it is."""
    return value.as_py() if isinstance(value, pa.Scalar) else value


def _parts(value: Any, made: Any, same: Same) -> bool | None:
    """Compare what holds other values; None if it holds none."""
    if isinstance(made, Mapping):
        if not (isinstance(value, Mapping) and value.keys() <= made.keys()):
            return False
        return all(same(value.get(key), each) for key, each in made.items())
    if isinstance(made, list | tuple):
        if isinstance(value, str | bytes | bytearray) or not isinstance(value, Iterable):
            return False
        given = list(value.items() if isinstance(value, Mapping) else value)
        return len(given) == len(made) and all(map(same, given, made))
    return None


def _is_missing(value: Any) -> bool:
    """Return whether a library says so of its value: it is neither NaN nor a number."""
    missing = type(value).__name__ in ("NAType", "NaTType")
    return missing or (isinstance(value, np.datetime64 | np.timedelta64) and bool(np.isnat(value)))


def _same_float(value: float, made: float) -> bool:
    if value != value or made != made:
        return value != value and made != made
    # Fewer digits are what a type of 16 or 32 bits is chosen for; an infinity is another number.
    return made == value or math.isclose(made, value, rel_tol=_HALF_DIGITS, abs_tol=_LEAST_HALF)


def _same_time(kind: str, value: Any, made: Any, *, utc: bool = False) -> bool:
    """Compare two that are of one kind; with `utc`, a moment without a time zone is one of UTC."""
    if kind == "clock":
        return value.tzinfo is None and bool(value == made)
    if kind == "moment":
        zoned = getattr(value, "tzinfo", None) is not None
        if zoned != (made.tzinfo is not None) and (zoned or not utc):
            return False
        return _naive(value) == _naive(made)
    if isinstance(value, np.timedelta64):
        return bool(value == np.timedelta64(_as_numpy(made)))
    return bool(value == made)


def _naive(moment: Any) -> Any:
    """Return a moment without its zone, in UTC, as numpy has it: all digits are kept."""
    if getattr(moment, "tzinfo", None) is not None:
        moment = moment.astimezone(datetime.UTC).replace(tzinfo=None)
    return np.datetime64(_as_numpy(moment))


def _as_numpy(value: Any) -> Any:
    """Return what pandas counts in nanoseconds as numpy does: numpy would cut it."""
    return value.to_numpy() if hasattr(value, "to_numpy") else value

"""Whether conditions that must hold together can hold for no row: ``x > 5`` and ``x < 3``.

Column by column, from comparisons with constants. What is not understood may be true.
"""

from __future__ import annotations

import datetime
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import pyarrow as pa

from ..expr.functions import FUNCTIONS
from ..expr.node import Call, Column, Expr, Literal


def never_true(parts: Iterable[Expr], schema: pa.Schema) -> bool:
    """Return whether no row of `schema` can fulfil all of `parts`.

    >>> from ..expr.node import literal
    >>> more = Call("gt", (Column("x"), literal(5)))
    >>> less = Call("lt", (Column("x"), literal(3)))
    >>> never_true([more, less], pa.schema([("x", pa.int64())]))
    True
    """
    known: dict[str, _Range] = {}
    for part in parts:
        if isinstance(part, Literal) and not part.value.as_py():
            return True
        if not isinstance(part, Call) or not isinstance(part.args[0], Column):
            continue
        note = _NOTED.get(part.name)
        others = part.args[1:]
        if note is None or not _is_plain(part) or not all(isinstance(a, Literal) for a in others):
            continue
        name = part.args[0].name
        here = known.setdefault(name, _Range(schema.field(name).type))
        note(here, [arg.value for arg in others if isinstance(arg, Literal)])
        if here.is_empty():
            return True
    return False


def _is_plain(call: Call) -> bool:
    """Return whether no option of a call differs from what it is by itself."""
    defaults = {each.name: each.default for each in FUNCTIONS[call.name].parameters}
    return all(defaults[name] == value for name, value in call.options)


@dataclass
class _Range:
    """What the conditions seen so far leave of a column."""

    dtype: pa.DataType
    low: Any = None
    high: Any = None
    open_low: bool = False
    open_high: bool = False
    never: bool = False
    null: bool = False
    """Whether it has to be null."""

    some: bool = False
    """Whether it has to be a value."""

    among: list[Any] | None = field(default=None)

    def is_empty(self) -> bool:
        """Return whether no value is left."""
        if self.never or (self.null and self.some):
            return True
        if self.low is not None and self.high is not None:
            beyond = self.low > self.high
            if beyond or (self.low == self.high and (self.open_low or self.open_high)):
                return True
        return self.among is not None and not any(self._holds(value) for value in self.among)

    def _holds(self, value: Any) -> bool:
        if self.low is not None and (value < self.low or (value == self.low and self.open_low)):
            return False
        return self.high is None or not (
            value > self.high or (value == self.high and self.open_high)
        )

    def above(self, constants: list[pa.Scalar], *, is_open: bool) -> None:
        """Note that it is greater than a constant, or equal to it where that is not `is_open`."""
        value = self._value(constants[0])
        if value is not None and (self.low is None or value >= self.low):
            self.open_low = is_open or (value == self.low and self.open_low)
            self.low = value

    def below(self, constants: list[pa.Scalar], *, is_open: bool) -> None:
        """Note that it is less than a constant, or equal to it where that is not `is_open`."""
        value = self._value(constants[-1])
        if value is not None and (self.high is None or value <= self.high):
            self.open_high = is_open or (value == self.high and self.open_high)
            self.high = value

    def equal(self, constants: list[pa.Scalar]) -> None:
        """Note that it is a constant."""
        self.above(constants, is_open=False)
        self.below(constants, is_open=False)

    def between(self, constants: list[pa.Scalar]) -> None:
        """Note that it lies between two constants, or is one of them."""
        self.above(constants[:1], is_open=False)
        self.below(constants[1:], is_open=False)

    def one_of(self, constants: list[pa.Scalar]) -> None:
        """Note that it is in a list."""
        items = constants[0]
        if not pa.types.is_list(items.type) or not items.is_valid:
            return
        if not len(items):
            self.never = True
            return
        values = [_comparable(item, self.dtype) for item in items]
        if None not in values:
            self.some = True
            kept = self.among
            self.among = values if kept is None else [each for each in kept if each in values]

    def is_null(self, constants: list[pa.Scalar]) -> None:
        """Note that it is null."""
        self.null = True

    def is_value(self, constants: list[pa.Scalar]) -> None:
        """Note that it is not null."""
        self.some = True

    def _value(self, constant: pa.Scalar) -> Any:
        """Return a constant to compare with; a comparison is true for no null, on either side."""
        self.some = True
        if not constant.is_valid:
            self.never = True
            return None
        return _comparable(constant, self.dtype)


def _comparable(constant: pa.Scalar, dtype: pa.DataType) -> Any:
    """Return a constant as Python compares it, None where the engine might compare otherwise."""
    if not constant.is_valid or (constant.type != dtype and pa.types.is_temporal(constant.type)):
        return None
    value = constant.as_py()
    wanted = next((classes for test, classes in _COMPARED if test(dtype)), ())
    if isinstance(value, bool) or not isinstance(value, wanted):
        return None
    if isinstance(value, float) and math.isnan(value):
        return None
    return value


_COMPARED: tuple[tuple[Callable[[pa.DataType], bool], tuple[type, ...]], ...] = (
    (pa.types.is_integer, (int,)),
    # Of single precision a constant may be rounded on the way.
    (pa.types.is_float64, (float,)),
    (pa.types.is_decimal, (int, Decimal)),
    (pa.types.is_string, (str,)),
    (pa.types.is_date32, (datetime.date,)),
)

_NOTED: Mapping[str, Callable[[_Range, list[pa.Scalar]], None]] = {
    "eq": _Range.equal,
    "gt": lambda known, constants: known.above(constants, is_open=True),
    "ge": lambda known, constants: known.above(constants, is_open=False),
    "lt": lambda known, constants: known.below(constants, is_open=True),
    "le": lambda known, constants: known.below(constants, is_open=False),
    "is_between": _Range.between,
    "is_in": _Range.one_of,
    "is_null": _Range.is_null,
    "is_not_null": _Range.is_value,
}

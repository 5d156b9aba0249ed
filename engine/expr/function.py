"""What an entry of ``FUNCTIONS`` is: a kernel, what it takes, and how a user calls and reads it.

The entries themselves are in the files named after what they are about; ``functions.py`` puts
them into one table.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import pyarrow as pa

from ..errors import TypeMismatch

Value: TypeAlias = pa.Array | pa.Scalar
"""What kernels take and give; at least one of the arguments is an array."""

REQUIRED: Any = object()
"""Stands for "this parameter has no default"."""


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A set of types that an argument may have."""

    name: str
    """As an error message says it: ``a number``."""

    contains: Callable[[pa.DataType], bool]

    stand_in: pa.DataType
    """The type that a column of nothing but nulls (Arrow's ``null`` type) is taken for."""

    samples: tuple[pa.DataType, ...]
    """Types of this kind that the tests go through."""


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """A parameter of the user-facing method, after the column it is called on."""

    name: str

    expr: bool = False
    """Whether it is an argument (a column or a value) rather than a plain setting of the call."""

    default: Any = REQUIRED

    types: tuple[type, ...] = ()
    """What a plain setting may be an instance of; empty allows anything hashable."""

    choices: tuple[Any, ...] = ()
    """The values a plain setting may have; empty allows all of its types."""

    names: bool = False
    """Whether text given for it is the name of a column rather than a literal."""

    items: bool = False
    """Whether the argument is a list of values, kept as one literal."""

    keyword_only: bool = False

    variadic: bool = False
    """Whether it takes all remaining positional arguments."""


@dataclass(frozen=True, kw_only=True)
class Example:
    """A call that is run by the tests and shown in the method's docstring."""

    code: str
    """An expression over the columns of `data`, with the public module as ``pt``."""

    data: Mapping[str, Sequence[Any]]
    gives: Sequence[Any]


@dataclass(frozen=True, kw_only=True)
class Function:
    """One function over columns, row by row."""

    name: str
    """The method's name; a namespace comes first, as in ``str.starts_with``."""

    kernel: Callable[..., Value]
    """Called with the arguments, then the settings by name.

    The type of what it gives follows from the types of its arguments, the values of its scalars and
    its settings, never from the values in an array: types are found by running it on empty arrays.
    """

    accepts: tuple[Kind, ...]
    """What each argument may be; the last one stands for all that follow."""

    doc: str
    """What the method's docstring says, its first line a sentence of its own."""

    example: Example

    parameters: tuple[Parameter, ...] = ()

    method: bool = True
    """Whether it is installed as a method; operators and module functions are not."""

    written: bool = False
    """Whether the method is written by hand: its arguments are more than an entry describes."""

    symbol: str = ""
    """The operator that users write for it."""

    exact_floats: bool = True
    """Whether a bare float such as ``0.05`` next to a decimal is taken as the decimal it shows."""

    alike: bool = True
    """Whether its arguments are of one kind: a bare literal takes the type of those beside it."""

    also: tuple[str, ...] = ()
    """Other names of the method, mostly what pandas users call it."""

    def accepted(self, position: int) -> Kind:
        """Return what the argument at `position` may be."""
        return self.accepts[min(position, len(self.accepts) - 1)]

    def check(self, position: int, dtype: pa.DataType) -> None:
        """Raise a `TypeMismatch` if the argument at `position` may not be a `dtype`."""
        kind = self.accepted(position)
        if not (pa.types.is_null(dtype) or kind.contains(dtype)):
            raise TypeMismatch(
                f"{self.symbol or self.name} wants {kind.name} as its"
                f" {_ORDINALS[min(position, 3)]} argument, but this is {dtype}."
                f"{_advice(kind, dtype)}"
            )


_ORDINALS = ("first", "second", "third", "next")


def _advice(kind: Kind, dtype: pa.DataType) -> str:
    if kind in (TIMESTAMP, DATE, TIME, DATE_OR_TIME) and pa.types.is_string(dtype):
        return " Parse text with .str.to_date() or .str.to_datetime()."
    if kind is TEXT:
        return " Make text of it with .cast(str)."
    if kind is NUMBER and pa.types.is_string(dtype):
        return " Make numbers of text with .cast(float) or .str.to_integer()."
    return ""


def _either(*tests: Callable[[pa.DataType], bool]) -> Callable[[pa.DataType], bool]:
    return lambda dtype: any(test(dtype) for test in tests)


_INTEGERS = (
    *(pa.int8(), pa.int16(), pa.int32(), pa.int64()),
    *(pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64()),
)
_FLOATS = (pa.float32(), pa.float64())
_TEXTS = (pa.string(), pa.large_string())
_TIMES = (pa.timestamp("us"), pa.timestamp("ms"), pa.timestamp("ns", "Europe/Paris"))

is_number = _either(pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal)
is_text = _either(pa.types.is_string, pa.types.is_large_string)
is_binary = _either(
    *(pa.types.is_binary, pa.types.is_large_binary, pa.types.is_fixed_size_binary),
    pa.types.is_binary_view,
)
is_temporal = _either(
    pa.types.is_date, pa.types.is_timestamp, pa.types.is_time, pa.types.is_duration
)

INTEGER = Kind(
    name="an integer",
    contains=pa.types.is_integer,
    stand_in=pa.int64(),
    samples=_INTEGERS,
)
NUMBER = Kind(
    name="a number",
    contains=is_number,
    stand_in=pa.int64(),
    samples=(*_INTEGERS, *_FLOATS, pa.decimal128(15, 2), pa.decimal128(38, 6)),
)
QUANTITY = Kind(
    name="a number or a point or length of time",
    contains=_either(is_number, is_temporal),
    stand_in=pa.int64(),
    samples=(*NUMBER.samples, pa.duration("us")),
)
BOOLEAN = Kind(
    name="a boolean",
    contains=pa.types.is_boolean,
    stand_in=pa.bool_(),
    samples=(pa.bool_(),),
)
TEXT = Kind(name="text", contains=is_text, stand_in=pa.string(), samples=_TEXTS)
TIMESTAMP = Kind(
    name="a timestamp",
    contains=pa.types.is_timestamp,
    stand_in=pa.timestamp("us"),
    samples=_TIMES,
)
DATE = Kind(
    name="a date or a timestamp",
    contains=_either(pa.types.is_date, pa.types.is_timestamp),
    stand_in=pa.timestamp("us"),
    samples=(pa.date32(), *_TIMES),
)
TIME = Kind(
    name="a time or a timestamp",
    contains=_either(pa.types.is_time, pa.types.is_timestamp),
    stand_in=pa.timestamp("us"),
    samples=(pa.time64("us"), *_TIMES),
)
DATE_OR_TIME = Kind(
    name="a date, a time or a timestamp",
    contains=_either(pa.types.is_date, pa.types.is_time, pa.types.is_timestamp),
    stand_in=pa.timestamp("us"),
    samples=(pa.date32(), pa.time64("us"), *_TIMES),
)
DURATION = Kind(
    name="a duration",
    contains=pa.types.is_duration,
    stand_in=pa.duration("us"),
    samples=(pa.duration("us"), pa.duration("s")),
)
ORDERED = Kind(
    name="a type with an order",
    contains=_either(is_number, is_text, is_temporal, pa.types.is_boolean, is_binary),
    stand_in=pa.int64(),
    samples=(
        *(pa.int64(), pa.uint8(), pa.float64(), pa.decimal128(15, 2), pa.string(), pa.bool_()),
        *(pa.date32(), pa.timestamp("us"), pa.timestamp("ns", "Europe/Paris"), pa.duration("us")),
    ),
)
is_list = _either(
    *(pa.types.is_list, pa.types.is_large_list, pa.types.is_fixed_size_list),
    *(pa.types.is_list_view, pa.types.is_large_list_view),
)

VALUES = Kind(
    name="a list of values",
    contains=is_list,
    stand_in=pa.list_(pa.null()),
    samples=(),
)
LIST = Kind(
    name="a list",
    contains=is_list,
    stand_in=pa.list_(pa.null()),
    samples=(
        *(pa.list_(pa.int64()), pa.list_(pa.float64()), pa.list_(pa.string())),
        *(pa.large_list(pa.int32()), pa.list_(pa.int16(), 2), pa.list_(pa.date32())),
    ),
)
NUMBERS = Kind(
    name="a list of numbers",
    contains=lambda dtype: (
        is_list(dtype) and (is_number(dtype.value_type) or pa.types.is_null(dtype.value_type))
    ),
    stand_in=pa.list_(pa.int64()),
    samples=(
        *(pa.list_(pa.int64()), pa.list_(pa.float64()), pa.large_list(pa.int32())),
        *(pa.list_(pa.int16(), 2), pa.list_(pa.decimal128(15, 2)), pa.list_(pa.uint8())),
    ),
)
BOOLEANS = Kind(
    name="a list of booleans",
    contains=lambda dtype: (
        is_list(dtype)
        and (pa.types.is_boolean(dtype.value_type) or pa.types.is_null(dtype.value_type))
    ),
    stand_in=pa.list_(pa.bool_()),
    samples=(pa.list_(pa.bool_()),),
)
TEXTS = Kind(
    name="a list of texts",
    contains=lambda dtype: (
        is_list(dtype) and (is_text(dtype.value_type) or pa.types.is_null(dtype.value_type))
    ),
    stand_in=pa.list_(pa.string()),
    samples=(pa.list_(pa.string()), pa.large_list(pa.large_string())),
)
STRUCT = Kind(
    name="a struct",
    contains=pa.types.is_struct,
    stand_in=pa.struct([]),
    samples=(pa.struct({"a": pa.int64(), "b": pa.string()}),),
)
BINARY = Kind(
    name="binary",
    contains=is_binary,
    stand_in=pa.binary(),
    samples=(pa.binary(), pa.large_binary()),
)
FLAT = Kind(
    name="a type that is not nested",
    contains=lambda dtype: not pa.types.is_nested(dtype),
    stand_in=pa.int64(),
    samples=(*ORDERED.samples, pa.binary()),
)
ANY = Kind(
    name="any type",
    contains=lambda dtype: True,
    stand_in=pa.null(),
    samples=(*ORDERED.samples, pa.list_(pa.int64()), pa.null()),
)


def text_function(
    name: str,
    kernel: Callable[..., Value],
    doc: str,
    given: list[Any],
    call: str,
    gives: list[Any],
    *parameters: Parameter,
    also: tuple[str, ...] = (),
) -> Function:
    """Return an entry for a function of one text column, with an example of one call."""
    return Function(
        name=f"str.{name}",
        kernel=kernel,
        accepts=(TEXT,),
        parameters=parameters,
        also=also,
        doc=doc,
        example=Example(code=f"pt.col('s').str.{name}({call})", data={"s": given}, gives=gives),
    )

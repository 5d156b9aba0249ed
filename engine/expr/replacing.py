"""Other values in the place of certain values, and numbers as the intervals they lie in."""

from __future__ import annotations

import itertools

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..errors import ComputeError, TypeMismatch
from .casting import cast
from .coercion import decimal_to_double, unified
from .division import numpy_values
from .function import ANY, FLAT, NUMBER, VALUES, Example, Function, Parameter, Value, is_temporal


def as_set_members(value: Value, items: pa.Array) -> tuple[Value, pa.Array]:
    """Return values and the items to look among as Arrow's hash table compares them rightly."""
    if pa.types.is_null(items.type):
        items = items.cast(value.type)
    if items.type != value.type:
        value, items = unified(value, items)
    if pa.types.is_floating(value.type):
        # The hash table behind tells -0.0 from 0.0; adding zero makes one of them.
        value, items = pc.add(value, 0.0), pc.add(items, 0.0)
    if is_temporal(value.type):
        value, items = (_as_integers(each) for each in (value, items))
    return value, items


def _as_integers(value: Value) -> Value:
    return value.cast(pa.int32() if value.type.bit_width == 32 else pa.int64())


def _replace(value: Value, old: Value, new: Value) -> Value:
    news = new.values
    try:
        news = cast(news, value.type)
    except (pa.ArrowInvalid, TypeMismatch):
        raise TypeMismatch(
            f"replace keeps the type of the column, {value.type}, and a new value is none of it,"
            f" but {new.type.value_type}. For values of another type use .replace_strict()."
        ) from None
    places = _places(value, old)
    return pc.if_else(pc.is_valid(places), news.take(places), value)


def _replace_strict(value: Value, old: Value, new: Value, *default: Value) -> Value:
    places = _places(value, old)
    found = pc.is_valid(places)
    if default:
        news, other = unified(new.values, default[0])
        return pc.if_else(found, news.take(places), other)
    lost = pc.and_(pc.invert(found), pc.is_valid(value))
    if pc.any(lost).as_py():
        missing = value.filter(lost)
        raise ComputeError(
            f"{len(missing)} of {len(value)} values are not among the old ones, the first is"
            f" {missing[0].as_py()!r}. Give a default=, or use .replace() to keep them."
        )
    return new.values.take(places)


def _places(value: Value, old: Value) -> pa.Array:
    """Return which of the old values each value is, null for none of them."""
    return pc.index_in(*as_set_members(value, old.values))


def _cut(
    value: Value,
    breaks: tuple[float, ...],
    labels: tuple[str, ...] | None,
    left_closed: bool,
    include_breaks: bool,
) -> Value:
    if pa.types.is_decimal(value.type):
        value = decimal_to_double(value)
    numbers = numpy_values(value)
    places = np.searchsorted(breaks, numbers, side="right" if left_closed else "left")
    missing = np.asarray(value.is_null())
    if numbers.dtype.kind == "f":
        missing = missing | np.isnan(numbers)
    codes = pa.array(places.astype(np.int32), mask=missing)
    category = pa.array(labels or _intervals(breaks, left_closed), pa.string()).take(codes)
    if not include_breaks:
        return category
    ends = pa.array([*breaks, np.inf], pa.float64()).take(codes)
    return pa.StructArray.from_arrays([ends, category], names=["breakpoint", "category"])


def _intervals(breaks: tuple[float, ...], left_closed: bool) -> list[str]:
    shown = ["-inf", *(f"{each:g}" if each == int(each) else repr(each) for each in breaks), "inf"]
    left, right = ("[", ")") if left_closed else ("(", "]")
    return [f"{left}{low}, {high}{right}" for low, high in itertools.pairwise(shown)]


REPLACING = (
    Function(
        name="replace",
        written=True,
        kernel=_replace,
        accepts=(FLAT, VALUES, VALUES),
        doc="Return the value, or another one in the place of certain values; the type stays.",
        example=Example(
            code="pt.col('a').replace({1: 10, None: 0})",
            data={"a": [1, 2, None]},
            gives=[10, 2, 0],
        ),
    ),
    Function(
        name="replace_strict",
        written=True,
        kernel=_replace_strict,
        accepts=(FLAT, VALUES, VALUES, ANY),
        doc="Return the new value of each value, which may be of another type.",
        example=Example(
            code="pt.col('a').replace_strict({1: 'one'}, default='many')",
            data={"a": [1, 2, None]},
            gives=["one", "many", "many"],
        ),
    ),
    Function(
        name="cut",
        parameters=(
            Parameter(name="breaks"),
            Parameter(name="labels", default=None, keyword_only=True),
            Parameter(name="left_closed", default=False, keyword_only=True),
            Parameter(name="include_breaks", default=False, keyword_only=True),
        ),
        written=True,
        kernel=_cut,
        accepts=(NUMBER,),
        doc="Return the interval that a number lies in, as text; null for null and NaN.",
        example=Example(
            code="pt.col('a').cut([0, 5], labels=['low', 'middle', 'high'])",
            data={"a": [-1, 0, 3, 9, None]},
            gives=["low", "low", "middle", "high", None],
        ),
    ),
)
"""What ``written_methods`` calls."""

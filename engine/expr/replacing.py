"""Other values in the place of certain values, and numbers as the intervals they lie in."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..errors import ComputeError, TypeMismatch
from .casting import cast
from .coercion import decimal_to_double, unified
from .division import numpy_values
from .function import ANY, FLAT, NUMBER, VALUES, Example, Function, Parameter, Value, is_temporal
from .list_layout import beside


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
        _check_same(news, new.values)
    except (pa.ArrowInvalid, TypeMismatch):
        raise TypeMismatch(
            f"replace keeps the type of the column, {value.type}, and a new value is none of it,"
            f" but {new.type.value_type}. For values of another type use .replace_strict()."
        ) from None
    places = _places(value, old)
    return pc.if_else(pc.is_valid(places), news.take(places), value)


def _check_same(made: pa.Array, given: pa.Array) -> None:
    """Raise `pa.ArrowInvalid` where a number was cut off."""
    if pa.types.is_integer(made.type) and not pa.types.is_integer(given.type):
        given.cast(made.type)


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
    *ends: Value,
    breaks: tuple[float, ...],
    labels: tuple[str, ...] | None,
    left_closed: bool,
    include_breaks: bool,
    allow_duplicates: bool,
) -> Value:
    """Return the interval of each number between `breaks`, or between each row's own `ends`."""
    rows = next(len(each) for each in (value, *ends) if isinstance(each, pa.Array))
    numbers, missing = _doubles(beside(value, rows))
    if ends:
        between = np.column_stack([_doubles(beside(end, rows))[0] for end in ends])
        missing = missing | np.isnan(between).any(axis=1)
        if not allow_duplicates:
            _check_different(between[~missing])
        below = between <= numbers[:, None] if left_closed else between < numbers[:, None]
        places = below.sum(axis=1)
        outermost = np.full((rows, 1), np.inf)
        edges = np.hstack([-outermost, between, outermost])
        low, high = (np.take_along_axis(edges, places[:, None] + k, axis=1)[:, 0] for k in (0, 1))
        texts, codes = _intervals(low, high, left_closed), np.arange(rows)
    else:
        places = np.searchsorted(breaks, numbers, side="right" if left_closed else "left")
        edges = np.array([-np.inf, *breaks, np.inf])
        high = edges[places + 1]
        texts, codes = _intervals(edges[:-1], edges[1:], left_closed), places
    if labels is not None:
        texts, codes = pa.array(labels, pa.string()), places
    category = texts.take(pa.array(codes.astype(np.int64), mask=missing))
    if not include_breaks:
        return category
    upper = pa.array(high, pa.float64(), mask=missing)
    return pa.StructArray.from_arrays([upper, category], names=["breakpoint", "category"])


def _doubles(value: Value) -> tuple[np.ndarray, np.ndarray]:
    """Return numbers as doubles, and which of them are null or NaN."""
    if pa.types.is_decimal(value.type):
        value = decimal_to_double(value)
    numbers = numpy_values(value).astype(np.float64)
    missing = np.asarray(value.is_null()) | np.isnan(numbers)
    return np.where(missing, np.nan, numbers), missing


def _check_different(between: np.ndarray) -> None:
    """Raise where two neighbouring ends of a row are equal."""
    rows, places = np.nonzero(np.diff(between, axis=1) == 0)
    if len(rows):
        raise ComputeError(
            f"cut: two breaks are equal, {between[rows[0], places[0]]}, so that there is nothing"
            " between them. Choose fewer, or leave such intervals out with .qcut(...,"
            " allow_duplicates=True)."
        )


def _intervals(low: np.ndarray, high: np.ndarray, left_closed: bool) -> pa.Array:
    left, right = ("[", ")") if left_closed else ("(", "]")
    shown = [pa.array(each, pa.float64()).cast(pa.string()) for each in (low, high)]
    return pc.binary_join_element_wise(left, shown[0], ", ", shown[1], right, "")


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
            Parameter(name="allow_duplicates", default=False, keyword_only=True),
        ),
        written=True,
        kernel=_cut,
        accepts=(NUMBER,),
        alike=False,
        doc="Return the interval that a number lies in, as text; null for null and NaN.",
        example=Example(
            code="pt.col('a').cut([0, 5], labels=['low', 'middle', 'high'])",
            data={"a": [-1, 0, 3, 9, None]},
            gives=["low", "low", "middle", "high", None],
        ),
    ),
)
"""What ``written_methods`` calls."""

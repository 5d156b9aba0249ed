"""Comparisons: ``== != < <= > >=``, and those made of them.

A null on either side gives null. NaN is a value: it equals NaN and is greater than every other
number, as in Polars and DuckDB and unlike IEEE 754; -0.0 equals 0.0.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import pyarrow as pa
import pyarrow.compute as pc

from ..errors import TypeMismatch
from .coercion import convert, unified
from .function import ORDERED, VALUES, Example, Function, Parameter, Value, is_temporal


def equal(left: Value, right: Value) -> Value:
    """Return whether values are equal; NaN equals NaN."""
    left, right = unified(left, right)
    if not _may_be_nan(left, right):
        return pc.equal(left, right)
    return pc.or_(pc.equal(left, right), pc.and_(pc.is_nan(left), pc.is_nan(right)))


def not_equal(left: Value, right: Value) -> Value:
    """Return whether values differ; NaN does not differ from NaN."""
    return pc.invert(equal(left, right))


def less(left: Value, right: Value) -> Value:
    """Return whether `left` is less than `right`; NaN is greater than every number."""
    left, right = _comparable(left, right)
    if not _may_be_nan(left, right):
        # Whichever side is an array may hold NaN, the other is a number: Arrow's comparison is
        # false for NaN, which is right for NaN < 3, and is inverted for 3 < NaN.
        if isinstance(left, pa.Scalar) and pa.types.is_floating(left.type):
            return pc.invert(pc.greater_equal(left, right))
        return pc.less(left, right)
    return pc.and_(pc.invert(pc.greater_equal(left, right)), pc.invert(pc.is_nan(left)))


def less_equal(left: Value, right: Value) -> Value:
    """Return whether `left` is at most `right`."""
    return pc.invert(less(right, left))


def _may_be_nan(left: Value, right: Value) -> bool:
    """Return whether NaN may stand on both sides; a number on one side makes it easy."""
    return pa.types.is_floating(left.type) and not any(
        isinstance(each, pa.Scalar) and each.is_valid and not math.isnan(each.as_py())
        for each in (left, right)
    )


def _comparable(left: Value, right: Value) -> tuple[Value, Value]:
    left, right = unified(left, right)
    return left, right


def _equal_missing(left: Value, right: Value) -> Value:
    left, right = unified(left, right)
    both = pc.and_(pc.is_null(left), pc.is_null(right))
    return pc.or_(pc.fill_null(equal(left, right), False), both)


def _is_between(value: Value, lower: Value, upper: Value, closed: str) -> Value:
    above = less_equal(lower, value) if closed in ("both", "left") else less(lower, value)
    below = less_equal(value, upper) if closed in ("both", "right") else less(value, upper)
    return pc.and_kleene(above, below)


def _is_in(value: Value, members: Value) -> Value:
    """Return whether each value is an item of the list `members`."""
    if not isinstance(members, pa.Scalar):
        raise TypeMismatch("is_in wants one list of values, but this is a column of lists.")
    items = members.values if members.is_valid else pa.array([], value.type)
    if pa.types.is_null(items.type):
        items = items.cast(value.type)
    if items.type != value.type:
        value, items = unified(value, items)
    if pa.types.is_floating(value.type):
        # The hash table behind tells -0.0 from 0.0; adding zero makes one of them.
        value, items = pc.add(value, 0.0), pc.add(items, 0.0)
    if is_temporal(value.type):
        value, items = _as_integers(value), _as_integers(items)
    found = pc.is_in(value, value_set=items.drop_null())
    return pc.if_else(pc.is_valid(value), found, pa.scalar(None, pa.bool_()))


def _as_integers(value: Value) -> Value:
    width = pa.int32() if value.type.bit_width == 32 else pa.int64()
    return value.cast(width)


def _clip(value: Value, lower: Value, upper: Value) -> Value:
    # Arrow's own comparisons, false for NaN: it stays, and as a bound it bounds nothing.
    for bound, outside in ((lower, pc.less), (upper, pc.greater)):
        limit = convert(bound, value.type)
        value = pc.if_else(pc.fill_null(outside(value, limit), False), limit, value)
    return value


def _operator(
    name: str, symbol: str, kernel: Callable[..., Value], doc: str, gives: list[object]
) -> Function:
    return Function(
        name=name,
        symbol=symbol,
        method=False,
        kernel=kernel,
        accepts=(ORDERED, ORDERED),
        doc=f"{doc}\n\n        {_RULES}",
        example=Example(
            code=f"pt.col('a') {symbol} pt.col('b')",
            data={"a": [1.0, 2.0, float("nan"), None], "b": [2.0, 2.0, float("nan"), 1.0]},
            gives=gives,
        ),
    )


_RULES = "A null on either side gives null. NaN equals NaN and is the greatest."

COMPARISON = (
    _operator("eq", "==", equal, "Return whether values are equal.", [False, True, True, None]),
    _operator("ne", "!=", not_equal, "Return whether values differ.", [True, False, False, None]),
    _operator("lt", "<", less, "Return whether it is less.", [True, False, False, None]),
    _operator("le", "<=", less_equal, "Return whether it is at most.", [True, True, True, None]),
    _operator(
        "gt",
        ">",
        lambda left, right: less(right, left),
        "Return whether it is greater.",
        [False, False, False, None],
    ),
    _operator(
        "ge",
        ">=",
        lambda left, right: less_equal(right, left),
        "Return whether it is at least.",
        [False, True, True, None],
    ),
    Function(
        name="eq_missing",
        kernel=_equal_missing,
        accepts=(ORDERED, ORDERED),
        parameters=(Parameter(name="other", expr=True),),
        doc="Return whether values are equal, null being equal to null; never null itself.",
        example=Example(
            code="pt.col('a').eq_missing(pt.col('b'))",
            data={"a": [1, None, None], "b": [1, 1, None]},
            gives=[True, False, True],
        ),
    ),
    Function(
        name="is_between",
        kernel=_is_between,
        accepts=(ORDERED, ORDERED, ORDERED),
        parameters=(
            Parameter(name="lower_bound", expr=True, names=True),
            Parameter(name="upper_bound", expr=True, names=True),
            Parameter(
                name="closed",
                default="both",
                types=(str,),
                choices=("both", "left", "right", "none"),
            ),
        ),
        also=("between",),
        doc="Return whether it lies between two bounds; `closed` says which of them belong.",
        example=Example(
            code="pt.col('a').is_between(1, 2)",
            data={"a": [0, 1, 2, 3, None]},
            gives=[False, True, True, False, None],
        ),
    ),
    Function(
        name="is_in",
        kernel=_is_in,
        accepts=(ORDERED, VALUES),
        parameters=(Parameter(name="other", expr=True, items=True),),
        also=("isin",),
        doc="Return whether it is one of the values of a list; null for null.",
        example=Example(
            code="pt.col('a').is_in([1, 3])",
            data={"a": [1, 2, None]},
            gives=[True, False, None],
        ),
    ),
    Function(
        name="clip",
        kernel=_clip,
        accepts=(ORDERED, ORDERED, ORDERED),
        parameters=(
            Parameter(name="lower_bound", expr=True, names=True, default=None),
            Parameter(name="upper_bound", expr=True, names=True, default=None),
        ),
        doc="Return the value, or the bound it lies beyond; a bound that is null bounds nothing.",
        example=Example(
            code="pt.col('a').clip(1, 3)",
            data={"a": [0, 2, 9, None]},
            gives=[1, 2, 3, None],
        ),
    ),
)
"""The comparisons; ``is_in`` has one literal of a list as its second argument."""

"""Comparisons: ``== != < <= > >=``, and those made of them.

A null on either side gives null. NaN is a value: it equals NaN and is greater than every other
number, as in Polars and DuckDB and unlike IEEE 754; -0.0 equals 0.0.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import pyarrow as pa
import pyarrow.compute as pc

from .coercion import convert, decimal_to_double, unified
from .function import FLAT, NUMBER, ORDERED, VALUES, Example, Function, Parameter, Value
from .list_order import list_contains
from .replacing import as_set_members


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


def _not_equal_missing(left: Value, right: Value) -> Value:
    return pc.invert(_equal_missing(left, right))


def _is_in(value: Value, members: Value, nulls_equal: bool = False) -> Value:
    """Return whether each value is an item of the list `members`, one for all or one for each."""
    if not isinstance(members, pa.Scalar):
        return list_contains(members, value, nulls_equal)
    items = members.values if members.is_valid else pa.array([], value.type)
    has_null = items.null_count > 0
    value, items = as_set_members(value, items)
    found = pc.is_in(value, value_set=items.drop_null())
    if isinstance(value, pa.Array) and not value.null_count:
        return found
    missing = pa.scalar(has_null if nulls_equal else None, pa.bool_())
    return pc.if_else(pc.is_valid(value), found, missing)


def _is_close(left: Value, right: Value, abs_tol: float, rel_tol: float, nans_equal: bool) -> Value:
    doubles = []
    for each in (left, right):
        if pa.types.is_decimal(each.type):
            each = decimal_to_double(each)
        doubles.append(convert(each, pa.float64()))
    first, second = doubles
    largest = pc.max_element_wise(pc.abs(first), pc.abs(second), skip_nulls=False)
    apart = pc.abs(pc.subtract(first, second))
    allowed = pc.max_element_wise(pc.multiply(largest, rel_tol), abs_tol)
    # Infinity is close to itself alone: all else is infinitely far from it.
    close = pc.and_(pc.less_equal(apart, allowed), pc.is_finite(largest))
    close = pc.or_(close, pc.equal(first, second))
    nans = pc.and_(pc.is_nan(first), pc.is_nan(second))
    return pc.or_(close, nans) if nans_equal else close


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
        parameters=(Parameter(name="other", expr=True),),
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
        name="ne_missing",
        kernel=_not_equal_missing,
        accepts=(ORDERED, ORDERED),
        parameters=(Parameter(name="other", expr=True),),
        doc="Return whether values differ, null not differing from null; never null itself.",
        example=Example(
            code="pt.col('a').ne_missing(pt.col('b'))",
            data={"a": [1, None, None], "b": [1, 1, None]},
            gives=[False, True, False],
        ),
    ),
    Function(
        name="is_close",
        kernel=_is_close,
        accepts=(NUMBER, NUMBER),
        parameters=(
            Parameter(name="other", expr=True),
            Parameter(name="abs_tol", default=0.0, types=(int, float), keyword_only=True),
            Parameter(name="rel_tol", default=1e-9, types=(int, float), keyword_only=True),
            Parameter(name="nans_equal", default=False, types=(bool,), keyword_only=True),
        ),
        doc="""Return whether numbers differ by no more than a tolerance.

        It is `abs_tol`, or `rel_tol` times the greater of both, whichever is more.""",
        example=Example(
            code="pt.col('a').is_close(0.3)",
            data={"a": [0.1 + 0.2, 0.31, None]},
            gives=[True, False, None],
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
        accepts=(FLAT, VALUES),
        parameters=(
            Parameter(name="other", expr=True, items=True),
            Parameter(name="nulls_equal", default=False, types=(bool,), keyword_only=True),
        ),
        also=("isin",),
        doc="""Return whether it is one of the values of a list, or of a column of lists.

        Null for null; with `nulls_equal`, whether a null is among the values.""",
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

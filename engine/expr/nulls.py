"""Nulls and NaN: to ask for them and to replace them. Null is absence, NaN is a number's value."""

from __future__ import annotations

import math

import pyarrow as pa
import pyarrow.compute as pc

from .coercion import unified
from .comparison import less
from .function import ANY, NUMBER, ORDERED, Example, Function, Parameter, Value


def _is_nan(value: Value) -> Value:
    return pc.is_nan(value) if pa.types.is_floating(value.type) else _no_such_value(value, False)


def _is_finite(value: Value) -> Value:
    return pc.is_finite(value) if pa.types.is_floating(value.type) else _no_such_value(value, True)


def _is_infinite(value: Value) -> Value:
    return pc.is_inf(value) if pa.types.is_floating(value.type) else _no_such_value(value, False)


def _no_such_value(value: pa.Array, answer: bool) -> pa.Array:
    """Return `answer` for each value, null for null: integers and decimals are always finite."""
    return pc.if_else(pc.is_valid(value), answer, pa.scalar(None, pa.bool_()))


def _fill_nan(value: Value, filling: Value) -> Value:
    if not pa.types.is_floating(value.type):
        return value
    value, filling = unified(value, filling)
    return pc.if_else(pc.fill_null(pc.is_nan(value), False), filling, value)


def _coalesce(*values: Value) -> Value:
    return pc.coalesce(*unified(*values))


def _extreme(values: tuple[Value, ...], *, greatest: bool) -> Value:
    best, *others = unified(*values)
    for other in others:
        better = less(best, other) if greatest else less(other, best)
        # NaN is passed over where there is a number, as `min` and `max` of a column do.
        if pa.types.is_floating(best.type) and greatest:
            better = pc.or_(
                pc.and_(better, pc.invert(pc.is_nan(other))),
                pc.and_(pc.is_nan(best), pc.invert(pc.is_nan(other))),
            )
        chosen = pc.if_else(pc.fill_null(better, False), other, best)
        best = pc.coalesce(chosen, best, other)
    return best


def _min_horizontal(*values: Value) -> Value:
    return _extreme(values, greatest=False)


def _max_horizontal(*values: Value) -> Value:
    return _extreme(values, greatest=True)


_SEVERAL = (Parameter(name="exprs", expr=True, names=True, variadic=True),)

NULLS = (
    Function(
        name="is_null",
        kernel=pc.is_null,
        accepts=(ANY,),
        also=("isna", "isnull"),
        doc="Return whether it is null; NaN is not.",
        example=Example(
            code="pt.col('a').is_null()",
            data={"a": [1.0, math.nan, None]},
            gives=[False, False, True],
        ),
    ),
    Function(
        name="is_not_null",
        kernel=pc.is_valid,
        accepts=(ANY,),
        also=("notna", "notnull"),
        doc="Return whether it is not null.",
        example=Example(
            code="pt.col('a').is_not_null()",
            data={"a": [1.0, math.nan, None]},
            gives=[True, True, False],
        ),
    ),
    Function(
        name="is_nan",
        kernel=_is_nan,
        accepts=(NUMBER,),
        doc="Return whether it is NaN; null for null, and false for every integer and decimal.",
        example=Example(
            code="pt.col('a').is_nan()",
            data={"a": [1.0, math.nan, None]},
            gives=[False, True, None],
        ),
    ),
    Function(
        name="is_not_nan",
        kernel=lambda value: pc.invert(_is_nan(value)),
        accepts=(NUMBER,),
        doc="Return whether it is a number other than NaN; null for null.",
        example=Example(
            code="pt.col('a').is_not_nan()",
            data={"a": [1.0, math.nan, None]},
            gives=[True, False, None],
        ),
    ),
    Function(
        name="is_finite",
        kernel=_is_finite,
        accepts=(NUMBER,),
        doc="Return whether it is neither infinite nor NaN; null for null.",
        example=Example(
            code="pt.col('a').is_finite()",
            data={"a": [1.0, math.inf, None]},
            gives=[True, False, None],
        ),
    ),
    Function(
        name="is_infinite",
        kernel=_is_infinite,
        accepts=(NUMBER,),
        doc="Return whether it is infinite, of either sign; null for null.",
        example=Example(
            code="pt.col('a').is_infinite()",
            data={"a": [1.0, -math.inf, None]},
            gives=[False, True, None],
        ),
    ),
    Function(
        name="fill_null",
        written=True,
        kernel=_coalesce,
        accepts=(ANY, ANY),
        parameters=(Parameter(name="value", expr=True),),
        also=("fillna",),
        doc="Return the value, or another one where it is null.",
        example=Example(code="pt.col('a').fill_null(0)", data={"a": [1, None]}, gives=[1, 0]),
    ),
    Function(
        name="fill_nan",
        kernel=_fill_nan,
        accepts=(NUMBER, NUMBER),
        parameters=(Parameter(name="value", expr=True),),
        doc="Return the value, or another one where it is NaN; null stays null.",
        example=Example(
            code="pt.col('a').fill_nan(0)",
            data={"a": [1.0, math.nan, None]},
            gives=[1.0, 0.0, None],
        ),
    ),
    Function(
        name="coalesce",
        kernel=_coalesce,
        accepts=(ANY,),
        method=False,
        parameters=_SEVERAL,
        doc="Return the first of several values that is not null.",
        example=Example(
            code="pt.coalesce('a', 'b', 0)",
            data={"a": [1, None, None], "b": [2, 3, None]},
            gives=[1, 3, 0],
        ),
    ),
    Function(
        name="min_horizontal",
        kernel=_min_horizontal,
        accepts=(ORDERED,),
        method=False,
        parameters=_SEVERAL,
        doc="Return the least of several values; nulls are passed over.",
        example=Example(
            code="pt.min_horizontal('a', 'b')",
            data={"a": [1, None, None], "b": [0, 3, None]},
            gives=[0, 3, None],
        ),
    ),
    Function(
        name="max_horizontal",
        kernel=_max_horizontal,
        accepts=(ORDERED,),
        method=False,
        parameters=_SEVERAL,
        doc="Return the greatest of several values; nulls are passed over.",
        example=Example(
            code="pt.max_horizontal('a', 'b')",
            data={"a": [1, None, None], "b": [0, 3, None]},
            gives=[1, 3, None],
        ),
    ),
)
"""Questions about nulls and NaN, and the functions that replace them."""

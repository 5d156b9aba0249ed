"""AGGREGATES: the functions over a group of rows, what they take, and the type they give.

How they are accumulated is the business of ``physical/kernels``, under the same names.
"""

from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa

from ..errors import TypeMismatch
from .aggregate import Aggregate
from .function import ANY, BOOLEAN, NUMBER, ORDERED, Example, Kind, Parameter, is_number
from .more_aggregates import MEASURABLE, MORE_AGGREGATES, quantile_type

_SUMMABLE = Kind(
    name="a number, a boolean or a duration",
    contains=lambda dtype: (
        is_number(dtype) or pa.types.is_boolean(dtype) or pa.types.is_duration(dtype)
    ),
    stand_in=pa.int64(),
    samples=(*NUMBER.samples, pa.bool_(), pa.duration("us")),
)


def _same(dtype: pa.DataType) -> pa.DataType:
    return dtype


def _always(result: pa.DataType) -> Callable[[pa.DataType], pa.DataType]:
    return lambda dtype: result


def _sum_type(dtype: pa.DataType) -> pa.DataType:
    if pa.types.is_decimal(dtype):
        return pa.decimal128(38, dtype.scale)
    if pa.types.is_unsigned_integer(dtype):
        return pa.uint64()
    if pa.types.is_floating(dtype) or pa.types.is_duration(dtype):
        return dtype
    return pa.int64()


def _mean_type(dtype: pa.DataType) -> pa.DataType:
    return pa.float64() if pa.types.is_boolean(dtype) else quantile_type(dtype)


def _spread_type(dtype: pa.DataType) -> pa.DataType:
    return dtype if pa.types.is_float32(dtype) else pa.float64()


_DDOF = Parameter(name="ddof", default=1, types=(int,))
_IGNORE_NULLS = Parameter(name="ignore_nulls", default=False, types=(bool,), keyword_only=True)

_ENTRIES = (
    Aggregate(
        name="sum",
        accepts=_SUMMABLE,
        dtype=_sum_type,
        empty=0,
        doc="""Return the sum of the values that are not null; 0 where there are none.

        Integers and booleans give ``int64`` (unsigned ones ``uint64``) and raise where that
        overflows; decimals keep their scale and give ``decimal128(38, scale)``; floats keep
        their type.""",
        example=Example(code="pt.col('a').sum()", data={"a": [3, 1, None]}, gives=[4]),
    ),
    Aggregate(
        name="mean",
        accepts=MEASURABLE,
        dtype=_mean_type,
        doc="""Return the mean of the values that are not null; null where there are none.

        Integers, booleans and decimals give a double, dates a timestamp; other times keep their
        type, and what is less than their unit is dropped.""",
        example=Example(code="pt.col('a').mean()", data={"a": [3, 1, None]}, gives=[2.0]),
    ),
    Aggregate(
        name="min",
        accepts=ORDERED,
        dtype=_same,
        doc="""Return the least value that is not null; null where there is none.

        NaN is passed over unless there is nothing else.""",
        example=Example(code="pt.col('a').min()", data={"a": [3, 1, None]}, gives=[1]),
    ),
    Aggregate(
        name="max",
        accepts=ORDERED,
        dtype=_same,
        doc="""Return the greatest value that is not null; null where there is none.

        NaN is passed over unless there is nothing else.""",
        example=Example(code="pt.col('a').max()", data={"a": [3, 1, None]}, gives=[3]),
    ),
    Aggregate(
        name="count",
        accepts=ANY,
        dtype=_always(pa.int64()),
        empty=0,
        doc="Return how many values are not null, as ``int64``.",
        example=Example(code="pt.col('a').count()", data={"a": [3, 1, None]}, gives=[2]),
    ),
    Aggregate(
        name="len",
        accepts=ANY,
        dtype=_always(pa.int64()),
        empty=0,
        doc="Return how many rows there are, nulls among them, as ``int64``.",
        example=Example(code="pt.col('a').len()", data={"a": [3, 1, None]}, gives=[3]),
    ),
    Aggregate(
        name="n_unique",
        accepts=ORDERED,
        dtype=_always(pa.int64()),
        empty=0,
        holistic=True,
        doc="""Return how many different values there are, as ``int64``; null counts as one.

        NaN equals NaN, and -0.0 equals 0.0.""",
        example=Example(code="pt.col('a').n_unique()", data={"a": [1, 1, None]}, gives=[2]),
    ),
    Aggregate(
        name="first",
        accepts=ANY,
        dtype=_same,
        parameters=(_IGNORE_NULLS,),
        sees_order=True,
        sortable=True,
        doc="""Return the first value, null or not; null where there are no rows.

        With `ignore_nulls` it is the first one that is not null. The order is that of the rows, or
        that of ``.sort_by(...)`` before it.""",
        example=Example(code="pt.col('a').first()", data={"a": [3, 1, None]}, gives=[3]),
    ),
    Aggregate(
        name="last",
        accepts=ANY,
        dtype=_same,
        parameters=(_IGNORE_NULLS,),
        sees_order=True,
        sortable=True,
        doc="""Return the last value, null or not; null where there are no rows.

        With `ignore_nulls` it is the last one that is not null. The order is that of the rows, or
        that of ``.sort_by(...)`` before it.""",
        example=Example(
            code="pt.col('a').last(ignore_nulls=True)", data={"a": [3, 1, None]}, gives=[1]
        ),
    ),
    Aggregate(
        name="std",
        accepts=NUMBER,
        dtype=_spread_type,
        parameters=(_DDOF,),
        doc="""Return the standard deviation of the values that are not null.

        The divisor is their number less `ddof`; null where that is not positive.""",
        example=Example(code="pt.col('a').std()", data={"a": [1, 2, 3]}, gives=[1.0]),
    ),
    Aggregate(
        name="var",
        accepts=NUMBER,
        dtype=_spread_type,
        parameters=(_DDOF,),
        doc="""Return the variance of the values that are not null.

        The divisor is their number less `ddof`; null where that is not positive.""",
        example=Example(code="pt.col('a').var()", data={"a": [1, 3, 5]}, gives=[4.0]),
    ),
    Aggregate(
        name="any",
        accepts=BOOLEAN,
        dtype=_always(pa.bool_()),
        empty=False,
        doc="Return whether a value is true; nulls are passed over, and nothing at all is false.",
        example=Example(code="pt.col('a').any()", data={"a": [True, None, False]}, gives=[True]),
    ),
    Aggregate(
        name="all",
        accepts=BOOLEAN,
        dtype=_always(pa.bool_()),
        empty=True,
        doc="Return whether no value is false; nulls are passed over, and nothing at all is true.",
        example=Example(code="pt.col('a').all()", data={"a": [True, None, False]}, gives=[False]),
    ),
)

AGGREGATES: dict[str, Aggregate] = {entry.name: entry for entry in (*_ENTRIES, *MORE_AGGREGATES)}
"""Name -> aggregate."""


def aggregate_type(name: str, dtype: pa.DataType | None) -> pa.DataType:
    """Return the type of an aggregate over values of type `dtype` (None: over rows, as ``len``).

    Raises
    ------
    TypeMismatch
        If the aggregate is not defined for that type.

    Examples
    --------
    >>> aggregate_type("sum", pa.decimal128(15, 2))
    Decimal128Type(decimal128(38, 2))
    """
    entry = AGGREGATES[name]
    if dtype is None:
        return entry.dtype(pa.null())
    if pa.types.is_null(dtype):
        return entry.dtype(entry.accepts.stand_in)
    if not entry.accepts.contains(dtype):
        advice = f" {entry.advice}" if entry.advice else ""
        raise TypeMismatch(f"{name} wants {entry.accepts.name}, but this is {dtype}.{advice}")
    return entry.dtype(dtype)

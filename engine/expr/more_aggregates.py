"""The aggregates beyond sums, counts and extremes: quantiles, moments, lists, bits, sketches.

They are entries of ``AGGREGATES`` like those of ``aggregates.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pyarrow as pa

from ..errors import InvalidExpression, listed
from .aggregate import Aggregate
from .function import ANY, NUMBER, ORDERED, Example, Kind, Parameter, is_number, is_temporal

MEASURABLE = Kind(
    name="a number, a boolean, or a point or length of time",
    contains=lambda dtype: is_number(dtype) or is_temporal(dtype) or pa.types.is_boolean(dtype),
    stand_in=pa.int64(),
    samples=(
        *NUMBER.samples,
        *(pa.bool_(), pa.duration("us"), pa.date32(), pa.timestamp("us"), pa.time64("us")),
        pa.timestamp("ns", "Europe/Paris"),
    ),
)
_MULTIPLIABLE = Kind(
    name="an integer, a float or a boolean",
    contains=lambda dtype: (
        pa.types.is_integer(dtype) or pa.types.is_floating(dtype) or pa.types.is_boolean(dtype)
    ),
    stand_in=pa.int64(),
    samples=(pa.int8(), pa.int64(), pa.uint64(), pa.float32(), pa.float64(), pa.bool_()),
)
_BITS = Kind(
    name="an integer or a boolean",
    contains=lambda dtype: pa.types.is_integer(dtype) or pa.types.is_boolean(dtype),
    stand_in=pa.int64(),
    samples=(pa.int8(), pa.int64(), pa.uint8(), pa.uint64(), pa.bool_()),
)

LEAST_ACCURACY = 1e-6
"""Of an approximate quantile: finer ones would keep about every value."""


def _same(dtype: pa.DataType) -> pa.DataType:
    return dtype


def _list(dtype: pa.DataType) -> pa.DataType:
    return pa.list_(dtype)


def _always(result: pa.DataType) -> Callable[[pa.DataType], pa.DataType]:
    return lambda dtype: result


def quantile_type(dtype: pa.DataType) -> pa.DataType:
    """Return the type of what lies between values of type `dtype`."""
    if pa.types.is_date(dtype):
        return pa.timestamp("us")
    keeps = pa.types.is_float32(dtype) or is_temporal(dtype)
    return dtype if keeps else pa.float64()


def _product_type(dtype: pa.DataType) -> pa.DataType:
    if pa.types.is_unsigned_integer(dtype):
        return pa.uint64()
    return dtype if pa.types.is_floating(dtype) else pa.int64()


def _check_share(options: Mapping[str, Any]) -> None:
    share, way = options["quantile"], options.get("interpolation", "nearest")
    number = isinstance(share, int | float) and not isinstance(share, bool)
    if not (number and 0 <= share <= 1):
        raise InvalidExpression(
            f"A quantile is a share between 0 and 1, such as 0.9; this is {share!r}."
        )
    if way not in _WAYS:
        raise InvalidExpression(f"interpolation is one of {listed(_WAYS)}, but this is {way!r}.")


def _check_approximate(options: Mapping[str, Any]) -> None:
    _check_share(options)
    accuracy = options.get("accuracy", 0.01)
    if not LEAST_ACCURACY <= accuracy < 1:
        raise InvalidExpression(
            f"approx_quantile: accuracy is a share of the value between {LEAST_ACCURACY} and 1,"
            f" such as 0.01; this is {accuracy!r}. For the exact value use .quantile(...)."
        )


def _check_count(options: Mapping[str, Any]) -> None:
    for name in ("k", "n"):
        count = options.get(name, 0)
        if count < 0:
            raise InvalidExpression(f"{name} is a number of values, 0 or more; this is {count!r}.")


_WAYS = ("nearest", "lower", "higher", "midpoint", "linear", "equiprobable")
_SHARE = Parameter(name="quantile", types=(float, int))
_INTERPOLATION = Parameter(
    name="interpolation",
    default="nearest",
    types=(str,),
    choices=_WAYS,
)
_ACCURACY = Parameter(name="accuracy", default=0.01, types=(float,))
_BIAS = Parameter(name="bias", default=True, types=(bool,), keyword_only=True)
_FISHER = Parameter(name="fisher", default=True, types=(bool,), keyword_only=True)
_BY = Parameter(name="by", expr=True, names=True)
_K = Parameter(name="k", default=5, types=(int,))
_N = Parameter(name="n", default=10, types=(int,))

MORE_AGGREGATES = (
    Aggregate(
        name="median",
        accepts=MEASURABLE,
        dtype=quantile_type,
        holistic=True,
        doc="""Return the median of the values that are not null; null where there are none.

        Of an even number of values it is half way between the middle two. Numbers give a double
        (``float32`` stays), dates a timestamp, other times their own type. NaN is greater than
        every number. It is exact, so all values of a group come together.""",
        example=Example(code="pt.col('a').median()", data={"a": [3, 1, None]}, gives=[2.0]),
    ),
    Aggregate(
        name="quantile",
        accepts=MEASURABLE,
        dtype=quantile_type,
        parameters=(_SHARE, _INTERPOLATION),
        holistic=True,
        check=_check_share,
        doc="""Return the value below which a share of the values lies; null where there are none.

        Where that falls between two values, `interpolation` says what to take: the ``nearest``
        (of two as near the greater), the ``lower``, the ``higher``, half way (``midpoint``), the
        share of the way (``linear``), or the least with at least that share of the values up to
        it (``equiprobable``). It is exact, so all values of a group come together;
        `approx_quantile` keeps little of each.""",
        example=Example(code="pt.col('a').quantile(0.9)", data={"a": [1, 2, 3, 4]}, gives=[4.0]),
    ),
    Aggregate(
        name="approx_quantile",
        accepts=NUMBER,
        dtype=_always(pa.float64()),
        parameters=(_SHARE, _ACCURACY),
        check=_check_approximate,
        doc="""Return about the value below which a share of the values lies, as a double.

        It differs from the ``nearest`` quantile by no more than `accuracy` times that value. What
        is kept of a group is how many values are in each of some buckets, whose bounds grow by a
        factor: DDSketch (Masson, Rim, Lee: DDSketch: A Fast and Fully-Mergeable Quantile Sketch
        with Relative-Error Guarantees, VLDB 2019). The same rows give the same bits in any
        order and any partitions.""",
        example=Example(
            code="pt.col('a').approx_quantile(0.5).round(1)", data={"a": [1, 2, 4]}, gives=[2.0]
        ),
    ),
    Aggregate(
        name="approx_n_unique",
        accepts=ORDERED,
        dtype=_always(pa.int64()),
        empty=0,
        doc="""Return about how many different values there are, as ``int64``; null counts as one.

        The standard error is 0.8 %; two in three answers are nearer than that. What is kept of a
        group is at most 16,384 small numbers: HyperLogLog (Flajolet, Fusy, Gandouet, Meunier,
        2007) with the estimate of Ertl (New cardinality estimation algorithms for HyperLogLog
        sketches, 2017). The same values give the same number in any order and any partitions.""",
        example=Example(
            code="pt.col('a').approx_n_unique()", data={"a": ["x", "y", "x"]}, gives=[2]
        ),
    ),
    Aggregate(
        name="mode",
        accepts=ORDERED,
        dtype=_list,
        empty=(),
        holistic=True,
        doc="""Return the list of the most frequent values, ascending; null is a value, and first.

        It has one value or, where several are equally frequent, all of these.""",
        example=Example(code="pt.col('a').mode()", data={"a": ["x", "y", "x"]}, gives=[["x"]]),
    ),
    Aggregate(
        name="product",
        accepts=_MULTIPLIABLE,
        dtype=_product_type,
        empty=1,
        advice="Cast to double to multiply approximately.",
        doc="""Return the product of the values that are not null; 1 where there are none.

        Integers and booleans give ``int64`` (unsigned ones ``uint64``) and raise where that
        overflows; floats keep their type.""",
        example=Example(code="pt.col('a').product()", data={"a": [2, 3, None]}, gives=[6]),
    ),
    Aggregate(
        name="skew",
        accepts=NUMBER,
        dtype=_always(pa.float64()),
        parameters=(_BIAS,),
        doc="""Return the skewness of the values that are not null; null where there are none.

        It is the third moment about the mean over the third power of the standard deviation; NaN
        where all values are equal. ``bias=False`` corrects it for a sample, which takes three.""",
        example=Example(code="pt.col('a').skew()", data={"a": [1, 2, 3]}, gives=[0.0]),
    ),
    Aggregate(
        name="kurtosis",
        accepts=NUMBER,
        dtype=_always(pa.float64()),
        parameters=(_FISHER, _BIAS),
        doc="""Return the kurtosis of the values that are not null; null where there are none.

        It is the fourth moment about the mean over the square of the variance, and with `fisher`
        3 less, so that a normal distribution has 0; NaN where all values are equal.
        ``bias=False`` corrects it for a sample, which takes four values.""",
        example=Example(code="pt.col('a').kurtosis()", data={"a": [1, 1, 3, 3]}, gives=[-2.0]),
    ),
    Aggregate(
        name="implode",
        accepts=ANY,
        dtype=_list,
        empty=(),
        sees_order=True,
        sortable=True,
        holistic=True,
        doc="""Return the list of all values, nulls among them, in the order of the rows.

        Another order is that of ``.sort()`` or ``.sort_by(...)`` before it.""",
        example=Example(
            code="pt.col('a').implode()", data={"a": [3, 1, None]}, gives=[[3, 1, None]]
        ),
    ),
    Aggregate(
        name="head",
        accepts=ANY,
        dtype=_list,
        empty=(),
        parameters=(_N,),
        sees_order=True,
        sortable=True,
        check=_check_count,
        doc="Return the list of the first `n` values in the order of the rows.",
        example=Example(code="pt.col('a').head(2)", data={"a": [3, 1, None]}, gives=[[3, 1]]),
    ),
    Aggregate(
        name="tail",
        accepts=ANY,
        dtype=_list,
        empty=(),
        parameters=(_N,),
        sees_order=True,
        sortable=True,
        check=_check_count,
        doc="Return the list of the last `n` values in the order of the rows.",
        example=Example(code="pt.col('a').tail(2)", data={"a": [3, 1, None]}, gives=[[1, None]]),
    ),
    Aggregate(
        name="unique",
        accepts=ORDERED,
        dtype=_list,
        empty=(),
        sees_order=True,
        holistic=True,
        doc="""Return the list of the different values, null among them, as they first appear.

        NaN equals NaN, and -0.0 equals 0.0.""",
        example=Example(code="pt.col('a').unique()", data={"a": [2, 1, 2]}, gives=[[2, 1]]),
    ),
    Aggregate(
        name="top_k",
        accepts=ORDERED,
        dtype=_list,
        empty=(),
        parameters=(_K,),
        check=_check_count,
        doc="""Return the list of the `k` greatest values, greatest first; nulls come last.

        NaN is greater than every number.""",
        example=Example(code="pt.col('a').top_k(2)", data={"a": [3, 1, 2]}, gives=[[3, 2]]),
    ),
    Aggregate(
        name="bottom_k",
        accepts=ORDERED,
        dtype=_list,
        empty=(),
        parameters=(_K,),
        check=_check_count,
        doc="Return the list of the `k` least values, least first; nulls come last.",
        example=Example(code="pt.col('a').bottom_k(2)", data={"a": [3, 1, 2]}, gives=[[1, 2]]),
    ),
    Aggregate(
        name="arg_min",
        accepts=ORDERED,
        dtype=_always(pa.int64()),
        sees_order=True,
        doc="""Return the number of the first row with the least value, counted from 0.

        Nulls are passed over, and NaN where there is another value; null where there is none.""",
        example=Example(code="pt.col('a').arg_min()", data={"a": [3, 1, None]}, gives=[1]),
    ),
    Aggregate(
        name="arg_max",
        accepts=ORDERED,
        dtype=_always(pa.int64()),
        sees_order=True,
        doc="""Return the number of the first row with the greatest value, counted from 0.

        Nulls are passed over, and NaN where there is another value; null where there is none.""",
        example=Example(code="pt.col('a').arg_max()", data={"a": [3, 1, None]}, gives=[0]),
    ),
    Aggregate(
        name="min_by",
        accepts=ANY,
        others=(ORDERED,),
        dtype=_same,
        parameters=(_BY,),
        sees_order=True,
        doc="""Return the value of the row in which `by` is least; of several the first.

        Rows in which `by` is null are passed over, and NaN where there is another.""",
        example=Example(
            code="pt.col('a').min_by('b')", data={"a": ["x", "y"], "b": [2, 1]}, gives=["y"]
        ),
    ),
    Aggregate(
        name="max_by",
        accepts=ANY,
        others=(ORDERED,),
        dtype=_same,
        parameters=(_BY,),
        sees_order=True,
        doc="""Return the value of the row in which `by` is greatest; of several the first.

        Rows in which `by` is null are passed over, and NaN where there is another.""",
        example=Example(
            code="pt.col('a').max_by('b')", data={"a": ["x", "y"], "b": [2, 1]}, gives=["x"]
        ),
    ),
    Aggregate(
        name="null_count",
        accepts=ANY,
        dtype=_always(pa.int64()),
        empty=0,
        doc="Return how many values are null, as ``int64``.",
        example=Example(code="pt.col('a').null_count()", data={"a": [3, 1, None]}, gives=[1]),
    ),
    Aggregate(
        name="bitwise_and",
        accepts=_BITS,
        dtype=_same,
        doc="Return the bits that all values have; nulls are passed over, null of nothing else.",
        example=Example(code="pt.col('a').bitwise_and()", data={"a": [6, 3]}, gives=[2]),
    ),
    Aggregate(
        name="bitwise_or",
        accepts=_BITS,
        dtype=_same,
        doc="Return the bits that any value has; nulls are passed over, null of nothing else.",
        example=Example(code="pt.col('a').bitwise_or()", data={"a": [6, 3]}, gives=[7]),
    ),
    Aggregate(
        name="bitwise_xor",
        accepts=_BITS,
        dtype=_same,
        doc="""Return the bits that an odd number of values has; null of nothing but nulls.

        Nulls are passed over.""",
        example=Example(code="pt.col('a').bitwise_xor()", data={"a": [6, 3]}, gives=[5]),
    ),
    Aggregate(
        name="cov",
        accepts=NUMBER,
        others=(NUMBER,),
        dtype=_always(pa.float64()),
        parameters=(
            Parameter(name="b", expr=True, names=True),
            Parameter(name="ddof", default=1, types=(int,), keyword_only=True),
        ),
        method=False,
        doc="""Return the covariance of two columns, of the rows in which neither is null.

        The divisor is their number less `ddof`; null where that is not positive.""",
        example=Example(
            code="pt.cov('a', 'b')", data={"a": [1, 2, 3], "b": [2, 4, 6]}, gives=[2.0]
        ),
    ),
    Aggregate(
        name="corr",
        accepts=NUMBER,
        others=(NUMBER,),
        dtype=_always(pa.float64()),
        parameters=(Parameter(name="b", expr=True, names=True),),
        method=False,
        doc="""Return Pearson's correlation of two columns, of the rows in which neither is null.

        It is NaN where a column has one value only, and null where there are no such rows.""",
        example=Example(
            code="pt.corr('a', 'b').round(6)", data={"a": [1, 2], "b": [4, 2]}, gives=[-1.0]
        ),
    ),
)
"""Entries that ``aggregates.py`` takes into its table."""

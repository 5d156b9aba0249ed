"""Window functions of all rows up to this one."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pyarrow as pa

from .aggregates import aggregate_type
from .function import ANY, NUMBER, ORDERED, Example, Kind, Parameter, is_number
from .window import Options, Reach, WindowFunction

_REVERSE = Parameter(name="reverse", default=False, types=(bool,), keyword_only=True)

_SUMMABLE = Kind(
    name="a number, a boolean or a duration",
    contains=lambda dtype: (
        is_number(dtype) or pa.types.is_boolean(dtype) or pa.types.is_duration(dtype)
    ),
    stand_in=pa.int64(),
    samples=(*NUMBER.samples, pa.bool_(), pa.duration("us")),
)
_FACTOR = Kind(
    name="an integer, a float or a boolean",
    contains=lambda dtype: (
        pa.types.is_integer(dtype) or pa.types.is_floating(dtype) or pa.types.is_boolean(dtype)
    ),
    stand_in=pa.int64(),
    samples=(pa.int8(), pa.int64(), pa.uint8(), pa.uint64(), pa.float32(), pa.float64()),
)


def _reach(options: Options) -> Reach:
    return Reach(carries="after" if options["reverse"] else "before")


def sum_type(types: Sequence[pa.DataType], options: Options) -> pa.DataType:
    """Return the type of a sum, as for the aggregate."""
    return aggregate_type("sum", types[0])


def _same(types: Sequence[pa.DataType], options: Options) -> pa.DataType:
    return types[0]


def _count(types: Sequence[pa.DataType], options: Options) -> pa.DataType:
    return pa.int64()


def _entry(
    bare: str,
    accepts: Kind,
    dtype: Callable[[Sequence[pa.DataType], Options], pa.DataType],
    doc: str,
    gives: list[int | None],
    *also: str,
    reach: Callable[[Options], Reach] = _reach,
) -> WindowFunction:
    return WindowFunction(
        name=f"cum_{bare}",
        accepts=accepts,
        dtype=dtype,
        reach=reach,
        parameters=(_REVERSE,),
        also=also,
        doc=f"{doc}\n\n        With `reverse` from the last row to this one.",
        example=Example(code=f"pt.col('a').cum_{bare}()", data={"a": [2, None, 3]}, gives=gives),
    )


CUMULATIVE = (
    _entry(
        "sum",
        _SUMMABLE,
        sum_type,
        """Return the sum of the values from the first row to this one; null for null.

        Its type is that of ``sum``; integers raise where they overflow.""",
        [2, None, 5],
        "cumsum",
    ),
    _entry(
        "min",
        ORDERED,
        _same,
        """Return the least value from the first row to this one; null for null.

        NaN is passed over unless there is nothing else.""",
        [2, None, 2],
        "cummin",
    ),
    _entry(
        "max",
        ORDERED,
        _same,
        """Return the greatest value from the first row to this one; null for null.

        NaN is passed over unless there is nothing else.""",
        [2, None, 3],
        "cummax",
    ),
    _entry(
        "prod",
        _FACTOR,
        sum_type,
        """Return the product of the values from the first row to this one; null for null.

        Integers give ``int64`` (unsigned ones ``uint64``) and raise where they overflow.""",
        [2, None, 6],
        "cumprod",
    ),
    _entry(
        "count",
        ANY,
        _count,
        "Return how many values are not null from the first row to this one, as ``int64``.",
        [1, 1, 2],
        reach=lambda options: Reach(counts="after" if options["reverse"] else "before"),
    ),
)
"""Running sums, products, extremes and counts."""

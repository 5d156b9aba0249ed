"""Window functions that put values where nulls are, and averages that fade."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pyarrow as pa

from ..errors import InvalidExpression
from .function import ANY, NUMBER, Example, Parameter
from .window import Options, Reach, WindowFunction

_LIMIT = Parameter(name="limit", default=None, types=(int,))
_NUMBERS = (float, int)


def _same(types: Sequence[pa.DataType], options: Options) -> pa.DataType:
    return types[0]


def _float_type(types: Sequence[pa.DataType], options: Options) -> pa.DataType:
    return types[0] if pa.types.is_float32(types[0]) else pa.float64()


def _check_limit(options: Options) -> None:
    if options["limit"] is not None and options["limit"] < 0:
        raise InvalidExpression(f"limit={options['limit']} is to be 0 or more rows.")


def _forward(options: Options) -> Reach:
    limit = options["limit"]
    return Reach(carries="before") if limit is None else Reach(before=int(limit))


def _backward(options: Options) -> Reach:
    limit = options["limit"]
    return Reach(carries="after") if limit is None else Reach(after=int(limit))


def smoothing(options: Options) -> float:
    """Return the weight of the newest value, from whichever of the settings is given.

    Raises
    ------
    InvalidExpression
        If there is not exactly one, or it is out of its range.
    """
    names = ("com", "span", "half_life", "alpha")
    given = {name: options[name] for name in names if options[name] is not None}
    if len(given) != 1:
        raise InvalidExpression(
            f"ewm_mean wants exactly one of com=, span=, half_life= and alpha=, found"
            f" {sorted(given) or 'none'}."
        )
    ((name, value),) = given.items()
    valid = {
        "com": value >= 0,
        "span": value >= 1,
        "half_life": value > 0,
        "alpha": 0 < value <= 1,
    }
    if not valid[name]:
        raise InvalidExpression(
            f"ewm_mean({name}={value}): com is 0 or more, span 1 or more, half_life above 0, alpha"
            " above 0 and at most 1."
        )
    weights = {
        "com": lambda: 1 / (1 + value),
        "span": lambda: 2 / (value + 1),
        "half_life": lambda: -math.expm1(-math.log(2) / value),
        "alpha": lambda: float(value),
    }
    return float(weights[name]())


def _check_ewm(options: Options) -> None:
    smoothing(options)
    if options["min_samples"] < 0:
        raise InvalidExpression(f"min_samples={options['min_samples']} is to be 0 or more.")


FILLING = (
    WindowFunction(
        name="forward_fill",
        accepts=ANY,
        dtype=_same,
        reach=_forward,
        check=_check_limit,
        parameters=(_LIMIT,),
        also=("ffill",),
        doc="""Return the value, or where it is null the nearest before it that is not.

        At most `limit` nulls behind a value are filled.""",
        example=Example(
            code="pt.col('a').forward_fill()", data={"a": [None, 1, None]}, gives=[None, 1, 1]
        ),
    ),
    WindowFunction(
        name="backward_fill",
        accepts=ANY,
        dtype=_same,
        reach=_backward,
        check=_check_limit,
        parameters=(_LIMIT,),
        also=("bfill",),
        doc="""Return the value, or where it is null the nearest after it that is not.

        At most `limit` nulls before a value are filled.""",
        example=Example(
            code="pt.col('a').backward_fill()", data={"a": [None, 1, None]}, gives=[1, 1, None]
        ),
    ),
    WindowFunction(
        name="interpolate",
        accepts=NUMBER,
        dtype=_float_type,
        reach=lambda options: Reach(everything=True),
        parameters=(Parameter(name="method", default="linear", choices=("linear",)),),
        doc="""Return the value, or where it is null what lies on the line between its neighbours.

        The neighbours are the nearest values before and after it that are not null; where there
        are not both, it stays null.""",
        example=Example(
            code="pt.col('a').interpolate()",
            data={"a": [1, None, 3, None]},
            gives=[1.0, 2.0, 3.0, None],
        ),
    ),
    WindowFunction(
        name="ewm_mean",
        accepts=NUMBER,
        dtype=_float_type,
        reach=lambda options: Reach(everything=True),
        check=_check_ewm,
        parameters=(
            *(
                Parameter(name=name, default=None, types=_NUMBERS, keyword_only=True)
                for name in ("com", "span", "half_life", "alpha")
            ),
            Parameter(name="adjust", default=True, types=(bool,), keyword_only=True),
            Parameter(name="min_samples", default=1, types=(int,), keyword_only=True),
            Parameter(name="ignore_nulls", default=False, types=(bool,), keyword_only=True),
        ),
        doc="""Return the mean of the values up to this one, with weights that fade; null for null.

        Each row back weighs ``1 - alpha`` times as much; `com`, `span` and `half_life` are other
        ways to say `alpha`, as ``1 / (1 + com)``, ``2 / (span + 1)`` and
        ``1 - 0.5 ** (1 / half_life)``. With `adjust` the weights are divided by their sum; without
        it each result is made of the last one and the new value. With `ignore_nulls` a null takes
        no place.""",
        example=Example(
            code="pt.col('a').ewm_mean(alpha=0.5)",
            data={"a": [1, 2, None]},
            gives=[1.0, 1.6666666666666667, None],
        ),
    ),
)
"""Filling from other rows, and the exponentially weighted mean."""

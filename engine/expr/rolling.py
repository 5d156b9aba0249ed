"""Window functions of so many neighbouring rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pyarrow as pa

from ..errors import InvalidExpression
from .cumulative import sum_type
from .function import NUMBER, ORDERED, Example, Kind, Parameter
from .window import Options, Reach, WindowFunction

INTERPOLATIONS = ("nearest", "higher", "lower", "midpoint", "linear")

_SIZE = Parameter(name="window_size", types=(int,))
_COMMON = (
    Parameter(name="min_samples", default=None, types=(int,), keyword_only=True),
    Parameter(name="center", default=False, types=(bool,), keyword_only=True),
)
_DDOF = Parameter(name="ddof", default=1, types=(int,), keyword_only=True)


def window_bounds(options: Options) -> tuple[int, int]:
    """Return how many rows before and after a row are in its window.

    >>> window_bounds({"window_size": 4, "center": True})
    (2, 1)
    """
    size = int(options["window_size"])
    if not options["center"]:
        return size - 1, 0
    after = (size + 1) // 2 - 1
    return size - 1 - after, after


def _reach(options: Options) -> Reach:
    before, after = window_bounds(options)
    return Reach(before=before, after=after)


def _check(options: Options) -> None:
    size, least = options["window_size"], options["min_samples"]
    if size < 1:
        raise InvalidExpression(f"A rolling window has at least one row: window_size={size}.")
    if least is not None and not 0 <= least <= size:
        raise InvalidExpression(
            f"min_samples={least} is to be between 0 and window_size={size}: more values than that"
            " no window has."
        )
    if not 0.0 <= options.get("quantile", 0.0) <= 1.0:
        raise InvalidExpression(f"quantile={options['quantile']} is to be between 0 and 1.")


def _same(types: Sequence[pa.DataType], options: Options) -> pa.DataType:
    return types[0]


def _mean_type(types: Sequence[pa.DataType], options: Options) -> pa.DataType:
    return types[0] if pa.types.is_float32(types[0]) else pa.float64()


def _entry(
    bare: str,
    doc: str,
    gives: list[float | None],
    *parameters: Parameter,
    accepts: Kind = NUMBER,
    dtype: Callable[[Sequence[pa.DataType], Options], pa.DataType] = _mean_type,
    call: str = "2",
) -> WindowFunction:
    return WindowFunction(
        name=f"rolling_{bare}",
        accepts=accepts,
        dtype=dtype,
        reach=_reach,
        check=_check,
        parameters=parameters or (_SIZE, *_COMMON),
        doc=f"""Return {doc} of this row and the `window_size` - 1 rows before it.

        Nulls are left out; where fewer than `min_samples` values are left (by default:
        `window_size`) it is null. With `center` the row is in the middle of its window.""",
        example=Example(
            code=f"pt.col('a').rolling_{bare}({call})", data={"a": [1, 3, 8]}, gives=gives
        ),
    )


ROLLING = (
    _entry("sum", "the sum", [None, 4, 11], dtype=sum_type),
    _entry("mean", "the mean", [None, 2.0, 5.5]),
    _entry("min", "the least value", [None, 1, 3], accepts=ORDERED, dtype=_same),
    _entry("max", "the greatest value", [None, 3, 8], accepts=ORDERED, dtype=_same),
    _entry("var", "the variance", [None, 2.0, 12.5], _SIZE, *_COMMON, _DDOF),
    _entry(
        "std",
        "the standard deviation",
        [None, None, 3.605551275463989],
        *(_SIZE, *_COMMON, _DDOF),
        call="3",
    ),
    _entry("median", "the median", [None, 2.0, 5.5]),
    _entry(
        "quantile",
        "a quantile",
        [None, 1.0, 3.0],
        Parameter(name="quantile", types=(float, int)),
        Parameter(name="interpolation", default="nearest", choices=INTERPOLATIONS),
        Parameter(name="window_size", default=2, types=(int,)),
        *_COMMON,
        call="0.25, window_size=2",
    ),
)
"""Sums, means, extremes, spreads and quantiles of neighbouring rows."""

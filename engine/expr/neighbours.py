"""Window functions of one other row, so many places away."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from ..schema import promote
from .arithmetic import ARITHMETIC
from .function import ANY, NUMBER, QUANTITY, Example, Parameter
from .window import Options, Reach, WindowFunction

_PLACES = Parameter(name="n", default=1, types=(int,))

SIGNED = {
    pa.uint8(): pa.int16(),
    pa.uint16(): pa.int32(),
    pa.uint32(): pa.int64(),
    pa.uint64(): pa.int64(),
}
"""What the differences of unsigned integers are, which may be below zero."""


def _reach(options: Options) -> Reach:
    places = int(options["n"])
    return Reach(before=max(places, 0), after=max(-places, 0))


def _shifted_type(types: Sequence[pa.DataType], options: Options) -> pa.DataType:
    common = types[0]
    for dtype in types[1:]:
        common = promote(common, dtype)
    return common


def difference(after: pa.Array, before: pa.Array) -> pa.Array:
    """Return how much more `after` is; unsigned integers as signed ones.

    Raises
    ------
    ComputeError
        If a difference does not fit into the type.
    """
    signed = SIGNED.get(after.type)
    if signed is not None:
        after, before = pc.cast(after, signed), pc.cast(before, signed)
    return _SUBTRACT(after, before)


_SUBTRACT = next(entry.kernel for entry in ARITHMETIC if entry.name == "subtract")


def _difference_type(types: Sequence[pa.DataType], options: Options) -> pa.DataType:
    nothing = pa.array([], types[0])
    return difference(nothing, nothing).type


def _ratio_type(types: Sequence[pa.DataType], options: Options) -> pa.DataType:
    return types[0] if pa.types.is_float32(types[0]) else pa.float64()


NEIGHBOURS = (
    WindowFunction(
        name="shift",
        accepts=ANY,
        dtype=_shifted_type,
        reach=_reach,
        parameters=(
            _PLACES,
            Parameter(name="fill_value", expr=True, default=None, keyword_only=True),
        ),
        doc="""Return the value `n` rows before, of a later row where `n` is negative.

        Where there is no such row it is null, or `fill_value`.""",
        example=Example(code="pt.col('a').shift(1)", data={"a": [1, 2, 3]}, gives=[None, 1, 2]),
    ),
    WindowFunction(
        name="diff",
        accepts=QUANTITY,
        dtype=_difference_type,
        reach=_reach,
        parameters=(_PLACES,),
        doc="""Return by how much it is more than the value `n` rows before; null where a row lacks.

        Of unsigned integers it is signed; of dates and times a duration.""",
        example=Example(code="pt.col('a').diff()", data={"a": [1, 4, 2]}, gives=[None, 3, -2]),
    ),
    WindowFunction(
        name="pct_change",
        accepts=NUMBER,
        dtype=_ratio_type,
        reach=_reach,
        parameters=(_PLACES,),
        doc="""Return the change since `n` rows before as a share of what it was then.

        0.5 is half as much again; nulls are not filled first.""",
        example=Example(
            code="pt.col('a').pct_change()", data={"a": [2, 3, 6]}, gives=[None, 0.5, 1.0]
        ),
    ),
)
"""Functions of a row and one other."""

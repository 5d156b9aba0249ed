"""Boolean logic with three values: ``false & null`` is false, ``true | null`` is true.

Of integers the operators go bit by bit.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from .bits import bitwise, inverted
from .function import BOOLEAN, Example, Function, Kind, Parameter

_LOGICAL = Kind(
    name="a boolean or an integer",
    contains=lambda dtype: pa.types.is_boolean(dtype) or pa.types.is_integer(dtype),
    stand_in=pa.bool_(),
    samples=(*BOOLEAN.samples, pa.int8(), pa.int64(), pa.uint32()),
)

_ROWS = {"a": [True, True, False, None], "b": [True, None, None, None]}

BOOLEAN_LOGIC = (
    Function(
        name="and",
        symbol="&",
        method=False,
        kernel=bitwise(pc.bit_wise_and, pc.and_kleene, "&"),
        accepts=(_LOGICAL, _LOGICAL),
        doc="Return whether both are true; false and null is false. Of integers: the bits of both.",
        example=Example(
            code="pt.col('a') & pt.col('b')", data=_ROWS, gives=[True, None, False, None]
        ),
    ),
    Function(
        name="or",
        symbol="|",
        method=False,
        kernel=bitwise(pc.bit_wise_or, pc.or_kleene, "|"),
        accepts=(_LOGICAL, _LOGICAL),
        doc="Return whether one is true; true or null is true. Of integers: the bits of either.",
        example=Example(
            code="pt.col('a') | pt.col('b')", data=_ROWS, gives=[True, True, None, None]
        ),
    ),
    Function(
        name="xor",
        also=("xor",),
        parameters=(Parameter(name="other", expr=True),),
        symbol="^",
        method=False,
        kernel=bitwise(pc.bit_wise_xor, pc.xor, "^"),
        accepts=(_LOGICAL, _LOGICAL),
        doc="Return whether exactly one is true, null if one is null; of integers the bits of one.",
        example=Example(
            code="pt.col('a') ^ pt.col('b')", data=_ROWS, gives=[False, None, None, None]
        ),
    ),
    Function(
        name="not",
        also=("not_",),
        symbol="~",
        method=False,
        kernel=inverted,
        accepts=(_LOGICAL,),
        doc="Return the opposite; null for null. Of integers: all other bits.",
        example=Example(
            code="~pt.col('a')", data={"a": [True, False, None]}, gives=[False, True, None]
        ),
    ),
)
"""The operators ``& | ^ ~``."""

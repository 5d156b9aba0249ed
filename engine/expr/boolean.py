"""Boolean logic with three values: ``false & null`` is false, ``true | null`` is true."""

from __future__ import annotations

import pyarrow.compute as pc

from .function import BOOLEAN, Example, Function

_ROWS = {"a": [True, True, False, None], "b": [True, None, None, None]}

BOOLEAN_LOGIC = (
    Function(
        name="and",
        symbol="&",
        method=False,
        kernel=pc.and_kleene,
        accepts=(BOOLEAN, BOOLEAN),
        doc="Return whether both are true; false and null is false.",
        example=Example(
            code="pt.col('a') & pt.col('b')", data=_ROWS, gives=[True, None, False, None]
        ),
    ),
    Function(
        name="or",
        symbol="|",
        method=False,
        kernel=pc.or_kleene,
        accepts=(BOOLEAN, BOOLEAN),
        doc="Return whether at least one is true; true or null is true.",
        example=Example(
            code="pt.col('a') | pt.col('b')", data=_ROWS, gives=[True, True, None, None]
        ),
    ),
    Function(
        name="xor",
        symbol="^",
        method=False,
        kernel=pc.xor,
        accepts=(BOOLEAN, BOOLEAN),
        doc="Return whether exactly one is true; null if one of them is null.",
        example=Example(
            code="pt.col('a') ^ pt.col('b')", data=_ROWS, gives=[False, None, None, None]
        ),
    ),
    Function(
        name="not",
        symbol="~",
        method=False,
        kernel=pc.invert,
        accepts=(BOOLEAN,),
        doc="Return the opposite; null for null.",
        example=Example(
            code="~pt.col('a')", data={"a": [True, False, None]}, gives=[False, True, None]
        ),
    ),
)
"""The operators ``& | ^ ~``."""

"""Window functions about the place of a row among others, and about rows of the same value."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pyarrow as pa

from .function import ANY, ORDERED, Example, Parameter
from .window import Options, Reach, WindowFunction

METHODS = ("average", "min", "max", "dense", "ordinal")


def _rank_type(types: Sequence[pa.DataType], options: Options) -> pa.DataType:
    return pa.float64() if options["method"] == "average" else pa.int64()


def _always(dtype: pa.DataType) -> Callable[[Sequence[pa.DataType], Options], pa.DataType]:
    return lambda types, options: dtype


def _same_value(
    name: str, doc: str, gives: list[bool], *also: str, ordered: bool = True
) -> WindowFunction:
    return WindowFunction(
        name=name,
        accepts=ORDERED,
        dtype=_always(pa.bool_()),
        reach=lambda options: Reach(everything=True),
        by_value=True,
        ordered=ordered,
        also=also,
        doc=f"{doc} Null is a value like others.",
        example=Example(code=f"pt.col('a').{name}()", data={"a": [1, 2, 1]}, gives=gives),
    )


RANKING = (
    WindowFunction(
        name="rank",
        accepts=ORDERED,
        dtype=_rank_type,
        reach=lambda options: Reach(counts="before"),
        sorts=True,
        parameters=(
            Parameter(name="method", default="average", types=(str,), choices=METHODS),
            Parameter(name="descending", default=False, types=(bool,), keyword_only=True),
        ),
        doc="""Return the place in the order of the values, from 1; null for null.

        Equal values get the ``average`` of their places as a double, or as ``int64`` the ``min`` or
        ``max`` of them; ``dense`` counts different values; ``ordinal`` tells equal ones apart by
        the order of the rows.""",
        example=Example(
            code="pt.col('a').rank('min')", data={"a": [5, 3, 5, None]}, gives=[2, 1, 2, None]
        ),
    ),
    WindowFunction(
        name="row_index",
        accepts=ANY,
        dtype=_always(pa.int64()),
        reach=lambda options: Reach(counts="before"),
        doc="Return the number of the row, from 0, as ``int64``.",
        example=Example(code="pt.row_index()", data={"a": ["x", "y"]}, gives=[0, 1]),
    ),
    _same_value(
        "is_unique",
        "Return whether no other row has the value.",
        [False, True, False],
        ordered=False,
    ),
    _same_value(
        "is_duplicated",
        "Return whether another row has the value.",
        [True, False, True],
        ordered=False,
    ),
    _same_value(
        "is_first_distinct", "Return whether no row before has the value.", [True, True, False]
    ),
    _same_value(
        "is_last_distinct", "Return whether no row after has the value.", [False, True, True]
    ),
)
"""Ranks, numbers of rows, and whether a value occurs again."""

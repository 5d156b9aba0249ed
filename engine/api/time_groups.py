"""Groups by time: windows laid along a column, or around each row."""

from __future__ import annotations

import datetime
from typing import Any, TypeAlias

import pyarrow as pa

from .. import schema as schemas
from ..errors import InvalidExpression
from ..expr.calendar import moved
from ..plan.node import PlanNode, Site
from ..plan.nodes import Named
from ..plan.rolling import Rolling, check_index
from .aggregates import aggregate
from .frame import Frame
from .groupby import FrameT, GroupBy

Every: TypeAlias = "str | int | datetime.timedelta"
"""A stretch of time such as ``"15m"`` or ``"1mo"``; along integers, a number."""


class RollingGroups(GroupBy[FrameT]):
    """Each row's neighbours in time; an aggregate makes one row of each. See `DataFrame.rolling`.

    Examples
    --------
    >>> import partita as pt
    >>> df = pt.from_pydict({"t": [1, 2, 5], "v": [10, 20, 30]})
    >>> df.rolling("t", period=2).sum().to_pydict()
    {'t': [1, 2, 5], 'v': [10, 30, 30]}
    """

    __slots__ = ("_window",)

    def __init__(
        self,
        frame: FrameT,
        keys: tuple[Named, ...],
        *,
        window: dict[str, Any],
        columns: tuple[str, ...] | None = None,
    ) -> None:
        super().__init__(frame, keys, columns=columns)
        self._window = window

    def _keyed_names(self) -> set[str]:
        return {*super()._keyed_names(), self._window["on"]}

    def _choosing(self, columns: tuple[str, ...]) -> RollingGroups[FrameT]:
        return RollingGroups(self._frame, self._keys, window=self._window, columns=columns)

    def _aggregated(self, pairs: list[Named], site: Site | None) -> FrameT:
        def rolling(aggs: tuple[Named, ...]) -> PlanNode:
            return Rolling(
                input=self._frame.plan, keys=self._keys, aggs=aggs, site=site, **self._window
            )

        plan = aggregate(self._frame.plan, self._keys, pairs, site=site, make=rolling)
        return self._frame._from_plan(plan)

    def __repr__(self) -> str:
        return f"rolling({self._window['on']!r}): use .agg(...), .len(), .sum() and its like"


def rolling_groups(
    frame: FrameT,
    on: str,
    keys: tuple[Named, ...],
    period: Every,
    offset: Every | None,
    closed: str,
) -> RollingGroups[FrameT]:
    """Return what `DataFrame.rolling` gives; its settings are checked here and now."""
    dtype = index_type(frame, on, "rolling")
    length = stretch(period, dtype, "period")
    window: dict[str, Any] = {
        "on": on,
        "period": length,
        "offset": negated(length) if offset is None else stretch(offset, dtype, "offset"),
        "closed": closed,
    }
    # A node without aggregates checks the rest.
    Rolling(input=frame.plan, keys=keys, aggs=(), **window)
    return RollingGroups(frame, keys, window=window)


def index_type(frame: Frame, on: str, where: str) -> pa.DataType:
    """Return the type of the column that windows are laid along, if they can be."""
    if not isinstance(on, str):
        raise InvalidExpression(f"{where} wants the name of a column to go along, found {on!r}.")
    field = frame.schema.field(schemas.field_index(frame.schema, on, where))
    check_index(field, where)
    return field.type


def stretch(given: Any, dtype: pa.DataType, name: str) -> str | int:
    """Return a stretch of time as nodes have it: text, or a number along integers.

    Raises
    ------
    InvalidExpression
        If it is none, or none for a column of type `dtype`.
    """
    found = given
    if isinstance(given, datetime.timedelta):
        found = f"{given // datetime.timedelta(microseconds=1)}us"
        if not given % datetime.timedelta(days=1):
            found = f"{given.days}d"
    elif isinstance(given, str) and pa.types.is_integer(dtype) and given.endswith("i"):
        # As Polars writes numbers of rows or steps.
        found = int(given[:-1]) if given[:-1].lstrip("-").isdigit() else given
    if isinstance(found, bool) or not isinstance(found, str | int):
        raise InvalidExpression(
            f"{name}={given!r}: it is text such as '15m' or '1mo', a timedelta or, along integers,"
            " a number."
        )
    moved(pa.array([], dtype), found)
    return found


def negated(length: str | int) -> str | int:
    """Return a stretch of time backwards.

    >>> negated("2d"), negated("-1h"), negated(3)
    ('-2d', '1h', -3)
    """
    if isinstance(length, int):
        return -length
    return length[1:] if length.startswith("-") else f"-{length}"

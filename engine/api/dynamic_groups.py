"""Windows of equal lengths laid along a column of times or integers."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pyarrow as pa

from ..errors import InvalidExpression
from ..expr.calendar import period_of
from ..expr.conjunctions import conjunction
from ..expr.node import Agg, Call, Column, Expr, SortKey, literal
from ..plan.node import PlanNode, Site
from ..plan.nodes import Filter, Named, Project, Sort
from ..plan.rolling import CLOSED
from ..plan.shape import Explode
from ..schema import free_name
from .aggregates import aggregate
from .columns import identity
from .groupby import FrameT, GroupBy
from .time_groups import Every, index_type, negated, stretch

LABELS = ("left", "right", "datapoint")

_MOST_WINDOWS = 1000
"""Windows that a row may be in: it is copied into each of them."""


@dataclass(frozen=True, kw_only=True)
class Windows:
    """How windows lie: each begins a multiple of `every` behind `offset`, and is `period` long."""

    on: str
    every: str | int
    period: str | int
    offset: str | int | None
    closed: str
    label: str
    boundaries: bool
    """Whether the ends of each window are given as columns."""

    def start(self) -> Expr:
        """Return the beginning of the last window that begins at or before a row."""
        on: Expr = Column(self.on)
        shifted = on if self.offset is None else moved_by(on, negated(self.offset))
        if isinstance(self.every, int):
            count = literal(self.every)
            floor: Expr = Call("multiply", (Call("floor_divide", (shifted, count)), count))
        else:
            floor = Call("dt.truncate", (shifted, literal(self.every)))
        return floor if self.offset is None else moved_by(floor, self.offset)

    def end(self, start: Expr) -> Expr:
        """Return the end of a window."""
        return moved_by(start, self.period)

    @property
    def apart(self) -> bool:
        """Whether every row is in exactly one window, the last that begins before it."""
        return self.period == self.every and self.closed == "left"

    def most(self) -> int:
        """Return in how many windows a row may be, at most."""
        if isinstance(self.every, int) and isinstance(self.period, int):
            return -(-self.period // self.every) + 1
        longest = _LONGEST.nanoseconds(str(self.period))
        return -(-longest // _SHORTEST.nanoseconds(str(self.every))) + 1

    def holds(self, start: Expr) -> Expr | None:
        """Return whether a row lies in the window that begins at `start`."""
        after = "ge" if self.closed in ("left", "both") else "gt"
        before = "le" if self.closed in ("right", "both") else "lt"
        on = Column(self.on)
        return conjunction((Call(after, (on, start)), Call(before, (on, self.end(start)))))


@dataclass(frozen=True, kw_only=True)
class _Calendar:
    """How long the parts of a period may be, in hours, where clocks change and months differ."""

    month: int
    day: int

    def nanoseconds(self, text: str) -> int:
        """Return the length of the period that `text` says."""
        period = period_of(text)
        hours = period.months * self.month + period.days * self.day
        return hours * 3600 * 10**9 + period.nanoseconds


_SHORTEST = _Calendar(month=28 * 24 - 1, day=23)
_LONGEST = _Calendar(month=31 * 24 + 1, day=25)


def moved_by(value: Expr, by: str | int) -> Expr:
    """Return the expression of a time or an integer moved by a stretch of it."""
    if isinstance(by, int):
        return Call("add", (value, literal(by)))
    return Call("dt.offset_by", (value, literal(by)))


class DynamicGroups(GroupBy[FrameT]):
    """Rows by the windows of time they are in. See `DataFrame.group_by_dynamic`.

    Examples
    --------
    >>> import partita as pt
    >>> df = pt.from_pydict({"t": [1, 2, 5], "v": [10, 20, 30]})
    >>> df.group_by_dynamic("t", every=2).sum().to_pydict()
    {'t': [0, 2, 4], 'v': [10, 20, 30]}
    """

    __slots__ = ("_windows",)

    def __init__(
        self,
        frame: FrameT,
        keys: tuple[Named, ...],
        *,
        windows: Windows,
        columns: tuple[str, ...] | None = None,
    ) -> None:
        super().__init__(frame, keys, columns=columns)
        self._windows = windows

    @property
    def _start(self) -> str:
        """What the column with the beginning of the window is called meanwhile."""
        return free_name("window_start", self._frame.plan.schema.names, dict(self._keys))

    def _keyed_names(self) -> set[str]:
        return {*super()._keyed_names(), self._windows.on}

    def _choosing(self, columns: tuple[str, ...]) -> DynamicGroups[FrameT]:
        return DynamicGroups(self._frame, self._keys, windows=self._windows, columns=columns)

    def _aggregated(self, pairs: list[Named], site: Site | None) -> FrameT:
        windows = self._windows
        names = [name for name, _ in pairs]
        begin = free_name("window_start", self._frame.plan.schema.names, dict(self._keys), names)
        keys = (*self._keys, (begin, Column(self._start)))
        earliest = free_name("window_first", dict(keys), names)
        first = [(earliest, Agg("min", Column(windows.on)))] if windows.label == "datapoint" else []
        grouped = aggregate(self._placed(site), keys, [*pairs, *first], site=site)
        order = tuple(SortKey(Column(name)) for name, _ in keys)
        ordered = Sort(input=grouped, by=order, site=site)
        plan = Project(input=ordered, exprs=self._given(names, begin, earliest), site=site)
        return self._frame._from_plan(plan)

    def _placed(self, site: Site | None) -> PlanNode:
        """Return the rows with the beginning of a window, each once for every window it is in."""
        windows, plan, name = self._windows, self._frame.plan, self._start
        start = windows.start()
        if windows.apart:
            plan = Filter(input=plan, predicate=Call("is_not_null", (Column(windows.on),)))
            return Project(input=plan, exprs=(*identity(plan.schema), (name, start)), site=site)
        starts = [start]
        for _ in range(windows.most() - 1):
            # From one to the next, as the n-th month before is not the n-fold of a month.
            starts.append(moved_by(start, _times(negated(windows.every), len(starts))))
        listed = Call("concat_list", tuple(starts))
        placed = Project(input=plan, exprs=(*identity(plan.schema), (name, listed)), site=site)
        exploded = Explode(input=placed, columns=(name,), site=site)
        held = windows.holds(Column(name))
        assert held is not None
        return Filter(input=exploded, predicate=held, site=site)

    def _given(self, names: list[str], begin: str, earliest: str) -> tuple[Named, ...]:
        windows, start = self._windows, Column(begin)
        label: dict[str, Expr] = {
            "left": start,
            "right": windows.end(start),
            "datapoint": Column(earliest),
        }
        ends: tuple[Named, ...] = ()
        if windows.boundaries:
            ends = (("_lower_boundary", start), ("_upper_boundary", windows.end(start)))
        keys = tuple((name, Column(name)) for name, _ in self._keys)
        aggs = tuple((name, Column(name)) for name in names)
        return (*keys, *ends, (windows.on, label[windows.label]), *aggs)

    def __repr__(self) -> str:
        return f"group_by_dynamic({self._windows.on!r}): use .agg(...), .len(), .sum() and its like"


def _times(length: str | int, count: int) -> str | int:
    """Return a stretch of time so many times.

    >>> _times("-1h30m", 2), _times(3, 2)
    ('-10800000000000ns', 6)
    """
    if isinstance(length, int):
        return length * count
    period = period_of(length, signed=True)
    parts = {"mo": period.months, "d": period.days, "ns": period.nanoseconds}
    sign = "-" if any(part < 0 for part in parts.values()) else ""
    return sign + "".join(f"{abs(part) * count}{unit}" for unit, part in parts.items() if part)


def dynamic_groups(
    frame: FrameT,
    on: str,
    keys: tuple[Named, ...],
    *,
    every: Every,
    period: Every | None,
    offset: Every | None,
    closed: str,
    label: str,
    boundaries: bool,
) -> DynamicGroups[FrameT]:
    """Return what `DataFrame.group_by_dynamic` gives; its settings are checked here and now."""
    dtype = index_type(frame, on, "group_by_dynamic")
    for name, value, choices in (("closed", closed, CLOSED), ("label", label, LABELS)):
        if value not in choices:
            raise InvalidExpression(f"group_by_dynamic({name}={value!r}): it is one of {choices}.")
    step = _length(every, dtype, "every")
    windows = Windows(
        on=on,
        every=step,
        period=step if period is None else _length(period, dtype, "period"),
        offset=None if offset is None else stretch(offset, dtype, "offset"),
        closed=closed,
        label=label,
        boundaries=boundaries,
    )
    if windows.most() > _MOST_WINDOWS:
        raise InvalidExpression(
            f"group_by_dynamic(every={every!r}, period={period!r}): a row could be in more than"
            f" {_MOST_WINDOWS:,} windows. Take a longer step, or rolling(on, period) for a window"
            " around each row."
        )
    return DynamicGroups(frame, keys, windows=windows)


def _length(given: Every, dtype: pa.DataType, name: str) -> str | int:
    found = stretch(given, dtype, name)
    if isinstance(found, str):
        period_of(found)
    elif found < 1:
        raise InvalidExpression(f"{name}={given!r}: a window needs a length above zero.")
    return found


_RULES = {
    "D": "d",
    "h": "h",
    "H": "h",
    "min": "m",
    "T": "m",
    "s": "s",
    "S": "s",
    "ms": "ms",
    "us": "us",
    "ns": "ns",
    "MS": "mo",
    "QS": "q",
    "YS": "y",
    "AS": "y",
}
"""What pandas calls units of time that begin a window, and what they are called here."""


def period_of_rule(rule: Every) -> Every:
    """Return the length of windows that a rule of pandas' ``resample`` says.

    >>> period_of_rule("15min"), period_of_rule("MS")
    ('15m', '1mo')
    """
    if not isinstance(rule, str):
        return rule
    found = re.fullmatch(r"(\d*)([A-Za-z-]+)", rule)
    if found is not None and found[2] in _RULES:
        return f"{found[1] or 1}{_RULES[found[2]]}"
    if found is not None and re.match(r"(W|B|M|ME|Q|QE|Y|YE|A)(-|$)", found[2]):
        raise InvalidExpression(
            f"resample({rule!r}): windows are told by their beginning here. Write 'MS', 'QS' or"
            " 'YS' for months, quarters and years, and .group_by_dynamic(on, every='1w') for weeks,"
            " which begin on Monday."
        )
    return rule

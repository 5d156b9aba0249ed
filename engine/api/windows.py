"""Expressions that look at other rows, taken apart into nodes below a row-wise one.

``a - a.mean()`` needs an aggregate of all rows beside each of them; ``a.rank().over("k")`` a
`WindowColumns`. Windows may stand on windows: the innermost become columns first.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace

import pyarrow as pa

from ..errors import InvalidExpression
from ..expr.aggregates import AGGREGATES
from ..expr.evaluate import dtype_of
from ..expr.node import (
    Agg,
    Call,
    Cast,
    Column,
    Expr,
    Literal,
    SortKey,
    When,
    Window,
    WindowCall,
    has_aggregate,
    has_window,
    unaliased,
)
from ..expr.windows import WINDOWS
from ..plan.joins import Join
from ..plan.node import PlanNode, Site
from ..plan.nodes import Aggregate, show
from ..plan.windows import WindowColumns
from ..schema import has_column


def looks_at_others(expr: Expr) -> bool:
    """Return whether `expr` is made of more than its own row."""
    return has_aggregate(expr) or has_window(expr)


def is_loose(expr: Expr) -> bool:
    """Return whether `expr` has a value for each row: a column or a window outside aggregates."""
    if isinstance(expr, Agg):
        return False
    if isinstance(expr, Column | Window | WindowCall):
        return True
    return any(is_loose(child) for child in expr.children)


def over(expr: Expr, keys: tuple[Expr, ...], order_by: tuple[SortKey, ...] = ()) -> Expr:
    """Return `expr` with each of its aggregates and window functions over the groups of `keys`."""
    if isinstance(expr, Window):
        return expr
    _check_argument(expr)
    inner = expr.with_children(tuple(over(child, keys, order_by) for child in expr.children))
    return Window(inner, keys, order_by) if isinstance(expr, Agg | WindowCall) else inner


def with_windows(
    plan: PlanNode,
    exprs: Sequence[Expr],
    site: Site | None,
    *,
    names: Sequence[str] = (),
    avoid: Collection[str] = (),
) -> tuple[PlanNode, tuple[Expr, ...]]:
    """Return a plan that has what `exprs` need of other rows as columns, and them as row-wise.

    Parameters
    ----------
    plan
        What the expressions are over; its columns are all there in the result.
    exprs
        The expressions.
    site
        The user's line.
    names
        Names that the expressions will have: a window that is one of them by itself is called so.
    avoid
        Further names that no column is called by on the way.
    """
    if not any(looks_at_others(expr) for expr in exprs):
        return plan, tuple(exprs)
    exprs = tuple(_partitioned(expr, plan) for expr in exprs)
    building = _Building(plan=plan, site=site, taken={*plan.schema.names, *names, *avoid})
    for expr, name in zip(exprs, names, strict=False):
        if not has_column(plan.schema, name):
            building.wanted.setdefault(unaliased(expr), name)
    done = tuple(exprs)
    while any(looks_at_others(expr) for expr in done):
        done = building.innermost_as_columns(done)
    return building.plan, done


def _partitioned(expr: Expr, plan: PlanNode) -> Expr:
    """Return `expr` with functions that would gather a frame made of ones that need not."""
    children = tuple(_partitioned(child, plan) for child in expr.children)
    window = expr if isinstance(expr, Window) else Window(expr)
    if isinstance(window.function, WindowCall) and window.function.name == "interpolate":
        if not window.keys:
            return _interpolated(window, plan)
        return expr
    unchanged = all(new is old for new, old in zip(children, expr.children, strict=True))
    return expr if unchanged else expr.with_children(children)


def _interpolated(window: Window, plan: PlanNode) -> Expr:
    """Return what lies on the line between the nearest values, from those and their places."""
    dtype = dtype_of(window, plan.schema)
    value = Cast(window.function.children[0], dtype)

    def over_rows(name: str, *args: Expr, **options: object) -> Expr:
        call = WindowCall(name, args, tuple(options.items()))
        return Window(call, (), window.order_by) if window.order_by else call

    place = Cast(over_rows("row_index"), pa.float64())
    there = Call("is_not_null", (value,))
    known = When((there,), (place,), Literal(pa.scalar(None, pa.float64()), typed=True))
    before, after = (over_rows(f"{way}_fill", value, limit=None) for way in _WAYS)
    first, last = (over_rows(f"{way}_fill", known, limit=None) for way in _WAYS)
    share = Call("divide", (Call("subtract", (place, first)), Call("subtract", (last, first))))
    rise = Call("multiply", (Call("subtract", (after, before)), share))
    between = Cast(Call("add", (before, rise)), dtype)
    return When((there,), (value,), between)


_WAYS = ("forward", "backward")


@dataclass(kw_only=True)
class _Building:
    """The plan so far, and the names that are taken in it."""

    plan: PlanNode
    site: Site | None
    taken: set[str]
    wanted: dict[Expr, str] = field(default_factory=dict)
    """What windows are called that are a column of the result by themselves."""

    numbers: Counter[str] = field(default_factory=Counter)
    """How far the names of each kind of function are used up."""

    def innermost_as_columns(self, exprs: tuple[Expr, ...]) -> tuple[Expr, ...]:
        """Return `exprs` with columns in the place of what stands on no other window."""
        found: dict[Expr, None] = {}
        for expr in exprs:
            for node in _innermost(expr):
                found.setdefault(node)
        columns: dict[Expr, Expr] = {}
        plain = [node for node in found if _is_of_all_rows(node)]
        if plain:
            columns |= self._broadcast(plain)
        together: dict[tuple[object, ...], list[tuple[Expr, _Placed]]] = {}
        for node in found:
            if node not in columns:
                placed = _placed(node)
                key = (placed.keys, placed.order_by, placed.apart)
                together.setdefault(key, []).append((node, placed))
        for group in together.values():
            columns |= self._windows(group)
        self.wanted = {_replaced(expr, columns): name for expr, name in self.wanted.items()}
        return tuple(_replaced(expr, columns) for expr in exprs)

    def _windows(self, group: list[tuple[Expr, _Placed]]) -> dict[Expr, Expr]:
        """Add one node for functions over the same rows in the same order."""
        named: dict[Expr, str] = {}
        columns: dict[Expr, Expr] = {}
        for node, placed in group:
            if placed.function not in named:
                named[placed.function] = self._name(node, placed.function)
            columns[node] = Column(named[placed.function])
        first = group[0][1]
        self.plan = WindowColumns(
            input=self.plan,
            functions=tuple((name, function) for function, name in named.items()),
            keys=first.keys,
            order_by=first.order_by,
            site=self.site,
        )
        return columns

    def _broadcast(self, nodes: Sequence[Expr]) -> dict[Expr, Expr]:
        """Give every row the aggregates of all rows."""
        aggs = [_of_all_rows(node) for node in nodes]
        named = [(self._name(node, agg), agg) for node, agg in zip(nodes, aggs, strict=True)]
        one_row = Aggregate(input=self.plan, keys=(), aggs=tuple(named), site=self.site)
        self.plan = Join(
            left=self.plan, right=one_row, how="cross", maintain_order="left", site=self.site
        )
        return {node: Column(name) for node, (name, _) in zip(nodes, named, strict=True)}

    def _name(self, node: Expr, function: Expr) -> str:
        wanted = self.wanted.pop(node, None)
        if wanted is not None:
            return wanted
        stem = function.name if isinstance(function, Agg | WindowCall) else "window"
        while (fresh := f"_{stem}_{self.numbers[stem]}") in self.taken:
            self.numbers[stem] += 1
        self.taken.add(fresh)
        return fresh


def _is_of_all_rows(node: Expr) -> bool:
    """Return whether `node` is one value for the whole frame, and an aggregate can give it."""
    if not isinstance(node, Window):
        return isinstance(node, Agg)
    agg = node.function
    if not isinstance(agg, Agg) or node.keys:
        return False
    entry = AGGREGATES[agg.name]
    return not node.order_by or not entry.sees_order or entry.sortable


def _of_all_rows(node: Expr) -> Agg:
    """Return the aggregate of a whole frame that `node` is, in its order."""
    agg = node.function if isinstance(node, Window) else node
    assert isinstance(agg, Agg)
    if isinstance(node, Window) and AGGREGATES[agg.name].sees_order:
        return replace(agg, order_by=(*agg.order_by, *node.order_by))
    return agg


def _replaced(expr: Expr, columns: dict[Expr, Expr]) -> Expr:
    """Return `expr` with what `columns` names replaced, from the top: windows hold aggregates."""
    found = columns.get(expr)
    if found is not None:
        return found
    children = tuple(_replaced(child, columns) for child in expr.children)
    unchanged = all(new is old for new, old in zip(children, expr.children, strict=True))
    return expr if unchanged else expr.with_children(children)


def _innermost(expr: Expr) -> Iterable[Expr]:
    """Yield the aggregates and windows in `expr` whose own parts are row-wise."""
    if isinstance(expr, Window):
        function = expr.function
        parts = (*function.children, *expr.keys, *(key.expr for key in expr.order_by))
    elif isinstance(expr, Agg | WindowCall):
        _check_argument(expr)
        parts = expr.children
    else:
        parts = expr.children
        for part in parts:
            yield from _innermost(part)
        return
    if any(looks_at_others(part) for part in parts):
        for part in parts:
            yield from _innermost(part)
    else:
        yield expr


def _check_argument(expr: Expr) -> None:
    """Raise for a window function of an aggregate: that has one value, which has no neighbours."""
    if not isinstance(expr, WindowCall) or not expr.args:
        return
    argument = expr.args[0]
    if has_aggregate(argument) and not is_loose(argument):
        raise InvalidExpression(
            f"{show(expr)} looks at other rows, and {show(argument)} is one value for all of them."
            " For the values of groups aggregate first, with .group_by(...).agg(...), and go on"
            " with the frame it gives."
        )


@dataclass(frozen=True, kw_only=True)
class _Placed:
    """A function with the rows it is over, as a node has it."""

    function: Agg | WindowCall
    keys: tuple[Expr, ...]
    order_by: tuple[SortKey, ...]
    apart: bool
    """Whether it wants all rows of a frame in one place, which others do not."""


def _placed(node: Expr) -> _Placed:
    window = node if isinstance(node, Window) else Window(node)
    function, keys, order_by = window.function, window.keys, window.order_by
    if isinstance(function, Agg):
        return _Placed(function=function, keys=keys, order_by=order_by, apart=not keys)
    assert isinstance(function, WindowCall)
    entry = WINDOWS[function.name]
    options = dict(function.options)
    if entry.by_value:
        keys = (*keys, function.args[0])
    if entry.sorts and not keys:
        ties = order_by if options["method"] == "ordinal" else ()
        by = SortKey(function.args[0], descending=options["descending"], nulls_last=True)
        order_by = (by, *ties)
    return _Placed(
        function=function,
        keys=tuple(dict.fromkeys(keys)),
        order_by=order_by,
        apart=not keys and entry.reach(options).everything,
    )

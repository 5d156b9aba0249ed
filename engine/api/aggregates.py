"""Aggregates that are combined in expressions, split into an `Aggregate` and a `Project` above it.

``(a.sum() / b.sum()).alias("r")`` needs two plain aggregates and then a division: the nodes know
only plain ones.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..errors import InvalidExpression
from ..expr.node import (
    Agg,
    Column,
    Expr,
    Literal,
    Rows,
    Window,
    WindowCall,
    has_aggregate,
    outside_windows,
)
from ..plan.node import PlanNode, Site
from ..plan.nodes import Aggregate, Named, Project, show
from .windows import is_loose, looks_at_others, over, with_windows


def aggregate(
    plan: PlanNode,
    keys: Sequence[Named],
    exprs: Sequence[Named],
    *,
    maintain_order: bool = False,
    site: Site | None,
    make: Callable[[tuple[Named, ...]], PlanNode] | None = None,
) -> PlanNode:
    """Return the plan that gives `keys` and `exprs` for each group of the keys.

    `make` makes another node of the plain aggregates than an `Aggregate`; what it gives apart from
    these is given as well.

    Raises
    ------
    InvalidExpression
        If an expression reads a column outside of an aggregate that is not a key.
    """
    if make is None:
        plan, keys, exprs = _of_rows(plan, keys, exprs, site)
    split = _Split(plan, keys, exprs)
    finals = tuple((name, split.final(name, expr)) for name, expr in exprs)
    aggs = tuple((name, agg) for agg, name in split.columns.items())
    if make is not None:
        grouped = make(aggs)
    else:
        grouped = Aggregate(
            input=plan, keys=tuple(keys), aggs=aggs, maintain_order=maintain_order, site=site
        )
    made = {name for name, _ in aggs}
    plain = tuple((name, Column(name)) for name in grouped.schema.names if name not in made)
    if (*plain, *finals) == tuple((name, Column(name)) for name in grouped.schema.names):
        return grouped
    return Project(input=grouped, exprs=(*plain, *finals), site=site)


def is_global_aggregate(exprs: Sequence[Named]) -> bool:
    """Return whether a ``select`` of `exprs` gives one row: aggregates, perhaps with constants."""
    aggregated = any(has_aggregate(expr) for _, expr in exprs)
    return aggregated and not any(is_loose(expr) for _, expr in exprs)


def _of_rows(
    plan: PlanNode, keys: Sequence[Named], exprs: Sequence[Named], site: Site | None
) -> tuple[PlanNode, tuple[Named, ...], tuple[Named, ...]]:
    """Return what is aggregated as row-wise expressions, over a plan that has columns for them.

    What an aggregate is of may itself look at other rows (``(a - a.mean()).max()``): at those of
    the same group.
    """
    by = tuple(expr for _, expr in keys)
    exprs = tuple((name, _within_groups(expr, by)) for name, expr in exprs)
    aggs = {
        node: None for _, expr in exprs for node in outside_windows(expr) if isinstance(node, Agg)
    }
    parts = [*by, *(child for agg in aggs for child in agg.children)]
    names = [name for name, _ in (*keys, *exprs)]
    plan, done = with_windows(plan, parts, site, avoid=names)
    columns = {before: after for before, after in zip(parts, done, strict=True) if before != after}
    if not columns:
        return plan, tuple(keys), exprs

    def replaced(expr: Expr) -> Expr:
        if expr in columns:
            return columns[expr]
        return expr.with_children(tuple(replaced(child) for child in expr.children))

    keys = tuple((name, columns.get(expr, expr)) for name, expr in keys)
    return plan, keys, tuple((name, replaced(expr)) for name, expr in exprs)


def _within_groups(expr: Expr, keys: tuple[Expr, ...]) -> Expr:
    """Return `expr` with what its aggregates are of over the groups, where it looks at others."""
    if isinstance(expr, Window):
        return expr
    if isinstance(expr, Agg):
        children = tuple(
            over(child, keys) if looks_at_others(child) else child for child in expr.children
        )
        for child in expr.children:
            if has_aggregate(child) and not is_loose(child):
                raise InvalidExpression(
                    f"{show(expr)} aggregates an aggregate. Aggregate once, and again on the"
                    " result, as in .group_by(...).agg(x=...).select(pt.col('x').max()); or .join()"
                    " the first result and aggregate with it."
                )
        return expr.with_children(children)
    return expr.with_children(tuple(_within_groups(child, keys) for child in expr.children))


def _check_parts(agg: Agg) -> None:
    """Raise where what is aggregated looks at other rows, and no node below gives it that."""
    if any(looks_at_others(child) for child in agg.children):
        raise InvalidExpression(
            f"{show(agg)} is of what looks at other rows, which is not for stretches of time."
            " Compute it as a column with .with_columns(...) first."
        )


class _Split:
    """The plain aggregates found so far, each with the name of its column."""

    def __init__(self, plan: PlanNode, keys: Sequence[Named], exprs: Sequence[Named]) -> None:
        self._keys: dict[Expr, str] = {expr: name for name, expr in keys}
        self._key_names = frozenset(name for name, _ in keys)
        self._taken = {*plan.schema.names, *self._key_names, *(name for name, _ in exprs)}
        self.columns: dict[Agg, str] = {}

    def final(self, name: str, expr: Expr) -> Expr:
        """Return what column `name` is, once the aggregates in `expr` are columns."""
        if isinstance(expr, Agg) and expr not in self.columns:
            _check_parts(expr)
            self.columns[expr] = name
            return Column(name)
        return self._replaced(expr)

    def _replaced(self, expr: Expr) -> Expr:
        if isinstance(expr, Agg):
            if expr not in self.columns:
                _check_parts(expr)
                self.columns[expr] = self._fresh(expr.name)
            return Column(self.columns[expr])
        if expr in self._keys:
            return Column(self._keys[expr])
        if isinstance(expr, Column):
            if expr.name in self._key_names:
                return expr
            raise InvalidExpression(
                f"agg() makes one value of a group, and col({expr.name!r}) has many."
                f" Choose how, as in col({expr.name!r}).sum(), .first() or .max(), or .implode()"
                " for a list of them all; or make it a key of the group."
            )
        if isinstance(expr, Rows):
            raise InvalidExpression(
                f"agg() makes one value of a group, and {show(expr)} has many. Choose how, as in"
                f" {show(expr)}.sum() or .first(); for a list of them all .implode()."
            )
        if isinstance(expr, Literal):
            return expr
        if isinstance(expr, Window | WindowCall):
            raise InvalidExpression(
                f"agg() makes one value of a group, and {show(expr)} has one for each row. Choose"
                " how, as in .max() or .last() behind it; or add it with .with_columns(...), over"
                " the same keys."
            )
        children = tuple(self._replaced(child) for child in expr.children)
        return expr.with_children(children)

    def _fresh(self, stem: str) -> str:
        number = len(self.columns)
        while f"_{stem}_{number}" in self._taken:
            number += 1
        fresh = f"_{stem}_{number}"
        self._taken.add(fresh)
        return fresh

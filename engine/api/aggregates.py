"""Aggregates that are combined in expressions, split into an `Aggregate` and a `Project` above it.

``(a.sum() / b.sum()).alias("r")`` needs two plain aggregates and then a division: the nodes know
only plain ones.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..errors import InvalidExpression
from ..expr.node import Agg, Column, Expr, Literal, Rows, has_aggregate
from ..plan.node import PlanNode, Site
from ..plan.nodes import Aggregate, Named, Project, show


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
    """Return whether a ``select`` of `exprs` gives one row: aggregates, perhaps with constants.

    Raises
    ------
    InvalidExpression
        If aggregates are mixed with columns.
    """
    aggregated = [expr for _, expr in exprs if has_aggregate(expr)]
    if not aggregated:
        return False
    for _, expr in exprs:
        loose = _loose_column(expr)
        if loose is not None:
            raise InvalidExpression(
                f"select mixes rows and aggregates: {show(aggregated[0])} is one value for all"
                f" rows, col({loose!r}) one for each. Group by what is to be kept, as in"
                f" .group_by({loose!r}).agg(...), or select aggregates only and .join() them."
            )
    return True


def _loose_column(expr: Expr) -> str | None:
    """Return a column that `expr` reads outside of every aggregate."""
    if isinstance(expr, Agg):
        return None
    if isinstance(expr, Column):
        return expr.name
    return next((name for child in expr.children if (name := _loose_column(child))), None)


class _Split:
    """The plain aggregates found so far, each with the name of its column."""

    def __init__(self, plan: PlanNode, keys: Sequence[Named], exprs: Sequence[Named]) -> None:
        self._keys: dict[Expr, str] = {expr: name for name, expr in keys}
        self._key_names = [name for name, _ in keys]
        self._taken = {*plan.schema.names, *self._key_names, *(name for name, _ in exprs)}
        self.columns: dict[Agg, str] = {}

    def final(self, name: str, expr: Expr) -> Expr:
        """Return what column `name` is, once the aggregates in `expr` are columns."""
        if isinstance(expr, Agg) and expr not in self.columns:
            self._check(expr)
            self.columns[expr] = name
            return Column(name)
        return self._replaced(expr)

    def _replaced(self, expr: Expr) -> Expr:
        if isinstance(expr, Agg):
            if expr not in self.columns:
                self._check(expr)
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
        children = tuple(self._replaced(child) for child in expr.children)
        return expr.with_children(children)

    def _check(self, agg: Agg) -> None:
        if any(has_aggregate(child) for child in agg.children):
            raise InvalidExpression(
                f"{show(agg)} aggregates an aggregate. Aggregate once, and again on the result, as"
                " in .group_by(...).agg(x=...).select(pt.col('x').max()); or .join() the first"
                " result and aggregate with it."
            )

    def _fresh(self, stem: str) -> str:
        number = len(self.columns)
        while f"_{stem}_{number}" in self._taken:
            number += 1
        fresh = f"_{stem}_{number}"
        self._taken.add(fresh)
        return fresh

"""Filter one side of a join by what is known of the other.

Rows meet only where their keys are equal, so what holds for the key of all rows on one side may be
asked of the other side too: ``a.filter(k > 5).join(b, on="k")`` reads of `b` only ``k > 5``. And a
choice over both sides, ``(x == 1 and y == 2) or (x == 3 and y == 4)``, asks ``x == 1 or x == 3`` of
the one that has `x`. Only what is not known yet is added; it is moved down by other rules.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pyarrow as pa

from ...expr.conjunctions import conjunction, conjuncts
from ...expr.evaluate import dtype_of
from ...expr.node import Call, Column, Expr, Literal, columns_of, substitute
from ...plan.known import Rewrite
from ...plan.node import PlanNode, Site
from ...plan.nodes import (
    Aggregate,
    Distinct,
    Filter,
    Join,
    Project,
    Scan,
    Slice,
    Sort,
    Union,
)
from ..context import Context
from ..facts import FACTS, Facts
from ..properties import may_raise, respects_equality
from ..simplify import simplify

_SELECTIVE = frozenset({"eq", "lt", "le", "gt", "ge", "is_between", "is_in", "str.starts_with"})
"""Tests that leave out rows enough to be worth another look at the keys."""

_CHOICE = _SELECTIVE | {"and", "or"}

_TO_RIGHT = frozenset({"inner", "left", "semi", "anti"})
"""Joins that take from the right only what meets a row of the left."""

_TO_LEFT = frozenset({"inner", "semi"})
"""Joins that give rows of the left only where they meet one of the right."""


def derived_filters(plan: PlanNode, context: Context) -> PlanNode:
    """Return `plan` with filters on the sides of its joins that follow from others."""
    return _DERIVED.of(plan)


def _derived(node: PlanNode) -> PlanNode:
    if isinstance(node, Join):
        return _across_keys(node)
    if isinstance(node, Filter) and isinstance(node.input, Join):
        return _of_choices(node, node.input)
    return node


_DERIVED = Rewrite("derived_filters", _derived)


def _across_keys(node: Join) -> Join:
    """Return `node` with each side filtered by what is known of the other's keys."""
    left, right = node.left, node.right
    pairs = [
        (one, other)
        for one, other in zip(node.left_on, node.right_on, strict=True)
        if isinstance(one, Column)
        and isinstance(other, Column)
        and dtype_of(one, left.schema) == dtype_of(other, right.schema)
    ]
    of_left, of_right = FACTS.of(left), FACTS.of(right)
    if node.how in _TO_RIGHT:
        told = _carried(of_left, pairs, left.schema)
        right = _filtered(right, told, of_right, node.site)
    if node.how in _TO_LEFT:
        told = _carried(of_right, [(other, one) for one, other in pairs], right.schema)
        left = _filtered(left, told, of_left, node.site)
    after = node.with_inputs((left, right))
    assert isinstance(after, Join)
    return after


def _carried(known: Facts, pairs: Iterable[tuple[Column, Column]], schema: pa.Schema) -> list[Expr]:
    """Return what `known` says of the first columns of `pairs`, said of the second ones."""
    found = []
    for one, other in pairs:
        for fact in known:
            names = columns_of(fact)
            if names == {one.name} and _is_worth_it(fact, schema):
                found.append(substitute(fact, {one.name: other}))
    # A set has no order, and a plan must be the same every time.
    return sorted(found, key=repr) if len(found) > 1 else found


def _is_worth_it(fact: Expr, schema: pa.Schema) -> bool:
    plain = all(
        isinstance(part, Column | Literal) or (isinstance(part, Call) and part.name in _CHOICE)
        for part in fact.walk()
    )
    return plain and not may_raise(fact, schema) and respects_equality(fact, schema)


def _filtered(side: PlanNode, told: Iterable[Expr], known: Facts, site: Site | None) -> PlanNode:
    """Return `side` filtered by what it does not know yet of `told`."""
    parts = [part for part in dict.fromkeys(told) if part not in known]
    new = conjunction(tuple(part for part in parts if _is_seen(side, columns_of(part))))
    return side if new is None else Filter(input=side, predicate=new, site=site)


def _is_seen(side: PlanNode, names: frozenset[str]) -> bool:
    """Return whether a filter of these columns still says so where it is moved to.

    Of a column that is computed it would become one of what that is computed from, which may raise,
    and would not be known as the same any more: it would be added again and again.
    """
    waiting: list[tuple[PlanNode, frozenset[str]]] = [(side, names)]
    while waiting:
        node, wanted = waiting.pop()
        made: dict[str, Expr] = {}
        if isinstance(node, Project):
            made = dict(node.exprs)
        elif isinstance(node, Aggregate):
            made = dict(node.keys)
        if made:
            exprs = [made.get(name) for name in wanted]
            if not all(isinstance(expr, Column) for expr in exprs):
                return False
            wanted = frozenset(expr.name for expr in exprs if isinstance(expr, Column))
        elif isinstance(node, Join):
            of_right = {given: name for name, given in node.right_columns()}
            waiting.append((node.left, wanted - of_right.keys()))
            waiting.append((node.right, frozenset(of_right[n] for n in wanted & of_right.keys())))
            continue
        elif not isinstance(node, Filter | Sort | Slice | Distinct | Union | Scan):
            return False
        waiting += [(child, wanted) for child in node.inputs if wanted]
    return True


def _of_choices(node: Filter, join: Join) -> Filter:
    """Return `node` with the sides of the join below it filtered by what its choices ask of each.

    Of the right side that is right only for an inner join: others make rows up where none meets.
    """
    choices = [part for part in conjuncts(node.predicate) if _is_choice(part)]
    if not choices:
        return node
    left_names = {name: name for name in join.left.schema.names}
    right_names = {given: name for name, given in join.right_columns()}
    sides = [(join.left, left_names, join.how in ("inner", "left", "semi", "anti"))]
    sides.append((join.right, right_names, join.how == "inner"))
    inputs = []
    for side, names, allowed in sides:
        told: list[Expr] = []
        for choice in choices if allowed else ():
            told += _asked_of(choice, names, side.schema)
        inputs.append(_filtered(side, told, FACTS.of(side), node.site))
    after = node.with_inputs((join.with_inputs(tuple(inputs)),))
    assert isinstance(after, Filter)
    return after


def _is_choice(expr: Expr) -> bool:
    return isinstance(expr, Call) and expr.name == "or"


def _asked_of(choice: Expr, names: Mapping[str, str], schema: pa.Schema) -> tuple[Expr, ...]:
    """Return what `choice` asks of the columns `names` (given name: own name) alone."""
    if columns_of(choice) <= names.keys():
        # It goes there as it is.
        return ()
    columns: dict[str, Expr] = {given: Column(name) for given, name in names.items()}
    options = []
    for option in _options(choice):
        own = [
            substitute(part, columns)
            for part in conjuncts(option)
            if columns_of(part) and columns_of(part) <= names.keys()
        ]
        option_here = conjunction(tuple(part for part in own if not may_raise(part, schema)))
        if option_here is None:
            return ()
        options.append(option_here)
    return conjuncts(simplify(_any_of(options), schema))


def _options(choice: Expr) -> list[Expr]:
    """Return the parts of a choice: ``a | (b | c)`` gives ``a``, ``b``, ``c``."""
    found: list[Expr] = []
    stack = [choice]
    while stack:
        part = stack.pop()
        if isinstance(part, Call) and part.name == "or":
            stack.extend(reversed(part.args))
        else:
            found.append(part)
    return found


def _any_of(options: list[Expr]) -> Expr:
    """Return a choice of `options`, not deeper than it has to be."""
    if len(options) == 1:
        return options[0]
    half = len(options) // 2
    return Call("or", (_any_of(options[:half]), _any_of(options[half:])))

"""Conditions that hold for every row a node gives, because something below has seen to it."""

from __future__ import annotations

import functools

from ..expr.conjunctions import conjuncts
from ..expr.node import Column, Expr, columns_of, substitute
from ..plan.known import Known
from ..plan.node import PlanNode
from ..plan.nodes import Aggregate, Distinct, Filter, Join, Project, Scan, Slice, Sort, Union

Facts = frozenset[Expr]

NOTHING: Facts = frozenset()


def facts(plan: PlanNode) -> dict[int, Facts]:
    """Return, by the id of each node of `plan`, what holds for every row that it gives."""
    return FACTS.of_all(plan)


@functools.singledispatch
def _facts(node: PlanNode, inputs: tuple[Facts, ...]) -> Facts:
    """Return what holds for every row of `node`, given what holds for those of its inputs."""
    return NOTHING


FACTS = Known("facts", _facts)


@_facts.register
def _(node: Scan, inputs: tuple[Facts, ...]) -> Facts:
    predicate = node.pushdown.predicate
    if predicate is None:
        return NOTHING
    names = set(node.schema.names)
    return frozenset(part for part in conjuncts(predicate) if columns_of(part) <= names)


@_facts.register
def _(node: Filter, inputs: tuple[Facts, ...]) -> Facts:
    return inputs[0].union(conjuncts(node.predicate))


@_facts.register(Sort)
@_facts.register(Slice)
@_facts.register(Distinct)
def _(node: PlanNode, inputs: tuple[Facts, ...]) -> Facts:
    return inputs[0]


@_facts.register
def _(node: Project, inputs: tuple[Facts, ...]) -> Facts:
    return _renamed(inputs[0], _plain(node.exprs))


@_facts.register
def _(node: Aggregate, inputs: tuple[Facts, ...]) -> Facts:
    return _renamed(inputs[0], _plain(node.keys))


@_facts.register
def _(node: Union, inputs: tuple[Facts, ...]) -> Facts:
    return frozenset.intersection(*inputs)


@_facts.register
def _(node: Join, inputs: tuple[Facts, ...]) -> Facts:
    left, right = inputs
    if node.how == "inner":
        given = {
            other.name: one.name
            for one, other in zip(node.left_on, node.right_on, strict=True)
            if isinstance(one, Column) and isinstance(other, Column)
        }
        # A key that is not given itself is there as that of the left.
        return left | _renamed(right, given | dict(node.right_columns()))
    return left if node.how in ("left", "semi", "anti") else NOTHING


def _plain(exprs: tuple[tuple[str, Expr], ...]) -> dict[str, str]:
    """Return the first name that each column is given."""
    return {expr.name: name for name, expr in reversed(exprs) if isinstance(expr, Column)}


def _renamed(known: Facts, names: dict[str, str]) -> Facts:
    """Return what can be said of `known` with the columns that are left, by their new names."""
    columns: dict[str, Expr] = {old: Column(new) for old, new in names.items()}
    return frozenset(
        substitute(fact, columns) for fact in known if columns_of(fact) <= columns.keys()
    )

"""A run of inner joins as a graph: relations, what must be equal among them, and filters over them.

It forgets in which order the joins were written, and keeps how much each relation is expected to
give. What stands between the joins (projections of plain columns, filters) is taken along where it
may be moved; what may raise, keeps an order or is read by others ends the run.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import pyarrow as pa

from ..expr.conjunctions import conjuncts
from ..expr.node import Column, Expr, columns_of, substitute
from ..plan.node import PlanNode, Site
from ..plan.nodes import Filter, Join, Project
from .properties import may_raise

MOST_RELATIONS = 64
"""Of one graph; a longer run of joins becomes several."""

Place = tuple[int, str]
"""A column of a relation: the number of the relation, and the name it has there."""

_MOST_DEPTH = 200
"""Nodes one below the other that are followed: it is done by recursion."""


@dataclass(frozen=True, kw_only=True)
class Equality:
    """Columns of one type that have the same value in every row of the result."""

    members: tuple[Place, ...]
    site: Site | None


@dataclass(frozen=True, kw_only=True)
class Condition:
    """A filter over columns of several relations, which stand in it as `qualified`."""

    predicate: Expr
    relations: int
    """The relations it needs, as a set of bits."""

    site: Site | None


@dataclass(kw_only=True)
class JoinGraph:
    """What a run of inner joins asks for."""

    relations: list[PlanNode] = field(default_factory=list)
    equalities: list[Equality] = field(default_factory=list)
    conditions: list[Condition] = field(default_factory=list)
    output: tuple[tuple[str, Place], ...] = ()
    """The columns given, and where each comes from."""

    written: object = 0
    """The order of joins as it is now: the number of a relation, or a pair of orders."""

    places: dict[str, Place] = field(default_factory=dict)
    """By qualified name."""

    inside: set[int] = field(default_factory=set)
    """The ids of the nodes that it stands for."""

    def mask(self, expr: Expr) -> int:
        """Return the relations that `expr` over qualified names needs."""
        found = 0
        for name in columns_of(expr):
            found |= 1 << self.places[name][0]
        return found


def join_graph(root: Join, parents: Mapping[int, int]) -> JoinGraph | None:
    """Return the graph of the joins that `root` is the last of; None where it is not one of them.

    Parameters
    ----------
    root
        The join nearest to the result.
    parents
        By how many inputs of other nodes each node is read.
    """
    if not _is_free(root):
        return None
    graph = JoinGraph()
    columns, graph.written = _flattened(root, graph, parents, 0)
    graph.output = tuple((name, graph.places[column.name]) for name, column in columns.items())
    graph.equalities = _merged(graph.equalities)
    return graph


def _joins_below(node: PlanNode, parents: Mapping[int, int]) -> Join | None:
    """Return the join that `node` gives the rows of, if it is one that can be moved."""
    while parents.get(id(node), 0) <= 1:
        if isinstance(node, Join):
            return node if _is_free(node) else None
        if isinstance(node, Project):
            if not all(isinstance(expr, Column) for _, expr in node.exprs):
                return None
        elif not isinstance(node, Filter) or not _is_free_filter(node):
            return None
        node = node.inputs[0]
    return None


def _is_free_filter(node: Filter) -> bool:
    reads_columns = all(columns_of(part) for part in conjuncts(node.predicate))
    return reads_columns and not may_raise(node.predicate, node.input.schema)


def _is_free(node: Join) -> bool:
    """Return whether `node` may be done earlier or later than where it was written.

    It asks for nothing but keys that are equal, and these are the same values then: not -0.0 and
    0.0, not numbers of two types. What has any other option stays where it is.
    """
    options = (each for each in dataclasses.fields(node) if each.name not in _OF_EVERY_JOIN)
    if any(getattr(node, each.name) != each.default for each in options):
        return False
    return bool(node.left_on) and all(
        isinstance(left, Column)
        and isinstance(right, Column)
        and node.left.schema.field(left.name).type == node.right.schema.field(right.name).type
        and not pa.types.is_floating(dtype)
        and not pa.types.is_nested(dtype)
        for left, right, dtype in zip(node.left_on, node.right_on, node.key_types(), strict=True)
    )


_OF_EVERY_JOIN = frozenset({"left", "right", "left_on", "right_on", "suffix", "coalesce", "site"})


Columns = dict[str, Column]
"""The columns a node gives, each by its qualified name."""


def _flattened(
    node: PlanNode, graph: JoinGraph, parents: Mapping[int, int], depth: int
) -> tuple[Columns, object]:
    """Add what `node` asks for to `graph`; return its columns and the order of its joins."""
    full = len(graph.relations) >= MOST_RELATIONS or depth > _MOST_DEPTH
    if depth and (full or _joins_below(node, parents) is None):
        return _relation(node, graph)
    graph.inside.add(id(node))
    if isinstance(node, Project):
        columns, tree = _flattened(node.input, graph, parents, depth + 1)
        kept = {name: columns[expr.name] for name, expr in node.exprs if isinstance(expr, Column)}
        return kept, tree
    if isinstance(node, Filter):
        columns, tree = _flattened(node.input, graph, parents, depth + 1)
        for part in conjuncts(node.predicate):
            predicate = substitute(part, dict(columns))
            graph.conditions.append(
                Condition(predicate=predicate, relations=graph.mask(predicate), site=node.site)
            )
        return columns, tree
    assert isinstance(node, Join)
    left, left_tree = _flattened(node.left, graph, parents, depth + 1)
    right, right_tree = _flattened(node.right, graph, parents, depth + 1)
    for one, other in zip(node.left_on, node.right_on, strict=True):
        assert isinstance(one, Column)
        assert isinstance(other, Column)
        members = graph.places[left[one.name].name], graph.places[right[other.name].name]
        graph.equalities.append(Equality(members=members, site=node.site))
    given = {name: right[original] for original, name in node.right_columns()}
    return {**left, **given}, (left_tree, right_tree)


def _relation(node: PlanNode, graph: JoinGraph) -> tuple[Columns, int]:
    number = len(graph.relations)
    graph.relations.append(node)
    columns = {name: Column(f"{number}.{name}") for name in node.schema.names}
    graph.places |= {column.name: (number, name) for name, column in columns.items()}
    return columns, number


def _merged(equalities: Iterable[Equality]) -> list[Equality]:
    """Return `equalities` with those that share a column made one."""
    merged: list[Equality] = []
    for equality in equalities:
        apart, members = [], dict.fromkeys(equality.members)
        site = equality.site
        for other in merged:
            if members.keys().isdisjoint(other.members):
                apart.append(other)
            else:
                members = dict.fromkeys((*other.members, *members))
                site = other.site
        merged = [*apart, Equality(members=tuple(members), site=site)]
    return merged

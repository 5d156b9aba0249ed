"""Join in the order that is expected to cost least.

A run of inner joins is taken as a graph (see `join_graph`); the order is chosen from the rows that
each step is expected to give (see `join_cost`). No two relations are joined without an equality.
The plan is left as it was written where the gain would be small.
"""

from __future__ import annotations

from collections.abc import Mapping

from ...expr.conjunctions import conjunction
from ...expr.node import Call, Column, Expr, columns_of, substitute
from ...plan.identity import parent_counts
from ...plan.node import PlanNode
from ...plan.nodes import Filter, Join, Project
from ..context import Context
from ..estimate import Estimate, estimates
from ..join_cost import JoinCost
from ..join_enumeration import best_order
from ..join_graph import Equality, JoinGraph, Place, join_graph

_GAIN = 0.95
"""An order is taken when it costs less than this share of the one that is there. Without a margin
two rounds of the optimizer could swap two orders of the same cost for ever."""


def join_order(plan: PlanNode, context: Context) -> PlanNode:
    """Return `plan` with its inner joins in a better order."""
    if sum(isinstance(node, Join) for node in plan.walk()) < 2:
        return plan
    graphs = _graphs(plan)
    if not graphs:
        return plan
    known = estimates(plan)
    built: dict[int, PlanNode] = {}
    for node in plan.walk():
        graph = graphs.get(id(node))
        tree = None if graph is None else _better(graph, known, context)
        if graph is None or tree is None:
            built[id(node)] = node.with_inputs(tuple(built[id(child)] for child in node.inputs))
        else:
            relations = [built[id(relation)] for relation in graph.relations]
            built[id(node)] = _Rebuilt(graph, relations).plan(tree, node)
    return built[id(plan)]


def _graphs(plan: PlanNode) -> dict[int, JoinGraph]:
    """Return, by the last join of each run of three relations and more, its graph."""
    parents = parent_counts(plan)
    found: dict[int, JoinGraph] = {}
    inside: set[int] = set()
    for node in reversed(list(plan.walk())):
        if not isinstance(node, Join) or id(node) in inside:
            continue
        graph = join_graph(node, parents)
        if graph is None:
            continue
        inside |= graph.inside
        if len(graph.relations) > 2:
            found[id(node)] = graph
    return found


def _better(graph: JoinGraph, known: Mapping[int, Estimate], context: Context) -> object | None:
    """Return an order that costs less than the one that is there, None where there is none."""
    cost = JoinCost(graph, [known[id(each)] for each in graph.relations], context.settings)
    tree = best_order(cost, _neighbours(graph), len(graph.relations))
    _, found = cost.of(tree)
    _, written = cost.of(graph.written)
    return tree if found < written * _GAIN else None


def _neighbours(graph: JoinGraph) -> dict[int, int]:
    """Return, for each relation, the set of those that an equality joins it with."""
    found = dict.fromkeys(range(len(graph.relations)), 0)
    for equality in graph.equalities:
        together = 0
        for relation, _ in equality.members:
            together |= 1 << relation
        for relation, _ in equality.members:
            found[relation] |= together & ~(1 << relation)
    return found


Names = dict[Place, str]
"""What the columns of relations are called at some point of the new plan."""


class _Rebuilt:
    """A graph made joins again."""

    def __init__(self, graph: JoinGraph, relations: list[PlanNode]) -> None:
        self._graph = graph
        self._names = _names(graph)
        self._relations = [self._leaf(number, each) for number, each in enumerate(relations)]

    def plan(self, tree: object, root: PlanNode) -> PlanNode:
        """Return the joins in the order of `tree`, with the columns that `root` gives."""
        joined, names, _ = self._joined(tree)
        exprs = tuple((name, Column(names[place])) for name, place in self._graph.output)
        plan = Project(input=joined, exprs=exprs, site=root.site)
        return joined if joined.schema.names == plan.schema.names else plan

    def _leaf(self, number: int, relation: PlanNode) -> PlanNode:
        """Return a relation with the names it is given, and what must be equal in it alone."""
        parts: list[Expr] = []
        for equality in self._graph.equalities:
            own = [Column(name) for of, name in equality.members if of == number]
            parts += [Call("eq", (own[0], other)) for other in own[1:]]
        predicate = conjunction(tuple(parts))
        if predicate is not None:
            relation = Filter(input=relation, predicate=predicate, site=relation.site)
        given = {name: new for (of, name), new in self._names.items() if of == number}
        if list(given) == relation.schema.names and all(old == new for old, new in given.items()):
            return relation
        exprs = tuple((new, Column(name)) for name, new in given.items())
        return Project(input=relation, exprs=exprs, site=relation.site)

    def _joined(self, tree: object) -> tuple[PlanNode, Names, int]:
        """Return the joins of `tree`, what the columns are called there, and the relations."""
        if isinstance(tree, int):
            names = {place: new for place, new in self._names.items() if place[0] == tree}
            leaf = self._relations[tree]
            return self._filtered(leaf, names, (1 << tree,)), names, 1 << tree
        assert isinstance(tree, tuple)
        (left, on_left, of_left), (right, on_right, of_right) = map(self._joined, tree)
        pairs: dict[tuple[str, str], Equality] = {}
        for equality in self._graph.equalities:
            for pair in _pairs(equality, on_left, on_right):
                pairs.setdefault(pair, equality)
        join = Join(
            left=left,
            right=right,
            left_on=tuple(Column(one) for one, _ in pairs),
            right_on=tuple(Column(other) for _, other in pairs),
            site=next((each.site for each in pairs.values() if each.site is not None), None),
        )
        # A key of the right that is not given has the value of the one on the left.
        given = {other: one for one, other in pairs} | dict(join.right_columns())
        names = on_left | {place: given[name] for place, name in on_right.items()}
        both = of_left | of_right
        return self._filtered(join, names, (both, of_left, of_right)), names, both

    def _filtered(self, node: PlanNode, names: Names, relations: tuple[int, ...]) -> PlanNode:
        """Return `node` with the filters that can be applied to it for the first time.

        `relations` are those that are there, and those that are there on either side.
        """
        there, *before = relations
        new = [
            each
            for each in self._graph.conditions
            if each.relations & ~there == 0 and all(each.relations & ~side for side in before)
        ]
        columns: dict[str, Expr] = {
            qualified: Column(names[place])
            for qualified, place in self._graph.places.items()
            if place in names
        }
        predicate = conjunction(tuple(substitute(each.predicate, columns) for each in new))
        if predicate is None:
            return node
        return Filter(input=node, predicate=predicate, site=new[0].site)


def _pairs(equality: Equality, on_left: Names, on_right: Names) -> list[tuple[str, str]]:
    """Return the keys that `equality` makes of the columns of two sides."""
    left = dict.fromkeys(on_left[place] for place in equality.members if place in on_left)
    right = dict.fromkeys(on_right[place] for place in equality.members if place in on_right)
    if not left or not right:
        return []
    # Columns of one name on both sides are given once, which takes that they are keys.
    same = [(name, name) for name in left if name in right]
    return same or [(next(iter(left)), next(iter(right)))]


def _names(graph: JoinGraph) -> Names:
    """Return a name for every column that is needed; two have one only where they are the same."""
    same = {
        place: number
        for number, equality in enumerate(graph.equalities)
        for place in equality.members
    }
    names: Names = {}
    holders: dict[str, list[Place]] = {}
    for place in _needed(graph):
        name = place[1]
        number = 0
        while not _may_hold(place, holders.get(name, []), same):
            number += 1
            name = f"{place[1]}_{number}"
        holders.setdefault(name, []).append(place)
        names[place] = name
    return names


def _may_hold(place: Place, holders: list[Place], same: Mapping[Place, int]) -> bool:
    """Return whether the column at `place` may have the name that those at `holders` have."""
    return all(
        place[0] != other[0] and place in same and same[place] == same.get(other)
        for other in holders
    )


def _needed(graph: JoinGraph) -> list[Place]:
    """Return the columns that are given, compared or filtered by, relation by relation."""
    needed = {place for _, place in graph.output}
    for equality in graph.equalities:
        needed.update(equality.members)
    for condition in graph.conditions:
        needed |= {graph.places[name] for name in columns_of(condition.predicate)}
    return [
        (number, name)
        for number, relation in enumerate(graph.relations)
        for name in relation.schema.names
        if (number, name) in needed
    ]

"""What an order of joins is expected to cost.

How many rows a set of relations gives when it is joined does not depend on the order: it is the
product of their rows and of the shares that their equalities and filters keep. An order costs what
its joins read, build and give.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

from ..config import Settings
from ..expr.node import Column, columns_of
from ..source import ColumnStatistics
from .column_values import UNKNOWN, LazyColumns, common_values
from .estimate import Estimate
from .join_graph import Equality, JoinGraph
from .selectivity import share_of

_WORD = 16.0
"""Bytes that cost as much to write or to gather as a key costs to be looked up."""


class JoinCost:
    """Rows and costs of sets of relations of one graph; a set is an integer of bits."""

    def __init__(self, graph: JoinGraph, known: Sequence[Estimate], settings: Settings) -> None:
        self._graph = graph
        self._known = known
        self._limit = settings.broadcast_bytes
        self._rows: dict[int, float] = {}
        self._width = [each.bytes / each.rows if each.rows else 0.0 for each in known]
        self._values = [self._values_of(equality) for equality in graph.equalities]
        self._corrections = self._correlations()
        columns = LazyColumns(graph.places, self._column)
        self._shares = [
            (condition.relations, share_of(condition.predicate, 1.0, columns))
            for condition in graph.conditions
        ]

    def rows(self, relations: int) -> float:
        """Return how many rows the join of `relations` is expected to give."""
        found = self._rows.get(relations)
        if found is None:
            found = self._rows[relations] = self._computed(relations)
        return found

    def bytes(self, relations: int) -> float:
        """Return how many bytes the join of `relations` is expected to give."""
        width = sum(each for number, each in enumerate(self._width) if relations >> number & 1)
        return self.rows(relations) * width

    def joined(self, left: int, right: int) -> float:
        """Return what joining two sets costs, apart from making them."""
        build, probe = (left, right) if self.bytes(left) < self.bytes(right) else (right, left)
        built = self.bytes(build)
        cost = self.rows(build) + self.rows(probe) + (built + self.bytes(left | right)) / _WORD
        if build & (build - 1):
            # A join of its own, whose rows are written and read before they are built.
            cost += 2 * built / _WORD
        if built > self._limit:
            cost += 2 * (built + self.bytes(probe)) / _WORD
        return cost

    def of(self, tree: object) -> tuple[int, float]:
        """Return the relations of an order of joins, and what it costs."""
        if isinstance(tree, int):
            return 1 << tree, 0.0
        assert isinstance(tree, tuple)
        (left, of_left), (right, of_right) = (self.of(side) for side in tree)
        return left | right, of_left + of_right + self.joined(left, right)

    def _computed(self, relations: int) -> float:
        rows = math.prod(
            each.rows for number, each in enumerate(self._known) if relations >> number & 1
        )
        for values in self._values:
            inside = [count for relation, count in values.items() if relations >> relation & 1]
            if len(inside) > 1:
                rows *= min(inside) / math.prod(inside)
        for needed, factor in (*self._corrections, *self._shares):
            if needed & relations == needed:
                rows *= factor
        return rows

    def _column(self, qualified: str) -> ColumnStatistics:
        relation, name = self._graph.places[qualified]
        return self._known[relation].columns.get(name, UNKNOWN)

    def _values_of(self, equality: Equality) -> dict[int, float]:
        """Return how many values each relation has in the columns of an equality."""
        keys = []
        for member in equality.members:
            known = self._known[member.relation]
            (name,) = columns_of(member.expr)
            bounds = known.columns.get(name, UNKNOWN)
            plain = isinstance(member.expr, Column)
            keys.append((known.values(name), bounds if plain else UNKNOWN))
        values: dict[int, float] = {}
        for member, count in zip(equality.members, common_values(keys), strict=True):
            values[member.relation] = max(values.get(member.relation, 1.0), count)
        return values

    def _correlations(self) -> list[tuple[int, float]]:
        """Return, for two relations that are joined by several keys, how much more rows meet.

        Their keys together have no more values than the smaller of the two had rows.
        """
        counts: dict[tuple[int, int], list[float]] = {}
        for values in self._values:
            for one, other in itertools.combinations(sorted(values), 2):
                counts.setdefault((one, other), []).append(max(values[one], values[other]))
        found = []
        for (one, other), most in counts.items():
            product = math.prod(most)
            base = max(min(_base(self._known[one]), _base(self._known[other])), *most)
            if len(most) > 1 and product > base:
                found.append((1 << one | 1 << other, product / base))
        return found


def _base(known: Estimate) -> float:
    return known.rows if known.base is None else known.base

"""What an order of joins is expected to cost.

How many rows a set of relations gives when it is joined does not depend on the order: it is the
product of their rows and of the shares that their equalities and filters keep. An order costs what
its joins read, build and give.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence

from ..config import Settings
from ..source import ColumnStatistics
from .column_values import UNKNOWN, LazyColumns, common_values
from .estimate import Estimate
from .join_graph import Equality, JoinGraph
from .selectivity import share_of

_WORD = 16.0
"""Bytes that cost as much to write or to gather as a key costs to be looked up."""

_BUILD = 3.0
"""What a row that is built costs, in rows that are looked up: every process that reads the side
puts it together and builds the index for itself. Chosen by the plans it gives, not fitted."""

_NEAR_ROWS = 4096
"""Rows of an index that lies in the nearest cache. With each doubling a look-up costs a tenth more,
by assumption: in an index of a million rows it takes about twice as long."""


def cost_of_sides(build_rows: float, built: float, probe_rows: float) -> float:
    """Return what it costs to build a side of so many rows and bytes, and to look up in it."""
    far = 1.0 + 0.1 * math.log2(max(build_rows / _NEAR_ROWS, 1.0))
    return _BUILD * build_rows + far * probe_rows + built / _WORD


class JoinCost:
    """Rows and costs of sets of relations of one graph; a set is an integer of bits."""

    def __init__(self, graph: JoinGraph, known: Sequence[Estimate], settings: Settings) -> None:
        self._graph = graph
        self._known = known
        self._limit = settings.broadcast_bytes
        self._sizes: dict[int, tuple[float, float]] = {}
        self._single = [
            (1 << number, each.rows, each.bytes / each.rows if each.rows else 0.0)
            for number, each in enumerate(known)
        ]
        values = [self._values_of(equality) for equality in graph.equalities]
        self._values = [[(1 << number, n) for number, n in each.items()] for each in values]
        columns = LazyColumns(graph.places, self._column)
        self._factors = self._correlations(values) + [
            (condition.relations, share_of(condition.predicate, 1.0, columns))
            for condition in graph.conditions
        ]

    def rows(self, relations: int) -> float:
        """Return how many rows the join of `relations` is expected to give."""
        return self._size(relations)[0]

    def joined(self, left: int, right: int) -> float:
        """Return what joining two sets costs, apart from making them."""
        build, probe = left, right
        (build_rows, built), (probe_rows, probed) = self._size(left), self._size(right)
        cost = cost_of_sides(build_rows, built, probe_rows)
        other = cost_of_sides(probe_rows, probed, build_rows)
        if other < cost:
            cost = other
            build, probe = probe, build
            build_rows, built, probe_rows, probed = probe_rows, probed, build_rows, built
        cost += self._size(left | right)[1] / _WORD
        if build & (build - 1):
            # A join of its own, whose rows are written and read before they are built.
            cost += 2 * built / _WORD
        if built > self._limit:
            cost += 2 * (built + probed) / _WORD
        return cost

    def of(self, tree: object) -> tuple[int, float]:
        """Return the relations of an order of joins, and what it costs."""
        if isinstance(tree, int):
            return 1 << tree, 0.0
        assert isinstance(tree, tuple)
        (left, of_left), (right, of_right) = (self.of(side) for side in tree)
        return left | right, of_left + of_right + self.joined(left, right)

    def _size(self, relations: int) -> tuple[float, float]:
        """Return the rows and the bytes that the join of `relations` is expected to give."""
        found = self._sizes.get(relations)
        if found is None:
            found = self._sizes[relations] = self._computed(relations)
        return found

    def _computed(self, relations: int) -> tuple[float, float]:
        rows, width = 1.0, 0.0
        for place, of_rows, of_width in self._single:
            if relations & place:
                rows *= of_rows
                width += of_width
        for values in self._values:
            inside = [count for place, count in values if relations & place]
            if len(inside) > 1:
                rows *= min(inside) / math.prod(inside)
        for needed, factor in self._factors:
            if needed & relations == needed:
                rows *= factor
        return rows, rows * width

    def _column(self, qualified: str) -> ColumnStatistics:
        relation, name = self._graph.places[qualified]
        return self._known[relation].columns.get(name, UNKNOWN)

    def _values_of(self, equality: Equality) -> dict[int, float]:
        """Return how many values each relation has in the columns of an equality."""
        keys = []
        for relation, name in equality.members:
            known = self._known[relation]
            keys.append((known.values(name), known.columns.get(name, UNKNOWN)))
        values: dict[int, float] = {}
        for (relation, _), count in zip(equality.members, common_values(keys), strict=True):
            values[relation] = max(values.get(relation, 1.0), count)
        return values

    def _correlations(self, values: Sequence[Mapping[int, float]]) -> list[tuple[int, float]]:
        """Return, for two relations that are joined by several keys, how much more rows meet.

        Their keys together have no more values than the smaller of the two had rows.
        """
        counts: dict[tuple[int, int], list[float]] = {}
        for each in values:
            for one, other in itertools.combinations(sorted(each), 2):
                counts.setdefault((one, other), []).append(max(each[one], each[other]))
        found = []
        for (one, other), most in counts.items():
            product = math.prod(most)
            base = max(min(_base(self._known[one]), _base(self._known[other])), *most)
            if len(most) > 1 and product > base:
                found.append((1 << one | 1 << other, product / base))
        return found


def _base(known: Estimate) -> float:
    return known.rows if known.base is None else known.base

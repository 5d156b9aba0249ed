"""Which order of joins is best: all orders are compared where there are few, else it is greedy.

A set of relations is an integer of bits.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping

from .join_cost import JoinCost


def best_order(cost: JoinCost, neighbours: Mapping[int, int], count: int) -> object:
    """Return the order of joins of `count` relations that costs least, of those without products.

    `neighbours` are, for each relation, the set of those it is joined with.
    """
    from_all = _dynamic_programming(cost, neighbours, count)
    return _greedy(cost, neighbours, count) if from_all is None else from_all


MOST_EXACT = 12
"""Relations whose orders may be tried one by one."""

MOST_PAIRS = 2500
"""Pairs of sets that are tried before it is left to the greedy way; ten relations around one have
2,304. Each takes a few microseconds."""


def _dynamic_programming(
    cost: JoinCost, neighbours: Mapping[int, int], count: int
) -> object | None:
    """Return the best order, None where there are too many to try.

    Every connected set is split into two connected sets in all ways, small sets first (Moerkotte
    and Neumann, "Analysis of Two Existing and One New Dynamic Programming Algorithm for the
    Generation of Optimal Bushy Join Trees without Cross Products", 2006).
    """
    best: dict[int, tuple[float, object]] = {1 << place: (0.0, place) for place in range(count)}
    if count > MOST_EXACT:
        return None
    for tried, (left, right) in enumerate(_pairs(neighbours, count)):
        if tried == MOST_PAIRS:
            return None
        (of_left, left_tree), (of_right, right_tree) = best[left], best[right]
        found = of_left + of_right + cost.joined(left, right)
        known = best.get(left | right)
        if known is None or found < known[0]:
            best[left | right] = found, (left_tree, right_tree)
    return best[(1 << count) - 1][1]


def _around(relations: int, neighbours: Mapping[int, int]) -> int:
    """Return what is joined with any of `relations`, and is not among them."""
    found = 0
    rest = relations
    while rest:
        found |= neighbours[(rest & -rest).bit_length() - 1]
        rest &= rest - 1
    return found & ~relations


def _subsets(relations: int) -> list[int]:
    """Return all subsets of `relations` but the empty one, in ascending order."""
    found = []
    subset = -relations & relations
    while subset:
        found.append(subset)
        subset = (subset - relations) & relations
    return found


def _connected(start: int, excluded: int, neighbours: Mapping[int, int]) -> Iterator[int]:
    """Yield the connected sets that grow from `start` without `excluded`, small ones first."""
    ring = _around(start, neighbours) & ~excluded
    if not ring:
        return
    grown = [start | more for more in _subsets(ring)]
    yield from grown
    for each in grown:
        yield from _connected(each, excluded | ring, neighbours)


def _pairs(neighbours: Mapping[int, int], count: int) -> Iterator[tuple[int, int]]:
    """Yield every pair of connected sets that are joined with each other, each pair once."""
    for place in reversed(range(count)):
        start = 1 << place
        before = (start << 1) - 1
        for left in itertools.chain((start,), _connected(start, before, neighbours)):
            lowest = (left & -left) | ((left & -left) - 1)
            excluded = left | lowest
            ring = _around(left, neighbours) & ~excluded
            for other in reversed(range(count)):
                first = 1 << other
                if not ring & first:
                    continue
                yield left, first
                below = ring & ((first << 1) - 1)
                for right in _connected(first, excluded | below, neighbours):
                    yield left, right


def _greedy(cost: JoinCost, neighbours: Mapping[int, int], count: int) -> object:
    """Return an order that joins the two sets that give the fewest rows, again and again."""
    trees: dict[int, object] = {1 << place: place for place in range(count)}
    waiting = {
        (1 << one, 1 << other): cost.rows(1 << one | 1 << other)
        for one, other in itertools.combinations(range(count), 2)
        if neighbours[one] >> other & 1
    }
    while len(trees) > 1:
        left, right = min(waiting, key=lambda pair: (waiting[pair], pair))
        trees[left | right] = trees.pop(left), trees.pop(right)
        waiting = {
            pair: rows for pair, rows in waiting.items() if not (left | right) & (pair[0] | pair[1])
        }
        around = _around(left | right, neighbours)
        for other in trees:
            if other & around:
                waiting[left | right, other] = cost.rows(left | right | other)
    (tree,) = trees.values()
    return tree

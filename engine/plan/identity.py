"""Which sub-plans are the same: structural identity that follows sharing.

Comparing two nodes with ``==`` visits a shared sub-plan once for each path to it, which grows
exponentially, and recurses as deep as the plan. Here every node is visited once: a node's key holds
the numbers of its inputs, not the inputs.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Hashable, Mapping
from itertools import zip_longest

from .node import PlanNode


class Numbering:
    """Gives equal sub-plans the same number, and different ones different numbers."""

    def __init__(self) -> None:
        self._by_key: dict[Hashable, int] = {}
        self._by_id: dict[int, int] = {}
        # Held, so that an id that was seen is never given to another object.
        self._nodes: list[PlanNode] = []

    def number(self, plan: PlanNode) -> int:
        """Return the number of `plan`, after numbering all that it reads."""
        known = all(id(child) in self._by_id for child in plan.inputs)
        for node in (plan,) if known else plan.walk():
            if id(node) not in self._by_id:
                self._by_id[id(node)] = self._by_key.setdefault(self._key(node), len(self._nodes))
                self._nodes.append(node)
        return self._by_id[id(plan)]

    def _key(self, node: PlanNode) -> Hashable:
        inputs = tuple(self._by_id[id(child)] for child in node.inputs)
        key = (type(node), inputs, own_fields(node))
        try:
            hash(key)
        except TypeError:
            # A source or a user's callable that does not hash is the same as itself only.
            return (type(node), id(node))
        return key


def own_fields(node: PlanNode) -> tuple[object, ...]:
    """Return what a node says apart from its inputs."""
    found: tuple[object, ...] | None = node.kept.get("own_fields")
    if found is None:
        values = [getattr(node, name) for name in _compared(node)]
        found = node.kept["own_fields"] = tuple(each for each in values if not _is_input(each))
    return found


_COMPARED: dict[type[PlanNode], tuple[str, ...]] = {}


def _compared(node: PlanNode) -> tuple[str, ...]:
    """Return the fields in which equal nodes are equal; `dataclasses.fields` takes its time."""
    found = _COMPARED.get(type(node))
    if found is None:
        fields = dataclasses.fields(node)
        found = tuple(field.name for field in fields if field.compare)
        _COMPARED[type(node)] = found
    return found


def _is_input(value: object) -> bool:
    if isinstance(value, tuple):
        return bool(value) and all(isinstance(part, PlanNode) for part in value)
    return isinstance(value, PlanNode)


def same_plan(left: PlanNode, right: PlanNode) -> bool:
    """Return whether two plans ask for the same and share the same sub-plans.

    Where in the user's code they were written does not count.
    """
    if left is right:
        return True
    pairs: dict[int, int] = {}
    for one, other in zip_longest(left.walk(), right.walk()):
        if one is None or other is None or type(one) is not type(other):
            return False
        if [pairs[id(child)] for child in one.inputs] != [id(child) for child in other.inputs]:
            return False
        if one is not other and own_fields(one) != own_fields(other):
            return False
        pairs[id(one)] = id(other)
    return True


def parent_counts(plan: PlanNode) -> Mapping[int, int]:
    """Return, by the id of a node, by how many inputs of other nodes it is read."""
    found: Counter[int] | None = plan.kept.get("parent_counts")
    if found is None:
        found = Counter([id(child) for node in plan.nodes for child in node.inputs])
        plan.kept["parent_counts"] = found
    return found

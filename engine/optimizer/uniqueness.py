"""Sets of columns in which no two rows of a node are equal, as far as the plan itself tells."""

from __future__ import annotations

import functools

from ..expr.node import Column
from ..plan.known import Known
from ..plan.node import PlanNode
from ..plan.nodes import Aggregate, Distinct, Filter, Join, Project, Slice, Sort

Keys = tuple[frozenset[str], ...]

_MOST_KEYS = 8
"""Sets that are followed; a chain of joins could make ever more of them."""


def unique_keys(plan: PlanNode) -> dict[int, Keys]:
    """Return, by the id of each node of `plan`, sets of columns in which its rows all differ."""
    return UNIQUE_KEYS.of_all(plan)


def _few_keys(node: PlanNode, inputs: tuple[Keys, ...]) -> Keys:
    return keys_of(node, inputs)[:_MOST_KEYS]


UNIQUE_KEYS = Known("unique_keys", _few_keys)


@functools.singledispatch
def keys_of(node: PlanNode, inputs: tuple[Keys, ...]) -> Keys:
    """Return the sets for `node`, given those of its inputs."""
    return ()


@keys_of.register(Filter)
@keys_of.register(Sort)
@keys_of.register(Slice)
def _(node: PlanNode, inputs: tuple[Keys, ...]) -> Keys:
    return inputs[0]


@keys_of.register
def _(node: Aggregate, inputs: tuple[Keys, ...]) -> Keys:
    return (frozenset(name for name, _ in node.keys),)


@keys_of.register
def _(node: Distinct, inputs: tuple[Keys, ...]) -> Keys:
    subset = frozenset(node.schema.names if node.subset is None else node.subset)
    return tuple(dict.fromkeys((subset, *inputs[0])))


@keys_of.register
def _(node: Project, inputs: tuple[Keys, ...]) -> Keys:
    names = {expr.name: name for name, expr in reversed(node.exprs) if isinstance(expr, Column)}
    return tuple(frozenset(names[name] for name in key) for key in inputs[0] if key <= names.keys())


@keys_of.register
def _(node: Join, inputs: tuple[Keys, ...]) -> Keys:
    left, right = inputs
    if node.how in ("semi", "anti"):
        return left
    # A row of the left is given once where the right has each key once. Two keys of the right may
    # become one in the wider type of a key on the left.
    on = {
        other.name
        for other, dtype in zip(node.right_on, node.key_types(), strict=True)
        if isinstance(other, Column) and node.right.schema.field(other.name).type == dtype
    }
    once = any(key <= on for key in right)
    return left if once and node.how in ("inner", "left") else ()

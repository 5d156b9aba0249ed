"""What is worked out of a plan, kept with its nodes.

Nodes are frozen, so what follows from a node and its inputs alone is worked out once: rules ask for
it round after round, of plans that share nearly all of their nodes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

from .node import PlanNode

T = TypeVar("T")

_MISSING = object()


class Known(Generic[T]):
    """Something known of every node: it follows from the node and from the same of its inputs.

    Parameters
    ----------
    name
        What it is kept under; no other has the same.
    work_out
        Is given a node and what is known of its inputs, in their order. What it returns must not
        hold the node itself: a cycle would keep the data of a source until the next collection.
    """

    def __init__(self, name: str, work_out: Callable[[PlanNode, tuple[T, ...]], T]) -> None:
        self._name = name
        self._work_out = work_out

    def of(self, plan: PlanNode) -> T:
        """Return what is known of `plan`."""
        found = plan.kept.get(self._name, _MISSING)
        return self._found(plan) if found is _MISSING else found

    def of_all(self, plan: PlanNode) -> dict[int, T]:
        """Return what is known of every node of `plan`, by its id."""
        name, work_out = self._name, self._work_out
        found: dict[int, T] = {}
        for node in plan.nodes:
            kept = node.kept
            if name not in kept:
                kept[name] = work_out(node, tuple([found[id(child)] for child in node.inputs]))
            found[id(node)] = kept[name]
        return found

    def _found(self, plan: PlanNode) -> T:
        # Without recursion: plans may be deeper than Python's stack. What is known ends the way.
        name = self._name
        stack = [plan]
        while stack:
            node = stack[-1]
            if name in node.kept:
                stack.pop()
                continue
            inputs = node.inputs
            missing = [child for child in inputs if name not in child.kept]
            if missing:
                stack.extend(reversed(missing))
                continue
            stack.pop()
            node.kept[name] = self._work_out(node, tuple([child.kept[name] for child in inputs]))
        return plan.kept[name]


class Rewrite:
    """A rewriting of plans, inputs first, that looks at a node and what is below it alone.

    What became of a sub-plan is kept with it, so that only what is new is looked at again.

    Parameters
    ----------
    name
        What it is kept under; no other has the same.
    function
        Is given a node whose inputs are rewritten already, and returns it or a better one.
    """

    def __init__(self, name: str, function: Callable[[PlanNode], PlanNode]) -> None:
        self._name = name
        self._function = function

    def of(self, plan: PlanNode) -> PlanNode:
        """Return `plan` rewritten; the same object where nothing is better."""
        name, function = self._name, self._function
        if name not in plan.kept:
            for node in plan.nodes:
                kept = node.kept
                if name in kept:
                    continue
                inputs = node.inputs
                changes = [child.kept[name] for child in inputs]
                before = node
                if any(changes):
                    pairs = zip(inputs, changes, strict=True)
                    node = node.with_inputs(tuple([new or old for old, new in pairs]))
                after = function(node)
                # Not the node itself, which would keep itself from being freed.
                kept[name] = None if after is before else after
        found: PlanNode | None = plan.kept[name]
        return plan if found is None else found

"""Make equal sub-plans one object, so that what they give is made once."""

from __future__ import annotations

from ...plan.identity import Numbering
from ...plan.node import PlanNode
from ..context import Context


def common_subplans(plan: PlanNode, context: Context) -> PlanNode:
    """Return `plan` with each of its sub-plans built only once."""
    numbering = Numbering()
    first: dict[int, PlanNode] = {}

    def canonical(node: PlanNode) -> PlanNode:
        return first.setdefault(numbering.number(node), node)

    return plan.transform_up(canonical)

"""Make equal sub-plans one object, so that what they give is made once."""

from __future__ import annotations

from ...plan.identity import Numbering, parent_counts
from ...plan.node import PlanNode
from ...plan.nodes import Scan
from ..context import Context


def common_subplans(plan: PlanNode, context: Context) -> PlanNode:
    """Return `plan` with each of its sub-plans built only once."""
    if _has_no_equals(plan):
        return plan
    numbering = Numbering()
    if len({numbering.number(node) for node in plan.nodes}) == len(plan.nodes):
        return plan
    first: dict[int, PlanNode] = {}

    def canonical(node: PlanNode) -> PlanNode:
        return first.setdefault(numbering.number(node), node)

    return plan.transform_up(canonical)


def _has_no_equals(plan: PlanNode) -> bool:
    """Return whether no two sub-plans can be equal, as a look at the sources tells.

    Equal ones would read the same node, or equal ones in the end.
    """
    if any(count > 1 for count in parent_counts(plan).values()):
        return False
    ends = [node for node in plan.nodes if not node.inputs]
    scans = [node.source for node in ends if isinstance(node, Scan)]
    # A label is quick, where equality goes through all files.
    return len(scans) == len(ends) == len({(type(each), each.label) for each in scans})

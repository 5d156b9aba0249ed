"""Which sub-plans are worth making once for several readers, and which are not."""

from __future__ import annotations

from ..plan.node import PlanNode
from ..plan.nodes import Filter, Project, Scan
from .properties import is_cheap


def repeatable(plan: PlanNode) -> dict[int, bool]:
    """Return, by the id of each node, whether reading and computing it again costs little.

    A scan is: each reader then has its own columns and predicate, and nothing is held for the
    slowest of them. So are filters and cheap projections over a scan.
    """
    found: dict[int, bool] = {}
    for node in plan.walk():
        cheap = isinstance(node, Scan | Filter) or (
            isinstance(node, Project) and all(is_cheap(expr) for _, expr in node.exprs)
        )
        found[id(node)] = cheap and all(found[id(child)] for child in node.inputs)
    return found

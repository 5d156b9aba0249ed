"""Which sub-plans are worth making once for several readers, and which are not."""

from __future__ import annotations

from ..expr.python_call import has_python_call
from ..plan.identity import parent_counts
from ..plan.known import Known
from ..plan.node import PlanNode
from ..plan.nodes import Filter, Project, Scan
from .properties import is_cheap


def repeatable(plan: PlanNode) -> dict[int, bool]:
    """Return, by the id of each node, whether reading and computing it again costs little.

    A scan is: each reader then has its own columns and predicate, and nothing is held for the
    slowest of them. So are filters and cheap projections over a scan.
    """
    return _REPEATABLE.of_all(plan)


def made_once(plan: PlanNode) -> frozenset[int]:
    """Return the ids of the nodes of `plan` that are made once and kept for several readers."""
    counts = parent_counts(plan)
    if len(counts) == sum(counts.values()):
        return frozenset()
    again = repeatable(plan)
    return frozenset(name for name, count in counts.items() if count > 1 and not again[name])


def _is_cheap(node: PlanNode) -> bool:
    match node:
        case Scan():
            predicate = node.pushdown.predicate
            return predicate is None or not has_python_call(predicate)
        case Filter():
            return not has_python_call(node.predicate)
        case Project():
            return all(is_cheap(expr) for _, expr in node.exprs)
        case _:
            return False


def _is_repeatable(node: PlanNode, inputs: tuple[bool, ...]) -> bool:
    return all(inputs) and _is_cheap(node)


_REPEATABLE = Known("repeatable", _is_repeatable)

"""Cross joins: one side whole in every task of the other."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ..optimizer.estimate import estimate
from ..plan.joins import Join
from .join_inputs import with_side
from .operators.cross_join import CrossJoin
from .pipeline import Pipeline

if TYPE_CHECKING:
    from .planner import Planner


def lower_cross(node: Join, planner: Planner) -> Pipeline | None:
    """Return the pipeline of a cross join, or None while the side that all tasks read runs."""
    left, right = planner.lower(node.left), planner.lower(node.right)
    swap = _is_left_built(node, planner)
    build, probe = (left, right) if swap else (right, left)
    if build is None:
        return None
    built = planner.whole(node, "build", build)
    if built is None or probe is None:
        return None
    operator = CrossJoin(
        side=0,
        swap=swap,
        output=tuple((each.side, each.name, each.given) for each in node.columns()),
        build_schema=node.left.schema if swap else node.right.schema,
        id="",
    )
    joined = with_side(node, probe, built, operator)
    return replace(joined, schema=node.schema)


def _is_left_built(node: Join, planner: Planner) -> bool:
    """Return whether the left is what every task holds: the smaller side, if the other is large."""
    if node.maintain_order:
        return node.maintain_order[0] == "r"
    left, right = estimate(node.left).bytes, estimate(node.right).bytes
    return left < right and right > planner.settings.broadcast_bytes

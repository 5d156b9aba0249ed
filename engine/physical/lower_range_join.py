"""Range joins: one side whole in every task of the other, sorted where it has the values."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ..optimizer.estimate import estimate
from ..plan.joins import RangeJoin
from .join_inputs import with_side
from .operators.range_join import SearchRange
from .pipeline import Pipeline

if TYPE_CHECKING:
    from .planner import Planner


def lower_range_join(node: RangeJoin, planner: Planner) -> Pipeline | None:
    """Return the pipeline of a range join, or None while the side that all tasks read runs."""
    left, right = planner.lower(node.left), planner.lower(node.right)
    swap = estimate(node.left).bytes < estimate(node.right).bytes
    build, probe = (left, right) if swap else (right, left)
    if build is None:
        return None
    built = planner.whole(node, "build", build)
    if built is None or probe is None:
        return None
    operator = SearchRange(
        point=node.point,
        low=node.low,
        high=node.high,
        dtype=node.key_type(),
        point_side=node.point_side,
        side=0,
        swap=swap,
        output=tuple((each.side, each.name, each.given) for each in node.columns()),
        build_schema=node.left.schema if swap else node.right.schema,
        id="",
    )
    joined = with_side(node, probe, built, operator)
    return replace(joined, schema=node.schema)

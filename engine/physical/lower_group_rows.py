"""The first rows of each group: of each partition, then of all where a group's rows meet."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ..plan.group_rows import GroupRows
from .lower_aggregate import meet
from .operators.group_rows import RowsOfGroups
from .pipeline import Pipeline

if TYPE_CHECKING:
    from .planner import Planner


def lower_group_rows(node: GroupRows, planner: Planner) -> Pipeline | None:
    """Return the pipeline of the node, or None while the stage goes on that keeps rows of parts."""
    source = planner.lower(node.input)
    if source is None:
        return None
    keep = RowsOfGroups(
        keys=node.keys, count=node.count, last=node.last, ordered=node.maintain_order
    )
    if source.partitions == 1:
        return source.then(keep, site=node.site)
    kept = source.then(replace(keep, partial=True), site=node.site)
    met = meet(node, planner, kept, node.keys, ordered=node.maintain_order)
    return None if met is None else met.then(keep)

"""The plan as a text tree, the result first, and the same as JSON."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from .description import clean, count_text, describe_node
from .identity import parent_counts
from .node import PlanNode

RowsOf = Callable[[PlanNode], float | None]
"""Returns how many rows a node is expected to give, None where that is not known."""


IsKept = Callable[[PlanNode], bool]
"""Returns whether the rows of a node that is read several times are made once and kept."""


def text(
    plan: PlanNode,
    *,
    rows_of: RowsOf | None = None,
    partition_bytes: int | None = None,
    is_kept: IsKept | None = None,
) -> str:
    """Return the plan as a tree, one line for each node, inputs below what reads them.

    A sub-plan that is read several times is written once and referred to afterwards.

    Parameters
    ----------
    plan
        The node that gives the result.
    rows_of
        Expected rows of a node, to be shown.
    partition_bytes
        Where given, each source is asked (for metadata only) which files and row groups it will
        read with partitions of that size.
    is_kept
        Where given, a sub-plan that is read several times says whether it is made once for all of
        its readers or again for each.

    Returns
    -------
    str
        Lines without a line break at the end.
    """
    shared = _shared_numbers(plan)
    lines: list[str] = []
    written: set[int] = set()
    # (node, what stands before its own line, what stands before the lines below it)
    stack: list[tuple[PlanNode, str, str]] = [(plan, "", "")]
    while stack:
        node, lead, below = stack.pop()
        repeated = id(node) in written
        written.add(id(node))
        line = _line(node, rows_of, None if repeated else partition_bytes, brief=repeated)
        if id(node) in shared:
            place = ", shown above" if repeated else _how_often(node, is_kept)
            line += f"  (shared #{shared[id(node)]}{place})"
        lines.append(lead + line)
        if repeated:
            continue
        for number, child in reversed(list(enumerate(node.inputs, start=1))):
            last = number == len(node.inputs)
            stack.append(
                (child, below + ("└─ " if last else "├─ "), below + ("   " if last else "│  "))
            )
    return "\n".join(lines)


def _how_often(node: PlanNode, is_kept: IsKept | None) -> str:
    if is_kept is None:
        return ""
    return ", made once" if is_kept(node) else ", read by each"


def _line(
    node: PlanNode, rows_of: RowsOf | None, partition_bytes: int | None, *, brief: bool
) -> str:
    found = describe_node(node, partition_bytes)
    line = f"{found.kind} {found.subject}"
    if brief:
        return line
    parts = [line, *(f"{label}: {value}" for label, value in found.details)]
    rows = None if rows_of is None else rows_of(node)
    if rows is not None:
        parts.append(f"~{count_text(rows)} rows")
    return "  ".join(parts)


def _shared_numbers(plan: PlanNode) -> dict[int, int]:
    """Return a number, from 1, for each node that is read more than once."""
    shared = (node for node, count in _counted(plan) if count > 1)
    return {id(node): number for number, node in enumerate(shared, start=1)}


def _counted(plan: PlanNode) -> list[tuple[PlanNode, int]]:
    counts = parent_counts(plan)
    return [(node, counts.get(id(node), 0)) for node in plan.walk()]


def as_dict(
    plan: PlanNode, *, rows_of: RowsOf | None = None, partition_bytes: int | None = None
) -> dict[str, Any]:
    """Return the plan as plain lists, dicts and strings: a list of nodes, inputs by number."""
    numbers = {id(node): number for number, node in enumerate(plan.walk())}
    nodes = []
    for node in plan.walk():
        found = describe_node(node, partition_bytes)
        entry: dict[str, Any] = {
            "id": numbers[id(node)],
            "kind": found.kind,
            "subject": found.subject,
            "details": dict(found.details),
            "inputs": [numbers[id(child)] for child in node.inputs],
            "schema": [{"name": clean(f.name), "type": str(f.type)} for f in node.schema],
        }
        rows = None if rows_of is None else rows_of(node)
        if rows is not None:
            entry["estimated_rows"] = round(rows)
        if node.site is not None:
            entry["site"] = str(node.site)
        nodes.append(entry)
    return {"result": numbers[id(plan)], "nodes": nodes}


def as_json(
    plan: PlanNode, *, rows_of: RowsOf | None = None, partition_bytes: int | None = None
) -> str:
    """Return the plan as JSON text; see `as_dict` for its form."""
    found = as_dict(plan, rows_of=rows_of, partition_bytes=partition_bytes)
    return json.dumps(found, indent=2, ensure_ascii=False)

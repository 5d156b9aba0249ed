"""The plan as a graph: the networkx view, and its Mermaid, DOT and SVG.

Data flows from the scans to the result, so edges point from an input to what reads it.
"""

from __future__ import annotations

import html
from typing import TYPE_CHECKING

from .description import MOST_NAMES, Description, count_text, describe_node, text_width
from .display import RowsOf
from .layout import Box, arranged, wrapped
from .node import PlanNode

if TYPE_CHECKING:
    import networkx as nx

MOST_DETAIL_LINES = 3
"""Lines that one detail of a box may take; the text tree has it in full."""


def to_networkx(
    plan: PlanNode, *, rows_of: RowsOf | None = None, partition_bytes: int | None = None
) -> nx.MultiDiGraph:
    """Return the plan as a networkx graph.

    Parameters
    ----------
    plan
        The node that gives the result.
    rows_of
        Expected rows of a node, kept as its attribute ``rows``.
    partition_bytes
        Where given, each source is asked (for metadata only) what it will not read.

    Returns
    -------
    networkx.MultiDiGraph
        Nodes are numbers, inputs before what reads them; the greatest is the result. Attributes of
        a node are ``node`` (the `PlanNode`), ``description`` (its `Description`) and ``rows``. An
        edge's ``input`` says which input it is, from 0; a self-join has two edges.
    """
    import networkx as nx  # late: it takes longer to import than all of Partita

    graph = nx.MultiDiGraph()
    numbers: dict[int, int] = {}
    for number, node in enumerate(plan.walk()):
        numbers[id(node)] = number
        graph.add_node(
            number,
            node=node,
            description=describe_node(node, partition_bytes),
            rows=None if rows_of is None else rows_of(node),
        )
        for position, child in enumerate(node.inputs):
            graph.add_edge(numbers[id(child)], number, input=position)
    return graph


def _detail_lines(found: Description, rows: float | None) -> list[str]:
    lines = [found.subject] if found.subject else []
    lines += [f"{label}: {value}" for label, value in found.details]
    if rows is not None:
        lines.append(f"~{count_text(rows)} rows")
    return lines


def to_mermaid(
    plan: PlanNode, *, rows_of: RowsOf | None = None, partition_bytes: int | None = None
) -> str:
    """Return the plan as a Mermaid flowchart, as GitHub and JupyterLab show it."""
    graph = to_networkx(plan, rows_of=rows_of, partition_bytes=partition_bytes)
    lines = ["flowchart TD"]
    for number, data in graph.nodes(data=True):
        found = data["description"]
        parts = [f"<b>{_mermaid_text(found.kind)}</b>"]
        parts += [_mermaid_text(line) for line in _detail_lines(found, data["rows"])]
        lines.append(f'    n{number}["{"<br/>".join(parts)}"]')
    lines += [f"    n{source} --> n{target}" for source, target in graph.edges()]
    return "\n".join(lines)


def _mermaid_text(text: str) -> str:
    """Return `text` so that Mermaid shows it and takes nothing in it for a command or for HTML."""
    special = "#&<>\"'`;[](){}|\\*_~"
    return "".join(f"#{ord(char)};" if char in special else char for char in text)


def to_dot(
    plan: PlanNode, *, rows_of: RowsOf | None = None, partition_bytes: int | None = None
) -> str:
    """Return the plan in the DOT language of Graphviz."""
    graph = to_networkx(plan, rows_of=rows_of, partition_bytes=partition_bytes)
    lines = [
        "digraph plan {",
        '    node [shape=box, style="rounded,filled", fillcolor="#f4f6f9", color="#9aa5b4",'
        ' fontname="Helvetica", fontsize=10];',
        '    edge [color="#7b8794"];',
    ]
    for number, data in graph.nodes(data=True):
        found = data["description"]
        text = [found.kind, *_detail_lines(found, data["rows"])]
        # \l ends a line and sets it to the left.
        label = "".join(_dot_text(line) + "\\l" for line in text)
        lines.append(f'    n{number} [label="{label}"];')
    lines += [f"    n{source} -> n{target};" for source, target in graph.edges()]
    return "\n".join([*lines, "}"])


def _dot_text(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


# Fills that carry dark text on a light and on a dark page alike; edges stand out on both.
_FILLS = {
    "SCAN": ("#e3f0ea", "#5f9c82"),
    "WRITE": ("#e3f0ea", "#5f9c82"),
    "JOIN": ("#e9e6f5", "#8377b8"),
    "UNION": ("#e9e6f5", "#8377b8"),
    "AGGREGATE": ("#fbefdc", "#c39a54"),
    "DISTINCT": ("#fbefdc", "#c39a54"),
    "SORT": ("#fbefdc", "#c39a54"),
}
_PLAIN = ("#eef1f5", "#8c98a8")
_TEXT, _QUIET, _EDGE = "#1f2933", "#52606d", "#8391a1"
_TITLE_FONT = "ui-sans-serif, system-ui, 'Segoe UI', Helvetica, Arial, sans-serif"
_DETAIL_FONT = "ui-monospace, 'SFMono-Regular', Menlo, Consolas, 'DejaVu Sans Mono', monospace"
_DETAIL_SIZE, _CHARACTER, _LINE = 11, 6.65, 15.5
"""Points of a detail's font, and the width and height that one of its characters takes."""

_TITLE_HEIGHT, _PADDING = 22.0, 11.0
_MOST_CHARACTERS = 46
_LEAST_WIDTH = 120.0


def to_svg(
    plan: PlanNode, *, rows_of: RowsOf | None = None, partition_bytes: int | None = None
) -> str:
    """Return the plan drawn as SVG, the scans above and the result below.

    No program of the system is needed. Everything that comes from the data is escaped.
    """
    graph = to_networkx(plan, rows_of=rows_of, partition_bytes=partition_bytes)
    texts = {
        number: _box_lines(data["description"], data["rows"])
        for number, data in graph.nodes(data=True)
    }
    boxes = {number: _box_size(lines) for number, lines in texts.items()}
    edges = list(graph.edges())
    width, height = arranged(boxes, edges)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}"'
        f' viewBox="0 0 {width:.0f} {height:.0f}" role="img" aria-label="query plan"'
        ' style="max-width:100%">',
        '<defs><marker id="partita-arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7"'
        f' markerHeight="7" orient="auto"><path d="M0,0.8 L8,4 L0,7.2 z" fill="{_EDGE}"/>'
        "</marker></defs>",
    ]
    parts += _edge_paths(boxes, edges)
    for number, lines in texts.items():
        kind = graph.nodes[number]["description"].kind
        parts.append(_box_svg(boxes[number], kind, lines))
    return "\n".join([*parts, "</svg>"])


def _box_lines(found: Description, rows: float | None) -> list[str]:
    lines: list[str] = []
    for text in _detail_lines(found, rows):
        first, *rest = wrapped(text, _MOST_CHARACTERS)
        pieces = [first, *(f"  {piece}" for piece in rest)]
        if len(pieces) > MOST_DETAIL_LINES:
            pieces = [*pieces[:MOST_DETAIL_LINES], "..."]
        lines += pieces
    return [found.kind, *lines[: 2 * MOST_NAMES]]


def _box_size(lines: list[str]) -> Box:
    longest = max((text_width(line) for line in lines[1:]), default=0)
    width = max(_LEAST_WIDTH, longest * _CHARACTER + 2 * _PADDING)
    below_title = (len(lines) - 1) * _LINE
    return Box(width=width, height=_TITLE_HEIGHT + below_title + _PADDING)


def _edge_paths(boxes: dict[int, Box], edges: list[tuple[int, int]]) -> list[str]:
    """Return curves that leave a box at its middle and enter the next side by side."""
    incoming: dict[int, list[int]] = {}
    for place, (_, target) in enumerate(edges):
        incoming.setdefault(target, []).append(place)
    paths = []
    for target, places in incoming.items():
        # From left to right as their sources lie, so that they do not cross.
        places.sort(key=lambda place: boxes[edges[place][0]].middle)
        for rank, place in enumerate(places, start=1):
            source, box = boxes[edges[place][0]], boxes[target]
            x1, y1 = source.middle, source.y + source.height
            x2, y2 = box.x + box.width * rank / (len(places) + 1), box.y
            bend = max((y2 - y1) / 2, 14)
            paths.append(
                f'<path d="M{x1:.1f},{y1:.1f} C{x1:.1f},{y1 + bend:.1f} {x2:.1f},{y2 - bend:.1f}'
                f' {x2:.1f},{y2 - 1:.1f}" fill="none" stroke="{_EDGE}" stroke-width="1.5"'
                ' marker-end="url(#partita-arrow)"/>'
            )
    return paths


def _box_svg(box: Box, kind: str, lines: list[str]) -> str:
    fill, border = _FILLS.get(kind.split()[0], _PLAIN)
    left = box.x + _PADDING
    parts = [
        f'<g><rect x="{box.x:.1f}" y="{box.y:.1f}" width="{box.width:.1f}"'
        f' height="{box.height:.1f}" rx="6" fill="{fill}" stroke="{border}"/>',
        f'<text x="{left:.1f}" y="{box.y + 17:.1f}" font-family="{_TITLE_FONT}" font-size="12"'
        f' font-weight="600" fill="{_TEXT}">{html.escape(lines[0])}</text>',
    ]
    for number, line in enumerate(lines[1:]):
        y = box.y + _TITLE_HEIGHT + 11 + number * _LINE
        parts.append(
            f'<text x="{left:.1f}" y="{y:.1f}" font-family="{_DETAIL_FONT}"'
            f' font-size="{_DETAIL_SIZE}" fill="{_QUIET}" xml:space="preserve">'
            f"{html.escape(line)}</text>"
        )
    return "".join([*parts, "</g>"])

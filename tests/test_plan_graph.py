"""The networkx view of a plan, and its drawings."""

from __future__ import annotations

import subprocess
import sys
from itertools import combinations
from xml.etree import ElementTree

import networkx as nx
import pytest

import partita as pt
from partita.engine.optimizer.optimizer import optimize
from partita.engine.plan.graph import to_dot, to_mermaid, to_networkx, to_svg
from partita.engine.plan.node import PlanNode
from partita.engine.plan.nodes import Join, Scan

EVIL = '<script>alert("1")</script>&]]>"; }'
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def plan() -> PlanNode:
    left = pt.from_pydict({"k": [1, 2], EVIL: [3, 4], "数量" * 30: [1, 2]})
    totals = left.group_by("k").agg(n=pt.len())
    joined = left.join(totals, on="k").join(totals.rename({"n": "m"}), on="k", how="left")
    wide = pt.concat([joined, joined.filter(pt.col(EVIL) > 3), joined.head(1)])
    return wide.sort(EVIL).plan


def test_the_graph_follows_the_data(plan: PlanNode) -> None:
    graph = to_networkx(plan, rows_of=lambda node: 7.0)
    assert nx.is_directed_acyclic_graph(graph)
    assert [graph.nodes[n]["node"] for n in graph] == list(plan.walk())
    assert graph.nodes[max(graph)]["node"] is plan
    assert {graph.nodes[n]["rows"] for n in graph} == {7.0}
    assert all(isinstance(graph.nodes[n]["node"], Scan) for n in graph if not graph.in_degree(n))


def test_a_self_join_has_two_edges() -> None:
    frame = pt.from_pydict({"k": [1]})
    graph = to_networkx(frame.join(frame, on="k").plan)
    assert sorted(graph.edges(data="input")) == [(0, 1, 0), (0, 1, 1)]
    assert isinstance(graph.nodes[1]["node"], Join)


def test_the_svg_is_well_formed_and_shows_every_node(plan: PlanNode) -> None:
    root = ElementTree.fromstring(to_svg(plan, partition_bytes=1 << 20))
    assert root.tag == f"{SVG}svg"
    assert len(root.findall(f"{SVG}g")) == len(list(plan.walk()))
    edges = sum(len(node.inputs) for node in plan.walk())
    assert len(root.findall(f"{SVG}path")) == edges
    assert not list(root.iter(f"{SVG}script"))
    assert "<script" in "".join(text.text or "" for text in root.iter(f"{SVG}text"))


def test_boxes_of_the_svg_do_not_overlap_and_lie_inside(plan: PlanNode) -> None:
    root = ElementTree.fromstring(to_svg(optimize(plan)))
    boxes = [
        tuple(float(rect.attrib[name]) for name in ("x", "y", "width", "height"))
        for rect in root.iter(f"{SVG}rect")
    ]
    width, height = float(root.attrib["width"]), float(root.attrib["height"])
    assert all(x >= 0 and y >= 0 and x + w <= width and y + h <= height for x, y, w, h in boxes)
    for (x1, y1, w1, h1), (x2, y2, w2, h2) in combinations(boxes, 2):
        assert x1 + w1 <= x2 or x2 + w2 <= x1 or y1 + h1 <= y2 or y2 + h2 <= y1


def test_what_is_read_lies_above_what_reads_it(plan: PlanNode) -> None:
    graph = to_networkx(plan)
    rects = ElementTree.fromstring(to_svg(plan)).iter(f"{SVG}rect")
    tops = [float(rect.attrib["y"]) for rect in rects]
    assert all(tops[source] < tops[target] for source, target in graph.edges())


def test_names_cannot_leave_their_place_in_mermaid_and_dot(plan: PlanNode) -> None:
    mermaid = to_mermaid(plan)
    assert mermaid.startswith("flowchart TD\n")
    assert "<script" not in mermaid
    assert all(line.count('"') in (0, 2) for line in mermaid.splitlines())
    dot = to_dot(plan)
    assert dot.startswith("digraph plan {")
    assert dot.endswith("\n}")
    labels = [line.split('label="', 1)[1] for line in dot.splitlines() if 'label="' in line]
    for label in labels:
        inside = label.removesuffix('"];').replace("\\\\", "").replace('\\"', "")
        assert '"' not in inside


def test_drawing_is_what_imports_networkx() -> None:
    code = (
        "import sys, partita.engine.plan.graph, partita.engine.optimizer.optimizer\n"
        "assert 'networkx' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)

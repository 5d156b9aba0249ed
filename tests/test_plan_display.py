"""The text tree and the JSON of a plan."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

import partita as pt
from partita.engine.optimizer.estimate import estimates
from partita.engine.optimizer.optimizer import optimize
from partita.engine.plan.display import as_json, text


def test_a_scan_shows_columns_condition_and_what_is_pruned(tmp_path: Path) -> None:
    for year in (2023, 2024):
        (tmp_path / f"year={year}").mkdir()
        table = pa.table({"a": range(100), "b": [0.5] * 100, "c": ["x"] * 100})
        pq.write_table(table, tmp_path / f"year={year}" / "part.parquet", row_group_size=25)
    frame = pt.scan_parquet(tmp_path, hive_partitioning=True)
    plan = optimize(frame.filter(pt.col("year") == 2024, pt.col("a") < 30).select("b").plan)
    shown = text(plan, partition_bytes=1 << 20)
    assert shown.startswith("SCAN parquet ")
    assert "columns: 1 of 4 [b]  where: (year == 2024) & (a < 30)" in shown
    assert "files: 1 of 2" in shown
    assert "row groups: 2 of 8" in shown


def test_a_shared_sub_plan_is_written_once() -> None:
    frame = pt.from_pydict({"k": [1, 2], "v": [3, 4]})
    totals = frame.group_by("k").agg(pt.col("v").sum())
    plan = totals.join(totals.filter(pt.col("v") > 3), on="k").plan
    assert text(plan).splitlines() == [
        "JOIN inner on k = k",
        "├─ AGGREGATE by k  gives: v = sum(v)  (shared #1)",
        "│  └─ SCAN memory [2 rows]  columns: 2",
        "└─ FILTER v > 3",
        "   └─ AGGREGATE by k  (shared #1, shown above)",
    ]


def test_a_name_cannot_break_the_tree() -> None:
    name = "a\nFILTER\x1b[31m\u2028\u202eb"
    plan = pt.from_pydict({name: [1]}).filter(pt.col(name) > 0).sort(name).plan
    shown = text(optimize(plan), partition_bytes=1 << 20)
    assert len(shown.splitlines()) == 2
    assert shown.replace("\n", "").isprintable()


def test_long_lists_are_counted() -> None:
    frame = pt.from_pydict({f"c{number}": [1] for number in range(30)})
    assert text(frame.select(*frame.columns[:20]).plan).splitlines()[0] == (
        "PROJECT c0, c1, c2, c3, c4, c5, c6, c7, c8, c9, ... 10 more"
    )


def test_expected_rows_are_shown_where_given() -> None:
    plan = pt.from_pydict({"a": list(range(40_000))}).head(12_345).plan
    rows = {node: found.rows for node, found in estimates(plan).items()}
    assert text(plan, rows_of=lambda node: rows[id(node)]).splitlines() == [
        "SLICE first 12345  ~12.3k rows",
        "└─ SCAN memory [40,000 rows]  columns: 1  ~40k rows",
    ]


def test_json_has_every_node_once_with_its_line() -> None:
    frame = pt.from_pydict({"k": [1], "v": [2.5]})
    plan = pt.concat([frame, frame]).filter(pt.col("v") > 1).plan
    found = json.loads(as_json(plan, rows_of=lambda node: 2.0))
    scan, union, kept = found["nodes"]
    assert found["result"] == kept["id"]
    assert union["inputs"] == [scan["id"], scan["id"]]
    assert kept["subject"] == "v > 1"
    assert kept["schema"] == [{"name": "k", "type": "int64"}, {"name": "v", "type": "double"}]
    assert kept["estimated_rows"] == 2
    assert kept["site"].startswith(__file__)

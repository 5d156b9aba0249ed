"""`explain` shows the plan before and after, what each rule did, and how it ran."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import partita as pt
from partita import col


@pytest.fixture
def df(tmp_path: Path) -> pt.DataFrame:
    for number in range(4):
        rows = pa.table({"n": range(number * 100, number * 100 + 100), "s": ["x"] * 100})
        pq.write_table(rows, tmp_path / f"{number}.parquet")
    return pt.scan_parquet(tmp_path).filter(col("n") >= 350).select("n")


def test_before_and_after(df: pt.DataFrame) -> None:
    before, after = df.explain(False), df.explain(True)
    assert before.splitlines()[0] == "PROJECT n"
    assert "FILTER n >= 350" in before
    assert after.startswith("SCAN parquet")
    assert "where: n >= 350" in after
    assert "files: 1 of 4" in after
    both = df.explain()
    assert both == f"Plan as written:\n{before}\n\nPlan as run:\n{after}"
    assert repr(both) == str(both)


def test_steps_name_the_rules_and_mark_the_lines(df: pt.DataFrame) -> None:
    steps = df.explain(steps=True)
    assert "predicate_pushdown\n" in steps
    assert "\n  - └─ FILTER n >= 350" in steps
    assert "\n  + " in steps


def test_without_the_optimizer_nothing_changes(df: pt.DataFrame) -> None:
    with pt.config.set(optimize=False):
        assert df.explain(True).splitlines()[0].startswith("PROJECT n")
        assert "What the rules change:\nnothing" in df.explain(steps=True)
        assert df.to_pydict()["n"] == list(range(350, 400))


def test_analyze_runs_and_shows_the_profile(df: pt.DataFrame) -> None:
    shown = df.explain(True, analyze=True)
    assert "How it ran:" in shown
    assert "50 rows" in shown
    found = json.loads(df.explain(analyze=True, format="json"))
    assert set(found) == {"written", "optimized", "profile"}
    assert found["profile"]["rows"] == 50
    assert found["profile"]["stages"][0]["rows_out"] == 50


def test_shared_parts_say_whether_they_are_made_once(df: pt.DataFrame) -> None:
    sums = df.group_by("n").len()
    twice = pt.concat([sums, sums.filter(pt.col("len") > 1)])
    assert "(shared #1, made once)" in twice.explain()
    scans = pt.concat([df, df])
    assert "(shared #1, read by each)" in scans.explain()


def test_shared_parts_are_written_once(df: pt.DataFrame) -> None:
    base = df.group_by("n").len()
    shown = base.join(base, on="n").explain(False)
    assert shown.count("SCAN") == 1
    assert "shared #1" in shown

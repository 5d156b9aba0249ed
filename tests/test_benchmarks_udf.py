"""The benchmark of Python functions: a quick run gives the peers' rows; what the functions say."""

from __future__ import annotations

from pathlib import Path

import pytest

from .quick_runs import quick_run  # isort: skip  (it makes the benchmarks importable)

from benchmarks.udf.functions import families, ratings


def test_quick_run_gives_the_peers_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    report = quick_run("udf", tmp_path, monkeypatch)
    rows = {m["query"]: m["rows"] for m in report["measurements"]}
    assert rows == {"numbers": 1, "text": 40}


def test_every_branch_of_the_functions() -> None:
    assert ratings([5.0, 8.0, 9.0, 500.0], [0, 4, 3, 1]) == [0.0, 2.0, 1.5, 100.0]
    assert families(["a-10", "b-17"]) == ["a", "B"]

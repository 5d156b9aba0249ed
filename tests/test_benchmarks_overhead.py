"""The benchmark of overhead: a quick run of it has every figure."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.harness.errors import RowsDifferError
from benchmarks.overhead.command import main
from benchmarks.overhead.measured import FIRST, IMPORT, TASK, TASK_WALL, WARM, _check
from benchmarks.overhead.report import as_json, as_markdown, from_json

from . import quick_runs  # noqa: F401  (it makes the benchmarks importable)


def test_quick_run_has_every_figure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    written, tables = tmp_path / "run.json", tmp_path / "run.md"
    switches = ["--quick", "--peers=duckdb", f"--json={written}", f"--markdown={tables}"]
    assert main(switches) == 0
    report = json.loads(written.read_text())
    medians = {(s["figure"], s["subject"]): s["median"] for s in report["series"]}
    assert set(medians) == {
        *((IMPORT, module) for module in ("pyarrow.parquet", "partita", "duckdb")),
        *((figure, engine) for figure in (FIRST, WARM) for engine in ("partita", "duckdb")),
        *((figure, "partita") for figure in (TASK, TASK_WALL)),
    }
    assert all(seconds > 0 for seconds in medians.values())
    ratio = medians[IMPORT, "partita"] / medians[IMPORT, "pyarrow.parquet"]
    assert report["import_ratio"] == pytest.approx(ratio)
    assert json.loads(json.dumps(as_json(from_json(report)))) == report
    assert as_markdown(from_json(report)) == tables.read_text()


def test_rows_that_differ_are_an_error() -> None:
    right = [[{"k": 1, "mean": 0.1 + 0.2}]]
    _check("duckdb", [{"k": 1, "mean": 0.3}], right)
    for wrong in ([], [{"k": 2, "mean": 0.3}], [{"k": 1, "mean": 0.3001}], [{"k": 1}]):
        with pytest.raises(RowsDifferError, match="duckdb gave"):
            _check("duckdb", wrong, right)

"""A quick run of a suite of benchmarks, by its command line, and what it wrote."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

# the benchmarks are part of the repository and not of the package: nothing installs them
sys.path.append(str(Path(__file__).resolve().parents[1]))

from benchmarks.harness.command import main
from benchmarks.harness.suite import load


def quick_run(suite: str, directory: Path, patch: pytest.MonkeyPatch, *more: str) -> dict[str, Any]:
    """Run a suite over tiny data, its cache in `directory`; return the JSON that it wrote."""
    patch.setenv("XDG_CACHE_HOME", str(directory))
    written, tables = directory / f"{suite}.json", directory / f"{suite}.md"
    arguments = ["--quick", "--workers=2", f"--json={written}", f"--markdown={tables}", *more]
    assert main(load(suite), arguments) == 0
    report: dict[str, Any] = json.loads(written.read_text())
    assert report["benchmark"] == suite
    assert report["title"] in tables.read_text()
    check(report)
    return report


def check(report: dict[str, Any]) -> None:
    """Fail unless each query has its times and ratios, of all engines, and one answer of each."""
    queries = set(load(report["benchmark"]).queries("duckdb"))
    engines = {"partita", "polars", "duckdb"}
    measured = {(m["query"], m["engine"]): m for m in report["measurements"]}
    assert set(measured) == {(query, engine) for query in queries for engine in engines}
    for measurement in report["measurements"]:
        assert len(measurement["seconds"]) == report["runs"] == 1
        assert measurement["median"] > 0
        assert measurement["memory"]["total"] > 2**20
        assert measurement["rows"] > 0
    for query in queries:
        medians = {engine: measured[query, engine]["median"] for engine in engines}
        better = min(medians["polars"], medians["duckdb"])
        assert report["against_better"][query] == pytest.approx(medians["partita"] / better)
        for peer in ("polars", "duckdb"):
            ratio = report["ratios"][peer][query]
            assert ratio == pytest.approx(medians["partita"] / medians[peer])
        assert len(measured[query, "partita"]["digests"]) == 1

"""The benchmark of awkward datasets: a quick run of it gives the peers' rows."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from .quick_runs import quick_run  # isort: skip  (it makes the benchmarks importable)

from benchmarks.datasets.suite import COLUMNS, QUERIES


def test_quick_run_gives_the_peers_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    report = quick_run("datasets", tmp_path, monkeypatch)
    assert list(report["against_better"]) == list(QUERIES)
    (made,) = (tmp_path / "partita-datasets").glob("40-files-*-v1")
    assert len(list((made / "files").iterdir())) == 40
    assert len(list((made / "partitioned").iterdir())) == 20
    assert len(pq.read_schema(made / "wide.parquet")) == COLUMNS

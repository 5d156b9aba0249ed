"""The benchmark of group-by: a quick run gives the peers' rows; its data is what it says."""

from __future__ import annotations

from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from .quick_runs import main, quick_run  # isort: skip  (it makes the benchmarks importable)

from benchmarks.groups.suite import SUITE, make


def test_quick_run_gives_the_peers_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    report = quick_run("groups", tmp_path, monkeypatch)
    rows = {m["query"]: m["rows"] for m in report["measurements"]}
    assert rows["two_sum_mean_count"] == 2
    assert rows["integers_10m_min_max"] == 1
    assert rows["strings_100k_min_max"] > 10_000


def test_the_data_has_the_groups_that_cases_are_named_for(tmp_path: Path) -> None:
    make(tmp_path, 300_000)
    sales = pq.read_table(tmp_path / "sales.parquet")
    distinct = {name: pc.count_distinct(sales[name]).as_py() for name in sales.column_names}
    assert distinct["half"] == 2
    assert 90_000 < distinct["shop"] <= 100_000
    assert distinct["receipt"] == 300_000
    assert all(distinct[k] == 10 for k in ("color", "size", "brand", "year", "month", "store"))
    make(tmp_path, 300_000)
    assert pq.read_table(tmp_path / "sales.parquet") == sales


@pytest.mark.parametrize(
    ("switches", "said"),
    [
        ("--peers floor", "groups has no queries for floor; it has them for partita, polars"),
        ("--peers duckdb --queries two_*,nothing", "--queries names nothing; written for partita"),
    ],
)
def test_a_wrong_switch_ends_with_exit_code_2(
    switches: str,
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert main(SUITE, ["--quick", *switches.split()]) == 2
    assert said in capsys.readouterr().err

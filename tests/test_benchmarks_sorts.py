"""The benchmark of sorts: a quick run gives the peers' rows, and rows out of order are seen."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from .quick_runs import quick_run  # isort: skip  (it makes the benchmarks importable)

from benchmarks.harness.comparison import difference
from benchmarks.harness.engines import Written
from benchmarks.harness.server import _read
from benchmarks.sorts.cases import CASES, Case
from benchmarks.sorts.suite import in_order, summary


def test_quick_run_gives_the_peers_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    report = quick_run("sorts", tmp_path, monkeypatch)
    assert len(report["against_better"]) == len(CASES)


@pytest.mark.parametrize(
    ("a", "b", "right"),
    [
        ([1, 1, 2], [9, 3, 5], True),
        ([1, 1, 2], [3, 9, 5], False),
        ([1, 2, 1], [9, 3, 2], False),
        ([2, 2, 2], [1, 1, 1], True),
        ([], [], True),
    ],
)
def test_order_of_two_keys_one_descending(a: list[int], b: list[int], right: bool) -> None:
    rows = pa.table({"a": pa.array(a, pa.int32()), "b": pa.array(b, pa.int64())})
    assert in_order(rows, Case(order="two_keys")) is right


def test_what_is_compared_shows_rows_out_of_order_lost_or_changed() -> None:
    rows = pa.table({"id": range(5000), "x": [number / 7 for number in range(5000)]})
    compared = summary("double", rows)
    assert difference(compared, summary("double", rows)) is None
    swapped = rows.take([1, 0, *range(2, 5000)])
    assert "in_order" in (difference(compared, summary("double", swapped)) or "")
    other = rows.set_column(0, "id", pa.array([1, 0, *range(2, 5000)]))
    assert "differ in checksum" in (difference(compared, summary("double", other)) or "")
    assert difference(compared, summary("double", rows[:-1])) is not None


def test_what_was_written_is_read_in_the_order_of_the_files_numbers(tmp_path: Path) -> None:
    folder = tmp_path / "sorted"
    folder.mkdir()
    for number in (0, 2, 10):
        pq.write_table(pa.table({"n": [number]}), folder / f"part.{number}.parquet")
    assert _read(Written(path=str(folder))).to_pydict() == {"n": [0, 2, 10]}
    assert not folder.exists()

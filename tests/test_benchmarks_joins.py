"""The benchmark of joins: a quick run gives the peers' rows; what of long answers is compared."""

from __future__ import annotations

import doctest
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from .quick_runs import quick_run  # isort: skip  (it makes the benchmarks importable)

from benchmarks.harness import checksum as module
from benchmarks.harness.checksum import checksum
from benchmarks.joins.cases import SIDES
from benchmarks.joins.suite import make


def test_quick_run_gives_the_peers_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    report = quick_run("joins", tmp_path, monkeypatch)
    assert len(report["against_better"]) == 19


def test_one_fact_of_eleven_meets_nothing_and_keys_of_sides_are_unique(tmp_path: Path) -> None:
    make(tmp_path, 110_000)
    facts = pq.read_table(tmp_path / "facts.parquet").to_pandas()
    for side in SIDES:
        rows = pq.read_table(tmp_path / f"{side}.parquet").to_pandas()
        assert rows.key.is_unique
        assert rows.name.is_unique
        met = facts[side].isin(rows.key)
        assert 0.7 < met.mean() < 1 if side == "small" else 0.90 < met.mean() < 0.92
        assert (met == facts[f"{side}_name"].isin(rows.name)).all()


def test_a_checksum_is_of_the_rows_and_not_of_their_order_or_types() -> None:
    rows = pa.table({"n": [1, 2, None], "s": ["a", "b", None], "x": [0.5, -1.5, 2.0]})
    other_types = pa.schema(
        [
            ("n", pa.int32()),
            ("s", pa.dictionary(pa.int8(), pa.large_string())),
            ("x", pa.float32()),
        ]
    )
    turned = rows.take([2, 0, 1]).cast(other_types)
    assert checksum(rows) == checksum(turned) == checksum(pa.concat_tables([rows[:1], rows[1:]]))
    for changed in (
        rows.set_column(0, "n", pa.array([2, 1, None])),
        rows.set_column(0, "n", pa.array([1, 2, 0])),
        rows.set_column(1, "s", pa.array(["a", "b", ""])),
        rows.set_column(2, "x", pa.array([0.5, -1.5, 2.0000000000000004])),
        rows[:2],
    ):
        assert checksum(changed) != checksum(rows)


def test_a_checksum_of_what_it_does_not_know_is_an_error() -> None:
    with pytest.raises(TypeError, match="no checksum for list"):
        checksum(pa.table({"l": [[1]]}))


def test_examples_hold() -> None:
    outcome = doctest.testmod(module)
    assert outcome.attempted > 0
    assert outcome.failed == 0

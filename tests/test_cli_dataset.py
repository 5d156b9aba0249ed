"""The demo's dataset: what is in it, that it is always the same, and when it is used again."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from partita.engine.cli import dataset, trips
from partita.engine.errors import SinkError, SinkExists

ROWS = 60_000


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dataset.Dataset:
    return dataset.prepare_dataset(tmp_path_factory.mktemp("demo"), rows=ROWS)


def contents(directory: Path) -> dict[str, bytes]:
    return {
        path.relative_to(directory).as_posix(): path.read_bytes()
        for path in sorted(directory.rglob("*.parquet"))
    }


def test_it_is_hive_partitioned_in_24_files(made: dataset.Dataset) -> None:
    assert len(made.files) == 24
    assert made.files[0].relative_to(made.trips).as_posix() == "year=2023/month=1/part-0.parquet"
    assert made.files[-1].relative_to(made.trips).as_posix() == "year=2024/month=12/part-0.parquet"
    assert sum(pq.read_metadata(path).num_rows for path in made.files) == ROWS
    assert made.bytes == sum(path.stat().st_size for path in made.files)


def test_it_has_what_makes_real_data_hard(made: dataset.Dataset) -> None:
    table = pa.concat_tables(pq.ParquetFile(path).read() for path in made.files)
    assert table.schema.equals(trips.SCHEMA)
    assert pc.count_distinct(table["trip_id"]).as_py() == ROWS
    for name in ("pickup_zone", "payment", "passengers", "fare", "tip"):
        assert 0 < table[name].null_count < ROWS, name
    shares = np.sort(np.bincount(table["pickup_zone"].drop_null()))[::-1] / ROWS
    assert shares[0] > 10 * np.median(shares)
    listed = set(trips.zones()["zone_id"].to_pylist())
    assert set(table["pickup_zone"].drop_null().to_pylist()) - listed
    assert pc.all(pc.less(table["pickup_at"], table["dropoff_at"])).as_py()


def test_a_file_holds_its_month_by_the_local_clock(made: dataset.Dataset) -> None:
    march = pq.ParquetFile(made.files[2]).read(["pickup_at"])["pickup_at"]
    local = ZoneInfo(trips.TIME_ZONE)
    assert pc.min(march).as_py() >= datetime(2023, 3, 1, tzinfo=local)
    assert pc.max(march).as_py() < datetime(2023, 4, 1, tzinfo=local)
    # The clocks change on 12 March: the first of April begins one hour sooner in UTC.
    assert datetime(2023, 4, 1, tzinfo=local).astimezone(UTC).hour == 4


def test_the_same_parameters_give_the_same_bytes(made: dataset.Dataset, tmp_path: Path) -> None:
    for file in trips.write_trips(tmp_path / "trips", rows=ROWS, threads=1):
        assert file.path.exists()
    assert contents(tmp_path / "trips") == contents(made.trips)
    for _ in trips.write_trips(tmp_path / "other", rows=ROWS, seed=8):
        pass
    assert contents(tmp_path / "other") != contents(made.trips)


def test_months_of_many_rows_have_several_files() -> None:
    files = trips.trips_files(Path("t"), 60_000_000)
    assert len(files) == 72
    assert max(file.rows for file in files) <= trips.ROWS_PER_FILE
    assert [file.first_trip for file in files] == list(
        np.cumsum([0, *(file.rows for file in files)])[:-1]
    )


def test_a_complete_dataset_is_used_again(tmp_path: Path) -> None:
    first = dataset.prepare_dataset(tmp_path, rows=500)
    stamps = [path.stat().st_mtime_ns for path in first.files]
    again = dataset.prepare_dataset(tmp_path, rows=500)
    assert (first.reused, again.reused) == (False, True)
    assert [path.stat().st_mtime_ns for path in again.files] == stamps
    assert again.files == first.files


@pytest.mark.parametrize("damage", ["missing file", "short file", "unfinished", "cut manifest"])
def test_an_incomplete_dataset_is_made_again(tmp_path: Path, damage: str) -> None:
    first = dataset.prepare_dataset(tmp_path, rows=500)
    whole = contents(tmp_path)
    manifest = tmp_path / dataset.MANIFEST
    if damage == "missing file":
        first.files[3].unlink()
    elif damage == "short file":
        first.files[3].write_bytes(first.files[3].read_bytes()[:-1])
    elif damage == "unfinished":
        manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"files": None}))
    else:
        manifest.write_text(manifest.read_text()[:20])
    assert not dataset.prepare_dataset(tmp_path, rows=500).reused
    assert contents(tmp_path) == whole


def test_other_parameters_make_another_dataset(tmp_path: Path) -> None:
    dataset.prepare_dataset(tmp_path, rows=30_000_000 // 1_000)
    smaller = dataset.prepare_dataset(tmp_path, rows=500)
    assert not smaller.reused
    assert sum(pq.read_metadata(path).num_rows for path in smaller.trips.rglob("*.parquet")) == 500


@pytest.mark.parametrize("name", ["trips", "result"])
def test_what_the_demo_did_not_make_is_not_replaced(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    (tmp_path / name / "mine.parquet").write_bytes(b"mine")
    with pytest.raises(SinkExists, match=name):
        dataset.prepare_dataset(tmp_path, rows=500)
    assert [path.name for path in tmp_path.rglob("*")] == [name, "mine.parquet"]


def test_a_place_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a directory")
    with pytest.raises(SinkError, match="--out"):
        dataset.prepare_dataset(tmp_path / "file", rows=500)


def test_progress_is_reported_file_by_file(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    dataset.prepare_dataset(tmp_path, rows=2_400, report=lambda *step: seen.append(step))
    assert seen == [(100 * number, 2_400) for number in range(1, 25)]

"""Reading and writing through the public interface, on the serial executor and on processes."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import partita as pt
from partita import col, errors

DATA = {
    "n": [1, 2, 3, None],
    "s": ["x", None, "y", "x"],
    "d": [datetime.date(2024, 1, day) for day in (1, 2, 3, 4)],
}


@pytest.fixture(params=["serial", "process"])
def df(request: pytest.FixtureRequest) -> Any:
    with pt.config.set(executor=request.param, workers=1):
        yield pt.from_pydict(DATA)


ROUND_TRIPS: dict[str, tuple[str, Callable[..., Any], Callable[..., Any]]] = {
    "parquet": ("a.parquet", pt.DataFrame.sink_parquet, pt.scan_parquet),
    "csv": ("a.csv", pt.DataFrame.sink_csv, pt.scan_csv),
    "ipc": ("a.arrow", pt.DataFrame.sink_ipc, pt.scan_ipc),
    "write_parquet": ("a.parquet", pt.DataFrame.write_parquet, pt.read_parquet),
    "to_csv": ("a.csv", pt.DataFrame.to_csv, pt.read_csv),
    "json": ("a.json", pt.DataFrame.sink_json, pt.scan_json),
    "to_json": ("a.ndjson", pt.DataFrame.to_json, pt.read_json),
    "orc": ("a.orc", pt.DataFrame.write_orc, pt.read_orc),
    "to_feather": ("a.feather", pt.DataFrame.to_feather, pt.read_ipc),
}


@pytest.mark.parametrize("name", ROUND_TRIPS)
def test_what_is_written_is_read_back(df: pt.DataFrame, tmp_path: Path, name: str) -> None:
    file, write, read = ROUND_TRIPS[name]
    said = write(df, tmp_path / file)
    assert said.columns == ["path", "rows", "bytes"]
    assert said["rows"].to_pylist() == [4]
    assert said["bytes"].to_pylist() == [(tmp_path / file).stat().st_size]
    assert said.profile.rows == 1
    found = read(tmp_path / file)
    assert found.to_pydict() == DATA
    assert read(tmp_path / file, columns=["s", "n"]).columns == ["s", "n"]


def test_partitioned_writing_and_reading(df: pt.DataFrame, tmp_path: Path) -> None:
    target = tmp_path / "parts"
    df.drop_nulls().sink_parquet(target, partition_by="s")
    assert sorted(path.name for path in target.iterdir() if path.is_dir()) == ["s=x", "s=y"]
    back = pt.scan_parquet(target)
    assert "files: 1 of 2" in back.filter(s="y").explain(True)
    assert back.filter(s="y").to_pydict() == {
        "n": [3],
        "d": [datetime.date(2024, 1, 3)],
        "s": ["y"],
    }
    df.drop_nulls().sink_parquet(target, partition_by=["s"], mode="append")
    assert len(pt.scan_parquet(target)) == 4
    df.drop_nulls().sink_parquet(target, partition_by=["s"], mode="overwrite")
    assert len(pt.scan_parquet(target)) == 2


def test_lazy_writing(df: pt.DataFrame, tmp_path: Path) -> None:
    writer = df.sink_parquet(tmp_path / "a.parquet", lazy=True)
    assert not (tmp_path / "a.parquet").exists()
    assert writer.collect()["rows"].to_pylist() == [4]
    assert len(pt.scan_parquet(tmp_path / "a.parquet")) == 4


def test_many_files_and_kinds_of_paths(df: pt.DataFrame, tmp_path: Path) -> None:
    for number in range(3):
        pq.write_table(pa.table({"a": [number]}), tmp_path / f"{number}.parquet")
    everything = {"a": [0, 1, 2]}
    assert pt.scan_parquet(tmp_path).to_pydict() == everything
    assert pt.scan_parquet(str(tmp_path / "*.parquet")).to_pydict() == everything
    files = sorted(tmp_path.glob("*.parquet"))
    assert pt.scan_parquet(files).to_pydict() == everything
    assert pt.scan_parquet(tmp_path).head(2).to_pydict() == {"a": [0, 1]}


def test_a_schema_that_is_given(df: pt.DataFrame, tmp_path: Path) -> None:
    pq.write_table(pa.table({"a": pa.array([1], pa.int32())}), tmp_path / "1.parquet")
    pq.write_table(pa.table({"a": [2], "b": ["x"]}), tmp_path / "2.parquet")
    assert pt.scan_parquet(tmp_path).to_pydict() == {"a": [1, 2], "b": [None, "x"]}
    with pytest.raises(pt.errors.SchemaError):
        pt.scan_parquet(tmp_path, missing_columns="raise")
    narrow = pt.scan_parquet(tmp_path, schema={"a": "float64"})
    assert narrow.to_pydict() == {"a": [1.0, 2.0]}


def test_csv_options(df: pt.DataFrame, tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("about\n1;-\n2;x\n")
    found = pt.scan_csv(
        path,
        separator=";",
        has_header=False,
        skip_rows=1,
        null_values=["-"],
        schema={"n": "int8", "s": str},
    )
    assert found.to_pydict() == {"n": [1, 2], "s": [None, "x"]}
    df.select("n").head(1).sink_csv(tmp_path / "b.csv", has_header=False, separator="|")
    assert (tmp_path / "b.csv").read_text() == "1\n"


def test_the_first_batch_comes_before_the_scan_is_over(tmp_path: Path) -> None:
    for number in range(20):
        pq.write_table(pa.table({"a": range(1000)}), tmp_path / f"{number:02}.parquet")
    read = []

    def noted(batch: pa.RecordBatch) -> pa.RecordBatch:
        read.append(batch.num_rows)
        return batch

    with pt.config.set(executor="serial", partition_bytes=1000):
        df = pt.scan_parquet(tmp_path).map_batches(noted, schema={"a": "int64"})
        stream = df.collect_batches()
        first = next(stream)
        assert first.schema == df.schema
        assert len(read) < 20
        stream.close()
        assert len(read) < 20
        assert sum(batch.num_rows for batch in df.to_batches()) == 20_000
        assert next(df.iter_rows(named=True)) == {"a": 0}


def test_len_and_show_and_compute(df: pt.DataFrame, capsys: pytest.CaptureFixture[str]) -> None:
    assert len(df) == 4
    assert len(df.filter(col("n") > 1)) == 2
    df.show(1)
    assert capsys.readouterr().out.endswith("1 row, 3 columns\n")
    frame, number, counted = pt.compute(df, 7, df.count())
    assert (len(frame), number, counted["s"].tolist()) == (4, 7, [3])
    assert df.toPandas().shape == df.compute().shape == (4, 3)


def test_writing_says_which_files_there_are_now(tmp_path: Path) -> None:
    frame = pt.from_pydict({"k": ["a", "b"], "v": [1, 2]})
    single = frame.sink_parquet(tmp_path / "one.parquet").to_pydict()
    assert single["path"] == [str(tmp_path / "one.parquet")]
    assert single["rows"] == [2]
    assert single["bytes"] == [(tmp_path / "one.parquet").stat().st_size]
    parted = frame.sink_parquet(tmp_path / "many", partition_by="k").to_pydict()
    assert sorted(parted["path"]) == sorted(map(str, (tmp_path / "many").rglob("*.parquet")))
    nothing = frame.filter(pt.col("v") > 5).sink_parquet(tmp_path / "none.parquet").to_pydict()
    assert nothing["rows"] == [0]
    assert pt.scan_parquet(nothing["path"]).columns == ["k", "v"]


@pytest.mark.parametrize("suffix", ["parquet", "ipc"])
def test_what_does_not_fit_a_dataset_is_not_appended(tmp_path: Path, suffix: str) -> None:
    frame = pt.from_pydict({"k": ["a", "b"], "v": [1, 2]})
    target = tmp_path / "data"

    def append(more: pt.DataFrame, **options: str) -> None:
        getattr(more, f"sink_{suffix}")(target, mode="append", **options)

    append(frame, partition_by="k")
    append(frame, partition_by="k")
    with pytest.raises(errors.SinkError, match=r"partition_by=\['k'\]"):
        append(frame)
    with pytest.raises(errors.SchemaError, match="'w'"):
        append(frame.rename({"v": "w"}), partition_by="k")
    with pytest.raises(errors.SchemaError, match="no common type"):
        append(frame.with_columns(v=pt.lit("text")), partition_by="k")
    append(frame.with_columns(v=pt.col("v").cast("int32")), partition_by="k")
    scan = getattr(pt, f"scan_{suffix}")
    assert scan(target).select(pt.col("v").sum()).to_pydict() == {"v": [9]}


def test_keys_of_two_time_zones_say_how_to_bring_them_together() -> None:
    times = pt.from_pydict({"t": [1]}).select(t=pt.col("t").cast(pa.timestamp("us", "UTC")))
    there = pt.from_pydict({"t": [1]}).select(t=pt.col("t").cast(pa.timestamp("us", "Asia/Tokyo")))
    with pytest.raises(errors.TypeMismatch, match="convert_time_zone"):
        times.join(there, on="t")

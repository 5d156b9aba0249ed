"""Sinks: what becomes visible, and when; modes, partitions, and targets that cannot be."""

from __future__ import annotations

import datetime as dt
import os
import pickle
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import partita as pt
from partita.engine.errors import ColumnNotFound, PartitaError, SinkError, SinkExists
from partita.engine.source import Pushdown, Sink, WriteJob, Written
from partita.io import FORMATS, CsvSink, FileSink, IpcSink, ParquetSink, ParquetSource, partitioned
from partita.io.hive import folder_of

TABLE = pa.table({"k": ["a", "b", None, "a"], "n": [1, 2, 3, 4], "x": [0.5, None, 2.5, 3.5]})


def run(sink: FileSink, *tables: pa.Table, commit: bool = True) -> tuple[WriteJob, list[Written]]:
    """Write each table as a partition, as a worker would, with a copy of the job."""
    job = sink.start(tables[0].schema)
    written: list[Written] = []
    for number, table in enumerate(tables):
        copy = pickle.loads(pickle.dumps(job))
        written += copy.write(number, 0, iter(table.to_batches()))
    if commit:
        job.commit(written)
    return job, written


def read(path: Path) -> list[dict]:
    source = ParquetSource.open(path)
    fragments = source.plan(Pushdown(), 1 << 30).fragments
    return [row for fragment in fragments for b in fragment.batches(1000) for row in b.to_pylist()]


def everything(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def key(row: dict) -> str:
    return repr(sorted(row.items()))


@pytest.mark.parametrize("name", FORMATS)
def test_a_name_with_the_suffix_becomes_one_file(name: str, tmp_path: Path) -> None:
    entry = FORMATS[name]
    target = tmp_path / "new" / "folder" / f"out{entry.suffixes[0]}"
    sink = entry.sink(path=target)
    assert isinstance(sink, Sink)
    assert sink.single_file
    assert sink.label == f"{name} '{target}'"
    _, written = run(sink, TABLE)
    assert [(each.rows, each.bytes > 0) for each in written] == [(4, True)]
    assert everything(target.parent) == [target.name]
    source = entry.source.open(target)
    (fragment,) = source.plan(Pushdown(), 1 << 30).fragments
    assert pa.Table.from_batches(fragment.batches(100)).to_pydict() == TABLE.to_pydict()


@pytest.mark.parametrize("name", FORMATS)
def test_another_name_becomes_a_directory(name: str, tmp_path: Path) -> None:
    entry = FORMATS[name]
    sink = entry.sink(path=tmp_path / "out")
    assert not sink.single_file
    _, written = run(sink, TABLE, TABLE)
    assert everything(tmp_path / "out") == sorted(each.target for each in written)
    assert everything(tmp_path) == ["out", *(f"out/{each.target}" for each in written)]
    assert len(written) == 2
    source = entry.source.open(tmp_path / "out")
    batches = [b for f in source.plan(Pushdown(), 1 << 30).fragments for b in f.batches(100)]
    assert sum(batch.num_rows for batch in batches) == 8


@pytest.mark.parametrize("name", [name for name in FORMATS if name != "json"])
@pytest.mark.parametrize("path", ["out", "one"])
def test_no_rows_still_leave_the_schema(name: str, path: str, tmp_path: Path) -> None:
    entry = FORMATS[name]
    target = tmp_path / (path if path == "out" else f"one{entry.suffixes[0]}")
    job = entry.sink(path=target).start(TABLE.schema)
    assert job.write(0, 0, iter([])) == []
    job.commit([])
    assert entry.source.open(target).schema.names == TABLE.column_names
    assert len(everything(tmp_path)) == (2 if path == "out" else 1)


def test_nothing_is_visible_before_commit(tmp_path: Path) -> None:
    job, _ = run(ParquetSink(path=tmp_path / "a" / "out"), TABLE, commit=False)
    visible = [path for path in everything(tmp_path / "a") if not path.startswith(".out.partita-")]
    assert visible == []
    job.abort()
    assert everything(tmp_path) == []
    job.abort()


def test_only_the_attempt_that_won_counts(tmp_path: Path) -> None:
    job = ParquetSink(path=tmp_path / "out").start(TABLE.schema)
    lost = job.write(0, 0, iter(TABLE.to_batches()))
    won = job.write(0, 1, iter(TABLE.to_batches()))
    assert lost[0].path != won[0].path
    assert lost[0].target == won[0].target
    job.commit(won)
    assert len(read(tmp_path / "out")) == 4


def test_a_crash_in_the_middle_leaves_nothing(tmp_path: Path) -> None:
    def breaking() -> Iterator[pa.RecordBatch]:
        yield TABLE.to_batches()[0]
        raise ValueError("the query failed")

    job = ParquetSink(path=tmp_path / "out").start(TABLE.schema)
    with pytest.raises(ValueError, match="the query failed"):
        job.write(0, 0, breaking())
    job.abort()
    assert everything(tmp_path) == []


CRASH = """
import os, sys, pyarrow as pa
from partita.io import ParquetSink
job = ParquetSink(path=sys.argv[1], mode="overwrite").start(pa.schema([("n", pa.int64())]))
job.write(0, 0, iter([pa.record_batch({"n": [1, 2, 3]})]))
print(os.listdir(os.path.dirname(sys.argv[1])), flush=True)
os.kill(os.getpid(), 9)
"""


def test_what_a_killed_run_leaves_is_removed_by_the_next(tmp_path: Path) -> None:
    target = tmp_path / "out"
    run(ParquetSink(path=target), TABLE)
    alive = ParquetSink(path=target, mode="overwrite").start(TABLE.schema)
    done = subprocess.run(
        [sys.executable, "-c", CRASH, str(target)], capture_output=True, text=True
    )
    assert done.returncode == -9
    assert done.stdout.count(".out.partita-") == 2
    assert len(read(target)) == 4
    assert len(list(tmp_path.glob(".out.partita-*"))) == 2
    run(ParquetSink(path=target, mode="overwrite"), TABLE.slice(0, 1))
    # The folder of a run that is alive stays.
    assert [str(path) for path in tmp_path.glob(".out.partita-*")] == [alive.staging.folder]
    alive.abort()
    assert len(read(target)) == 1


def test_modes(tmp_path: Path) -> None:
    target = tmp_path / "out"
    target.mkdir()  # an empty directory is as good as none
    run(ParquetSink(path=target), TABLE)
    with pytest.raises(SinkExists, match="mode='overwrite'"):
        ParquetSink(path=target).check(TABLE.schema)
    with pytest.raises(FileExistsError):
        ParquetSink(path=target).start(TABLE.schema)
    run(ParquetSink(path=target, mode="append"), TABLE.slice(0, 2))
    assert [row["n"] for row in read(target)] == [1, 2, 3, 4, 1, 2]
    ParquetSink(path=target, mode="append").start(TABLE.schema).commit([])
    assert len(everything(target)) == 2
    run(ParquetSink(path=target, mode="overwrite", partition_by=("k",)), TABLE)
    assert sorted(map(key, read(target))) == sorted(map(key, TABLE.to_pylist()))
    run(ParquetSink(path=tmp_path / "new", mode="append"), TABLE)
    assert everything(tmp_path)[0] == "new"
    with pytest.raises(SinkError, match="mode is one of"):
        ParquetSink(path=target, mode="replace")


def test_modes_of_one_file(tmp_path: Path) -> None:
    target = tmp_path / "out.parquet"
    run(ParquetSink(path=target), TABLE)
    with pytest.raises(SinkExists):
        ParquetSink(path=target).check(TABLE.schema)
    before = target.stat().st_ino
    run(ParquetSink(path=target, mode="overwrite"), TABLE.slice(0, 1))
    assert target.stat().st_ino != before
    assert len(read(target)) == 1
    with pytest.raises(SinkError, match="adds files to a directory"):
        ParquetSink(path=target, mode="append").check(TABLE.schema)


@pytest.mark.parametrize("name", ["out", "out.parquet"])
def test_of_two_runs_at_once_one_wins(name: str, tmp_path: Path) -> None:
    sink = ParquetSink(path=tmp_path / name)
    first, second = sink.start(TABLE.schema), sink.start(TABLE.schema)
    written = [job.write(0, 0, iter(TABLE.to_batches())) for job in (first, second)]
    second.commit(written[1])
    with pytest.raises(SinkExists):
        first.commit(written[0])
    assert len(read(tmp_path / name)) == 4
    assert not list(tmp_path.glob(".out*"))


def test_a_reader_sees_the_old_dataset_or_the_new(tmp_path: Path) -> None:
    target = tmp_path / "out"
    run(ParquetSink(path=target), pa.table({"n": np.zeros(1000)}))
    watcher = subprocess.Popen(
        [sys.executable, "-c", WATCH, str(target)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert watcher.stdout is not None
    watcher.stdout.readline()
    for number in range(1, 40):
        run(ParquetSink(path=target, mode="overwrite"), pa.table({"n": np.full(1000, number)}))
    output, _ = watcher.communicate(b"end\n", timeout=60)
    assert output.strip() == b"always there"


WATCH = """
import os, select, sys
print("ready", flush=True)
missing = 0
while not select.select([sys.stdin], [], [], 0)[0]:
    missing += not os.path.isdir(sys.argv[1])
print("always there" if not missing else f"{missing} times away")
"""


def test_overwrite_keeps_its_hands_off_other_files(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(SinkError, match=r"would remove .*notes\.txt"):
        ParquetSink(path=tmp_path, mode="overwrite").check(TABLE.schema)
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_targets_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(SinkError, match="is a file, not a directory"):
        ParquetSink(path=tmp_path / "file" / "out").check(TABLE.schema)
    with pytest.raises(SinkError, match="is a file, but a directory"):
        ParquetSink(path=tmp_path / "file", mode="overwrite").check(TABLE.schema)
    with pytest.raises(SinkError, match="/proc/partita"):
        ParquetSink(path="/proc/partita/out").start(TABLE.schema)
    with pytest.raises(ColumnNotFound, match="partition_by"):
        ParquetSink(path=tmp_path / "o", partition_by=("z",)).check(TABLE.schema)
    with pytest.raises(SinkError, match="leaves none"):
        ParquetSink(path=tmp_path / "o", partition_by=("k", "n", "x")).check(TABLE.schema)
    nested = pa.schema([("l", pa.list_(pa.int8())), ("a", pa.int8())])
    with pytest.raises(SinkError, match="no text for a folder"):
        ParquetSink(path=tmp_path / "o", partition_by=("l",)).check(nested)
    with pytest.raises(SinkError, match="CSV cannot hold"):
        CsvSink(path=tmp_path / "o").check(pa.schema([("l", pa.list_(pa.int8()))]))
    assert everything(tmp_path) == ["file"]


def test_partitioned_by_values_of_every_kind(tmp_path: Path) -> None:
    table = pa.table(
        {
            "day": [dt.date(2020, 1, 1), None, dt.date(2020, 1, 2), dt.date(2020, 1, 1)],
            "flag": [True, False, None, True],
            "code": pa.array(["x", "y", "x", None]).dictionary_encode(),
            "n": [1, 2, 3, 4],
        }
    )
    sink = ParquetSink(path=tmp_path / "out", partition_by=("day", "flag", "code"))
    _, written = run(sink, table)
    assert [each.target.rpartition("/")[0] for each in written if each.rows == 1] == [
        "day=2020-01-01/flag=true/code=x",
        "day=2020-01-01/flag=true/code=__HIVE_DEFAULT_PARTITION__",
        "day=2020-01-02/flag=__HIVE_DEFAULT_PARTITION__/code=x",
        "day=__HIVE_DEFAULT_PARTITION__/flag=false/code=y",
    ]
    rows = {row["n"]: row for row in read(tmp_path / "out")}
    assert rows[4] == {"n": 4, "day": dt.date(2020, 1, 1), "flag": "true", "code": None}
    assert rows[2]["day"] is None


NASTY = st.one_of(
    st.none(),
    st.text(max_size=12).filter(lambda text: text < "\ud800" or text.isprintable()),
    st.sampled_from(
        ["../../evil", "..", ".", "/etc/passwd", "a/../../b", "", "\x00", "k=v", "%2E"]
    ),
)


@settings(max_examples=25, deadline=None)
@given(
    values=st.lists(NASTY, min_size=1, max_size=6),
    name=st.sampled_from(["k", "../k", ".k", "/", "_"]),
)
def test_no_value_leads_out_of_the_target(
    tmp_path_factory: pytest.TempPathFactory, values: list, name: str
) -> None:
    base = tmp_path_factory.mktemp("hostile")
    try:
        table = pa.table({name: pa.array(values, pa.string()), "row": range(len(values))})
    except UnicodeEncodeError:
        return  # a lone surrogate is no text for Arrow
    run(ParquetSink(path=base / "out", partition_by=(name,)), table)
    assert [path.name for path in base.iterdir()] == ["out"]
    rows = sorted(read(base / "out"), key=lambda row: row["row"])
    read_back = [None if row[name] is None else str(row[name]) for row in rows]
    whole = {value for value in values if value is not None and value.isascii() and value.isdigit()}
    assert read_back == values or whole  # digits alone are read as numbers


def test_a_value_too_long_for_a_folder(tmp_path: Path) -> None:
    table = pa.table({"k": ["x" * 300], "n": [1]})
    job = ParquetSink(path=tmp_path / "out", partition_by=("k",)).start(table.schema)
    with pytest.raises(SinkError, match="at most 255"):
        job.write(0, 0, iter(table.to_batches()))
    job.abort()
    assert everything(tmp_path) == []


def test_a_target_that_would_lead_out_is_refused_at_commit(tmp_path: Path) -> None:
    job, (written,) = run(ParquetSink(path=tmp_path / "out"), TABLE, commit=False)
    evil = Written(path=written.path, target="../evil.parquet", rows=1, bytes=1)
    with pytest.raises(SinkError, match="leads out"):
        job.commit([evil])
    assert everything(tmp_path) == []


def test_many_values_do_not_open_many_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(partitioned, "_MOST_OPEN", 4)
    monkeypatch.setattr(partitioned, "_MOST_WAITING", 20_000)
    most = 0

    class Watched(ParquetSink):
        def open(self, path: str, schema: pa.Schema) -> partitioned.TableWriter:
            nonlocal most
            most = max(most, len([f for f in os.listdir("/proc/self/fd") if _is_part(f)]))
            return super().open(path, schema)

    def _is_part(descriptor: str) -> bool:
        try:
            return "part-" in os.readlink(f"/proc/self/fd/{descriptor}")
        except OSError:
            return False  # closed since it was listed

    rows = np.arange(20_000)
    table = pa.table({"k": rows * 7919 % 50, "n": rows})
    job = Watched(path=tmp_path / "out", partition_by=("k",)).start(table.schema)
    written = job.write(0, 0, iter(table.to_batches(max_chunksize=1000)))
    job.commit(written)
    assert 0 < most <= 5
    assert len({each.target for each in written}) == len(written)
    assert len(written) < 1000
    found = read(tmp_path / "out")
    assert sorted(row["n"] for row in found) == rows.tolist()
    assert all(row["n"] * 7919 % 50 == row["k"] for row in found)


def test_parquet_files_hold_the_logical_schema(tmp_path: Path) -> None:
    zone = pa.timestamp("us", "Europe/Paris")
    schema = pa.schema([("s", pa.string()), ("t", zone)])
    batch = pa.record_batch(
        {"s": pa.array(["x", None]).dictionary_encode(), "t": pa.array([1, None], zone)}
    )
    job = ParquetSink(path=tmp_path / "o.parquet", row_group_rows=3).start(schema)
    job.commit(job.write(0, 0, iter([batch] * 5)))
    stored = pq.ParquetFile(tmp_path / "o.parquet")
    assert stored.schema_arrow == schema
    groups = [stored.metadata.row_group(i) for i in range(stored.num_row_groups)]
    assert sum(group.num_rows for group in groups) == 10
    assert max(group.num_rows for group in groups) <= 3
    assert groups[0].column(0).compression == "ZSTD"
    assert groups[0].column(0).statistics.has_min_max
    with pytest.raises(SinkError, match="compression"):
        ParquetSink(path="x", compression="zip")


def test_ipc_with_dictionaries_that_differ(tmp_path: Path) -> None:
    schema = pa.schema([("c", pa.dictionary(pa.int32(), pa.string()))])
    batches = [
        pa.record_batch([pa.array(words).dictionary_encode()], schema=schema)
        for words in (["a", "b"], ["b", "c", None])
    ]
    sink = IpcSink(path=tmp_path / "o.arrow")
    job = sink.start(schema)
    job.commit(job.write(0, 0, iter(batches)))
    with pa.memory_map(str(tmp_path / "o.arrow")) as handle:
        table = pa.ipc.open_file(handle).read_all()
    assert table["c"].to_pylist() == ["a", "b", "b", "c", None]
    assert everything(tmp_path) == ["o.arrow"]


def test_folder_names_are_never_paths() -> None:
    with pytest.raises(PartitaError):
        folder_of({"k": "\u20ac" * 100}, "out")


def test_only_values_that_repeat_are_stored_with_a_dictionary(tmp_path: Path) -> None:
    rows = 20_000
    table = pa.table(
        {
            "id": range(rows),
            "name": [f"name {row}" for row in range(rows)],
            "kind": [f"kind {row % 50}" for row in range(rows)],
            "price": [row % 300 / 4 for row in range(rows)],
            "nothing": pa.nulls(rows, pa.string()),
        }
    )
    pt.from_arrow(table).sink_parquet(tmp_path / "a.parquet")
    stored = pq.ParquetFile(tmp_path / "a.parquet")
    group = stored.metadata.row_group(0)
    coded = {
        group.column(place).path_in_schema: group.column(place).has_dictionary_page
        for place in range(group.num_columns)
    }
    assert [coded[name] for name in ("id", "name", "kind", "price")] == [False, False, True, True]
    assert stored.read().equals(table)

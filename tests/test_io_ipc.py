"""Arrow IPC files and streams, and how a path tells its format."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from partita.engine.errors import SchemaError, SourceCorrupt, SourceNotFound
from partita.engine.source import Fragment, Pushdown, Source
from partita.io import FORMATS, CsvSource, IpcSource, ParquetSource, source_for

TABLE = pa.table({"n": np.arange(1000), "s": [f"word {i % 7}" for i in range(1000)]})


def write(path: Path, table: pa.Table = TABLE, stream: bool = False, **options: str) -> Path:
    make = pa.ipc.new_stream if stream else pa.ipc.new_file
    with make(str(path), table.schema, options=pa.ipc.IpcWriteOptions(**options)) as writer:
        writer.write_table(table, max_chunksize=100)
    return path


def table_of(source: IpcSource, size: int, columns: tuple[str, ...] | None = None) -> pa.Table:
    fragments = source.plan(Pushdown(columns=columns), size).fragments
    again = [pickle.loads(pickle.dumps(fragment)) for fragment in fragments]
    assert all(isinstance(fragment, Fragment) for fragment in again)
    return pa.Table.from_batches([b for fragment in again for b in fragment.batches(64)])


@pytest.mark.parametrize("options", [{}, {"compression": "zstd"}])
def test_a_file_in_runs_of_batches(tmp_path: Path, options: dict[str, str]) -> None:
    source = IpcSource.open(write(tmp_path / "a.arrow", **options))
    assert isinstance(source, Source)
    for size in (1000, 1 << 26):
        assert table_of(source, size).equals(TABLE)
        assert table_of(source, size, ("s", "n")).equals(TABLE.select(["s", "n"]))
        assert table_of(source, size, ("s",)).equals(TABLE.select(["s"]))
    assert len(source.plan(Pushdown(), 1000).fragments) > 3
    counted = source.plan(Pushdown(columns=()), 1 << 26).fragments
    assert sum(batch.num_rows for fragment in counted for batch in fragment.batches(64)) == 1000


def test_a_stream_and_files_with_other_columns(tmp_path: Path) -> None:
    write(tmp_path / "a.arrows", stream=True)
    write(tmp_path / "b.arrow", pa.table({"n": pa.array([1.5]), "z": ["x"]}))
    source = IpcSource.open(tmp_path)
    assert source.schema.names == ["n", "s", "z"]
    found = table_of(source, 1 << 26)
    assert found["n"].to_pylist() == [*map(float, range(1000)), 1.5]
    assert found["s"].null_count == 1
    assert len(source.plan(Pushdown(), 1 << 26).fragments) == 1
    with pytest.raises(SchemaError, match="missing_columns='insert'"):
        IpcSource.open(tmp_path, missing_columns="raise")


def test_damaged_and_changed_files(tmp_path: Path) -> None:
    path = write(tmp_path / "a.arrow")
    data = path.read_bytes()
    source = IpcSource.open(path)
    (tmp_path / "bad.arrow").write_bytes(data[: len(data) // 2])
    with pytest.raises(SourceCorrupt, match=r"bad\.arrow"):
        IpcSource.open(tmp_path)
    (tmp_path / "bad.arrow").write_bytes(b"")
    with pytest.raises(SourceCorrupt, match=r"bad\.arrow"):
        IpcSource.open(tmp_path)
    path.write_bytes(data + b" ")
    with pytest.raises(SourceCorrupt, match="has changed"):
        table_of(source, 1 << 26)


def test_the_format_is_told_by_suffix_or_content(tmp_path: Path) -> None:
    write(tmp_path / "a.arrow")
    pq.write_table(TABLE, tmp_path / "b.parquet")
    (tmp_path / "c.tsv").write_text("n\ts\n1\tx\n")
    assert isinstance(source_for(tmp_path / "a.arrow"), IpcSource)
    assert isinstance(source_for(tmp_path / "b.parquet"), ParquetSource)
    tabs = source_for(tmp_path / "c.tsv")
    assert isinstance(tabs, CsvSource)
    assert tabs.schema.names == ["n", "s"]
    (tmp_path / "b.parquet").rename(tmp_path / "data")
    assert isinstance(source_for(tmp_path / "data"), ParquetSource)
    (tmp_path / "a.arrow").rename(tmp_path / "data2")
    assert isinstance(source_for(tmp_path / "data2"), IpcSource)
    (tmp_path / "data3").write_bytes(b"\x00\x01")
    with pytest.raises(SourceNotFound, match=r"not known.*'\.parquet'"):
        source_for(tmp_path / "data3")


def test_formats_are_complete() -> None:
    for name, entry in FORMATS.items():
        assert entry.name == name
        assert entry.sink.format == name
        assert set(entry.sink.suffixes) <= set(entry.suffixes)

"""What is written is there whole or not at all, and every row once, whoever writes it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

import partita as pt
from partita import col, errors

from ..same_rows import same_bits

FORMATS: dict[str, tuple[str, Callable[[str], pt.DataFrame]]] = {
    "parquet": ("sink_parquet", pt.scan_parquet),
    "csv": ("sink_csv", pt.scan_csv),
    "json": ("sink_json", pt.scan_json),
    "ipc": ("sink_ipc", pt.scan_ipc),
}


def names(folder: Path) -> list[str]:
    """Return the files below a folder, hidden ones as well."""
    return sorted(
        os.path.relpath(os.path.join(place, name), folder)
        for place, _, files in os.walk(folder)
        for name in files
    )


@pytest.mark.parametrize("kind", FORMATS)
def test_every_row_is_written_once_and_in_order(
    session: pt.Session, dataset: Path, tmp_path: Path, kind: str
) -> None:
    sink, scan = FORMATS[kind]
    rows = pt.scan_parquet(dataset).select("key", "file").with_row_index()
    written = getattr(rows, sink)(tmp_path / "out")
    assert sum(written.to_pydict()["rows"]) == 120_000
    found = scan(str(tmp_path / "out")).select(col("index").cast("uint64"), "key").to_arrow()
    expected = rows.select(col("index").cast("uint64"), "key").to_arrow()
    assert found.equals(expected.cast(found.schema))
    # What the result tells is what is there.
    assert sorted(written.to_pydict()["path"]) == [
        str(tmp_path / "out" / name) for name in names(tmp_path / "out")
    ]


def test_one_file_is_written_in_order(session: pt.Session, dataset: Path, tmp_path: Path) -> None:
    rows = pt.scan_parquet(dataset).sort("value")
    rows.sink_parquet(tmp_path / "one.parquet")
    assert names(tmp_path) == ["one.parquet"]
    assert same_bits(pt.scan_parquet(tmp_path / "one.parquet").to_arrow(), rows.to_arrow())


def test_rows_go_where_their_values_say(session: pt.Session, dataset: Path, tmp_path: Path) -> None:
    rows = pt.scan_parquet(dataset)
    rows.sink_parquet(tmp_path / "out", partition_by="file")
    assert {name.split("/")[0] for name in names(tmp_path / "out")} == {
        f"file={number}" for number in range(6)
    }
    back = pt.scan_parquet(tmp_path / "out").group_by("file").agg(n=pt.len(), s=col("key").sum())
    straight = rows.group_by("file").agg(n=pt.len(), s=col("key").sum())
    assert back.sort("file").to_pydict() == straight.sort("file").to_pydict()


def test_modes(session: pt.Session, dataset: Path, tmp_path: Path) -> None:
    target = tmp_path / "out"
    rows = pt.scan_parquet(dataset).filter(col("file") == 1)
    rows.sink_parquet(target)
    with pytest.raises(errors.SinkExists):
        rows.sink_parquet(target)
    rows.sink_parquet(target, mode="append")
    assert len(pt.scan_parquet(target)) == 40_000
    rows.head(5).sink_parquet(target, mode="overwrite")
    assert len(pt.scan_parquet(target)) == 5
    assert os.listdir(tmp_path) == ["out"]


@pytest.mark.parametrize("mode", ["error", "overwrite", "append"])
def test_a_write_that_fails_leaves_what_was_there(
    session: pt.Session, dataset: Path, tmp_path: Path, mode: str
) -> None:
    target = tmp_path / "out"
    rows = pt.scan_parquet(dataset)
    if mode != "error":
        rows.head(7).sink_parquet(target)
    before = names(tmp_path)

    def fail(batch: pa.RecordBatch) -> Any:
        if batch["file"][0].as_py() == 5:
            raise ValueError("no such luck")
        return batch

    with pytest.raises(errors.UserFunctionError, match="no such luck"):
        rows.map_batches(fail, rows.schema).sink_parquet(target, mode=mode)
    assert names(tmp_path) == before
    if mode != "error":
        assert len(pt.scan_parquet(target)) == 7


def test_nothing_is_written_of_nothing(session: pt.Session, dataset: Path, tmp_path: Path) -> None:
    none = pt.scan_parquet(dataset).filter(col("key") < 0)
    none.sink_parquet(tmp_path / "out")
    back = pt.scan_parquet(tmp_path / "out")
    assert back.schema == none.schema
    assert len(back) == 0

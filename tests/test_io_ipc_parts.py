"""Large record batches are read part by part: the same rows, in little memory, never mapped."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

import partita as pt
from partita.engine.errors import SourceCorrupt
from partita.io import ipc, ipc_parts
from partita.io.ipc_parts import PartedFile

ROWS = 300_001


def table() -> pa.Table:
    draw = np.random.default_rng(1)
    absent = draw.random(ROWS) < 0.1
    numbers = np.arange(ROWS)
    return pa.table(
        {
            "whole": pa.array(numbers, mask=absent),
            "small": pa.array((numbers % 100).astype(np.int8)),
            "x": pa.array(draw.normal(size=ROWS), mask=draw.random(ROWS) < 0.5),
            "even": pa.array(numbers % 2 == 0, mask=absent),
            "text": pa.array([None if n % 7 == 0 else "é" * (n % 5) for n in range(ROWS)]),
            "long": pa.array([f"{n % 11}" for n in range(ROWS)], pa.large_binary()),
            "exact": pa.array(numbers, pa.int64()).cast(pa.decimal128(21, 2)),
            "day": pa.array(numbers.astype(np.int32), pa.date32()),
            "list": pa.array([[n] for n in range(ROWS)]),
            "code": pa.array(["a", "b", None][n % 3] for n in range(ROWS)).dictionary_encode(),
        }
    )


FLAT = ["whole", "small", "x", "even", "text", "long", "exact", "day"]


@pytest.fixture(scope="module")
def written() -> pa.Table:
    return table()


def write(data: pa.Table, path: Path, compression: str | None = None) -> Path:
    options = pa.ipc.IpcWriteOptions(compression=compression)
    with pa.ipc.new_file(path, data.schema, options=options) as writer:
        writer.write_table(data)
    return path


@pytest.mark.parametrize("names", [FLAT, FLAT[::-1], ["even"], ["text"]], ids=len)
@pytest.mark.parametrize("part_bytes", [1 << 12, 1 << 14, 1 << 30])
def test_the_parts_are_the_batch(
    names: list[str],
    part_bytes: int,
    written: pa.Table,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ipc_parts, "_PART_BYTES", part_bytes)
    with PartedFile(str(write(written, tmp_path / "f.arrow"))) as file:
        parts = file.parts(0, names)
        assert parts is not None
        found = pa.Table.from_batches(list(parts))
    found.validate(full=True)
    assert found.to_pydict() == written.select(names).to_pydict()
    assert (found.column(0).num_chunks > 1) == (part_bytes < 1 << 30)


@pytest.mark.parametrize(("name", "compression"), [("list", None), ("code", None), ("x", "lz4")])
def test_what_is_read_whole(
    name: str,
    compression: str | None,
    written: pa.Table,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = write(written, tmp_path / "f.arrow", compression)
    with PartedFile(str(path)) as file:
        assert file.parts(0, [name]) is None
    monkeypatch.setattr(ipc, "_PARTED_BYTES", 1 << 10)
    with pt.config.set(executor="serial"):
        found = pt.scan_ipc(path).collect().to_arrow()
    assert found.to_pydict() == written.to_pydict()


def test_a_scan_reads_parts(
    written: pa.Table, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(written.select(FLAT), tmp_path / "f.arrow")
    monkeypatch.setattr(ipc, "_PARTED_BYTES", 1 << 10)
    monkeypatch.setattr(ipc_parts, "_PART_BYTES", 1 << 18)
    with pt.config.set(executor="serial"):
        assert len(pt.scan_ipc(path)) == ROWS
        some = pt.scan_ipc(path).select("text", "whole").collect().to_arrow()
    assert some.to_pydict() == written.select(["text", "whole"]).to_pydict()


@pytest.mark.parametrize("where", ["offsets", "length"])
def test_a_batch_that_lies(where: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ipc, "_PARTED_BYTES", 1 << 10)
    path = write(pa.table({"text": ["abcd"] * 500_000}), tmp_path / "f.arrow")
    data = bytearray(path.read_bytes())
    if where == "offsets":
        # Those of the last rows, which the parts before do not see.
        place = data.rindex((4 * 400_000).to_bytes(4, "little"))
        data[place : place + 4] = (2**31 - 1).to_bytes(4, "little")
    else:
        place = data.rindex((4 * 500_000).to_bytes(8, "little"))
        data[place : place + 8] = (2**62).to_bytes(8, "little")
    path.write_bytes(data)
    with pt.config.set(executor="serial"), pytest.raises(SourceCorrupt, match=r"f\.arrow"):
        pt.scan_ipc(path).collect()


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    path = tmp_path_factory.mktemp("large") / "large.arrow"
    write(pa.table({"a": np.zeros(36_000_000)}), path)
    assert path.stat().st_size > ipc._PARTED_BYTES
    yield path
    path.unlink()


@pytest.mark.parametrize("executor", ["serial", "process"])
def test_a_large_file_is_cut_off_while_it_is_read(executor: str, large: Path) -> None:
    size = large.stat().st_size

    def cutting(batch: pa.RecordBatch) -> pa.RecordBatch:
        os.truncate(large, 1_000_000)
        return batch.slice(0, 1)

    with pt.Session(executor=executor, workers=1):
        frame = pt.scan_ipc(large)
        with pytest.raises(SourceCorrupt, match=r"large\.arrow' has changed"):
            frame.map_batches(cutting, schema=frame.schema).collect()
        # Nobody has died of it: the next query is right.
        assert pt.from_pydict({"a": [1, 2]}).select(pt.col("a").sum()).to_pydict() == {"a": [3]}
    data = pa.table({"a": np.zeros(36_000_000)})
    write(data, large)
    assert large.stat().st_size == size

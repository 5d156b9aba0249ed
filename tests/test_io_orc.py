"""ORC: stripes become partitions, only needed columns are read, what is written is read back."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import orc

from partita.engine.errors import SinkError, SourceCorrupt
from partita.engine.source import Pushdown
from partita.io import OrcSink, OrcSource

TABLE = pa.table(
    {
        "i": pa.array([1, None, 3], pa.int16()),
        "s": ["a", None, "ü"],
        "d": [dt.date(2024, 2, 29), None, dt.date(1900, 1, 1)],
        "x": [Decimal("1.50"), None, Decimal("-2.25")],
        "l": [[1, 2], None, []],
        "st": [{"a": 1}, None, {"a": None}],
        "b": [True, None, False],
        "raw": [b"\x00", None, b"x"],
    }
)


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    job = OrcSink(path=tmp_path / "out").start(TABLE.schema)
    job.commit(job.write(0, 0, iter(TABLE.to_batches())))
    source = OrcSource.open(tmp_path / "out")
    assert source.statistics().rows == 3
    (fragment,) = source.plan(Pushdown(), 1 << 20).fragments
    assert pa.Table.from_batches(fragment.batches(100)).to_pylist() == TABLE.to_pylist()


def test_stripes_are_partitions_and_columns_are_left_out(tmp_path: Path) -> None:
    table = pa.table({"i": range(200_000), "s": [str(i * 7919) for i in range(200_000)]})
    orc.write_table(table, tmp_path / "a.orc", stripe_size=65536)
    stripes = orc.ORCFile(tmp_path / "a.orc").nstripes
    assert stripes > 2
    source = OrcSource.open(tmp_path / "a.orc")
    fragments = source.plan(Pushdown(columns=("s",)), 1).fragments
    assert len(fragments) == stripes
    batches = [batch for each in fragments for batch in each.batches(1000)]
    assert all(batch.schema.names == ["s"] for batch in batches)
    assert pa.Table.from_batches(batches)["s"].to_pylist() == table["s"].to_pylist()
    none = source.plan(Pushdown(columns=()), 1 << 20).fragments
    assert sum(batch.num_rows for each in none for batch in each.batches(1000)) == 200_000


def test_what_is_no_orc_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.orc").write_bytes(b"ORC but not really" * 10)
    with pytest.raises(SourceCorrupt, match=r"a\.orc.*cannot be read as ORC"):
        OrcSource.open(tmp_path / "a.orc")
    with pytest.raises(SinkError, match="'u' is uint8, which ORC cannot hold"):
        OrcSink(path=tmp_path / "out").check(pa.schema([("u", pa.uint8())]))
    with pytest.raises(SinkError, match="compression is one of"):
        OrcSink(path=tmp_path / "out", compression="best")

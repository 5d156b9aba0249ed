"""Into how many slots an exchange is split: few where little is expected, never far too few."""

from __future__ import annotations

import math
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import partita as pt
from partita import col
from partita.engine.physical.lower_aggregate import expected_slots
from partita.engine.physical.pipeline import Pipeline, over_refs
from partita.engine.physical.stage import Ref

MiB = 2**20


def reading(size: int) -> Pipeline:
    ref = Ref(path="x", offset=0, length=size, rows=1, bytes=size)
    return over_refs([[ref]], pa.schema([("a", pa.int64())]), (), "keys")


@pytest.mark.parametrize(
    ("size", "expected", "slots"),
    [
        (160, math.inf, 10),
        (160, 160, 10),
        # Four times the guess has room.
        (160, 20, 5),
        # A guess that is far off makes slots eight times as large, and no larger.
        (160, 0, 2),
        (1600, 1, 13),
        (10, math.inf, 1),
        (0, 0, 1),
    ],
)
def test_slots_are_few_where_little_is_expected(size: int, expected: float, slots: int) -> None:
    assert expected_slots(reading(size * MiB), expected * MiB, 16 * MiB) == slots


def test_rows_that_nobody_expected_are_grouped_all_the_same(tmp_path: Path) -> None:
    rows = 60_000
    table = pa.table(
        {"key": [number * 7919 % 5_000 for number in range(rows)], "n": list(range(rows))}
    )
    pq.write_table(table, tmp_path / "n.parquet", row_group_size=3_000)
    # Each is taken to leave a part of the rows, and leaves all.
    conditions = [col("n") % number < number for number in range(2, 12)]
    frame = pt.scan_parquet(tmp_path / "n.parquet").filter(*conditions)
    cut = {"executor": "serial", "partition_bytes": 100_000, "exchange_bytes": 10_000}
    with pt.config.set(**cut):
        found = frame.group_by("key").agg(col("n").sum().alias("sum")).collect().to_pydict()
    expected = table.group_by("key").aggregate([("n", "sum")]).to_pydict()
    assert dict(zip(found["key"], found["sum"], strict=True)) == dict(
        zip(expected["key"], expected["n_sum"], strict=True)
    )

"""Rows that are kept are those of the plan, and are not made again."""

from __future__ import annotations

import gc
import os
import signal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

import partita as pt
from partita import col, errors

from ..same_rows import same_bits
from .conftest import CUTS
from .executors import Executor
from .marks import comes_true, pids, watched

ROWS = 60_000


def numbers(rows: int = ROWS) -> pt.DataFrame:
    return pt.from_pydict(
        {
            "a": np.arange(rows),
            "t": pa.array([f"text {row % 7}" for row in range(rows)]),
            "f": pa.array([None if row % 5 == 0 else row / 2 for row in range(rows)]),
        }
    )


def test_kept_rows_are_those_of_the_plan(session: pt.Session) -> None:
    frame = numbers().filter(col("a") % 3 == 1).with_columns(b=col("a") * 2)
    kept = frame.persist()
    assert kept.schema == frame.schema
    assert kept.collect().equals(frame.collect())
    assert kept.npartitions == frame.npartitions
    assert kept.npartitions is not None
    assert kept.npartitions > 3
    assert len(kept) == ROWS // 3
    for names in (["a"], ["t", "a"], ["f"], ["b", "t"]):
        assert kept.select(names).collect().equals(frame.select(names).collect())


def test_persist_runs_once_and_its_plan_is_not_run_again(
    session: pt.Session, tmp_path: Path
) -> None:
    def noted(batch: pa.RecordBatch, folder: str = str(tmp_path)) -> pa.RecordBatch:
        Path(folder, str(batch["a"][0].as_py())).touch()
        return batch

    frame = numbers().map_batches(noted, numbers().schema)
    kept = frame.persist()
    made = len(list(tmp_path.iterdir()))
    assert made > 1
    for path in tmp_path.iterdir():
        path.unlink()
    assert kept.select(pt.len()).to_pydict() == {"len": [ROWS]}
    assert kept.group_by("t").len().collect().shape == (7, 2)
    assert not list(tmp_path.iterdir())


def test_every_type_is_kept_as_it_is(session: pt.Session) -> None:
    table = pa.table(
        {
            "d": pa.array([None, 1, 2], pa.decimal128(10, 2)),
            "ns": pa.array([1, None, 3], pa.timestamp("ns", "Europe/Paris")),
            "date": pa.array([0, 1, None], pa.date32()),
            "l": pa.array([[1], None, []], pa.list_(pa.int8())),
            "c": pa.array(["x", None, "y"]).dictionary_encode(),
            "n": pa.nulls(3),
            "b": pa.array([b"1", None, b""]),
            "nan": pa.array([float("nan"), None, -0.0]),
            "s": pa.array([{"q": 1}, None, {"q": None}]),
        }
    )
    kept = pt.from_arrow(table).persist()
    assert kept.collect().equals(pt.from_arrow(table).collect())
    assert kept.filter(col("nan") > 5).to_pydict()["b"] == [b"1"]


def test_nothing_is_kept_of_nothing(session: pt.Session) -> None:
    kept = numbers(0).persist()
    assert kept.to_pydict() == {"a": [], "t": [], "f": []}
    assert kept.filter(col("a") > 1).group_by("t").len().to_pydict() == {"t": [], "len": []}
    none = numbers(10).filter(col("a") > 100).persist()
    assert none.to_pydict() == {"a": [], "t": [], "f": []}
    assert len(none) == 0


def test_kept_rows_end_with_their_session(executor: Executor) -> None:
    with executor.session():
        kept = numbers(10).persist()
    with pytest.raises(errors.ExecutionError, match="went with their session"):
        kept.collect()
    assert kept.columns == ["a", "t", "f"]
    assert "kept [10 rows" in repr(kept)


def test_a_cached_plan_is_made_once_for_all_readers(session: pt.Session, tmp_path: Path) -> None:
    def noted(batch: pa.RecordBatch, folder: str = str(tmp_path)) -> pa.RecordBatch:
        Path(folder, f"{batch['a'][0].as_py()}-{os.urandom(4).hex()}").touch()
        return batch

    frame = numbers().map_batches(noted, numbers().schema)
    made = frame.npartitions
    cached = frame.cache()
    both = pt.concat([cached.filter(col("a") < 10), cached.filter(col("a") > ROWS - 10)])
    assert both.select("a").to_pydict()["a"] == [*range(10), *range(ROWS - 9, ROWS)]
    assert len(list(tmp_path.iterdir())) == made
    assert "CACHE" in both.explain()


def test_a_checkpoint_is_a_dataset(session: pt.Session, tmp_path: Path) -> None:
    target = tmp_path / "deep" / "step"
    frame = numbers().filter(col("a") % 2 == 0)
    saved = frame.checkpoint(target)
    assert saved.collect().equals(frame.collect())
    assert saved.schema == frame.schema
    assert pt.scan_parquet(target).count().to_pydict()["a"] == [ROWS // 2]
    with pytest.raises(errors.SinkExists):
        frame.checkpoint(target)
    again = saved.head(5).checkpoint(target, overwrite=True)
    assert again.to_pydict()["a"] == [0, 2, 4, 6, 8]
    # A scan that was planned before says that its files have changed, and gives no other rows.
    one = numbers(3).checkpoint(tmp_path / "one.parquet")
    assert one.to_pydict()["a"] == [0, 1, 2]
    assert (tmp_path / "one.parquet").is_file()


def test_kept_frames_give_the_same_bits_wherever_they_were_made(session: pt.Session) -> None:
    def asked() -> pa.Table:
        kept = numbers().with_columns(x=col("f") * 0.1).persist()
        return kept.group_by("t").agg(col("x").sum()).sort("t").to_arrow()

    found = asked()
    with pt.Session(executor="serial", **CUTS):
        assert same_bits(found, asked())


def test_workers_that_die_do_not_cost_kept_rows(pool: pt.Session, tmp_path: Path) -> None:
    kept = watched(numbers(), tmp_path).persist()
    for pid in pids(tmp_path):
        os.kill(pid, signal.SIGKILL)
    assert kept.collect().equals(numbers().collect())
    assert kept.filter(col("a") < 5).to_pydict()["a"] == [0, 1, 2, 3, 4]


def test_a_failed_persist_keeps_nothing(executor: Executor, session: pt.Session) -> None:
    def fail(batch: pa.RecordBatch) -> pa.RecordBatch:
        if batch["a"][0].as_py() > ROWS // 2:
            raise ValueError("no more")
        return batch

    gc.collect()
    before = set(executor.held(session))
    with pytest.raises(errors.UserFunctionError, match="no more"):
        numbers().map_batches(fail, numbers().schema).persist()
    assert comes_true(lambda: set(executor.held(session)) <= before)

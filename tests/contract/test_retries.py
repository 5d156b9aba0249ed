"""A worker that dies costs a retry and not the answer; a task that ends all of them is named."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

import partita as pt
from partita import col, errors

from ..same_rows import same_bits
from .executors import Executor
from .marks import pids, watched

Made = Callable[[pt.DataFrame], pt.DataFrame]


def killing_once(frame: pt.DataFrame, folder: Path, number: int) -> pt.DataFrame:
    """Return the rows; the process that is the first to meet file `number` in them is killed."""

    def kill(
        batch: pa.RecordBatch, mark: str = str(folder / f"died at {number}")
    ) -> pa.RecordBatch:
        if number in batch["file"].to_pylist():
            try:
                os.close(os.open(mark, os.O_CREAT | os.O_EXCL))
            except FileExistsError:
                return batch
            os.kill(os.getpid(), signal.SIGKILL)
        return batch

    return frame.map_batches(kill, frame.schema)


PLACES: dict[str, Callable[[pt.DataFrame, Made], pt.DataFrame]] = {
    "reading": lambda frame, kill: kill(frame).group_by("key").agg(col("value").sum()),
    "behind a shuffle": lambda frame, kill: (
        kill(frame.group_by("key", "file").agg(total=col("value").sum()))
        .group_by("key")
        .agg(col("total").sum())
    ),
    "behind a join": lambda frame, kill: kill(
        frame.join(frame.unique("key", keep="any").select("key", other="value"), on="key")
    ).select("key", "value", "other"),
    "behind a sort": lambda frame, kill: kill(frame.sort("value")).with_row_index(),
}


@pytest.mark.parametrize("place", PLACES)
def test_a_killed_worker_does_not_show_in_the_answer(
    pool: pt.Session, dataset: Path, tmp_path: Path, place: str
) -> None:
    asked = PLACES[place](pt.scan_parquet(dataset), lambda same: killing_once(same, tmp_path, 3))
    with pt.config.set(broadcast_bytes="4KiB"):
        found = asked.collect().to_arrow()
        assert [path.name for path in tmp_path.iterdir()] == ["died at 3"]
        # The same plan, now that nobody is to die any more.
        assert same_bits(found, asked.collect().to_arrow())


def test_workers_killed_from_outside_do_not_show_in_a_stream(
    pool: pt.Session, dataset: Path, tmp_path: Path
) -> None:
    frame = pt.scan_parquet(dataset)
    expected = frame.sort("value").to_arrow()
    stream = watched(frame.sort("value"), tmp_path, 0.02).collect_batches()
    batches = [next(stream)]
    # What they hold of the rows is gone with them.
    for pid in pids(tmp_path):
        os.kill(pid, signal.SIGKILL)
    batches += stream
    assert same_bits(pa.Table.from_batches(batches), expected)


def test_a_death_is_told(pool: pt.Session, dataset: Path, tmp_path: Path) -> None:
    frame = pt.scan_parquet(dataset)
    profile = killing_once(frame, tmp_path, 2).collect().profile
    assert profile is not None
    assert profile.workers_lost >= 1


def test_a_task_that_ends_every_worker_is_named(
    pool: pt.Session, dataset: Path, tmp_path: Path
) -> None:
    def poison(batch: pa.RecordBatch, folder: str = str(tmp_path)) -> pa.RecordBatch:
        if batch["file"][0].as_py() == 3:
            Path(folder, f"{os.getpid()}-").touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return batch

    frame = pt.scan_parquet(dataset)
    # Nothing else has rows: those of others may be lost with the workers once too often for Dask.
    asked = frame.filter(pt.col("file") == 3).map_batches(poison, frame.schema)
    with pt.config.set(task_attempts=1), pytest.raises(errors.TaskPoisoned) as caught:
        asked.collect()
    message = str(caught.value)
    for part in ("in partition", "part-3.parquet", "poison", f"{Path(__file__).name}:"):
        assert part in message
    # The file has two partitions that do so, and Dask's own scheduler tries each four times.
    assert 1 <= len(pids(tmp_path)) <= 8
    assert frame.select(pt.len()).to_pydict() == {"len": [120_000]}


def test_a_worker_that_dies_while_it_writes_leaves_no_rows_twice(
    pool: pt.Session, dataset: Path, tmp_path: Path
) -> None:
    frame = pt.scan_parquet(dataset)
    killing_once(frame, tmp_path, 4).sink_parquet(tmp_path / "out")
    assert (tmp_path / "died at 4").exists()
    assert (
        pt.scan_parquet(tmp_path / "out")
        .sort("value")
        .collect()
        .equals(frame.sort("value").collect())
    )
    assert sorted(path.name for path in tmp_path.iterdir()) == ["died at 4", "out"]
    assert all(path.suffix == ".parquet" for path in (tmp_path / "out").iterdir())


def test_workers_that_are_killed_again_and_again(
    pool: pt.Session, dataset: Path, tmp_path: Path
) -> None:
    frame = pt.scan_parquet(dataset)
    with pt.config.set(task_attempts=20):
        over = threading.Event()
        killed: set[int] = set()

        def kill() -> None:
            while len(killed) < 4 and not over.wait(0.3):
                if new := pids(tmp_path) - killed:
                    os.kill(min(new), signal.SIGKILL)
                    killed.add(min(new))

        killer = threading.Thread(target=kill)
        killer.start()
        try:
            slow = watched(frame, tmp_path, 0.1).group_by("key").agg(col("value").sum())
            found = slow.sort("key").to_arrow()
        finally:
            over.set()
            killer.join()
        assert killed
        assert same_bits(found, slow.sort("key").to_arrow())


ROWS = 600_000
"""Of 16 bytes each in the driver's memory: more than goes along with a message."""


@pytest.mark.parametrize("place", PLACES)
def test_rows_of_the_driver_outlive_the_workers_that_had_them(
    remote: Executor, tmp_path: Path, place: str
) -> None:
    numbers = np.arange(ROWS)
    rows = {"key": numbers % 1000, "value": numbers * 7 % ROWS, "file": numbers * 6 // ROWS}
    # What is put away with a function is a large stage, which workers have from each other.
    frame = pt.from_pydict(rows)
    frame = frame.map_batches(weighed(os.urandom(200_000)), frame.schema)
    with remote.session(partition_bytes="4MiB", exchange_bytes="1MiB", broadcast_bytes="4KiB"):
        asked = PLACES[place](frame, lambda same: killing_all_once(same, tmp_path))
        found = asked.collect().to_arrow()
        assert len(pids(tmp_path)) == remote.workers
        # The same plan, now that nobody is to die any more.
        assert same_bits(found, asked.collect().to_arrow())


def weighed(weight: bytes) -> Callable[[pa.RecordBatch], pa.RecordBatch]:
    """Return a function that carries so many bytes along."""

    def same(batch: pa.RecordBatch) -> pa.RecordBatch:
        assert weight
        return batch

    return same


def killing_all_once(frame: pt.DataFrame, folder: Path) -> pt.DataFrame:
    """Return the rows; the first two processes that meet some of the later ones are killed."""

    def kill(batch: pa.RecordBatch, folder: str = str(folder)) -> pa.RecordBatch:
        if max(batch["file"].to_pylist()) >= 3 and len(os.listdir(folder)) < 2:
            Path(folder, f"{os.getpid()}-").touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return batch

    return frame.map_batches(kill, frame.schema)

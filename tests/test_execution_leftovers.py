"""What queries hold while they run, and that nothing of it is left when they are over."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

import partita as pt
from partita import col
from partita.engine.execution.events import Event, StageFinished, TaskFinished, TaskStarted
from partita.engine.execution.run_directory import RunDirectory, remove_unowned

SCHEMA = pa.schema([("key", pa.int64()), ("value", pa.float64()), ("file", pa.int32())])


def slowly(batch: pa.RecordBatch) -> pa.RecordBatch:
    time.sleep(0.02)
    return batch


def rows(root: Path) -> int:
    return len(pt.scan_parquet(root))


def files_of(session: pt.Session) -> list[str]:
    """Return the files of the session other than its locks."""
    assert session._directory is not None
    places = session._directory.memory, session._directory.disk
    names = [name for place in places for _, _, names in os.walk(place) for name in names]
    return [name for name in names if name != "lock"]


def grouped(root: Path) -> pt.DataFrame:
    return pt.scan_parquet(root).group_by("key").agg(total=col("value").sum())


def union_with_itself(root: Path) -> pt.DataFrame:
    groups = grouped(root)
    return pt.concat([groups, groups]).sort("key")


def join_with_itself(root: Path) -> pt.DataFrame:
    groups = grouped(root)
    return groups.join(groups, on="key")


def rows_behind_others(root: Path) -> pt.DataFrame:
    return pt.scan_parquet(root).slice(70_000)


def first_rows_of_many_ranges(root: Path) -> pt.DataFrame:
    return pt.scan_parquet(root).sort("value").map_batches(slowly, SCHEMA).head(10)


def rows_of_this_process(root: Path) -> pt.DataFrame:
    table = pa.table({"key": np.arange(200_000) % 7, "value": np.arange(200_000)})
    return pt.from_arrow(table).group_by("key").agg(total=col("value").sum())


@pytest.mark.parametrize(
    "made",
    [
        union_with_itself,
        join_with_itself,
        rows_behind_others,
        first_rows_of_many_ranges,
        rows_of_this_process,
    ],
)
def test_when_the_result_is_made_nothing_else_is_held(
    dataset: Path, made: Callable[[Path], pt.DataFrame]
) -> None:
    held: dict[int, list[str]] = {}
    under_way: set[str] = set()
    settings = {"partition_bytes": "256KiB", "exchange_bytes": "256KiB"}
    with pt.Session(executor="process", workers=2, **settings) as pool:

        def look(event: Event) -> None:
            if isinstance(event, TaskStarted):
                under_way.add(f"s{event.stage}-p{event.partition}-")
            elif isinstance(event, TaskFinished):
                under_way.discard(f"s{event.stage}-p{event.partition}-")
            elif isinstance(event, StageFinished):
                # A task that was cancelled may be writing yet; its worker tells when it has ended.
                own = (f"s{event.stage}-", *under_way)
                held[event.stage] = [one for one in files_of(pool) if not one.startswith(own)]

        assert sum(batch.num_rows for batch in pool.execute(made(dataset).plan, [look])) > 0
    assert held[max(held)] == []


def test_the_directories_of_a_living_session_are_not_removed(tmp_path: Path) -> None:
    directory = RunDirectory(str(tmp_path))
    remove_unowned([directory.disk, directory.memory], seconds=0)
    assert Path(directory.disk).is_dir()
    assert Path(directory.memory).is_dir()
    directory.let_go()
    remove_unowned([directory.disk, directory.memory], seconds=0)
    assert not Path(directory.disk).exists()
    assert not Path(directory.memory).exists()


def test_directories_that_another_program_removed_are_made_again(
    pool: pt.Session, dataset: Path
) -> None:
    assert rows(dataset) == 120_000
    before = pool._directory
    assert before is not None
    places = before.memory, before.disk
    for place in places:
        shutil.rmtree(place)
    assert rows(dataset) == 120_000
    assert pool._directory is before
    assert not {before.memory, before.disk} & set(places)
    assert all(Path(place).is_dir() for place in (before.memory, before.disk))

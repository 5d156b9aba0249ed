"""An error says where it happened, whoever has met it, and leaves the session as it was."""

from __future__ import annotations

import os
import re
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

import partita as pt
from partita import col, errors
from partita.engine.execution import events
from partita.engine.optimizer.optimizer import optimize

from .executors import Executor


@pytest.fixture(autouse=True)
def the_next_query_is_right(session: pt.Session, dataset: Path) -> Iterator[None]:
    yield
    assert pt.scan_parquet(dataset).select(col("file").sum()).to_pydict() == {"file": [300_000]}


def failing(dataset: Path, error: Callable[[], Exception]) -> pt.DataFrame:
    """Return rows of which the fourth file's cannot be made."""

    def fails(batch: pa.RecordBatch) -> pa.RecordBatch:
        if batch["file"][0].as_py() == 3:
            raise error()
        return batch

    frame = pt.scan_parquet(dataset)
    return frame.map_batches(fails, frame.schema)


def test_a_function_that_raises(session: pt.Session, dataset: Path) -> None:
    asked = failing(dataset, lambda: KeyError("no such thing"))
    with pytest.raises(errors.UserFunctionError) as caught:
        asked.collect()
    message = str(caught.value)
    for part in ("no such thing", "part-3.parquet", "map_batches(fails"):
        assert part in message
    # Of the file's two, whichever is the first.
    assert "in partition 6 of 12" in message or "in partition 7 of 12" in message
    # The line that raised, and the line that asked for it.
    line = failing.__code__.co_firstlineno
    assert f"{__file__}:{line + 5}" in message
    assert f"{__file__}:{line + 9}" in message
    assert isinstance(caught.value.__cause__, KeyError)
    assert not [one for one in caught.traceback if "scheduler" in str(one.path)]


def test_a_function_that_raises_behind_a_shuffle(session: pt.Session, dataset: Path) -> None:
    def fails(batch: pa.RecordBatch) -> pa.RecordBatch:
        raise ValueError("no such luck")

    totals = pt.scan_parquet(dataset).group_by("key").agg(col("value").sum())
    with pytest.raises(errors.UserFunctionError, match="no such luck") as caught:
        totals.map_batches(fails, totals.schema).sort("key").collect()
    assert "in partition" in str(caught.value)
    assert f"{Path(__file__).name}:" in str(caught.value)


def test_the_worker_is_told(executor: Executor, session: pt.Session, dataset: Path) -> None:
    seen: list[events.Event] = []
    asked = failing(dataset, lambda: ValueError("no such luck"))
    with pytest.raises(errors.UserFunctionError):
        list(session.execute(optimize(asked.plan), [seen.append]))
    (failed,) = [event for event in seen if isinstance(event, events.TaskFailed)]
    # The driver is number 0, and workers are numbered from 1.
    assert (failed.worker == 0) == executor.shares_memory
    assert failed.worker <= executor.workers
    assert failed.partition in (6, 7)
    assert isinstance(seen[-1], events.QueryFinished)
    assert seen[-1].outcome == "failed"


class Peculiar(Exception):
    """An error that only this file knows, and that cannot be made of its text."""

    def __init__(self, code: int, place: str) -> None:
        super().__init__(f"{place} has {code}")


def test_an_error_of_a_class_of_the_user(session: pt.Session, dataset: Path) -> None:
    with pytest.raises(errors.UserFunctionError, match="here has 5"):
        failing(dataset, lambda: Peculiar(5, "here")).collect()


def test_an_error_that_holds_what_cannot_travel(session: pt.Session, dataset: Path) -> None:
    def fails(batch: pa.RecordBatch) -> pa.RecordBatch:
        raise ValueError("locked", threading.Lock())

    frame = pt.scan_parquet(dataset)
    with pytest.raises(errors.UserFunctionError, match="locked"):
        frame.map_batches(fails, frame.schema).collect()


def test_a_value_that_cannot_be_computed(session: pt.Session, dataset: Path) -> None:
    with pytest.raises(errors.ComputeError) as caught:
        pt.scan_parquet(dataset).select(col("key") * 2**62).collect()
    assert re.search(r"in partition \d+ of \d+ \(.*/part-\d\.parquet", str(caught.value))


def test_a_file_that_is_gone(session: pt.Session, dataset: Path, tmp_path: Path) -> None:
    shutil.copytree(dataset, tmp_path / "data")
    frame = pt.scan_parquet(tmp_path / "data")
    gone = tmp_path / "data" / "part-4.parquet"
    gone.unlink()
    with pytest.raises(errors.SourceNotFound) as caught:
        frame.collect()
    assert str(gone) in str(caught.value)
    assert isinstance(caught.value, FileNotFoundError)


def test_a_file_that_is_damaged(session: pt.Session, dataset: Path, tmp_path: Path) -> None:
    shutil.copytree(dataset, tmp_path / "data")
    damaged = tmp_path / "data" / "part-4.parquet"
    frame = pt.scan_parquet(tmp_path / "data")
    before = os.stat(damaged)
    with damaged.open("r+b") as file:
        file.seek(4)
        file.write(b"\xff" * 100_000)
    os.utime(damaged, ns=(before.st_atime_ns, before.st_mtime_ns))
    with pytest.raises(errors.SourceCorrupt, match=r"part-4\.parquet"):
        frame.collect()


def test_what_a_function_gives_is_not_what_was_declared(session: pt.Session, dataset: Path) -> None:
    frame = pt.scan_parquet(dataset)
    with pytest.raises(errors.SchemaError, match="value"):
        frame.map_batches(lambda batch: batch.select(["key"]), frame.schema).collect()


def test_a_process_that_gets_no_memory(session: pt.Session, dataset: Path) -> None:
    def greedy(batch: pa.RecordBatch) -> Any:
        import numpy as np

        np.ones(1 << 50)
        return batch

    frame = pt.scan_parquet(dataset)
    with pytest.raises(errors.PartitaError, match=r"8\.00 PiB"):
        frame.map_batches(greedy, frame.schema).collect()


def test_a_session_that_is_closed_meanwhile(executor: Executor, dataset: Path) -> None:
    with executor.session(partition_bytes="100KiB"):
        stream = pt.scan_parquet(dataset).collect_batches()
        next(stream)
    with pytest.raises(errors.ExecutionError, match="session of this query was closed"):
        list(stream)

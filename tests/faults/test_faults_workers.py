"""Workers that die: a retry, an error that names what kills them, and a pool that goes on."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path

import psutil
import pyarrow as pa
import pytest

import partita as pt
from partita import col, errors

from .queries import query, slowly


def test_a_killed_worker_costs_a_retry_and_not_the_answer(pool: pt.Session, dataset: Path) -> None:
    expected = query(dataset).collect().to_arrow()
    helper = psutil.Process(pool.pids[-1])
    stop = threading.Event()
    killed: list[int] = []

    def kill() -> None:
        while not stop.wait(0.15) and len(killed) < 4:
            victims = [child.pid for child in helper.children() if child.pid not in killed]
            if victims:
                os.kill(victims[0], signal.SIGKILL)
                killed.append(victims[0])

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        result = query(dataset).collect()
    finally:
        stop.set()
        killer.join()
    assert killed
    assert result.to_arrow().equals(expected)
    assert result.profile.retries >= 1
    assert query(dataset).collect().to_arrow().equals(expected)


def test_a_task_that_kills_three_workers_is_named(pool: pt.Session, dataset: Path) -> None:
    def die(batch: pa.RecordBatch) -> pa.RecordBatch:
        if batch.column("file")[0].as_py() == 3:
            os.kill(os.getpid(), signal.SIGKILL)
        return batch

    frame = pt.scan_parquet(dataset)
    with pytest.raises(errors.TaskPoisoned) as caught:
        frame.map_batches(die, schema=frame.schema).collect()
    message = str(caught.value)
    assert "part-03.parquet" in message
    assert "SIGKILL" in message
    assert Path(__file__).name in message
    assert pt.scan_parquet(dataset).count().to_pydict()["key"] == [600_000]


def test_a_function_that_raises_is_named_with_its_line_and_file(
    pool: pt.Session, dataset: Path
) -> None:
    def fail(batch: pa.RecordBatch) -> pa.RecordBatch:
        if batch.column("file")[0].as_py() == 5:
            raise KeyError("no such thing")
        return batch

    frame = pt.scan_parquet(dataset)
    with pytest.raises(errors.UserFunctionError) as caught:
        frame.map_batches(fail, schema=frame.schema).collect()
    message = str(caught.value)
    assert "no such thing" in message
    assert "part-05.parquet" in message
    assert f"{Path(__file__).name}" in message
    assert "partition" in message
    assert isinstance(caught.value.__cause__, KeyError)
    assert pt.scan_parquet(dataset).filter(col("key") == 1).collect().shape[0] > 0


def test_a_function_that_cannot_travel_says_so(pool: pt.Session, dataset: Path) -> None:
    lock = threading.Lock()

    def locked(batch: pa.RecordBatch) -> pa.RecordBatch:
        with lock:
            return batch

    frame = pt.scan_parquet(dataset)
    with pytest.raises(errors.InvalidExpression, match="cannot be sent to worker processes"):
        frame.map_batches(locked, schema=frame.schema).collect()
    assert pt.scan_parquet(dataset).count().to_pydict()["key"] == [600_000]


def test_a_killed_helper_fails_one_query_and_the_next_is_right(
    pool: pt.Session, dataset: Path
) -> None:
    frame = pt.scan_parquet(dataset)
    batches = frame.map_batches(slowly, schema=frame.schema).collect_batches()
    next(batches)
    os.kill(pool.pids[-1], signal.SIGKILL)
    with pytest.raises(errors.ExecutionError, match="helper process"):
        list(batches)
    assert frame.count().to_pydict()["key"] == [600_000]

"""Workers that die: a retry, an error that names what kills them, and a pool that goes on."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

import partita as pt
from partita import col, errors

from ..contract.marks import comes_true, pids, watched
from ..patience import SOON
from .cgroups import memory_group
from .queries import query

STALL = 0.6
"""Seconds after which a task that shows no sign of life is taken for hanging, in these tests."""


@pytest.fixture(scope="module")
def pool() -> Iterator[pt.Session]:
    """One for all these tests: after each of them it has to be fit for the next."""
    settings = {"partition_bytes": "1MiB", "task_stall_seconds": STALL}
    with pt.Session(executor="process", workers=2, **settings) as session:
        yield session


def marked(dataset: Path, folder: Path) -> pt.DataFrame:
    """Return a query whose workers leave a file with each batch that they make, slowly."""
    frame = watched(pt.scan_parquet(dataset), folder, 0.05)
    return frame.group_by("key").agg(total=col("value").sum(), rows=pt.len()).sort("key")


def test_a_killed_worker_costs_a_retry_and_not_the_answer(
    pool: pt.Session, dataset: Path, tmp_path: Path
) -> None:
    stop = threading.Event()
    killed: list[int] = []

    def kill() -> None:
        while not stop.wait(0.15) and len(killed) < 4:
            # Those that are in the middle of this query.
            if victims := sorted(pids(tmp_path) - set(killed)):
                with contextlib.suppress(ProcessLookupError):  # it has ended just now
                    os.kill(victims[0], signal.SIGKILL)
                    killed.append(victims[0])

    asked = marked(dataset, tmp_path)
    killer = threading.Thread(target=kill)
    killer.start()
    try:
        result = asked.collect()
    finally:
        stop.set()
        killer.join()
    assert killed
    assert result.profile.retries >= 1
    assert result.to_arrow().equals(asked.collect().to_arrow())
    assert result.to_arrow().equals(query(dataset).collect().to_arrow())


def die_of_sigkill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def die_of_a_bad_address() -> None:
    ctypes.string_at(0)


def die_of_an_exit() -> None:
    os._exit(7)


def hang() -> None:
    threading.Event().wait()


def be_stopped() -> None:
    os.kill(os.getpid(), signal.SIGSTOP)


@pytest.mark.parametrize(
    ("deed", "told"),
    [
        (die_of_sigkill, "killed by SIGKILL"),
        (die_of_a_bad_address, "killed by SIGSEGV"),
        (die_of_an_exit, "exited with status 7"),
        (hang, "in hang: threading.Event().wait(): no batch and no CPU time for"),
        (be_stopped, "it was stopped"),
    ],
)
def test_a_task_that_three_workers_did_not_survive_is_named(
    pool: pt.Session, dataset: Path, tmp_path: Path, deed: Callable[[], None], told: str
) -> None:
    attempts = tmp_path / "attempts"

    def poison(batch: pa.RecordBatch) -> pa.RecordBatch:
        if batch.column("file")[0].as_py() == 3:
            with attempts.open("a") as file:
                file.write(f"{os.getpid()}\n")
            deed()
        return batch

    frame = pt.scan_parquet(dataset)
    assert frame.count().to_pydict()["key"] == [600_000]
    started = time.monotonic()
    with pytest.raises(errors.TaskPoisoned) as caught:
        frame.map_batches(poison, schema=frame.schema).collect()
    assert time.monotonic() - started < SOON
    message = str(caught.value)
    for part in (told, "3 workers", "part-03.parquet", "in partition", "poison"):
        assert part in message
    assert f"{Path(__file__).name}:" in message
    assert "map_batches(poison" in message
    assert len(set(attempts.read_text().split())) == 3
    assert frame.count().to_pydict()["key"] == [600_000]
    assert len(pool.pids) == 3


def test_a_task_that_the_system_kills_for_want_of_memory_is_named(
    pool: pt.Session, dataset: Path
) -> None:
    with memory_group(limit=64 << 20) as group:
        joining = str(group / "cgroup.procs")

        def grow(batch: pa.RecordBatch) -> pa.RecordBatch:
            if batch.column("file")[0].as_py() == 3:
                with open(joining, "w") as file:
                    file.write(str(os.getpid()))
                np.ones(32 << 20)  # 256 MiB
            return batch

        frame = pt.scan_parquet(dataset)
        with pytest.raises(
            errors.TaskPoisoned, match=r"SIGKILL, perhaps .* want of memory"
        ) as told:
            frame.map_batches(grow, schema=frame.schema).collect()
        assert "part-03.parquet" in str(told.value)
        assert frame.count().to_pydict()["key"] == [600_000]


def test_a_task_that_is_hit_by_what_ends_other_workers_too_is_not_blamed(
    pool: pt.Session, dataset: Path, tmp_path: Path
) -> None:
    def unlucky(batch: pa.RecordBatch) -> pa.RecordBatch:
        number = batch.column("file")[0].as_py()
        for attempt in range(4 if number == 11 else 1):
            hit = tmp_path / f"{number}-{attempt}"
            if not hit.exists():
                hit.touch()
                die_of_sigkill()
        return batch

    frame = pt.scan_parquet(dataset)
    result = frame.map_batches(unlucky, schema=frame.schema).group_by("file").len().collect()
    assert sorted(result.to_pydict()["len"]) == [50_000] * 12
    assert result.profile.retries >= 15


def test_what_is_slow_is_not_taken_for_hanging(pool: pt.Session, dataset: Path) -> None:
    def naps(batch: pa.RecordBatch) -> pa.RecordBatch:
        time.sleep(STALL / 2)  # before each of five batches
        return batch

    def computes(batch: pa.RecordBatch) -> pa.RecordBatch:
        end = time.monotonic() + 2 * STALL
        while time.monotonic() < end:
            pass
        return batch

    def waits_for_another(batch: pa.RecordBatch) -> pa.RecordBatch:
        work = "import time\nend = time.time() + 1.2\nwhile time.time() < end: pass"
        subprocess.run([sys.executable, "-S", "-c", work], check=True)
        return batch

    frame = pt.scan_parquet(dataset / "part-03.parquet")
    for function, rows in ((naps, 10_000), (computes, 50_000), (waits_for_another, 50_000)):
        with pt.config.set(batch_rows=rows):
            result = frame.map_batches(function, schema=frame.schema).collect()
        assert result.shape == (50_000, 3)
        assert result.profile.retries == 0


def test_what_nobody_looked_at_is_not_taken_for_hanging(pool: pt.Session, dataset: Path) -> None:
    # The workers fill their sockets and wait while this process does something else.
    files = [dataset / f"part-0{number}.parquet" for number in range(3)]
    with pt.config.set(batch_rows=200, chunk_bytes="1KiB"):
        batches = pt.scan_parquet(files).collect_batches()
        rows = next(batches).num_rows
        for _ in range(2):
            time.sleep(2 * STALL)
            rows += next(batches).num_rows
        assert rows + sum(batch.num_rows for batch in batches) == 150_000


def test_a_stopped_worker_is_replaced(pool: pt.Session, dataset: Path, tmp_path: Path) -> None:
    expected = query(dataset).collect().to_arrow()

    def stop() -> None:
        assert comes_true(lambda: bool(pids(tmp_path)))
        os.kill(min(pids(tmp_path)), signal.SIGSTOP)

    stopper = threading.Thread(target=stop)
    stopper.start()
    result = marked(dataset, tmp_path).collect()
    stopper.join()
    assert result.to_arrow().equals(expected)
    assert result.profile.retries >= 1
    os.kill(pool.pids[0], signal.SIGSTOP)  # and one that has nothing to do
    assert query(dataset).collect().to_arrow().equals(expected)


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


def test_a_killed_helper_costs_a_retry_and_not_the_answer(
    pool: pt.Session, dataset: Path, tmp_path: Path
) -> None:
    expected = query(dataset).collect().to_arrow()
    batches = pt.scan_parquet(dataset).select("value").collect_batches()
    seen = next(batches).num_rows
    helper = pool.pids[-1]

    def kill() -> None:
        assert comes_true(lambda: bool(pids(tmp_path)))
        os.kill(helper, signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    result = marked(dataset, tmp_path).collect()
    killer.join()
    assert result.to_arrow().equals(expected)
    assert result.profile.retries >= 1
    # And a query that had been left in the middle goes on.
    assert seen + sum(batch.num_rows for batch in batches) == 600_000
    assert len(pool.pids) == 3


@pytest.mark.soak
def test_a_task_that_ends_the_helper_is_named(pool: pt.Session, dataset: Path) -> None:
    def patricide(batch: pa.RecordBatch) -> pa.RecordBatch:
        if batch.column("file")[0].as_py() == 3:
            os.kill(os.getppid(), signal.SIGKILL)
            hang()
        return batch

    frame = pt.scan_parquet(dataset / "part-03.parquet")
    with pytest.raises(errors.TaskPoisoned, match="helper process that had forked it") as told:
        frame.map_batches(patricide, schema=frame.schema).collect()
    assert "part-03.parquet" in str(told.value)
    assert pt.scan_parquet(dataset).count().to_pydict()["key"] == [600_000]

"""Faults that happen for real: dead workers, dead drivers, interrupts, functions that raise."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import partita as pt
from partita import col, errors
from partita.engine.execution import session as sessions


@pytest.fixture
def pool() -> Iterator[pt.Session]:
    """Two workers, and tasks small enough that there are many."""
    with pt.Session(executor="process", workers=2, partition_bytes="1MiB") as session:
        yield session


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """12 files of numbers, and keys of which some occur much more often than others."""
    root = tmp_path_factory.mktemp("numbers")
    random = np.random.default_rng(7)
    for number in range(12):
        table = pa.table(
            {
                "key": random.zipf(1.5, 50_000) % 1000,
                "value": random.normal(size=50_000),
                "file": pa.array([number] * 50_000, pa.int32()),
            }
        )
        pq.write_table(table, root / f"part-{number:02d}.parquet", row_group_size=25_000)
    return root


def slowly(batch: pa.RecordBatch) -> pa.RecordBatch:
    time.sleep(0.05)
    return batch


def query(root: Path) -> pt.DataFrame:
    return (
        pt.scan_parquet(root)
        .map_batches(slowly, schema=pq.read_schema(root / "part-00.parquet"))
        .group_by("key")
        .agg(total=col("value").sum(), rows=pt.len())
        .sort("key")
    )


def living(pids: list[str]) -> list[str]:
    """Return those of the processes that run; one that waits to be reaped does not."""

    def lives(pid: int) -> bool:
        try:
            return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return False

    return [pid for pid in pids if lives(int(pid))]


def await_end(pids: list[str], seconds: float) -> list[str]:
    """Wait until none of the processes runs; return those that still do after `seconds`."""
    deadline = time.monotonic() + seconds
    while living(pids) and time.monotonic() < deadline:
        time.sleep(0.02)
    return living(pids)


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


def test_a_closed_iterator_frees_the_workers_and_its_space(pool: pt.Session, dataset: Path) -> None:
    frame = pt.scan_parquet(dataset)
    batches = frame.map_batches(slowly, schema=frame.schema).collect_batches()
    assert next(batches).num_rows > 0
    started = time.monotonic()
    batches.close()
    assert time.monotonic() - started < 2
    directory = Path(pool._directory.memory)
    assert [place.name for place in directory.rglob("*") if place.is_file()] == ["lock"]
    assert frame.count().to_pydict()["key"] == [600_000]


def test_a_query_inside_the_batches_of_another(pool: pt.Session, dataset: Path) -> None:
    frame = pt.scan_parquet(dataset)
    seen = 0
    for number, batch in enumerate(frame.collect_batches()):
        seen += batch.num_rows
        if number < 3:
            assert frame.filter(col("file") == 2).count().to_pydict()["key"] == [50_000]
    assert seen == 600_000


def test_queries_from_several_threads(pool: pt.Session, dataset: Path) -> None:
    expected = query(dataset).collect().to_arrow()
    results: list[bool] = []

    def ask() -> None:
        results.append(query(dataset).collect().to_arrow().equals(expected))

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [True, True, True]


SCRIPT = """
    import sys
    import partita as pt
    from partita import col

    pt.config.set(executor="process", workers=2, partition_bytes="1MiB")
    frame = pt.scan_parquet(sys.argv[1])
    print(frame.map_batches(lambda batch: batch, schema=frame.schema)
          .filter(col("file") == 3).count().to_pydict()["key"])
"""


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONUNBUFFERED": "1"}


def test_an_unguarded_script_runs_on_the_pool(dataset: Path, tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(textwrap.dedent(SCRIPT))
    done = subprocess.run(
        [sys.executable, str(script), str(dataset)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=environment(),
    )
    assert (done.stdout, done.stderr, done.returncode) == ("[50000]\n", "", 0)


def test_a_script_from_standard_input_runs_on_the_pool(dataset: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-", str(dataset)],
        input=textwrap.dedent(SCRIPT),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=tmp_path,
        env=environment(),
    )
    assert (done.stdout, done.stderr, done.returncode) == ("[50000]\n", "", 0)


LONG_SCRIPT = """
    import sys, time
    import partita as pt

    pt.config.set(executor="process", workers=2, partition_bytes="1MiB")
    frame = pt.scan_parquet(sys.argv[1])

    def slowly(batch):
        time.sleep(1)
        return batch

    from partita.engine.execution.session import current
    *workers, helper = current().pids
    directory = current()._directory
    print(*workers, helper, directory.memory, directory.disk, flush=True)
    try:
        frame.map_batches(slowly, schema=frame.schema).count().collect()
    except KeyboardInterrupt:
        print("interrupted", flush=True)
    print(frame.count().to_pydict()["key"], flush=True)
"""


def start_long_script(dataset: Path, folder: Path) -> tuple[subprocess.Popen[str], list[str]]:
    script = folder / "long.py"
    script.write_text(textwrap.dedent(LONG_SCRIPT))
    process = subprocess.Popen(
        [sys.executable, str(script), str(dataset)],
        stdout=subprocess.PIPE,
        text=True,
        env=environment(),
    )
    assert process.stdout is not None
    return process, process.stdout.readline().split()


def test_a_killed_driver_leaves_no_worker_and_no_file(dataset: Path, tmp_path: Path) -> None:
    process, (*pids, memory, disk) = start_long_script(dataset, tmp_path)
    assert len(pids) == 3
    time.sleep(1)
    process.kill()
    process.wait()
    assert await_end(pids, 3) == []
    # The helper has removed the directories; had it been killed as well, the next start would.
    with pt.Session(executor="process", workers=1) as session:
        session.executor("process")
        assert not Path(memory).exists()
        assert not Path(disk).exists()


def test_the_next_start_removes_what_a_killed_session_left(dataset: Path, tmp_path: Path) -> None:
    process, (*pids, memory, disk) = start_long_script(dataset, tmp_path)
    time.sleep(0.5)
    # The helper goes while the driver stands still, so that neither can clean up.
    process.send_signal(signal.SIGSTOP)
    os.kill(int(pids[-1]), signal.SIGKILL)
    process.kill()
    process.wait()
    assert Path(memory).exists()
    with pt.Session(executor="process", workers=1) as session:
        session.executor("process")
        assert not Path(memory).exists()
        assert not Path(disk).exists()
    assert await_end(pids, 3) == []


def test_an_interrupt_gives_control_back_and_the_next_query_is_right(
    dataset: Path, tmp_path: Path
) -> None:
    process, (*pids, _, _) = start_long_script(dataset, tmp_path)
    time.sleep(1)
    process.send_signal(signal.SIGINT)
    started = time.monotonic()
    assert process.stdout is not None
    assert process.stdout.readline() == "interrupted\n"
    assert time.monotonic() - started < 3
    assert process.stdout.readline() == "[600000]\n"
    assert process.wait(10) == 0
    assert await_end(pids, 3) == []


def test_a_forked_child_has_its_own_session(pool: pt.Session, dataset: Path) -> None:
    frame = pt.scan_parquet(dataset)
    assert frame.count().to_pydict()["key"] == [600_000]
    child = os.fork()
    if child == 0:
        status = 1
        try:
            # The parent's workers must not be spoken to from here.
            status = 0 if sessions.current() is not pool else 2
        finally:
            os._exit(status)
    _, status = os.waitpid(child, 0)
    assert status == 0
    assert frame.count().to_pydict()["key"] == [600_000]


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

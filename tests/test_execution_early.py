"""The pool starts beside the script when it scans files, and leaves nothing behind."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import partita as pt
from partita.engine.execution.executors.fork_server import CLOSE_SECONDS

from .faults.processes import await_end
from .patience import SOON


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("early") / "rows.parquet"
    pq.write_table(pa.table({"a": range(1000)}), path)
    return path


@pytest.fixture
def session() -> Iterator[pt.Session]:
    with pt.Session(workers=1, small_query_bytes=1) as session:
        yield session


def test_a_scan_starts_the_pool_and_waits_for_nothing(session: pt.Session, file: Path) -> None:
    assert session._executors == {}
    frame = pt.scan_parquet(file)
    pool = session._executors["process"]
    assert pool._pool.helper.fileno() > 0
    assert frame.select(pt.col("a").sum()).to_pydict() == {"a": [sum(range(1000))]}
    assert session._executors["process"] is pool


def test_a_scan_of_little_data_starts_nothing(file: Path) -> None:
    with pt.Session(workers=1) as session:
        assert pt.scan_parquet(file).count().to_pydict() == {"a": [1000]}
        assert "process" not in session._executors


@pytest.mark.parametrize("settings", [{"executor": "serial"}, {"start_early": False}])
def test_a_scan_starts_nothing_where_the_settings_say_so(
    settings: dict[str, object], file: Path
) -> None:
    with pt.Session(workers=1, small_query_bytes=1, **settings) as session:
        pt.scan_parquet(file)
        assert session._executors == {}


def test_rows_in_memory_start_nothing(session: pt.Session) -> None:
    pt.from_pydict({"a": [1, 2]})
    assert session._executors == {}


def test_where_it_cannot_start_the_query_says_so(file: Path, tmp_path: Path) -> None:
    nowhere = tmp_path / "file"
    nowhere.write_text("")
    with pt.Session(workers=1, small_query_bytes=1, run_directory=str(nowhere)):
        frame = pt.scan_parquet(file)
        with pytest.raises(pt.errors.ExecutionError, match="run directory"):
            frame.collect()


def test_a_pool_that_still_starts_is_ended_at_once(file: Path) -> None:
    with pt.Session(workers=2, small_query_bytes=1) as session:
        pt.scan_parquet(file)
        helper = psutil.Process(session._executors["process"]._pool.helper.pid)
        helper.suspend()  # so that it never comes to the end of its imports
        started = time.monotonic()
    # It was not waited for until it hears that it is to end.
    assert time.monotonic() - started < CLOSE_SECONDS
    assert not helper.is_running()


SCRIPT = """
import os, sys
import partita as pt
pt.config.set(workers=2, small_query_bytes=1)
pt.scan_parquet(sys.argv[1])
from partita.engine.execution.session import current
pool = current()._executors["process"]
print(pool._pool.helper.pid, current()._directory.memory, current()._directory.disk, flush=True)
{end}
"""


@pytest.mark.parametrize(
    "end", ["", "pool.pids", "os.kill(os.getpid(), 9)", "pool.pids; os.kill(os.getpid(), 9)"]
)
def test_a_script_that_never_asks_leaves_no_process_and_no_file(file: Path, end: str) -> None:
    run = subprocess.run(
        [sys.executable, "-c", SCRIPT.format(end=end), str(file)],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert run.stderr == ""
    assert run.returncode == (-9 if "kill" in end else 0)
    helper, *places = run.stdout.split()
    # It removes them, and then it ends.
    assert await_end([int(helper)], SOON) == []
    assert not any(map(os.path.exists, places))


def scan_in_child(path: str, answers: multiprocessing.SimpleQueue[bool]) -> None:
    with pt.Session(workers=1, small_query_bytes=1) as session:
        pt.scan_parquet(path)
        answers.put(bool(session._executors))


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_a_process_that_works_for_another_starts_nothing(file: Path, method: str) -> None:
    context = multiprocessing.get_context(method)
    answers = context.SimpleQueue()
    child = context.Process(target=scan_in_child, args=(str(file), answers))
    child.start()
    child.join(60)
    assert child.exitcode == 0
    assert answers.get() is False


def test_a_forked_child_starts_nothing(file: Path) -> None:
    read, write = os.pipe()
    pid = os.fork()
    if not pid:
        try:
            with pt.Session(workers=1, small_query_bytes=1) as session:
                pt.scan_parquet(file)
                os.write(write, str(len(session._executors)).encode())
        finally:
            os._exit(0)
    os.close(write)
    os.waitpid(pid, 0)
    assert os.read(read, 10) == b"0"
    os.close(read)

"""Threads, forks and scripts beside a session: each gets its own, right answer."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pyarrow as pa
import pytest

import partita as pt
from partita import col
from partita.engine.execution import session as sessions

from .processes import environment
from .queries import query


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


def kill_some(over: threading.Event, killed: list[int], seed: int) -> None:
    """Kill a worker of this process every so often, and one time in five the helper."""
    choice = random.Random(seed)
    driver = psutil.Process()
    while not over.wait(choice.uniform(0.3, 1.0)):
        with contextlib.suppress(psutil.NoSuchProcess, ProcessLookupError):
            # One that only just starts is left alone: nothing would ever run.
            workers = {
                child.pid: helper
                for helper in driver.children()
                for child in helper.children()
                if "forkserver" in " ".join(helper.cmdline())
            }
            if workers:
                victim = choice.choice(sorted(workers))
                victim = workers[victim].pid if choice.random() < 0.2 else victim
                os.kill(victim, signal.SIGKILL)
                killed.append(victim)


@pytest.mark.parametrize(
    "rounds", [1, pytest.param(25, marks=[pytest.mark.soak, pytest.mark.timeout(1200)])]
)
def test_eight_threads_ask_while_workers_and_helpers_are_killed(
    pool: pt.Session, dataset: Path, rounds: int
) -> None:
    asked = [
        query(dataset),
        pt.scan_parquet(dataset).sort("value", "key"),
        pt.scan_parquet(dataset).group_by("file").agg(rows=pt.len()).sort("file"),
    ]
    expected = [frame.collect().to_arrow() for frame in asked]
    right: list[bool] = []
    killed: list[int] = []
    over = threading.Event()

    def ask(number: int) -> None:
        for turn in range(rounds):
            kind = (number + turn) % len(asked)
            right.append(asked[kind].collect().to_arrow().equals(expected[kind]))

    killer = threading.Thread(target=kill_some, args=(over, killed, rounds))
    killer.start()
    threads = [threading.Thread(target=ask, args=(number,)) for number in range(8)]
    began = time.monotonic()
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        over.set()
        killer.join()
    print(f"\n{len(right)} queries, {len(killed)} kills, {time.monotonic() - began:.0f} s")
    assert right == [True] * (8 * rounds)
    assert killed
    assert len(pool.pids) == 3


SCRIPT = """
    import sys
    import partita as pt
    from partita import col

    pt.config.set(executor="process", workers=2, partition_bytes="1MiB")
    frame = pt.scan_parquet(sys.argv[1])
    print(frame.map_batches(lambda batch: batch, schema=frame.schema)
          .filter(col("file") == 3).count().to_pydict()["key"])
"""


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


def status_of_child(work: Callable[[], bool]) -> int:
    """Fork; return the status of the child, which ends well if `work` gives True there."""
    child = os.fork()
    if child == 0:
        signal.alarm(40)  # what waits for ever is ended, and seen
        right = False
        try:
            right = work()
        finally:
            os._exit(0 if right else 1)
    return os.waitpid(child, 0)[1]


def test_a_forked_child_has_workers_of_its_own(pool: pt.Session, dataset: Path) -> None:
    def count() -> bool:
        own = sessions.current()
        try:
            return len(pt.scan_parquet(dataset)) == 600_000 and own is not pool
        finally:
            own.close()

    batches = pt.scan_parquet(dataset).collect_batches()
    rows = next(batches).num_rows
    before = pool.pids
    with pt.config.set(executor="process", workers=1):
        assert status_of_child(count) == 0
    assert rows + sum(batch.num_rows for batch in batches) == 600_000
    assert pool.pids == before


def test_forks_while_other_threads_ask(pool: pt.Session, dataset: Path) -> None:
    def asked(root: Path) -> pa.Table:
        return pt.scan_parquet(root).group_by("file").agg(rows=pt.len()).sort("file").to_arrow()

    def alone() -> bool:
        with pt.Session(executor="serial"):
            return asked(dataset).equals(expected)

    expected = asked(dataset)
    over = threading.Event()
    wrong: list[pa.Table] = []

    def ask() -> None:
        while not over.is_set():
            found = asked(dataset)
            if not found.equals(expected):
                wrong.append(found)

    threads = [threading.Thread(target=ask) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        statuses = [status_of_child(alone) for _ in range(6)]
    finally:
        over.set()
        for thread in threads:
            thread.join()
    assert statuses == [0] * 6
    assert wrong == []


POOLS = """
    import multiprocessing, sys
    import partita as pt

    def rows(number):
        return len(pt.scan_parquet(f"{sys.argv[1]}/part-0{number}.parquet"))

    if __name__ == "__main__":
        pt.config.set(executor="process", workers=1)
        print(len(pt.scan_parquet(sys.argv[1])))
        for method in ("fork", "spawn"):
            with multiprocessing.get_context(method).Pool(2) as pool:
                print(pool.map(rows, range(4)))
        print(len(pt.scan_parquet(sys.argv[1])))
"""


def test_a_pool_of_multiprocessing_beside_a_session(dataset: Path, tmp_path: Path) -> None:
    script = tmp_path / "pools.py"
    script.write_text(textwrap.dedent(POOLS))
    done = subprocess.run(
        [sys.executable, "-W", "error", str(script), str(dataset)],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
        env=environment(),
    )
    parts = "[50000, 50000, 50000, 50000]\n"
    assert (done.stdout, done.stderr) == ("600000\n" + 2 * parts + "600000\n", "")
    assert done.returncode == 0

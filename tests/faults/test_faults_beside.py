"""Threads, forks and scripts beside a session: each gets its own, right answer."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

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

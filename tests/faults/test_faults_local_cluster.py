"""A cluster that is started for a script: whoever runs it, and however it ends."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import uuid
from pathlib import Path

import pytest

from ..patience import SOON
from .processes import await_end, environment, with_variable

MARK = "PARTITA_TESTS_CLUSTER"
SCRIPT = textwrap.dedent("""
    import partita as pt

    print("once")
    pt.config.set(executor="dask", workers=2, progress="off")
    frame = pt.range(1_000).with_columns(k=pt.col("id") % 3)
    print(frame.map_batches(lambda batch: batch).group_by("k").agg(n=pt.len()).sort("k").to_dicts())
""")
EXPECTED = "once\n[{'k': 0, 'n': 334}, {'k': 1, 'n': 333}, {'k': 2, 'n': 333}]\n"


@pytest.mark.parametrize("given", ["file", "standard input"])
def test_a_script_without_a_guard(given: str, tmp_path: Path) -> None:
    mark = uuid.uuid4().hex
    path = tmp_path / "script.py"
    path.write_text(SCRIPT)
    done = subprocess.run(
        [sys.executable, str(path) if given == "file" else "-"],
        input="" if given == "file" else SCRIPT,
        capture_output=True,
        text=True,
        env={**environment(), MARK: mark},
        timeout=100,
    )
    assert (done.stdout, done.stderr, done.returncode) == (EXPECTED, "", 0)
    assert not await_end(with_variable(MARK, mark), SOON)


def test_a_killed_driver_leaves_no_worker() -> None:
    mark = uuid.uuid4().hex
    script = f"{SCRIPT}\nimport time\ntime.sleep(100)"
    with subprocess.Popen(
        [sys.executable, "-c", script],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**environment(), MARK: mark},
    ) as driver:
        assert driver.stdout is not None
        driver.stdout.readline()
        assert driver.stdout.readline()
        assert len(with_variable(MARK, mark)) > 4
        driver.kill()
    assert not await_end(with_variable(MARK, mark), SOON)

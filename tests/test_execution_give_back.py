"""Workers give back what a query has left, and hold no pages of the compiler."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import partita as pt

MiB = 2**20
LEFT = 200 * MiB


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("give_back") / "rows.parquet"
    pq.write_table(pa.table({"a": np.arange(1000)}), path)
    return path


def leave_memory(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Return how much this process held when much of it was free again, and its number."""
    # Below the size that malloc maps by itself and gives back at once, as a query's arrays are.
    blocks = [np.ones(50 * MiB // 8) for _ in range(LEFT // (50 * MiB))]
    # What was allocated last does not let the end of the heap go down.
    last = np.ones(MiB // 8)
    blocks.clear()
    held = psutil.Process().memory_info().rss
    del last
    return pa.record_batch({"pid": [os.getpid()], "held": [held]})


def test_an_idle_worker_gives_back_what_a_query_left(file: Path) -> None:
    with pt.Session(executor="process", workers=1):
        schema = pa.schema({"pid": pa.int64(), "held": pa.int64()})
        rows = pt.scan_parquet(file).map_batches(leave_memory, schema).to_pydict()
        (pid,), (held,) = rows["pid"], rows["held"]
        worker = psutil.Process(pid)
        until = time.monotonic() + 20
        while worker.memory_info().rss > held - LEFT * 3 // 4 and time.monotonic() < until:
            time.sleep(0.02)
        assert worker.memory_info().rss <= held - LEFT * 3 // 4
        # It is the same worker, and it works.
        again = pt.scan_parquet(file).map_batches(leave_memory, schema).to_pydict()
        assert again["pid"] == [pid]


DROPS = """
import re
from llvmlite import binding
from partita.engine.execution import give_back
from partita.engine.physical.kernels import jit

def resident():
    found, total = False, 0
    for line in open("/proc/self/smaps"):
        if re.match("[0-9a-f]+-[0-9a-f]+ ", line):
            found = line.rstrip().endswith(jit.COMPILER)
        elif found and line.startswith("Rss:"):
            total += int(line.split()[1])
    return total

def compiled():
    import numba
    return numba.njit(lambda a, b: a * 3 + b)(4, 5)

assert compiled() == 17
before = resident()
give_back.library_pages(jit.COMPILER)
after = resident()
assert compiled() == 17
print(before, after)
"""


def test_pages_of_the_compiler_go_and_come_back_when_it_is_used() -> None:
    run = subprocess.run(
        [sys.executable, "-c", DROPS], capture_output=True, text=True, check=True, timeout=60
    )
    before, after = map(int, run.stdout.split())
    assert before > 20_000
    # What relocation has written to is the process's own and stays.
    assert after < before / 2


def test_a_worker_holds_no_pages_of_the_compiler(file: Path) -> None:
    with pt.Session(executor="process", workers=1) as session:
        assert pt.scan_parquet(file).select(pt.col("a").sum()).to_pydict() == {"a": [499500]}
        for pid in session.pids:
            maps = psutil.Process(pid).memory_maps()
            compiler = sum(m.rss for m in maps if m.path.endswith("libllvmlite.so"))
            assert compiler < 20 * MiB

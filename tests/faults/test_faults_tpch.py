"""TPC-H while workers are killed: the same bits, however often it happens."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import partita as pt

from ..same_rows import same_bits
from .killing import killing

# the benchmarks are part of the repository and not of the package: nothing installs them
sys.path.append(str(Path(__file__).resolve().parents[2]))

from benchmarks.harness.engines.partita import Partita
from benchmarks.harness.suite import Tables
from benchmarks.tpch.dataset import TABLES, Dataset, existing, generated
from benchmarks.tpch.queries import queries

NUMBERS = range(1, 23)

SETTINGS = {"executor": "process", "workers": 2, "partition_bytes": "512KiB"}
"""Under which every large table has many partitions."""

PIECES = 24
"""Into so many row groups each table is cut."""


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep every generated dataset of this file in a directory of its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


def cut(data: Dataset, directory: Path) -> Dataset:
    """Return the tables in many row groups, so that no task is so long that it is hit thrice."""
    for table in TABLES:
        rows = pq.read_table(data.path(table))
        size = max(100, rows.num_rows // PIECES)
        pq.write_table(rows, directory / f"{table}.parquet", row_group_size=size)
    return existing(directory)


def answer(number: int, data: Dataset) -> pa.Table:
    return queries("partita")[number](Tables(Partita(), data)).collect().to_arrow()


def answers_under_fire(
    data: Dataset, kills: int, between: tuple[float, float], settings: dict[str, object]
) -> tuple[int, float]:
    """Run all queries, again and again, until so many workers were killed.

    Returns how many queries were run, and how much longer they took than undisturbed.
    """
    with pt.Session(**settings) as pool:
        expected, seconds = {}, {}
        for number in NUMBERS:
            answer(number, data)  # files are listed, footers and kernels are loaded
            started = time.monotonic()
            expected[number] = answer(number, data)
            seconds[number] = time.monotonic() - started
        run, usual, taken = 0, 0.0, 0.0
        with killing(pool, between) as killer:
            while len(killer.killed) < kills:
                number = NUMBERS[run % len(NUMBERS)]
                started = time.monotonic()
                found = answer(number, data)
                taken += time.monotonic() - started
                usual += seconds[number]
                run += 1
                assert same_bits(found, expected[number]), f"query {number}"
        assert len(pool.pids) == 3
    return run, taken / usual


def test_a_few_workers_are_killed_under_tpch(tmp_path: Path) -> None:
    # So often that on a busy machine the same task may be hit many times, and is not to blame.
    hasty = {**SETTINGS, "task_attempts": 30}
    data = cut(generated(0.02, "double"), tmp_path)
    run, _ = answers_under_fire(data, 6, (0.05, 0.3), hasty)
    assert run > 0


@pytest.mark.soak
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("shuffled", [False, True])
def test_a_hundred_workers_are_killed_under_tpch(shuffled: bool, tmp_path: Path) -> None:
    more = {"broadcast_bytes": 0, "exchange_bytes": "1MiB"} if shuffled else {}
    data = cut(generated(0.1, "double"), tmp_path)
    run, ratio = answers_under_fire(data, 100, (0.3, 1.0), {**SETTINGS, **more})
    print(
        f"\n{shuffled=}: 100 kills in {run} queries, {ratio:.2f} times the time of undisturbed ones"
    )

"""Writes of a pool whose driver is killed, or which meet: all rows of a write, or none."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
import uuid
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import partita as pt

from ..patience import SOON
from .pool_writes import numbered
from .processes import await_end, environment, with_variable

MARK = "PARTITA_TESTS_WRITER"
SCRIPT = Path(__file__).with_name("pool_writes.py")


class Writer:
    """A driver whose pool writes without end."""

    def __init__(self, source: Path, target: Path, mode: str, first: int) -> None:
        self.mark = uuid.uuid4().hex
        command = [sys.executable, str(SCRIPT), str(source), str(target), mode, str(first)]
        self._process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**environment(), MARK: self.mark},
        )
        self.told: list[tuple[int, str]] = []

    def wait_for(self, *states: str) -> tuple[int, str]:
        """Return what it tells of a write that is in one of the states."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            number, state = json.loads(line)
            self.told.append((number, state))
            if state in states:
                return number, state
        assert self._process.stderr is not None
        raise AssertionError(self._process.stderr.read())

    def kill(self) -> None:
        """Kill it, see its workers end, and read what it has told."""
        self._process.kill()
        assert self._process.stdout is not None
        # Not by `communicate`, which leaves out lines that were read ahead.
        rest = self._process.stdout.read()
        self._process.wait()
        self.told += [tuple(json.loads(line)) for line in rest.splitlines() if line.endswith("]")]
        assert not await_end(with_variable(MARK, self.mark), SOON)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six files of 4,000 rows, each a task or two."""
    root = tmp_path_factory.mktemp("numbers")
    for number in range(6):
        rows = range(number * 4_000, number * 4_000 + 4_000)
        table = pa.table({"key": rows, "text": [f"text {row * 7919}" for row in rows]})
        pq.write_table(table, root / f"part-{number}.parquet", row_group_size=2_000)
    return root


def writes_in(target: Path) -> Counter[int]:
    """Return how many rows of each write a reader finds."""
    if not target.exists():
        return Counter()
    with pt.config.set(executor="serial"):
        return Counter(pt.scan_parquet(target).collect()["write"].to_pylist())


def rows_of(source: Path) -> int:
    return sum(pq.read_metadata(path).num_rows for path in source.iterdir())


def killed_while_writing(source: Path, folder: Path, mode: str, moment: random.Random) -> str:
    """Kill a driver whose pool writes, and write again; return what was found meanwhile."""
    folder.mkdir()
    target = folder / "target"
    count = rows_of(source)
    writer = Writer(source, target, mode, 1)
    writer.wait_for("written")
    writer.wait_for("begun")
    time.sleep(moment.uniform(0, 1.0))
    writer.kill()
    last = max(number for number, _ in writer.told)
    done = max(number for number, state in writer.told if state == "written")
    assert last in (done, done + 1)
    if mode == "error":
        for number in range(1, last + 1):
            found = writes_in(folder / f"target-{number}")
            assert found in ([Counter(), {number: count}] if number > done else [{number: count}])
        here = folder / f"target-{last}"
        kept = writes_in(here)
        mode = "overwrite" if kept else mode
    else:
        here, kept = target, writes_in(target)
        whole = range(done, done + 1) if mode == "overwrite" else range(1, done + 1)
        more = range(last, last + 1) if mode == "overwrite" else range(1, last + 1)
        assert kept in (dict.fromkeys(whole, count), dict.fromkeys(more, count)), (done, last)
    left = {path.name for path in folder.iterdir()}
    with pt.config.set(executor="serial"):
        numbered(str(source), 0).sink_parquet(here, mode=mode, partition_by="k")
    found = writes_in(here)
    assert found == ({**kept, 0: count} if mode == "append" else {0: count})
    there = {path.name for path in folder.iterdir()}
    assert all(name.startswith("target") for name in there), there
    return "something was left" if left - there else "new" if last in kept else "old"


@pytest.mark.parametrize(("mode", "seed"), [("overwrite", 1), ("append", 2), ("error", 3)])
def test_a_driver_killed_while_its_pool_writes(
    mode: str, seed: int, source: Path, tmp_path: Path
) -> None:
    killed_while_writing(source, tmp_path / "out", mode, random.Random(seed))


@pytest.mark.soak
@pytest.mark.timeout(1200)
def test_a_driver_killed_while_its_pool_writes_at_30_moments(source: Path, tmp_path: Path) -> None:
    moment = random.Random(6)
    found: Counter[tuple[str, str]] = Counter()
    for number in range(30):
        mode = ("overwrite", "append", "error")[number % 3]
        found[mode, killed_while_writing(source, tmp_path / str(number), mode, moment)] += 1
    print(dict(found))
    assert sum(count for (_, how), count in found.items() if how == "something was left") >= 5


@pytest.mark.parametrize("mode", ["overwrite", "append"])
def test_two_pools_write_to_one_target(mode: str, source: Path, tmp_path: Path) -> None:
    target = tmp_path / "target"
    writers = [Writer(source, target, mode, first) for first in (1_000, 2_000)]
    told = [writer.wait_for("written", "refused")[1] for writer in writers]
    told += [writer.wait_for("written", "refused")[1] for writer in writers]
    for writer in writers:
        writer.kill()
    assert "written" in told
    count = rows_of(source)
    found = writes_in(target)
    assert set(found.values()) == {count}, found
    begun = {number for writer in writers for number, state in writer.told if state == "begun"}
    refused = {number for writer in writers for number, state in writer.told if state == "refused"}
    written = {number for writer in writers for number, state in writer.told if state == "written"}
    assert set(found) <= begun - refused
    if mode == "append":
        assert refused == set()
        assert written <= set(found)
    else:
        assert len(found) == 1
    with pt.config.set(executor="serial"):
        numbered(str(source), 0).sink_parquet(target, mode="overwrite", partition_by="k")
    assert os.listdir(tmp_path) == ["target"]

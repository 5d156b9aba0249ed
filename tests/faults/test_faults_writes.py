"""Writes that die, meet each other or run out of room: a reader sees the old rows or the new."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

import partita as pt
from partita.engine.errors import SinkError, SinkExists

from .crashing_writes import NEW, OLD
from .namespaces import in_namespace, needs_namespace
from .processes import environment

HERE = Path(__file__).parent


def lines_of(script: str, *arguments: object) -> list[Any]:
    """Run a script of this folder and return the lines it prints, each read as JSON."""
    command = [sys.executable, str(HERE / script), *map(str, arguments)]
    run = subprocess.run(command, capture_output=True, text=True, env=environment())
    assert run.returncode == 0, run.stderr[-2000:]
    return [json.loads(line) for line in run.stdout.splitlines()]


def kill_at_steps(mode: str, folder: Path, every: int) -> int:
    """Kill writes at every so many of their steps; return how many were."""
    old = list(OLD) if mode != "error" else None
    new = sorted([*OLD, *NEW]) if mode == "append" else list(NEW)
    *killed, last = lines_of("crashing_writes.py", mode, folder, every)
    for step, ended, found in killed:
        assert ended == 9, f"{mode}, step {step}: {ended}"
        assert isinstance(found, dict), f"{mode}, step {step}: {found}"
        assert found["found"] in (old, new), f"{mode}, step {step}: neither the old nor the new"
        # The next write adds or replaces, and removes what the one that was killed has left.
        seen = found["found"] or []
        expected = sorted([*seen, *NEW]) if mode == "append" else list(NEW)
        if mode == "error" and seen:
            expected = list(NEW)
        assert found["after"] == expected, f"{mode}, step {step}"
        assert found["there"] == ["target"], f"{mode}, step {step}"
    assert last[1] == "written"
    assert last[2]["after"] == new
    return len(killed)


@pytest.mark.parametrize("mode", ["error", "overwrite", "append"])
def test_a_write_that_is_killed_leaves_the_old_or_the_new(mode: str, tmp_path: Path) -> None:
    assert kill_at_steps(mode, tmp_path, every=12) >= 3


@pytest.mark.soak
@pytest.mark.timeout(1200)
def test_a_write_is_killed_at_every_step(tmp_path: Path) -> None:
    killed = {}
    for mode in ("error", "overwrite", "append"):
        (tmp_path / mode).mkdir()
        killed[mode] = kill_at_steps(mode, tmp_path / mode, every=1)
    print("killed at", killed, "of steps", sum(killed.values()))
    assert sum(killed.values()) >= 100


def ids(target: Path) -> list[int]:
    found: list[int] = sorted(pt.scan_parquet(target).to_pydict()["id"])
    return found


def frame(first: int, count: int = 50) -> pt.DataFrame:
    return pt.from_pydict({"id": list(range(first, first + count)), "k": ["x", "y"] * (count // 2)})


def race(target: Path, mode: str) -> list[str]:
    """Have two threads write to a target at once; return how each ended."""
    ready = threading.Barrier(2)
    ended: list[str] = []

    def write(first: int) -> None:
        def together(batch: Any) -> Any:
            # Both have begun when the first of them has rows.
            ready.wait(timeout=30)
            return batch

        rows = frame(first).map_batches(together, schema=frame(first).schema)
        try:
            rows.sink_parquet(target, mode=mode)
            ended.append("written")
        except SinkError as error:
            ended.append(type(error).__name__)

    with pt.config.set(executor="serial", progress="off"):
        writers = [threading.Thread(target=write, args=(first,)) for first in (1_000, 2_000)]
        for writer in writers:
            writer.start()
        for writer in writers:
            writer.join()
    return sorted(ended)


@pytest.mark.parametrize("mode", ["error", "overwrite"])
@pytest.mark.parametrize("name", ["dataset", "file.parquet"])
def test_of_two_writers_one_wins_and_the_other_is_told(
    mode: str, name: str, tmp_path: Path
) -> None:
    target = tmp_path / name
    if mode == "overwrite":
        frame(0).sink_parquet(target)
    told = "SinkExists" if mode == "error" else "SinkError"
    assert race(target, mode) == [told, "written"]
    assert ids(target) in (list(range(1_000, 1_050)), list(range(2_000, 2_050)))
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_of_two_writers_that_append_none_is_lost(tmp_path: Path) -> None:
    target = tmp_path / "dataset"
    frame(0).sink_parquet(target)
    assert race(target, "append") == ["written", "written"]
    assert ids(target) == [*range(50), *range(1_000, 1_050), *range(2_000, 2_050)]
    assert [path.name for path in tmp_path.iterdir()] == ["dataset"]


def test_a_target_that_somebody_else_wrote_is_not_replaced(tmp_path: Path) -> None:
    target = tmp_path / "dataset"
    frame(0).sink_parquet(target)

    def meanwhile(batch: Any) -> Any:
        (target / "part-of-another.parquet").touch()
        return batch

    rows = frame(1_000).map_batches(meanwhile, schema=frame(0).schema)
    with pytest.raises(SinkError, match="written by somebody else since this run began"):
        rows.sink_parquet(target, mode="overwrite")
    (target / "part-of-another.parquet").unlink()
    assert ids(target) == list(range(50))


def test_an_append_is_seen_whole_or_not_at_all(tmp_path: Path) -> None:
    target = tmp_path / "dataset"
    with pt.config.set(executor="serial", progress="off"):
        frame(0).sink_parquet(target, partition_by="k")
        seen: set[int] = set()
        over = threading.Event()

        def look() -> None:
            while not over.is_set():
                seen.add(len(ids(target)))

        reader = threading.Thread(target=look)
        reader.start()
        for number in range(1, 9):
            frame(number * 50).sink_parquet(target, partition_by="k", mode="append")
        over.set()
        reader.join()
    assert all(count % 50 == 0 for count in seen)
    assert len(ids(target)) == 450


def test_a_worker_that_dies_doubles_no_row(tmp_path: Path, dataset: Path) -> None:
    died = tmp_path / "died"

    def die_once(batch: Any) -> Any:
        import os
        import signal

        try:
            os.close(os.open(died, os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            return batch
        os.kill(os.getpid(), signal.SIGKILL)
        return batch

    rows = pt.scan_parquet(dataset)
    with pt.Session(executor="process", workers=2, partition_bytes="1MiB"):
        written = rows.map_batches(die_once, schema=rows.schema).sink_parquet(tmp_path / "out")
        assert isinstance(written, pt.Result)
        assert written.profile.workers_lost == 1
        assert len(pt.scan_parquet(tmp_path / "out")) == len(rows)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["died", "out"]


@pytest.mark.parametrize("mode", ["error", "overwrite", "append"])
@needs_namespace
def test_a_file_system_that_fills_up_at_any_point(mode: str, tmp_path: Path) -> None:
    fill_up(mode, tmp_path, every=48)


@pytest.mark.soak
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("mode", ["error", "overwrite", "append"])
@needs_namespace
def test_a_file_system_that_fills_up_at_every_page(mode: str, tmp_path: Path) -> None:
    print(mode, "refused", fill_up(mode, tmp_path, every=4))


def fill_up(mode: str, folder: Path, every: int) -> int:
    """Write with ever more room, by so many kB more each time; return how often it was refused."""
    ended = in_namespace("full_file_systems.py", "sink", mode, str(folder), str(every))
    # The room grows until it suffices: before that each write is refused, and nothing is left.
    assert [line["ended"] for line in ended].count("written") >= 1
    assert sum(line["ended"] == "SinkError" for line in ended) >= 4
    for line in ended:
        assert line["ended"] in ("written", "SinkError"), line
        assert line["right"], line
        assert line["left"] == [], line
    return sum(line["ended"] == "SinkError" for line in ended)


@needs_namespace
def test_a_run_directory_that_fills_up(tmp_path: Path) -> None:
    small, *larger = in_namespace("full_file_systems.py", "exchange", "", str(tmp_path))
    assert small["ended"] == "StorageFull", small
    for line in [small, *larger]:
        assert line["ended"] in ("right", "StorageFull"), line
        assert line["left"] == [], line
        assert line["next"] == "right", line
    assert larger[-1]["ended"] == "right"


@needs_namespace
def test_a_small_shared_memory_is_no_bus_error(tmp_path: Path) -> None:
    (line,) = in_namespace("full_file_systems.py", "shared-memory", "", str(tmp_path))
    assert line["ended"] == "right", line
    assert line["workers_lost"] == 0
    assert line["on_disk"] > 0


def test_no_file_may_be_longer(tmp_path: Path) -> None:
    # Where there is no right to mount: a limit on the length of files fails every write behind it.
    script = """
import resource, sys, json
import partita as pt
pt.config.set(executor="serial", progress="off")
rows = pt.range(200_000)
rows.head(10).sink_parquet(sys.argv[1])
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
try:
    rows.sink_parquet(sys.argv[1], mode="overwrite", compression="none")
except pt.errors.SinkError as error:
    print("SinkError", len(pt.scan_parquet(sys.argv[1])))
"""
    run = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "out")], capture_output=True, text=True
    )
    assert run.stdout.split() == ["SinkError", "10"], run.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_error_mode_says_what_is_there(tmp_path: Path) -> None:
    frame(0).sink_parquet(tmp_path / "out")
    with pytest.raises(SinkExists):
        frame(0).sink_parquet(tmp_path / "out")

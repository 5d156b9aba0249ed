"""Queries that are given up: control is back at once, space is freed, the next is right."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import partita as pt

from .processes import await_end
from .queries import slowly
from .scripts import start_long_script


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


def test_an_interrupt_gives_control_back_and_the_next_query_is_right(
    dataset: Path, tmp_path: Path
) -> None:
    process, pids, _ = start_long_script(dataset, tmp_path)
    time.sleep(1)
    process.send_signal(signal.SIGINT)
    started = time.monotonic()
    assert process.stdout is not None
    assert process.stdout.readline() == "interrupted\n"
    assert time.monotonic() - started < 3
    assert process.stdout.readline() == "[600000]\n"
    assert process.wait(10) == 0
    assert await_end(pids, 3) == []

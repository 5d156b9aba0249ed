"""A driver that is killed: no worker outlives it, and no file the next start."""

from __future__ import annotations

import os
import random
import signal
import time
import uuid
from pathlib import Path

import pytest

import partita as pt
from partita.engine.execution.run_directory import SHARED_MEMORY, RunDirectory

from ..patience import SOON
from .processes import await_end, with_variable
from .scripts import start_busy_script, start_long_script


def test_a_killed_driver_leaves_no_worker_and_no_file(dataset: Path, tmp_path: Path) -> None:
    process, pids, places = start_long_script(dataset, tmp_path)
    assert len(pids) == 3
    time.sleep(1)
    process.kill()
    process.wait()
    assert await_end(pids, SOON) == []
    # The helper has removed the directories; had it been killed as well, the next start would.
    with pt.Session(executor="process", workers=1) as session:
        session.executor("process")
        assert not any(place.exists() for place in places)


def test_the_next_start_removes_what_a_killed_session_left(dataset: Path, tmp_path: Path) -> None:
    process, pids, places = start_long_script(dataset, tmp_path)
    time.sleep(0.5)
    # The helper goes while the driver stands still, so that neither can clean up.
    process.send_signal(signal.SIGSTOP)
    os.kill(pids[-1], signal.SIGKILL)
    assert await_end(pids, SOON) == []
    # Before the end of the driver: behind that whoever starts a session may have removed them.
    assert places[0].exists()
    process.kill()
    process.wait()
    with pt.Session(executor="process", workers=1) as session:
        session.executor("process")
        assert not any(place.exists() for place in places)


def left_after_a_kill(
    root: Path, folder: Path, seconds: float, *, at_work: bool
) -> tuple[float, float]:
    """Kill a driver `seconds` after its start, or after it has run all for the first time.

    Sees that nothing is left of it. Returns how long it has lived, and the last process after it.
    """
    mark = uuid.uuid4().hex
    disk = folder / "places"
    disk.mkdir(exist_ok=True)
    began = time.monotonic()
    driver = start_busy_script(root, folder, disk, PARTITA_TESTS_DRIVER=mark)
    try:
        if at_work:
            assert driver.stdout is not None
            assert driver.stdout.readline() == b"ready\n"
        time.sleep(seconds)
    finally:
        driver.kill()
        moment = time.monotonic() - began
        driver.communicate()
    killed = time.monotonic()
    while (
        alive := with_variable("PARTITA_TESTS_DRIVER", mark)
    ) and time.monotonic() < killed + SOON:
        time.sleep(0.02)
    lasted = time.monotonic() - killed
    assert not alive
    RunDirectory(str(disk)).close()  # what the next start does
    left = [path for path in disk.rglob("*") if path.is_file() and path.stat().st_size]
    memory = SHARED_MEMORY / f"partita-{os.getuid()}"
    left += [path for path in memory.glob(f"{driver.pid}-*/**/*") if path.stat().st_size]
    assert not [path for path in left if path.is_file()]
    return moment, lasted


def seconds_to_start(root: Path, folder: Path) -> float:
    """Return how long a driver takes until it has run its queries for the first time."""
    disk = folder / "places"
    disk.mkdir(exist_ok=True)
    began = time.monotonic()
    driver = start_busy_script(root, folder, disk)
    try:
        assert driver.stdout is not None
        assert driver.stdout.readline() == b"ready\n"
        return time.monotonic() - began
    finally:
        driver.kill()
        driver.communicate()


def test_a_driver_killed_at_some_moments(dataset: Path, tmp_path: Path) -> None:
    for seconds, at_work in ((0.4, False), (0.9, False), (0.1, True)):
        left_after_a_kill(dataset, tmp_path, seconds, at_work=at_work)


@pytest.mark.soak
@pytest.mark.timeout(1200)
def test_a_driver_killed_at_fifty_moments(dataset: Path, tmp_path: Path) -> None:
    source = random.Random(4)
    start = seconds_to_start(dataset, tmp_path)
    found = []
    for number in range(50):
        at_work = number % 2 == 0
        seconds = source.uniform(0, 1 if at_work else start)
        found.append(left_after_a_kill(dataset, tmp_path, seconds, at_work=at_work))
    longest = max(lasted for _, lasted in found)
    print(
        f"\n50 drivers killed after {min(found)[0]:.2f} to {max(found)[0]:.2f} s (ready after"
        f" {start:.2f}); the last process was gone {longest:.2f} s later at most"
    )
    assert longest < 3

"""A driver that is killed: no worker outlives it, and no file the next start."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import partita as pt

from .processes import await_end
from .scripts import start_long_script


def test_a_killed_driver_leaves_no_worker_and_no_file(dataset: Path, tmp_path: Path) -> None:
    process, pids, places = start_long_script(dataset, tmp_path)
    assert len(pids) == 3
    time.sleep(1)
    process.kill()
    process.wait()
    assert await_end(pids, 3) == []
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
    process.kill()
    process.wait()
    assert places[0].exists()
    with pt.Session(executor="process", workers=1) as session:
        session.executor("process")
        assert not any(place.exists() for place in places)
    assert await_end(pids, 3) == []

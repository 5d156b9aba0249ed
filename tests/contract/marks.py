"""Functions of the user whose work is seen from outside: each call leaves a file."""

from __future__ import annotations

import functools
import os
import time
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa

import partita as pt

from ..patience import SOON


def noted(batch: pa.RecordBatch, folder: str, seconds: float) -> pa.RecordBatch:
    """Leave a file that says that the batch was made, and by which process."""
    time.sleep(seconds)
    Path(folder, f"{os.getpid()}-{os.urandom(6).hex()}").touch()
    return batch


def watched(frame: pt.DataFrame, folder: Path, seconds: float = 0.0) -> pt.DataFrame:
    """Return the rows, with a file left in `folder` for each batch that is made of them."""
    folder.mkdir(exist_ok=True)
    call = functools.partial(noted, folder=str(folder), seconds=seconds)
    return frame.map_batches(call, frame.schema)


def pids(folder: Path) -> set[int]:
    """Return the processes that have left a file in `folder`."""
    return {int(name.split("-")[0]) for name in os.listdir(folder)}


def steady(measure: Callable[[], int], seconds: float = 0.3) -> int:
    """Return a number once it has not changed for so long."""
    found, since = measure(), time.monotonic()
    while time.monotonic() - since < seconds:
        time.sleep(0.02)
        if (now := measure()) != found:
            found, since = now, time.monotonic()
    return found


def comes_true(condition: Callable[[], bool], seconds: float = SOON) -> bool:
    """Return whether a condition is met within so many seconds."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True

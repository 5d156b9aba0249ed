"""Processes that the fault tests start, watch and see the end of."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable

import psutil


def living(pids: Iterable[int]) -> list[int]:
    """Return those of the processes that run; one that waits to be reaped does not."""

    def lives(pid: int) -> bool:
        try:
            return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return False

    return [pid for pid in pids if lives(pid)]


def await_end(pids: Iterable[int], seconds: float) -> list[int]:
    """Wait until none of the processes runs; return those that still do after `seconds`."""
    watched = list(pids)
    deadline = time.monotonic() + seconds
    while living(watched) and time.monotonic() < deadline:
        time.sleep(0.02)
    return living(watched)


def with_variable(name: str, value: str) -> list[int]:
    """Return the living processes that have this in their environment: a driver's descendants."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(name) == value:
                found.append(process.pid)
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue  # over, or of another user: in neither case one that we look for
    return living(found)


def environment() -> dict[str, str]:
    """Return the environment of a script whose output is to be read as it comes."""
    return {**os.environ, "PYTHONUNBUFFERED": "1"}

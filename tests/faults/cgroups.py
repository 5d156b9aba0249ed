"""A memory cgroup of the tests' own, below that of this process, where the machine allows it."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = Path("/sys/fs/cgroup")


@contextmanager
def memory_group(limit: int) -> Iterator[Path]:
    """Make a cgroup of `limit` bytes; a process joins by writing its pid to ``cgroup.procs``.

    All that is in it has to have ended when it is left.
    """
    groups = dict(line.split(":", 2)[1:] for line in _own().splitlines())
    if "memory" in groups:
        parent, setting = ROOT / "memory" / groups["memory"].lstrip("/"), "memory.limit_in_bytes"
        swap, swapped = "memory.memsw.limit_in_bytes", limit
    else:
        parent, setting = ROOT / groups.get("", "").lstrip("/"), "memory.max"
        swap, swapped = "memory.swap.max", 0
    group = parent / f"partita-tests-{os.getpid()}"
    try:
        group.mkdir()
    except OSError as error:
        pytest.skip(f"this machine lets us make no memory cgroup: {error}")
    try:
        try:
            (group / setting).write_text(str(limit))
        except OSError as error:
            pytest.skip(f"this machine lets us limit no memory cgroup: {error}")
        # Where there is a swap, what is over the limit would go there. Not all kernels count it.
        if (group / swap).exists():
            (group / swap).write_text(str(swapped))
        yield group
    finally:
        deadline = time.monotonic() + 60
        while (group / "cgroup.procs").read_text() and time.monotonic() < deadline:
            time.sleep(0.02)
        group.rmdir()


def killed_in(group: Path) -> int:
    """Return how many processes of a group the kernel has ended for want of memory."""
    for name in ("memory.oom_control", "memory.events"):
        if (group / name).exists():
            counts = dict(line.split() for line in (group / name).read_text().splitlines())
            return int(counts.get("oom_kill", 0))
    return 0


def _own() -> str:
    return Path("/proc/self/cgroup").read_text()

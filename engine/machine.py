"""What this process may take of the machine: processors and memory, limits of cgroups included.

A container's limit may stand at the root of what it sees, or at a group somewhere below it that
``/proc/self/cgroup`` names (systemd, a nested group); each group up to the root counts.
"""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath

ROOT = Path("/sys/fs/cgroup")
OWN = Path("/proc/self/cgroup")


def available_cpus() -> int:
    """Return the CPUs this process may use: the least of affinity mask and cgroup quota."""
    cpus = float(len(os.sched_getaffinity(0)))
    for group in _groups("cpu"):
        for quota in (_quota_v2(group), _quota_v1(group)):
            if quota is not None:
                cpus = min(cpus, quota)
    return max(1, int(cpus))


def available_memory() -> int:
    """Return the bytes of memory of the machine, the cgroup or the process, whichever is less.

    The last is what ``ulimit -v`` says; it is meant for one process, and here taken for all of
    them.
    """
    import psutil  # 10 ms, and nobody asks before the first query

    memory = int(psutil.virtual_memory().total)
    for group in _groups("memory"):
        for name in ("memory.max", "memory.high", "memory.limit_in_bytes"):
            text = _read(group / name)
            if text.isdigit():
                memory = min(memory, int(text))
    own = process_memory()
    return memory if own is None else min(memory, own)


def process_memory() -> int | None:
    """Return the bytes that ``ulimit`` allows to one process; None where it does not say.

    Of addresses (``ulimit -v``) what is mapped and never used is not there for rows.
    """
    limits = {
        resource.getrlimit(kind)[0]: unused
        for kind, unused in ((resource.RLIMIT_DATA, 0), (resource.RLIMIT_AS, _MAPPED))
    }
    limits.pop(resource.RLIM_INFINITY, None)
    return min((max(each - unused, 0) for each, unused in limits.items()), default=None)


_MAPPED = 320 << 20
"""Addresses of libraries and of heaps of threads that are hardly touched: a driver that had read a
file had 590 MiB mapped, and 143 of them in memory; with the compiler of the kernels 120 more."""


LITTLE = 4 << 30
"""Bytes that ``ulimit`` allows below which Arrow's own allocator takes too much of them: it maps a
gigabyte at first, or if that is refused 128 MiB each time, of which one buffer of 32 MiB was used.
A sort in one process ended at 1.2 GiB of addresses with 333 MiB of memory in use."""

_SYSTEMS_HEAP = {"ARROW_DEFAULT_MEMORY_POOL": "system"}


def suiting_ulimit() -> dict[str, str]:
    """Return what a process's environment should have so that Arrow gets along with ``ulimit``."""
    allowed = process_memory()
    return {} if allowed is None or allowed >= LITTLE else _SYSTEMS_HEAP


def load_arrow() -> None:
    """Load Arrow, which chooses its allocator once, where the default would not suit ``ulimit``.

    What the user has chosen by the environment stays.
    """
    wanted = {name: to for name, to in suiting_ulimit().items() if name not in os.environ}
    if not wanted:
        return
    os.environ.update(wanted)
    try:
        import pyarrow as pa  # here, for it is not to be loaded before

        if pa.default_memory_pool().backend_name != "system":
            # It has been asked for before: what the interface of Python takes at least.
            pa.set_memory_pool(pa.system_memory_pool())
    finally:
        # Programs that the user starts are their own affair.
        for name in wanted:
            del os.environ[name]


LOOK_AGAIN = 5.0
"""Seconds for which limits are taken to be what they were: to read them takes 0.13 ms (processors)
and 0.27 ms (memory), and a query asks three times."""


def remembered(look: Callable[[], int]) -> Callable[[], int]:
    """Return `look`, which looks again only where what it saw is older than `LOOK_AGAIN`.

    Limits of a container may be changed while it runs.
    """
    seen: list[tuple[float, int]] = []

    def found() -> int:
        now = time.monotonic()
        if not seen or now - seen[0][0] > LOOK_AGAIN:
            seen[:] = [(now, look())]
        return seen[0][1]

    return found


known_cpus = remembered(available_cpus)
known_memory = remembered(available_memory)


def _groups(controller: str) -> Iterator[Path]:
    """Yield the directories of the groups that this process is in, up to the root."""
    for line in _read(OWN).splitlines():
        _, controllers, path = line.split(":", 2)
        if not controllers:
            # Version 2, alone or beside groups of version 1.
            bases = [ROOT, ROOT / "unified"]
        elif controller in controllers.split(","):
            bases = [ROOT / controller, ROOT / controllers]
        else:
            continue
        own = PurePosixPath(path)
        for base in bases:
            # A process in a namespace of its own may be told of a path that it cannot see.
            yield from (base / str(part).lstrip("/") for part in (own, *own.parents))


def _quota_v2(group: Path) -> float | None:
    words = _read(group / "cpu.max").split()
    if len(words) == 2 and words[0].isdigit():
        return int(words[0]) / int(words[1])
    return None


def _quota_v1(group: Path) -> float | None:
    quota = _read(group / "cpu.cfs_quota_us")
    period = _read(group / "cpu.cfs_period_us")
    if quota.isdigit() and period.isdigit():
        return int(quota) / int(period)
    return None


def _read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        # The file of the other cgroup version, or no cgroup at all: no limit from there.
        return ""

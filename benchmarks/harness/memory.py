"""Peak memory of an engine: all its processes, what they share counted once.

The sum of PSS (proportional set size) divides a shared page among those that map it. A file on
shared memory that nobody maps takes memory as well and is in no process's PSS: the engine's own
are added. Linux only, read from ``/proc``.
"""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

PERIOD_SECONDS = 0.02
"""Between two samples. One takes a process with a gigabyte milliseconds of its own time: memory is
sampled in a round of its own, not in one that is timed."""

_SHARED_MEMORY = Path("/dev/shm")
_GONE = (FileNotFoundError, ProcessLookupError)
_MAPPED = re.compile(rb"^[0-9a-f]+-[0-9a-f]+ \S+ \S+ \S+ (\d+) +/dev/shm/(\S+)$", re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class Memory:
    """Bytes at one moment."""

    processes: int
    """How many processes there were."""

    anonymous: int
    """Memory of the processes' own."""

    file: int
    """Pages of mapped files: libraries, data read through a mapping."""

    shared: int
    """Mapped shared memory."""

    unmapped: int
    """Files on shared memory that no process of the engine maps."""

    @property
    def total(self) -> int:
        """Return the sum of all kinds."""
        return self.anonymous + self.file + self.shared + self.unmapped


class PeakSampler:
    """Samples a process, and all that descend from it, while the ``with`` block runs.

    Parameters
    ----------
    pid
        An engine's process, the leader of its session.
    owned
        Names in ``/dev/shm`` known to be this engine's; what is found is added.
    """

    def __init__(self, pid: int, owned: set[str]) -> None:
        self._pid = pid
        self._owned = owned
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)
        self.peak: Memory | None = None
        """The sample with the largest total; None until the first one is taken."""
        self.samples = 0
        """How many samples have been taken."""

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._done.set()
        self._thread.join()

    def _sample(self) -> None:
        while True:
            now = sample(self._pid, self._owned)
            if self.peak is None or now.total > self.peak.total:
                self.peak = now
            self.samples += 1
            if self._done.wait(PERIOD_SECONDS):
                return


def sample(pid: int, owned: set[str]) -> Memory:
    """Return what a process and all that descend from it hold at this moment."""
    pids = family(pid)
    totals = {"Pss_Anon": 0, "Pss_File": 0, "Pss_Shmem": 0}
    for member in pids:
        with suppress(*_GONE):  # it ended after it was listed
            for line in Path(f"/proc/{member}/smaps_rollup").read_text().splitlines():
                name, _, value = line.partition(":")
                if name in totals:
                    totals[name] += int(value.split()[0]) * 1024
    mapped: set[int] = set()
    for member in pids:
        with suppress(*_GONE):
            for inode, path in _MAPPED.findall(Path(f"/proc/{member}/maps").read_bytes()):
                mapped.add(int(inode))
                owned.add(_place(os.fsdecode(path)))
        owned.update(_opened(member))
    return Memory(
        processes=len(pids),
        anonymous=totals["Pss_Anon"],
        file=totals["Pss_File"],
        shared=totals["Pss_Shmem"],
        unmapped=sum(
            status.st_blocks * 512 for status in _files(owned) if status.st_ino not in mapped
        ),
    )


def family(pid: int) -> list[int]:
    """Return `pid`, its descendants, and the rest of its session (adopted when a parent ended)."""
    parents: dict[int, tuple[int, int]] = {}
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            with suppress(*_GONE):
                # the command, in parentheses, may hold anything: fields count from its end
                fields = Path(entry.path, "stat").read_text().rpartition(")")[2].split()
                parents[int(entry.name)] = int(fields[1]), int(fields[3])
    members = {member for member, (_, session) in parents.items() if session == pid} | {pid}
    grown = True
    while grown:
        more = {member for member, (parent, _) in parents.items() if parent in members} - members
        members |= more
        grown = bool(more)
    return sorted(members)


def _opened(pid: int) -> set[str]:
    """Return the names in ``/dev/shm`` that a process has open, or has files open in."""
    names = set()
    with suppress(*_GONE):
        for entry in os.scandir(f"/proc/{pid}/fd"):
            with suppress(*_GONE):
                path = os.readlink(entry.path)
                if path.startswith(f"{_SHARED_MEMORY}/"):
                    names.add(_place(path.removeprefix(f"{_SHARED_MEMORY}/")))
    return names


def _place(path: str) -> str:
    """Return what a file below ``/dev/shm`` belongs to: the directory that it lies in, or itself.

    A directory there may be that of a user, in which each session has one of its own.
    """
    *directories, _ = path.split("/")
    return "/".join(directories[:2]) or path


def _files(names: Iterable[str]) -> Iterable[os.stat_result]:
    """Return the status of the files that these names in ``/dev/shm`` are, or hold."""
    found = []
    for name in names:
        path = _SHARED_MEMORY / name
        below = [Path(at, file) for at, _, files in os.walk(path) for file in files]
        for file in below or [path]:
            with suppress(*_GONE):
                found.append(file.lstat())
    return found

"""Whether a worker goes on with its task: told by batches that pass and by CPU time that is used.

A task that is slow uses the processor or gives a batch now and then; one that hangs (a lock that
nobody releases, a peer that never answers, a process that was stopped) does neither. What loops for
ever without giving a batch uses the processor, and cannot be told from long work.
"""

from __future__ import annotations

import mmap
import os
import struct
import time
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import psutil

_COUNTER = struct.Struct("Q")
_COUNTERS = 4096
"""Workers that are counted apart; the numbers of more than so many would share counters."""

LEAST_SHARE = 0.002
"""Of one processor, what counts as work: a loop that asks ten times a second for something that
does not come uses 0.0002, a request over the network with what it answers more than 0.001 s."""

LOOKS = 8
"""How often a worker is looked at in the time that it has, if that is less than so many seconds."""


class Pulses:
    """A counter for each worker, in memory that the driver shares with all that it has started.

    A message for each batch would cost the driver as much as a small task; a count costs 0.2 us.

    Parameters
    ----------
    descriptor
        Of the counters that another process has made; by default they are made.
    """

    def __init__(self, descriptor: int | None = None) -> None:
        size = _COUNTER.size * _COUNTERS
        if descriptor is None:
            # No file in a file system: a small /dev/shm may be full, and nothing has to be removed.
            descriptor = os.memfd_create("partita-pulses", os.MFD_CLOEXEC)
            os.posix_fallocate(descriptor, 0, size)
        self.descriptor = descriptor
        self._counters = mmap.mmap(descriptor, size)

    def beater(self, number: int) -> Callable[[], None]:
        """Return a function that counts one more sign of life of worker `number`."""
        counters, place = self._counters, number % _COUNTERS * _COUNTER.size
        count = 0

        def beat() -> None:
            nonlocal count
            count += 1
            _COUNTER.pack_into(counters, place, count)

        return beat

    def of(self, number: int) -> int:
        """Return the count of worker `number`."""
        counted: int = _COUNTER.unpack_from(self._counters, number % _COUNTERS * _COUNTER.size)[0]
        return counted

    def close(self) -> None:
        """Give the memory up in this process; once is enough."""
        if not self._counters.closed:
            self._counters.close()
            os.close(self.descriptor)


@dataclass
class _Mark:
    """When a worker was last seen to go on, and what it had done until then."""

    doing: Hashable
    since: float
    beats: int
    cpu: float
    others: float | None = None
    """The CPU time of the processes that it has started, when these were first looked at."""


@dataclass(frozen=True)
class Busy:
    """A worker that has something to do."""

    number: int
    pid: int
    doing: Hashable
    """What it does: with another task the time begins anew."""


@dataclass
class Watch:
    """Looks at workers now and then, and says which of them have not gone on for too long."""

    pulses: Pulses
    seconds: float
    """How long a worker may not go on."""

    _marks: dict[int, _Mark] = field(default_factory=dict)
    _looked: float = 0.0

    @property
    def due(self) -> bool:
        """Whether it is time to look again: workers are looked at now and then."""
        return time.monotonic() - self._looked >= min(1.0, self.seconds / LOOKS)

    def stalled(self, workers: Iterable[Busy]) -> Mapping[int, str]:
        """Return those that have not gone on for too long, by number, with what was seen."""
        now = time.monotonic()
        away, self._looked = now - self._looked, now
        if away > self.seconds / 2:
            # Nobody has looked: a worker may have waited for its messages to be taken, or was
            # stopped together with this process.
            self._marks.clear()
        before, self._marks = self._marks, {}
        found = {}
        for worker in workers:
            try:
                mark, state = self._look(worker, before.get(worker.number), now)
            except (OSError, psutil.Error):
                continue  # it has just ended, which is noticed elsewhere
            self._marks[worker.number] = mark
            if now - mark.since >= self.seconds:
                found[worker.number] = (
                    f"no batch and no CPU time for {now - mark.since:.1f} s, it {state}"
                )
        return found

    def _look(self, worker: Busy, mark: _Mark | None, now: float) -> tuple[_Mark, str]:
        state, cpu = _state_and_cpu(worker.pid)
        beats = self.pulses.of(worker.number)
        fresh = _Mark(worker.doing, now, beats, cpu)
        if mark is None or mark.doing != worker.doing or mark.beats != beats:
            return fresh, ""
        least = LEAST_SHARE * max(now - mark.since, self.seconds / 4)
        if state not in _IDLE or cpu - mark.cpu > least:
            return fresh, ""
        if now - mark.since >= self.seconds / 2:
            # To ask for these takes some milliseconds: only of a worker that seems to hang.
            others = _cpu_of_children(worker.pid)
            if mark.others is None:
                mark.others = others
            elif others - mark.others > least:
                return fresh, ""
        return mark, _IDLE[state]


_IDLE = {"S": "waits for something", "T": "was stopped"}
"""States of a process in which it does nothing. One that would run, that waits for a disk or that
somebody debugs is left alone."""

_TICKS = os.sysconf("SC_CLK_TCK")


def _state_and_cpu(pid: int) -> tuple[str, float]:
    """Return the state of a process and the seconds of CPU time of it and of children reaped."""
    # The name, in parentheses, may hold anything.
    words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return words[0], sum(map(int, words[11:15])) / _TICKS


def _cpu_of_children(pid: int) -> float:
    """Return the seconds of CPU time of the processes that `pid` has started and that live."""
    total = 0.0
    for child in psutil.Process(pid).children(recursive=True):
        try:
            times = child.cpu_times()
        except psutil.NoSuchProcess:
            continue  # it has just ended
        total += times.user + times.system
    return total

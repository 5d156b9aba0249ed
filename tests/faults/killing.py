"""Workers of a session that are killed one after another, at random moments."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import psutil

import partita as pt


class Killer(threading.Thread):
    """Kills a random worker of a pool every so often, until it is told to stop.

    Parameters
    ----------
    pool
        A session whose workers are killed, each once.
    between
        The least and the most seconds from one to the next.
    seed
        What the moments and the choices follow from.
    """

    def __init__(self, pool: pt.Session, between: tuple[float, float], seed: int) -> None:
        super().__init__(daemon=True)
        self._helper = psutil.Process(pool.pids[-1])
        self._between = between
        self._random = random.Random(seed)
        self._over = threading.Event()
        self.killed: list[int] = []

    def run(self) -> None:
        """Kill until `stop`."""
        while not self._over.wait(self._random.uniform(*self._between)):
            found = sorted(child.pid for child in self._helper.children())
            victims = [pid for pid in found if pid not in self.killed]
            if victims:
                victim = self._random.choice(victims)
                with contextlib.suppress(ProcessLookupError):  # it has ended just now
                    os.kill(victim, signal.SIGKILL)
                    self.killed.append(victim)

    def stop(self) -> None:
        """Kill no more."""
        self._over.set()
        self.join()


@contextmanager
def killing(pool: pt.Session, between: tuple[float, float], seed: int = 1) -> Iterator[Killer]:
    """Have workers of `pool` killed inside the block."""
    killer = Killer(pool, between, seed)
    killer.start()
    try:
        yield killer
    finally:
        killer.stop()

"""A cluster that is not there: how fast its workers are, which are slow, and which are lost."""

from __future__ import annotations

import random
from dataclasses import dataclass

GiB = 2**30
MB = 10**6


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """Machines and their misfortunes; the same ones for the same seed."""

    workers: int = 1_000
    """Threads that run a task each."""

    memory: int = 8 * GiB
    """Of each of them."""

    scan_rate: int = 200 * MB
    """Decoded bytes a second that a task reads from storage."""

    work_rate: int = 400 * MB
    """Bytes a second that a task reads of what others made."""

    network_rate: int = 500 * MB
    """Bytes a second that a worker takes from others."""

    task_seconds: float = 0.01
    """What a task costs its worker however little it does."""

    slow: float = 0.01
    """Share of the workers that are slow: a failing disk, a neighbour who takes the processor."""

    slowness: float = 5.0
    """How many times as long a task takes there."""

    uneven: float = 0.2
    """How much the seconds of equal tasks differ: sigma of the logarithm."""

    lost: int = 10
    """Workers that die, evenly spread over the tasks; none comes in their place."""

    heartbeat: float = 0.002
    """Seconds of reports that reach the driver together, as Dask's batched messages do."""

    seed: int = 0

    def speeds(self) -> list[float]:
        """Return for each worker how fast it is."""
        chance = random.Random(self.seed)
        return [
            chance.lognormvariate(0, 0.05) / (self.slowness if chance.random() < self.slow else 1)
            for _ in range(self.workers)
        ]

"""One query on a simulated cluster, and the account of it."""

from __future__ import annotations

import resource
import time
from collections.abc import Mapping
from dataclasses import dataclass

import partita.engine.config as config
from partita.engine.execution.scheduler import Scheduler
from partita.engine.observe.profile import ProfileRecorder
from partita.engine.optimizer.context import Context
from partita.engine.optimizer.optimizer import optimize
from partita.engine.physical.memory import shares
from partita.engine.physical.planner import Planner

from .bound import CAUSES, Bound, bound
from .cluster import Cluster
from .executor import VirtualExecutor
from .shapes import SHAPES


@dataclass(frozen=True, kw_only=True)
class Account:
    """What a query took."""

    shape: str
    tasks: int
    stages: int
    planning: float
    """Seconds of the driver until the first tasks."""

    driver: float
    """Seconds of the driver's processor time from then on, without the simulation's own."""

    sent: int
    """Bytes of tasks as messages."""

    grown: int
    """Bytes by which the driver's process has grown, the simulation's own records included."""

    held: int
    """Most bytes of partitions that the cluster held at once."""

    left: int
    """Files of which nobody has told the workers that they can go."""

    makespan: float
    """Virtual seconds."""

    bounds: Bound
    idle: Mapping[str, float]
    """By cause, the share of all worker seconds in which workers had nothing to do."""

    lost: float
    """The share that workers would have had which died."""

    moved: int
    remade: float
    """Share of the work that was done once more."""

    @property
    def bound(self) -> float:
        """Seconds that no order of the tasks could have undercut."""
        return self.bounds.seconds

    @property
    def per_task(self) -> float:
        """Microseconds of the driver's processor time for a task."""
        return self.driver / self.tasks * 1e6


def simulate(
    shape: str,
    tasks: int,
    cluster: Cluster,
    part_bytes: int,
    *,
    speculate: float = 0.0,
    avoid: float = 0.0,
) -> Account:
    """Run a query of about `tasks` tasks with the real planner, scheduler and policy."""
    settings = config.within_limit(
        config.Settings(workers=cluster.workers, memory_limit=cluster.workers * cluster.memory)
    )
    before = _grown()
    begun = time.process_time()
    frame = SHAPES[shape](tasks, part_bytes)
    planner = Planner(optimize(frame.plan, Context(settings=settings)), settings)
    executor = VirtualExecutor(cluster, tasks, settings.chunk_bytes, speculate, avoid)
    share = shares(config.memory_limit(settings), settings, cluster.workers)
    scheduler = Scheduler(1, planner, executor, settings, share, [ProfileRecorder()])
    # It is none of an executor's business; here it tells idleness by its causes.
    executor.holds_back = lambda: any(run.waiting for run in scheduler._open)
    planned = time.process_time()
    for _ in scheduler.run():
        pass
    ended = time.process_time()
    seconds = cluster.workers * executor.now
    own = executor.own_seconds + executor.store.own_seconds
    return Account(
        shape=shape,
        tasks=sum(total.tasks for total in executor.totals.values()),
        stages=len(executor.totals),
        planning=planned - begun,
        driver=ended - planned - own,
        sent=executor.sent,
        grown=_grown() - before,
        held=executor.store.peak,
        left=len(executor.store.held),
        makespan=executor.now,
        bounds=bound(executor.totals, executor.speeds),
        idle={cause: executor.idle[cause] / seconds for cause in CAUSES},
        lost=executor.lost_seconds / seconds,
        moved=executor.moved,
        remade=executor.remade / executor.work,
    )


def _grown() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024

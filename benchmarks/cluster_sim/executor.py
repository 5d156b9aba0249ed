"""An executor whose workers are only said to work: the protocol of the others, in virtual time.

Tasks wait in one queue for the next worker that is free, as Dask's work stealing brings about.
What a task has made is held by its worker until the scheduler removes it. When a worker dies, what
it held is made again, as Dask does from the graph it remembers: with all that was removed since and
would have to be read for it. Tasks that read of it wait until it is there.
"""

from __future__ import annotations

import functools
import heapq
import itertools
import pickle
import random
import statistics
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import ParamSpec, TypeVar

import pyarrow as pa

from partita.engine.execution.report import Done, Lost, Piece, Report, WorkerDown, key_of
from partita.engine.execution.stores import Store
from partita.engine.execution.task import TaskSettings
from partita.engine.execution.transport import Batches
from partita.engine.physical.stage import Ref, Stage, Task

from .cluster import Cluster
from .work import Cost, Work

P = ParamSpec("P")
R = TypeVar("R")

REMAKE, RUN = 0, 1
"""Order of the queue: what was lost goes first, for others wait for it."""


def _own(method: Callable[P, R]) -> Callable[P, R]:
    """Count the processor time of a method as the simulation's own, which no driver has."""

    @functools.wraps(method)
    def timed(*args: P.args, **kwargs: P.kwargs) -> R:
        begun = time.process_time()
        try:
            return method(*args, **kwargs)
        finally:
            args[0].own_seconds += time.process_time() - begun  # type: ignore[attr-defined]

    return timed


@dataclass(kw_only=True, eq=False)
class _Job:
    """A task, or what makes a part of a stage's output once more."""

    stage: Stage
    task: Task | None
    cost: Cost
    begun: float = 0.0
    workers: list[int] = field(default_factory=list)
    """Where it runs: on two where it was started once more."""

    over: bool = False
    watched: bool = False


@dataclass(frozen=True)
class _Made:
    stage: int
    worker: int
    size: int
    seconds: float


class VirtualStore:
    """Where the workers' data would be: how much of it, and where."""

    def __init__(self) -> None:
        self.held: dict[str, _Made] = {}
        self.bytes = 0
        self.peak = 0
        self.own_seconds = 0.0

    def add(self, path: str, made: _Made) -> None:
        """Count what a task has made."""
        self.held[path] = made
        self.bytes += made.size
        self.peak = max(self.peak, self.bytes)

    def write(self, name: str, parts: Sequence[tuple[int, Batches]], fast: bool) -> list[Ref]:
        """Refuse: all rows here are made up by tasks."""
        raise TypeError(f"{name} was to be written by the driver of a simulated cluster")

    def read(self, *refs: Ref, sparsely: bool = False) -> Iterator[pa.RecordBatch]:
        """Give no rows: there are none."""
        return iter(())

    def on_disk(self, ref: Ref) -> bool:
        """Return False."""
        return False

    def spill_path(self) -> str:
        """Refuse: no task runs here."""
        raise TypeError("nothing is spilled by the driver of a simulated cluster")

    @_own
    def remove(self, path: str) -> None:
        """Count it as gone."""
        made = self.held.pop(path, None)
        if made is not None:
            self.bytes -= made.size


class VirtualExecutor:
    """The executor protocol over a `Cluster`.

    Parameters
    ----------
    cluster
        The machines.
    tasks
        About how many tasks the query will have: workers die evenly spread over them.
    chunk_bytes
        As in the settings.
    speculate
        Whether a task that takes long is started once more on an idle worker: a task that has
        taken so many times what the tasks of its stage usually take. 0 for never.
    """

    name = "cluster"
    shares_memory = False
    broken = False
    busy = False

    def __init__(
        self, cluster: Cluster, tasks: int, chunk_bytes: int, speculate: float = 0.0
    ) -> None:
        self.workers = cluster.workers
        self.memory = cluster.workers * cluster.memory
        self.store = VirtualStore()
        self.now = 0.0
        self.own_seconds = 0.0
        self.sent = 0
        """Bytes of tasks as messages."""

        self.moved = 0
        self.work = 0.0
        """Seconds that all tasks take on a worker of speed 1, each counted once."""

        self.remade = 0.0
        """Seconds of what was made once more, or twice at once."""

        self.longest: dict[int, tuple[Stage, float]] = {}
        """Of each stage the seconds of its longest task."""

        self.speeds = cluster.speeds()
        self._cluster = cluster
        self._work = Work(cluster, chunk_bytes)
        self._speculate = speculate
        self._chance = random.Random(cluster.seed + 1)
        self._numbers = itertools.count()
        self._idle = deque(range(cluster.workers))
        self._dead: set[int] = set()
        self._running: dict[int, _Job] = {}
        self._queue: list[tuple[int, int, _Job]] = []
        self._waiting: list[_Job] = []
        self._ends: list[tuple[float, int, int, _Job]] = []
        self._handed_out = 0
        self._finished = 0
        self._remaking: dict[int, int] = {}
        self._stages: dict[int, Stage] = {}
        self._taken: dict[int, list[float]] = {}
        every = tasks // (cluster.lost + 1)
        self._deaths = deque(every * (number + 1) for number in range(cluster.lost))

    def open_query(
        self, query: int, settings: TaskSettings, cancelled: Callable[[], bool]
    ) -> Store:
        """Return the store."""
        return self.store

    def holds(self, query: int) -> bool:
        """Return True."""
        return True

    def free(self, query: int) -> int:
        """Return how many tasks it takes: one for each worker, and one to wait behind it."""
        return 2 * (self.workers - len(self._dead)) - self._handed_out

    def start(self, stage: Stage, task: Task) -> int:
        """Queue a task; what it takes to make the message is the driver's time."""
        self.sent += len(pickle.dumps(task, pickle.HIGHEST_PROTOCOL))
        self._queue_task(stage, task)
        return 1

    @_own
    def _queue_task(self, stage: Stage, task: Task) -> None:
        self._stages[stage.id] = stage
        self._handed_out += 1
        self._enqueue(RUN, _Job(stage=stage, task=task, cost=self._work.cost(stage, task)))
        self._dispatch()

    def _enqueue(self, order: int, job: _Job) -> None:
        heapq.heappush(self._queue, (order, next(self._numbers), job))

    def _dispatch(self) -> None:
        """Give what waits to workers that are idle."""
        while self._idle and self._queue:
            order, _, job = heapq.heappop(self._queue)
            if order == RUN and any(maker in self._remaking for maker in job.stage.reads):
                self._waiting.append(job)
                continue
            job.begun = self.now
            self._run(job)

    def _run(self, job: _Job) -> None:
        worker = self._idle.popleft()
        self._running[worker] = job
        job.workers.append(worker)
        end = self.now + job.cost.seconds / self.speeds[worker]
        heapq.heappush(self._ends, (end, next(self._numbers), worker, job))

    @_own
    def completed(self, query: int, timeout: float) -> Sequence[Report]:
        """Let time go on until something is to report."""
        reports: list[Report] = []
        while not reports and self._ends:
            until = self._ends[0][0] + self._cluster.heartbeat
            while self._ends and self._ends[0][0] <= until:
                end, _, worker, job = heapq.heappop(self._ends)
                self.now = max(self.now, end)
                if self._running.get(worker) is job:
                    reports += self._end(worker, job)
                self._dispatch()
                if self._speculate and self._idle:
                    self._start_again()
            self.now = until
        return reports

    def _free(self, worker: int) -> None:
        del self._running[worker]
        self._idle.append(worker)

    def _end(self, worker: int, job: _Job) -> Iterator[Report]:
        for each in job.workers:
            if self._running.get(each) is job:
                self._free(each)
                if each != worker:
                    self.remade += (self.now - job.begun) * self.speeds[each]
        job.over = True
        if job.task is None:
            self._remade(job)
            return
        self._handed_out -= 1
        self._finished += 1
        stage, task, cost = job.stage, job.task, job.cost
        seconds = self.now - job.begun
        self._taken.setdefault(stage.id, []).append(seconds)
        self.work += cost.seconds
        self.moved += cost.moved
        _, longest = self.longest.get(stage.id, (stage, 0.0))
        self.longest[stage.id] = stage, max(longest, cost.seconds)
        key = key_of(task)
        for ref in self._work.pieces(stage, task, cost):
            self.store.add(ref.path, _Made(stage.id, worker, ref.length, cost.seconds))
            yield Piece(key, ref)
        result = self._work.result(stage, task, cost, seconds)
        if result.refs:
            size = sum(ref.length for ref in result.refs)
            self.store.add(result.refs[0].path, _Made(stage.id, worker, size, cost.seconds))
        yield Done(key, result)
        if self._deaths and self._finished >= self._deaths[0]:
            self._deaths.popleft()
            yield from self._die()

    # Workers that die

    def _die(self) -> Iterator[Report]:
        if not self._running:
            return
        worker = self._chance.choice(sorted(self._running))
        self._dead.add(worker)
        job = self._running.pop(worker)
        yield WorkerDown(worker, worker, "lost")
        if all(other not in self._running for other in job.workers if other != worker):
            self.remade += (self.now - job.begun) * self.speeds[worker]
            job.over = True
            if job.task is None:
                again = _Job(stage=job.stage, task=None, cost=job.cost)
                self._enqueue(REMAKE, again)
            else:
                self._handed_out -= 1
                yield Lost(key_of(job.task), "the worker was lost", blamed=True)
        lost = [made for made in self.store.held.values() if made.worker == worker]
        for stage in {made.stage for made in lost}:
            self._remake(self._stages[stage], [m.seconds for m in lost if m.stage == stage])

    def _remake(self, stage: Stage, seconds: list[float]) -> None:
        """Have so much of a stage's output made once more, and what it takes to do so."""
        there = {made.stage for made in self.store.held.values()}
        for maker in stage.reads:
            if maker not in there and maker not in self._remaking:
                # All of it: each task behind a shuffle reads of every task before it.
                before = self._stages[maker]
                mean = statistics.fmean(self._taken[maker])
                self._remake(before, [mean] * before.partitions)
        self._remaking[stage.id] = self._remaking.get(stage.id, 0) + len(seconds)
        for each in seconds:
            job = _Job(stage=stage, task=None, cost=Cost(seconds=each, read=0, moved=0))
            self._enqueue(REMAKE, job)

    def _remade(self, job: _Job) -> None:
        self.remade += job.cost.seconds
        stage = job.stage.id
        self._remaking[stage] -= 1
        if not self._remaking[stage]:
            del self._remaking[stage]
            for waiting in self._waiting:
                self._enqueue(RUN, waiting)
            self._waiting.clear()

    # Tasks that take long

    def _start_again(self) -> None:
        """Start tasks once more that run much longer than others of their stage did."""
        for job in list(self._running.values()):
            if not self._idle:
                return
            taken = self._taken.get(job.stage.id, ())
            if len(job.workers) > 1 or len(taken) < job.stage.partitions // 2 + 1:
                continue
            due = job.begun + self._speculate * statistics.median(taken[-64:])
            if due <= self.now:
                self._run(job)
            elif not job.watched:
                # Looked at again then.
                job.watched = True
                heapq.heappush(self._ends, (due, next(self._numbers), -1, job))

    def cancel(self, query: int, stage: int | None = None, partition: int | None = None) -> None:
        """Give up tasks."""
        for worker, job in list(self._running.items()):
            task = job.task
            if task is None or (
                stage is not None and (task.stage, task.partition) != (stage, partition)
            ):
                continue
            self._free(worker)
            if not job.over:
                job.over = True
                self._handed_out -= 1

    def close_query(self, query: int) -> None:
        """Nothing is left to close."""

    def close(self) -> None:
        """Nothing runs."""

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
from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import ParamSpec, TypeVar

import pyarrow as pa

from partita.engine.execution.report import Done, Lost, Piece, Report, WorkerDown, key_of
from partita.engine.execution.stores import Store
from partita.engine.execution.task import TaskSettings
from partita.engine.execution.transport import Batches
from partita.engine.physical.stage import Ref, Stage, Task

from .bound import AVOIDED, FEW, HELD_BACK, LARGE, LAST, MESSAGES, REMADE, SKEW, SLOW, Total
from .cluster import Cluster
from .work import Cost, Work, output_of

P = ParamSpec("P")
R = TypeVar("R")

Output = tuple[int, int]
"""What a task has made: its stage and its partition."""

LEAST_TASKS = 3
"""Of a worker, until it counts as slow."""

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

    end: float = 0.0
    """When the first of them is done."""

    over: bool = False
    watched: bool = False
    makes: Output | None = None
    """What it makes once more."""


@dataclass(frozen=True)
class _Made:
    output: Output
    worker: int
    size: int
    seconds: float


class VirtualStore:
    """Where the workers' data would be: how much of it, and where."""

    def __init__(self) -> None:
        self.held: dict[str, _Made] = {}
        self.on_worker: defaultdict[int, set[str]] = defaultdict(set)
        self.bytes = 0
        self.peak = 0
        self.own_seconds = 0.0

    def add(self, path: str, made: _Made) -> None:
        """Count what a task has made."""
        self.held[path] = made
        self.on_worker[made.worker].add(path)
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
            self.on_worker[made.worker].discard(path)
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
    avoid
        Whether a worker that has taken so many times as long as others gets no task any more. 0
        for never.
    """

    name = "cluster"
    shares_memory = False
    broken = False
    busy = False

    def __init__(
        self,
        cluster: Cluster,
        tasks: int,
        chunk_bytes: int,
        speculate: float = 0.0,
        avoid: float = 0.0,
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

        self.lost_seconds = 0.0
        """Worker seconds that dead workers would have had."""

        self.holds_back: Callable[[], bool] = lambda: False
        """Whether tasks could be started that the scheduler does not start."""

        self.totals: dict[int, Total] = {}
        self.idle: defaultdict[str, float] = defaultdict(float)
        """By cause, worker seconds; the causes are those of `bound.CAUSES`."""

        self.speeds = cluster.speeds()
        self._cluster = cluster
        self._work = Work(cluster, chunk_bytes)
        self._speculate = speculate
        self._avoid = avoid
        self._avoided: set[int] = set()
        self._pace = [(0, 0.0)] * cluster.workers
        """Of each worker: its tasks that counted, and how many times the mean they took, summed."""

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
        self._remaking: set[Output] = set()
        self._latest: _Job | None = None
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
        return 2 * (self.workers - len(self._dead | self._avoided)) - self._handed_out

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
            if order == RUN and self._remaking and self._reads_lost(job):
                self._waiting.append(job)
                continue
            job.begun = self.now
            self._run(job)

    def _run(self, job: _Job) -> None:
        worker = self._idle.popleft()
        self._running[worker] = job
        job.workers.append(worker)
        end = self.now + job.cost.seconds / self.speeds[worker]
        job.end = min(end, job.end) if job.end else end
        if self._latest is not None and job.end > self._latest.end:
            self._latest = job
        heapq.heappush(self._ends, (end, next(self._numbers), worker, job))

    @_own
    def completed(self, query: int, timeout: float) -> Sequence[Report]:
        """Let time go on until something is to report."""
        reports: list[Report] = []
        while not reports and self._ends:
            until = self._ends[0][0] + self._cluster.heartbeat
            while self._ends and self._ends[0][0] <= until:
                end, _, worker, job = heapq.heappop(self._ends)
                self._pass(end, bool(reports))
                if self._running.get(worker) is job:
                    reports += self._end(worker, job)
                self._dispatch()
                if self._speculate and self._idle:
                    self._start_again()
            self._pass(until, bool(reports))
        return reports

    def _pass(self, until: float, told: bool) -> None:
        """Let time go on, and note why workers have nothing to do until then."""
        seconds = max(0.0, until - self.now)
        self.now += seconds
        self.lost_seconds += seconds * len(self._dead)
        if not seconds or not (self._idle or self._avoided):
            return
        self.idle[AVOIDED] += seconds * len(self._avoided - self._dead - self._running.keys())
        idle = len(self._idle)
        if self._waiting:
            self.idle[REMADE] += idle * seconds
        elif told:
            self.idle[MESSAGES] += idle * seconds
        elif self.holds_back():
            self.idle[HELD_BACK] += idle * seconds
        elif self._running:
            latest = self._latest
            if latest is None or latest.over:
                latest = self._latest = max(self._running.values(), key=lambda job: job.end)
            stages = {job.stage.id: job.stage.partitions for job in self._running.values()}
            tasks = sum(stages.values())
            few = min(idle, max(0, self.workers - len(self._dead) - tasks))
            self.idle[FEW] += few * seconds
            self.idle[self._why(latest)] += (idle - few) * seconds

    def _why(self, latest: _Job) -> str:
        """Return why all wait for the task that will end last."""
        if latest.task is None:
            return REMADE
        total = self.totals.get(latest.stage.id)
        mean = total.seconds / total.tasks if total is not None else latest.cost.seconds
        if self.speeds[latest.workers[0]] < 1 / 2:
            return SLOW
        return SKEW if latest.cost.seconds > LARGE * mean else LAST

    def _free(self, worker: int) -> None:
        del self._running[worker]
        if worker not in self._avoided:
            self._idle.append(worker)

    def _judge(self, worker: int, seconds: float, total: Total) -> None:
        """Give a worker no more tasks that is slow: from what its tasks took, as a driver could."""
        if not self._avoid or total.tasks < self.workers // 2:
            return
        tasks, times = self._pace[worker]
        self._pace[worker] = tasks + 1, times + seconds * total.tasks / total.seconds
        if tasks + 1 >= LEAST_TASKS and self._pace[worker][1] > self._avoid * (tasks + 1):
            self._avoided.add(worker)

    def _end(self, worker: int, job: _Job) -> Iterator[Report]:
        if job.task is not None and (known := self.totals.get(job.stage.id)) is not None:
            self._judge(worker, self.now - job.begun, known)
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
        self.totals.setdefault(stage.id, Total(stage)).add(cost.seconds)
        key = key_of(task)
        output = stage.id, task.partition
        for ref in self._work.pieces(stage, task, cost):
            self.store.add(ref.path, _Made(output, worker, ref.length, cost.seconds))
            yield Piece(key, ref)
        result = self._work.result(stage, task, cost, seconds)
        if result.refs:
            size = sum(ref.length for ref in result.refs)
            self.store.add(result.refs[0].path, _Made(output, worker, size, cost.seconds))
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
                again = _Job(stage=job.stage, task=None, cost=job.cost, makes=job.makes)
                self._enqueue(REMAKE, again)
            else:
                self._handed_out -= 1
                yield Lost(key_of(job.task), "the worker was lost", blamed=True)
        lost = [self.store.held[path] for path in self.store.on_worker[worker]]
        self._remake({made.output: made.seconds for made in lost})

    def _remake(self, lost: dict[Output, float]) -> None:
        """Have outputs made once more, and what is gone of that which is read for it."""
        needed = {output: each for output, each in lost.items() if output not in self._remaking}
        todo = list(needed)
        means: dict[int, float] = {}
        while todo:
            number, partition = todo.pop()
            for path in self._paths(self._stages[number], partition):
                if path in self.store.held:
                    continue
                output = output_of(path)
                if output not in needed and output not in self._remaking:
                    maker = output[0]
                    if maker not in means:
                        means[maker] = statistics.fmean(self._taken[maker])
                    needed[output] = means[maker]
                    todo.append(output)
        self._remaking |= needed.keys()
        # What is read first: it is of an earlier stage.
        for output in sorted(needed):
            cost = Cost(seconds=needed[output], read=0, moved=0)
            job = _Job(stage=self._stages[output[0]], task=None, cost=cost, makes=output)
            self._enqueue(REMAKE, job)

    def _paths(self, stage: Stage, partition: int) -> Iterator[str]:
        """Yield the files that the task of a partition reads."""
        _, branch, place = stage.task(partition)
        for refs in (branch.inputs[place].refs, *(side.refs(place) for side in branch.sides)):
            for ref in refs:
                yield ref.path

    def _reads_lost(self, job: _Job) -> bool:
        """Return whether a task reads what is being made once more."""
        assert job.task is not None
        if not {number for number, _ in self._remaking}.intersection(job.stage.reads):
            return False
        paths = self._paths(job.stage, job.task.partition)
        return any(output_of(path) in self._remaking for path in paths)

    def _remade(self, job: _Job) -> None:
        self.remade += job.cost.seconds
        assert job.makes is not None
        self._remaking.discard(job.makes)
        if not self._remaking:
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

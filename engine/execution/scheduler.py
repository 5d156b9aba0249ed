"""The one control loop: take what has completed, then ask the policy what to start.

It runs in the thread of whoever takes the result, and only while that waits for the next batch: a
consumer that is slow holds the query back by itself. The driver sees refs and counts, never rows,
until the result's own batches are mapped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import pyarrow as pa

from .. import config
from ..config import Settings
from ..errors import QueryCancelled, TaskPoisoned
from ..physical.memory import Shares
from ..physical.planner import Planner
from ..physical.stage import Stage, StageOutput, Task, TaskInput
from ..source import InMemory
from . import events, last_stage
from .delivery import Delivery, commit
from .executors.executor import Executor, not_held
from .holdings import Holdings
from .keeping import kept_in_memory
from .policy import Account, Policy, StageRun
from .report import (
    Done,
    Failed,
    Lost,
    Piece,
    Report,
    TaskKey,
    WorkerDown,
    WorkerUp,
    key_of,
    located,
    location,
    refs_of,
)
from .task import TaskSettings

HEARTBEAT = 0.2
"""Seconds after which a waiting loop shows a sign of life to its observers."""

AHEAD = 1.5
"""Partitions of the result for each worker that may be made before the user takes them."""

AHEAD_IN_CLUSTER = 6.0
"""Where workers hold them in memory of their own, not in that of the user's machine. Of a thousand
workers one is always late with the partition that comes next: in `benchmarks.cluster_sim` a scan
took 2.4 times its lower bound with 1.5 of them, 1.6 times with 3, 1.3 with 6, 1.24 with any number.
"""

DRIVER = 0
"""Number of the worker that is this process; those of a pool are numbered from 1."""


class Scheduler:
    """Runs one query on an executor."""

    def __init__(
        self,
        query: int,
        planner: Planner,
        executor: Executor,
        settings: Settings,
        share: Shares,
        observers: Sequence[events.Observer],
        kept: Callable[[], int] = lambda: 0,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> None:
        self._query = query
        self._planner = planner
        self._executor = executor
        self._settings = settings
        self._observers = events.Observers(query, observers)
        # Whether somebody has given the query up, from another thread.
        self._cancelled = cancelled
        # Bytes of shared memory that persisted frames take, and those that this query makes one of.
        self._kept = kept
        self._keeping = 0
        self._shares = share
        ahead = AHEAD_IN_CLUSTER if executor.memory else AHEAD
        self._policy = Policy(
            budget=share.shared,
            window=min(share.shared, int(ahead * settings.partition_bytes) * executor.workers),
            workers=executor.workers,
        )
        self._runs: dict[int, StageRun] = {}
        self._open: list[StageRun] = []
        self._inputs: dict[tuple[int, int], TaskInput] = {}
        self._workers: dict[tuple[int, int], int] = {}
        self._reading = 0
        self._committed = False
        # Workers lost by tasks that have finished since: something else ends workers here, so that
        # a task may lose as many more before it is blamed. A poisoned task makes none of them.
        self._accidents = 0

    def run(self) -> Iterator[pa.RecordBatch]:
        """Yield the batches of the result, in partition order.

        Raises
        ------
        PartitaError
            What a task failed with, located; `TaskPoisoned` when a task lost too many workers;
            `QueryCancelled` when it was given up.
        """
        settings = self._task_settings = TaskSettings(
            batch_rows=self._settings.batch_rows,
            chunk_bytes=self._settings.chunk_bytes,
            batch_bytes=config.batch_bytes(self._settings),
            stall_seconds=self._settings.task_stall_seconds,
            share=self._shares.task,
        )
        outcome = "stopped"
        try:
            self._store = self._executor.open_query(self._query, settings, self._cancelled)
            self._holdings = Holdings(self._store, self._planner.awaits_readers)
            self._delivery = Delivery(self._query, self._executor, self._store, self._holdings)
            self._observers.tell(
                events.QueryStarted, executor=self._executor.name, workers=self._executor.workers
            )
            self._plan()
            while not self._over():
                if not self._executor.holds(self._query):
                    raise not_held()
                self._start()
                reports = self._executor.completed(self._query, HEARTBEAT)
                if self._cancelled():
                    raise QueryCancelled("The query was cancelled before its end.")
                for report in reports:
                    self._take(report)
                if not reports:
                    self._observers.tell(events.Heartbeat)
                if (result := self._result) is not None:
                    yield from self._delivery.batches(result)
            result = self._result
            assert result is not None
            yield from self._delivery.batches(result)
            if result.stage.job is not None:
                written = commit(result, result.stage.job)
                self._committed = True
                yield written
            outcome = "finished"
        except GeneratorExit:
            raise
        except BaseException:
            outcome = "failed"
            raise
        finally:
            try:
                self._executor.close_query(self._query)
                if not self._committed:
                    self._abort()
            finally:
                self._observers.tell(events.QueryFinished, outcome=outcome)

    def _abort(self) -> None:
        for run in self._runs.values():
            if run.stage.job is not None:
                run.stage.job.abort()

    # Stages

    def _plan(self) -> None:
        """Take what stages the planner has now."""
        new = [StageRun(stage) for stage in self._planner.advance()]
        for run in new:
            self._runs[run.stage.id] = run
            self._open.append(run)
            self._holdings.expect(run.stage)
            self._observers.tell(events.StagePlanned, stage=run.stage)
        # Not before all are expected: what one releases another may read.
        for made in {made for run in new for made in run.stage.reads}:
            self._holdings.settle(made)
        for run in new:
            if not run.stage.partitions:
                self._finish(run)
            elif not self._executor.shares_memory and last_stage.is_for_driver(run.stage):
                self._run_here(run)

    def _finish(self, run: StageRun) -> None:
        """Tell the planner what a stage has made, and plan on."""
        self._open.remove(run)
        partitions = [tuple(run.pieces.get(number, ())) for number in range(run.end)]
        results = [run.results[number] for number in range(run.end)]
        output = StageOutput(stage=run.stage, partitions=partitions, results=results)
        for number in range(run.end, run.stage.partitions):
            self._forget_pieces(run, number)
            if number >= run.next:
                self._holdings.ended(run.stage.input(number))
        self._holdings.finish(run.stage)
        self._observers.tell(
            events.StageFinished, stage=run.stage.id, rows=output.rows, bytes=output.bytes
        )
        if run.stage.id != self._planner.result:
            self._planner.finished(output)
            self._plan()

    @property
    def _result(self) -> StageRun | None:
        """The stage that makes the result, once it is planned."""
        number = self._planner.result
        return None if number is None else self._runs.get(number)

    def _over(self) -> bool:
        return self._result is not None and self._result.finished

    # Tasks

    def _start(self) -> None:
        """Start tasks as long as the executor takes them and the policy has some."""
        few = self._shares.tasks < self._executor.workers
        while self._executor.free(self._query) > 0:
            if few and len(self._inputs) >= self._shares.tasks:
                return
            account = Account(
                held=self._holdings.bytes,
                running=self._reading,
                undelivered=self._delivery.undelivered,
                active=len(self._inputs),
            )
            run = self._policy.choose(self._open, account, self._delivery.cursor)
            if run is None:
                return
            self._begin(run, run.take())

    def _begin(self, run: StageRun, partition: int) -> None:
        """Have a worker run the task of a partition."""
        stage = run.stage
        task = self._task(run, partition)
        self._started(task, self._executor.start(stage, task))

    def _run_here(self, run: StageRun) -> None:
        """Run the last stage, which is one small task, in this process."""
        stage = run.stage
        task = self._task(run, run.take())
        self._started(task, DRIVER)
        for report in last_stage.reports(stage, task, self._store, self._task_settings):
            self._take(report)

    def _task(self, run: StageRun, partition: int) -> Task:
        stage = run.stage
        number, branch, place = stage.task(partition)
        task = Task(
            query=self._query,
            stage=stage.id,
            partition=partition,
            attempt=run.attempts.get(partition, 0),
            branch=number,
            input=self._shared(branch.inputs[place], stage, partition),
            sides=tuple(side.refs(place) for side in branch.sides),
            shared_memory=self._room_for(branch.inputs[place]),
        )
        self._inputs[stage.id, partition] = task.input
        self._reading += task.input.bytes
        return task

    def _started(self, task: Task, worker: int) -> None:
        self._workers[task.stage, task.partition] = worker
        self._tell_of(events.TaskStarted, key_of(task))

    def _shared(self, task: TaskInput, stage: Stage, partition: int) -> TaskInput:
        """Return the input with rows that lie in this process written where workers see them."""
        # Not isinstance: that takes 15 microseconds for a protocol, and this is asked per task.
        if self._executor.shares_memory or not hasattr(task.fragment, "table"):
            return task
        assert isinstance(task.fragment, InMemory)
        batches = task.fragment.table().to_batches(max_chunksize=self._settings.batch_rows)
        name = f"s{stage.id}-p{partition}-a{self._runs[stage.id].attempts.get(partition, 0)}-in"
        fast = task.bytes <= self._room()
        refs = self._store.write(name, [(0, batches)], fast) if batches else []
        for ref in refs:
            self._holdings.add_input(ref)
        return replace(task, fragment=None, refs=tuple(refs))

    def _room(self) -> int:
        """Return how many bytes more may go to shared memory; less than none if there is no room.

        Tasks that run will make about as much of what they read.
        """
        making = self._holdings.bytes + self._reading
        return self._policy.budget - making - self._keeping - self._kept()

    def _room_for(self, task: TaskInput) -> int:
        """Return how many bytes a task may put there: as many as it reads, and more if it may."""
        room = self._room()
        expected = task.bytes or self._settings.exchange_bytes
        beyond = max(room - expected, 0) // (2 * self._shares.tasks)
        return max(min(room, expected), 0) + beyond

    def _tell_of(self, kind: type[events.Event], key: TaskKey, **more: object) -> None:
        self._observers.tell(
            kind,
            stage=key.stage,
            partition=key.partition,
            attempt=key.attempt,
            worker=self._workers[key.stage, key.partition],
            **more,
        )

    # Reports

    def _take(self, report: Report) -> None:
        if self._is_late(report):
            return
        if isinstance(report, Done | Failed) and report.worker is not None:
            self._workers[report.key.stage, report.key.partition] = report.worker
        match report:
            case Piece():
                self._piece(report)
            case Done():
                self._done(report)
            case Failed():
                run = self._runs[report.key.stage]
                self._tell_of(
                    events.TaskFailed,
                    report.key,
                    reason=str(report.failure.error),
                    retry=False,
                )
                failure = located(report.failure, run.stage, report.key.partition)
                raise failure.raised() from failure.cause
            case Lost():
                self._lost(report)
            case WorkerDown():
                self._observers.tell(
                    events.WorkerDied, worker=report.worker, pid=report.pid, reason=report.reason
                )
            case _:
                self._observers.tell(events.WorkerStarted, worker=report.worker, pid=report.pid)

    def _is_late(self, report: Report) -> bool:
        """Return whether it is of a task that was cancelled while the report was on its way."""
        if isinstance(report, WorkerUp | WorkerDown):
            return False
        key = report.key
        if (key.stage, key.partition) in self._inputs:
            return False
        for path in {ref.path for ref in refs_of(report)}:
            self._store.remove(path)
        return True

    def _piece(self, report: Piece) -> None:
        key, ref = report.key, report.ref
        run = self._runs[key.stage]
        pieces = run.pieces.setdefault(key.partition, [])
        pieces.append(ref)
        result = run.stage.output.kind == "result"
        if result and self._delivery.is_given(key.partition, len(pieces) - 1):
            self._store.remove(ref.path)
            return
        self._holdings.add((ref,), key.stage)
        if result:
            self._delivery.add(ref)
        self._observers.tell(events.PieceMade, stage=key.stage, partition=key.partition, ref=ref)

    def _done(self, report: Done) -> None:
        key, result = report.key, report.result
        run = self._runs[key.stage]
        run.results[key.partition] = result
        self._accidents += run.losses.get(key.partition, 0)
        self._keeping += kept_in_memory(result.written)
        if result.refs:
            run.pieces.setdefault(key.partition, []).extend(result.refs)
            self._holdings.add(result.refs, key.stage)
        self._holdings.ended(self._ended(run, key.partition))
        self._tell_of(events.TaskFinished, key, result=result)
        if run.stage.output.limit is not None:
            self._stop_at_limit(run, run.stage.output.limit)
        if run.finished:
            self._finish(run)

    def _stop_at_limit(self, run: StageRun, limit: int) -> None:
        """Drop the partitions behind the first ones that together have enough rows."""
        while run.prefix < run.end and run.prefix in run.results:
            run.prefix_rows += run.results[run.prefix].rows
            run.prefix += 1
            if run.prefix_rows >= limit:
                run.end = run.prefix
        if run.prefix < run.end:
            return
        for partition in run.again:
            self._holdings.ended(run.stage.input(partition))
        run.again.clear()
        for partition in [number for number in run.running if number >= run.end]:
            self._executor.cancel(self._query, run.stage.id, partition)
            self._holdings.ended(self._ended(run, partition))

    def _ended(self, run: StageRun, partition: int) -> TaskInput:
        """Take a task off the list of those that run; return what it has read."""
        run.running.discard(partition)
        task = self._inputs.pop((run.stage.id, partition))
        self._reading -= task.bytes
        return task

    def _lost(self, report: Lost) -> None:
        """Have a lost task run again, unless it has cost too many workers."""
        key = report.key
        run = self._runs[key.stage]
        losses = run.losses.get(key.partition, 0) + report.blamed
        run.losses[key.partition] = losses
        retry = losses < self._settings.task_attempts + self._accidents
        self._tell_of(events.TaskFailed, key, reason=report.reason, retry=retry)
        if not retry:
            raise TaskPoisoned(
                f"A task ended {losses} workers, the last with: {report.reason}.\n"
                f"{location(run.stage, key.partition)}\n"
                "  Its data or its function ends or holds up every process that runs it. Look at"
                ' that partition alone; with executor="serial" it runs in this process.'
            )
        self._forget_pieces(run, key.partition)
        run.attempts[key.partition] = run.attempts.get(key.partition, 0) + 1
        for ref in self._ended(run, key.partition).refs:
            if self._holdings.is_input(ref.path):
                # Rows of this process that had been written for the worker: they are again.
                self._holdings.release(ref.path)
        run.again.add(key.partition)

    def _forget_pieces(self, run: StageRun, partition: int) -> None:
        """Remove what an attempt had made; of the result, what was given is not made again."""
        pieces = run.pieces.pop(partition, [])
        if run.stage.output.kind == "result":
            pieces = self._delivery.forget(partition, pieces)
        for path in {ref.path for ref in pieces}:
            self._holdings.remove(path)

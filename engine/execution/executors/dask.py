"""Run tasks on a Dask cluster: Dask starts them, moves what they read, and rebuilds what is lost.

A task is a key of a graph, and what it reads are other keys: the outputs of tasks before it. They
stay on the workers that made them, as Arrow streams, and go from worker to worker. The driver sends
what may be started in one message; each task reports by an event, with its rows where these are
few; other rows of the result are fetched one output after the other, as the user takes them. What
nobody will read any more is given up, and Dask forgets it with its last reader.
"""

from __future__ import annotations

import contextlib
import os
import queue
import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import cloudpickle
import pyarrow as pa

from ...errors import ExecutionError, PartitaError, TaskPoisoned, WorkerLost
from ...physical.stage import Branch, Ref, Stage, Task
from ..by_value import pickled_stage
from ..cluster.connecting import connected, refuse_others, versions
from ..report import (
    Done,
    Failed,
    Failure,
    Lost,
    Report,
    TaskKey,
    WorkerDown,
    WorkerUp,
    failure_of,
    key_of,
    refs_of,
)
from ..task import TaskSettings
from ..transport import MemoryStore, Store
from .executor import Resources, not_held

if TYPE_CHECKING:
    from distributed import Future

    from ..cluster.output import Output

AHEAD = 4
"""Tasks that are handed out for each thread of the cluster: so that it has some when it is done."""

LARGE = 64 * 1024
"""Bytes from which a stage, or rows of this process, go to the workers by themselves."""

LOOK_SECONDS = 0.2
"""How often to look for tasks of which nothing will be heard, for their workers have died."""

MEET_SECONDS = 2.0
"""How often to look for workers that have come or gone."""

TOLD_BYTES = 16 << 20
"""After so many bytes of events the scheduler is told to forget them; it keeps 100,000."""


@dataclass(eq=False)
class _Sent:
    """A task on its way."""

    task: Task
    stage: Stage
    future: Future | None = None
    inputs: tuple[Future, ...] = ()
    """Rows of this process, which Dask cannot make again."""


@dataclass(eq=False)
class _Query:
    number: int
    settings: TaskSettings
    heard: queue.SimpleQueue[dict[str, Any]] = field(default_factory=queue.SimpleQueue)
    waiting: list[TaskKey] = field(default_factory=list)
    """Tasks that go out with the next message."""

    sent: dict[TaskKey, _Sent] = field(default_factory=dict)
    made: dict[str, Future] = field(default_factory=dict)
    """By path: the output of a task, given up with the last of its paths."""

    blobs: dict[int, bytes | Future] = field(default_factory=dict)
    looked: float = 0.0


class _Store(MemoryStore):
    """What the driver reads of the cluster, and what it gives to it."""

    def __init__(self, query: _Query, fetch: Callable[[list[Future]], list[Output]]) -> None:
        super().__init__(os.getcwd)
        self._query = query
        self._fetch = fetch

    def read(self, *refs: Ref, sparsely: bool = False) -> Iterator[pa.RecordBatch]:
        """Stream the batches of `refs`, fetched together if they are not here yet."""
        paths = dict.fromkeys(ref.path for ref in refs if ref.path not in self.files)
        wanted = {self._query.made[path].key: self._query.made[path] for path in paths}
        for output in self._fetch(list(wanted.values())) if wanted else ():
            self.take(output)
        yield from super().read(*refs)

    def take(self, output: Output) -> None:
        """Have the streams of an output here."""
        self.files.update({path: dict(streams) for path, streams in output.files.items()})

    def remove(self, path: str) -> None:
        """Forget the streams under `path`, here and there."""
        super().remove(path)
        self._query.made.pop(path, None)


class DaskExecutor:
    """The workers of a Dask cluster, for one session.

    Parameters
    ----------
    where
        ``dask``, ``dask://host:port``, or a `distributed.Client`, which is not closed.
    resources
        How many workers a cluster of this machine has, and where they put rows on disk.
    """

    name = "dask"
    shares_memory = False

    def __init__(self, where: Any, resources: Resources) -> None:
        self._client, self._cluster = connected(where, resources)
        self._own = self._client is not where
        self._where = self._client.scheduler_info()["address"]
        self._process = os.getpid()
        self._topic = f"partita-{self._client.id}-{id(self):x}"
        self._told = 0
        self._queries: dict[int, _Query] = {}
        self._stores: dict[int, _Store] = {}
        self._versions = tuple(versions().items())
        self._known: dict[str, tuple[int, int]] = {}
        """By address: the number and the process of a worker."""

        self._met = 0.0
        self.workers = 1
        self._client.subscribe_topic(self._topic, self._hear)
        try:
            self._meet()
        except BaseException:
            self.close()
            raise

    def _hear(self, event: tuple[float, dict[str, Any]]) -> None:
        """Take what a worker tells, in the client's own thread."""
        query = self._queries.get(event[1]["query"])
        if query is not None:
            query.heard.put(event[1])

    def _meet(self) -> list[Report]:
        """Look which workers have come, and refuse those that do not fit, or gone."""
        there = self._client.scheduler_info(n_workers=-1)["workers"]
        reports: list[Report] = []
        for address in [address for address in self._known if address not in there]:
            number, pid = self._known.pop(address)
            reports.append(WorkerDown(number, pid, f"{address} left the cluster"))
        new = [address for address in there if address not in self._known]
        for address, pid in refuse_others(self._client, new) if new else ():
            self._numbers += 1
            self._known[address] = self._numbers, pid
            reports.append(WorkerUp(self._numbers, pid))
        self.workers = max(1, sum(worker["nthreads"] for worker in there.values()))
        self._met = time.monotonic()
        return reports

    _numbers = 0

    @property
    def broken(self) -> bool:
        """Whether the scheduler is gone."""
        return self._client.status != "running"

    @property
    def busy(self) -> bool:
        """Whether a query is under way."""
        return bool(self._queries)

    def open_query(
        self, query: int, settings: TaskSettings, cancelled: Callable[[], bool]
    ) -> Store:
        """Make ready for the tasks of a query."""
        found = self._queries[query] = _Query(query, settings)
        store = self._stores[query] = _Store(found, self._fetch)
        return store

    def holds(self, query: int) -> bool:
        """Return whether the query is open here."""
        return query in self._queries and os.getpid() == self._process

    def free(self, query: int) -> int:
        """Return how many tasks can be handed out."""
        return AHEAD * self.workers - len(self._queries[query].sent)

    def start(self, stage: Stage, task: Task) -> int:
        """Note a task; it goes out with others, when the driver waits for reports."""
        if not self.holds(task.query):
            raise not_held()
        query = self._queries[task.query]
        query.sent[key_of(task)] = _Sent(task, stage)
        query.waiting.append(key_of(task))
        return 0

    def completed(self, query: int, timeout: float) -> Sequence[Report]:
        """Send what was started, and wait for reports."""
        if not self.holds(query):
            raise not_held()
        found = self._queries[query]
        self._send(found)
        reports: list[Report] = []
        with contextlib.suppress(queue.Empty):
            reports += self._reports(found, found.heard.get(timeout=timeout))
            while True:
                reports += self._reports(found, found.heard.get_nowait())
        now = time.monotonic()
        if now - found.looked > LOOK_SECONDS:
            found.looked = now
            reports += self._ended_unheard(found)
        if now - self._met > MEET_SECONDS:
            reports += self._meet()
        return reports

    def _reports(self, query: _Query, message: dict[str, Any]) -> Sequence[Report]:
        """Return what a task has told; nothing if Dask has run it once more, or nobody waits."""
        reports: list[Report] = cloudpickle.loads(message["reports"])
        number, _ = self._known.get(message["worker"], (0, 0))
        last = reports[-1]
        assert isinstance(last, Done | Failed)
        sent = query.sent.pop(last.key, None)
        self._count(len(message["reports"]) + len(message["output"]))
        if sent is None or sent.future is None:
            return ()
        reports[-1] = replace(last, worker=number)
        for report in reports:
            for ref in refs_of(report):
                query.made[ref.path] = sent.future
        if message["output"]:
            self._stores[query.number].take(cloudpickle.loads(message["output"]))
        return reports

    def _count(self, size: int) -> None:
        """Have the scheduler forget what was told."""
        self._told += size
        if self._told > TOLD_BYTES:
            self._told = 0
            self._aside(self._client.run_on_scheduler, _forget_events, self._topic)

    def _aside(self, call: Callable[..., Any], *arguments: Any, **options: Any) -> None:
        """Ask something of the cluster without waiting for the answer."""
        loop: Any = self._client.loop
        loop.add_callback(call, *arguments, asynchronous=True, **options)

    def _ended_unheard(self, query: _Query) -> list[Report]:
        """Report the tasks that Dask has given up."""
        if self.broken:
            raise ExecutionError(
                f"The Dask scheduler at {self._where} does not answer any more;"
                " what the query had made is gone with it. Run the query again when there is one."
            )
        reports: list[Report] = []
        for key, sent in list(query.sent.items()):
            if sent.future is None:
                continue
            status = sent.future.status
            if status == "error":
                reports.append(Failed(key, _failure(sent.future.exception())))
            elif status in ("cancelled", "lost"):
                reports.append(Lost(key, "Dask lost what it reads with a worker", not sent.inputs))
            else:
                continue
            del query.sent[key]
        return reports

    def _send(self, query: _Query) -> None:
        """Send the tasks that wait, those of the latest stage first."""
        waiting = [query.sent[key] for key in query.waiting if key in query.sent]
        query.waiting.clear()
        for stage in sorted({sent.stage.id for sent in waiting}, reverse=True):
            wave = [sent for sent in waiting if sent.stage.id == stage]
            nodes = dict(self._node(query, sent) for sent in wave)
            futures = self._client.get(nodes, list(nodes), sync=False, priority=stage)
            for sent, future in zip(wave, futures, strict=True):
                sent.future = future

    def _node(self, query: _Query, sent: _Sent) -> tuple[Any, Any]:
        """Return the key of a task and what Dask is to run for it."""
        from dask._task_spec import Task as Node  # late, as all of Dask
        from dask._task_spec import TaskRef

        from ..cluster.output import Output
        from ..cluster.remote import Order, run

        task, stage = sent.task, sent.stage
        given = self._stores[query.number].files
        paths = list(_paths(task, stage.branches[task.branch]))
        reads = {query.made[path].key for path in paths if path in query.made}
        rows = Output({path: given[path] for path in paths if path not in query.made})
        order = Order(
            query=(self._topic, query.number),
            task=task,
            settings=query.settings,
            versions=self._versions,
        )
        if rows.bytes > LARGE:
            sent.inputs = (self._client.scatter(rows, hash=False),)
            reads.add(sent.inputs[0].key)
        elif rows.files:
            order = replace(order, rows=rows)
        if stage.id not in query.blobs:
            blob = pickled_stage(stage)
            large = len(blob) > LARGE
            query.blobs[stage.id] = (
                self._client.scatter(blob, broadcast=True, hash=False) if large else blob
            )
        known = query.blobs[stage.id]
        name = f"{_shown(stage.label)}-{self._topic}-q{query.number}-s{stage.id}"
        key = name, task.partition, task.attempt
        return key, Node(
            key,
            run,
            cloudpickle.dumps(order),
            known if isinstance(known, bytes) else TaskRef(known.key),
            *map(TaskRef, reads),
            # What reads a source may run anywhere, and not only where its small sides lie.
            _data_producer=task.input.fragment is not None,
        )

    def _fetch(self, futures: list[Future]) -> list[Output]:
        """Bring outputs here."""
        try:
            return self._client.gather(futures)
        except PartitaError:
            raise
        except Exception as error:
            raise WorkerLost(
                f"Rows that the cluster had made could not be fetched: {type(error).__name__}:"
                f" {error}. Run the query again."
            ) from error

    def cancel(self, query: int, stage: int | None = None, partition: int | None = None) -> None:
        """Give up tasks: Dask tells their workers."""
        sent = self._queries[query].sent
        for key in list(sent):
            if stage is None or (key.stage, key.partition) == (stage, partition):
                del sent[key]

    def close_query(self, query: int) -> None:
        """Give up all that belongs to the query."""
        if self._queries.pop(query, None) is None or os.getpid() != self._process:
            return
        from ..cluster.remote import forget

        del self._stores[query]
        if not self.broken:
            self._aside(self._client.run, forget, (self._topic, query), on_error="ignore")

    def close(self) -> None:
        """Leave the cluster; end it if it was started here."""
        self._queries.clear()
        self._stores.clear()
        if not self.broken:
            self._client.unsubscribe_topic(self._topic)
        if self._own:
            self._client.close()
        if self._cluster is not None:
            self._cluster.close()


def _forget_events(topic: str, dask_scheduler: Any) -> None:
    dask_scheduler._broker.truncate(topic)


def _paths(task: Task, branch: Branch) -> Iterator[str]:
    """Yield the paths of all that a task reads."""
    for refs in (task.input.refs, *task.sides):
        for ref in refs:
            yield ref.path
    for side in branch.sides:
        if side.made_by is not None:
            yield from _paths_made(side.made_by)


def _paths_made(branch: Branch) -> Iterator[str]:
    for task in branch.inputs:
        for ref in task.refs:
            yield ref.path
    for side in branch.sides:
        for refs in side.partitions:
            for ref in refs:
                yield ref.path
        if side.made_by is not None:
            yield from _paths_made(side.made_by)


def _shown(label: str) -> str:
    """Return the label of a stage as Dask's dashboard shows it: what comes before a digit."""
    return re.sub(r"[^A-Za-z_]+", "_", label)[:60].strip("_") or "stage"


def _failure(error: BaseException | None) -> Failure:
    """Return what is told of a task that Dask has given up."""
    from distributed.scheduler import KilledWorker

    if not isinstance(error, KilledWorker):
        return failure_of(error or ExecutionError("Dask gave the task up, and not why."))
    return Failure(
        TaskPoisoned(
            f"A task ended every worker that Dask tried it on, the last one at"
            f" {error.last_worker.address}. Its data or its function ends any process that runs"
            " it, or takes more memory than a worker has (the worker's log says which)."
        )
    )

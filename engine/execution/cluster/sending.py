"""The graph that the driver sends: what a task is for Dask, and which keys it reads."""

from __future__ import annotations

import contextlib
import heapq
import itertools
import pickle
import queue
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import cloudpickle
import dask
from dask._task_spec import Task as Node
from dask._task_spec import TaskRef
from distributed.scheduler import KilledWorker

from ...errors import WorkerLost
from ...physical.stage import Branch, Ref, Stage, Task
from ...source import KeptFile
from ..by_value import pickled_stage
from ..keeping import KeepJob
from ..report import Done, Failed, Failure, Lost, TaskKey, failure_of, key_of, refs_of
from ..task import TaskSettings
from .connecting import versions
from .exchange import Made, is_worth_cutting, parts, take
from .output import Output
from .remote import Order, run
from .sealed import Sealed, itself

if TYPE_CHECKING:
    import pyarrow as pa
    from distributed import Client, Future

LARGE_STAGE = 64 * 1024
"""Bytes from which a stage is a key of its own, which goes to each worker once."""

HELD_ROWS = 512 << 20
"""Bytes of this process's rows, for each query, that go along with their tasks. The scheduler holds
these for as long as Dask may have to run the tasks again, so that they are never lost. What is more
is put on a worker, and lost with it."""


_WARNED_FROM = "distributed.admin.large-graph-warning-threshold"

_numbers = itertools.count()


@dataclass(eq=False)
class Sent:
    """A task on its way."""

    task: Task
    stage: Stage
    future: Any = None
    begun: int = 0
    """On how many workers it was, as far as they have told."""

    rows: Any = None
    """Rows of this process that were put on a worker, where Dask cannot make them again."""


@dataclass(frozen=True, order=True)
class Result:
    """What a task has made of the result, in the order in which it is taken."""

    partition: int
    number: int
    """Of the report; a partition may be made again."""

    made: Made = field(compare=False)
    paths: Mapping[str, int] = field(compare=False)
    """With the bytes of each."""

    @property
    def size(self) -> int:
        """Bytes of all of it."""
        return self.made.size


@dataclass(eq=False)
class Query:
    """What the driver knows of a query on the cluster."""

    name: tuple[str, int]
    settings: TaskSettings
    alone: bool
    """Whether the workers are the session's own."""

    heard: queue.SimpleQueue[dict[str, Any]] = field(default_factory=queue.SimpleQueue)
    waiting: list[TaskKey] = field(default_factory=list)
    """Tasks that go out with the next message."""

    sent: dict[TaskKey, Sent] = field(default_factory=dict)
    """Tasks that nothing was heard of yet."""

    made: dict[str, Made] = field(default_factory=dict)
    """Outputs by path; one is given up with the last of its paths."""

    results: list[Result] = field(default_factory=list)
    """A heap of what of the result was not fetched yet."""

    files: dict[str, dict[int, pa.Buffer]] = field(default_factory=dict)
    """Streams that are here: given to the cluster, or fetched from it."""

    looked: float = 0.0
    """When tasks were looked for of which nothing will be heard."""

    _stages: dict[int, bytes | Any] = field(default_factory=dict)
    """Stages as they travel: with each task, or large ones as a key."""

    _kept: list[Future] = field(default_factory=list)
    """What Dask needs to make an output again, for as long as it may have to."""

    _rows: int = 0
    """Bytes of this process's rows that the scheduler holds."""

    _cuts: dict[int, bool] = field(default_factory=dict)

    def add(self, stage: Stage, task: Task) -> None:
        """Note a task that is to be sent."""
        self.sent[key_of(task)] = Sent(task, stage)
        self.waiting.append(key_of(task))

    def told(self, news: Mapping[str, Any], worker: int) -> list[Any]:
        """Return the reports of a task's end, and note where what it has made lies.

        There are none if Dask has run it once more, or if nobody waits for it.
        """
        key = TaskKey(self.name[1], *news["key"])
        sent = self.sent.get(key)
        if sent is None or sent.future is None:
            return []
        if "begun" in news:
            sent.begun += 1
            return []
        del self.sent[key]
        if "left" in news:
            return []
        reports: list[Any] = pickle.loads(news["reports"])
        reports[-1] = replace(reports[-1], worker=worker)
        refs = [ref for report in reports for ref in refs_of(report)]
        made = Made(sent.future, worker, sum(ref.length for ref in refs))
        self.made.update({ref.path: made for ref in refs})
        if news["output"]:
            self.files.update(pickle.loads(news["output"]).files)
        elif sent.stage.output.kind == "result" and refs:
            paths = {ref.path: ref.length for ref in refs}
            heapq.heappush(self.results, Result(key.partition, next(_numbers), made, paths))
        if isinstance(sent.stage.job, KeepJob) and isinstance(reports[-1], Done):
            # What is persisted is there as long as somebody has the names of it.
            result = reports[-1].result
            kept = [file for file in result.written if isinstance(file, KeptFile)]
            written = tuple([replace(file, holder=sent.future) for file in kept])
            reports[-1] = replace(reports[-1], result=replace(result, written=written))
        return reports

    def leave(self, seconds: float) -> None:
        """Give up all tasks; wait for those that write until they have let go of their files."""
        writing = {
            (key.stage, key.partition, key.attempt)
            for key, sent in self.sent.items()
            if sent.begun and sent.stage.job is not None
        }
        self.sent.clear()
        self.made.clear()
        self.results.clear()
        deadline = time.monotonic() + seconds
        with contextlib.suppress(queue.Empty):
            while writing and (left := deadline - time.monotonic()) > 0:
                news = self.heard.get(timeout=left)
                if "begun" not in news:
                    writing.discard(tuple(news["key"]))

    def given_up(self) -> Iterator[Failed | Lost]:
        """Yield reports of the tasks that Dask has given up, which tell nothing themselves."""
        for key, sent in list(self.sent.items()):
            status = sent.future.status if sent.future is not None else "pending"
            if status == "error":
                del self.sent[key]
                yield _ended(key, sent, sent.future.exception())
            elif status in ("cancelled", "lost"):
                del self.sent[key]
                if sent.rows is not None:
                    # They are put on another worker.
                    yield Lost(key, "rows of this process were lost with a worker", False)
                else:
                    yield Failed(key, Failure(_lost("it cannot be made again")))

    def send(self, client: Client, workers: int) -> None:
        """Send the tasks that wait: those of one stage with one message, of the latest first."""
        waiting = [self.sent[key] for key in self.waiting if key in self.sent]
        self.waiting.clear()
        for stage in sorted({sent.stage.id for sent in waiting}, reverse=True):
            wave = [sent for sent in waiting if sent.stage.id == stage]
            graph: dict[Any, Node] = {}
            keys = [self._node(graph, sent, client, workers) for sent in wave]
            shared = [self._stages[stage]] if self._stages[stage] in graph else []
            # Rows of this process make it large, and nothing is to be done about that.
            with dask.config.set({_WARNED_FROM: HELD_ROWS}):
                futures = client.get(
                    graph, [*keys, *shared], sync=False, priority=_first(graph, stage)
                )
            for sent, future in zip(wave, futures, strict=False):
                sent.future = future
            self._kept += futures[len(wave) :]

    def _node(self, graph: dict[Any, Node], sent: Sent, client: Client, workers: int) -> Any:
        """Add a task to the graph, with the keys that cut for it what it reads; return its key."""
        task, stage = sent.task, sent.stage
        name = f"{_shown(stage.label)}-{self.name[0]}-q{self.name[1]}-s{stage.id}"
        key = name, task.partition, task.attempt
        reads: dict[Any, None] = {}
        cut: set[Made] = set()
        if stage.id not in self._cuts:
            self._cuts[stage.id] = is_worth_cutting(stage, self.made, workers)
        for number, (outputs, wanted) in enumerate(
            parts(task, stage, self.made) if self._cuts[stage.id] else ()
        ):
            cut.update(outputs)
            part = f"{name}-part{number}", task.partition, task.attempt
            graph[part] = Node(
                part,
                take,
                Sealed(cloudpickle.dumps(wanted), part),
                *[TaskRef(one.future.key) for one in outputs],
            )
            reads[part] = None
        given: dict[str, dict[int, pa.Buffer]] = {}
        for path in _paths(task, stage.branches[task.branch]):
            if path not in self.made:
                given[path] = self.files[path]
            elif self.made[path] not in cut:
                reads[self.made[path].future.key] = None
        for holder in _holders(task, stage.branches[task.branch]):
            reads[holder.key] = None
        rows: Output | None = Output(given) if given else None
        if rows is not None and self._rows + rows.bytes > HELD_ROWS:
            sent.rows, rows = client.scatter(rows, hash=False), None
            reads[sent.rows.key] = None
        self._rows += rows.bytes if rows is not None else 0
        if stage.id not in self._stages:
            self._stages[stage.id] = blob = pickled_stage(stage)
            if len(blob) > LARGE_STAGE:
                self._stages[stage.id] = shared = f"{name}-stage", 0, 0
                graph[shared] = Node(shared, itself, Sealed(blob, shared))
        known = self._stages[stage.id]
        order = Order(
            query=self.name,
            task=task,
            settings=self.settings,
            versions=versions(),
            alone=self.alone,
        )
        graph[key] = Node(
            key,
            run,
            Sealed(cloudpickle.dumps(order), key),
            Sealed(known, name) if isinstance(known, bytes) else TaskRef(known),
            *([] if rows is None else [rows]),
            *map(TaskRef, reads),
            # What reads a source may run anywhere, and not only where its small sides lie.
            _data_producer=not reads or (task.input.fragment is not None and not task.input.refs),
        )
        return key


def _first(graph: Mapping[Any, Any], stage: int) -> Callable[[Any], int]:
    """Return the priorities of keys: later stages go first, and of one stage the lower partitions.

    Dask itself takes what was sent together from the last to the first, and what is sent alone
    before both: the first rows came last, with all others ahead of them held. Its scheduler calls
    what it is given, and need not have this package.
    """
    return {key: (stage << 32) - key[1] for key in graph}.__getitem__


def _ended(key: TaskKey, sent: Sent, error: Any) -> Failed | Lost:
    """Return what to report of a task that ended with an error of Dask's own."""
    if not isinstance(error, KilledWorker):
        return Failed(key, failure_of(error))
    if error.task != sent.future.key:
        last = error.last_worker.address
        return Failed(
            key, Failure(_lost(f"so it was whenever it was made again, last with {last}"))
        )
    # Dask counts the deaths of all workers that the task was sent to, whether it had begun or not.
    reason = f"{error.last_worker.address} ended, as others before that Dask tried the task on"
    return Lost(key, reason, sent.begun)


def _lost(more: str) -> WorkerLost:
    return WorkerLost(
        f"What the task reads was lost with a worker, and {more}. Run the query again;"
        f" what is more than {HELD_ROWS:,} bytes of the driver's rows is safer in files that all"
        " workers see."
    )


def _paths(task: Task, branch: Branch) -> Iterator[str]:
    """Yield the paths of all refs that a task reads."""
    refs: Sequence[Ref]
    for refs in (task.input.refs, *task.sides):
        for ref in refs:
            yield ref.path
    for made_by in _made_by(branch):
        for inner in made_by.inputs:
            for ref in inner.refs:
                yield ref.path
        for side in made_by.sides:
            for refs in side.partitions:
                for ref in refs:
                    yield ref.path


def _holders(task: Task, branch: Branch) -> Iterator[Any]:
    """Yield the futures of persisted rows that a task reads."""
    inputs = [task.input, *(inner for made_by in _made_by(branch) for inner in made_by.inputs)]
    for each in inputs:
        yield from getattr(each.fragment, "holders", ())


def _made_by(branch: Branch) -> Iterator[Branch]:
    """Yield the branches of which a task makes its sides."""
    for side in branch.sides:
        if side.made_by is not None:
            yield side.made_by
            yield from _made_by(side.made_by)


def _shown(label: str) -> str:
    """Return the label of a stage as Dask's dashboard shows it.

    >>> _shown("scan > filter (a > 10) > hash")
    'scan_filter_a_hash'
    """
    return re.sub(r"[^A-Za-z]+", "_", label)[:60].strip("_") or "stage"

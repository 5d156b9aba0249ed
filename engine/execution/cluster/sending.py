"""The graph that the driver sends: what a task is for Dask, and which keys it reads."""

from __future__ import annotations

import queue
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import cloudpickle
from dask._task_spec import Task as Node
from dask._task_spec import TaskRef

from ...physical.stage import Branch, Ref, Stage, Task, TaskResult
from ...source import HELD
from ..by_value import pickled_stage
from ..report import TaskKey, key_of, refs_of
from ..task import TaskSettings
from .connecting import versions
from .exchange import Made, is_worth_cutting, parts, take
from .output import Output
from .remote import Order, run

if TYPE_CHECKING:
    import pyarrow as pa
    from distributed import Client, Future

LARGE = 64 * 1024
"""Bytes from which a stage, or rows of this process, go to the workers by themselves."""


@dataclass(eq=False)
class Sent:
    """A task on its way."""

    task: Task
    stage: Stage
    future: Any = None
    rows: Any = None
    """Rows of this process that were put on a worker, where Dask cannot make them again."""


@dataclass(eq=False)
class Query:
    """What the driver knows of a query on the cluster."""

    name: tuple[str, int]
    settings: TaskSettings
    heard: queue.SimpleQueue[dict[str, Any]] = field(default_factory=queue.SimpleQueue)
    waiting: list[TaskKey] = field(default_factory=list)
    """Tasks that go out with the next message."""

    sent: dict[TaskKey, Sent] = field(default_factory=dict)
    """Tasks that nothing was heard of yet."""

    made: dict[str, Made] = field(default_factory=dict)
    """Outputs by path; one is given up with the last of its paths."""

    files: dict[str, dict[int, pa.Buffer]] = field(default_factory=dict)
    """Streams that are here: given to the cluster, or fetched from it."""

    looked: float = 0.0
    """When tasks were looked for of which nothing will be heard."""

    _stages: dict[int, bytes | Future] = field(default_factory=dict)
    _cuts: dict[int, bool] = field(default_factory=dict)

    def add(self, stage: Stage, task: Task) -> None:
        """Note a task that is to be sent."""
        self.sent[key_of(task)] = Sent(task, stage)
        self.waiting.append(key_of(task))

    def take(self, sent: Sent, reports: list[Any], worker: int) -> None:
        """Note where what a task has made lies; hold by reference what it has persisted."""
        result = getattr(reports[-1], "result", TaskResult())
        refs = [ref for report in reports for ref in refs_of(report)]
        made = Made(sent.future, worker, sum(ref.length for ref in refs))
        self.made.update({ref.path: made for ref in refs})
        kept = [file.path.startswith(HELD) for file in result.written]
        if any(kept):
            written = [
                replace(file, holder=sent.future) if held else file
                for file, held in zip(result.written, kept, strict=True)
            ]
            result = replace(result, written=tuple(written))
            reports[-1] = replace(reports[-1], result=result)
        reports[-1] = replace(reports[-1], worker=worker)

    def send(self, client: Client, workers: int) -> None:
        """Send the tasks that wait: those of one stage with one message, of the latest first."""
        waiting = [self.sent[key] for key in self.waiting if key in self.sent]
        self.waiting.clear()
        for stage in sorted({sent.stage.id for sent in waiting}, reverse=True):
            wave = [sent for sent in waiting if sent.stage.id == stage]
            graph: dict[Any, Node] = {}
            keys = [self._node(graph, sent, client, workers) for sent in wave]
            futures = client.get(graph, keys, sync=False, priority=stage)
            for sent, future in zip(wave, futures, strict=True):
                sent.future = future

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
                part, take, cloudpickle.dumps(wanted), *[TaskRef(one.future.key) for one in outputs]
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
        if rows is not None and rows.bytes > LARGE:
            sent.rows, rows = client.scatter(rows, hash=False), None
            reads[sent.rows.key] = None
        if stage.id not in self._stages:
            blob = pickled_stage(stage)
            self._stages[stage.id] = blob
            if len(blob) > LARGE:
                self._stages[stage.id] = client.scatter(blob, broadcast=True, hash=False)
        known = self._stages[stage.id]
        order = Order(
            query=self.name, task=task, settings=self.settings, versions=versions(), rows=rows
        )
        graph[key] = Node(
            key,
            run,
            cloudpickle.dumps(order),
            known if isinstance(known, bytes) else TaskRef(known.key),
            *map(TaskRef, reads),
            # What reads a source may run anywhere, and not only where its small sides lie.
            _data_producer=task.input.fragment is not None and not task.input.refs,
        )
        return key


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

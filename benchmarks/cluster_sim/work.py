"""What a task would read, take and make: it follows from its stage and from a seed.

A step of a stage keeps a share of the bytes that it is given (`KEEPS`). Rows of facts lie behind a
hash exchange as a Zipf distribution of keys has it; of a table with one row for each key, and of
states of groups, all slots have as many. Of a sorted run each range has the same share, as the
planner cuts them by samples; these follow the same distribution, so that frequent keys are
there to be split.
"""

from __future__ import annotations

import functools
import random
from collections.abc import Iterator
from dataclasses import dataclass

from partita.engine.physical.operators.filter import FilterRows
from partita.engine.physical.operators.final_aggregate import FinalAggregate
from partita.engine.physical.operators.join import HashJoin
from partita.engine.physical.operators.partial_aggregate import PartialAggregate
from partita.engine.physical.stage import Branch, Ref, Stage, Task, TaskResult

from .cluster import Cluster

KEEPS = {FilterRows: 0.25, PartialAggregate: 0.02, FinalAggregate: 0.5, HashJoin: 0.5}
"""Operator -> of the bytes it is given, the share that it hands on; 1 for others."""

ROW_BYTES = 100

KEYS = 10_000
"""Different keys of a Zipf distribution: the first has a tenth of all rows."""

SAMPLES = 32
"""Of a sorted run; the real ones have more, which says nothing of the scheduler."""

ALIGNMENT = 64


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What a task takes on a worker of speed 1."""

    seconds: float
    read: int
    """Bytes."""

    moved: int
    """Bytes that come from other workers."""


class Work:
    """The work of one query on a cluster."""

    def __init__(self, cluster: Cluster, chunk_bytes: int) -> None:
        self._cluster = cluster
        self._chunk_bytes = chunk_bytes
        self._made: dict[int, int] = {}
        """Bytes that each stage with a range exchange has made."""

        self._skewed: dict[tuple[int, int], bool] = {}
        """By stage and branch."""

        chance = random.Random(cluster.seed)
        self._uneven = [chance.lognormvariate(0, cluster.uneven) for _ in range(4096)]

    def cost(self, stage: Stage, task: Task) -> Cost:
        """Return what a task takes."""
        cluster = self._cluster
        scanned = 0 if task.input.fragment is None else task.input.fragment.bytes
        if task.input.key_range is not None:
            read = sum(self._made[maker] for maker in stage.reads) // stage.partitions
        else:
            read = sum(ref.bytes for ref in task.input.refs)
        read += sum(ref.bytes for side in task.sides for ref in side)
        seconds = (
            cluster.task_seconds
            + scanned / cluster.scan_rate
            + read / cluster.work_rate
            + read / cluster.network_rate
        )
        uneven = self._uneven[(stage.id * 7919 + task.partition) % len(self._uneven)]
        return Cost(seconds=seconds * uneven, read=scanned + read, moved=read)

    def _is_skewed(self, stage: Stage, task: Task) -> bool:
        """Return whether keys are frequent in what a task makes: it streams such rows."""
        known = stage.id, task.branch
        if known not in self._skewed:
            if task.input.fragment is not None:
                made = getattr(task.input.fragment, "skewed", False)
            else:
                made = any(
                    self._skewed.get((maker_of(refs[0].path), 0), False)
                    for refs in (task.input.refs, *task.sides)
                    if refs
                )
            for step in stage.branches[task.branch].operators:
                made = made and not isinstance(step, PartialAggregate | FinalAggregate)
            self._skewed[known] = made
        return self._skewed[known]

    def pieces(self, stage: Stage, task: Task, cost: Cost) -> Iterator[Ref]:
        """Yield what the task announces while it runs."""
        if stage.output.kind in ("hash", "range", "write"):
            return
        left = int(cost.read * _kept(stage.branches[task.branch]))
        number = 0
        while left > 0:
            size = min(left, self._chunk_bytes)
            yield _ref(f"{_name(task)}-{number}.arrows", 0, size)
            left -= size
            number += 1

    def result(self, stage: Stage, task: Task, cost: Cost, seconds: float) -> TaskResult:
        """Return what the task tells at its end."""
        branch = stage.branches[task.branch]
        skewed = self._is_skewed(stage, task)
        size = int(cost.read * _kept(branch))
        refs: tuple[Ref, ...] = ()
        samples: tuple[tuple[int], ...] = ()
        path = f"{_name(task)}-0.arrows"
        if stage.output.kind == "hash" and size:
            refs = tuple(_slots(path, size, _shares(stage.output.partitions, skewed)))
        elif stage.output.kind == "range" and size:
            refs = (_ref(path, 0, size),)
            samples = _samples(task.partition % 64)
            self._made[stage.id] = self._made.get(stage.id, 0) + size
        return TaskResult(
            refs=refs,
            samples=samples,
            rows=size // ROW_BYTES,
            rows_in=cost.read // ROW_BYTES,
            seconds=seconds,
        )


def _kept(branch: Branch) -> float:
    share = 1.0
    for step in branch.operators:
        share *= KEEPS.get(type(step), 1.0)
    return share


def _name(task: Task) -> str:
    return f"s{task.stage}-p{task.partition}-a{task.attempt}"


def output_of(path: str) -> tuple[int, int]:
    """Return the stage and the partition that have made a file, from its name."""
    stage, partition, _ = path.split("-", 2)
    return int(stage[1:]), int(partition[1:])


def maker_of(path: str) -> int:
    """Return the stage that has made a file."""
    return output_of(path)[0]


def _ref(path: str, offset: int, size: int, slot: int = 0) -> Ref:
    rows = max(1, size // ROW_BYTES)
    return Ref(path=path, offset=offset, length=size, rows=rows, bytes=size, slot=slot)


def _slots(path: str, size: int, shares: tuple[float, ...]) -> Iterator[Ref]:
    offset = 0
    for slot, share in enumerate(shares):
        length = int(size * share)
        if length:
            yield _ref(path, offset, length, slot)
            offset += length + -length % ALIGNMENT


@functools.cache
def _weights() -> list[float]:
    """Return the share of the rows that each key has, the most frequent first."""
    weights = [1 / (number + 1) for number in range(KEYS)]
    total = sum(weights)
    return [weight / total for weight in weights]


@functools.cache
def _shares(slots: int, skewed: bool) -> tuple[float, ...]:
    """Return which share of the rows each slot has."""
    if not skewed:
        return (1 / slots,) * slots
    place = list(range(KEYS))
    random.Random(slots).shuffle(place)
    shares = [0.0] * slots
    for key, weight in enumerate(_weights()):
        shares[place[key] % slots] += weight
    return tuple(shares)


@functools.cache
def _samples(number: int) -> tuple[tuple[int], ...]:
    chance = random.Random(number)
    return tuple((key,) for key in sorted(chance.choices(range(KEYS), _weights(), k=SAMPLES)))

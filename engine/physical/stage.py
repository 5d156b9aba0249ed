"""What is run: stages, the exchanges that end them, and the tasks they fall into.

A stage is all that runs over one partition without another partition's data. It is made once what
it reads exists, so it names concrete fragments and refs and never an unfinished stage; that is how
the plan between stages is decided late.
"""

from __future__ import annotations

import bisect
import functools
import itertools
import operator
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, Protocol

import pyarrow as pa

from ..expr.node import SortKey
from ..plan.node import Site
from ..source import Fragment, Skipped, WriteJob, Written
from .memory import Budget, OperatorMemory
from .spill import SpillFile


class Ref(NamedTuple):
    """Where rows lie that a task made: an Arrow IPC stream inside a file of the session.

    A tuple, since an exchange makes one for each task and slot, a million in a large one: it takes
    half the memory of a dataclass (88 bytes and not 176) and is made in half the time.
    """

    path: str
    offset: int
    length: int
    rows: int
    bytes: int
    """Bytes the rows take in memory once read."""

    slot: int = 0
    """Which partition behind the exchange these rows belong to."""


@dataclass(frozen=True, kw_only=True)
class Exchange:
    """How a stage hands on what it makes.

    ``result`` (to the driver), ``write`` (to a sink), ``forward`` (partition to partition),
    ``gather`` (all to one) and ``broadcast`` (all to every task) pass pieces on as they are made.
    ``hash`` splits every task's rows by a hash of `keys` into `partitions` slots, ``range`` keeps
    a task's rows as one sorted run, from which each reader takes a range of keys; both hand a
    partition over when it is whole.
    """

    kind: str
    keys: tuple[str, ...] = ()
    partitions: int = 1
    limit: int | None = None
    """So many rows, counted in partition order, are enough: what is not needed is not run."""


@dataclass(frozen=True, kw_only=True)
class KeyRange:
    """The rows of sorted runs from one boundary to the next; a boundary is a tuple of sort keys.

    `low` is included and None stands for the beginning; `high` is not included and None stands
    for the end; unless it says otherwise.
    """

    low: tuple[Any, ...] | None
    high: tuple[Any, ...] | None
    without_low: bool = False
    with_high: bool = False


class TaskContext(Protocol):
    """What an operator may ask of the task it runs in."""

    partition: int
    """Number of the partition within its stage."""

    label: str
    """What the partition is, for a message: the file it is read from."""

    key_range: KeyRange | None
    """Which keys of sorted runs this task reads, where it reads such."""

    own_range: KeyRange | None
    """Which of these it gives rows for, where it reads neighbours as well."""

    first_row: int | None
    """Number of the first row of this partition among those of all, where it was asked for."""

    skips: tuple[int, ...]
    """Of each side input, how many rows come before those meant for this task."""

    batch_rows: int
    """Most rows in a batch that is made."""

    memory: Budget
    """What operators of this process hold, and may."""

    copies: bool
    """Whether rows are read from mapped files of which nothing but copies should be kept."""

    cache: dict[Any, Any]
    """Kept in this process as long as the query runs; for things built once for many tasks."""

    def side(self, number: int) -> Iterator[pa.RecordBatch]:
        """Stream the batches of side input `number` that are meant for this task."""

    def check(self) -> None:
        """Raise `QueryCancelled` when the query is no longer wanted; called between batches."""

    def spill_file(self) -> SpillFile:
        """Return a new file of this task for rows that it may not hold."""

    def count(self, metric: str, amount: int) -> None:
        """Add to a counter of the profile, such as ``rows_probed``."""


class Operator(Protocol):
    """A step of a stage: a generator of batches over a generator of batches.

    Implementations are frozen dataclasses: they are pickled once per stage and worker.
    """

    @property
    def label(self) -> str:
        """What to call it in a profile: ``filter (amount > 100)``."""

    def execute(
        self, batches: Iterator[pa.RecordBatch], context: TaskContext
    ) -> Iterator[pa.RecordBatch]:
        """Stream the result for one partition."""


@dataclass(frozen=True, kw_only=True)
class Side:
    """A second input of a stage, such as the build side of a join."""

    partitions: tuple[tuple[Ref, ...], ...]
    """The refs for each partition of the stage; one entry means that all tasks read the same."""

    schema: pa.Schema

    made_by: Branch | None = None
    """In place of refs: a few rows of finished stages or a small file, of which each process makes
    it."""

    def refs(self, partition: int) -> tuple[Ref, ...]:
        """Return what the task of `partition` reads."""
        return self.partitions[0 if len(self.partitions) == 1 else partition]


@dataclass(frozen=True, kw_only=True)
class TaskInput:
    """What one task reads: a fragment, or refs in order, perhaps only a range of their keys."""

    fragment: Fragment | None = None
    refs: tuple[Ref, ...] = ()
    key_range: KeyRange | None = None
    own_range: KeyRange | None = None
    first_row: int | None = None
    skips: tuple[int, ...] = ()
    label: str = ""

    @functools.cached_property
    def bytes(self) -> int:
        """About how many bytes it has; the policy asks for it again and again."""
        if self.fragment is not None:
            return self.fragment.bytes
        if self.key_range is not None:
            # It takes a part of every run; how much is not known, and runs are mapped, not copied.
            return 0
        return self.stored

    @functools.cached_property
    def stored(self) -> int:
        """Bytes of all that it names, of which a range of keys may be only a part."""
        if self.fragment is not None:
            return self.fragment.bytes
        return sum([ref.bytes for ref in self.refs])


@dataclass(frozen=True, kw_only=True)
class Branch:
    """A run of partitions with the operators that run over each; a stage has one or more.

    Several branches are what a union makes: each part keeps its own operators and is fused with
    what comes after.
    """

    inputs: tuple[TaskInput, ...]
    schema: pa.Schema
    """What the inputs give before the operators."""

    operators: tuple[Operator, ...] = ()
    sides: tuple[Side, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Stage:
    """Work that falls into one task per partition, and how its output is handed on."""

    id: int
    label: str
    branches: tuple[Branch, ...]
    schema: pa.Schema
    output: Exchange
    reads: tuple[int, ...] = ()
    """The stages whose output it reads."""

    sites: tuple[Site, ...] = ()
    """Lines of the user's code that are at work here, first first."""

    job: WriteJob | None = None
    """Where the rows are written to, for a stage that ends in a sink."""

    sort: tuple[SortKey, ...] = ()
    """The order of the runs, for a stage that ends in a range exchange."""

    @functools.cached_property
    def _starts(self) -> list[int]:
        """The first partition of each branch, and the number of all; a union may have thousands."""
        return [0, *itertools.accumulate(len(branch.inputs) for branch in self.branches)]

    @property
    def partitions(self) -> int:
        """How many tasks the stage has."""
        return self._starts[-1]

    def task(self, partition: int) -> tuple[int, Branch, int]:
        """Return the branch that a partition belongs to: its number, itself, the place in it."""
        if not 0 <= partition < self.partitions:
            raise IndexError(partition)
        number = bisect.bisect_right(self._starts, partition) - 1
        return number, self.branches[number], partition - self._starts[number]

    def input(self, partition: int) -> TaskInput:
        """Return what the task of a partition reads."""
        _, branch, place = self.task(partition)
        return branch.inputs[place]


@dataclass(frozen=True, kw_only=True)
class Task:
    """One stage over one partition: a pure function of what it names."""

    query: int
    stage: int
    partition: int
    attempt: int
    branch: int
    input: TaskInput
    sides: tuple[tuple[Ref, ...], ...]
    shared_memory: int
    """Bytes of its output that may go to shared memory, as the scheduler's account of it allows."""

    def __getstate__(self) -> dict[str, Any]:
        """Return the fields, many refs as columns; see `_columns`."""
        if len(self.input.refs) + sum(map(len, self.sides)) < _MANY:
            return vars(self)
        more = {"input": replace(self.input, refs=()), "refs": _columns(self.input.refs)}
        return {**vars(self), **more, "sides": tuple(map(_columns, self.sides))}

    def __setstate__(self, state: dict[str, Any]) -> None:
        if "refs" in state:
            state["input"] = replace(state["input"], refs=_refs(state.pop("refs")))
            state["sides"] = tuple(map(_refs, state["sides"]))
        vars(self).update(state)


_MANY = 16
"""Refs from which it takes less time to turn them into columns."""


def _columns(refs: tuple[Ref, ...]) -> tuple[tuple[Any, ...], ...]:
    """Return the fields of refs one after the other.

    A task behind an exchange reads thousands of refs; pickled like this one takes 0.25 microseconds
    and 35 bytes, as an object of its own 1.0 and 45.
    """
    # Not zip(*refs), whose thousands of iterators wake the garbage collector.
    return tuple(tuple([ref[place] for ref in refs]) for place in range(len(Ref._fields)))


def _refs(columns: tuple[tuple[Any, ...], ...]) -> tuple[Ref, ...]:
    return tuple(itertools.starmap(Ref, zip(*columns, strict=True)))


@dataclass(frozen=True, kw_only=True)
class TaskResult:
    """What a task says when it is done; the rows themselves never pass through the driver."""

    refs: tuple[Ref, ...] = ()
    """Slots of the output (hash, range); pieces (other exchanges) were announced as made."""

    rows: int = 0
    rows_in: int = 0
    samples: tuple[tuple[Any, ...], ...] = ()
    """Sort keys at even distances of a sorted run."""

    written: tuple[Written, ...] = ()
    seconds: float = 0.0
    reserved: int = 0
    """The most bytes that its operators had reserved at once."""

    operators: tuple[OperatorMemory, ...] = ()
    """What its operators had reserved and put aside, of those that did."""

    spilled: int = 0
    """Bytes of files of rows that it put aside, and of what it made that went to disk."""

    metrics: tuple[tuple[str, int], ...] = ()
    skipped: tuple[Skipped, ...] = ()
    """What could not be read and was left out."""


@dataclass(frozen=True, kw_only=True)
class StageOutput:
    """What a finished stage has made: for each partition, in order, its refs."""

    stage: Stage
    partitions: Sequence[tuple[Ref, ...]]
    results: Sequence[TaskResult]

    @functools.cached_property
    def rows(self) -> int:
        """Rows in all."""
        return sum([ref.rows for made in self.partitions for ref in made])

    @functools.cached_property
    def bytes(self) -> int:
        """Bytes in memory in all."""
        return sum([ref.bytes for made in self.partitions for ref in made])

    def slots(self) -> list[tuple[Ref, ...]]:
        """Return the refs of each slot of a hash exchange, each in partition order."""
        return self.slot_groups([range(slot, slot + 1) for slot in range(self._slots)])

    @property
    def _slots(self) -> int:
        return self.stage.output.partitions

    def slot_bytes(self) -> list[int]:
        """Return the bytes of each slot of a hash exchange."""
        sizes = [0] * self._slots
        for made in self.partitions:
            for ref in made:
                sizes[ref.slot] += ref.bytes
        return sizes

    def slot_groups(self, runs: Sequence[range]) -> list[tuple[Ref, ...]]:
        """Return the refs of each run of slots, each group in the order of the partitions."""
        groups: list[list[Ref]] = [[] for _ in runs]
        group_of = [group for run, group in zip(runs, groups, strict=True) for _ in run]
        for made in self.partitions:
            # What a task wrote into several files comes slot by slot within a group.
            for ref in sorted(made, key=_slot):
                group_of[ref.slot].append(ref)
        return list(map(tuple, groups))

    def refs(self) -> tuple[Ref, ...]:
        """Return all refs in partition order."""
        return tuple(itertools.chain.from_iterable(self.partitions))


_slot = operator.attrgetter("slot")

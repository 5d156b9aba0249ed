"""Run one task: read its input, pull it through the operators, hand the output on.

The same function runs in a worker and in the driver, so that no executor can give another answer.
"""

from __future__ import annotations

import itertools
import time
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, cast

import pyarrow as pa

from ..errors import QueryCancelled
from ..physical.kernels.concat import concat
from ..physical.kernels.partition import partition
from ..physical.kernels.sort import sample
from ..physical.memory import Budget
from ..physical.runs import coded_for_groups, runs
from ..physical.scan_filters import ScanFilters, scan_filters
from ..physical.spill import SpillFile
from ..physical.stage import Branch, KeyRange, Ref, Stage, Task, TaskInput, TaskResult
from ..source import Filtering, RowFilters, Skipped, Skipping
from .keeping import KeepJob
from .stores import Store
from .transport import batch_bytes, pieces

SAMPLE_ROWS = 1024
"""A sorted run gives one key in so many rows as a sample for the ranges of the next stage."""

MOST_PIECES = 4
"""So many pieces a task holds until they are written: a task that makes much more of its input
than it reads writes several files. It does not depend on what is free: sizes are cut by."""


@dataclass(kw_only=True)
class Context:
    """What the operators of one task may ask; see `TaskContext`."""

    partition: int
    label: str
    key_range: KeyRange | None
    own_range: KeyRange | None
    first_row: int | None
    skips: tuple[int, ...]
    batch_rows: int
    cache: dict[Any, Any]
    store: Store
    sides: tuple[tuple[Ref, ...], ...]
    branch: Branch
    cancelled: Callable[[], bool]
    memory: Budget
    copies: bool = False
    metrics: Counter[str] = field(default_factory=Counter)
    skipped: list[Skipped] = field(default_factory=list)
    """What could not be read and was left out, by this task and what it makes for itself."""

    def side(self, number: int) -> Iterator[pa.RecordBatch]:
        """Stream the batches of side input `number`."""
        made_by = self.branch.sides[number].made_by
        if made_by is not None:
            yield from self._kept(made_by)
        yield from self.store.read(*self.sides[number])

    def _kept(self, branch: Branch) -> Iterator[pa.RecordBatch]:
        """Stream what `_made` does; what is read from a file is read once in a process.

        A join asks its side for the range of its keys, for their set, and for all rows.
        """
        if all(task.fragment is None for task in branch.inputs):
            return self._made(branch)
        # With the branch, so that no other object gets its id as long as this is kept.
        name = "made", id(branch)
        if name not in self.cache:
            self.cache[name] = branch, list(self._made(branch))
        return iter(self.cache[name][1])

    def _made(self, branch: Branch) -> Iterator[pa.RecordBatch]:
        """Stream what `branch` makes of its inputs, one after the other."""
        for place, task in enumerate(branch.inputs):
            inner = replace(
                self,
                partition=place,
                label=task.label,
                key_range=None,
                own_range=None,
                first_row=task.first_row,
                skips=task.skips,
                sides=tuple(side.refs(place) for side in branch.sides),
                branch=branch,
                metrics=Counter(),
            )
            batches = _read(task, inner)
            for run in runs(branch.operators):
                batches = run.execute(batches, inner)
            yield from batches

    def check(self) -> None:
        """Raise `QueryCancelled` when the query is no longer wanted."""
        if self.cancelled():
            raise QueryCancelled("The query was cancelled.")

    def spill_file(self) -> SpillFile:
        """Return a new file of this task for rows that it may not hold."""
        return SpillFile(self.store.spill_path())

    def on_disk(self, ref: Ref) -> None:
        """Count what was written, if it went to disk."""
        if self.store.on_disk(ref):
            self.count("spilled_bytes", ref.length)

    def count(self, metric: str, amount: int) -> None:
        """Add to a counter of the profile."""
        self.metrics[metric] += amount


@dataclass(frozen=True, kw_only=True)
class TaskSettings:
    """The settings that a task needs of those in force where the query was started."""

    batch_rows: int
    chunk_bytes: int
    batch_bytes: int
    """What a batch should have at most: of wide rows there are fewer in one."""

    share: int
    """Bytes that one task may take in its process."""

    stall_seconds: float = 0.0
    """See the setting ``task_stall_seconds``; it is the executor that looks at it."""


def run_task(
    stage: Stage,
    task: Task,
    store: Store,
    settings: TaskSettings,
    cache: dict[Any, Any],
    cancelled: Callable[[], bool],
    memory: Budget,
) -> Generator[Ref, None, TaskResult]:
    """Run `task` of `stage`; yield pieces of its output as they are made, return the result."""
    started = time.perf_counter()
    memory.begin()
    branch = stage.branches[task.branch]
    context = Context(
        partition=task.partition,
        label=task.input.label,
        key_range=task.input.key_range,
        own_range=task.input.own_range,
        first_row=task.input.first_row,
        skips=task.input.skips,
        batch_rows=settings.batch_rows,
        cache=cache,
        store=store,
        sides=task.sides,
        branch=branch,
        cancelled=cancelled,
        memory=memory,
        copies=task.input.key_range is not None and any(map(store.on_disk, task.input.refs)),
    )
    rows = Counter[str]()
    # Not isinstance: that takes 15 microseconds for a protocol.
    filtering = hasattr(task.input.fragment, "filtered_batches")
    advice = scan_filters(branch, context) if filtering else ScanFilters()
    batches = _counted(_read(task.input, context, advice.filters), rows, "in")
    # What the scan is told of is counted where it has passed.
    operators = coded_for_groups(branch.operators)
    for run in runs(operators[: advice.steps]):
        batches = run.execute(batches, context)
    if advice.steps:
        batches = advice.counted(batches)
    for run in runs(operators[advice.steps :]):
        batches = run.execute(batches, context)
    batches = _counted(batches, rows, "out")
    result = TaskResult()
    output = _Output(store=store, room=task.shared_memory)
    match stage.output.kind:
        case "hash":
            refs = _write_slots(batches, stage, task, output, settings)
            result = TaskResult(refs=refs)
        case "range":
            result = _write_run(batches, stage, task, output, settings)
        case "write":
            assert stage.job is not None
            job = stage.job
            if isinstance(job, KeepJob):
                job = job.placed(room=task.shared_memory, chunk_bytes=settings.chunk_bytes)
            written = job.write(task.partition, task.attempt, batches)
            result = TaskResult(written=tuple(written))
        case _:
            for ref in _write_pieces(batches, task, output, settings):
                context.on_disk(ref)
                yield ref
    for ref in result.refs:
        context.on_disk(ref)
    spilled = context.metrics.pop("spilled_bytes", 0)
    return TaskResult(
        refs=result.refs,
        samples=result.samples,
        written=result.written,
        rows=rows["out"],
        rows_in=rows["in"],
        seconds=time.perf_counter() - started,
        reserved=memory.peak,
        operators=memory.operators(),
        spilled=spilled,
        metrics=tuple(sorted(context.metrics.items())),
        skipped=tuple(context.skipped),
    )


def _read(
    task: TaskInput, context: Context, filters: RowFilters | None = None
) -> Iterator[pa.RecordBatch]:
    """Stream the input of a task, with a look at each batch whether it is still wanted."""
    fragment = task.fragment
    if fragment is not None:
        most_bytes = context.memory.batch_bytes
        rows = _rows_at_once(task, context.batch_rows, most_bytes)
        if hasattr(fragment, "telling"):
            fragment = cast(Skipping, fragment).telling(context.skipped.append)
        if hasattr(fragment, "filtered_batches"):
            assert isinstance(fragment, Filtering)
            filters = filters or RowFilters()
            filters.most_bytes = min(filters.most_bytes, _WHOLE * most_bytes)
            filters.share = context.memory.share
            given = fragment.filtered_batches(rows, filters)
        else:
            given = fragment.batches(rows)
        for batch in given:
            context.check()
            yield batch
    sparsely = task.key_range is not None
    yield from _read_refs(task.refs, context, sparsely)


_WHOLE = 4
"""So many batches of the most bytes a scan may decode at once, an eighth of a small limit."""


def _rows_at_once(task: TaskInput, most: int, most_bytes: int) -> int:
    """Return how many rows of a fragment are `most_bytes`, and no more than `most`."""
    size = task.bytes
    if size <= most_bytes or task.fragment is None:
        return most
    rows = task.fragment.rows
    return max(1, min(most, rows * most_bytes // size)) if rows else most


def _read_refs(
    refs: Sequence[Ref], context: Context, sparsely: bool = False
) -> Iterator[pa.RecordBatch]:
    for batch in context.store.read(*refs, sparsely=sparsely):
        context.check()
        yield batch


def _counted(
    batches: Iterator[pa.RecordBatch], rows: Counter[str], name: str
) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        rows[name] += batch.num_rows
        yield batch


@dataclass(kw_only=True)
class _Output:
    """Where a task's output goes: shared memory while its room there lasts, then disk.

    A task may make far more of its input than the scheduler has counted for it.
    """

    store: Store
    room: int

    def write(self, name: str, parts: Sequence[tuple[int, Sequence[pa.RecordBatch]]]) -> list[Ref]:
        """Write `parts` as `Store.write` does."""
        fast = sum([batch.nbytes for _, batches in parts for batch in batches]) <= self.room
        refs = self.store.write(name, parts, fast)
        if fast:
            self.room -= sum([ref.length for ref in refs])
        return refs


def _file_name(task: Task, piece: int = 0) -> str:
    return f"s{task.stage}-p{task.partition}-a{task.attempt}-{piece}.arrows"


def _write_pieces(
    batches: Iterator[pa.RecordBatch], task: Task, output: _Output, settings: TaskSettings
) -> Iterator[Ref]:
    """Write pieces, each a file, and yield each as soon as it is there."""
    for number, piece in enumerate(pieces(batches, settings.chunk_bytes)):
        yield from output.write(_file_name(task, number), [(0, piece)])


def _write_slots(
    batches: Iterator[pa.RecordBatch],
    stage: Stage,
    task: Task,
    to: _Output,
    settings: TaskSettings,
) -> tuple[Ref, ...]:
    """Split the rows by the hash of their keys and write all slots into one file.

    Batches are put together before: a slot then has a few pieces of a task and not one of each
    batch, whose cost in writing and reading is that of some thousand rows.
    """
    output = stage.output
    refs: list[Ref] = []
    slots: list[list[pa.RecordBatch]] = [[] for _ in range(output.partitions)]
    size = files = 0

    def write() -> None:
        nonlocal slots, size, files
        parts = [(slot, run) for slot, held in enumerate(slots) for run in _of_one_schema(held)]
        if parts:
            refs.extend(to.write(_file_name(task, files), parts))
        slots = [[] for _ in range(output.partitions)]
        size, files = 0, files + 1

    for run in pieces(batches, settings.chunk_bytes):
        whole = _with_small_dictionaries(concat(run), output.partitions)
        for slot, part in enumerate(partition(whole, output.keys, output.partitions)):
            if part.num_rows:
                slots[slot].append(part)
        size += batch_bytes(whole)
        if size >= MOST_PIECES * settings.chunk_bytes:
            write()
    write()
    return tuple(refs)


def _with_small_dictionaries(batch: pa.RecordBatch, slots: int) -> pa.RecordBatch:
    """Return `batch` with dictionaries expanded that would be copied into every slot at a loss."""
    columns, fields = [], []
    for column, column_field in zip(batch.columns, batch.schema, strict=True):
        coded = isinstance(column, pa.DictionaryArray)
        wide = coded and len(column.dictionary) * slots > len(column)
        columns.append(column.dictionary.take(column.indices) if wide else column)
        fields.append(column_field.with_type(columns[-1].type))
    return pa.RecordBatch.from_arrays(columns, schema=pa.schema(fields))


def _of_one_schema(batches: list[pa.RecordBatch]) -> Iterator[list[pa.RecordBatch]]:
    run: list[pa.RecordBatch] = []
    for batch in batches:
        if run and not batch.schema.equals(run[0].schema):
            yield run
            run = []
        run.append(batch)
    if run:
        yield run


def _write_run(
    batches: Iterator[pa.RecordBatch],
    stage: Stage,
    task: Task,
    to: _Output,
    settings: TaskSettings,
) -> TaskResult:
    """Write a sorted run, and sample its keys at even distances."""
    held: list[pa.RecordBatch] = []
    samples: list[tuple[Any, ...]] = []
    refs: list[Ref] = []
    size = files = number = 0
    for batch in itertools.chain(batches, [None]):
        if batch is None or size >= MOST_PIECES * settings.chunk_bytes:
            parts = [(0, run) for run in _of_one_schema(held)]
            if parts:
                refs.extend(to.write(_file_name(task, files), parts))
            held, size, files = [], 0, files + 1
        if batch is None or not batch.num_rows:
            continue
        count = max(1, batch.num_rows // SAMPLE_ROWS)
        samples.extend(sample(batch, stage.sort, count, task.partition + number))
        held.append(batch)
        size += batch_bytes(batch)
        number += 1
    return TaskResult(refs=tuple(refs), samples=tuple(samples))

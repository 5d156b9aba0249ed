"""What a reader takes of outputs that many read: cut where they lie, if they are large.

An output of a hash exchange has rows for every reader, and one of a range exchange is a sorted run
of which each reader takes some keys. Dask moves the values of keys as they are. So that not every
worker gets every output whole, a key between them takes from all outputs of one worker what one
reader wants of them: as many keys as there are workers and readers, and not as there are tasks.
"""

from __future__ import annotations

import pickle
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from ...physical.operators.take_range import TakeRange
from ...physical.stage import KeyRange, Ref, Stage, Task
from .output import Output, together
from .sealed import Sealed

KEY_BYTES = 750_000
"""Bytes that are moved in the time that Dask takes for a key more: 1.5 ms at 500 MB/s."""


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What a reader takes of the outputs that lie on one worker."""

    streams: tuple[tuple[str, int], ...]
    """Paths and places."""

    key_range: KeyRange | None = None
    cut: TakeRange | None = None
    """How sorted runs are cut, where the range is all that is wanted of them."""


def take(wanted_bytes: Sealed, *outputs: Output) -> Output:
    """Return what a reader wants of outputs: their streams, or the range of each."""
    wanted: Wanted = pickle.loads(wanted_bytes.content)
    found = Output(together(outputs)).only(wanted.streams)
    if wanted.cut is None:
        return found
    context: Any = _Range(wanted.key_range)
    return Output(
        {
            path: {place: _cut(stream, wanted.cut, context) for place, stream in streams.items()}
            for path, streams in found.files.items()
        }
    )


@dataclass(frozen=True)
class _Range:
    """The little of a task's context that cutting asks for."""

    key_range: KeyRange | None
    copies: bool = False

    def check(self) -> None:
        """Nobody waits for the little that is done here to be given up."""


def _cut(stream: pa.Buffer, cut: TakeRange, context: Any) -> pa.Buffer:
    """Return the stream of the rows that lie in the range."""
    written = pa.BufferOutputStream()
    with (
        pa.ipc.open_stream(stream) as reader,
        pa.ipc.new_stream(written, reader.schema) as writer,
    ):
        for batch in cut.execute(iter(reader), context):
            writer.write_batch(batch)
    return written.getvalue()


def cutting(stage: Stage, task: Task) -> TakeRange | None:
    """Return how a task takes its range of sorted runs, None for one that reads all it names."""
    if task.input.key_range is None:
        return None
    first = stage.branches[task.branch].operators[:1]
    return first[0] if first and isinstance(first[0], TakeRange) else None


@dataclass(eq=False)
class Made:
    """The output of a task, for as long as somebody may read it."""

    future: Any
    worker: int
    """Where it was made; Dask may have it elsewhere as well."""

    size: int


def is_worth_cutting(stage: Stage, made: Mapping[str, Made], workers: int) -> bool:
    """Return whether keys between outputs and readers cost less than the moving that they spare.

    Parameters
    ----------
    stage
        The stage that reads.
    made
        The outputs, by path.
    workers
        How many there are in the cluster.
    """
    outputs: set[Made] = set()
    whole = wanted = 0.0
    readers = 0
    for branch in stage.branches:
        each = [side.partitions for side in branch.sides if len(side.partitions) > 1]
        readers += len(branch.inputs)
        for number, task in enumerate(branch.inputs):
            # All read the same runs, each a part of them.
            times = len(branch.inputs) if task.key_range is not None else 1
            if times > 1 and number:
                break
            for refs in (task.refs, *(partitions[number] for partitions in each)):
                read = {made[ref.path] for ref in refs if ref.path in made}
                outputs |= read
                whole += times * sum(output.size for output in read)
                wanted += sum(ref.length for ref in refs)
    if whole <= 2 * wanted:
        return False
    moved = sum(output.size for output in outputs) * (workers - 1)
    moved_cut = wanted * (workers - 1) / workers
    keys = readers * len({output.worker for output in outputs})
    return moved - moved_cut > keys * KEY_BYTES


def parts(
    task: Task, stage: Stage, made: Mapping[str, Made]
) -> Iterator[tuple[list[Made], Wanted]]:
    """Yield for each worker the outputs on it of which the task reads a part, and that part."""
    cut = cutting(stage, task)
    ranged = cut is not None
    found: dict[int, tuple[dict[Made, None], list[tuple[str, int]]]] = {}
    wanted: dict[Made, list[Ref]] = {}
    for refs in (task.input.refs,) if ranged else (task.input.refs, *task.sides):
        for ref in refs:
            if ref.path in made:
                wanted.setdefault(made[ref.path], []).append(ref)
    for output, refs_of_it in wanted.items():
        if ranged or sum(ref.length for ref in refs_of_it) <= output.size // 2:
            outputs, streams = found.setdefault(output.worker, ({}, []))
            outputs[output] = None
            streams.extend((ref.path, ref.offset) for ref in refs_of_it)
    for outputs, streams in found.values():
        yield (
            list(outputs),
            Wanted(
                streams=tuple(streams), key_range=task.input.key_range if ranged else None, cut=cut
            ),
        )

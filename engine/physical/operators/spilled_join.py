"""A join whose build side may not be held: both sides are put aside by a hash of their keys.

The parts are joined one after the other, and split again where the build side of one is still too
large. Where that would not help, because its rows are of one key, they are taken in chunks that may
be held, and the probe rows of the part go past each chunk. What is given is in the order of an
ordinary join: by the place of the probe rows, the matches of one row by their places on the build
side, and behind them, by these as well, the rows of the build side that are given alone.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

import pyarrow as pa

from ...expr.node import Column, SortKey
from ..memory import Labelled
from ..spill import SpillFile
from ..stage import TaskContext
from .build_side import COPIES, ROW_BYTES
from .held import (
    FAN_OUT,
    LEVELS,
    PLACE,
    Held,
    Keys,
    SpilledTo,
    fan_out,
    have_several_keys,
    held_whole,
    merged,
    placed,
    split,
)

BUILD_PLACE = f"build {PLACE}"
"""The number of a row of the build side."""


class OfChunk(Protocol):
    """A part of the rows of a build side, joined with all probe rows. Rows go with their places."""

    def joined(self, probe: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Stream pairs, and what is given of the build side alone; no probe row by itself."""

    def unmatched(self, probe: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Stream the probe rows, as they come, that no row of the chunk is equal to."""


@dataclass(frozen=True, kw_only=True)
class Chunks:
    """How probe rows are joined with a build side that comes chunk by chunk."""

    of: Callable[[list[pa.RecordBatch]], OfChunk]

    once: bool
    """Whether a probe row is done with when it has met something."""

    alone: Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]] | None
    """What is given of probe rows that have met nothing in any chunk; None for nothing."""


@dataclass(frozen=True, kw_only=True)
class SpilledJoin:
    """How the rows of two sides are joined that are put aside."""

    context: TaskContext
    of: Labelled
    """The operator."""

    join: Callable[[Iterator[pa.RecordBatch], list[pa.RecordBatch]], Iterator[pa.RecordBatch]]
    """Joins probe rows with all build rows; each with its place, given as well."""

    probe_keys: Keys
    build_keys: Keys
    what: str
    advice: str
    chunks: Chunks | None = None
    """None where all build rows of a key have to be held at once."""

    def given(
        self, probe: Iterator[pa.RecordBatch], build: Iterator[pa.RecordBatch], held: Held
    ) -> Iterator[pa.RecordBatch]:
        """Stream the joined rows; `held` are those of `build` that were held."""
        runs = _Runs()
        with SpilledTo(self.context, self.of) as files:
            coming = placed(probe), placed(build, BUILD_PLACE)
            self._spilled(*coming, held, 0, files, FAN_OUT, runs)
            for some, name in ((runs.matched, PLACE), (runs.alone, BUILD_PLACE)):
                for batch in merged(some, (SortKey(Column(name)),), files):
                    yield batch.select([n for n in batch.schema.names if n not in _PLACES])

    def _spilled(
        self,
        probe: Iterator[pa.RecordBatch],
        build: Iterator[pa.RecordBatch],
        held: Held,
        level: int,
        files: SpilledTo,
        count: int,
        runs: _Runs,
    ) -> None:
        """Make runs of the joined rows: by the places of probe rows, and of build rows alone."""
        builds = split(build, self.build_keys, level, files, self.context, count)
        held.clear()
        probes = split(probe, self.probe_keys, level, files, self.context, count)
        for one, other in zip(probes, builds, strict=True):
            if one.rows or other.rows:
                self._of_part(one, other, level + 1, files, runs)

    def _of_part(
        self, probe: SpillFile, build: SpillFile, level: int, files: SpilledTo, runs: _Runs
    ) -> None:
        with Held(self.context, self.of, COPIES, ROW_BYTES) as held:
            rest = held_whole(build.read(), held, self.context)
            while rest is not None:
                batch = next(rest)
                if level < LEVELS and self._splits(held, batch):
                    whole = itertools.chain(held.batches, [batch], rest)
                    count = fan_out(build, held, self.context)
                    self._spilled(probe.read(), whole, held, level, files, count, runs)
                    return
                if self.chunks is not None:
                    rest = itertools.chain([batch], rest)
                    self._chunk_by_chunk(probe, rest, held, self.chunks, files, runs)
                    return
                held.insist(batch, self.what, self.advice)
                rest = held_whole(rest, held, self.context)
            runs.add(self.join(probe.read(), held.batches), files)

    def _chunk_by_chunk(
        self,
        probe: SpillFile,
        build: Iterator[pa.RecordBatch],
        held: Held,
        chunks: Chunks,
        files: SpilledTo,
        runs: _Runs,
    ) -> None:
        """Join the rows of a part with as many rows of its build side at a time as may be held."""
        left = probe
        """The rows that have met nothing yet."""

        for batches in self._chunks(build, held):
            of_chunk = chunks.of(batches)
            meeting = left if chunks.once else probe
            runs.add(of_chunk.joined(meeting.read(keep=True)), files)
            if chunks.once or chunks.alone is not None:
                before, left = left, files.new()
                for batch in of_chunk.unmatched(before.read(keep=True)):
                    self.context.check()
                    left.write(batch)
                files.done(left)
                if before is not probe:
                    before.remove()
        if chunks.alone is not None:
            runs.add(chunks.alone(left.read()), files)
        probe.remove()

    def _chunks(
        self, build: Iterator[pa.RecordBatch], held: Held
    ) -> Iterator[list[pa.RecordBatch]]:
        """Yield what is held, then further rows: each time as many as may be, until the next."""
        for batch in build:
            self.context.check()
            pieces = [batch]
            while pieces:
                piece = pieces.pop()
                if held.add(piece):
                    continue
                if held.rows:
                    yield held.batches
                    held.clear()
                    pieces.append(piece)
                elif piece.num_rows > 1:
                    half = piece.num_rows // 2
                    pieces += [piece.slice(half), piece.slice(0, half)]
                else:
                    held.insist(piece, self.what, self.advice)
        if held.rows:
            yield held.batches
            held.clear()

    def _splits(self, held: Held, batch: pa.RecordBatch) -> bool:
        """Return whether parts would be smaller, and large enough to be worth a file each."""
        if self.context.memory.is_least(held.needs(batch)):
            return False
        return have_several_keys([batch, *held.batches], self.build_keys)


class _Runs:
    """Sorted files of joined rows."""

    def __init__(self) -> None:
        self.matched: list[SpillFile] = []
        self.alone: list[SpillFile] = []

    def add(self, batches: Iterator[pa.RecordBatch], files: SpilledTo) -> None:
        """Put aside what a join gives: pairs first, then rows of the build side alone."""
        given = (batch for batch in batches if batch.num_rows)
        for alone, some in itertools.groupby(given, _are_alone):
            (self.alone if alone else self.matched).append(files.run(some))


_PLACES = (PLACE, BUILD_PLACE)


def _are_alone(batch: pa.RecordBatch) -> bool:
    """Return whether these are rows of the build side beside no probe rows."""
    return bool(batch.column(PLACE).null_count == batch.num_rows)

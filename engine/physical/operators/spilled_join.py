"""A join whose build side may not be held: both sides are put aside by a hash of their keys.

The parts are joined one after the other, and split again where the build side of one is still too
large. What is given is in the order of an ordinary join: by the place of the probe rows, and behind
them, by their own places, the rows of the build side that are given alone.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from ...expr.node import Column, SortKey
from ..kernels.hash import hash_rows
from ..spill import SpillFile
from ..stage import TaskContext
from .held import LEVELS, PLACE, Held, Keys, SpilledTo, merged, placed, split

BUILD_PLACE = "\x1fbuild_place"
"""The number of a row of the build side."""

COPIES, ROW_BYTES = 3, 40
"""See `Held`: the rows as they came and put together, their keys, and the index of these."""


def held_whole(
    batches: Iterator[pa.RecordBatch], held: Held, context: TaskContext
) -> Iterator[pa.RecordBatch] | None:
    """Hold a build side; return what may not be held of it, None if all is."""
    for batch in batches:
        context.check()
        if batch.num_rows and not held.add(batch):
            return itertools.chain([batch], batches)
    return None


@dataclass(frozen=True, kw_only=True)
class SpilledJoin:
    """How the rows of two sides are joined that are put aside."""

    context: TaskContext
    join: Callable[[Iterator[pa.RecordBatch], list[pa.RecordBatch]], Iterator[pa.RecordBatch]]
    """Joins probe rows with all build rows; each with its place, given as well."""

    probe_keys: Keys
    build_keys: Keys
    what: str

    def given(
        self, probe: Iterator[pa.RecordBatch], build: Iterator[pa.RecordBatch], held: Held
    ) -> Iterator[pa.RecordBatch]:
        """Stream the joined rows; `held` are those of `build` that were held."""
        with SpilledTo(self.context) as files:
            rows = self._spilled(
                placed(probe), placed(build, BUILD_PLACE), held, level=0, files=files
            )
            for batch in rows:
                yield batch.select([n for n in batch.schema.names if n not in _PLACES])

    def _spilled(
        self,
        probe: Iterator[pa.RecordBatch],
        build: Iterator[pa.RecordBatch],
        held: Held,
        level: int,
        files: SpilledTo,
    ) -> Iterator[pa.RecordBatch]:
        """Stream joined rows by the places of probe rows, then build rows that are alone."""
        builds = split(build, self.build_keys, level, files, self.context)
        held.clear()
        probes = split(probe, self.probe_keys, level, files, self.context)
        runs: dict[bool, list[SpillFile]] = {False: [], True: []}
        for one, other in zip(probes, builds, strict=True):
            made = self._of_part(one.read(), other.read(), level + 1, files)
            for alone, batches in itertools.groupby(made, _are_alone):
                runs[alone].append(files.run(batches))
        for alone, name in ((False, PLACE), (True, BUILD_PLACE)):
            yield from merged(runs[alone], (SortKey(Column(name)),), files, self.context)

    def _of_part(
        self,
        probe: Iterator[pa.RecordBatch],
        build: Iterator[pa.RecordBatch],
        level: int,
        files: SpilledTo,
    ) -> Iterator[pa.RecordBatch]:
        with Held(self.context, COPIES, ROW_BYTES) as held:
            rest = held_whole(build, held, self.context)
            while rest is not None:
                batch = next(rest)
                if level < LEVELS and self._splits([batch, *held.batches]):
                    whole = itertools.chain(held.batches, [batch], rest)
                    yield from self._spilled(probe, whole, held, level, files)
                    return
                held.insist(batch, self.what, _ADVICE)
                rest = held_whole(rest, held, self.context)
            yield from self.join(probe, held.batches)

    def _splits(self, batches: list[pa.RecordBatch]) -> bool:
        """Return whether the build rows have several keys."""
        hashes = [hash_rows(self.build_keys(batch)) for batch in batches]
        first: np.uint64 = hashes[0][0]
        return any(bool((each != first).any()) for each in hashes)


_PLACES = (PLACE, BUILD_PLACE)

_ADVICE = (
    "The rows of one key are that many on both sides: raise memory_limit, take fewer workers, or"
    " aggregate one side before it is joined."
)


def _are_alone(batch: pa.RecordBatch) -> bool:
    """Return whether these are rows of the build side beside no probe rows."""
    return bool(batch.column(PLACE).null_count == batch.num_rows)

"""Rows that are made and not read: numbers in a row, and numbers at random."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa

from ..engine.errors import SchemaError
from ..engine.source import ColumnStatistics, Pushdown, ScanPlan, Statistics
from .bounds import Bounds
from .pruning import may_match

BLOCK = 65_536
"""Random numbers are made in blocks of so many, each from a stream of its own: so they are the same
however the rows are cut into partitions."""


@dataclass(frozen=True, kw_only=True)
class RangeSource:
    """The whole numbers of a range, as one column."""

    start: int
    stop: int
    step: int
    name: str
    dtype: pa.DataType

    def __post_init__(self) -> None:
        if not pa.types.is_integer(self.dtype):
            raise SchemaError(f"range(dtype={self.dtype}): it is an integer type. Cast the column.")
        if self.step == 0:
            raise SchemaError("range(step=0): the step is not 0.")
        if len(self.numbers):
            try:
                for value in (self.numbers[0], self.numbers[-1]):
                    pa.scalar(value, self.dtype)
            except (pa.ArrowInvalid, OverflowError):
                raise SchemaError(
                    f"range: {value} does not fit into {self.dtype}. Give a wider dtype=."
                ) from None

    @property
    def numbers(self) -> range:
        """What it gives."""
        return range(self.start, self.stop, self.step)

    @property
    def schema(self) -> pa.Schema:
        """One column."""
        return pa.schema([(self.name, self.dtype)])

    @property
    def label(self) -> str:
        """What to call it in a plan."""
        step = "" if self.step == 1 else f" by {self.step}"
        return f"range {self.start:,} to {self.stop:,}{step}"

    def statistics(self) -> Statistics:
        """Return what is known of the numbers, which is everything."""
        numbers = self.numbers
        known = ColumnStatistics(null_count=0, distinct=len(numbers))
        if numbers:
            ends = numbers[0], numbers[-1]
            known = ColumnStatistics(
                minimum=min(ends), maximum=max(ends), null_count=0, distinct=len(numbers)
            )
        size = len(numbers) * self.dtype.bit_width // 8
        return Statistics(rows=len(numbers), bytes=size, columns={self.name: known})

    def plan(self, pushdown: Pushdown, partition_bytes: int) -> ScanPlan:
        """Return ranges of equal length, but for those that the predicate rules out."""
        rows = len(self.numbers)
        if pushdown.limit is not None and pushdown.predicate is None:
            rows = min(rows, pushdown.limit)
        width = self.dtype.bit_width // 8
        count = min(rows, -(-rows * width // partition_bytes))
        cuts = [rows * part // count for part in range(count + 1)] if rows else []
        every = [
            RangeFragment(numbers=self.numbers[low:high], name=self.name, dtype=self.dtype)
            for low, high in pairwise(cuts)
        ]
        kept = [each for each in every if _may_match(each, pushdown)]
        return ScanPlan(fragments=tuple(kept), pruned={"partitions": (len(kept), len(every))})


def _may_match(fragment: RangeFragment, pushdown: Pushdown) -> bool:
    if pushdown.predicate is None:
        return True
    ends = sorted((fragment.numbers[0], fragment.numbers[-1]))
    known = Bounds(kind="number", low=ends[0], high=ends[1], nulls=False)
    return may_match(pushdown.predicate, lambda name: known)


@dataclass(frozen=True, kw_only=True)
class RangeFragment:
    """A part of a range."""

    numbers: range
    name: str
    dtype: pa.DataType

    @property
    def label(self) -> str:
        """Which part it is."""
        return f"numbers {self.numbers[0]:,} to {self.numbers[-1]:,}"

    @property
    def rows(self) -> int:
        """How many numbers."""
        return len(self.numbers)

    @property
    def bytes(self) -> int:
        """What they take in memory."""
        return len(self.numbers) * self.dtype.bit_width // 8

    @property
    def stored_bytes(self) -> int:
        """Nothing is read from storage."""
        return 0

    def batches(self, batch_rows: int) -> Iterator[pa.RecordBatch]:
        """Stream the numbers."""
        kind = self.dtype.to_pandas_dtype()
        for start in range(0, len(self.numbers), batch_rows):
            part = self.numbers[start : start + batch_rows]
            # Two's complement wraps around and back: the ends fit, so what lies between does.
            steps = np.arange(len(part), dtype=np.uint64) * _wrapped(part.step)
            values = (steps + _wrapped(part[0])).astype(kind)
            yield pa.RecordBatch.from_arrays([pa.array(values, self.dtype)], [self.name])


def _wrapped(value: int) -> np.uint64:
    return np.uint64(value % (1 << 64))


@dataclass(frozen=True, kw_only=True)
class Distribution:
    """How random numbers are drawn."""

    kind: str
    """A key of `DISTRIBUTIONS`."""

    low: Any
    high: Any
    """What bounds or shapes it: the ends, or mean and standard deviation."""


DISTRIBUTIONS: dict[str, Callable[[np.random.Generator, Any, Any, int], np.ndarray]] = {
    "uniform": lambda generator, low, high, rows: generator.random(rows) * (high - low) + low,
    "normal": lambda generator, mean, std, rows: generator.standard_normal(rows) * std + mean,
    "integers": lambda generator, low, high, rows: generator.integers(
        low, high, rows, endpoint=True
    ),
}
"""Name -> a function of a generator, the two parameters and a number of rows."""


@dataclass(frozen=True, kw_only=True)
class RandomSource:
    """Random numbers as one column: the same ones each time, for any cut into partitions.

    Method: block `b` of 65,536 rows is drawn from Philox, a counter-based generator, whose key is
    made of the seed and whose counter begins at b times 2**192 (Salmon et al., "Parallel random
    numbers: as easy as 1, 2, 3", 2011).
    """

    count: int
    seed: int
    distribution: Distribution
    name: str

    @property
    def schema(self) -> pa.Schema:
        """One column: integers or doubles."""
        whole = self.distribution.kind == "integers"
        return pa.schema([(self.name, pa.int64() if whole else pa.float64())])

    @property
    def label(self) -> str:
        """What to call it in a plan."""
        return f"random {self.distribution.kind} [{self.count:,} rows, seed {self.seed}]"

    def statistics(self) -> Statistics:
        """Return how many there are, and between which bounds."""
        bounded = self.distribution.kind != "normal"
        known = ColumnStatistics(
            minimum=self.distribution.low if bounded else None,
            maximum=self.distribution.high if bounded else None,
            null_count=0,
        )
        return Statistics(rows=self.count, bytes=8 * self.count, columns={self.name: known})

    def plan(self, pushdown: Pushdown, partition_bytes: int) -> ScanPlan:
        """Return runs of whole blocks."""
        rows = self.count
        if pushdown.limit is not None and pushdown.predicate is None:
            rows = min(rows, pushdown.limit)
        share = max(1, partition_bytes // (8 * BLOCK)) * BLOCK
        return ScanPlan(
            fragments=tuple(
                RandomFragment(source=self, start=start, stop=min(start + share, rows))
                for start in range(0, rows, share)
            )
        )


@dataclass(frozen=True, kw_only=True)
class RandomFragment:
    """Some of the rows, from the beginning of a block."""

    source: RandomSource
    start: int
    stop: int

    @property
    def label(self) -> str:
        """Which rows they are."""
        return f"random rows {self.start:,} to {self.stop:,}"

    @property
    def rows(self) -> int:
        """How many."""
        return self.stop - self.start

    @property
    def bytes(self) -> int:
        """What they take in memory."""
        return 8 * self.rows

    @property
    def stored_bytes(self) -> int:
        """Nothing is read from storage."""
        return 0

    def batches(self, batch_rows: int) -> Iterator[pa.RecordBatch]:
        """Stream the numbers, at most a block at a time."""
        how = self.source.distribution
        key = np.random.SeedSequence(self.source.seed).generate_state(2, np.uint64)
        for start in range(self.start, self.stop, BLOCK):
            bits = np.random.Philox(key=key, counter=[0, 0, 0, start // BLOCK])
            draw = DISTRIBUTIONS[how.kind]
            # A block that is not whole has the first numbers of the whole one.
            values = draw(np.random.Generator(bits), how.low, how.high, BLOCK)
            values = values[: self.stop - start]
            for first in range(0, len(values), batch_rows):
                array = pa.array(values[first : first + batch_rows])
                yield pa.RecordBatch.from_arrays([array], [self.source.name])


@dataclass(frozen=True, kw_only=True)
class NumbersSource:
    """The numbers of partitions, a row each in a partition of its own, for what makes the rows."""

    partitions: int

    @property
    def schema(self) -> pa.Schema:
        """One column."""
        return pa.schema([("partition", pa.int64())])

    @property
    def label(self) -> str:
        """What to call it in a plan."""
        return f"numbers of {self.partitions:,} partitions"

    def statistics(self) -> Statistics:
        """Return nothing: what is made of the numbers is not known."""
        return Statistics()

    def plan(self, pushdown: Pushdown, partition_bytes: int) -> ScanPlan:
        """Return one fragment for each partition."""
        return ScanPlan(
            fragments=tuple(
                NumberFragment(number=number, bytes=partition_bytes)
                for number in range(self.partitions)
            )
        )


@dataclass(frozen=True, kw_only=True)
class NumberFragment:
    """The number of one partition."""

    number: int
    bytes: int
    """What is likely made of it: as much as is usual."""

    rows: None = None
    stored_bytes: int = 0

    @property
    def label(self) -> str:
        """Which partition it is."""
        return f"generated partition {self.number}"

    def batches(self, batch_rows: int) -> Iterator[pa.RecordBatch]:
        """Give the one row."""
        yield pa.RecordBatch.from_arrays([pa.array([self.number], pa.int64())], ["partition"])

"""A source of many fragments of one row each; a module of its own, so that workers import it.

A class of ``__main__`` would travel by value with every task, which takes longer than the task.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow as pa

from partita.engine.source import Pushdown, ScanPlan, Statistics


@dataclass(frozen=True)
class OneNumber:
    """A fragment of one row."""

    number: int
    label: str = "one number"
    rows: int = 1
    bytes: int = 8
    stored_bytes: int = 0

    def batches(self, batch_rows: int) -> Iterator[pa.RecordBatch]:
        """Give the number."""
        yield pa.record_batch({"n": pa.array([self.number])})


@dataclass(frozen=True)
class Numbers:
    """A source of so many fragments."""

    count: int
    label: str = "numbers"

    @property
    def schema(self) -> pa.Schema:
        """One column of integers."""
        return pa.schema([("n", pa.int64())])

    def statistics(self) -> Statistics:
        """The rows are known."""
        return Statistics(rows=self.count)

    def plan(self, pushdown: Pushdown, partition_bytes: int) -> ScanPlan:
        """Give one fragment for each number."""
        return ScanPlan(fragments=tuple(OneNumber(number) for number in range(self.count)))

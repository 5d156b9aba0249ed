"""Operators that run in a task that may hold little, and the rows that they are given."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from partita.engine.physical.memory import Budget
from partita.engine.physical.spill import SpillFile
from partita.engine.physical.stage import KeyRange, Operator


@dataclass(kw_only=True)
class TightContext:
    """A task of its own, in this process, that may hold little."""

    directory: Path
    memory: Budget
    partition: int = 0
    label: str = "part.parquet"
    key_range: KeyRange | None = None
    own_range: KeyRange | None = None
    first_row: int | None = None
    skips: tuple[int, ...] = ()
    batch_rows: int = 64
    copies: bool = False
    cache: dict[Any, Any] = field(default_factory=dict)
    sides: tuple[list[pa.RecordBatch], ...] = ()
    metrics: Counter[str] = field(default_factory=Counter)
    files: Iterator[int] = field(default_factory=itertools.count)

    def side(self, number: int) -> Iterator[pa.RecordBatch]:
        yield from self.sides[number]

    def check(self) -> None:
        """Nothing cancels a test."""

    def count(self, metric: str, amount: int) -> None:
        self.metrics[metric] += amount

    def spill_file(self) -> SpillFile:
        return SpillFile(str(self.directory / f"{next(self.files)}.arrows"))


PLENTY = 1 << 30


def rows_of(batches: list[pa.RecordBatch]) -> list[dict[str, Any]]:
    return [row for batch in batches for row in batch.to_pylist()]


def bits_of(batches: list[pa.RecordBatch]) -> list[str]:
    """Return the rows as text that tells apart all doubles, NaN and -0.0 among them."""
    return [repr(row) for row in rows_of(batches)]


def run(
    operator: Operator,
    batches: list[pa.RecordBatch],
    tmp_path: Path,
    share: int,
    *sides: list[pa.RecordBatch],
) -> tuple[list[str], TightContext]:
    context = TightContext(directory=tmp_path, memory=Budget(share), sides=sides)
    given = list(operator.execute(iter(batches), context))
    assert all(batch.num_rows for batch in given)
    assert context.memory.held == 0
    assert list(tmp_path.iterdir()) == []
    return bits_of(given), context


def same_when_spilled(
    operator: Operator, batches: list[pa.RecordBatch], tmp_path: Path, *shares: int
) -> None:
    expected, context = run(operator, batches, tmp_path, PLENTY)
    assert "spilled_bytes" not in context.metrics
    for share in shares:
        found, context = run(operator, batches, tmp_path, share)
        assert context.metrics["spilled_bytes"] > 0, share
        assert found == expected, share


def batches_of(seed: int, rows: int = 4000, keys: int = 300) -> list[pa.RecordBatch]:
    """Return batches of uneven size with nulls, NaN, -0.0 and text that is coded here and there."""
    random = np.random.default_rng(seed)
    number = random.integers(0, keys, rows)
    number[random.random(rows) < 0.2] = 7
    text = pa.array([f"text {each}" for each in number], mask=random.random(rows) < 0.03)
    value = np.round(random.normal(size=rows), 3)
    value[random.random(rows) < 0.05] = np.nan
    value[random.random(rows) < 0.05] = -0.0
    table = pa.table(
        {
            "k": pa.array(number, mask=random.random(rows) < 0.03),
            "t": text,
            "x": pa.array(value, mask=random.random(rows) < 0.05),
            "y": random.normal(size=rows),
            "i": random.integers(-(1 << 40), 1 << 40, rows),
            "n": np.arange(rows),
        }
    )
    batches, start = [], 0
    while start < rows:
        size = int(random.integers(1, 400))
        (batch,) = table.slice(start, size).combine_chunks().to_batches()
        if random.random() < 0.5:
            batch = batch.set_column(1, "t", batch.column("t").dictionary_encode())
        batches.append(batch)
        start += size
    return batches

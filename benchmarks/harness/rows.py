"""Data of so many rows: the switch ``--rows``, the cache, and how tables are written.

What is generated depends on the number of rows and a fixed seed alone. A generator that gives
other data for the same number of rows takes a new version, so that what is cached is not used.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from .cache import cache_directory, made_once
from .options import positive
from .suite import Dataset

SEED = 20_261_121
QUICK_ROWS = 20_000
ROW_GROUP_ROWS = 122_880


@dataclass(frozen=True, kw_only=True)
class Generated:
    """The data of a suite."""

    suite: str
    rows: int
    """By default."""

    version: int
    make: Callable[[Path, int], None]
    """Writes the tables into a directory, of so many rows."""

    def add_options(self, parser: ArgumentParser) -> None:
        """Add the switch that says how many."""
        parser.add_argument(
            "--rows", type=positive, default=self.rows, help=f"rows of the data ({self.rows:,})"
        )

    def prepare(self, asked: Namespace) -> Dataset:
        """Return the data, generated where it is not cached."""
        directory = cache_directory(self.suite) / f"{asked.rows}-rows-v{self.version}"
        return Dataset(directory=made_once(directory, lambda path: self.make(path, asked.rows)))

    def details(self, asked: Namespace, dataset: Dataset) -> dict[str, str]:
        """Return what a report says of the data."""
        return {"rows": f"{asked.rows:,}"}


def write(path: Path, columns: Mapping[str, Any]) -> None:
    """Write a table: zstd, dictionaries where they help, row groups of `ROW_GROUP_ROWS`."""
    pq.write_table(pa.table(dict(columns)), path, row_group_size=ROW_GROUP_ROWS, compression="zstd")


def names(prefix: str, numbers: np.ndarray, digits: int = 8) -> pa.Array:
    """Return texts such as ``shop00000017``, all of one length."""
    width = len(prefix) + digits
    text = np.full((len(numbers), width), ord("0"), np.uint8)
    text[:, : len(prefix)] = np.frombuffer(prefix.encode(), np.uint8)
    rest = numbers.astype(np.int64, copy=True)
    for place in range(width - 1, len(prefix) - 1, -1):
        rest, digit = np.divmod(rest, 10)
        text[:, place] += digit.astype(np.uint8)
    offsets = np.arange(0, (len(numbers) + 1) * width, width, dtype=np.int32)
    return pa.StringArray.from_buffers(len(numbers), pa.py_buffer(offsets), pa.py_buffer(text))


def of_names(values: np.ndarray, texts: list[str]) -> pa.Array:
    """Return the text that each number stands for."""
    return pa.DictionaryArray.from_arrays(values.astype(np.int32), texts).cast(pa.string())

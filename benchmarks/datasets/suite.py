"""The suite ``datasets``, as the harness runs it."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from importlib import import_module
from pathlib import Path

import numpy as np

from ..harness.cache import cache_directory, made_once
from ..harness.options import positive
from ..harness.rows import SEED, names, write
from ..harness.suite import Dataset, Queries, Suite

VERSION = 1
FILE_ROWS = 1000
COLUMNS = 200
DAYS = 365

QUERIES = ("files_sum", "files_groups", "files_one_day", "wide_three_columns", "partition_one")


def make(directory: Path, files: int, partitions: int, rows: int) -> None:
    """Write the three datasets."""
    rng = np.random.default_rng(SEED)
    (directory / "files").mkdir()
    for number in range(files):
        columns = {
            "day": np.full(FILE_ROWS, number * DAYS // files, np.int32),
            "shop": rng.integers(0, 100, FILE_ROWS, dtype=np.int32),
            "item": names("item", rng.integers(0, 1000, FILE_ROWS)),
            "amount": np.round(rng.random(FILE_ROWS) * 1000, 2),
        }
        write(directory / "files" / f"{number:05}.parquet", columns)
    values = np.round(rng.random(1000) * 1000, 2)
    wide = {f"c{number:03}": values[rng.integers(0, 1000, rows)] for number in range(1, COLUMNS)}
    write(directory / "wide.parquet", {"c000": rng.integers(0, 1000, rows), **wide})
    each = max(1, rows * 10 // partitions)
    for number in range(partitions):
        folder = directory / "partitioned" / f"part={number}"
        folder.mkdir(parents=True)
        columns = {
            "shop": rng.integers(0, 100, each, dtype=np.int32),
            "amount": np.round(rng.random(each) * 1000, 2),
        }
        write(folder / "rows.parquet", columns)


def prepare(asked: Namespace) -> Dataset:
    """Return the data, generated where it is not cached."""
    sizes = (asked.files, asked.partitions, asked.rows)
    name = "{}-files-{}-partitions-{}-rows".format(*sizes)
    directory = cache_directory("datasets") / f"{name}-v{VERSION}"

    def write_into(path: Path) -> None:
        make(path, *sizes)

    return Dataset(directory=made_once(directory, write_into))


def details(asked: Namespace, dataset: Dataset) -> dict[str, str]:
    """Return what a report says of the data."""
    return {
        "files": f"{asked.files:,}",
        "partitions": f"{asked.partitions:,}",
        "rows of the wide table": f"{asked.rows:,}",
    }


def add_options(parser: ArgumentParser) -> None:
    """Add the switches that say how large."""
    add = parser.add_argument
    add("--files", type=positive, default=10_000, help="small files (10,000)")
    add("--partitions", type=positive, default=500, help="partitions (500)")
    add("--rows", type=positive, default=1_000_000, help="rows of the wide table (1,000,000)")


def queries(engine: str) -> Queries:
    """Return an engine's queries."""
    module = import_module(f".queries.{engine}", __package__)
    return {name: getattr(module, name) for name in QUERIES}


SUITE = Suite(
    name="datasets",
    title="Datasets",
    queries=queries,
    prepare=prepare,
    details=details,
    add_options=add_options,
    quick={"files": 40, "partitions": 20, "rows": 2000},
)

"""What a suite is: its queries, its data, its switches; the harness does the rest.

The suite ``groups`` is the package ``benchmarks.groups``; its module ``suite`` has a `SUITE`, by
which an engine's process finds what to run.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from fnmatch import fnmatchcase
from importlib import import_module
from pathlib import Path
from typing import Any

import pyarrow as pa

from .engines import Engine
from .errors import SetupError

PEERS = ("polars", "duckdb", "dask")
"""The engines that every suite is written for, beside the subject."""


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """Tables in one directory; what else queries ask for is said by a class of the suite."""

    directory: Path
    """Holds ``<table>.parquet``, or a directory ``<table>`` of such files, for every table."""

    def path(self, table: str) -> str:
        """Return the path, or the glob, of one table's files."""
        single = self.directory / f"{table}.parquet"
        return str(single if single.is_file() else self.directory / table / "*.parquet")

    def as_json(self) -> dict[str, Any]:
        """Return the fields, as an engine's process is told them."""
        return asdict(self) | {"directory": str(self.directory)}


class Tables:
    """What a query is given: ``t.lineitem`` is the engine's own lazy frame over that table.

    What is no table is an attribute of the dataset (``t.scale``), and ``t.scratch`` is a directory
    to write to, removed with the engine's process.
    """

    def __init__(self, engine: Engine, dataset: Dataset, scratch: Path | None = None) -> None:
        self._engine = engine
        self.dataset = dataset
        self.scratch = scratch

    def __getattr__(self, name: str) -> Any:
        dataset = self.dataset
        if (dataset.directory / f"{name}.parquet").is_file() or (dataset.directory / name).is_dir():
            return self._engine.scan(dataset.path(name))
        return getattr(dataset, name)


Queries = dict[str, Callable[[Any], Any]]
"""Name -> a function that is given `Tables`; it returns what the engine collects, or `Written`."""


def all_rows(query: str, rows: pa.Table) -> pa.Table:
    """Return what a query gave: its rows are few enough to be compared one by one."""
    return rows


def named(asked: Sequence[str], written: Sequence[str], engine: str) -> list[str]:
    """Return the queries that were asked for: names, patterns such as ``inner_*``, or ``all``.

    Raises
    ------
    SetupError
        Where one matches nothing.
    """
    found: dict[str, None] = {}
    for text in asked:
        pattern = "*" if text == "all" else text
        matched = [name for name in written if fnmatchcase(name, pattern)]
        if not matched:
            raise SetupError(f"--queries names {text}; written for {engine}: {', '.join(written)}.")
        found |= dict.fromkeys(matched)
    return list(found)


@dataclass(frozen=True, kw_only=True)
class Suite:
    """One benchmark; its fields are all that the harness knows of it."""

    name: str
    """Of its package in ``benchmarks``, and in what is written."""

    title: str
    """What a report begins with."""

    queries: Callable[[str], Queries]
    """Engine -> its queries, in their order."""

    prepare: Callable[[Namespace], Dataset]
    """The switches -> the data, generated where it is not there."""

    dataset: type[Dataset] = Dataset
    """What an engine's process makes of the dataset's fields."""

    details: Callable[[Namespace, Dataset], dict[str, str]]
    """What a report says of the data, such as its rows."""

    add_options: Callable[[ArgumentParser], None]
    """Adds the suite's own switches."""

    quick: Mapping[str, Any]
    """The switches that ``--quick`` sets: so little data that a run takes seconds."""

    engines: tuple[str, ...] = ("partita", *PEERS)
    """Who has the queries written."""

    order_by: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Query -> columns whose order it prescribes; rows that tie in them may come in any order."""

    summary: Callable[[str, pa.Table], pa.Table] = all_rows
    """Query and its rows -> what is compared of them; computed by the engine's process, untimed."""

    select: Callable[[Sequence[str], Sequence[str], str], list[str]] = named
    """What ``--queries`` says, what is written, for whom -> the queries to run."""


def load(name: str) -> Suite:
    """Return a suite by its name."""
    suite: Suite = import_module(f"benchmarks.{name}.suite").SUITE
    return suite

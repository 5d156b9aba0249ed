"""The engines under test: one module each, and the table that names them.

A new engine is a module with a ``start(options)``, a line in `ENGINES` and its queries in suites.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from importlib import import_module, metadata
from importlib.util import find_spec
from typing import Any, Literal, Protocol

import pyarrow as pa

from ..errors import SetupError

SUBJECT = "partita"
"""The engine that the others are held against."""

ENGINES: dict[str, tuple[str, ...]] = {
    "partita": ("partita",),
    "partita_dask": ("partita", "dask", "distributed"),
    "polars": ("polars",),
    "duckdb": ("duckdb",),
    "dask": ("dask", "distributed", "pandas"),
    "floor": ("pyarrow",),
}
"""Engine -> the distributions it needs; the first one's version is the engine's."""

ASKED_AS = {"partita_dask": "partita"}
"""Engines that are asked in the words of another one."""

RIVALS = ("polars", "duckdb")
"""The engines whose better one is what the subject has to reach, query by query."""

UNCOMPARED = frozenset({"floor"})
"""Engines that answer nothing, so that their rows are not compared."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """How every engine of a run is started."""

    workers: int | None = None
    """Processes of Partita and Dask, threads of Polars and DuckDB; None: the engine's default."""

    executor: Literal["auto", "serial", "process"] = "auto"
    """Partita's executor; the others have none to choose."""


@dataclass(frozen=True, kw_only=True)
class Written:
    """What a query returns that wrote its rows; they are read and removed when it was timed."""

    path: str
    """A Parquet file, or a directory of such files whose names are in the order of the rows."""


class Engine(Protocol):
    """What a server process asks of the engine in it."""

    def scan(self, path: str) -> Any:
        """Return the engine's lazy frame over a table's files (a path or a glob)."""

    def collect(self, query: Any) -> pa.Table | Written:
        """Run a query to its end and return its rows, or where it wrote them."""

    def close(self) -> None:
        """End what the engine started."""


def start(name: str, options: Options) -> Engine:
    """Import an engine and start it in this process."""
    engine: Engine = import_module(f".{name}", __name__).start(options)
    return engine


def asked_as(name: str) -> str:
    """Return whose queries an engine is asked."""
    return ASKED_AS.get(name, name)


def version(name: str) -> str:
    """Return the version of an engine's distribution."""
    return metadata.version(ENGINES[name][0])


def check_installed(names: Iterable[str]) -> None:
    """Raise a `SetupError` for the first engine that is unknown or lacks a library."""
    for name in names:
        if name not in ENGINES:
            raise SetupError(f"There is no engine {name!r}; there are {', '.join(ENGINES)}.")
        absent = [module for module in ENGINES[name] if find_spec(module) is None]
        if absent:
            raise SetupError(
                f"The engine {name!r} was asked for and needs {', '.join(absent)}, not installed"
                " here: pip install 'partita[benchmarks]', or leave it out of --peers."
            )

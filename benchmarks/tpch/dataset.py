"""The eight TPC-H tables as Parquet: generated once, cached outside the repository.

A dataset is made in a sibling directory and renamed when it is whole, so that an interrupted
generation is never read; a lock keeps two runs from making the same one.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Literal

import pyarrow.parquet as pq

from .doubles import rewrite_with_doubles
from .errors import SetupError

TABLES = ("region", "nation", "supplier", "customer", "part", "partsupp", "orders", "lineitem")

Decimals = Literal["keep", "double"]


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """The tables of one scale factor, with one kind of numbers."""

    directory: Path
    """Holds ``<table>.parquet``, or a directory ``<table>`` of such files, for every table."""

    decimals: Decimals
    """``keep``: prices are decimal(15, 2), as the standard says; ``double``: they are doubles."""

    def path(self, table: str) -> str:
        """Return the path, or the glob, of one table's files."""
        single = self.directory / f"{table}.parquet"
        return str(single if single.is_file() else self.directory / table / "*.parquet")

    @property
    def scale(self) -> float:
        """The scale factor, which some queries ask for: there are 10,000 suppliers for each 1."""
        files = Path(self.path("supplier"))
        rows = sum(pq.read_metadata(file).num_rows for file in files.parent.glob(files.name))
        return rows / 10_000


def cache_directory() -> Path:
    """Return where generated datasets are kept: the platform's cache directory."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "partita-tpch"


def generated(scale: float, decimals: Decimals) -> Dataset:
    """Return the dataset of a scale factor, generating it where it is not cached.

    Parameters
    ----------
    scale
        TPC-H scale factor; 1 is 6 million rows of lineitem.
    decimals
        Whether decimal columns stay (``keep``) or are rewritten (``double``).

    Raises
    ------
    SetupError
        When the generator is not installed or fails.
    """
    name = f"sf{scale:g}-{decimals}-tpchgen{_generator_version()}"
    kept = generated(scale, "keep") if decimals == "double" else None
    directory = cache_directory() / name
    with _locked(directory.with_name(f"{name}.lock")):
        if not directory.is_dir():
            partial = directory.with_name(f".{name}.partial")
            shutil.rmtree(partial, ignore_errors=True)  # left by a run that was killed
            partial.mkdir()
            try:
                if kept is None:
                    _generate(scale, partial)
                else:
                    for table in TABLES:
                        rewrite_with_doubles(
                            kept.directory / f"{table}.parquet", partial / f"{table}.parquet"
                        )
                partial.rename(directory)
            finally:
                shutil.rmtree(partial, ignore_errors=True)
    return Dataset(directory=directory, decimals=decimals)


def existing(directory: Path) -> Dataset:
    """Return the dataset that lies in `directory`; what its prices are is read from its schema.

    Raises
    ------
    SetupError
        When a table has no Parquet file there.
    """
    absent = [
        table
        for table in TABLES
        if not (directory / f"{table}.parquet").is_file()
        and not any((directory / table).glob("*.parquet"))
    ]
    if absent:
        raise SetupError(
            f"--data {directory} has no Parquet file for {', '.join(absent)}: each table is"
            " <table>.parquet or <table>/*.parquet."
        )
    single = directory / "lineitem.parquet"
    first = single if single.is_file() else min((directory / "lineitem").glob("*.parquet"))
    price = pq.read_schema(first).field("l_extendedprice").type
    return Dataset(
        directory=directory.resolve(), decimals="double" if str(price) == "double" else "keep"
    )


def _generate(scale: float, directory: Path) -> None:
    """Let the generator write all tables into `directory`."""
    command = [
        _generator(),
        "parquet",
        f"--scale-factor={scale:g}",
        f"--output-dir={directory}",
        "--compression=ZSTD(1)",
        "--quiet",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SetupError(f"{' '.join(command)} ended with {done.returncode}:\n{done.stderr}")


def _generator() -> str:
    """Return the generator's path: beside this interpreter, else on the search path."""
    beside = Path(sysconfig.get_path("scripts")) / "tpchgen-cli"
    found = str(beside) if beside.is_file() else shutil.which("tpchgen-cli")
    if found is None:
        raise SetupError(_NO_GENERATOR)
    return found


def _generator_version() -> str:
    try:
        return metadata.version("tpchgen-cli")
    except metadata.PackageNotFoundError:
        raise SetupError(_NO_GENERATOR) from None


_NO_GENERATOR = (
    "The data generator tpchgen-cli is not installed: pip install 'partita[benchmarks]', or give"
    " tables that exist with --data."
)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold an exclusive lock on `path`; it ends with this process, however that ends."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield

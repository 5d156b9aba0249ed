"""The eight TPC-H tables as Parquet: generated once, cached outside the repository."""

from __future__ import annotations

import shutil
import subprocess
import sysconfig
from dataclasses import dataclass
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import Literal

import pyarrow.parquet as pq

from ..harness import cache, suite
from ..harness.errors import SetupError
from .doubles import rewrite_with_doubles

TABLES = ("region", "nation", "supplier", "customer", "part", "partsupp", "orders", "lineitem")

Decimals = Literal["keep", "double"]


@dataclass(frozen=True, kw_only=True)
class Dataset(suite.Dataset):
    """The tables of one scale factor, with one kind of numbers."""

    decimals: Decimals
    """``keep``: prices are decimal(15, 2), as the standard says; ``double``: they are doubles."""

    @property
    def scale(self) -> float:
        """The scale factor, which some queries ask for: there are 10,000 suppliers for each 1."""
        files = Path(self.path("supplier"))
        rows = sum(pq.read_metadata(file).num_rows for file in files.parent.glob(files.name))
        return rows / 10_000


def cache_directory() -> Path:
    """Return where generated datasets are kept."""
    return cache.cache_directory("tpch")


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
    if decimals == "double":
        make = partial(_copy, generated(scale, "keep"))
    else:
        make = partial(_generate, scale)
    directory = cache.made_once(cache_directory() / name, make)
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


def _copy(kept: Dataset, directory: Path) -> None:
    """Rewrite all tables with doubles into `directory`."""
    for table in TABLES:
        rewrite_with_doubles(kept.directory / f"{table}.parquet", directory / f"{table}.parquet")


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

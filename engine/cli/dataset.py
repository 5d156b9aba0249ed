"""The demo's directory: the dataset in it is made once, and known again.

`partita-demo.json` says what the dataset was made with. It is there before the first file, which
makes the directory the demo's own, and it lists the files once all of them are complete.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import pyarrow.parquet as pq

from ..errors import SinkError, SinkExists
from .trips import FORMAT, trips_files, write_trips, zones

MANIFEST = "partita-demo.json"


@dataclass(frozen=True, kw_only=True)
class Parameters:
    """What decides the files of a dataset, byte for byte."""

    rows: int
    seed: int
    format: int = FORMAT


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """A complete dataset of the demo."""

    directory: Path
    """The demo's directory, which holds the dataset and later the result."""

    files: tuple[Path, ...]
    """The Parquet files of the trips, in order of time."""

    bytes: int
    """What the trips take on disk."""

    reused: bool
    """Whether it was there already."""

    @property
    def trips(self) -> Path:
        """Return the directory of the trips."""
        return self.directory / "trips"

    @property
    def zones(self) -> Path:
        """Return the file of the lookup table."""
        return self.directory / "zones.parquet"

    @property
    def result(self) -> Path:
        """Return the directory that the demo writes its answer to."""
        return self.directory / "result"


def prepare_dataset(
    directory: str | os.PathLike[str],
    *,
    rows: int,
    seed: int = 7,
    report: Callable[[int, int], None] = lambda done, total: None,
) -> Dataset:
    """Make the dataset in `directory`, or take the one that is there with the same parameters.

    Parameters
    ----------
    directory : path
        Made if missing.
    rows, seed : int
        See `write_trips`.
    report : callable, optional
        Called with the rows done and the rows in all, after each file.

    Returns
    -------
    Dataset
        Complete on disk.

    Raises
    ------
    SinkExists
        If the directory holds trips that the demo did not make.
    SinkError
        If the directory cannot be written to.
    """
    directory = Path(directory)
    parameters = Parameters(rows=rows, seed=seed)
    try:
        sizes = _manifest_sizes(directory, parameters)
        if sizes is not None and sizes == _sizes(directory, parameters):
            return _dataset(directory, sizes, reused=True)
        return _make(directory, parameters, report)
    except SinkError:
        raise
    except OSError as error:
        raise SinkError(
            f"The demo's dataset cannot be made in '{directory}': {error.strerror or error}."
            " Give a directory that can be written to with --out."
        ) from error


def _make(directory: Path, parameters: Parameters, report: Callable[[int, int], None]) -> Dataset:
    manifest = directory / MANIFEST
    dataset = _dataset(directory, {}, reused=False)
    if not manifest.exists():
        for path in (dataset.trips, dataset.zones, dataset.result):
            if path.exists():
                raise SinkExists(
                    f"'{path}' is there already and was not made by the demo, which would replace"
                    " it. Give another directory with --out."
                )
    directory.mkdir(parents=True, exist_ok=True)
    _write_manifest(manifest, parameters, None)
    if dataset.trips.exists():
        shutil.rmtree(dataset.trips)
    done = 0
    for file in write_trips(dataset.trips, rows=parameters.rows, seed=parameters.seed):
        done += file.rows
        report(done, parameters.rows)
    pq.write_table(zones(), dataset.zones)
    sizes = _sizes(directory, parameters)
    _write_manifest(manifest, parameters, sizes)
    return _dataset(directory, sizes or {}, reused=False)


def _dataset(directory: Path, sizes: dict[str, int], *, reused: bool) -> Dataset:
    trips = {name: size for name, size in sizes.items() if name.startswith("trips/")}
    return Dataset(
        directory=directory,
        files=tuple(directory / name for name in trips),
        bytes=sum(trips.values()),
        reused=reused,
    )


def _sizes(directory: Path, parameters: Parameters) -> dict[str, int] | None:
    """Return the size of each file that the dataset consists of; None if one is missing."""
    paths = [file.path for file in trips_files(directory / "trips", parameters.rows)]
    paths.append(directory / "zones.parquet")
    if not all(path.is_file() for path in paths):
        return None
    return {path.relative_to(directory).as_posix(): path.stat().st_size for path in paths}


def _manifest_sizes(directory: Path, parameters: Parameters) -> dict[str, int] | None:
    """Return the sizes that a complete dataset of these parameters had when it was made."""
    manifest = directory / MANIFEST
    if not manifest.is_file():
        return None
    try:
        known = json.loads(manifest.read_text())
    except ValueError:
        # Cut off while it was written: the demo's own, and not complete.
        return None
    same = isinstance(known, dict) and known.get("parameters") == asdict(parameters)
    return known.get("files") if same else None


def _write_manifest(path: Path, parameters: Parameters, sizes: dict[str, int] | None) -> None:
    text = json.dumps({"parameters": asdict(parameters), "files": sizes}, indent=1)
    partial = path.with_suffix(".partial")
    partial.write_text(text)
    os.replace(partial, path)

"""The formats there are, and which one a path is of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..engine.errors import SourceNotFound, listed
from ..engine.source import Source
from .csv import CsvSink, CsvSource
from .dataset import FileSource
from .ipc import IpcSink, IpcSource
from .json import JsonSink, JsonSource
from .listing import Listing, Paths, resolve
from .orc import OrcSink, OrcSource
from .parquet import ParquetSource
from .parquet_sink import ParquetSink
from .sink import FileSink


@dataclass(frozen=True, kw_only=True)
class Format:
    """A file format: how it is read and written."""

    name: str
    source: type[FileSource[Any]]
    sink: type[FileSink]
    suffixes: tuple[str, ...]
    magic: bytes = b""
    """How its files begin, where that tells it."""


FORMATS: dict[str, Format] = {
    entry.name: entry
    for entry in (
        Format(
            name="parquet",
            source=ParquetSource,
            sink=ParquetSink,
            suffixes=(".parquet", ".parq", ".pq"),
            magic=b"PAR1",
        ),
        Format(
            name="ipc",
            source=IpcSource,
            sink=IpcSink,
            suffixes=(".arrow", ".arrows", ".ipc", ".feather"),
            magic=b"ARROW1",
        ),
        Format(
            name="csv",
            source=CsvSource,
            sink=CsvSink,
            suffixes=(".csv", ".tsv", ".csv.gz", ".csv.zst", ".csv.bz2"),
        ),
        Format(
            name="json",
            source=JsonSource,
            sink=JsonSink,
            suffixes=tuple(
                f".{stem}{packed}"
                for stem in ("json", "jsonl", "ndjson")
                for packed in ("", ".gz", ".zst", ".bz2")
            ),
        ),
        Format(
            name="orc",
            source=OrcSource,
            sink=OrcSink,
            suffixes=(".orc",),
            magic=b"ORC",
        ),
    )
}
"""By name; the part behind ``scan_`` and ``sink_``."""


def source_for(paths: Paths, **options: Any) -> Source:
    """Return the source of a dataset whose format is told by its suffix or by its first bytes.

    Raises
    ------
    SourceNotFound
        If there is no file, or its format is not known.
    """
    keys = ("filesystem", "hive_partitioning")
    listing = resolve(paths, **{key: options[key] for key in keys if key in options})
    found = _format_of(listing)
    if found.name == "csv" and listing.files[0].path.lower().endswith(".tsv"):
        options.setdefault("separator", "\t")
    return found.source.open(paths, **options)


def _format_of(listing: Listing) -> Format:
    path = listing.files[0].path
    for entry in FORMATS.values():
        if path.lower().endswith(entry.suffixes):
            return entry
    if listing.filesystem is None:
        with open(path, "rb") as handle:
            beginning = handle.read(8)
    else:
        with listing.filesystem.open_input_stream(path) as handle:
            beginning = handle.read(8)
    for entry in FORMATS.values():
        if entry.magic and beginning.startswith(entry.magic):
            return entry
    suffixes = [suffix for entry in FORMATS.values() for suffix in entry.suffixes]
    raise SourceNotFound(
        f"The format of {path!r} is not known. Files end with {listed(suffixes)}; with another"
        " name, read it with scan_parquet, scan_csv, scan_json,"
        " scan_ipc or scan_orc."
    )

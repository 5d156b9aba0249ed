"""Formats: each reads a dataset as a `Source` and writes one as a `Sink`."""

from .convert import table_from_arrow, table_from_pandas, table_from_pydict
from .csv import CsvSink, CsvSource
from .formats import FORMATS, Format, source_for
from .ipc import IpcSink, IpcSource
from .json import JsonSink, JsonSource
from .memory import MemoryFragment, MemorySource
from .orc import OrcSink, OrcSource
from .parquet import ParquetSource
from .parquet_sink import ParquetSink
from .sink import FileSink

__all__ = [
    "FORMATS",
    "CsvSink",
    "CsvSource",
    "FileSink",
    "Format",
    "IpcSink",
    "IpcSource",
    "JsonSink",
    "JsonSource",
    "MemoryFragment",
    "MemorySource",
    "OrcSink",
    "OrcSource",
    "ParquetSink",
    "ParquetSource",
    "source_for",
    "table_from_arrow",
    "table_from_pandas",
    "table_from_pydict",
]

"""Parquet files as a sink."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import pyarrow as pa
import pyarrow.parquet as pq

from ..engine.errors import SinkError
from .partitioned import TableWriter
from .sink import FileSink

_COMPRESSIONS = ("zstd", "snappy", "gzip", "lz4", "brotli", "none")


@dataclass(frozen=True, kw_only=True)
class ParquetSink(FileSink):
    """A Parquet file or a directory of them.

    Text comes as plain strings and is dictionary-encoded by the writer: to hand it Arrow's
    dictionaries saves 15 ns a value, and needs them made equal and rid of unused values first.
    """

    compression: str = "zstd"
    row_group_rows: int = 131_072

    format: ClassVar[str] = "parquet"
    suffixes: ClassVar[tuple[str, ...]] = (".parquet", ".parq", ".pq")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.compression not in _COMPRESSIONS:
            raise SinkError(f"compression is one of {_COMPRESSIONS}, not {self.compression!r}.")
        if self.row_group_rows < 1:
            raise SinkError(f"row_group_rows is at least 1, not {self.row_group_rows}.")

    @property
    def buffered_rows(self) -> int:  # type: ignore[override]
        """Rows of a row group."""
        return self.row_group_rows

    def schema_of(self, path: str) -> pa.Schema | None:
        """Return the columns of a file that is there; None where only a scan would say why not."""
        try:
            return pq.read_schema(path)
        except (pa.ArrowException, OSError):
            return None

    def open(self, path: str, schema: pa.Schema) -> TableWriter:
        """Return a writer of one new Parquet file."""
        return _ParquetWriter(path, schema, self)


class _ParquetWriter:
    def __init__(self, path: str, schema: pa.Schema, sink: ParquetSink) -> None:
        self._writer = pq.ParquetWriter(path, schema, compression=sink.compression)
        self._rows = sink.row_group_rows

    def write(self, table: pa.Table) -> None:
        self._writer.write_table(table, row_group_size=self._rows)

    def close(self) -> None:
        self._writer.close()

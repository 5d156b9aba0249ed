"""Writing a frame to files: nothing is seen of it before all of it is there."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any, Self, TypeAlias

from ...io.csv import CsvSink
from ...io.ipc import IpcSink
from ...io.json import JsonSink
from ...io.orc import OrcSink
from ...io.parquet_sink import ParquetSink
from ..plan.node import caller_site
from ..plan.nodes import Write
from ..source import Sink
from .frame import Frame
from .options import NO_INDEX, options
from .result import Result
from .running import Run

Target: TypeAlias = str | os.PathLike[str]
PartitionBy: TypeAlias = str | Sequence[str] | None


_EVERYWHERE = {
    "index": NO_INDEX,
    "partition_cols": "write partition_by=[...]",
    "partition_on": "write partition_by=[...]",
    "engine": "leave it out",
    "overwrite": "write mode='overwrite'",
    "append": "write mode='append'",
    "row_group_size": "write row_group_rows=",
    "compute": "write lazy=True for a frame that writes when it is collected",
    "mkdir": "missing directories are made, always",
    "write_index": NO_INDEX,
    "use_pyarrow": "leave it out",
    "single_file": "a path such as sales.csv is one file, one without a suffix a directory",
    "name_function": "files are named by the partition, always",
    "partitionBy": "write partition_by=",
}
"""Options of other libraries' writers, and what to write here."""


class Writing(Frame):
    """The sinks, each by three names: ``sink_`` (Polars), ``write_`` and ``to_`` (pandas, Dask)."""

    __slots__ = ()

    @options(**_EVERYWHERE)
    def sink_parquet(
        self,
        path: Target,
        *,
        partition_by: PartitionBy = None,
        mode: str = "error",
        lazy: bool = False,
        compression: str = "zstd",
        row_group_rows: int = 131_072,
    ) -> Result | Self:
        """Run the plan and write its rows as a Parquet dataset.

        Parameters
        ----------
        path : path
            A directory; or one file, where the name ends in ``.parquet``.
        partition_by : str or sequence of str, optional
            Columns whose values become folders, as in ``year=2024/``.
        mode : {"error", "overwrite", "append"}
            What to do when something is there already.
        lazy : bool
            Whether to return a frame that writes when it is collected.
        compression : {"zstd", "snappy", "gzip", "lz4", "brotli", "none"}
        row_group_rows : int
            Most rows in a row group, the piece that a reader can leave out by its statistics.

        Returns
        -------
        Result or DataFrame
            One row for each file: its path, its rows, its bytes.

        Raises
        ------
        SinkExists
            If something is there and `mode` is ``"error"``.
        SinkError
            If the target cannot be written.

        Examples
        --------
        >>> import partita as pt
        >>> df = pt.from_pydict({"a": [1, 2]})
        >>> df.sink_parquet("out.parquet")["rows"].to_pylist()
        [2]
        >>> pt.scan_parquet("out.parquet").to_pydict()
        {'a': [1, 2]}
        """
        return self._write(
            ParquetSink,
            path,
            partition_by,
            mode,
            lazy,
            compression=compression,
            row_group_rows=row_group_rows,
        )

    write_parquet = sink_parquet
    to_parquet = sink_parquet

    @options(**_EVERYWHERE, sep="write separator=", header="write has_header=True or False")
    def sink_csv(
        self,
        path: Target,
        *,
        partition_by: PartitionBy = None,
        mode: str = "error",
        lazy: bool = False,
        separator: str = ",",
        has_header: bool = True,
    ) -> Result | Self:
        """Run the plan and write its rows as CSV.

        Parameters
        ----------
        path, partition_by, mode, lazy
            As for `sink_parquet`; one file where the name ends in ``.csv``.
        separator : str
            One character.
        has_header : bool
            Whether the first line has the names.

        Returns
        -------
        Result or DataFrame
            One row for each file: its path, its rows, its bytes.

        Examples
        --------
        >>> import partita as pt
        >>> pt.from_pydict({"a": [1, 2]}).sink_csv("out.csv")["rows"].to_pylist()
        [2]
        >>> print(open("out.csv").read().splitlines())
        ['"a"', '1', '2']
        """
        return self._write(
            CsvSink, path, partition_by, mode, lazy, separator=separator, has_header=has_header
        )

    write_csv = sink_csv
    to_csv = sink_csv

    @options(**_EVERYWHERE)
    def sink_ipc(
        self,
        path: Target,
        *,
        partition_by: PartitionBy = None,
        mode: str = "error",
        lazy: bool = False,
        compression: str | None = None,
    ) -> Result | Self:
        """Run the plan and write its rows as Arrow IPC (Feather) files.

        Parameters
        ----------
        path, partition_by, mode, lazy
            As for `sink_parquet`; one file where the name ends in ``.arrow``, ``.ipc`` or
            ``.feather``.
        compression : {None, "zstd", "lz4"}
            Without it the files are read back without a copy.

        Returns
        -------
        Result or DataFrame
            One row for each file: its path, its rows, its bytes.

        Examples
        --------
        >>> import partita as pt
        >>> pt.from_pydict({"a": [1, 2]}).sink_ipc("out.arrow")["rows"].to_pylist()
        [2]
        """
        return self._write(IpcSink, path, partition_by, mode, lazy, compression=compression)

    write_ipc = sink_ipc
    to_ipc = sink_ipc
    to_feather = sink_ipc

    @options(
        **_EVERYWHERE,
        lines="objects are written one to a line, always",
        orient="objects are written one to a line",
    )
    def sink_json(
        self,
        path: Target,
        *,
        partition_by: PartitionBy = None,
        mode: str = "error",
        lazy: bool = False,
    ) -> Result | Self:
        """Run the plan and write its rows as JSON, one object to a line.

        Points in time are written as ISO 8601 text, those with a zone in UTC; NaN and infinities,
        which JSON does not have, as null.

        Parameters
        ----------
        path, partition_by, mode, lazy
            As for `sink_parquet`; one file where the name ends in ``.json``, ``.jsonl`` or
            ``.ndjson``.

        Returns
        -------
        Result or DataFrame
            One row for each file: its path, its rows, its bytes.

        Raises
        ------
        SinkExists
            If something is there and `mode` is ``"error"``.
        SinkError
            If a column has a type without a form in JSON: binary, durations.

        Examples
        --------
        >>> import partita as pt
        >>> df = pt.from_pydict({"a": [1, None], "b": [["x"], []]})
        >>> df.sink_json("out.json")["rows"].to_pylist()
        [2]
        >>> print(open("out.json").read().splitlines())
        ['{"a":1,"b":["x"]}', '{"a":null,"b":[]}']
        """
        return self._write(JsonSink, path, partition_by, mode, lazy)

    write_json = sink_json
    to_json = sink_json

    @options(**_EVERYWHERE)
    def sink_orc(
        self,
        path: Target,
        *,
        partition_by: PartitionBy = None,
        mode: str = "error",
        lazy: bool = False,
        compression: str = "zstd",
    ) -> Result | Self:
        """Run the plan and write its rows as ORC files.

        Parameters
        ----------
        path, partition_by, mode, lazy
            As for `sink_parquet`; one file where the name ends in ``.orc``.
        compression : {"zstd", "snappy", "zlib", "lz4", "uncompressed"}

        Returns
        -------
        Result or DataFrame
            One row for each file: its path, its rows, its bytes.

        Examples
        --------
        >>> import partita as pt
        >>> pt.from_pydict({"a": [1, 2]}).sink_orc("out.orc")["rows"].to_pylist()
        [2]
        """
        return self._write(OrcSink, path, partition_by, mode, lazy, compression=compression)

    write_orc = sink_orc
    to_orc = sink_orc

    def _write(
        self,
        make: Callable[..., Sink],
        path: Target,
        partition_by: PartitionBy,
        mode: str,
        lazy: bool,
        **options: Any,
    ) -> Result | Self:
        """Return the plan that writes, or what running it says."""
        columns = (partition_by,) if isinstance(partition_by, str) else tuple(partition_by or ())
        sink = make(path=path, partition_by=columns, mode=mode, **options)
        plan = Write(input=self.plan, sink=sink, site=caller_site())
        return self._from_plan(plan) if lazy else Run(plan, progress=True).result()

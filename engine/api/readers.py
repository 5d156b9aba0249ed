"""From files and from memory to a frame. Reading is lazy: only metadata is looked at here."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from ...io.convert import table_from_arrow, table_from_pydict
from ...io.csv import CsvSource
from ...io.dataset import FileSource
from ...io.ipc import IpcSource
from ...io.json import JsonSource
from ...io.memory import MemorySource
from ...io.orc import OrcSource
from ...io.parquet import ParquetSource
from ..execution import session
from ..plan.node import caller_site
from ..plan.nodes import Scan
from ..source import Source
from .columns import fields_of
from .dataframe import DataFrame
from .memory_data import source_of
from .options import NO_INDEX, options

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl

Paths: TypeAlias = "str | os.PathLike[str] | Sequence[str | os.PathLike[str]]"


_EVERYWHERE = {
    "usecols": "write columns=[...]",
    "nrows": "write .head(n) behind it",
    "n_rows": "write .head(n) behind it",
    "engine": "leave it out",
    "dtype_backend": "leave it out",
    "filters": "write .filter(...) behind it: it goes into the scan",
    "partitioning": "write hive_partitioning=True",
    "glob": "a path with * is a glob, always",
    "storage_options": "write filesystem=",
    "index": NO_INDEX,
    "blocksize": "write pt.config.set(partition_bytes=...)",
    "rechunk": "leave it out",
    "calculate_divisions": NO_INDEX,
    "split_row_groups": "write pt.config.set(partition_bytes=...)",
    "inferSchema": "types are seen, always",
    "row_index_name": "write .with_row_index(name) behind it",
}
"""Options of other libraries' readers, and what to write here."""


@options(**_EVERYWHERE)
def scan_parquet(
    path: Paths,
    *,
    columns: Sequence[str] | None = None,
    schema: Any = None,
    hive_partitioning: bool | None = None,
    missing_columns: str | None = None,
    on_error: str = "raise",
    filesystem: Any = None,
) -> DataFrame:
    """Return a frame over a Parquet dataset.

    Parameters
    ----------
    path : path or sequence of paths
        A file, a directory, a glob such as ``"trips/*.parquet"``, or a list of them.
    columns : sequence of str, optional
        The columns to keep; by default all. What a query does not need is not read anyway.
    schema : pyarrow.Schema or mapping, optional
        Columns and types to read, in place of what the files say.
    hive_partitioning : bool, optional
        Whether folders such as ``year=2024`` are columns; by default when there are such folders
        below a directory.
    missing_columns : {"insert", "raise"}, optional
        Whether a column that some files lack reads as null there, or is an error. By default it
        reads as null where another file has it, and one of ``schema=`` that none has is an error.
    on_error : {"raise", "skip"}
        What to do with files, row groups and lines that cannot be read: end with what is wrong, or
        leave them out, with a `SkippedWarning` when the query has run and a list in the
        ``.profile.skipped`` of its result. What a query does not read is not looked at: a count of
        all rows is told by the footers, and a damaged column does no harm to those who read others.
    filesystem : optional
        A pyarrow or fsspec file system; by default the path tells.

    Returns
    -------
    DataFrame

    Raises
    ------
    SourceNotFound
        If there is no such file.
    SourceCorrupt
        If a file is not Parquet.
    SchemaError
        If files contradict each other.

    Examples
    --------
    >>> import partita as pt
    >>> written = pt.from_pydict({"a": [1, 2], "b": ["x", "y"]}).sink_parquet("some.parquet")
    >>> pt.scan_parquet("some.parquet", columns=["a"]).to_pydict()
    {'a': [1, 2]}
    """
    source = ParquetSource.open(
        path,
        filesystem=filesystem,
        hive_partitioning=hive_partitioning,
        schema=None if schema is None else fields_of(schema, "scan_parquet"),
        missing_columns=missing_columns,
        on_error=on_error,
    )
    return _frame(source, columns)


_DECIMAL_COMMA = "write .with_columns(pt.col('a').str.replace(',', '.').cast(float)) behind it"


@options(
    **_EVERYWHERE,
    sep="write separator=",
    delimiter="write separator=",
    header="write has_header=True or False",
    names="write schema={'a': 'int64'}, with has_header=False where the file names none",
    new_columns="write .rename({...}) behind it",
    dtype="write schema={'a': 'int64'} for all columns, or .cast({...}) behind it",
    dtypes="write schema={'a': 'int64'} for all columns, or .cast({...}) behind it",
    schema_overrides="write schema= for all columns, or .cast({...}) behind it",
    parse_dates="dates of the form 2024-01-31 are seen; for others write"
    " .with_columns(pt.col('day').str.to_date(format)) behind it",
    try_parse_dates="dates of the form 2024-01-31 are seen, always",
    na_values="write null_values=[...]",
    index_col=NO_INDEX,
    skiprows="write skip_rows=",
    quotechar="write quote=",
    escapechar="write escape=",
    encoding="files are UTF-8",
    compression="the name tells, as in sales.csv.gz",
    chunksize="stream it: for batch in df.collect_batches()",
    decimal=_DECIMAL_COMMA,
    decimal_comma=_DECIMAL_COMMA,
    thousands="write .with_columns(pt.col('a').str.replace_all(',', '').cast(float)) behind it",
    assume_missing="integers may be null, always",
    ignore_errors="give schema= with text for that column, and .cast({...}, strict=False)",
    infer_schema_length="write schema= where the types are not guessed well",
)
def scan_csv(
    path: Paths,
    *,
    columns: Sequence[str] | None = None,
    schema: Any = None,
    hive_partitioning: bool | None = None,
    missing_columns: str | None = None,
    on_error: str = "raise",
    filesystem: Any = None,
    separator: str = ",",
    has_header: bool = True,
    null_values: str | Sequence[str] = (),
    quote: str | None = '"',
    escape: str | None = None,
    newlines_in_values: bool = False,
    skip_rows: int = 0,
) -> DataFrame:
    """Return a frame over CSV files.

    Parameters
    ----------
    path, columns, hive_partitioning, missing_columns, on_error, filesystem
        As for `scan_parquet`.
    schema : pyarrow.Schema or mapping, optional
        Columns and types; by default they are guessed from the beginning of the files.
    separator : str
        One character.
    has_header : bool
        Whether the first line has the names; without it they are ``f0``, ``f1`` and so on, or
        those of `schema`.
    null_values : str or sequence of str
        Unquoted texts that stand for null, next to nothing at all; a quoted one is text.
    quote, escape : str, optional
        One character each.
    newlines_in_values : bool
        Whether quoted values may hold line ends; such files are read by one task each.
    skip_rows : int
        Lines before the header.

    Returns
    -------
    DataFrame

    Examples
    --------
    >>> import partita as pt
    >>> written = pt.from_pydict({"a": [1, 2]}).sink_csv("some.csv")
    >>> pt.scan_csv("some.csv").to_pydict()
    {'a': [1, 2]}
    """
    source = CsvSource.open(
        path,
        filesystem=filesystem,
        hive_partitioning=hive_partitioning,
        schema=None if schema is None else fields_of(schema, "scan_csv"),
        missing_columns=missing_columns,
        on_error=on_error,
        separator=separator,
        has_header=has_header,
        null_values=("", *([null_values] if isinstance(null_values, str) else null_values)),
        quote=quote,
        escape=escape,
        newlines_in_values=newlines_in_values,
        skip_rows=skip_rows,
    )
    return _frame(source, columns)


@options(**_EVERYWHERE)
def scan_ipc(
    path: Paths,
    *,
    columns: Sequence[str] | None = None,
    schema: Any = None,
    hive_partitioning: bool | None = None,
    missing_columns: str | None = None,
    on_error: str = "raise",
    filesystem: Any = None,
) -> DataFrame:
    """Return a frame over Arrow IPC (Feather) files.

    Parameters
    ----------
    path, columns, schema, hive_partitioning, missing_columns, on_error, filesystem
        As for `scan_parquet`.

    Returns
    -------
    DataFrame

    Examples
    --------
    >>> import partita as pt
    >>> written = pt.from_pydict({"a": [1, 2]}).sink_ipc("some.arrow")
    >>> pt.scan_ipc("some.arrow").to_pydict()
    {'a': [1, 2]}
    """
    source = IpcSource.open(
        path,
        filesystem=filesystem,
        hive_partitioning=hive_partitioning,
        schema=None if schema is None else fields_of(schema, "scan_ipc"),
        missing_columns=missing_columns,
        on_error=on_error,
    )
    return _frame(source, columns)


@options(
    **_EVERYWHERE,
    lines="objects are read one to a line, always",
    orient="objects are read one to a line",
)
def scan_json(
    path: Paths,
    *,
    columns: Sequence[str] | None = None,
    schema: Any = None,
    hive_partitioning: bool | None = None,
    missing_columns: str | None = None,
    on_error: str = "raise",
    filesystem: Any = None,
) -> DataFrame:
    """Return a frame over JSON files with one object to a line (NDJSON, JSON lines).

    Parameters
    ----------
    path, columns, hive_partitioning, missing_columns, on_error, filesystem
        As for `scan_parquet`; compressed files (``.json.gz``) are read by one task each.
    schema : pyarrow.Schema or mapping, optional
        Columns and types; by default they are guessed from the beginning of the files.

    Returns
    -------
    DataFrame

    Raises
    ------
    SourceNotFound
        If there is no such file.
    SourceCorrupt
        If a file is not one object to a line, or a value is not of its column's type.
    SchemaError
        If nothing tells the columns: the files are empty.

    Examples
    --------
    >>> import partita as pt
    >>> written = pt.from_pydict({"a": [1, 2]}).sink_json("some.json")
    >>> pt.scan_json("some.json").to_pydict()
    {'a': [1, 2]}
    """
    source = JsonSource.open(
        path,
        filesystem=filesystem,
        hive_partitioning=hive_partitioning,
        schema=None if schema is None else fields_of(schema, "scan_json"),
        missing_columns=missing_columns,
        on_error=on_error,
    )
    return _frame(source, columns)


@options(**_EVERYWHERE)
def scan_orc(
    path: Paths,
    *,
    columns: Sequence[str] | None = None,
    schema: Any = None,
    hive_partitioning: bool | None = None,
    missing_columns: str | None = None,
    on_error: str = "raise",
    filesystem: Any = None,
) -> DataFrame:
    """Return a frame over ORC files.

    Parameters
    ----------
    path, columns, schema, hive_partitioning, missing_columns, on_error, filesystem
        As for `scan_parquet`.

    Returns
    -------
    DataFrame

    Examples
    --------
    >>> import partita as pt
    >>> written = pt.from_pydict({"a": [1, 2]}).sink_orc("some.orc")
    >>> pt.scan_orc("some.orc").to_pydict()
    {'a': [1, 2]}
    """
    source = OrcSource.open(
        path,
        filesystem=filesystem,
        hive_partitioning=hive_partitioning,
        schema=None if schema is None else fields_of(schema, "scan_orc"),
        missing_columns=missing_columns,
        on_error=on_error,
    )
    return _frame(source, columns)


def from_arrow(data: Any) -> DataFrame:
    """Return a frame over Arrow data in memory: a table, batches, or a reader.

    Parameters
    ----------
    data : object
        A ``Table``, a ``RecordBatch``, a ``RecordBatchReader``, a list of batches, or anything
        with ``__arrow_c_stream__``.

    Examples
    --------
    >>> import partita as pt, pyarrow as pa
    >>> pt.from_arrow(pa.table({"a": [1]})).to_pydict()
    {'a': [1]}
    """
    return _frame(MemorySource(table_from_arrow(data)), None)


@options(
    npartitions="write .repartition(n) behind it",
    chunksize="write .repartition(n) behind it",
    sort="write .sort(...) behind it",
    preserve_index="the index is left out: frame.reset_index() makes a column of it",
    include_index="the index is left out: frame.reset_index() makes a column of it",
)
def from_pandas(frame: pd.DataFrame) -> DataFrame:
    """Return a frame over a pandas DataFrame.

    Its index is left out, with an `IndexWarning` unless it only numbers the rows: make a column of
    it with pandas' ``reset_index`` first.

    Examples
    --------
    >>> import partita as pt, pandas as pd
    >>> pt.from_pandas(pd.DataFrame({"a": [1, 2]})).to_pydict()
    {'a': [1, 2]}
    """
    return _frame(source_of(frame), None)


def from_polars(frame: pl.DataFrame) -> DataFrame:
    """Return a frame over a polars DataFrame, which hands its columns over as Arrow.

    Examples
    --------
    >>> import partita as pt, polars as pl
    >>> pt.from_polars(pl.DataFrame({"a": [1, 2]})).to_pydict()
    {'a': [1, 2]}
    """
    return _frame(MemorySource(table_from_arrow(frame)), None)


@options(orient="rows go into pt.from_items([{...}, {...}])")
def from_pydict(data: Mapping[str, Any], schema: Any = None) -> DataFrame:
    """Return a frame over a dict of columns: lists, numpy arrays or Arrow arrays.

    Parameters
    ----------
    data : mapping
        Names to values, all of one length.
    schema : pyarrow.Schema or mapping, optional
        Names to types; by default the values tell.

    Examples
    --------
    >>> import partita as pt
    >>> pt.from_pydict({"a": [1, None]}, schema={"a": "int8"}).dtypes
    [DataType(int8)]
    """
    fields = None if schema is None else fields_of(schema, "from_pydict")
    return _frame(MemorySource(table_from_pydict(data, fields)), None)


def _frame(source: Source, columns: Sequence[str] | None) -> DataFrame:
    if isinstance(source, FileSource):
        session.start_early(source.stored_bytes)
    frame = DataFrame._from_plan(Scan(source=source, site=caller_site()))
    return frame if columns is None else frame.select(*columns)


read_parquet = scan_parquet
read_csv = scan_csv
read_ipc = scan_ipc
read_json = scan_json
read_orc = scan_orc

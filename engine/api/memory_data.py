"""What is in memory already, as a source: pandas, polars, dicts and all that speaks Arrow."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from ...io.convert import table_from_arrow, table_from_items, table_from_pandas, table_from_pydict
from ...io.memory import MemorySource
from ..errors import SchemaError
from .pandas_index import tell_of_index


def source_of(data: Any) -> MemorySource:
    """Return `data` as a source.

    Raises
    ------
    SchemaError
        If it is no table.
    """
    if isinstance(data, Mapping):
        return MemorySource(table_from_pydict(data))
    # Only a program that has imported pandas can hold one of its frames.
    pandas = sys.modules.get("pandas")
    if pandas is not None and isinstance(data, pandas.DataFrame):
        tell_of_index(data, "the pandas frame")
        return MemorySource(table_from_pandas(data))
    if pandas is not None and isinstance(data, pandas.Series):
        raise SchemaError(
            "A pandas Series is no table. Make one of it: pt.DataFrame(series.to_frame('name'))."
        )
    if isinstance(data, list) and data and isinstance(data[0], Mapping):
        return MemorySource(table_from_items(data))
    if isinstance(data, list) and data and not isinstance(data[0], pa.RecordBatch):
        raise SchemaError(
            "A list of values or tuples does not name its columns: give a dict of columns, or"
            " pt.from_items(rows, schema=['a', 'b'])."
        )
    if isinstance(data, str):
        raise SchemaError(
            f"DataFrame({data!r}): a path is read by pt.scan_parquet, pt.scan_csv and their like."
        )
    if data is None or isinstance(data, int | float | bytes):
        raise SchemaError(
            f"A {type(data).__name__} is no table. Give a dict of columns, a pandas or polars"
            " DataFrame, a pyarrow Table, or an object with __arrow_c_stream__."
        )
    numpy = sys.modules.get("numpy")
    if numpy is not None and isinstance(data, numpy.ndarray):
        raise SchemaError(
            "An array of numpy does not name its columns: pt.DataFrame({'a': array[:, 0], ...}),"
            " or pt.from_pydict(dict(zip(names, array.T)))."
        )
    if hasattr(data, "collect") and not hasattr(data, "__arrow_c_stream__"):
        raise SchemaError(
            f"A {type(data).__name__} is lazy: give what its .collect() returns, or read its files"
            " with pt.scan_parquet and its like."
        )
    return MemorySource(table_from_arrow(data))

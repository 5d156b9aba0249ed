"""Frames whose rows are made: ranges, functions of a partition, items and batches at hand."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import pyarrow as pa

from ...io.convert import table_from_arrow, table_from_items
from ...io.made import NumbersSource, RangeSource
from ...io.memory import MemorySource
from ..errors import InvalidExpression, SchemaError
from ..expr.datatype import data_type
from ..physical.row_function import PartitionFunction
from ..plan.node import caller_site
from ..plan.nodes import MapBatches, Scan
from .columns import fields_of
from .dataframe import DataFrame
from .options import options
from .user_function import check_callable


@options(
    end="write stop=", num_blocks="leave it out: rows are cut by their size", eager="leave it out"
)
def range(  # noqa: A001 - the public name
    start: int,
    stop: int | None = None,
    step: int = 1,
    *,
    name: str = "id",
    dtype: Any = "int64",
) -> DataFrame:
    """Return a frame of whole numbers, made partition by partition when they are needed.

    Parameters
    ----------
    start : int
        The first number; given alone, how many there are, from 0.
    stop : int, optional
        The number they end before.
    step : int
        From one number to the next; may be negative.
    name : str
        The name of the column.
    dtype : type
        An integer type.

    Returns
    -------
    DataFrame

    Examples
    --------
    >>> import partita as pt
    >>> pt.range(3).to_pydict()
    {'id': [0, 1, 2]}
    >>> pt.range(10, 0, -4, name="n", dtype="int8").to_pydict()
    {'n': [10, 6, 2]}
    """
    first, last = (0, start) if stop is None else (start, stop)
    for what, value in (("start", first), ("stop", last), ("step", step)):
        if isinstance(value, bool) or not isinstance(value, int):
            raise InvalidExpression(f"range({what}={value!r}): it is a whole number.")
    source = RangeSource(start=first, stop=last, step=step, name=name, dtype=data_type(dtype))
    return _over(source)


@options(meta="write schema={'a': 'int64'}", divisions="leave it out")
def generate(function: Callable[[int], Any], partitions: int, schema: Any) -> DataFrame:
    """Return a frame whose rows a Python function makes, in the workers.

    Parameters
    ----------
    function : callable
        Given the number of a partition, from 0, it returns its rows: a `pyarrow.RecordBatch` or
        `pyarrow.Table`, a pandas DataFrame, a mapping of names to arrays, or an iterator of these,
        such as a generator, of which no more is held than one at a time. It may be called again,
        and has to return the same then.
    partitions : int
        How many partitions there are.
    schema : pyarrow.Schema or mapping
        The columns that it returns.

    Returns
    -------
    DataFrame

    Raises
    ------
    UserFunctionError
        When run: if the function raises; its line and the partition are named.

    Examples
    --------
    >>> import partita as pt
    >>> def squares(partition):
    ...     return {"n": [partition], "square": [partition**2]}
    >>> pt.generate(squares, 3, {"n": int, "square": int}).to_pydict()
    {'n': [0, 1, 2], 'square': [0, 1, 4]}
    """
    site = caller_site()
    check_callable(function, "generate", "the number of a partition")
    if isinstance(partitions, bool) or not isinstance(partitions, int) or partitions < 0:
        raise InvalidExpression(f"generate(partitions={partitions!r}): it is a number of them.")
    return DataFrame._from_plan(
        MapBatches(
            input=Scan(source=NumbersSource(partitions=partitions), site=site),
            function=PartitionFunction(function),
            declared=fields_of(schema, "generate"),
            site=site,
        )
    )


def from_items(items: Iterable[Any], schema: Any = None) -> DataFrame:
    """Return a frame of rows at hand: dicts, tuples, or single values.

    Parameters
    ----------
    items : iterable
        Dicts, of which the keys are the columns (one that a dict lacks is null there); tuples or
        lists; or values, which make a column ``item``.
    schema : pyarrow.Schema, mapping or sequence of str, optional
        Names and types of the columns, or their names alone. Without it tuples make the columns
        ``column_0`` and so on, and the values tell the types.

    Returns
    -------
    DataFrame

    Examples
    --------
    >>> import partita as pt
    >>> pt.from_items([{"a": 1}, {"a": 2, "b": "x"}]).to_pydict()
    {'a': [1, 2], 'b': [None, 'x']}
    >>> pt.from_items([(1, "x"), (2, "y")], schema=["n", "t"]).to_pydict()
    {'n': [1, 2], 't': ['x', 'y']}
    >>> pt.from_items([1, 2]).to_pydict()
    {'item': [1, 2]}
    """
    names = list(schema) if _is_names(schema) else None
    fields = None if schema is None or names is not None else fields_of(schema, "from_items")
    return _over(MemorySource(table_from_items(items, names, fields)))


def _is_names(schema: Any) -> bool:
    return (
        isinstance(schema, Sequence)
        and not isinstance(schema, str | Mapping)
        and all(isinstance(name, str) for name in schema)
    )


def from_batches(batches: Iterable[pa.RecordBatch], schema: Any = None) -> DataFrame:
    """Return a frame of Arrow batches.

    An iterator is taken to its end now, and its batches are held in memory: it can be gone through
    only once, and a frame may be read more often. For batches that are made when they are needed
    see `generate`.

    Parameters
    ----------
    batches : iterable of pyarrow.RecordBatch
        All of one schema.
    schema : pyarrow.Schema or mapping, optional
        Their schema, where there may be none of them.

    Examples
    --------
    >>> import partita as pt, pyarrow as pa
    >>> batches = (pa.record_batch({"a": [number]}) for number in (0, 1, 2))
    >>> pt.from_batches(batches).to_pydict()
    {'a': [0, 1, 2]}
    """
    held = list(batches)
    if schema is not None and not held:
        return _over(
            MemorySource(table_from_arrow(fields_of(schema, "from_batches").empty_table()))
        )
    if not held:
        raise SchemaError("from_batches was given no batch: say the columns with schema=.")
    table = table_from_arrow(held)
    if schema is not None and not table.schema.equals(fields_of(schema, "from_batches")):
        raise SchemaError(
            f"from_batches: the batches are {table.schema}, which is not what schema= says."
        )
    return _over(MemorySource(table))


def _over(source: Any) -> DataFrame:
    return DataFrame._from_plan(Scan(source=source, site=caller_site()))

"""What a query gave: a thin class over one Arrow table."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np
import pyarrow as pa

from .. import schema as schemas
from ..errors import (
    ColumnNotFound,
    MissingDependency,
    NotOffered,
    column_not_found,
    did_you_mean,
)
from .absent import RESULT
from .options import checked_calls
from .table_text import ROWS_SHOWN, table_html, table_text
from .torch_dataset import torch_dataset

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl

    from ..observe.profile import Profile


@checked_calls
class Result:
    """Rows that are there: what `DataFrame.collect` returns.

    It hands its columns to pandas, polars, numpy and all that reads Arrow, without a copy where
    their types allow it.

    Examples
    --------
    >>> import partita as pt
    >>> result = pt.from_pydict({"a": [1, 2], "b": ["x", None]}).collect()
    >>> result
    ┌───────┬────────┐
    │     a │ b      │
    │ int64 │ string │
    ├───────┼────────┤
    │     1 │ x      │
    │     2 │ null   │
    └───────┴────────┘
    2 rows, 2 columns
    >>> result.to_pydict()
    {'a': [1, 2], 'b': ['x', None]}
    """

    __slots__ = ("__weakref__", "_profile", "_table")

    def __init__(self, table: pa.Table, profile: Profile | None = None) -> None:
        self._table = table
        self._profile = profile

    @property
    def profile(self) -> Profile | None:
        """How it was computed: seconds, tasks, bytes, stage by stage.

        Examples
        --------
        >>> import partita as pt
        >>> result = pt.from_pydict({"a": [1, 2]}).collect()
        >>> result.profile.rows
        2
        """
        return self._profile

    @property
    def schema(self) -> pa.Schema:
        """Names and Arrow types of the columns.

        Examples
        --------
        >>> import partita as pt
        >>> result = pt.from_pydict({"a": [1, 2]}).collect()
        >>> result.schema
        a: int64
        """
        return self._table.schema

    @property
    def columns(self) -> list[str]:
        """Names of the columns, in order.

        Examples
        --------
        >>> import partita as pt
        >>> result = pt.from_pydict({"a": [1, 2]}).collect()
        >>> result.columns
        ['a']
        """
        return list(self._table.column_names)

    @property
    def dtypes(self) -> list[pa.DataType]:
        """Arrow types of the columns, in order.

        Examples
        --------
        >>> import partita as pt
        >>> result = pt.from_pydict({"a": [1, 2]}).collect()
        >>> result.dtypes
        [DataType(int64)]
        """
        return list(self._table.schema.types)

    @property
    def shape(self) -> tuple[int, int]:
        """How many rows and columns there are.

        Examples
        --------
        >>> import partita as pt
        >>> result = pt.from_pydict({"a": [1, 2]}).collect()
        >>> result.shape
        (2, 1)
        """
        return self._table.shape

    @property
    def height(self) -> int:
        """How many rows there are.

        Examples
        --------
        >>> import partita as pt
        >>> result = pt.from_pydict({"a": [1, 2]}).collect()
        >>> result.height
        2
        """
        return self._table.num_rows

    @property
    def width(self) -> int:
        """How many columns there are.

        Examples
        --------
        >>> import partita as pt
        >>> result = pt.from_pydict({"a": [1, 2]}).collect()
        >>> result.width
        1
        """
        return self._table.num_columns

    def __len__(self) -> int:
        return self._table.num_rows

    def __contains__(self, name: object) -> bool:
        return name in self._table.column_names

    def __getitem__(self, name: str) -> pa.ChunkedArray:
        """Return a column.

        Raises
        ------
        ColumnNotFound
            If there is no such column.

        Examples
        --------
        >>> import partita as pt
        >>> pt.from_pydict({"a": [1, 2]}).collect()["a"].to_pylist()
        [1, 2]
        """
        if not isinstance(name, str):
            raise ColumnNotFound(
                f"result[...] gives a column by its name, found {name!r}. For rows use .to_dicts(),"
                " .iter_rows() or .to_arrow().slice(offset, length)."
            )
        if name not in self._table.column_names:
            raise column_not_found(name, self._table.column_names)
        return self._table.column(name)

    def __getattr__(self, name: str) -> NoReturn:
        # Reached only for what is no attribute of the class.
        if name in RESULT:
            raise NotOffered(f"A result has no {name!r}. {RESULT[name]}")
        if not name.startswith("_") and name in self._table.column_names:
            raise AttributeError(f"A result has no attribute {name!r}: its column is [{name!r}].")
        # Not toPandas, which is there for libraries that look for it.
        known = [each for each in dir(type(self)) if not each.startswith("_") and each.islower()]
        raise AttributeError(
            f"A result has no attribute {name!r}.{did_you_mean(name, known)} It holds rows that are"
            " there: .to_pandas(), .to_polars(), .to_arrow() hand them on, pt.DataFrame(result)"
            " goes on with them."
        )

    def __iter__(self) -> Iterator[pa.ChunkedArray]:
        """Yield the columns, in order."""
        return iter(self._table.columns)

    def iter_rows(self, *, named: bool = False) -> Iterator[Any]:
        """Yield the rows as tuples, or as dicts when `named`.

        Examples
        --------
        >>> import partita as pt
        >>> result = pt.from_pydict({"a": [1, 2]}).collect()
        >>> list(result.iter_rows(named=True))
        [{'a': 1}, {'a': 2}]
        """
        for batch in self._table.to_batches():
            yield from batch_rows(batch, named=named)

    def equals(self, other: Any) -> bool:
        """Whether `other` holds the same columns, types and rows in the same order.

        NaN is equal to NaN here, as it is the same value.

        Examples
        --------
        >>> import partita as pt
        >>> result = pt.from_pydict({"a": [1, 2]}).collect()
        >>> result.equals(pt.from_pydict({"a": [2, 1]}).sort("a").collect())
        True
        """
        theirs = other.to_arrow() if isinstance(other, Result) else other
        if not isinstance(theirs, pa.Table) or not schemas.same(self.schema, theirs.schema):
            return False
        pairs = zip(self._table.columns, theirs.columns, strict=True)
        return all(_same_values(mine, yours) for mine, yours in pairs)

    def to_arrow(self) -> pa.Table:
        """Return the table itself.

        Examples
        --------
        >>> import partita as pt
        >>> result = pt.from_pydict({"a": [1, 2]}).collect()
        >>> result.to_arrow().num_rows
        2
        """
        return self._table

    def to_pandas(self) -> pd.DataFrame:
        """Return a pandas DataFrame with a plain index.

        Integers with nulls become doubles, as everywhere in pandas; `to_arrow` keeps them.

        Examples
        --------
        >>> import partita as pt
        >>> result = pt.from_pydict({"a": [1, 2]}).collect()
        >>> result.to_pandas()
           a
        0  1
        1  2
        """
        return self._table.to_pandas()

    def to_polars(self) -> pl.DataFrame:
        """Return a polars DataFrame.

        Raises
        ------
        MissingDependency
            If polars is not installed.

        Examples
        --------
        >>> import partita as pt
        >>> result = pt.from_pydict({"a": [1, 2]}).collect()
        >>> result.to_polars().shape
        (2, 1)
        """
        try:
            # Late: optional, and heavy.
            import polars as pl
        except ImportError:
            raise MissingDependency(
                "to_polars() needs polars, which is not installed: pip install polars."
            ) from None
        found = pl.from_arrow(self._table)
        assert isinstance(found, pl.DataFrame)
        return found

    def toPandas(self) -> pd.DataFrame:  # noqa: N802 - what libraries look for
        """Return a pandas DataFrame: `to_pandas`, as Spark calls it.

        Examples
        --------
        >>> import partita as pt
        >>> result = pt.from_pydict({"a": [1, 2]}).collect()
        >>> result.toPandas()
           a
        0  1
        1  2
        """
        return self.to_pandas()

    def to_batches(self) -> Iterator[pa.RecordBatch]:
        """Yield the rows as Arrow batches.

        Examples
        --------
        >>> import partita as pt
        >>> result = pt.from_pydict({"a": [1, 2]}).collect()
        >>> [batch.num_rows for batch in result.to_batches()]
        [2]
        """
        yield from self._table.to_batches()

    def to_torch(self, batch_size: int | None = None) -> Any:
        """Return a ``torch.utils.data.IterableDataset`` over the rows, see `DataFrame.to_torch`.

        Examples
        --------
        >>> import partita as pt
        >>> result = pt.from_pydict({"a": [1, 2]}).collect()
        >>> for batch in result.to_torch(batch_size=2):  # doctest: +SKIP
        ...     print(batch)
        {'a': tensor([1, 2])}
        """
        return torch_dataset(self.to_batches, self.schema, batch_size)

    def to_numpy(self) -> np.ndarray:
        """Return a two-dimensional array of the columns' common type, rows first.

        Nulls in numbers are NaN. Columns without a common number type give an array of objects.

        Examples
        --------
        >>> import partita as pt
        >>> result = pt.from_pydict({"a": [1, 2]}).collect()
        >>> result.to_numpy()
        array([[1],
               [2]])
        """
        columns = [column.to_numpy() for column in self._table.columns]
        if not columns:
            return np.empty((self._table.num_rows, 0))
        kinds = {column.dtype.kind for column in columns}
        if len(kinds) > 1 and not kinds <= set("iufb"):
            # numpy would make strings of the numbers beside them.
            columns = [column.astype(object) for column in columns]
        return np.column_stack(columns)

    def to_pydict(self) -> dict[str, list[Any]]:
        """Return the columns as lists of Python values, by name.

        Examples
        --------
        >>> import partita as pt
        >>> result = pt.from_pydict({"a": [1, 2]}).collect()
        >>> result.to_pydict()
        {'a': [1, 2]}
        """
        return self._table.to_pydict()

    def to_dicts(self) -> list[dict[str, Any]]:
        """Return the rows as dicts.

        Examples
        --------
        >>> import partita as pt
        >>> result = pt.from_pydict({"a": [1, 2]}).collect()
        >>> result.to_dicts()
        [{'a': 1}, {'a': 2}]
        """
        return self._table.to_pylist()

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """Hand the rows over, without a copy, to all that reads Arrow.

        Examples
        --------
        >>> import partita as pt, pyarrow as pa
        >>> pa.table(pt.from_pydict({"a": [1, 2]}).collect()).num_rows
        2
        """
        return self._table.__arrow_c_stream__(requested_schema)

    def __arrow_c_schema__(self) -> object:
        """Hand names and types over to all that reads Arrow.

        Examples
        --------
        >>> import partita as pt, pyarrow as pa
        >>> pa.schema(pt.from_pydict({"a": [1, 2]}).collect()).names
        ['a']
        """
        return self._table.schema.__arrow_c_schema__()

    def __narwhals_dataframe__(self) -> object:
        """Return what narwhals, which plotting libraries read frames with, works on.

        It is that of the Arrow table: what is computed from it gives Arrow tables.

        Examples
        --------
        >>> import partita as pt, narwhals as nw
        >>> nw.from_native(pt.from_pydict({"a": [1, 2]}).collect()).columns
        ['a']
        """
        # Late: whoever asks for this has it imported.
        import narwhals

        return narwhals.from_native(self._table, eager_only=True)._compliant_frame

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        """Return the rows as numpy wants them: `to_numpy`.

        Examples
        --------
        >>> import partita as pt, numpy as np
        >>> np.asarray(pt.from_pydict({"a": [1, 2]}).collect())
        array([[1],
               [2]])
        """
        array = self.to_numpy()
        return array if dtype is None else array.astype(dtype)

    def to_text(self, most_rows: int = ROWS_SHOWN) -> str:
        """Return the rows as a table of text; of more than `most_rows` the first and the last.

        Examples
        --------
        >>> import partita as pt
        >>> print(pt.from_pydict({"a": [1, 2, 3]}).collect().to_text(2).splitlines()[-1])
        3 rows, 1 column
        """
        return table_text(self._table, most_rows)

    def __repr__(self) -> str:
        return self.to_text()

    def _repr_html_(self) -> str:
        return table_html(self._table)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {"text/plain": repr(self), "text/html": self._repr_html_()}

    def _ipython_key_completions_(self) -> list[str]:
        return self.columns


def batch_rows(batch: pa.RecordBatch, *, named: bool) -> Iterator[Any]:
    """Yield the rows of a batch as tuples, or as dicts when `named`."""
    if named:
        yield from batch.to_pylist()
    else:
        yield from zip(*(column.to_pylist() for column in batch.columns), strict=True)


def _same_values(mine: pa.ChunkedArray, yours: pa.ChunkedArray) -> bool:
    if not pa.types.is_floating(mine.type):
        return mine.equals(yours)
    # Nulls are compared by themselves, for numpy has only NaN to show them with.
    return mine.is_null().equals(yours.is_null()) and np.array_equal(
        mine.to_numpy(), yours.to_numpy(), equal_nan=True
    )

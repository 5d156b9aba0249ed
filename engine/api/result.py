"""What a query gave: a thin class over one Arrow table."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np
import pyarrow as pa

from .. import schema as schemas
from ..errors import (
    ColumnNotFound,
    NotOffered,
    column_not_found,
    did_you_mean,
)
from .absent import RESULT
from .options import checked_calls
from .result_conversions import ResultConversions
from .table_text import ROWS_SHOWN, table_html, table_text

if TYPE_CHECKING:
    from ..observe.profile import Profile


@checked_calls
class Result(ResultConversions):
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

    __slots__ = ("__weakref__", "_profile")

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
        return schemas.has_column(self._table.schema, name)

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
        if not schemas.has_column(self._table.schema, name):
            raise column_not_found(name, self._table.column_names)
        return self._table.column(name)

    def __getattr__(self, name: str) -> NoReturn:
        # Reached only for what is no attribute of the class.
        if name in RESULT:
            raise NotOffered(f"A result has no {name!r}. {RESULT[name]}")
        if not name.startswith("_") and schemas.has_column(self._table.schema, name):
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

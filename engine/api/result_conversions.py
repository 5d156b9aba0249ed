"""What a result hands its rows to: pandas, polars, numpy, Python and all that reads Arrow."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from ..errors import MissingDependency, SchemaError
from .torch_dataset import torch_dataset

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl


class ResultConversions:
    """A table of Arrow, given as others want it; without a copy where their types allow it."""

    __slots__ = ("_table",)

    _table: pa.Table

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
        return torch_dataset(self.to_batches, self._table.schema, batch_size)

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

    def item(self) -> Any:
        """Return the one value of a result of one row and one column.

        Raises
        ------
        SchemaError
            If it has more, or none.

        Examples
        --------
        >>> import partita as pt
        >>> pt.from_pydict({"a": [1, 2]}).select(pt.col("a").sum()).collect().item()
        3
        """
        if (self._table.num_rows, self._table.num_columns) != (1, 1):
            raise SchemaError(
                f"item() is of one row and one column; there are {self._table.num_rows:,} rows and"
                f" {self._table.num_columns:,} columns. Use .to_dicts(), or .to_pydict()."
            )
        return self._table.column(0)[0].as_py()

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

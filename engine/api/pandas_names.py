"""The spellings of pandas and Dask: thin names for the same nodes, and refusals that show the way.

There is no index and no changing in place; where pandas has a default of its own (the first of
duplicates, nulls at the end), the pandas spelling has it too.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, NoReturn, Self

from .. import schema as schemas
from ..errors import InvalidExpression, NotOffered, SchemaError, did_you_mean, listed
from ..expr.node import columns_of, has_wildcard
from .absent import FRAME
from .column_verbs import ColumnVerbs
from .columns import names
from .combining_verbs import CombiningVerbs
from .constructors import col, lit
from .expression import Expression, is_method
from .groupby import GroupBy
from .merge_names import MergeNames
from .meta import schema_of_meta
from .options import FRAMES_NEVER_CHANGE, NO_INDEX, options
from .pivot_verbs import PivotVerbs
from .query import parse_query
from .row_verbs import RowVerbs
from .shape_verbs import ShapeVerbs
from .summary_verbs import SummaryVerbs
from .time_verbs import TimeVerbs
from .unpivot_verbs import UnpivotVerbs


class PandasNames(
    RowVerbs,
    ColumnVerbs,
    ShapeVerbs,
    UnpivotVerbs,
    PivotVerbs,
    CombiningVerbs,
    MergeNames,
    SummaryVerbs,
    TimeVerbs,
):
    """What a pandas or Dask user's fingers type."""

    __slots__ = ()

    def __getitem__(self, key: Any) -> Any:
        """Columns by name, rows by a condition or by a slice.

        ``df["a"]`` is the column as an expression, ``df[["a", "b"]]`` a frame of these columns,
        ``df[df["a"] > 1]`` a frame of these rows, ``df[:10]`` a frame of the first ten.

        Examples
        --------
        >>> import partita as pt
        >>> df = pt.from_pydict({"a": [1, 2], "b": [3, 4]})
        >>> df[df["a"] > 1].to_pydict()
        {'a': [2], 'b': [4]}
        """
        if isinstance(key, str):
            schemas.field_index(self.schema, key)
            return col(key)
        if isinstance(key, Expression):
            return self.filter(key)
        if isinstance(key, slice):
            return self._rows(key)
        if isinstance(key, Sequence):
            return self.select(*names(key, self.schema, "df[[...]]"))
        raise InvalidExpression(
            f"df[...] takes a column's name, a list of names, a condition or a slice, found"
            f" {type(key).__name__}."
        )

    def _rows(self, key: slice) -> Self:
        bounds = [bound for bound in (key.start, key.stop) if bound is not None]
        if key.step not in (None, 1) or any(bound < 0 for bound in bounds):
            raise InvalidExpression(
                "df[start:stop] counts from the beginning, without a step. Use .slice(offset,"
                " length) or .tail(n) to count from the end."
            )
        start = key.start or 0
        return self.slice(start, None if key.stop is None else max(0, key.stop - start))

    def __getattr__(self, name: str) -> Expression:
        # Reached only for what is no attribute of the class.
        if not name.startswith("_"):
            if schemas.has_column(self.schema, name):
                return col(name)
            if name in FRAME:
                raise NotOffered(f"df.{name} does not exist. {FRAME[name]}")
        known = [*self.schema.names, *(known for known in dir(type(self)) if known[0] != "_")]
        raise AttributeError(
            f"A DataFrame has no column or method {name!r}.{did_you_mean(name, known)}"
            f" Columns: {listed(self.schema.names)}."
        )

    def __setitem__(self, name: Any, value: Any) -> NoReturn:
        example = (
            f"{name}=..."
            if isinstance(name, str) and name.isidentifier()
            else f"**{{{name!r}: ...}}"
        )
        raise InvalidExpression(
            f"df[{name!r}] = ... would change the frame, and frames never change. Make a new one:"
            f" df = df.with_columns({example}), or .assign({example})."
        )

    def __delitem__(self, name: Any) -> NoReturn:
        raise InvalidExpression(f"Frames never change: df = df.drop({name!r}).")

    def __bool__(self) -> NoReturn:
        raise InvalidExpression(
            "A frame is neither true nor false. For whether it has rows: len(df.head(1)) > 0."
        )

    def __iter__(self) -> NoReturn:
        raise InvalidExpression(
            "A frame is not iterated over as it is: use df.columns for names, df.to_batches() for"
            " Arrow batches as they come, df.iter_rows() for rows."
        )

    def where(self, *predicates: Any, **equals: Any) -> Self:
        """Keep the rows for which the predicates are true: `filter`, as in SQL.

        Examples
        --------
        >>> import partita as pt
        >>> df = pt.from_pydict({"a": [1, 2]})
        >>> df.where(pt.col("a") > 1).to_pydict()
        {'a': [2]}
        """
        return self.filter(*predicates, **equals)

    def query(self, text: str) -> Self:
        """Keep the rows for which a condition written as text is true.

        Parameters
        ----------
        text : str
            Such as ``"a > 1 and name in ['x', 'y']"``: names, constants and operators only. Nothing
            of it is run as Python.

        Returns
        -------
        DataFrame

        Raises
        ------
        InvalidExpression
            If it says something else.

        Examples
        --------
        >>> import partita as pt
        >>> pt.from_pydict({"a": [1, 2, 3]}).query("a > 1 & a != 3").to_pydict()
        {'a': [2]}
        """
        return self.filter(parse_query(text))

    def assign(self, **named: Any) -> Self:
        """Add columns, one after the other: a later one sees the earlier.

        Parameters
        ----------
        **named
            Expressions, constants (a string is one, too), or functions that take the frame.

        Returns
        -------
        DataFrame

        Examples
        --------
        >>> import partita as pt
        >>> pt.from_pydict({"a": [1]}).assign(b=lambda df: df.a + 1, c="x").to_pydict()
        {'a': [1], 'b': [2], 'c': ['x']}
        """
        frame = self
        # As many at once as see none of each other: a step has all columns of the frame.
        together: dict[str, Expression] = {}
        for name, value in named.items():
            if callable(value) and not is_method(value):
                frame, together = frame.with_columns(**together) if together else frame, {}
                value = value(frame)
            given = value if isinstance(value, Expression) else lit(value)
            if together and _may_read(given, together):
                frame, together = frame.with_columns(**together), {}
            together[name] = given
        return frame.with_columns(**together) if together else frame

    def astype(self, dtypes: Mapping[str, Any] | Any) -> Self:
        """Change the types of columns: `cast`.

        Examples
        --------
        >>> import partita as pt
        >>> df = pt.from_pydict({"a": [1, 2]})
        >>> df.astype({"a": float}).to_pydict()
        {'a': [1.0, 2.0]}
        """
        return self.cast(dtypes)

    @options(
        observed="only groups that occur are given, always",
        group_keys=NO_INDEX,
        level=NO_INDEX,
        axis="rows are grouped, always",
        maintain_order="write .group_by(..., maintain_order=True)",
    )
    def groupby(
        self, by: Any, *, as_index: bool = False, sort: bool = False, dropna: bool = False
    ) -> GroupBy[Self]:
        """Group the rows: `group_by`; there is no index, and null keys make a group.

        Parameters
        ----------
        by : str or sequence of str
            The keys.
        as_index, sort : bool
            Only False: keys are columns, and the order is asked for with ``.sort(...)``.
        dropna : bool
            Whether rows with a null key are left out.

        Examples
        --------
        >>> import partita as pt
        >>> df = pt.from_pydict({"k": ["a", "b", "a"], "v": [1, 2, 3]})
        >>> df.groupby("k")["v"].sum().sort("k").to_pydict()
        {'k': ['a', 'b'], 'v': [4, 2]}
        """
        if as_index:
            raise InvalidExpression(
                "groupby(as_index=True): there is no index; the keys are columns of the result."
            )
        if sort:
            raise InvalidExpression(
                "groupby(sort=True): ask for the order of the result with .sort(...) behind it."
            )
        if type(by).__name__ in ("Grouper", "TimeGrouper"):
            raise InvalidExpression(
                "groupby takes no pd.Grouper. For stretches of time write"
                " .group_by(pt.col('t').dt.truncate('1d'))."
            )
        frame = self.drop_nulls(by) if dropna else self
        return frame.group_by(by)

    @options(
        inplace=FRAMES_NEVER_CHANGE,
        key="sort by an expression, as in .sort(pt.col('a').str.lower())",
        axis="rows are sorted, always",
        descending="write ascending=False, or .sort(..., descending=True)",
    )
    def sort_values(
        self,
        by: Any,
        *,
        ascending: bool | Sequence[bool] = True,
        na_position: str = "last",
        kind: str = "stable",
        ignore_index: bool = True,
    ) -> Self:
        """Order the rows: `sort`, with nulls at the end unless ``na_position="first"``.

        Parameters
        ----------
        by : str or sequence of str
            What to order by, most important first.
        ascending : bool or sequence of bool
            For all keys, or one for each.
        na_position : {"last", "first"}
            Where nulls come.
        kind, ignore_index
            Taken for the sake of pandas: every sort is stable, and there is no index.

        Examples
        --------
        >>> import partita as pt
        >>> df = pt.from_pydict({"a": [2, None, 3]})
        >>> df.sort_values("a", ascending=False).to_pydict()
        {'a': [3, 2, None]}
        """
        if kind not in ("stable", "mergesort", "quicksort", "heapsort"):
            raise SchemaError(
                f"sort_values(kind={kind!r}): every sort is stable, so leave it out, or write"
                " kind='stable'."
            )
        if na_position not in ("first", "last"):
            raise SchemaError(f"na_position={na_position!r}: it is one of 'first', 'last'.")
        if not isinstance(ascending, bool | list | tuple):
            raise SchemaError(
                f"sort_values(ascending={ascending!r}): it is True, False or a list with one for"
                " each key."
            )
        falling = not ascending if isinstance(ascending, bool) else [not up for up in ascending]
        return self.sort(by, descending=falling, nulls_last=na_position == "last")

    def nlargest(self, n: int, columns: Any) -> Self:
        """Return the `n` rows that are greatest by `columns`: `top_k`.

        Examples
        --------
        >>> import partita as pt
        >>> df = pt.from_pydict({"a": [1, 3, 2]})
        >>> df.nlargest(2, "a").to_pydict()
        {'a': [3, 2]}
        """
        return self.top_k(n, by=columns)

    def nsmallest(self, n: int, columns: Any) -> Self:
        """Return the `n` rows that are least by `columns`: `bottom_k`.

        Examples
        --------
        >>> import partita as pt
        >>> df = pt.from_pydict({"a": [1, 3, 2]})
        >>> df.nsmallest(2, "a").to_pydict()
        {'a': [1, 2]}
        """
        return self.bottom_k(n, by=columns)

    def distinct(self, subset: Any = None) -> Self:
        """Return one row for each combination of values: `unique`.

        Examples
        --------
        >>> import partita as pt
        >>> df = pt.from_pydict({"a": [1, 1, 2]})
        >>> df.distinct().sort("a").to_pydict()
        {'a': [1, 2]}
        """
        return self.unique(subset)

    @options(
        inplace=FRAMES_NEVER_CHANGE,
        ignore_index=NO_INDEX,
        split_out="leave it out: the number of partitions follows from the sizes",
        split_every="leave it out",
    )
    def drop_duplicates(self, subset: Any = None, *, keep: str | bool = "first") -> Self:
        """Return one row for each combination of values: `unique`, keeping the first.

        Parameters
        ----------
        subset : str or sequence of str, optional
            The columns that are compared; by default all.
        keep : {"first", "last", False}
            Which row; False keeps only combinations that occur once.

        Examples
        --------
        >>> import partita as pt
        >>> df = pt.from_pydict({"a": [1, 1, 2], "b": [3, 4, 5]})
        >>> df.drop_duplicates("a").sort("a").to_pydict()
        {'a': [1, 2], 'b': [3, 5]}
        """
        return self.unique(subset, keep="none" if keep is False else str(keep))

    @options(
        inplace=FRAMES_NEVER_CHANGE,
        axis="rows are dropped; for columns use .drop(...)",
        thresh="write the condition with .filter(...)",
        ignore_index=NO_INDEX,
    )
    def dropna(self, *, subset: Any = None, how: str = "any") -> Self:
        """Keep the rows without nulls: `drop_nulls`; with ``how="all"``, those not all null.

        NaN is a value and stays.

        Examples
        --------
        >>> import partita as pt
        >>> df = pt.from_pydict({"a": [1, None], "b": [None, None]})
        >>> df.dropna(how="all").to_pydict()
        {'a': [1], 'b': [None]}
        """
        if how == "any":
            return self.drop_nulls(subset)
        if how != "all":
            raise SchemaError(f"dropna(how={how!r}): it is one of 'any', 'all'.")
        chosen = names([self.schema.names if subset is None else subset], self.schema, "dropna")
        nulls = [col(name).is_null() for name in chosen]
        return self.filter(~functools.reduce(operator.and_, nulls)) if nulls else self

    @options(
        inplace=FRAMES_NEVER_CHANGE,
        method="filling from the row before is not there yet",
        axis="every column is filled, or those that are named: .fillna({'a': 0})",
        subset="write the columns with their values: .fillna({'a': 0})",
        limit="leave it out: all nulls are filled",
    )
    def fillna(self, value: Any) -> Self:
        """Put a value where nulls are: `fill_null`. NaN is a value and stays.

        Examples
        --------
        >>> import partita as pt
        >>> df = pt.from_pydict({"a": [1, None]})
        >>> df.fillna(0).to_pydict()
        {'a': [1, 0]}
        """
        return self.fill_null(value)

    @options(axis="values of a column are counted, always")
    def nunique(self, *, dropna: bool = True) -> Self:
        """Count the distinct values of each column: `n_unique`, without null as in pandas.

        Examples
        --------
        >>> import partita as pt
        >>> df = pt.from_pydict({"a": [1, 1, None]})
        >>> df.nunique().to_pydict(), df.n_unique().to_pydict()
        ({'a': [1]}, {'a': [2]})
        """
        if not dropna:
            return self.n_unique()
        counted = (col(name).filter(col(name).is_not_null()).n_unique() for name in self.columns)
        return self.select(*counted)

    @options(
        _positional="give the function its other arguments first, with functools.partial",
        enforce_metadata="what is returned is checked, always",
        transform_divisions=NO_INDEX,
        align_dataframes=NO_INDEX,
    )
    def map_partitions(
        self, function: Callable[[Any], Any], schema: Any = None, *, meta: Any = None
    ) -> Self:
        """Apply a function to each partition as one pandas DataFrame, as in Dask.

        It is `map_batches` with ``takes="pandas"`` and all rows of a partition at once; `schema`,
        or `meta` as in Dask (a mapping to types or a DataFrame without rows), says what it returns.

        Examples
        --------
        >>> import partita as pt
        >>> df = pt.from_pydict({"a": [1, 2]})
        >>> df.map_partitions(lambda part: part.assign(b=part.a * 2)).to_pydict()
        {'a': [1, 2], 'b': [2, 4]}
        """
        wanted = schema if meta is None else schema_of_meta(meta, "map_partitions")
        return self.map_batches(function, wanted, takes="pandas", whole_partition=True)


def _may_read(expression: Expression, names: Collection[str]) -> bool:
    """Return whether an expression is of one of these columns, or stands for columns itself."""
    node = expression.node
    return has_wildcard(node) or any(name in names for name in columns_of(node))

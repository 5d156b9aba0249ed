"""The verbs that make, drop, rename or change columns, row by row."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self

import pyarrow as pa

from .. import schema as schemas
from ..errors import (
    ColumnNotFound,
    DuplicateColumn,
    SchemaError,
    TypeMismatch,
    column_not_found,
    listed,
)
from ..expr.datatype import data_type
from ..expr.evaluate import dtype_of
from ..expr.node import Cast, Column, Expr, is_pattern
from ..plan.node import Site, caller_site
from ..plan.nodes import Named, Project
from .aggregates import aggregate, is_global_aggregate
from .columns import IntoExpr, identity, named_expressions, names
from .constructors import col
from .expression import Expression, to_expr
from .frame import Frame
from .options import FRAMES_NEVER_CHANGE, NO_INDEX, options
from .windows import with_windows


class ColumnVerbs(Frame):
    """Verbs that give other columns; rows stay as they are (but for a `select` of aggregates)."""

    __slots__ = ()

    def select(self, *exprs: IntoExpr, **named: IntoExpr) -> Self:
        """Give these columns, and these only; or one row of aggregates.

        Parameters
        ----------
        *exprs : str or Expression
            Names of columns, or what is computed of them.
        **named
            Columns under a new name.

        Returns
        -------
        DataFrame
            As many rows as there were; one row where only aggregates are asked for. An aggregate
            beside columns is given to every row.

        Raises
        ------
        ColumnNotFound
            If a column does not exist.
        DuplicateColumn
            If two columns would have the same name.

        Examples
        --------
        >>> import partita as pt
        >>> df = pt.from_pydict({"a": [1, 2], "b": [3, 4]})
        >>> df.select("a", c=pt.col("a") * pt.col("b")).to_pydict()
        {'a': [1, 2], 'c': [3, 8]}
        >>> df.select(pt.col("a").sum() + pt.col("b").max()).to_pydict()
        {'a': [7]}
        """
        site = caller_site()
        pairs = named_expressions(exprs, named, self.schema, "select")
        if is_global_aggregate(pairs):
            return self._from_plan(aggregate(self.plan, (), pairs, site=site))
        return self._projected(pairs, "select", site)

    def with_columns(self, *exprs: IntoExpr, **named: IntoExpr) -> Self:
        """Add columns, or replace those of the same name; all are computed from what was there.

        Parameters
        ----------
        *exprs : str or Expression
            Columns, under the names they have.
        **named
            Columns under these names. A string is the name of a column; a constant string is
            written ``pt.lit("text")``.

        Returns
        -------
        DataFrame

        Examples
        --------
        >>> import partita as pt
        >>> df = pt.from_pydict({"a": [1, 2]})
        >>> df.with_columns(a=pt.col("a") + 1, b=pt.col("a") * 10).to_pydict()
        {'a': [2, 3], 'b': [10, 20]}
        """
        site = caller_site()
        _check_new_name(exprs, self.schema)
        pairs = named_expressions(exprs, named, self.schema, "with_columns")
        given = dict(pairs)
        if len(given) < len(pairs):
            twice = next(name for name, count in Counter(n for n, _ in pairs).items() if count > 1)
            raise DuplicateColumn(
                f"with_columns would make column {twice!r} twice. Name one of them anew, with"
                " .alias() or as a keyword."
            )
        kept = tuple((name, given.pop(name, expr)) for name, expr in identity(self.schema))
        return self._projected((*kept, *given.items()), "with_columns", site)

    @options(
        columns="write the names by themselves: .drop('a', 'b')",
        axis="columns are dropped; for rows use .filter(...)",
        index="there is no index; for rows use .filter(...)",
        inplace=FRAMES_NEVER_CHANGE,
        errors="write strict=False where a column may be missing",
    )
    def drop(self, *columns: Any, strict: bool = True) -> Self:
        """Leave columns out.

        Parameters
        ----------
        *columns : str
            Their names.
        strict : bool
            Whether a column that does not exist is an error.

        Returns
        -------
        DataFrame

        Examples
        --------
        >>> import partita as pt
        >>> pt.from_pydict({"a": [1], "b": [2]}).drop("b").columns
        ['a']
        """
        site = caller_site()
        if not strict:
            columns = tuple(
                name for name in _plain_names(columns) if schemas.has_column(self.schema, name)
            )
        gone = set(names(columns, self.schema, "drop"))
        kept = tuple(pair for pair in identity(self.schema) if pair[0] not in gone)
        return self._projected(kept, "drop", site)

    @options(
        columns="write the mapping by itself: .rename({'a': 'b'})",
        index=NO_INDEX,
        axis="columns are renamed, always",
        inplace=FRAMES_NEVER_CHANGE,
    )
    def rename(
        self, mapping: Mapping[str, str] | Callable[[str], str], *, strict: bool = True
    ) -> Self:
        """Give columns other names.

        Parameters
        ----------
        mapping : mapping or callable
            Old names to new ones; or a function of the old name, applied to all columns.
        strict : bool
            Whether a column that does not exist is an error.

        Returns
        -------
        DataFrame

        Examples
        --------
        >>> import partita as pt
        >>> df = pt.from_pydict({"a": [1], "b": [2]})
        >>> df.rename({"a": "x"}).columns
        ['x', 'b']
        >>> df.rename(str.upper).columns
        ['A', 'B']
        """
        site = caller_site()
        if callable(mapping):
            mapping = {name: mapping(name) for name in self.schema.names}
        if not isinstance(mapping, Mapping):
            raise SchemaError(
                f"rename wants a mapping of old names to new ones, or a function of a name, found"
                f" {type(mapping).__name__}: .rename({{'a': 'b'}})."
            )
        for name in mapping if strict else ():
            schemas.field_index(self.schema, name, "rename")
        exprs = tuple((mapping.get(name, name), expr) for name, expr in identity(self.schema))
        return self._from_plan(Project(input=self.plan, exprs=exprs, site=site))

    @options(errors="write strict=False for null where a value does not fit", copy="leave it out")
    def cast(
        self,
        dtypes: Mapping[str, Any] | Any,
        *,
        strict: bool = True,
    ) -> Self:
        """Change the types of columns.

        Parameters
        ----------
        dtypes : mapping or type
            Names to types, or one type for all columns. A type is a `pyarrow.DataType`, its name
            such as ``"int32"``, or ``int``, ``float``, ``str``, ``bool``.
        strict : bool
            Whether a value that does not fit is an error; else it becomes null.

        Returns
        -------
        DataFrame

        Examples
        --------
        >>> import partita as pt
        >>> pt.from_pydict({"a": ["1", "2"]}).cast({"a": int}).to_pydict()
        {'a': [1, 2]}
        """
        site = caller_site()
        if not isinstance(dtypes, Mapping):
            dtypes = dict.fromkeys(self.schema.names, dtypes)
        exprs = dict(identity(self.schema))
        for name, dtype in dtypes.items():
            schemas.field_index(self.schema, name, "cast")
            exprs[name] = Cast(Column(name), data_type(dtype), strict)
        return self._from_plan(Project(input=self.plan, exprs=tuple(exprs.items()), site=site))

    @options(inplace=FRAMES_NEVER_CHANGE, method="write strategy='forward' or 'backward'")
    def fill_null(
        self, value: Any = None, strategy: str | None = None, limit: int | None = None
    ) -> Self:
        """Put a value where nulls are.

        Parameters
        ----------
        value : object or mapping, optional
            A constant or an expression for all columns of a type it fits; or names to values.
        strategy : {"forward", "backward", "min", "max", "mean", "zero", "one"}, optional
            In place of `value`: the nearest value before or after, the least, greatest or mean
            value of the column, 0 or 1; for all columns of a type it fits.
        limit : int, optional
            How many nulls in a row are filled at most, with ``forward`` and ``backward``.

        Returns
        -------
        DataFrame
            Columns whose type `value` does not fit are left as they are, unless named.

        Raises
        ------
        TypeMismatch
            If `value` fits no column, or not one that is named.

        Examples
        --------
        >>> import partita as pt
        >>> df = pt.from_pydict({"a": [1, None], "b": ["x", None]})
        >>> df.fill_null(0).to_pydict()
        {'a': [1, 0], 'b': ['x', None]}
        >>> df.fill_null({"a": 0, "b": "none"}).to_pydict()
        {'a': [1, 0], 'b': ['x', 'none']}
        >>> df.fill_null(strategy="forward").to_pydict()
        {'a': [1, 1], 'b': ['x', 'x']}
        """
        site = caller_site()
        exprs = dict(identity(self.schema))
        if isinstance(value, Mapping):
            for name, fill in value.items():
                schemas.field_index(self.schema, name, "fill_null")
                exprs[name] = to_expr(col(name).fill_null(fill))
        else:
            given = repr(value) if strategy is None else f"strategy={strategy!r}"
            found = {
                name: to_expr(col(name).fill_null(value, strategy, limit))
                for name in self.schema.names
            }
            fitting = {name: expr for name, expr in found.items() if self._fits(name, expr)}
            if not fitting and found:
                raise TypeMismatch(
                    f"fill_null({given}) fits none of the columns: {_described(self.schema)}."
                    " Give a value of a column's type, or names to values."
                )
            exprs |= fitting
        return self._projected(tuple(exprs.items()), "fill_null", site)

    def forward_fill(self, limit: int | None = None) -> Self:
        """Put the nearest value before them where nulls are, in all columns.

        Examples
        --------
        >>> import partita as pt
        >>> pt.from_pydict({"a": [1, None, None]}).forward_fill(limit=1).to_pydict()
        {'a': [1, 1, None]}
        """
        return self.fill_null(strategy="forward", limit=limit)

    def backward_fill(self, limit: int | None = None) -> Self:
        """Put the nearest value after them where nulls are, in all columns.

        Examples
        --------
        >>> import partita as pt
        >>> pt.from_pydict({"a": [None, 1]}).backward_fill().to_pydict()
        {'a': [1, 1]}
        """
        return self.fill_null(strategy="backward", limit=limit)

    ffill = forward_fill
    bfill = backward_fill

    def shift(self, n: int = 1, *, fill_value: Any = None) -> Self:
        """Move all columns by `n` rows, up where it is negative; what is left open is null.

        Parameters
        ----------
        n : int
            How many rows.
        fill_value : object or Expression, optional
            What is put where there is no row to take a value from.

        Examples
        --------
        >>> import partita as pt
        >>> pt.from_pydict({"a": [1, 2, 3]}).shift(1).to_pydict()
        {'a': [None, 1, 2]}
        """
        site = caller_site()
        exprs = tuple(
            (name, to_expr(col(name).shift(n, fill_value=fill_value))) for name in self.schema.names
        )
        return self._projected(exprs, "shift", site)

    def fill_nan(self, value: Any) -> Self:
        """Put a value where NaN is, in all columns of floats; nulls stay.

        Parameters
        ----------
        value : object
            A number, an expression, or None for null.

        Returns
        -------
        DataFrame

        Examples
        --------
        >>> import partita as pt
        >>> df = pt.from_pydict({"a": [1.0, float("nan"), None], "b": [1, 2, 3]})
        >>> df.fill_nan(0.0).to_pydict()
        {'a': [1.0, 0.0, None], 'b': [1, 2, 3]}
        """
        site = caller_site()
        exprs = dict(identity(self.schema))
        for field in self.schema:
            if pa.types.is_floating(field.type):
                exprs[field.name] = to_expr(col(field.name).fill_nan(value))
        return self._projected(tuple(exprs.items()), "fill_nan", site)

    def _projected(self, exprs: tuple[Named, ...], where: str, site: Site | None) -> Self:
        if not exprs:
            raise SchemaError(
                f"{where} would leave no column, and a frame has one at least. Columns:"
                f" {listed(self.schema.names)}. To count rows use len(df) or .select(pt.len())."
            )
        names = [name for name, _ in exprs]
        plan, done = with_windows(self.plan, [expr for _, expr in exprs], site, names=names)
        named = tuple(zip(names, done, strict=True))
        return self._from_plan(Project(input=plan, exprs=named, site=site))

    def _fits(self, name: str, filled: Expr) -> bool:
        """Return whether column `name` is still of its kind when it is filled."""
        before = self.schema.field(name).type
        try:
            after = dtype_of(filled, self.schema)
        except (TypeMismatch, SchemaError):
            return False
        return _kind(before) == _kind(after) or pa.types.is_null(before)


def _kind(dtype: pa.DataType) -> Any:
    """Numbers are one kind: an integer column that is filled with 0.5 becomes double."""
    number = pa.types.is_integer(dtype) or pa.types.is_floating(dtype)
    return "number" if number or pa.types.is_decimal(dtype) else dtype


def _described(schema: pa.Schema) -> str:
    return ", ".join(f"{field.name!r} ({field.type})" for field in schema)


def _check_new_name(exprs: tuple[Any, ...], schema: pa.Schema) -> None:
    """Raise for ``with_columns("new", expression)``, which is how Spark's withColumn is called."""
    if len(exprs) == 2 and isinstance(exprs[0], str) and isinstance(exprs[1], Expression):
        name = exprs[0]
        if not (schemas.has_column(schema, name) or is_pattern(name) or name == "*"):
            raise ColumnNotFound(
                f"{column_not_found(name, schema.names, 'with_columns')} For a new column of that"
                f" name write with_columns({name}=...), or .alias({name!r}) behind it."
            )


def _plain_names(columns: Sequence[Any]) -> list[str]:
    flat: list[str] = []
    for column in columns:
        flat += [column] if isinstance(column, str) else list(column)
    return flat

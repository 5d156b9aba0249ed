"""From long to wide: `pivot`, and what pandas calls it."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Self

import pyarrow as pa

from ..errors import DuplicateColumn, InvalidExpression, SchemaError, TypeMismatch, listed
from ..expr.casting import cast
from ..expr.conjunctions import conjunction
from ..expr.evaluate import dtype_of
from ..expr.node import Agg, Call, Column, Expr, Literal
from ..expr.python_values import exact_array
from ..plan.node import caller_site
from ..plan.nodes import Named, Project
from .aggregate_calls import called_aggregate, checked_name
from .aggregates import aggregate as aggregated
from .columns import IntoExpr, check_names, names
from .expression import Expression, to_expr
from .frame import Frame
from .options import options

Aggregate = str | Callable[[Expression], Any]


class PivotVerbs(Frame):
    """Verbs that make columns of rows."""

    __slots__ = ()

    @options(
        aggregate_function="write aggregate=",
        aggfunc="write aggregate=, or .pivot_table(...)",
        columns="write on=, or .pivot_table(...)",
        sort_columns="columns come in the order of on_columns",
    )
    def pivot(
        self,
        on: IntoExpr | Sequence[IntoExpr],
        on_columns: Any = None,
        *,
        index: IntoExpr | Sequence[IntoExpr] | None = None,
        values: IntoExpr | Sequence[IntoExpr] | None = None,
        aggregate: Aggregate | None = None,
        maintain_order: bool = False,
        separator: str = "_",
    ) -> Self:
        """Make columns of the values of a column: from long to wide.

        It is a group-by of `index` with one aggregate for each of `on_columns`, over the rows that
        have that value. Which columns a frame has is known before it is run, so the values have to
        be given.

        Parameters
        ----------
        on : str or sequence of str
            The column whose values become columns, or several.
        on_columns : sequence, mapping or frame of Arrow, pandas or Polars
            The values that become columns, in this order; other rows are left out. For several
            columns `on`, a mapping of their names to values, or a sequence of tuples.
        index : str or sequence of str, optional
            What makes a row; by default all columns that are neither in `on` nor in `values`.
        values : str or sequence of str, optional
            What is aggregated; by default all columns that are neither in `on` nor in `index`.
        aggregate : str or function
            How the values of one cell become one: the name of an aggregate (``"sum"``, ``"first"``,
            ``"len"``), or a function of a column, such as ``lambda v: v.max() - v.min()``.
        maintain_order : bool
            Whether the rows come in the order of their first rows.
        separator : str
            Between the value's name and that of its column, where there are several `values`.

        Returns
        -------
        DataFrame
            The columns `index`, then one for each of `on_columns`, called like it: ``x``; with
            several `values` ``v_x``, ``w_x``; with several `on` ``{"x",1}``.

        Raises
        ------
        SchemaError
            If `on_columns` or `aggregate` is not given.

        Examples
        --------
        >>> import partita as pt
        >>> df = pt.from_pydict({"day": [1, 1, 2], "zone": ["n", "s", "n"], "fare": [5, 6, 7]})
        >>> zones = sorted(df.select("zone").unique().to_pydict()["zone"])
        >>> wide = df.pivot("zone", zones, index="day", values="fare", aggregate="first")
        >>> wide.sort("day").to_pydict()
        {'day': [1, 2], 'n': [5, 7], 's': [6, None]}
        """
        site = caller_site()
        chosen = names([on], self.schema, "pivot")
        kept = None if index is None else names([index], self.schema, "pivot")
        valued = None if values is None else names([values], self.schema, "pivot")
        if kept is None and valued is None:
            raise SchemaError("pivot needs index=, values= or both, next to on=.")
        if kept is None:
            kept = self._others(chosen, valued or ())
        if valued is None:
            valued = self._others(chosen, kept)
        if not kept or not valued:
            raise SchemaError(
                f"pivot(on={list(chosen)}) leaves no column for"
                f" {'values' if kept else 'index'}=; the columns are {listed(self.schema.names)}."
            )
        if aggregate is None:
            raise SchemaError(
                "pivot needs aggregate=: how the rows of one cell become one value, such as"
                " aggregate='sum'; where there is one row for each cell, aggregate='first'."
            )
        cells = _cells(chosen, on_columns, self.schema)
        pairs = []
        for value in valued:
            made = _aggregate_of(aggregate, value, self.schema)
            for cell in cells:
                label = _label(chosen, cell)
                name = label if len(valued) == 1 else f"{value}{separator}{label}"
                pairs.append((name, _only_where(made, _condition(chosen, cell))))
        _check_labels([*kept, *(name for name, _ in pairs)])
        keys = tuple((name, Column(name)) for name in kept)
        return self._from_plan(
            aggregated(self.plan, keys, pairs, maintain_order=maintain_order, site=site)
        )

    @options(
        margins="aggregate once more, without the index",
        dropna="columns are those of on_columns, always",
        observed="rows are those that occur, always",
        sort="ask for the order with .sort(...) behind it",
    )
    def pivot_table(
        self,
        values: Any = None,
        index: Any = None,
        columns: Any = None,
        aggfunc: Aggregate = "mean",
        *,
        on_columns: Any = None,
        fill_value: Any = None,
    ) -> Self:
        """Make columns of the values of a column: `pivot`, as pandas calls it.

        Parameters
        ----------
        values, index, columns : str or sequence of str
            What is aggregated, what makes a row, and whose values become columns.
        aggfunc : str or function
            How the values of one cell become one.
        on_columns : sequence
            The values that become columns; see `pivot`.
        fill_value : object, optional
            What stands in the place of null.

        Examples
        --------
        >>> import partita as pt
        >>> df = pt.from_pydict({"day": [1, 1, 2], "zone": ["n", "n", "s"], "fare": [5, 6, 7]})
        >>> df.pivot_table(
        ...     "fare", "day", "zone", "mean", on_columns=["n", "s"], fill_value=0.0
        ... ).sort("day").to_pydict()
        {'day': [1, 2], 'n': [5.5, 0.0], 's': [0.0, 7.0]}
        """
        if columns is None:
            raise SchemaError("pivot_table needs columns=, whose values become columns.")
        wide = self.pivot(columns, on_columns, index=index, values=values, aggregate=aggfunc)
        if fill_value is None:
            return wide
        site = caller_site()
        kept = () if index is None else names([index], self.schema, "pivot_table")
        fill = to_expr(fill_value)
        exprs: tuple[Named, ...] = tuple(
            (name, Column(name) if name in kept else Call("fill_null", (Column(name), fill)))
            for name in wide.schema.names
        )
        return self._from_plan(Project(input=wide.plan, exprs=exprs, site=site))

    def _others(self, *used: Iterable[str]) -> tuple[str, ...]:
        taken = {name for each in used for name in each}
        return tuple(name for name in self.schema.names if name not in taken)


def _cells(on: tuple[str, ...], on_columns: Any, schema: pa.Schema) -> list[tuple[pa.Scalar, ...]]:
    """Return the combinations of values that become columns, each of the type of its column."""
    if on_columns is None:
        first = on[0] if len(on) == 1 else None
        how = (
            f"on_columns=df.select({first!r}).unique().to_pydict()[{first!r}]"
            if first is not None
            else f"on_columns=df.select({', '.join(map(repr, on))}).unique().to_pydict()"
        )
        raise SchemaError(
            "pivot needs on_columns=, the values that become columns: a frame knows its columns"
            f" before it is run. Where they are not known, ask for them first: {how}."
        )
    columns = _by_column(on, on_columns)
    arrays = []
    for name, values in zip(on, columns, strict=True):
        dtype = schema.field(name).type
        plain = dtype.value_type if pa.types.is_dictionary(dtype) else dtype
        try:
            arrays.append(exact_array(values, plain))
        except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:
            raise TypeMismatch(
                f"pivot: on_columns holds what column {name!r} ({dtype}) cannot: {error}"
            ) from None
    cells = list(zip(*arrays, strict=True))
    if not cells:
        raise SchemaError("pivot: on_columns is empty, so there would be no column.")
    return cells


def _by_column(on: tuple[str, ...], given: Any) -> list[list[Any]]:
    """Return the values for each column of `on`."""
    if isinstance(given, Frame):
        raise SchemaError(
            "pivot: on_columns is a frame that has not been run. Run it first, as in"
            " on_columns=frame.to_pydict()."
        )
    if isinstance(given, Mapping) or (hasattr(given, "__arrow_c_stream__") and len(on) > 1):
        table = given if isinstance(given, Mapping) else pa.table(given).to_pydict()
        missing = [name for name in on if name not in table]
        if missing:
            raise SchemaError(
                f"pivot: on_columns has no values for {missing}; it has {listed(table)}."
            )
        return [_plain_list(table[name]) for name in on]
    values = _plain_list(given)
    if len(on) == 1:
        return [values]
    if not all(isinstance(each, tuple | list) and len(each) == len(on) for each in values):
        raise SchemaError(
            f"pivot: for on={list(on)} each of on_columns is a tuple of {len(on)} values, or it is"
            " a mapping of the names to values."
        )
    return [[each[place] for each in values] for place in range(len(on))]


def _plain_list(values: Any) -> list[Any]:
    """Return values of a list, an array or a column of another library as Python's."""
    for method in ("to_pylist", "to_list", "tolist"):
        if hasattr(values, method):
            return list(getattr(values, method)())
    if isinstance(values, str | bytes) or not isinstance(values, Iterable):
        raise SchemaError(f"pivot: on_columns is a list of values, found {values!r}.")
    return list(values)


def _label(on: tuple[str, ...], cell: tuple[pa.Scalar, ...]) -> str:
    """Return what a column is called: the value, or all in braces where there are several."""
    if len(on) == 1:
        return _text(cell[0])
    if not any(value.is_valid for value in cell):
        return "null"
    quoted = [
        f'"{value.as_py()}"' if isinstance(value.as_py(), str) else _text(value) for value in cell
    ]
    return "{" + ",".join(quoted) + "}"


def _text(value: pa.Scalar) -> str:
    if not value.is_valid:
        return "null"
    array = pa.array([value.as_py()], value.type)
    text = cast(array, pa.string())
    assert isinstance(text, pa.Array)
    return str(text[0].as_py())


def _check_labels(labels: Sequence[str]) -> None:
    twice = [name for name, count in Counter(labels).items() if count > 1]
    if twice:
        raise DuplicateColumn(
            f"pivot would make column {twice[0]!r} twice. Give each value once in on_columns, and"
            " rename columns of index= that are called like a value."
        )


def _aggregate_of(wanted: Aggregate, column: str, schema: pa.Schema) -> Expr:
    """Return the aggregate of one column of values."""
    if isinstance(wanted, str):
        if wanted in ("len", "size"):
            return Agg("len", None)
        made: Expr = called_aggregate(checked_name(wanted), Column(column))
    elif callable(wanted) and not isinstance(wanted, Expression):
        made = to_expr(wanted(Expression(Column(column))))
    else:
        raise InvalidExpression(
            "pivot: aggregate= is the name of an aggregate or a function of a column, as in"
            f" aggregate=lambda v: v.sum() / pt.len(); found {wanted!r}."
        )
    check_names(made, schema, "pivot")
    dtype_of(made, schema)
    return made


def _condition(on: tuple[str, ...], cell: tuple[pa.Scalar, ...]) -> Expr:
    """Return whether a row is one of a cell; null is a value like others here."""
    parts = tuple(
        Call("eq_missing", (Column(name), Literal(value, typed=True)))
        for name, value in zip(on, cell, strict=True)
    )
    found = conjunction(parts)
    assert found is not None
    return found


def _only_where(expr: Expr, condition: Expr) -> Expr:
    """Return `expr` with all its aggregates over the rows alone that fulfil `condition`."""

    def narrowed(node: Expr) -> Expr:
        if not isinstance(node, Agg):
            return node
        both = [condition] if node.where is None else [condition, node.where]
        return replace(node, where=functools.reduce(lambda a, b: Call("and", (a, b)), both))

    return expr.transform(narrowed)

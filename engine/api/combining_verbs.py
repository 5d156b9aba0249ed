"""The verbs that bring rows together or hand them to a function: group_by, join, map_batches."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Concatenate, ParamSpec, Self, TypeVar

from ..errors import InvalidExpression, SchemaError, listed
from ..expr.node import Agg, Column, Expr
from ..plan.node import caller_site
from ..plan.nodes import JOIN_KINDS, Join, MapBatches
from .aggregates import aggregate
from .columns import IntoExpr, expressions, fields_of, named_expressions, row_wise
from .constructors import col
from .expression import to_expr
from .frame import Frame
from .groupby import GroupBy
from .options import options
from .user_function import FORMS, check_callable, probed_schema

P = ParamSpec("P")
R = TypeVar("R")


class CombiningVerbs(Frame):
    """Verbs for which rows meet other rows, or a function of the user."""

    __slots__ = ()

    def group_by(
        self, *keys: IntoExpr, maintain_order: bool = False, **named: IntoExpr
    ) -> GroupBy[Self]:
        """Group the rows by keys.

        Parameters
        ----------
        *keys : str or Expression
            What the rows of a group have in common. Null keys group together.
        maintain_order : bool
            Whether groups come in the order of their first rows; without it no order is promised.
        **named
            Computed keys under these names.

        Returns
        -------
        GroupBy
            Give it ``.agg(...)``, ``.len()``, ``.sum()`` and its like.

        Examples
        --------
        >>> import partita as pt
        >>> df = pt.from_pydict({"v": [1, 2, 3]})
        >>> df.group_by(odd=pt.col("v") % 2 == 1, maintain_order=True).len().to_pydict()
        {'odd': [True, False], 'len': [2, 1]}
        """
        pairs = named_expressions(keys, named, self.schema, "group_by")
        row_wise((expr for _, expr in pairs), "group_by")
        if not pairs:
            raise InvalidExpression(
                "group_by needs a key, as in .group_by('k'). For one row in all, select"
                " aggregates: .select(pt.col('v').sum())."
            )
        return GroupBy(self, pairs, maintain_order=maintain_order)

    @options(
        lsuffix="write suffix= for the names of the right, or .merge(..., suffixes=...)",
        rsuffix="write suffix=",
        suffixes="write suffix= for the names of the right, or .merge(..., suffixes=...)",
        sort="ask for the order with .sort(...) behind it",
        right="write join(other, ...)",
        validate="count the keys with .group_by(...).len() before",
        nulls_equal="null keys meet nothing; .fill_null(...) both sides where they should",
        coalesce="keys of one name are one column, always",
    )
    def join(
        self,
        other: Self,
        on: IntoExpr | Sequence[IntoExpr] | None = None,
        how: str = "inner",
        *,
        left_on: IntoExpr | Sequence[IntoExpr] | None = None,
        right_on: IntoExpr | Sequence[IntoExpr] | None = None,
        suffix: str = "_right",
        maintain_order: bool = False,
    ) -> Self:
        """Combine rows of this frame and another whose keys are equal.

        Parameters
        ----------
        other : DataFrame
            The right side.
        on : str, Expression or sequence of them
            Keys that are called the same on both sides.
        how : {"inner", "left", "semi", "anti"}
            Which rows are given: with a partner; all of the left; of the left, those with a
            partner; those without.
        left_on, right_on
            Keys of either side, in place of `on`.
        suffix : str
            Put behind names of the right that the left has too.
        maintain_order : bool
            Whether rows keep the order of the left; without it no order is promised.

        Returns
        -------
        DataFrame
            The left's columns, then the right's but for keys called the same.

        Raises
        ------
        ColumnNotFound
            If a key does not exist.
        TypeMismatch
            If keys are of types that cannot be compared.

        Examples
        --------
        >>> import partita as pt
        >>> sales = pt.from_pydict({"k": [1, 2, 2], "v": [5, 6, 7]})
        >>> shops = pt.from_pydict({"k": [2, 3], "town": ["Ulm", "Bonn"]})
        >>> sales.join(shops, on="k").sort("v").to_pydict()
        {'k': [2, 2], 'v': [6, 7], 'town': ['Ulm', 'Ulm']}
        >>> sales.join(shops, on="k", how="anti").to_pydict()
        {'k': [1], 'v': [5]}
        """
        site = caller_site()
        check_frame(other, "join")
        if how not in JOIN_KINDS:
            raise SchemaError(_unknown_join(how))
        left, right = self._join_keys(other, on, left_on, right_on)
        return self._from_plan(
            Join(
                left=self.plan,
                right=other.plan,
                left_on=left,
                right_on=right,
                how=how,
                suffix=suffix,
                maintain_order=maintain_order,
                site=site,
            )
        )

    def _join_keys(
        self, other: Frame, on: Any, left_on: Any, right_on: Any
    ) -> tuple[tuple[Expr, ...], tuple[Expr, ...]]:
        if on is not None and (left_on is not None or right_on is not None):
            raise SchemaError("join wants either on= or left_on= and right_on=, not both.")
        if on is not None:
            left_on = right_on = on
        if left_on is None or right_on is None:
            common = [name for name in self.schema.names if name in other.schema.names]
            hint = f" Both sides have {listed(common)}." if common else ""
            raise SchemaError(f"join wants keys: on=, or left_on= and right_on=.{hint}")
        left = expressions([left_on], self.schema, "the left side of join")
        right = expressions([right_on], other.schema, "the right side of join")
        return row_wise(left, "join"), row_wise(right, "join")

    @options(
        meta="write schema={'a': 'int64'}, or leave it out",
        return_dtype="write schema={'a': 'int64'}, or leave it out",
        batch_format="write takes='arrow' or takes='pandas'",
        batch_size="write pt.config.set(batch_rows=...)",
        streamable="batches are streamed, always",
    )
    def map_batches(
        self,
        function: Callable[[Any], Any],
        schema: Any = None,
        *,
        takes: str = "arrow",
        whole_partition: bool = False,
    ) -> Self:
        """Apply a Python function to each batch of rows, in the workers.

        Parameters
        ----------
        function : callable
            Given a batch, it returns one: a `pyarrow.RecordBatch` or `pyarrow.Table`, a pandas
            DataFrame, or a mapping of names to arrays; or an iterator of these, such as a
            generator. How the rows are cut into batches is not
            promised, so it has to treat each row by itself.
        schema : pyarrow.Schema or mapping, optional
            What it returns. Without it the function is called here, once, on an empty batch.
        takes : {"arrow", "pandas"}
            What it is given: a `pyarrow.RecordBatch` or a pandas DataFrame.
        whole_partition : bool
            Whether it is given all rows of a partition at once.

        Returns
        -------
        DataFrame

        Raises
        ------
        SchemaError
            If `schema` is not given and cannot be found out on an empty batch.
        UserFunctionError
            When run: if the function raises; its line, the partition and its file are named.

        Examples
        --------
        >>> import partita as pt, pyarrow as pa, pyarrow.compute as pc
        >>> df = pt.from_pydict({"a": [1, 2]})
        >>> df.map_batches(
        ...     lambda batch: {"a": batch["a"], "twice": pc.multiply(batch["a"], 2)}
        ... ).to_pydict()
        {'a': [1, 2], 'twice': [2, 4]}
        """
        site = caller_site()
        if takes not in FORMS:
            raise SchemaError(f"map_batches(takes={takes!r}): it is one of {listed(FORMS)}.")
        check_callable(function, "map_batches", "a batch")
        declared = (
            probed_schema(function, self.schema, takes)
            if schema is None
            else fields_of(schema, "map_batches")
        )
        return self._from_plan(
            MapBatches(
                input=self.plan,
                function=function,
                declared=declared,
                takes=takes,
                whole_partition=whole_partition,
                site=site,
            )
        )

    def pipe(
        self, function: Callable[Concatenate[Self, P], R], *args: P.args, **named: P.kwargs
    ) -> R:
        """Return ``function(self, *args, **named)``, so that own functions fit into a chain.

        Examples
        --------
        >>> import partita as pt
        >>> def largest(df, name, k):
        ...     return df.top_k(k, by=name)
        >>> pt.from_pydict({"a": [3, 1, 2]}).pipe(largest, "a", k=1).to_pydict()
        {'a': [3]}
        """
        return function(self, *args, **named)

    def count(self) -> Self:
        """Count the values of each column that are not null: one row.

        Examples
        --------
        >>> import partita as pt
        >>> pt.from_pydict({"a": [1, None], "b": [1, 2]}).count().to_pydict()
        {'a': [1], 'b': [2]}
        """
        return self._of_each_column(lambda name: Agg("count", Column(name)))

    def n_unique(self) -> Self:
        """Count the distinct values of each column: one row.

        Examples
        --------
        >>> import partita as pt
        >>> pt.from_pydict({"a": [1, 1], "b": [1, 2]}).n_unique().to_pydict()
        {'a': [1], 'b': [2]}
        """
        return self._of_each_column(lambda name: Agg("n_unique", Column(name)))

    def null_count(self) -> Self:
        """Count the nulls of each column: one row.

        Examples
        --------
        >>> import partita as pt
        >>> pt.from_pydict({"a": [1, None], "b": [1, 2]}).null_count().to_pydict()
        {'a': [1], 'b': [0]}
        """
        return self._of_each_column(lambda name: to_expr(col(name).is_null().cast("int64").sum()))

    def _of_each_column(self, make: Callable[[str], Expr]) -> Self:
        exprs = [(name, make(name)) for name in self.schema.names]
        return self._from_plan(aggregate(self.plan, (), exprs, site=caller_site()))


def check_frame(other: Any, where: str) -> None:
    """Raise when `other` is no frame; one of pandas is called the same."""
    if not isinstance(other, Frame):
        raise SchemaError(
            f"{where} wants another frame of Partita, found {kind_of(other)}. Make one of it with"
            " pt.DataFrame(...)."
        )


def kind_of(value: Any) -> str:
    """Return what `value` is, with the library it is from: ``a pandas.DataFrame``."""
    library, name = type(value).__module__.split(".")[0], type(value).__name__
    return f"a {name}" if library == "builtins" else f"a {library}.{name}"


def _unknown_join(how: str) -> str:
    supported = f"join(how={how!r}): it is one of {listed(JOIN_KINDS)}."
    advice = {
        "right": " A right join is a left join with the frames changed over.",
        "outer": " Combine a left join with .join(how='anti') of the frames changed over.",
        "full": " Combine a left join with .join(how='anti') of the frames changed over.",
    }
    return supported + advice.get(how, "")

"""The verbs that tell about all rows: sums and means of each column, describe, value_counts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Self

import pyarrow as pa

from ..errors import InvalidExpression, TypeMismatch, listed
from ..expr.aggregates import AGGREGATES
from ..expr.node import Agg, Call, Column, SortKey, literal
from ..plan.node import PlanNode, Site, caller_site
from ..plan.nodes import Aggregate, Join, Named, Project, Sort
from ..schema import free_name
from .aggregates import aggregate
from .columns import IntoExpr, names
from .description import described
from .flags import one_share
from .frame import Frame
from .options import options

_OF_COLUMNS = {
    "axis": "values of a column are aggregated, always; of a row: pt.max_horizontal(...)",
    "numeric_only": "columns that have no such value are left out, always",
    "skipna": "nulls are left out, always",
    "ddof": "write .select(pt.col('v').std(ddof=...))",
    "min_count": "write .select(...) with pt.when(pt.col('v').count() >= n)",
}
"""Options of pandas' aggregates, and what to write here."""


class SummaryVerbs(Frame):
    """Verbs that give few rows about all of them."""

    __slots__ = ()

    @options(**_OF_COLUMNS)
    def sum(self) -> Self:
        """Add up every column that can be: one row, without the others.

        Examples
        --------
        >>> import partita as pt
        >>> pt.from_pydict({"a": [1, 2], "b": ["x", "y"]}).sum().to_pydict()
        {'a': [3]}
        """
        return self._of_fitting("sum")

    @options(**_OF_COLUMNS)
    def mean(self) -> Self:
        """Take the mean of every column that has one: one row, without the others.

        Examples
        --------
        >>> import partita as pt
        >>> df = pt.from_pydict({"a": [1, 3], "s": ["x", "y"]})
        >>> df.mean().to_pydict()
        {'a': [2.0]}
        """
        return self._of_fitting("mean")

    @options(**_OF_COLUMNS)
    def median(self) -> Self:
        """Take the median of every column that has one: one row, without the others.

        Examples
        --------
        >>> import partita as pt
        >>> pt.from_pydict({"a": [1, 2, 5], "b": ["x", "y", "z"]}).median().to_pydict()
        {'a': [2.0]}
        """
        return self._of_fitting("median")

    @options(**_OF_COLUMNS)
    def quantile(self, quantile: float, interpolation: str = "nearest") -> Self:
        """Take a quantile of every column that has one: one row, without the others.

        Parameters
        ----------
        quantile : float
            The share of the values that lie below, between 0 and 1.
        interpolation : {"nearest", "lower", "higher", "midpoint", "linear", "equiprobable"}
            What to take between two values.

        Examples
        --------
        >>> import partita as pt
        >>> pt.from_pydict({"a": [1, 2, 5]}).quantile(0.75, "linear").to_pydict()
        {'a': [3.5]}
        """
        settings = (("interpolation", interpolation), ("quantile", one_share(quantile)))
        return self._of_fitting("quantile", settings)

    @options(**_OF_COLUMNS)
    def min(self) -> Self:
        """Take the least value of every column that has an order: one row.

        Examples
        --------
        >>> import partita as pt
        >>> df = pt.from_pydict({"a": [1, 3]})
        >>> df.min().to_pydict()
        {'a': [1]}
        """
        return self._of_fitting("min")

    @options(**_OF_COLUMNS)
    def max(self) -> Self:
        """Take the greatest value of every column that has an order: one row.

        Examples
        --------
        >>> import partita as pt
        >>> df = pt.from_pydict({"a": [1, 3]})
        >>> df.max().to_pydict()
        {'a': [3]}
        """
        return self._of_fitting("max")

    @options(**_OF_COLUMNS)
    def std(self) -> Self:
        """Take the standard deviation of every column of numbers: one row.

        Examples
        --------
        >>> import partita as pt
        >>> df = pt.from_pydict({"a": [1, 2, 3]})
        >>> df.std().to_pydict()
        {'a': [1.0]}
        """
        return self._of_fitting("std")

    @options(**_OF_COLUMNS)
    def var(self) -> Self:
        """Take the variance of every column of numbers: one row.

        Examples
        --------
        >>> import partita as pt
        >>> df = pt.from_pydict({"a": [1, 3, 5]})
        >>> df.var().to_pydict()
        {'a': [4.0]}
        """
        return self._of_fitting("var")

    @options(**_OF_COLUMNS)
    def product(self) -> Self:
        """Multiply the values of every column of integers or floats: one row.

        Examples
        --------
        >>> import partita as pt
        >>> df = pt.from_pydict({"a": [2, 3]})
        >>> df.product().to_pydict()
        {'a': [6]}
        """
        return self._of_fitting("product")

    @options(**_OF_COLUMNS)
    def any(self) -> Self:
        """Whether any value is true, of every column of booleans: one row.

        Examples
        --------
        >>> import partita as pt
        >>> df = pt.from_pydict({"a": [True, False]})
        >>> df.any().to_pydict()
        {'a': [True]}
        """
        return self._of_fitting("any")

    @options(**_OF_COLUMNS)
    def all(self) -> Self:
        """Whether all values are true, of every column of booleans: one row.

        Examples
        --------
        >>> import partita as pt
        >>> df = pt.from_pydict({"a": [True, False]})
        >>> df.all().to_pydict()
        {'a': [False]}
        """
        return self._of_fitting("all")

    def count(self) -> Self:
        """Count the values of each column that are not null: one row.

        Examples
        --------
        >>> import partita as pt
        >>> pt.from_pydict({"a": [1, None], "b": [1, 2]}).count().to_pydict()
        {'a': [1], 'b': [2]}
        """
        return self._of_fitting("count")

    def n_unique(self) -> Self:
        """Count the distinct values of each column: one row.

        Examples
        --------
        >>> import partita as pt
        >>> pt.from_pydict({"a": [1, 1], "b": [1, 2]}).n_unique().to_pydict()
        {'a': [1], 'b': [2]}
        """
        exprs = [(name, Agg("n_unique", Column(name))) for name in self.schema.names]
        return self._from_plan(aggregate(self.plan, (), exprs, site=caller_site()))

    def null_count(self) -> Self:
        """Count the nulls of each column: one row.

        Examples
        --------
        >>> import partita as pt
        >>> pt.from_pydict({"a": [1, None], "b": [1, 2]}).null_count().to_pydict()
        {'a': [1], 'b': [0]}
        """
        return self._of_fitting("null_count")

    @options(
        include="choose the columns with .select(...)",
        exclude="choose the columns with .select(...)",
    )
    def describe(
        self,
        percentiles: Sequence[float] | float | None = (0.25, 0.5, 0.75),
        *,
        interpolation: str = "nearest",
    ) -> Self:
        """Tell about each column: how many values, their mean, spread, extremes and quantiles.

        All of it is computed in one pass over the rows, when it is run.

        Parameters
        ----------
        percentiles : sequence of float, optional
            Shares between 0 and 1, of whose quantiles each is a row.
        interpolation : str
            As of `quantile`.

        Returns
        -------
        DataFrame
            A column ``statistic``, then one for each column: doubles of numbers and booleans, text
            of others. What a type does not have is null.

        Examples
        --------
        >>> import partita as pt
        >>> df = pt.from_pydict({"a": [1, 2, None], "s": ["x", "y", "z"]})
        >>> df.describe([0.5]).to_pydict()["statistic"]
        ['count', 'null_count', 'mean', 'std', 'min', '50%', 'max']
        >>> df.describe([0.5]).to_pydict()["a"]
        [2.0, 1.0, 1.5, 0.7071067811865476, 1.0, 2.0, 2.0]
        """
        if percentiles is None:
            percentiles = ()
        shares: list[Any] = [*percentiles] if isinstance(percentiles, Iterable) else [percentiles]
        for share in shares:
            if isinstance(share, bool) or not isinstance(share, int | float):
                raise InvalidExpression(
                    f"describe(percentiles={percentiles!r}): they are shares between 0 and 1, such"
                    " as [0.25, 0.5]. Of some columns: .select('a', 'b').describe()."
                )
        return self._from_plan(
            described(self.plan, tuple(shares), interpolation, site=caller_site())
        )

    @options(
        subset="write the columns by themselves: .value_counts('a', 'b')",
        ascending="write sort=False, and .sort('count') behind it",
        bins="make a column of the bins first, with .with_columns(...)",
        parallel="it is parallel, always",
    )
    def value_counts(
        self,
        *columns: IntoExpr,
        sort: bool = True,
        normalize: bool = False,
        dropna: bool = False,
        name: str | None = None,
    ) -> Self:
        """Count the rows of each combination of values.

        Parameters
        ----------
        *columns : str
            The columns whose values are counted; by default all.
        sort : bool
            Whether the most frequent come first; without it no order is promised.
        normalize : bool
            Whether to give the share of all rows that are counted, as a double.
        dropna : bool
            Whether rows with a null among these columns are left out.
        name : str, optional
            What the column of counts is called; ``count``, or ``proportion`` of shares.

        Returns
        -------
        DataFrame

        Examples
        --------
        >>> import partita as pt
        >>> df = pt.from_pydict({"k": ["a", "b", "b", "b"]})
        >>> df.value_counts("k").to_pydict()
        {'k': ['b', 'a'], 'count': [3, 1]}
        >>> df.value_counts("k", normalize=True).to_pydict()
        {'k': ['b', 'a'], 'proportion': [0.75, 0.25]}
        """
        site = caller_site()
        chosen = names(columns, self.schema, "value_counts") if columns else tuple(self.columns)
        called = name or ("proportion" if normalize else "count")
        if called in chosen:
            raise InvalidExpression(
                f"value_counts: a column {called!r} is counted, so the counts need another name:"
                " name='n'."
            )
        rows = self.drop_nulls([*chosen]) if dropna else self  # type: ignore[attr-defined]
        keys = tuple((each, Column(each)) for each in chosen)
        plan = aggregate(rows.plan, keys, [(called, Agg("len", None))], site=site)
        if sort:
            order = (SortKey(Column(called), descending=True),)
            plan = Sort(input=plan, by=order, site=site)
        if normalize:
            plan = _shares(plan, called, site)
        return self._from_plan(plan)

    def _of_fitting(self, name: str, settings: tuple[tuple[str, Any], ...] = ()) -> Self:
        entry = AGGREGATES[name]
        exprs: list[Named] = []
        for field in self.schema:
            if entry.accepts.contains(field.type) or pa.types.is_null(field.type):
                exprs.append((field.name, Agg(name, Column(field.name), settings)))
        if not exprs:
            raise TypeMismatch(
                f"{name}() wants {entry.accepts.name}, and no column is:"
                f" {listed(f'{field.name}: {field.type}' for field in self.schema)}."
            )
        return self._from_plan(aggregate(self.plan, (), exprs, site=caller_site()))


def _shares(plan: PlanNode, name: str, site: Site | None) -> PlanNode:
    """Return `plan` with the column of counts as shares of their sum; rows keep their order."""
    one = (literal(1),)
    whole = free_name("total", plan.schema.names)
    total = Aggregate(input=plan, keys=(), aggs=((whole, Agg("sum", Column(name))),))
    joined = Join(
        left=plan, right=total, left_on=one, right_on=one, maintain_order="left", site=site
    )
    share = Call("divide", (Column(name), Column(whole)))
    exprs = tuple((each, share if each == name else Column(each)) for each in plan.schema.names)
    return Project(input=joined, exprs=exprs, site=site)

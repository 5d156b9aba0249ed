"""The verbs that choose or order rows: filter, sort, head, slice, unique, drop_nulls."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import pyarrow as pa

from ..errors import InvalidExpression, SchemaError
from ..expr.conjunctions import conjunction, conjuncts
from ..expr.node import Expr, SortKey
from ..plan.node import PlanNode, Site, caller_site
from ..plan.nodes import Distinct, Filter, Project, Slice, Sort
from .columns import IntoExpr, expressions, identity, names
from .constructors import col
from .filter_calls import check_against_null, check_predicates
from .flags import one_each, whole_number
from .frame import Frame
from .options import FRAMES_NEVER_CHANGE, NO_INDEX, RUNS_LATER, options
from .windows import with_windows


class RowVerbs(Frame):
    """Verbs that give some of the rows, or all in another order; columns stay as they are."""

    __slots__ = ()

    def filter(self, *predicates: IntoExpr, **equals: Any) -> Self:
        """Keep the rows for which every predicate is true; order is kept.

        Parameters
        ----------
        *predicates : Expression or str
            Boolean expressions, or names of boolean columns. A null counts as not true.
        **equals
            ``name=value`` keeps the rows where that column has that value.

        Returns
        -------
        DataFrame

        Raises
        ------
        ColumnNotFound
            If a predicate names a column that does not exist.
        TypeMismatch
            If a predicate is not boolean, or compares what cannot be compared.

        Examples
        --------
        >>> import partita as pt
        >>> df = pt.from_pydict({"k": ["a", "b", "a"], "v": [1, 2, 3]})
        >>> df.filter(pt.col("v") > 1, k="a").to_pydict()
        {'k': ['a'], 'v': [3]}
        """
        site = caller_site()
        check_predicates(predicates, equals, self.schema)
        exprs = list(expressions(predicates, self.schema, "filter"))
        for name, value in equals.items():
            if value is None:
                raise InvalidExpression(
                    f"filter({name}=None) would keep no row, as null is equal to nothing."
                    f" Use .filter(pt.col({name!r}).is_null())."
                )
            exprs += expressions([col(name) == value], self.schema, "filter")
        parts = tuple(part for expr in exprs for part in conjuncts(expr))
        plan, done = with_windows(self.plan, parts, site)
        # Each by itself first, so that a message shows the one that is wrong.
        for part in done:
            check_against_null(part)
            Filter(input=plan, predicate=part)
        predicate = conjunction(done)
        if predicate is None:
            return self
        return self._over(plan, Filter(input=plan, predicate=predicate, site=site))

    def _over(self, plan: PlanNode, made: PlanNode) -> Self:
        """Return a frame of `made` with the columns there were, where `plan` has added some."""
        if plan is self.plan:
            return self._from_plan(made)
        exprs = identity(self.schema)
        return self._from_plan(Project(input=made, exprs=exprs, site=made.site))

    @options(
        ascending="write descending=True for the opposite, or .sort_values(..., ascending=False)",
        reverse="write descending=True",
        by="write the keys by themselves: .sort('a', 'b')",
        inplace=FRAMES_NEVER_CHANGE,
        na_position="write nulls_last=False or True",
        maintain_order="sorting is stable, always",
    )
    def sort(
        self,
        *by: IntoExpr,
        descending: bool | Sequence[bool] = False,
        nulls_last: bool | Sequence[bool] = False,
    ) -> Self:
        """Order the rows; rows with equal keys keep their order.

        Parameters
        ----------
        *by : str or Expression
            What to order by, most important first.
        descending : bool or sequence of bool
            For all keys, or one for each.
        nulls_last : bool or sequence of bool
            Whether nulls come at the end; by default they come at the beginning, in either
            direction. NaN is greater than every number.

        Returns
        -------
        DataFrame

        Examples
        --------
        >>> import partita as pt
        >>> df = pt.from_pydict({"a": [2, 1, 2], "b": [1, 2, 3]})
        >>> df.sort("a", "b", descending=[False, True]).to_pydict()
        {'a': [1, 2, 2], 'b': [2, 3, 1]}
        """
        site = caller_site()
        return self._sorted(by, descending, nulls_last, "sort", site)

    def top_k(
        self,
        k: int,
        *,
        by: IntoExpr | Sequence[IntoExpr],
        reverse: bool | Sequence[bool] = False,
    ) -> Self:
        """Return the `k` rows that are greatest by `by`, greatest first; nulls come last.

        It needs no full sort: each partition keeps `k` rows. `reverse` says, for all keys or one
        for each, whether the least values are wanted instead.

        Examples
        --------
        >>> import partita as pt
        >>> pt.from_pydict({"a": [2, 9, 4]}).top_k(2, by="a").to_pydict()
        {'a': [9, 4]}
        """
        return self._first_by(k, by, reverse, descending=True, where="top_k")

    def bottom_k(
        self,
        k: int,
        *,
        by: IntoExpr | Sequence[IntoExpr],
        reverse: bool | Sequence[bool] = False,
    ) -> Self:
        """Return the `k` rows that are least by `by`, least first; nulls come last.

        `reverse` says, for all keys or one for each, whether the greatest are wanted instead.

        Examples
        --------
        >>> import partita as pt
        >>> pt.from_pydict({"a": [2, 9, 4]}).bottom_k(2, by="a").to_pydict()
        {'a': [2, 4]}
        """
        return self._first_by(k, by, reverse, descending=False, where="bottom_k")

    @options(npartitions="all partitions are looked at, as far as needed", compute=RUNS_LATER)
    def head(self, n: int = 5) -> Self:
        """Return the first `n` rows; no more than needed is read.

        Examples
        --------
        >>> import partita as pt
        >>> pt.from_pydict({"a": [1, 2, 3]}).head(2).to_pydict()
        {'a': [1, 2]}
        """
        return self.slice(0, _count(n, "head"))

    def limit(self, n: int = 5) -> Self:
        """Return the first `n` rows: `head` by another name.

        Examples
        --------
        >>> import partita as pt
        >>> df = pt.from_pydict({"a": [1, 2]})
        >>> df.limit(1).to_pydict()
        {'a': [1]}
        """
        return self.slice(0, _count(n, "limit"))

    @options(compute=RUNS_LATER)
    def tail(self, n: int = 5) -> Self:
        """Return the last `n` rows.

        Examples
        --------
        >>> import partita as pt
        >>> pt.from_pydict({"a": [1, 2, 3]}).tail(2).to_pydict()
        {'a': [2, 3]}
        """
        n = _count(n, "tail")
        return self.slice(-n, n) if n else self.slice(0, 0)

    def slice(self, offset: int, length: int | None = None) -> Self:
        """Return the rows from `offset` on.

        Parameters
        ----------
        offset : int
            The first row, counted from 0; negative counts from the end.
        length : int, optional
            How many rows; by default all that follow.

        Returns
        -------
        DataFrame

        Examples
        --------
        >>> import partita as pt
        >>> pt.from_pydict({"a": [1, 2, 3, 4]}).slice(1, 2).to_pydict()
        {'a': [2, 3]}
        """
        site = caller_site()
        if length is not None:
            length = _count(length, "slice")
        first = whole_number(offset)
        if first is None:
            raise SchemaError(f"slice wants an offset that is an integer, found {offset!r}.")
        return self._from_plan(Slice(input=self.plan, offset=first, length=length, site=site))

    @options(
        inplace=FRAMES_NEVER_CHANGE,
        ignore_index=NO_INDEX,
        split_out="leave it out: the number of partitions follows from the sizes",
    )
    def unique(
        self,
        subset: IntoExpr | Sequence[IntoExpr] | None = None,
        *,
        keep: str = "any",
        maintain_order: bool = False,
    ) -> Self:
        """Return one row for each combination of values.

        Parameters
        ----------
        subset : str or sequence of str, optional
            The columns that are compared; by default all.
        keep : {"any", "first", "last", "none"}
            Which row of equal ones; ``none`` keeps only combinations that occur once.
        maintain_order : bool
            Whether the rows keep their order; without it the order is not promised.

        Returns
        -------
        DataFrame

        Examples
        --------
        >>> import partita as pt
        >>> df = pt.from_pydict({"a": [1, 1, 2], "b": [5, 6, 7]})
        >>> df.unique("a", keep="first", maintain_order=True).to_pydict()
        {'a': [1, 2], 'b': [5, 7]}
        """
        site = caller_site()
        chosen = None if subset is None else names([subset], self.schema, "unique")
        return self._from_plan(
            Distinct(
                input=self.plan,
                subset=chosen,
                keep=keep,
                maintain_order=maintain_order,
                site=site,
            )
        )

    @options(inplace=FRAMES_NEVER_CHANGE, how="write .dropna(how='all')")
    def drop_nulls(self, subset: IntoExpr | Sequence[IntoExpr] | None = None) -> Self:
        """Keep the rows that have no null; NaN is a value and stays.

        Parameters
        ----------
        subset : str or sequence of str, optional
            The columns that must not be null; by default all.

        Returns
        -------
        DataFrame

        Examples
        --------
        >>> import partita as pt
        >>> pt.from_pydict({"a": [1, None], "b": [None, 2]}).drop_nulls("a").to_pydict()
        {'a': [1], 'b': [None]}
        """
        wanted = self.schema.names if subset is None else [subset]
        chosen = names(wanted, self.schema, "drop_nulls")
        return self.filter(*(col(name).is_not_null() for name in chosen))

    def drop_nans(self, subset: IntoExpr | Sequence[IntoExpr] | None = None) -> Self:
        """Keep the rows that have no NaN; null is the absence of a value and stays.

        Parameters
        ----------
        subset : str or sequence of str, optional
            The columns that must not be NaN; by default all. Only floats can be.

        Returns
        -------
        DataFrame

        Examples
        --------
        >>> import partita as pt
        >>> pt.from_pydict({"a": [1.0, float("nan"), None]}).drop_nans().to_pydict()
        {'a': [1.0, None]}
        """
        chosen = names([self.schema.names if subset is None else subset], self.schema, "drop_nans")
        floats = [name for name in chosen if pa.types.is_floating(self.schema.field(name).type)]
        return self.filter(*(col(name).is_not_nan().fill_null(True) for name in floats))

    def _first_by(
        self,
        k: int,
        by: Any,
        reverse: bool | Sequence[bool],
        *,
        descending: bool,
        where: str,
    ) -> Self:
        site = caller_site()
        count = len(expressions([by], self.schema, where))
        down = [descending != turned for turned in one_each(reverse, count, f"{where}: reverse")]
        return self._sorted([by], down, True, where, site, limit=_count(k, where))

    def _sorted(
        self,
        by: Sequence[Any],
        descending: bool | Sequence[bool],
        nulls_last: bool | Sequence[bool],
        where: str,
        site: Site | None,
        limit: int | None = None,
    ) -> Self:
        exprs = expressions(by, self.schema, where)
        if not exprs:
            raise InvalidExpression(f"{where} needs a column to order by, as in .{where}('a').")
        plan, exprs = with_windows(self.plan, exprs, site)
        keys = sort_keys(exprs, descending, nulls_last, where)
        return self._over(plan, Sort(input=plan, by=keys, limit=limit, site=site))


def sort_keys(
    exprs: Sequence[Expr],
    descending: bool | Sequence[bool],
    nulls_last: bool | Sequence[bool],
    where: str,
) -> tuple[SortKey, ...]:
    """Return the keys of an order, each with its direction and its place for nulls."""
    down = one_each(descending, len(exprs), f"{where}: descending")
    last = one_each(nulls_last, len(exprs), f"{where}: nulls_last")
    return tuple(
        SortKey(expr, descending=falling, nulls_last=end)
        for expr, falling, end in zip(exprs, down, last, strict=True)
    )


def _count(n: int, where: str) -> int:
    count = whole_number(n)
    if count is None or count < 0:
        advice = ""
        if count is not None and where in ("head", "limit", "tail"):
            advice = " For all but some at an end, give what to leave out: "
            advice += f".slice({-n})." if where == "tail" else f".reverse().slice({-n}).reverse()."
        raise SchemaError(f"{where} wants a number of rows, 0 or more; found {n!r}.{advice}")
    return count

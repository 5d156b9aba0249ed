"""The verbs that join two frames."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Self

from ..errors import InvalidExpression, SchemaError, did_you_mean, listed
from ..expr.node import Call, Expr
from ..expr.text import text_of
from ..optimizer.rules.product_joins import filtered_product
from ..plan.joins import JOIN_KINDS, JOIN_ORDERS, AsofJoin, Join
from ..plan.node import caller_site
from ..schema import has_column
from .asof_tolerance import tolerance_of
from .columns import IntoExpr, expressions, flatten, row_wise
from .combining_verbs import check_frame
from .expression import Expression
from .frame import Frame
from .options import options


class JoiningVerbs(Frame):
    """Verbs for which rows of two frames meet."""

    __slots__ = ()

    @options(
        lsuffix="write suffix= for the names of the right, or .merge(..., suffixes=...)",
        rsuffix="write suffix=",
        suffixes="write suffix= for the names of the right, or .merge(..., suffixes=...)",
        sort="ask for the order with .sort(...) behind it",
        right="write join(other, ...)",
        join_nulls="write nulls_equal=True",
        indicator="write .merge(..., indicator=True)",
        build_side="the smaller side is built, always",
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
        validate: str = "m:m",
        nulls_equal: bool = False,
        coalesce: bool | None = None,
        maintain_order: bool | str | None = None,
    ) -> Self:
        """Combine rows of this frame and another whose keys are equal.

        Parameters
        ----------
        other : DataFrame
            The right side.
        on : str, Expression or sequence of them
            Keys that are called the same on both sides.
        how : {"inner", "left", "right", "full", "semi", "anti", "cross"}
            Which rows are given: with a partner; all of the left; all of the right; all of both;
            of the left, those with a partner; those without; every pair, without any keys.
        left_on, right_on
            Keys of either side, in place of `on`.
        suffix : str
            Put behind names of the right that the left has too.
        validate : {"m:m", "m:1", "1:m", "1:1"}
            How often a key may occur on the left and on the right, once or many times. Null keys
            count only with `nulls_equal`.
        nulls_equal : bool
            Whether a null key meets null keys; without it, nothing.
        coalesce : bool, optional
            Whether a pair of key columns is given as one: that of the left, in a right join that of
            the right, in a full join whichever is there. By default in all joins but full ones.
            Keys that are computed stay apart.
        maintain_order : bool or {"none", "left", "right", "left_right", "right_left"}
            Whose order the rows keep, and whose next; True is the left's. Without it no order is
            promised.

        Returns
        -------
        DataFrame
            The left's columns, then the right's.

        Raises
        ------
        ColumnNotFound
            If a key does not exist.
        TypeMismatch
            If keys are of types that cannot be compared.
        RepeatedKey
            When run: if a key occurs more often than `validate` says.

        Examples
        --------
        >>> import partita as pt
        >>> sales = pt.from_pydict({"k": [1, 2, 2], "v": [5, 6, 7]})
        >>> shops = pt.from_pydict({"k": [2, 3], "town": ["Ulm", "Bonn"]})
        >>> sales.join(shops, on="k").sort("v").to_pydict()
        {'k': [2, 2], 'v': [6, 7], 'town': ['Ulm', 'Ulm']}
        >>> sales.join(shops, on="k", how="anti").to_pydict()
        {'k': [1], 'v': [5]}
        >>> sales.join(shops, on="k", how="full", coalesce=True).sort("k", "v").to_pydict()
        {'k': [1, 2, 2, 3], 'v': [5, 6, 7, None], 'town': [None, 'Ulm', 'Ulm', 'Bonn']}
        """
        site = caller_site()
        check_frame(other, "join")
        if how not in JOIN_KINDS:
            raise SchemaError(_unknown_join(how))
        if how == "cross":
            if not all(each is None for each in (on, left_on, right_on)):
                raise SchemaError("join(how='cross') gives every pair of rows and takes no keys.")
            left: tuple[Expr, ...] = ()
            right: tuple[Expr, ...] = ()
        else:
            left, right = self._join_keys(other, on, left_on, right_on)
        return self._from_plan(
            Join(
                left=self.plan,
                right=other.plan,
                left_on=left,
                right_on=right,
                how=how,
                suffix=suffix,
                validate=validate,
                nulls_equal=nulls_equal,
                coalesce=coalesce,
                maintain_order=_order(maintain_order),
                site=site,
            )
        )

    @options(
        direction="write strategy=, or .merge_asof(...)",
        left_by="write by_left=",
        right_by="write by_right=",
        check_sortedness="neither side has to be sorted",
        allow_parallel="leave it out",
        force_parallel="leave it out",
        how="rows of the left are all given; .drop_nulls(...) leaves out those without a match",
    )
    def join_asof(
        self,
        other: Self,
        on: IntoExpr | None = None,
        *,
        left_on: IntoExpr | None = None,
        right_on: IntoExpr | None = None,
        by: IntoExpr | Sequence[IntoExpr] | None = None,
        by_left: IntoExpr | Sequence[IntoExpr] | None = None,
        by_right: IntoExpr | Sequence[IntoExpr] | None = None,
        strategy: str = "backward",
        tolerance: Any = None,
        allow_exact_matches: bool = True,
        suffix: str = "_right",
        coalesce: bool = True,
    ) -> Self:
        """Put beside each row the row of another frame that is nearest in time, or in a number.

        Parameters
        ----------
        other : DataFrame
            The right side.
        on : str or Expression
            The order: a number, a date or a time. Neither side has to be sorted by it.
        left_on, right_on
            The order of either side, in place of `on`.
        by : str, Expression or sequence of them
            What has to be equal besides.
        by_left, by_right
            These keys of either side, in place of `by`.
        strategy : {"backward", "forward", "nearest"}
            The last row at or before; the first at or after; the nearest, of two that are as near
            the later. Of rows of the right that are equal in the order the last is taken, by
            ``forward`` the first.
        tolerance : number, datetime.timedelta or str, optional
            How far it may be away at most; text is a duration such as ``"2h"`` or ``"1d12h"``.
        allow_exact_matches : bool
            Whether a row of the same value counts.
        suffix : str
            Put behind names of the right that the left has too.
        coalesce : bool
            Whether an order that is called the same on both sides is given once, the left's.

        Returns
        -------
        DataFrame
            All rows of the left, in their order, with null where nothing is found. A null in the
            order or in a key finds nothing.

        Raises
        ------
        TypeMismatch
            If the order is not of numbers or times, or the tolerance does not fit it.

        Notes
        -----
        A small right side is sorted whole, in every task. A larger one is split by the hash of the
        keys `by`; without any, both sides are sorted and cut into ranges. Rows of the left are then
        numbered before and sorted by their numbers behind.

        Examples
        --------
        >>> import partita as pt
        >>> trades = pt.from_pydict({"t": [9, 3, 6], "qty": [1, 2, 3]})
        >>> quotes = pt.from_pydict({"t": [2, 5, 8], "price": [20, 50, 80]})
        >>> trades.join_asof(quotes, on="t").to_pydict()
        {'t': [9, 3, 6], 'qty': [1, 2, 3], 'price': [80, 20, 50]}
        """
        site = caller_site()
        check_frame(other, "join_asof")
        left_order, right_order = self._asof_order(other, on, left_on, right_on)
        left_by: tuple[Expr, ...] = ()
        right_by: tuple[Expr, ...] = ()
        if any(each is not None for each in (by, by_left, by_right)):
            if by is None and (by_left is None or by_right is None):
                raise SchemaError("join_asof wants by=, or by_left= and by_right= together.")
            left_by, right_by = self._join_keys(other, by, by_left, by_right, "join_asof")
        joined = AsofJoin(
            left=self.plan,
            right=other.plan,
            left_on=left_order,
            right_on=right_order,
            left_by=left_by,
            right_by=right_by,
            strategy=strategy,
            allow_exact_matches=allow_exact_matches,
            suffix=suffix,
            coalesce=coalesce,
            site=site,
        )
        within = tolerance_of(tolerance, joined.key_type())
        return self._from_plan(replace(joined, tolerance=within))

    def _asof_order(self, other: Frame, on: Any, left_on: Any, right_on: Any) -> tuple[Expr, Expr]:
        """Return the one expression of either side that rows are ordered by."""
        left, right = self._join_keys(other, on, left_on, right_on, "join_asof")
        if len(left) != 1 or len(right) != 1:
            raise SchemaError(
                f"join_asof has one order, found {len(left)} columns. What has to be equal goes to"
                " by=."
            )
        return left[0], right[0]

    @options(
        on="write the condition, as in pt.col('a') == pt.col('a_right')",
        how="pairs for which all predicates hold are given, always",
    )
    def join_where(self, other: Self, *predicates: Any, suffix: str = "_right") -> Self:
        """Combine rows of this frame and another for which conditions hold.

        Parameters
        ----------
        other : DataFrame
            The right side.
        *predicates : Expression
            Conditions over the columns of both, all of which have to hold. A column of the right
            that the left has too is called by its name and `suffix`.
        suffix : str
            Put behind names of the right that the left has too.

        Returns
        -------
        DataFrame
            The left's columns, then all of the right's.

        Raises
        ------
        ColumnNotFound
            If a predicate reads a column that neither side has.

        Notes
        -----
        Equalities between the sides become the keys of a hash join. Without any, one inequality, or
        two that bound the same value from below and above, are answered by binary search in the
        sorted values; only what else is asked for is checked pair by pair.

        Examples
        --------
        >>> import partita as pt
        >>> trips = pt.from_pydict({"trip": [1, 2], "km": [3, 12]})
        >>> fares = pt.from_pydict({"least": [0, 10], "most": [10, 99], "fare": ["a", "b"]})
        >>> inside = (pt.col("km") >= pt.col("least"), pt.col("km") < pt.col("most"))
        >>> trips.join_where(fares, *inside).select("trip", "fare").sort("trip").to_pydict()
        {'trip': [1, 2], 'fare': ['a', 'b']}
        """
        site = caller_site()
        check_frame(other, "join_where")
        if not predicates:
            raise SchemaError(
                "join_where wants at least one predicate. Every pair of rows is"
                " .join(other, how='cross')."
            )
        product = Join(left=self.plan, right=other.plan, how="cross", suffix=suffix, site=site)
        given = row_wise(expressions(predicates, product.schema, "join_where"), "join_where")
        return self._from_plan(filtered_product(product, given, site))

    def _join_keys(
        self, other: Frame, on: Any, left_on: Any, right_on: Any, verb: str = "join"
    ) -> tuple[tuple[Expr, ...], tuple[Expr, ...]]:
        if on is not None and (left_on is not None or right_on is not None):
            raise SchemaError(f"{verb} wants either on= or left_on= and right_on=, not both.")
        if on is not None:
            left_on = right_on = on
        if left_on is None or right_on is None:
            common = [name for name in self.schema.names if has_column(other.schema, name)]
            hint = f" Both sides have {listed(common)}." if common else ""
            pairs = " Every pair of rows is how='cross'." if verb == "join" else ""
            raise SchemaError(f"{verb} wants keys: on=, or left_on= and right_on=.{hint}{pairs}")
        for given in (left_on, right_on):
            _check_no_condition(given, verb)
        left = expressions([left_on], self.schema, f"the left side of {verb}")
        right = expressions([right_on], other.schema, f"the right side of {verb}")
        return row_wise(left, verb), row_wise(right, verb)


def _order(wanted: bool | str | None) -> str:
    """Return the order as the node has it."""
    if not wanted or wanted == "none":
        return ""
    if wanted is True:
        return "left_right"
    if wanted not in JOIN_ORDERS:
        raise SchemaError(
            f"join(maintain_order={wanted!r}): it is True, False or one of {listed(JOIN_ORDERS)}."
        )
    return str(wanted)


def _unknown_join(how: str) -> str:
    supported = f"join(how={how!r}): it is one of {listed(JOIN_KINDS)}."
    advice = {
        "outer": " An outer join is how='full'.",
        "asof": " Use .join_asof(...).",
        **dict.fromkeys(("full_outer", "fullouter", "outer_full"), " It is how='full'."),
        **{
            f"left{space}{kind}": f" It is how={kind!r}."
            for kind in ("semi", "anti")
            for space in ("_", "")
        },
        **{
            f"{kind}{space}outer": f" It is how={kind!r}."
            for kind in ("left", "right")
            for space in ("_", "")
        },
    }
    near = did_you_mean(str(how), JOIN_KINDS)
    return supported + advice.get(how, near)


_CONDITIONS = frozenset({"eq", "ne", "lt", "le", "gt", "ge", "and", "or", "not"})


def _check_no_condition(given: Any, verb: str) -> None:
    """Raise `InvalidExpression` for a condition where a key is wanted.

    As in Spark, ``a.join(b, a.k == b.k)``: it would be computed of either side by itself, be true
    in every row of both, and so give every pair.
    """
    for each in flatten([given]):
        node = each.node if isinstance(each, Expression) else each
        if isinstance(node, Call) and node.name in _CONDITIONS:
            raise InvalidExpression(
                f"{verb} wants keys, whose values are equal on both sides, and {text_of(node)} is a"
                " condition. Write on='k', or left_on='a', right_on='b'; for other conditions than"
                " equality .join_where(other, ...)."
            )

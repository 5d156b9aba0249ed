"""The verbs that join two frames."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

from ..errors import SchemaError, listed
from ..expr.node import Expr
from ..plan.joins import JOIN_KINDS, JOIN_ORDERS, Join
from ..plan.node import caller_site
from .columns import IntoExpr, expressions, row_wise
from .combining_verbs import check_frame
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
            raise SchemaError(
                f"join wants keys: on=, or left_on= and right_on=.{hint} Every pair of rows is"
                " how='cross'."
            )
        left = expressions([left_on], self.schema, "the left side of join")
        right = expressions([right_on], other.schema, "the right side of join")
        return row_wise(left, "join"), row_wise(right, "join")


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
        "full_outer": " It is how='full'.",
        "left_semi": " It is how='semi'.",
        "left_anti": " It is how='anti'.",
        "asof": " Use .join_asof(...).",
    }
    return supported + advice.get(how, "")

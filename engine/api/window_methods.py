"""The methods of an expression that look at other rows: ``over``, and the table ``WINDOWS``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from ..errors import InvalidExpression, listed
from ..expr.node import Agg, Call, Column, Expr, SortKey, WindowCall, literal
from ..expr.window import WindowFunction
from ..expr.windows import WINDOWS
from .flags import one_each
from .methods import Given, method_of
from .windows import looks_at_others, over

if TYPE_CHECKING:
    from .expression import Expression

STRATEGIES = ("forward", "backward", "min", "max", "mean", "zero", "one")


class WindowMethods:
    """What `Expression` has of windows; its node is the only thing that is known here."""

    node: Expr

    def _made(self, node: Expr) -> Expression:
        """Return the expression of another node."""
        raise TypeError(f"{type(self).__name__} does not say how expressions are made")

    def over(
        self,
        *keys: Any,
        order_by: Any = None,
        descending: bool | Sequence[bool] = False,
        nulls_last: bool | Sequence[bool] = False,
    ) -> Expression:
        """Compute over the rows that have the same keys, with a value for each row.

        An aggregate gives every row the value of its group; functions such as ``rank``, ``shift``
        and ``cum_sum`` see the rows of their group alone. All of them in the expression are meant:
        ``(a.sum() / b.sum()).over("k")``.

        Parameters
        ----------
        *keys : str or Expression
            What the rows of a group have in common; null keys group together.
        order_by : str, Expression or a sequence of them, optional
            The order in which the rows of a group are seen; by default that of the frame. The
            frame's own order stays as it is.
        descending, nulls_last : bool or sequence of bool
            For all of `order_by`, or one for each.

        Returns
        -------
        Expression

        Raises
        ------
        InvalidExpression
            If there is nothing in the expression that looks at other rows, or neither keys nor
            an order are given.

        Examples
        --------
        >>> import partita as pt
        >>> df = pt.from_pydict({"k": ["a", "b", "a"], "v": [1, 2, 3]})
        >>> df.with_columns(share=pt.col("v") / pt.col("v").sum().over("k")).to_dicts()[0]
        {'k': 'a', 'v': 1, 'share': 0.25}
        >>> df.select(pt.col("v").cum_sum().over("k", order_by="v", descending=True)).to_pydict()
        {'v': [4, 2, 3]}
        """
        by = tuple(_exprs(keys))
        order = () if order_by is None else tuple(_exprs([order_by]))
        if not by and not order:
            raise InvalidExpression(
                "over wants keys, as in .over('k'), or an order, as in .over(order_by='t')."
            )
        if not looks_at_others(self.node):
            raise InvalidExpression(
                f"{self!r} has nothing that looks at other rows, so .over(...) changes nothing."
                " Write it behind an aggregate or a function such as .rank(), .shift(), .cum_sum()."
            )
        down = one_each(descending, len(order), "over: descending")
        last = one_each(nulls_last, len(order), "over: nulls_last")
        keys_of = tuple(
            SortKey(expr, descending=falling, nulls_last=end)
            for expr, falling, end in zip(order, down, last, strict=True)
        )
        return self._made(over(self.node, by, keys_of))

    def fill_null(
        self, value: Any = None, strategy: str | None = None, limit: int | None = None
    ) -> Expression:
        """Return the value, or another one where it is null.

        Parameters
        ----------
        value : object or Expression, optional
            What is put there.
        strategy : {"forward", "backward", "min", "max", "mean", "zero", "one"}, optional
            In place of `value`: the nearest value before or after, the least, greatest or mean
            value of the column, 0 or 1. The mean of integers makes doubles of them.
        limit : int, optional
            How many nulls in a row are filled at most, with ``forward`` and ``backward``.

        Examples
        --------
        >>> import partita as pt
        >>> df = pt.from_pydict({"a": [None, 1, None]})
        >>> df.select(pt.col("a").fill_null(0)).to_pydict()
        {'a': [0, 1, 0]}
        >>> df.select(pt.col("a").fill_null(strategy="forward")).to_pydict()
        {'a': [None, 1, 1]}
        """
        return self._made(filled(self.node, value, strategy, limit))

    fillna = fill_null

    def rle_id(self) -> Expression:
        """Return the number of the run of equal values that a row is in, from 0, as ``int64``.

        Examples
        --------
        >>> import partita as pt
        >>> pt.from_pydict({"a": ["x", "x", "y", "x"]}).select(pt.col("a").rle_id()).to_pydict()
        {'a': [0, 0, 1, 2]}
        """
        before = WindowCall("shift", (self.node,), (("n", 1),))
        index = WindowCall("row_index", ())
        changed = Call("not", (Call("eq_missing", (self.node, before)),))
        inner = Call("and", (changed, Call("gt", (index, literal(0)))))
        made = WindowCall("cum_sum", (inner,), (("reverse", False),))
        return self._made(made)


def filled(node: Expr, value: Any, strategy: str | None, limit: int | None) -> Expr:
    """Return `node` with what `fill_null` is told where it is null.

    Raises
    ------
    InvalidExpression
        If there is not exactly one of `value` and `strategy`.
    """
    if (value is None) == (strategy is None):
        raise InvalidExpression(
            "fill_null wants a value, as in .fill_null(0), or a strategy, as in"
            " .fill_null(strategy='forward'); one of the two."
        )
    if strategy is None:
        if limit is not None:
            raise InvalidExpression(
                "fill_null(limit=...) is for strategy='forward' and strategy='backward'."
            )
        return Call("fill_null", (node, expr_of(value)))
    if strategy not in STRATEGIES:
        raise InvalidExpression(
            f"fill_null: strategy is one of {listed(STRATEGIES)}, but this is {strategy!r}."
        )
    if strategy in ("forward", "backward"):
        entry = WINDOWS[f"{strategy}_fill"]
        if limit is not None and (isinstance(limit, bool) or not isinstance(limit, int)):
            raise InvalidExpression(f"fill_null(limit={limit!r}): it is a number of rows.")
        entry.check({"limit": limit})
        return WindowCall(entry.name, (node,), (("limit", limit),))
    if limit is not None:
        raise InvalidExpression(
            f"fill_null(strategy={strategy!r}) fills all nulls; limit= is for 'forward' and"
            " 'backward'."
        )
    constants = {"zero": literal(0), "one": literal(1)}
    return Call("fill_null", (node, constants.get(strategy) or Agg(strategy, node)))


def expr_of(value: Any, *, names: bool = False) -> Expr:
    """Return the node of an expression, or of a plain value; text may be the name of a column."""
    if isinstance(value, WindowMethods):
        return value.node
    if isinstance(value, Expr):
        return value
    if names and isinstance(value, str):
        return Column(value)
    try:
        return literal(value)
    except (pa.ArrowException, OverflowError) as error:
        raise InvalidExpression(
            f"{value!r} is neither an expression nor a value that a column can hold"
            f" ({type(value).__name__}: {error})."
        ) from None


def _exprs(items: Iterable[Any]) -> Iterable[Expr]:
    for item in items:
        if isinstance(item, list | tuple):
            yield from _exprs(item)
        elif isinstance(item, str | Expr | WindowMethods):
            yield expr_of(item, names=True)
        else:
            raise InvalidExpression(f"over wants names of columns or expressions, found {item!r}.")


def window_call(entry: WindowFunction, given: Given, receiver: tuple[Expr, ...]) -> WindowCall:
    """Return a call of a window function with what its method was given."""
    further = tuple(expr_of(value) for _, value in given.arguments if value is not None)
    entry.check(dict(given.settings))
    return WindowCall(entry.name, (*receiver, *further), given.settings)


def _install() -> None:
    for entry in WINDOWS.values():
        if entry.name == "row_index":
            continue

        def build(self: WindowMethods, given: Given, entry: WindowFunction = entry) -> Any:
            return self._made(window_call(entry, given, (self.node,)))

        for name in (entry.name, *entry.also):
            setattr(WindowMethods, name, method_of(entry, build, name, "Expression"))


_install()

"""Methods of an expression that aggregate it, or say which rows an aggregate is of.

They are put into `Expression` here: those of the table ``AGGREGATES``, and those that build `Rows`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..errors import InvalidExpression
from ..expr.aggregates import AGGREGATES
from ..expr.conjunctions import conjunction
from ..expr.node import Call, Column, SortKey
from .chosen_rows import aggregate_of, filtered, in_order, lifted
from .expression import Expression, to_expr
from .flags import one_each
from .methods import Given, method_of
from .options import checked_calls


def _has_nulls(self: Expression) -> Expression:
    """Return whether any value is null.

    Examples
    --------
    >>> import partita as pt
    >>> pt.from_pydict({"a": [1, None]}).select(pt.col("a").has_nulls()).to_pydict()
    {'a': [True]}
    """
    return Expression(aggregate_of("null_count", self.node)) > 0


def _filter(self: Expression, *predicates: Any, **equals: Any) -> Expression:
    """Return it over the rows for which every predicate is true, for an aggregate to take.

    A group where no row passes is there all the same: a sum of it is 0, a mean null. Behind
    an aggregate it means the same: ``pt.len().filter(...)``.

    >>> import partita as pt
    >>> pt.col("v").filter(pt.col("k") > 1).sum()
    sum(v, where=k > 1)
    """
    given = [to_expr(each, names=True) for each in predicates]
    given += [Call("eq", (Column(name), to_expr(value))) for name, value in equals.items()]
    condition = conjunction(tuple(given))
    if condition is None:
        raise InvalidExpression("filter wants a condition, as in .filter(pt.col('k') > 1).")
    return Expression(filtered(self.node, condition))


def _sort_by(
    self: Expression,
    by: Any,
    *more_by: Any,
    descending: bool | Sequence[bool] = False,
    nulls_last: bool | Sequence[bool] = False,
) -> Expression:
    """Return it over its rows in an order, for ``first``, ``last``, ``implode`` and the like.

    >>> import partita as pt
    >>> pt.col("v").sort_by("t", descending=True).first()
    first(v, order_by=t desc)
    """
    keys = [*by, *more_by] if isinstance(by, list | tuple) else [by, *more_by]
    exprs = [to_expr(key, names=True) for key in keys]
    down = one_each(descending, len(exprs), "sort_by: descending")
    last = one_each(nulls_last, len(exprs), "sort_by: nulls_last")
    order = tuple(map(SortKey, exprs, down, last))
    return Expression(in_order(self.node, order))


def _sort(self: Expression, *, descending: bool = False, nulls_last: bool = False) -> Expression:
    """Return it in the order of its values, for ``implode``, ``head`` and the like.

    >>> import partita as pt
    >>> pt.col("v").sort().implode()
    implode(v, order_by=v)
    """
    return Expression(
        in_order(self.node, (SortKey(lifted(self.node).input, descending, nulls_last),))
    )


def _install_rows() -> None:
    for method in (_has_nulls, _filter, _sort_by, _sort):
        name = method.__name__.removeprefix("_")
        method.__name__, method.__qualname__ = name, f"Expression.{name}"
        setattr(Expression, name, method)


def _install_aggregates() -> None:
    for aggregate in AGGREGATES.values():
        if hasattr(Expression, aggregate.name) or not aggregate.method:
            continue

        def build(self: Expression, given: Given, name: str = aggregate.name) -> Expression:
            others = tuple(to_expr(each, names=True) for _, each in given.arguments)
            return Expression(aggregate_of(name, self.node, others, given.settings))

        method = method_of(aggregate, build, aggregate.name, "Expression")
        setattr(Expression, aggregate.name, method)


_install_rows()
_install_aggregates()
checked_calls(Expression)

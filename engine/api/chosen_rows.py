"""Which rows an aggregate is of, and their order: ``col("v").filter(...).sort_by("t").first()``.

A method such as ``filter`` wraps a value into `Rows`; the aggregate that is made of it takes the
filter and the order over. What lies between, such as ``col("v").filter(...) * 2``, is computed of
the value itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from ..errors import InvalidExpression
from ..expr.aggregates import AGGREGATES
from ..expr.conjunctions import conjunction
from ..expr.node import Agg, Alias, Call, Column, Expr, Rows, SortKey, Wildcard, Window, output_name
from ..expr.text import text_of

_LISTS = frozenset({"implode", "head", "tail", "unique", "top_k", "bottom_k", "mode"})
"""Aggregates that give a list as it is."""


def filtered(node: Expr, predicate: Expr) -> Expr:
    """Return `node` over the rows for which `predicate` is true; an aggregate is of these rows."""
    if isinstance(node, Alias):
        return Alias(filtered(node.input, predicate), node.name)
    if isinstance(node, Agg):
        return _with_rows(node, _both(node.where, predicate))
    plain = lifted(node)
    return Rows(plain.input, _both(plain.where, predicate), plain.order_by)


def in_order(node: Expr, keys: tuple[SortKey, ...]) -> Expr:
    """Return `node` over its rows in an order; rows that are equal in it keep that of before."""
    if isinstance(node, Agg):
        raise InvalidExpression(
            f"{text_of(node)} is one value of a group and has no order. Sort before the aggregate,"
            " as in col('v').sort_by('t').first(), or the list with .list.sort()."
        )
    plain = lifted(node)
    own = []
    for key in keys:
        by = lifted(key.expr)
        # As in Polars a key may be filtered like the value; by itself it is of the same rows.
        if by.where not in (None, plain.where) or by.order_by:
            raise _different_rows(f"{text_of(node)}.sort_by({text_of(key.expr)})")
        own.append(replace(key, expr=by.input))
    return Rows(plain.input, plain.where, (*own, *plain.order_by))


def aggregate_of(
    name: str, node: Expr, others: Sequence[Expr] = (), settings: tuple[tuple[str, Any], ...] = ()
) -> Expr:
    """Return the aggregate `name` of `node`, of the rows that it is over.

    Raises
    ------
    InvalidExpression
        If several columns are over different rows, or the aggregate takes no order.
    """
    if isinstance(node, Agg) and name == "implode" and node.name in _LISTS:
        return node
    first, *rest = (lifted(each) for each in (node, *others))
    if any(other.where != first.where for other in rest):
        raise _different_rows(name)
    where, options = first.where, dict(settings)
    if options.pop("ignore_nulls", False):
        where = _both(where, Call("is_not_null", (first.input,)))
    entry = AGGREGATES[name]
    order_by = first.order_by if entry.sortable else ()
    if entry.sees_order and first.order_by and not entry.sortable:
        raise InvalidExpression(
            f"{name} goes by the order of the rows and takes no other:"
            f" {text_of(node)}.{name}(). Sort the frame before, with df.sort(...)."
        )
    return Agg(
        name,
        first.input,
        tuple(sorted(options.items())),
        where,
        order_by,
        tuple(other.input for other in rest),
    )


def number_of(node: Expr) -> Expr:
    """Return the number of rows that `node` is over, under its name."""
    name = output_name(node)
    if isinstance(node, Agg) and node.name == "unique":
        counted = Agg("n_unique", node.input, (), node.where)
    else:
        counted = Agg("len", None, (), None if isinstance(node, Agg) else lifted(node).where)
    return Alias(counted, name)


def lifted(node: Expr) -> Rows:
    """Return `node` with the rows it is over on the outside.

    Raises
    ------
    InvalidExpression
        If it is put together from values over different rows.
    """
    if not any(isinstance(below, Rows) for below in node.walk()):
        return Rows(node)
    found: list[Rows] = []
    plain = _stripped(node, found)
    if any((each.where, each.order_by) != (found[0].where, found[0].order_by) for each in found):
        raise _different_rows(text_of(node))
    return Rows(plain, found[0].where, found[0].order_by)


def _stripped(node: Expr, found: list[Rows]) -> Expr:
    """Return `node` over all rows; what its columns were over is put into `found`."""
    if isinstance(node, Rows):
        found.append(node)
        return node.input
    if isinstance(node, Column | Wildcard):
        found.append(Rows(node))
        return node
    if isinstance(node, Agg | Window):
        return node
    return node.with_children(tuple(_stripped(child, found) for child in node.children))


def _with_rows(agg: Agg, where: Expr | None) -> Agg:
    return Agg(agg.name, agg.input, agg.options, where, agg.order_by, agg.others)


def _both(before: Expr | None, predicate: Expr) -> Expr:
    both = conjunction((predicate,) if before is None else (before, predicate))
    assert both is not None
    return both


def _different_rows(what: str) -> InvalidExpression:
    return InvalidExpression(
        f"{what} brings values of different rows together. Give both the same filter and order, or"
        " aggregate each by itself."
    )

"""What ``agg`` is called with: names of aggregates, wildcards, and what is often mistaken for both.

What is made of it is the business of ``groupby.py``.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

import pyarrow as pa

from ..errors import InvalidExpression, did_you_mean, listed
from ..expr.aggregates import AGGREGATES
from ..expr.function import REQUIRED
from ..expr.node import Agg, Call, Expr, Wildcard, is_pattern
from ..schema import has_column
from .expression import Expression

BY_NAME: Mapping[str, str] = {
    **{
        name: name
        for name, entry in AGGREGATES.items()
        if name != "len" and all(each.default is not REQUIRED for each in entry.parameters)
    },
    # What pandas calls them.
    "nunique": "n_unique",
    "prod": "product",
    "kurt": "kurtosis",
    # What SQL calls it.
    "avg": "mean",
}
"""What a string names in ``agg("sum")`` and ``agg({"v": "sum"})`` -> the aggregate."""

_NO_OPTIONS: Mapping[str, str] = {
    **dict.fromkeys(
        ("split_out", "split_every", "shuffle_method"),
        "leave it out: the number of partitions follows from the sizes",
    ),
    **dict.fromkeys(("engine", "engine_kwargs"), "leave it out"),
    "numeric_only": "choose the columns, as in .group_by('k')[['v', 'w']].agg('sum')",
    "axis": "rows are aggregated, always",
}
"""Options of agg in other libraries, which would else be taken for a column of that name."""


def aggregate_named(name: Any) -> str:
    """Return the aggregate that a user calls `name`.

    Raises
    ------
    InvalidExpression
        If there is none.
    """
    if isinstance(name, str) and name in BY_NAME:
        return BY_NAME[name]
    if callable(name):
        called = getattr(name, "__name__", "")
        meant = f" Write {called!r}." if called in BY_NAME else ""
        raise InvalidExpression(
            f"agg: a function of Python cannot aggregate, found {called or name!r}.{meant} A string"
            f" names one of {listed(BY_NAME)}; else give an expression such as"
            " pt.col('v').max() - pt.col('v').min(), or the whole groups to"
            " .map_groups(function, schema)."
        )
    raise InvalidExpression(
        f"agg: there is no aggregate {name!r}.{did_you_mean(str(name), BY_NAME)} A string names"
        f" one of {listed(BY_NAME)}; else give an expression such as pt.col('v').sum()."
    )


def checked_name(name: Any) -> str:
    """Return `name` as it was given, if it names an aggregate; raise `InvalidExpression` else."""
    aggregate_named(name)
    return str(name)


def called_aggregate(called: str, column: Expr, settings: tuple[tuple[str, Any], ...] = ()) -> Agg:
    """Return the aggregate of a column that a name stands for; pandas' ``nunique`` skips nulls.

    Examples
    --------
    >>> from partita.engine.expr.node import Column
    >>> called_aggregate("nunique", Column("v")).where
    Call(name='is_not_null', args=(Column(name='v'),), options=())
    """
    where = Call("is_not_null", (column,)) if called == "nunique" else None
    return Agg(BY_NAME.get(called, called), column, settings, where)


def check_no_column(text: str, schema: pa.Schema) -> None:
    """Raise `InvalidExpression` for the name of a column where an aggregate has to be named."""
    if has_column(schema, text) and text not in BY_NAME:
        raise InvalidExpression(
            f"agg: {text!r} is a column, and agg() makes one value of a group. Choose how, as in"
            f" pt.col({text!r}).sum() or {{{text!r}: 'sum'}}."
        )


def check_named(name: str, value: Any, schema: pa.Schema) -> None:
    """Raise `InvalidExpression` for ``agg(v="sum")`` and for options of other libraries."""
    if isinstance(value, str) and value in BY_NAME and not has_column(schema, value):
        column = name if has_column(schema, name) else "v"
        raise InvalidExpression(
            f"agg({name}={value!r}) does not say of which column. Write"
            f" {name}=({column!r}, {value!r}), or {name}=pt.col({column!r}).{BY_NAME[value]}()."
        )
    if name in _NO_OPTIONS and not isinstance(value, Expression):
        raise InvalidExpression(f"agg has no option {name!r}: {_NO_OPTIONS[name]}.")


def apart_from(given: Expr, names: Collection[str]) -> Expr:
    """Return an expression whose wildcards do not stand for `names`; those it names stay.

    In a group-by ``pt.all()`` means all columns but the keys, as in Polars.

    Examples
    --------
    >>> apart_from(Wildcard(), {"k"})
    Wildcard(excluded=('k',), names=())
    """

    def apart(node: Expr) -> Expr:
        if not isinstance(node, Wildcard) or _names_columns(node):
            return node
        return replace(node, excluded=(*node.excluded, *sorted(names)))

    return given.transform(apart)


def _names_columns(node: Wildcard) -> bool:
    """Whether a wildcard names its columns one by one, as in ``pt.col("a", "b")``."""
    plain = [isinstance(each, str) and not is_pattern(each) for each in node.names]
    return bool(plain) and all(plain)

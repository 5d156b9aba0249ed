"""Selections that stand for several columns, made one by one as soon as a schema is known."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from ..errors import InvalidExpression
from ..schema import field_index
from .node import Column, Expr, Wildcard, output_name
from .renaming import with_aliases


def expand(exprs: Sequence[Expr], schema: pa.Schema) -> tuple[tuple[str, Expr], ...]:
    """Return each expression with the name of the column it makes, wildcards for each column.

    A wildcard inside an expression (``pt.all().sum()``) makes one expression for each column.

    Raises
    ------
    ColumnNotFound
        If a column to exclude does not exist.
    InvalidExpression
        If an expression has two different wildcards.

    Examples
    --------
    >>> schema = pa.schema([("a", pa.int64()), ("b", pa.string())])
    >>> [name for name, _ in expand([Wildcard(excluded=("a",)), Column("a")], schema)]
    ['b', 'a']
    """
    singles = [with_aliases(single) for expr in exprs for single in _expanded(expr, schema)]
    return tuple((output_name(single), single) for single in singles)


def _expanded(expr: Expr, schema: pa.Schema) -> list[Expr]:
    wildcards = {node for node in expr.walk() if isinstance(node, Wildcard)}
    if not wildcards:
        return [expr]
    if len(wildcards) > 1:
        raise InvalidExpression(
            "An expression with two different selections of columns does not say which belong"
            " together. Write one expression for each column."
        )
    (wildcard,) = wildcards
    return [
        expr.transform(lambda node, name=name: Column(name) if node == wildcard else node)  # type: ignore[misc]
        for name in selected_names(wildcard, schema)
    ]


def selected_names(wildcard: Wildcard, schema: pa.Schema) -> list[str]:
    """Return the names of the columns that a wildcard stands for, in the order of `schema`."""
    if wildcard.names:
        return list(wildcard.names)
    for name in wildcard.excluded:
        field_index(schema, name, "exclude")
    return [name for name in schema.names if name not in wildcard.excluded]

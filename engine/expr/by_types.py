"""What follows from an expression and the types of its columns is worked out once.

A plan asks for the type of one expression when it is built, and rules ask again, over schemas that
have the same columns: every node below a filter or a sort has the very same schema.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TypeVar

import pyarrow as pa

from ..schema import field_index
from .node import Expr, columns_of

T = TypeVar("T")


def types_read(expr: Expr, schema: pa.Schema) -> dict[str, pa.DataType]:
    """Return the types of the columns that `expr` reads, by name, always in the same order.

    Raises
    ------
    ColumnNotFound
        If one is not in `schema`.
    """
    names: list[str] | None = expr.kept.get("names")
    if names is None:
        names = expr.kept["names"] = sorted(columns_of(expr))
    return {name: schema.field(field_index(schema, name)).type for name in names}


def by_types(function: Callable[[Expr, pa.Schema], T]) -> Callable[[Expr, pa.Schema], T]:
    """Keep what `function` gives, which depends on an expression and its columns' types alone.

    Only the last types are remembered: an expression is seldom asked about others.
    """
    key = f"{function.__module__}.{function.__qualname__}"

    @functools.wraps(function)
    def asked(expr: Expr, schema: pa.Schema) -> T:
        found: tuple[pa.Schema, dict[str, pa.DataType], T] | None = expr.kept.get(key)
        if found is not None and found[0] is schema:
            return found[2]
        types = types_read(expr, schema)
        if found is None or found[1] != types:
            found = schema, types, function(expr, schema)
            expr.kept[key] = found
        return found[2]

    return asked

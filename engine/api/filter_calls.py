"""What `filter` is often called with by mistake: text, options of pandas, comparisons with None."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pyarrow as pa

from ..errors import ColumnNotFound, InvalidExpression, column_not_found
from ..expr.node import Call, Column, Expr, Literal
from ..expr.text import text_of
from ..schema import has_column
from .columns import flatten

_OF_COLUMNS: Mapping[str, str] = {
    "items": ".select('a', 'b')",
    "like": ".select(pt.col('^.*text.*$'))",
    "regex": ".select(pt.col('^a.*$'))",
}
"""Options of pandas' filter, which chooses columns, and what to write here."""


def check_predicates(
    predicates: Iterable[Any], equals: Mapping[str, Any], schema: pa.Schema
) -> None:
    """Raise for a condition that is written as text, and for pandas' choice of columns."""
    for each in flatten(predicates):
        if isinstance(each, str) and set(each) & set(" <>=!") and not has_column(schema, each):
            raise ColumnNotFound(
                f"{column_not_found(each, schema.names, 'filter')} A condition that is written as"
                f" text goes into .query({each!r})."
            )
    for name, value in equals.items():
        if name in _OF_COLUMNS and not has_column(schema, name):
            raise InvalidExpression(
                f"filter({name}={value!r}): there is no column {name!r}, and rows are filtered. For"
                f" columns write {_OF_COLUMNS[name]}."
            )


def check_against_null(predicate: Expr) -> None:
    """Raise for ``col("a") == None``, which is null in every row and so keeps none."""
    if not isinstance(predicate, Call) or predicate.name not in ("eq", "ne"):
        return
    bare = [isinstance(arg, Literal) and not arg.typed for arg in predicate.args]
    for arg, is_bare in zip(predicate.args, bare, strict=True):
        if is_bare and isinstance(arg, Literal) and not arg.value.is_valid:
            column = next((each.name for each in predicate.args if isinstance(each, Column)), "a")
            method = "is_null" if predicate.name == "eq" else "is_not_null"
            raise InvalidExpression(
                f"filter({text_of(predicate)}) would keep no row, as null is equal to nothing and"
                f" unequal to nothing. Use .filter(pt.col({column!r}).{method}())."
            )

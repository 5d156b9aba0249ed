"""What users name columns by, turned into named expressions over one schema.

Names are checked here and now, so that a mistyped one fails on the line it is typed on.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeAlias

import pyarrow as pa

from .. import schema as schemas
from ..errors import ColumnNotFound, InvalidExpression, SchemaError, column_not_found
from ..expr.datatype import data_type
from ..expr.expand import expand
from ..expr.node import (
    Call,
    Column,
    Expr,
    When,
    has_aggregate,
    has_window,
    output_name,
    unaliased,
)
from ..plan.nodes import Named, show
from .expression import Expression, to_expr

IntoExpr: TypeAlias = "Expression | str | int | float | bool | Any"
"""An expression, a column's name, or a plain value."""


def flatten(items: Iterable[Any]) -> Iterator[Any]:
    """Yield items, and those of lists, tuples and other iterables among them."""
    for item in items:
        if isinstance(item, Iterable) and not isinstance(item, str | bytes | Expression | Mapping):
            yield from item
        else:
            yield item


def expression_of(value: IntoExpr) -> Expr:
    """Return the node of what a user gave: a string is the name of a column, or a pattern."""
    return to_expr(value, names=True)


def check_names(expr: Expr, schema: pa.Schema, where: str) -> None:
    """Raise `ColumnNotFound` when `expr` reads a column that `schema` does not have."""
    for node in expr.walk():
        if isinstance(node, When):
            _check_choices(node, schema, where)
        if isinstance(node, Call) and node.name == "is_between":
            _check_limits(node, schema, where)
        if isinstance(node, Column):
            schemas.field_index(schema, node.name, where)


def _check_limits(between: Call, schema: pa.Schema, where: str) -> None:
    """Raise for a limit that is text and no column: a date that is written as text, mostly."""
    for limit in between.args[1:]:
        if isinstance(limit, Column) and not schemas.has_column(schema, limit.name):
            raise ColumnNotFound(
                f"{column_not_found(limit.name, schema.names, where)} In is_between a string is the"
                f" name of a column: write a date as datetime.date(2024, 1, 31), text as"
                f" pt.lit({limit.name!r})."
            )


def _check_choices(choice: When, schema: pa.Schema, where: str) -> None:
    """Raise for a value of a choice that is text and no column: text is most likely meant."""
    for value in (*choice.values, choice.otherwise):
        if isinstance(value, Column) and not schemas.has_column(schema, value.name):
            raise ColumnNotFound(
                f"{column_not_found(value.name, schema.names, where)} In then and otherwise a"
                f" string is the name of a column; for the text itself write"
                f" pt.lit({value.name!r})."
            )


MOST_LEVELS = 200
"""Expressions are walked recursively, here and in the workers; Python's stack bounds the depth."""


def check_depth(expr: Expr, where: str) -> None:
    """Raise `InvalidExpression` when `expr` is nested too deeply to be worked with."""
    level, depth = [expr], 0
    while level:
        depth += 1
        if depth > MOST_LEVELS:
            raise InvalidExpression(
                f"An expression in {where} is nested more than {MOST_LEVELS} levels deep. For one"
                " of many values use .is_in([...]); else compute a part of it as a column with"
                " .with_columns(...) first."
            )
        level = [child for node in level for child in node.children]


def expressions(items: Iterable[IntoExpr], schema: pa.Schema, where: str) -> tuple[Expr, ...]:
    """Return the expressions of positional arguments, expanded and their names checked."""
    found = []
    for item in flatten(items):
        given = expression_of(item)
        check_depth(given, where)
        for _, expr in expand([given], schema):
            check_names(expr, schema, where)
            found.append(expr)
    return tuple(found)


def named_expressions(
    items: Iterable[IntoExpr], named: Mapping[str, IntoExpr], schema: pa.Schema, where: str
) -> tuple[Named, ...]:
    """Return (name, expression) of positional arguments and then of keyword arguments."""
    pairs = [(output_name(expr), unaliased(expr)) for expr in expressions(items, schema, where)]
    for name, value in named.items():
        if isinstance(value, str) and not schemas.has_column(schema, value):
            raise ColumnNotFound(
                f"{column_not_found(value, schema.names, where)} For the text itself write"
                f" {name}=pt.lit({value!r})."
            )
        found = expressions([value], schema, where)
        if len(found) != 1:
            raise InvalidExpression(
                f"{where}({name}=...) is one column, and {show(expression_of(value))} stands for"
                f" {len(found)}. Give it without a name, or one column."
            )
        pairs.append((name, unaliased(found[0])))
    return tuple(pairs)


def row_wise(exprs: Iterable[Expr], where: str) -> tuple[Expr, ...]:
    """Return `exprs`, or raise when one of them is made of several rows."""
    exprs = tuple(exprs)
    for expr in exprs:
        if has_aggregate(expr) or has_window(expr):
            raise InvalidExpression(
                f"{where} works row by row, and {show(expr)} is made of several rows. Compute it as"
                " a column with .with_columns(...) first."
            )
    return exprs


def names(items: Iterable[Any], schema: pa.Schema, where: str) -> tuple[str, ...]:
    """Return the columns that `items` name: strings, or expressions that are plain columns."""
    found = []
    for expr in expressions(items, schema, where):
        if not isinstance(expr, Column):
            raise SchemaError(
                f"{where} wants names of columns, found {show(expr)}. Compute the column with"
                " .with_columns(...) first."
            )
        found.append(expr.name)
    return tuple(found)


def identity(schema: pa.Schema) -> tuple[Named, ...]:
    """Return every column of `schema` as itself."""
    return tuple((name, Column(name)) for name in schema.names)


def fields_of(schema: Any, where: str) -> pa.Schema:
    """Return an Arrow schema of what a user gave for one: a schema or a mapping to types."""
    if isinstance(schema, pa.Schema):
        return schema
    if isinstance(schema, Mapping):
        return pa.schema([(name, data_type(dtype)) for name, dtype in schema.items()])
    raise SchemaError(
        f"{where}: schema= is a pyarrow.Schema or a mapping of names to types,"
        f" found {type(schema).__name__}."
    )

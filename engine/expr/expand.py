"""Selections that stand for several columns, made one by one as soon as a schema is known."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import pyarrow as pa

from ..errors import InvalidExpression
from ..schema import field_index
from .functions import FUNCTIONS
from .node import Call, Column, Expr, Wildcard, has_wildcard, is_pattern, output_name
from .renaming import with_aliases


def expand(exprs: Sequence[Expr], schema: pa.Schema) -> tuple[tuple[str, Expr], ...]:
    """Return each expression with the name of the column it makes, wildcards for each column.

    A wildcard inside an expression (``pt.all().sum()``) makes one expression for each column; in a
    function of any number of values (``pt.sum_horizontal(pt.all())``) one value for each.

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
    >>> [name for name, _ in expand([Wildcard(names=("^[bc]$", pa.int64()))], schema)]
    ['b', 'a']
    """
    singles = [with_aliases(single) for expr in exprs for single in _expanded(expr, schema)]
    return tuple((output_name(single), single) for single in singles)


def _expanded(expr: Expr, schema: pa.Schema) -> list[Expr]:
    if has_wildcard(expr):
        expr = expr.transform(lambda node: _with_values(node, schema))
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


def _with_values(node: Expr, schema: pa.Schema) -> Expr:
    """Return a call of a function of any number of values with one for each column."""
    if not isinstance(node, Call) or not _takes_any_number(node.name):
        return node
    args = [_expanded(arg, schema) for arg in node.args]
    options = node.options
    if node.name == "struct":
        names = [
            [name] if each == [arg] else [*map(output_name, each)]
            for name, arg, each in zip(dict(options)["names"], node.args, args, strict=True)
        ]
        options = (("names", _field_names(names)),)
    return replace(node, args=tuple(arg for each in args for arg in each), options=options)


def _takes_any_number(name: str) -> bool:
    function = FUNCTIONS.get(name)
    return name == "struct" or (
        function is not None and any(each.variadic for each in function.parameters)
    )


def _field_names(names: Sequence[Sequence[str]]) -> tuple[str, ...]:
    made = [name for each in names for name in each]
    twice = [name for name, count in Counter(made).items() if count > 1]
    if twice:
        raise InvalidExpression(
            f"A struct has each field once, but {twice[0]!r} is there twice. Name one anew with"
            " .alias(), or leave it out with pt.exclude()."
        )
    return tuple(made)


def selected_names(wildcard: Wildcard, schema: pa.Schema) -> list[str]:
    """Return the names of the columns that a wildcard stands for, in the order of `schema`."""
    chosen = schema.names if not wildcard.names else _chosen(wildcard.names, schema)
    if not wildcard.excluded:
        return list(chosen)
    if not wildcard.names:
        for name in wildcard.excluded:
            if isinstance(name, str) and not is_pattern(name):
                field_index(schema, name, "exclude")
    gone = set(_chosen(wildcard.excluded, schema))
    return [name for name in chosen if name not in gone]


def _chosen(wanted: Sequence[str | pa.DataType], schema: pa.Schema) -> list[str]:
    """Return the columns of `schema` that names, patterns and types stand for.

    Names come as they are written, also those that `schema` lacks: who uses them says so. What a
    pattern or a type stands for comes in the order of `schema`.
    """
    if all(isinstance(each, str) and not is_pattern(each) for each in wanted):
        return [str(each) for each in wanted]
    found: dict[str, None] = {}
    types = [each for each in wanted if isinstance(each, pa.DataType)]
    for each in wanted:
        if isinstance(each, pa.DataType):
            names = [field.name for field in schema if field.type in types]
        elif is_pattern(each):
            matches = _compiled(each)
            names = [name for name in schema.names if matches.search(name)]
        else:
            names = [each]
        found.update(dict.fromkeys(names))
    return list(found)


def _compiled(pattern: str) -> re.Pattern[str]:
    try:
        return re.compile(pattern)
    except re.error as error:
        raise InvalidExpression(
            f"{pattern!r} begins with ^ and ends with $, so it is a regular expression, but not a"
            f" valid one: {error}."
        ) from None

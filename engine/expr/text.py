"""Expressions as a user would write them: ``(amount > 100) & region.str.starts_with("N")``."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import singledispatch
from typing import Any

import pyarrow as pa

from .aggregate import Aggregate
from .aggregates import AGGREGATES
from .function import REQUIRED, Function
from .functions import FUNCTIONS
from .node import (
    Agg,
    Alias,
    Call,
    Cast,
    Column,
    Expr,
    Literal,
    Rows,
    SortKey,
    When,
    Wildcard,
    Window,
    WindowCall,
)
from .python_call import PythonCall

_TIGHTNESS = (
    (4, "eq ne lt le gt ge"),
    (5, "or"),
    (6, "xor"),
    (7, "and"),
    (11, "add subtract"),
    (12, "multiply divide floor_divide modulo"),
    (13, "negate not"),
    (14, "power"),
)
"""Python's own order of its operators."""
_PRECEDENCE = {name: level for level, names in _TIGHTNESS for name in names.split()}
_ATOM = 20
_LONGEST_LIST = 5


@singledispatch
def text_of(expr: Expr) -> str:
    """Return `expr` as a user would write it in a plan, columns by their bare names.

    Examples
    --------
    >>> from .node import literal
    >>> large = Call("gt", (Column("amount"), literal(100)))
    >>> print(text_of(Call("and", (large, Call("is_null", (Column("region"),))))))
    (amount > 100) & region.is_null()
    """
    raise TypeError(f"{expr!r} is not an expression")


@text_of.register
def _column(expr: Column) -> str:
    return expr.name if expr.name.isidentifier() else f"col({json.dumps(expr.name)})"


@text_of.register
def _literal(expr: Literal) -> str:
    return scalar_text(expr.value)


@text_of.register
def _cast(expr: Cast) -> str:
    strict = "" if expr.strict else ", strict=False"
    return f"{_receiver(expr.input)}.cast({expr.dtype}{strict})"


@text_of.register
def _alias(expr: Alias) -> str:
    return f"{_receiver(expr.input)}.alias({json.dumps(expr.name)})"


@text_of.register
def _when(expr: When) -> str:
    branches = [
        f"when({text_of(condition)}).then({text_of(value)})"
        for condition, value in zip(expr.conditions, expr.values, strict=True)
    ]
    return f"{'.'.join(branches)}.otherwise({text_of(expr.otherwise)})"


@text_of.register
def _agg(expr: Agg) -> str:
    options = _settings(expr, AGGREGATES.get(expr.name))
    inner = [text_of(each) for each in expr.inputs]
    if expr.where is not None:
        options.append(f"where={text_of(expr.where)}")
    if expr.order_by:
        options.append(f"order_by={_order(expr.order_by)}")
    return f"{expr.name}({', '.join(inner + options)})"


@text_of.register
def _rows(expr: Rows) -> str:
    shown = _receiver(expr.input)
    if expr.where is not None:
        shown += f".filter({text_of(expr.where)})"
    return f"{shown}.sort_by({_order(expr.order_by)})" if expr.order_by else shown


@text_of.register
def _window_call(expr: WindowCall) -> str:
    options = [f"{name}={_plain(value)}" for name, value in expr.options]
    given = [text_of(arg) for arg in expr.args[1:]] + options
    return f"{_receiver(expr.args[0])}.{expr.name}({', '.join(given)})"


@text_of.register
def _window(expr: Window) -> str:
    keys = [text_of(key) for key in expr.keys]
    if expr.order_by:
        keys.append(f"order_by={_order(expr.order_by)}")
    return f"{_receiver(expr.function)}.over({', '.join(keys)})"


def _order(order_by: tuple[SortKey, ...]) -> str:
    return ", ".join(
        text_of(key.expr)
        + (" desc" if key.descending else "")
        + (" nulls last" if key.nulls_last else "")
        for key in order_by
    )


@text_of.register
def _python_call(expr: PythonCall) -> str:
    bare = expr.name.rpartition(".")[2]
    return f"{bare}({', '.join(text_of(arg) for arg in expr.args)})"


@text_of.register
def _wildcard(expr: Wildcard) -> str:
    if not expr.names:
        return f"exclude({_chosen(expr.excluded)})" if expr.excluded else "all()"
    without = f".exclude({_chosen(expr.excluded)})" if expr.excluded else ""
    return f"col({_chosen(expr.names)}){without}"


def _chosen(wanted: Sequence[str | pa.DataType]) -> str:
    """Return names and types of columns as a user would write them."""
    return ", ".join(json.dumps(each) if isinstance(each, str) else str(each) for each in wanted)


@text_of.register
def _call(expr: Call) -> str:
    function = FUNCTIONS.get(expr.name)
    symbol = "" if function is None else function.symbol
    if symbol and len(expr.args) == 2:
        left, right = expr.args
        # Of equals, the left one needs no brackets: a - b - c; and of ** the right one.
        ties = (0, 1) if expr.name != "power" else (1, 0)
        return (
            f"{_operand(left, expr.name, ties[0])} {symbol} {_operand(right, expr.name, ties[1])}"
        )
    if symbol and len(expr.args) == 1:
        return f"{symbol}{_operand(expr.args[0], expr.name, 0)}"
    if function is not None and not function.method:
        given = [text_of(arg) for arg in expr.args] + _settings(expr, function)
        return f"{expr.name}({', '.join(given)})"
    given = [text_of(arg) for arg in expr.args[1:]] + _settings(expr, function)
    return f"{_receiver(expr.args[0])}.{expr.name}({', '.join(given)})"


def _settings(expr: Call | Agg, function: Function | Aggregate | None) -> list[str]:
    """Return the settings of a call, in the order of the method's parameters, without defaults."""
    options = dict(expr.options)
    shown = []
    by_name = False
    for parameter in () if function is None else function.parameters:
        if parameter.name not in options:
            continue
        value = options.pop(parameter.name)
        if parameter.default is not REQUIRED and parameter.default == value:
            by_name = True
            continue
        optional = isinstance(expr, Agg) and parameter.default is not REQUIRED
        named = by_name or parameter.keyword_only or optional
        shown.append(f"{parameter.name}={_plain(value)}" if named else _plain(value))
    return shown + [f"{name}={_plain(value)}" for name, value in options.items()]


def _receiver(expr: Expr) -> str:
    """Return the text of what a method is called on."""
    shown = text_of(expr)
    if isinstance(expr, Literal):
        return f"lit({shown})"
    return f"({shown})" if _binds(expr) < _ATOM else shown


def _operand(expr: Expr, parent: str, ties: int) -> str:
    shown = text_of(expr)
    mine, outer = _binds(expr), _PRECEDENCE.get(parent, 0)
    # Python's & binds tighter than its comparisons, which surprises: always show the brackets.
    needs = mine < outer or (mine == outer and (ties or mine == _PRECEDENCE["eq"]))
    return f"({shown})" if needs else shown


def _binds(expr: Expr) -> int:
    function = FUNCTIONS.get(expr.name) if isinstance(expr, Call) else None
    if function is not None and function.symbol:
        return _PRECEDENCE.get(function.name, 0)
    return _ATOM


def _plain(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)


def scalar_text(value: pa.Scalar) -> str:
    """Return an Arrow scalar as a reader wants it: text quoted, dates and times as ISO 8601.

    >>> scalar_text(pa.scalar("a"))
    '"a"'
    """
    if not value.is_valid:
        return "null"
    if pa.types.is_list(value.type) or pa.types.is_large_list(value.type):
        items = [scalar_text(item) for item in value.values[:_LONGEST_LIST]]
        if len(value.values) > _LONGEST_LIST:
            items.append(f"... ({len(value.values)} in all)")
        return f"[{', '.join(items)}]"
    if pa.types.is_temporal(value.type):
        # Nanoseconds do not pass through Python's datetime; Arrow's own text has them.
        return str(value.cast(pa.string()))
    plain = value.as_py()
    if isinstance(plain, str):
        return json.dumps(plain, ensure_ascii=False)
    return str(plain) if not isinstance(plain, bytes) else repr(plain)

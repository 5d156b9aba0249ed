"""What the rules ask about an expression before they move it.

The optimizer may spare an error, by not computing what nobody needs; it must never bring one about
by computing an expression over rows it was not written for. So what may raise stays where it is.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable

import pyarrow as pa

from ..expr.by_types import by_types
from ..expr.evaluate import dtype_of
from ..expr.node import Alias, Call, Cast, Column, Expr, Literal, When, columns_of, unaliased
from ..schema import promote

COMPARISONS = frozenset({"eq", "ne", "lt", "le", "gt", "ge", "eq_missing"})

LOGIC = frozenset({"and", "or", "xor", "not"})

NULL_TESTS = frozenset(
    {"is_null", "is_not_null", "is_nan", "is_not_nan", "is_finite", "is_infinite"}
)

TOTAL = frozenset(
    {
        *(*COMPARISONS, *LOGIC, *NULL_TESTS),
        *("is_in", "is_between", "fill_null", "fill_nan", "coalesce"),
        *(
            "str.starts_with",
            "str.ends_with",
            "str.contains",
            "str.find",
            "str.len_chars",
            "str.len_bytes",
        ),
        *(
            "str.to_lowercase",
            "str.to_uppercase",
            "str.strip_chars",
            "str.slice",
            "str.head",
            "str.tail",
        ),
        *("dt.year", "dt.quarter", "dt.month", "dt.week", "dt.day", "dt.weekday", "dt.ordinal_day"),
        *("dt.hour", "dt.minute", "dt.second", "dt.date"),
    }
)
"""Functions that have a value for every argument of a type they take."""

FLOAT_TOTAL = frozenset({"add", "subtract", "multiply", "divide", "negate", "abs"})
"""Functions that have a value for every floating-point argument (infinity, NaN), if not for every
integer or decimal."""

CHEAP_CALLS = (
    COMPARISONS | LOGIC | NULL_TESTS | FLOAT_TOTAL | {"is_between", "fill_null", "coalesce"}
)

MOST_CHEAP_CALLS = 3
"""So many cheap calls cost less than what is gained by filtering before them."""


def is_trivial(expr: Expr) -> bool:
    """Return whether computing `expr` anew costs nothing."""
    return isinstance(unaliased(expr), Column | Literal)


def is_cheap(expr: Expr) -> bool:
    """Return whether `expr` may be computed twice for the sake of a better place."""
    calls = 0
    for node in expr.walk():
        if isinstance(node, Column | Literal | Alias):
            continue
        calls += 1
        if not (isinstance(node, Cast) or (isinstance(node, Call) and node.name in CHEAP_CALLS)):
            return False
    return calls <= MOST_CHEAP_CALLS


@by_types
def may_raise(expr: Expr, schema: pa.Schema) -> bool:
    """Return whether `expr` may fail for some row of `schema`; True where that is not known."""
    return any(_node_may_raise(node, schema) for node in expr.walk())


@functools.singledispatch
def _node_may_raise(node: Expr, schema: pa.Schema) -> bool:
    return True


@_node_may_raise.register(Column)
@_node_may_raise.register(Literal)
@_node_may_raise.register(Alias)
def _(node: Expr, schema: pa.Schema) -> bool:
    return False


@_node_may_raise.register
def _(node: Cast, schema: pa.Schema) -> bool:
    source = dtype_of(node.input, schema)
    if not node.strict or source == node.dtype:
        return False
    numbers = _is_plain_number(source) and _is_plain_number(node.dtype)
    return not (numbers and promote(source, node.dtype) == node.dtype)


@_node_may_raise.register
def _(node: When, schema: pa.Schema) -> bool:
    return not _meet_safely((*node.values, node.otherwise), schema)


@_node_may_raise.register
def _(node: Call, schema: pa.Schema) -> bool:
    if node.name in ("str.contains", "str.find") and not isinstance(node.args[1], Literal):
        # A row's own pattern may be no regular expression.
        return True
    if node.name in TOTAL:
        return not _meet_safely(node.args, schema)
    if node.name in FLOAT_TOTAL and pa.types.is_floating(dtype_of(node, schema)):
        return not all(_is_plain_number(dtype_of(arg, schema)) for arg in node.args)
    return True


def _meet_safely(exprs: Iterable[Expr], schema: pa.Schema) -> bool:
    """Return whether values of `exprs` always have a common type that holds them.

    Only an unsigned 64-bit integer beside a signed one may not: there is no wider integer.
    """
    types = {dtype_of(expr, schema) for expr in exprs if not _gives_way(expr)}
    return len(types) <= 1 or pa.uint64() not in types


def _gives_way(expr: Expr) -> bool:
    """Return whether `expr` is a constant that takes the type of what it stands beside."""
    inner = unaliased(expr)
    return isinstance(inner, Literal) and (not inner.typed or pa.types.is_list(inner.value.type))


def _is_plain_number(dtype: pa.DataType) -> bool:
    return pa.types.is_floating(dtype) or (pa.types.is_integer(dtype) and dtype != pa.uint64())


@by_types
def respects_equality(expr: Expr, schema: pa.Schema) -> bool:
    """Return whether `expr` gives the same for rows that are equal as keys.

    As a key -0.0 equals 0.0, and only comparisons and tests for null and NaN see them as the same:
    ``1 / x`` does not.
    """
    if not any(_holds_floats(schema.field(name).type) for name in columns_of(expr)):
        return True
    inner = unaliased(expr)
    if isinstance(inner, Column | Literal):
        return True
    if isinstance(inner, Call) and inner.name in LOGIC:
        return all(respects_equality(arg, schema) for arg in inner.args)
    tests = COMPARISONS | NULL_TESTS | {"is_between", "is_in"}
    return isinstance(inner, Call) and inner.name in tests and all(map(is_trivial, inner.args))


def _holds_floats(dtype: pa.DataType) -> bool:
    return pa.types.is_floating(dtype) or pa.types.is_nested(dtype)


def inlined(expr: Expr, columns: dict[str, Expr]) -> Expr:
    """Return `expr` with columns replaced by the expressions that make them.

    A bare literal gives way to the type of what stands beside it, which the column it was did not:
    it becomes a typed one.
    """

    def replace_column(node: Expr) -> Expr:
        if not isinstance(node, Column):
            return node
        found = unaliased(columns.get(node.name, node))
        if isinstance(found, Literal) and not found.typed:
            return Literal(found.value, typed=True)
        return found

    return expr.transform(replace_column)

"""Evaluate expressions over a record batch, and find their types by evaluating over an empty one.

Because both are the same code, the type that a plan shows cannot differ from what comes out.

Text columns may come as dictionaries. A function of one such column (and of literals) is evaluated
on the few values of the dictionary and gathered by code, which is what keeps predicates on text
cheap; text it gives stays a dictionary.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import singledispatch

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..errors import ComputeError, InvalidExpression, TypeMismatch, did_you_mean
from ..schema import decoded, field_index
from .aggregates import AGGREGATES, aggregate_type
from .by_types import by_types, types_read
from .calling import apply, by_code
from .casting import cast
from .coercion import Operand, adapted, unified
from .digits import OPERATIONS, Digits, arithmetic
from .function import Value
from .functions import FUNCTIONS
from .list_layout import beside, lists_of
from .node import (
    Agg,
    Alias,
    Call,
    Cast,
    Column,
    EachElement,
    Expr,
    ListEval,
    Literal,
    Rows,
    When,
    Wildcard,
    Window,
    WindowCall,
    unaliased,
)
from .python_call import PythonCall, called
from .text import text_of
from .windows import WINDOWS, window_type


def dtype_of(expr: Expr, schema: pa.Schema) -> pa.DataType:
    """Return the type of `expr` over columns of `schema`; text is ``string``, never a dictionary.

    Raises
    ------
    ColumnNotFound
        If a column is not in `schema`.
    TypeMismatch
        If a function is not defined for the types it is given.

    Examples
    --------
    >>> from .node import literal
    >>> dtype_of(Call("divide", (Column("a"), literal(2))), pa.schema([("a", pa.int64())]))
    DataType(double)
    """
    inner = unaliased(expr)
    if isinstance(inner, Column):
        return schema.field(field_index(schema, inner.name)).type
    return _dtype(inner, schema)


@by_types
def _dtype(inner: Expr, schema: pa.Schema) -> pa.DataType:
    if isinstance(inner, Cast) and pa.types.is_dictionary(inner.dtype):
        # The batches may carry plain values: they are coded where they leave the engine.
        dtype_of(replace(inner, dtype=inner.dtype.value_type), schema)
        return inner.dtype
    types = types_read(inner, schema)
    return _dtype_over(inner, tuple(types), tuple(map(_logical, types.values())))


@functools.lru_cache(maxsize=1024)
def _dtype_over(expr: Expr, names: tuple[str, ...], types: tuple[pa.DataType, ...]) -> pa.DataType:
    """Return the type of `expr` over columns of `types`.

    A plan asks again and again for the types of the same expressions, and each time runs kernels.
    """
    empty = pa.RecordBatch.from_arrays([pa.array([], dtype) for dtype in types], names=names)
    return _logical(_value(expr, _Scope(empty, types_only=True)).type)


def evaluate(expr: Expr, batch: pa.RecordBatch) -> pa.Array:
    """Return the value of `expr` for each row of `batch`.

    Parameters
    ----------
    expr
        An expression without aggregates and wildcards.
    batch
        The rows; its text columns may be dictionaries.

    Returns
    -------
    pyarrow.Array
        ``batch.num_rows`` values of type ``dtype_of(expr, schema)``, or a dictionary of it.

    Raises
    ------
    ComputeError
        If a value cannot be computed: an overflow, a cast that loses.
    """
    return evaluate_many([expr], batch)[0]


def evaluate_many(exprs: Sequence[Expr], batch: pa.RecordBatch) -> list[pa.Array]:
    """Return the values of several expressions over one batch; what they share is computed once."""
    scope = _Scope(batch)
    return [beside(_value(expr, scope), batch.num_rows) for expr in exprs]


def _logical(dtype: pa.DataType) -> pa.DataType:
    return dtype.value_type if pa.types.is_dictionary(dtype) else dtype


@dataclass
class _Scope:
    """The batch being evaluated over, and what is known of it already."""

    batch: pa.RecordBatch
    types_only: bool = False
    known: dict[Expr, Value] = field(default_factory=dict)
    known_digits: dict[Expr, Digits | None] = field(default_factory=dict)


def _value(expr: Expr, scope: _Scope) -> Value:
    if isinstance(expr, Column | Literal | Alias):
        return _compute(expr, scope)
    known = scope.known.get(expr)
    if known is None:
        known = scope.known[expr] = _compute(expr, scope)
    return known


@singledispatch
def _compute(expr: Expr, scope: _Scope) -> Value:
    raise InvalidExpression(f"{expr!r} is not an expression over rows.")


@_compute.register
def _column(expr: Column, scope: _Scope) -> Value:
    return scope.batch.column(field_index(scope.batch.schema, expr.name))


@_compute.register
def _literal(expr: Literal, scope: _Scope) -> Value:
    return expr.value


@_compute.register
def _alias(expr: Alias, scope: _Scope) -> Value:
    return _value(expr.input, scope)


@_compute.register
def _wildcard(expr: Wildcard, scope: _Scope) -> Value:
    raise InvalidExpression(
        f"{text_of(expr)} stands for several columns and cannot be part of another expression here."
    )


@_compute.register
def _agg(expr: Agg, scope: _Scope) -> Value:
    if expr.name not in AGGREGATES:
        raise InvalidExpression(
            f"There is no aggregate {expr.name!r}.{did_you_mean(expr.name, AGGREGATES)}"
        )
    if not scope.types_only:
        raise InvalidExpression(
            f"{text_of(expr)} is over a group of rows: use it in .select() or .group_by().agg()."
        )
    entry = AGGREGATES[expr.name]
    if entry.check is not None:
        entry.check(dict(expr.options))
    of = None if expr.input is None else _logical(_value(expr.input, scope).type)
    for other, kind in zip(expr.others, entry.others, strict=True):
        dtype = _logical(_value(other, scope).type)
        if not (kind.contains(dtype) or pa.types.is_null(dtype)):
            raise TypeMismatch(
                f"In {text_of(expr)}: {expr.name} wants {kind.name}, but {text_of(other)} is"
                f" {dtype}."
            )
    _check_rows(expr, scope)
    return pa.array([], _located(expr, lambda: aggregate_type(expr.name, of)))


def _check_rows(expr: Agg, scope: _Scope) -> None:
    """Raise where the rows of an aggregate cannot be chosen or ordered as it says."""
    if expr.where is not None:
        dtype = _logical(_value(expr.where, scope).type)
        if not (pa.types.is_boolean(dtype) or pa.types.is_null(dtype)):
            raise TypeMismatch(
                f"In {text_of(expr)}: a filter needs a boolean, and {text_of(expr.where)} is"
                f" {dtype}. Compare it with something, as in col('x') > 0."
            )
    for key in expr.order_by:
        dtype = _logical(_value(key.expr, scope).type)
        if pa.types.is_nested(dtype):
            raise TypeMismatch(
                f"In {text_of(expr)}: rows cannot be sorted by {text_of(key.expr)}, which is"
                f" {dtype}."
            )


@_compute.register
def _rows(expr: Rows, scope: _Scope) -> Value:
    shown = text_of(expr)
    raise InvalidExpression(
        f"{shown} gives some of the rows, or another order, and is no column by itself. Aggregate"
        f" it, as in {shown}.sum() or .implode(); for the rows of a frame use df.filter(...) and"
        " df.sort(...)."
    )


@_compute.register
def _window_call(expr: WindowCall, scope: _Scope) -> Value:
    if expr.name not in WINDOWS:
        raise InvalidExpression(
            f"There is no window function {expr.name!r}.{did_you_mean(expr.name, WINDOWS)}"
        )
    _only_types(expr, scope)
    operands = [_operand(arg, _value(arg, scope)) for arg in expr.args]
    if all(isinstance(each.value, pa.Scalar) for each in operands):
        operands = [Operand(each.value) for each in operands]

    def found() -> pa.DataType:
        types = [_logical(value.type) for value in adapted(operands, True)]
        return window_type(expr.name, types, dict(expr.options))

    return pa.array([], _located(expr, found))


@_compute.register
def _window(expr: Window, scope: _Scope) -> Value:
    _only_types(expr, scope)
    for key in (*expr.keys, *(key.expr for key in expr.order_by)):
        # For their errors alone.
        _value(key, scope)
    return _value(expr.function, scope)


def _only_types(expr: Expr, scope: _Scope) -> None:
    if not scope.types_only:
        raise InvalidExpression(
            f"{text_of(expr)} looks at other rows, and here each row is computed by itself. Add it"
            " as a column with .with_columns(...) first."
        )


@_compute.register
def _cast(expr: Cast, scope: _Scope) -> Value:
    value = _value(expr.input, scope)
    target = _logical(expr.dtype)

    def over_values(values: Value) -> Value:
        return cast(values, target, strict=expr.strict)

    def run() -> Value:
        if isinstance(value, pa.DictionaryArray):
            return value if value.type.value_type == target else by_code(value, over_values)
        return over_values(value)

    return _located(expr, run)


@_compute.register
def _call(expr: Call, scope: _Scope) -> Value:
    if expr.name in OPERATIONS and scope.batch.num_rows:
        digits = arithmetic(expr, lambda inner: _value(inner, scope), scope.known_digits)
        if digits is not None:
            return digits.array()
    function = FUNCTIONS.get(expr.name)
    if function is None:
        raise InvalidExpression(
            f"There is no function {expr.name!r}.{did_you_mean(expr.name, FUNCTIONS)}"
        )
    operands = [_operand(arg, _value(arg, scope)) for arg in expr.args]
    options = dict(expr.options)
    return _located(expr, lambda: apply(function, operands, options))


@_compute.register
def _element(expr: EachElement, scope: _Scope) -> Value:
    if scope.batch.schema.names != [_ELEMENT]:
        raise InvalidExpression(
            "pt.element() is an element of a list: write it inside of .list.eval(...) or"
            " .list.filter(...)."
        )
    return scope.batch.column(0)


@_compute.register
def _list_eval(expr: ListEval, scope: _Scope) -> Value:
    lists = _located(expr, lambda: lists_of(_value(expr.input, scope), "list.eval"))
    elements = pa.record_batch([lists.values], names=[_ELEMENT])
    found = beside(_value(expr.function, _Scope(elements, scope.types_only)), len(lists.values))
    if not expr.keep:
        return replace(lists, values=decoded(found)).array()
    if not (pa.types.is_boolean(found.type) or pa.types.is_null(found.type)):
        raise TypeMismatch(
            f"In {text_of(expr)}: a condition is a boolean, but this one is {found.type}."
        )
    return lists.keep(np.asarray(pc.fill_null(found.cast(pa.bool_()), False))).array()


_ELEMENT = ""
"""The name of the one column of a batch of elements, which no column of a user's has."""


def _operand(expr: Expr, value: Value) -> Operand:
    inner = unaliased(expr)
    if isinstance(inner, Literal) and not inner.typed:
        return Operand(value, True, inner)
    return Operand(value)


def _located(expr: Expr, run: Callable[[], Value]) -> Value:
    """Return what `run` gives; its errors name the expression."""
    try:
        return run()
    except (TypeMismatch, ComputeError) as error:
        raise type(error)(f"In {text_of(expr)}: {error}") from None
    except (pa.ArrowNotImplementedError, pa.ArrowTypeError) as error:
        raise TypeMismatch(f"In {text_of(expr)}: {error}") from None
    except pa.ArrowException as error:
        raise ComputeError(f"{text_of(expr)} cannot be computed: {error}") from None


@_compute.register
def _python_call(expr: PythonCall, scope: _Scope) -> Value:
    values = [beside(_value(arg, scope), scope.batch.num_rows) for arg in expr.args]
    if scope.types_only:
        # Its type is what was declared: the function is not called to find out.
        return pa.array([], expr.dtype)
    return called(expr, values, scope.batch.num_rows)


@_compute.register
def _when(expr: When, scope: _Scope) -> Value:
    conditions = [_value(condition, scope) for condition in expr.conditions]
    for condition in conditions:
        if not (pa.types.is_boolean(condition.type) or pa.types.is_null(condition.type)):
            raise TypeMismatch(
                f"In {text_of(expr)}: a condition is a boolean, but this one is {condition.type}."
            )
    rows = scope.batch.num_rows
    masks = [pc.fill_null(beside(each, rows).cast(pa.bool_()), False) for each in conditions]
    branches = (*expr.values, expr.otherwise)
    try:
        values = [_value(branch, scope) for branch in branches]
    except ComputeError:
        # Perhaps only in rows that another branch is for: compute each over its own rows.
        values = _branches_over_own_rows(branches, masks, scope)
    operands = [
        _operand(e, decoded(value) if isinstance(value, pa.DictionaryArray) else value)
        for value, e in zip(values, branches, strict=True)
    ]
    results = _located(expr, lambda: unified(*adapted(operands, True)))
    if pa.types.is_null(results[0].type):
        return pa.nulls(rows)
    chosen = results[-1]
    for mask, value in zip(reversed(masks), reversed(results[:-1]), strict=True):
        chosen = pc.if_else(mask, value, chosen)
    return beside(chosen, rows)


def _branches_over_own_rows(
    branches: tuple[Expr, ...], masks: list[pa.Array], scope: _Scope
) -> list[Value]:
    left = pa.array(np.ones(scope.batch.num_rows, dtype=bool))
    values: list[Value] = []
    for index, branch in enumerate(branches):
        mine = pc.and_(left, masks[index]) if index < len(masks) else left
        left = pc.and_(left, pc.invert(mine))
        value = _value(branch, _Scope(scope.batch.filter(mine), scope.types_only))
        if isinstance(value, pa.Array):
            value = decoded(value)
            places = pc.subtract(pc.cumulative_sum(mine.cast(pa.int64())), 1)
            value = value.take(pc.if_else(mine, places, pa.scalar(None, pa.int64())))
        values.append(value)
    return values

"""Simpler expressions of the same value and type, null and NaN included.

Logic has three values here: ``x & False`` is false even where x is null, but ``x == x`` is null
there and so is left alone. Comparisons are total (NaN equals NaN and is greater than every number),
so that the opposite of ``a < b`` is ``a >= b`` for NaN too.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable

import pyarrow as pa

from ..errors import PartitaError
from ..expr.conjunctions import conjunction, conjuncts
from ..expr.evaluate import dtype_of, evaluate
from ..expr.node import Agg, Alias, Call, Cast, Column, Expr, Literal, When, Wildcard, columns_of
from ..expr.python_call import PythonCall

_OPPOSITE = {
    "eq": "ne",
    "ne": "eq",
    "lt": "ge",
    "ge": "lt",
    "le": "gt",
    "gt": "le",
    "is_null": "is_not_null",
    "is_not_null": "is_null",
}
_MIRRORED = {"eq": "eq", "ne": "ne", "lt": "gt", "gt": "lt", "le": "ge", "ge": "le"}

# From nothing but nulls: Arrow imports pandas when it is first handed a Python value.
_ONE_ROW = pa.RecordBatch.from_arrays([pa.nulls(1)], ["row"])

MOST_PASSES = 10
"""Each pass works inside out, so one or two are enough for what people write."""


def simplify(expr: Expr, schema: pa.Schema) -> Expr:
    """Return a simpler expression with the value and the type of `expr` over rows of `schema`."""
    for _ in range(MOST_PASSES):
        before = expr
        expr = _pass(expr, schema)
        if expr is before or expr == before:
            return before
    return expr


def _pass(expr: Expr, schema: pa.Schema) -> Expr:
    """Return `expr` with each node simplified once, children first."""
    if isinstance(expr, Column | Literal):
        return expr
    if isinstance(expr, Call) and expr.name == "and":
        return _conjunction_pass(expr, schema)
    children = tuple(_pass(child, schema) for child in expr.children)
    unchanged = all(new is old for new, old in zip(children, expr.children, strict=True))
    return _step(expr if unchanged else expr.with_children(children), schema)


def _conjunction_pass(expr: Call, schema: pa.Schema) -> Expr:
    """Return a conjunction simplified as a whole: pair by pair it would be quadratic."""
    parts = conjuncts(expr)
    simpler = tuple(_pass(part, schema) for part in parts)
    if any(_is_literal(part, False) for part in simpler):
        return _truth(False)
    kept = tuple(part for part in dict.fromkeys(simpler) if not _is_literal(part, True))
    if len(kept) == len(parts) and all(map(operator.is_, kept, parts)):
        return expr
    shorter = conjunction(kept) or _truth(True)
    if len(kept) > 2:
        return shorter
    shorter = _folded(shorter) or shorter
    # A single part may be of no type at all, where all of them together were a boolean.
    return shorter if pa.types.is_boolean(dtype_of(shorter, schema)) else expr


def _step(node: Expr, schema: pa.Schema) -> Expr:
    simpler = _folded(node) or _simpler(node, schema)
    if simpler is None or simpler == node:
        return node
    # A literal takes its type from its neighbours, so a rewrite may change a type unseen.
    return simpler if dtype_of(simpler, schema) == dtype_of(node, schema) else node


def _folded(node: Expr) -> Expr | None:
    """Return the value of an expression over literals alone."""
    if not isinstance(node, Call | Cast | When):
        return None
    if any(isinstance(below, Column | Agg | Wildcard | PythonCall) for below in node.walk()):
        return None
    try:
        value = evaluate(node, _ONE_ROW)[0]
    except (PartitaError, pa.ArrowException):
        # It will raise when it is run, if it is run at all: there are rows to speak of then.
        return None
    if isinstance(value, pa.DictionaryScalar):
        value = value.as_py() if value.is_valid else None
    return Literal(value if isinstance(value, pa.Scalar) else pa.scalar(value), typed=True)


@functools.singledispatch
def _simpler(node: Expr, schema: pa.Schema) -> Expr | None:
    return None


@_simpler.register
def _(node: Alias, schema: pa.Schema) -> Expr | None:
    # The name of a column is kept beside its expression.
    return node.input


@_simpler.register
def _(node: Cast, schema: pa.Schema) -> Expr | None:
    return node.input if dtype_of(node.input, schema) == node.dtype else None


@_simpler.register
def _(node: When, schema: pa.Schema) -> Expr | None:
    conditions, values, otherwise = [], [], node.otherwise
    for condition, value in zip(node.conditions, node.values, strict=True):
        if _is_never_true(condition):
            continue
        if _is_literal(condition, True):
            otherwise = value
            break
        conditions.append(condition)
        values.append(value)
    if not conditions:
        return otherwise
    return When(tuple(conditions), tuple(values), otherwise)


@_simpler.register
def _(node: Call, schema: pa.Schema) -> Expr | None:
    if node.name in _MIRRORED and _is_constant(node.args[0]) and columns_of(node.args[1]):
        # The column first: sources look for a column, a comparison and a value.
        return Call(_MIRRORED[node.name], (node.args[1], node.args[0]), node.options)
    rewrite = _REWRITES.get(node.name)
    return None if rewrite is None else rewrite(*node.args)


@functools.cache
def _truth(value: bool) -> Literal:
    # Not at import: the first `pa.scalar` imports pandas, to see whether it was given one of its.
    return Literal(pa.scalar(value), typed=True)


def _simpler_or(left: Expr, right: Expr) -> Expr | None:
    for one, other in ((left, right), (right, left)):
        if _is_literal(one, False):
            return other
        if _is_literal(one, True):
            return _truth(True)
    # (a & b) | (a & c) is a & (b | c), and a can then be moved on its own.
    on_left, on_right = conjuncts(left), conjuncts(right)
    common = tuple(part for part in dict.fromkeys(on_left) if part in on_right)
    if not common:
        return None
    rest_left = conjunction(tuple(part for part in on_left if part not in common))
    rest_right = conjunction(tuple(part for part in on_right if part not in common))
    if rest_left is None or rest_right is None:
        return conjunction(common)
    return conjunction((*common, Call("or", (rest_left, rest_right))))


def _simpler_xor(left: Expr, right: Expr) -> Expr | None:
    for one, other in ((left, right), (right, left)):
        if _is_literal(one, False):
            return other
        if _is_literal(one, True):
            return Call("not", (other,))
    return None


def _simpler_not(inner: Expr) -> Expr | None:
    if not isinstance(inner, Call):
        return None
    if inner.name == "not":
        return inner.args[0]
    if inner.name in _OPPOSITE:
        return Call(_OPPOSITE[inner.name], inner.args, inner.options)
    if inner.name in ("and", "or"):
        negated = tuple(Call("not", (arg,)) for arg in inner.args)
        return Call("or" if inner.name == "and" else "and", negated)
    return None


_REWRITES: dict[str, Callable[..., Expr | None]] = {
    "or": _simpler_or,
    "xor": _simpler_xor,
    "not": _simpler_not,
}


def _is_literal(expr: Expr, value: bool) -> bool:
    return (
        isinstance(expr, Literal)
        and pa.types.is_boolean(expr.value.type)
        and expr.value.as_py() is value
    )


def _is_never_true(condition: Expr) -> bool:
    return isinstance(condition, Literal) and not condition.value.as_py()


def _is_constant(expr: Expr) -> bool:
    return isinstance(expr, Literal)

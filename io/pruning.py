"""Whether a predicate can be true for any row of which only bounds are known.

An interval analysis in three-valued logic: each value is known by its bounds and by whether it may
be null or NaN, each condition by which of true, false and null it may come out as. What is not
understood may be anything, so that a row which matches is never left out.

It follows the engine's comparisons: NaN equals NaN and is greater than every number. Statistics
of files leave NaN out, so a floating-point column may hold one unless the contrary is known.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..engine.expr.node import Alias, Call, Cast, Column, Expr, Literal, columns_of
from .bounds import UNKNOWN, Bounds, as_type, of_scalar

_FEW = 64
"""Items of a list that are looked at one by one; of a longer one only its bounds are."""

_MOST_NAN_COLUMNS = 3
"""Columns for which NaN is followed through a predicate as a case of its own."""


@dataclass(frozen=True)
class Truth:
    """Which outcomes a condition may have."""

    true: bool = True
    false: bool = True
    null: bool = True


_ANYTHING = Truth()


def may_match(predicate: Expr, bounds: Callable[[str], Bounds]) -> bool:
    """Return whether `predicate` may be true for a row.

    Parameters
    ----------
    predicate
        A condition over columns.
    bounds
        Gives what is known of a column by its name; it is asked only for columns of `predicate`.

    Examples
    --------
    >>> from ..engine.expr.node import literal
    >>> condition = Call("gt", (Column("a"), literal(10)))
    >>> may_match(condition, lambda name: Bounds(kind="number", low=1, high=9))
    False
    """
    known = {name: bounds(name) for name in columns_of(predicate)}
    # With NaN above all numbers, a column that may be NaN has no upper bound; taken as two cases,
    # ``x > 5 and x < 9`` can still be told false of rows below 5.
    split = [name for name, value in known.items() if value.nan and value.some and value.kind]
    cases = [known]
    for name in split[:_MOST_NAN_COLUMNS]:
        cases = [
            {**case, name: changed}
            for case in cases
            for changed in (
                replace(known[name], nan=False),
                replace(known[name], some=False, nulls=False),
            )
        ]
    return any(_truth(predicate, case).true for case in cases)


def may_lie_between(value: Bounds, low: Bounds, high: Bounds) -> bool:
    """Return whether a value of which bounds are known may be one from `low` to `high`."""
    if not value.some and not value.nan:
        return False
    if value.nan or value.single or not (value.kind == low.kind == high.kind):
        return True
    return _at_most(value.low, high.high) and _at_most(low.low, value.high)


def _values(expr: Expr, known: dict[str, Bounds]) -> Bounds:
    if isinstance(expr, Column):
        return known[expr.name]
    if isinstance(expr, Literal):
        return of_scalar(expr.value, untyped=not expr.typed)
    if isinstance(expr, Alias):
        return _values(expr.input, known)
    if isinstance(expr, Cast):
        return _cast_values(expr, known)
    return UNKNOWN


def _cast_values(expr: Cast, known: dict[str, Bounds]) -> Bounds:
    if isinstance(expr.input, Literal):
        try:
            return of_scalar(expr.input.value.cast(expr.dtype))
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            # The engine says what is wrong with it when it comes to a row.
            return UNKNOWN
    inner = _values(expr.input, known)
    exact = inner.kind == "number" and isinstance(inner.low, int) and isinstance(inner.high, int)
    if not exact or isinstance(inner.low, bool):
        return UNKNOWN
    nulls = inner.nulls or not expr.strict
    return replace(as_type(inner, pa.int64(), expr.dtype), nulls=nulls)


def _truth(expr: Expr, known: dict[str, Bounds]) -> Truth:
    if isinstance(expr, Alias):
        return _truth(expr.input, known)
    if isinstance(expr, Column | Literal):
        return _as_truth(_values(expr, known))
    if isinstance(expr, Call) and expr.name in _CONDITIONS:
        return _CONDITIONS[expr.name](expr, known)
    return _ANYTHING


def _as_truth(value: Bounds) -> Truth:
    if value.kind != "bool":
        return _ANYTHING if value.some else Truth(False, False, value.nulls)
    true = value.some and value.high is not False
    return Truth(true, value.some and value.low is not True, value.nulls)


def _not(truth: Truth) -> Truth:
    return Truth(truth.false, truth.true, truth.null)


def _and(left: Truth, right: Truth) -> Truth:
    null = (left.null and (right.null or right.true)) or (right.null and left.true)
    return Truth(left.true and right.true, left.false or right.false, null)


def _or(left: Truth, right: Truth) -> Truth:
    return _not(_and(_not(left), _not(right)))


def _equal(left: Bounds, right: Bounds) -> Truth:
    if not _comparable(left, right):
        return _ANYTHING
    low, high, other_low, other_high = _on_one_scale(left, right)
    numbers = left.some and right.some
    overlap = _at_most(low, other_high) and _at_most(other_low, high)
    same = low is not None and low == high == other_low == other_high
    return Truth(
        (numbers and overlap) or (left.nan and right.nan),
        (numbers and not same) or (left.nan and right.some) or (left.some and right.nan),
        left.nulls or right.nulls,
    )


def _less(left: Bounds, right: Bounds) -> Truth:
    if not _comparable(left, right):
        return _ANYTHING
    low, high, other_low, other_high = _on_one_scale(left, right)
    numbers = left.some and right.some
    below = low is None or other_high is None or low < other_high
    return Truth(
        (numbers and below) or (left.some and right.nan),
        (numbers and _at_most(other_low, high)) or left.nan,
        left.nulls or right.nulls,
    )


def _at_most(low: Any, high: Any) -> bool:
    """Return whether a value of at least `low` may be at most one of `high`."""
    return low is None or high is None or low <= high


def _comparable(left: Bounds, right: Bounds) -> bool:
    if not (left.some or left.nan) or not (right.some or right.nan):
        return True
    return bool(left.kind) and left.kind == right.kind


def _on_one_scale(left: Bounds, right: Bounds) -> tuple[Any, Any, Any, Any]:
    """Return both pairs of bounds as numbers that compare as the engine compares the values."""
    bounds = (left.low, left.high, right.low, right.high)
    if not any(isinstance(bound, float) for bound in bounds):
        return bounds
    # The engine compares with a double as doubles: rounding is monotonous, but for a decimal it may
    # be done in two steps, which moves it by up to two units in the last place.
    low, high = _as_floats(left, right.single)
    other_low, other_high = _as_floats(right, left.single)
    return low, high, other_low, other_high


def _as_floats(value: Bounds, beside_single: bool) -> tuple[float | None, float | None]:
    low, high = _as_float(value.low, -math.inf), _as_float(value.high, math.inf)
    if value.bare and beside_single and low is not None and high is not None:
        with np.errstate(over="ignore"):
            low = min(low, float(np.float32(low)))
            high = max(high, float(np.float32(high)))
    return low, high


def _as_float(bound: Any, outward: float) -> float | None:
    if bound is None:
        return None
    if not isinstance(bound, Decimal):
        return float(bound)
    return math.nextafter(math.nextafter(float(bound), outward), outward)


def _compared(compare: Callable[[Bounds, Bounds], Truth]) -> Callable[..., Truth]:
    def condition(expr: Call, known: dict[str, Bounds]) -> Truth:
        return compare(_values(expr.args[0], known), _values(expr.args[1], known))

    return condition


def _joined(join: Callable[[Truth, Truth], Truth]) -> Callable[..., Truth]:
    def condition(expr: Call, known: dict[str, Bounds]) -> Truth:
        result = _truth(expr.args[0], known)
        for arg in expr.args[1:]:
            result = join(result, _truth(arg, known))
        return result

    return condition


def _is_null(expr: Call, known: dict[str, Bounds]) -> Truth:
    inner = expr.args[0]
    while isinstance(inner, Alias):
        inner = inner.input
    if isinstance(inner, Call):
        truth = _truth(inner, known)
        return Truth(truth.null, truth.true or truth.false, False)
    value = _values(inner, known)
    return Truth(value.nulls, value.some or value.nan, False)


def _is_nan(expr: Call, known: dict[str, Bounds]) -> Truth:
    value = _values(expr.args[0], known)
    if not value.kind and value.some:
        return _ANYTHING
    return Truth(value.nan, value.some, value.nulls)


def _is_between(expr: Call, known: dict[str, Bounds]) -> Truth:
    value, lower, upper = (_values(arg, known) for arg in expr.args)
    closed = dict(expr.options).get("closed", "both")
    above = _not(_less(value, lower)) if closed in ("both", "left") else _less(lower, value)
    below = _not(_less(upper, value)) if closed in ("both", "right") else _less(value, upper)
    return _and(above, below)


def _is_in(expr: Call, known: dict[str, Bounds]) -> Truth:
    value = _values(expr.args[0], known)
    members = expr.args[1]
    if not isinstance(members, Literal) or not pa.types.is_list(members.value.type):
        return _ANYTHING
    if dict(expr.options).get("nulls_equal"):
        # Then the answer for a null is true or false, and never null.
        return _ANYTHING
    if not members.value.is_valid:
        return Truth(False, True, value.nulls)
    items = members.value.values.drop_null().unique()
    if pa.types.is_null(items.type) or not len(items):
        return Truth(False, value.some or value.nan, value.nulls)
    candidates = [of_scalar(item, untyped=not members.typed) for item in _few(items)]
    if len(items) > _FEW:
        low, high = candidates
        candidates = [replace(low, high=high.high, nan=True)]
    true = any(_equal(value, candidate).true for candidate in candidates)
    return Truth(true, True, value.nulls)


def _few(items: pa.Array) -> list[pa.Scalar]:
    """Return all items of a short array, the least and the greatest of a long one."""
    if len(items) <= _FEW:
        return list(items)
    order = items.sort()
    if pa.types.is_floating(items.type):
        # Sorted last, NaN would hide the greatest number.
        order = order.filter(pc.invert(pc.is_nan(order)))
    return [order[0], order[-1]] if len(order) else [items[0], items[0]]


def _starts_with(expr: Call, known: dict[str, Bounds]) -> Truth:
    value = _values(expr.args[0], known)
    prefix = expr.args[1].value.as_py() if isinstance(expr.args[1], Literal) else None
    if value.kind != "text" or not value.some or not isinstance(prefix, str):
        return _ANYTHING
    text = prefix.encode()
    reaches = value.high is None or value.high >= text
    begins = value.low is None or value.low[: len(text)] <= text
    bounds = (value.low, value.high)
    always = all(bound is not None and bound.startswith(text) for bound in bounds)
    return Truth(reaches and begins, not always, value.nulls)


_CONDITIONS: dict[str, Callable[..., Truth]] = {
    "and": _joined(_and),
    "or": _joined(_or),
    "not": lambda expr, known: _not(_truth(expr.args[0], known)),
    "eq": _compared(_equal),
    "ne": _compared(lambda left, right: _not(_equal(left, right))),
    "lt": _compared(_less),
    "gt": _compared(lambda left, right: _less(right, left)),
    "le": _compared(lambda left, right: _not(_less(right, left))),
    "ge": _compared(lambda left, right: _not(_less(left, right))),
    "is_null": _is_null,
    "is_not_null": lambda expr, known: _not(_is_null(expr, known)),
    "is_nan": _is_nan,
    "is_between": _is_between,
    "is_in": _is_in,
    "str.starts_with": _starts_with,
}
"""The functions that are understood; any other may come out as anything."""

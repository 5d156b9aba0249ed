"""Which share of rows a condition keeps, and what it tells of the columns of those that stay.

Conditions that must hold together are taken one after the other, so that the two ends of a range
are not taken for independent.
"""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import pyarrow as pa

from ..expr.conjunctions import conjuncts
from ..expr.node import Call, Column, Expr, Literal
from ..source import ColumnStatistics
from .column_values import UNKNOWN, distance

Columns = Mapping[str, ColumnStatistics]

_SELECTIVITY = {
    "eq": 0.1,
    "ne": 0.9,
    "lt": 1 / 3,
    "le": 1 / 3,
    "gt": 1 / 3,
    "ge": 1 / 3,
    "is_between": 0.25,
    "is_null": 0.05,
    "is_not_null": 0.95,
    "str.starts_with": 0.1,
    "str.ends_with": 0.1,
    "str.contains": 0.1,
}
DEFAULT_SELECTIVITY = 1 / 3


def kept(predicate: Expr, rows: float, columns: Columns) -> tuple[float, Columns]:
    """Return how many of `rows` fulfil `predicate`, and what is known of their columns."""
    # In one layer over what was known: a layer for each of a thousand parts would be too deep.
    narrower: dict[str, ColumnStatistics] = {}
    now: Columns = ChainMap(narrower, columns)  # type: ignore[arg-type]
    for part in conjuncts(predicate):
        share = share_of(part, rows, now)
        narrower |= _narrowed(part, share, now)
        rows *= share
    return rows, now if narrower else columns


def share_of(condition: Expr, rows: float, columns: Columns) -> float:
    """Return the share of `rows` for which `condition` is expected to hold."""
    if isinstance(condition, Literal):
        return 1.0 if condition.value.as_py() else 0.0
    if not isinstance(condition, Call):
        return DEFAULT_SELECTIVITY
    if condition.name == "and":
        count, _ = kept(condition, 1.0, columns)
        return count
    logic = _LOGIC.get(condition.name)
    if logic is not None:
        return logic(*(share_of(arg, rows, columns) for arg in condition.args))
    column = condition.args[0]
    if isinstance(column, Column):
        known = columns.get(column.name, UNKNOWN)
        other = condition.args[-1]
        if condition.name == "eq" and isinstance(other, Column):
            values = known.distinct, columns.get(other.name, UNKNOWN).distinct
            return 1 / max(1, *(value or 10 for value in values))
        constants = _constants(condition)
        found = _share_of_column(condition.name, known, constants, rows)
        if found is not None:
            return found
    share = _SELECTIVITY.get(condition.name, DEFAULT_SELECTIVITY)
    # One of five regions is more than a tenth of them.
    return max(share, min(1 / rows, 1.0)) if condition.name == "eq" and rows else share


_LOGIC: Mapping[str, Callable[..., float]] = {
    "or": lambda left, right: left + right - left * right,
    "xor": lambda left, right: left + right - 2 * left * right,
    "not": lambda inner: 1 - inner,
}


def _constants(condition: Call) -> list[pa.Scalar]:
    return [arg.value for arg in condition.args[1:] if isinstance(arg, Literal)]


def _share_of_column(
    test: str, known: ColumnStatistics, constants: Sequence[pa.Scalar], rows: float
) -> float | None:
    """Return the share from what is known of the column, None where too little is."""
    if test in ("is_null", "is_not_null"):
        if known.null_count is None or not rows:
            return None
        nulls = min(known.null_count / rows, 1.0)
        return nulls if test == "is_null" else 1 - nulls
    if not constants:
        return None
    if test in ("eq", "ne") and known.distinct:
        share = 1 / known.distinct
        return share if test == "eq" else 1 - share
    if test == "is_in" and constants[0].is_valid and pa.types.is_list(constants[0].type):
        return min(1.0, len(constants[0]) / (known.distinct or 10))
    if test in ("lt", "le"):
        return _share_below(known, constants[0])
    if test in ("gt", "ge"):
        below = _share_below(known, constants[0])
        return None if below is None else 1 - below
    if test == "is_between" and len(constants) == 2:
        low, high = (_share_below(known, constant) for constant in constants)
        return None if low is None or high is None else max(high - low, 0.0)
    return None


def _share_below(known: ColumnStatistics, constant: pa.Scalar) -> float | None:
    """Return the share of values below `constant`, if they are evenly spread."""
    whole = distance(known.minimum, known.maximum)
    if whole is None or not constant.is_valid:
        return None
    part = distance(known.minimum, constant.as_py())
    if part is None:
        return None
    return min(max(part / whole, 0.0), 1.0) if whole else float(part >= 0)


def _narrowed(condition: Expr, share: float, columns: Columns) -> dict[str, ColumnStatistics]:
    """Return what `condition` tells of the column that it is about, in the rows that it keeps."""
    if not isinstance(condition, Call) or not isinstance(condition.args[0], Column):
        return {}
    change = _NARROWED.get(condition.name)
    constants = _constants(condition)
    if change is None or not constants or not all(each.is_valid for each in constants):
        return {}
    name = condition.args[0].name
    known = columns.get(name, UNKNOWN)
    if known.distinct is not None:
        known = replace(known, distinct=max(round(known.distinct * share), 1))
    return {name: change(known, constants)}


def _from(known: ColumnStatistics, constants: Sequence[pa.Scalar]) -> ColumnStatistics:
    return replace(known, minimum=_within(constants[0], known))


def _to(known: ColumnStatistics, constants: Sequence[pa.Scalar]) -> ColumnStatistics:
    return replace(known, maximum=_within(constants[-1], known))


def _within(constant: pa.Scalar, known: ColumnStatistics) -> object:
    """Return `constant` brought between the bounds; None where it cannot be compared with them."""
    value = constant.as_py()
    if distance(known.minimum, value) is None or distance(value, known.maximum) is None:
        return None
    return min(max(value, known.minimum), known.maximum)


def _equal(known: ColumnStatistics, constants: Sequence[pa.Scalar]) -> ColumnStatistics:
    value = _within(constants[0], known)
    return replace(known, distinct=1, minimum=value, maximum=value)


def _among(known: ColumnStatistics, constants: Sequence[pa.Scalar]) -> ColumnStatistics:
    if not pa.types.is_list(constants[0].type):
        return known
    return replace(known, distinct=max(len(constants[0]), 1))


_NARROWED: Mapping[str, Callable[[ColumnStatistics, Sequence[pa.Scalar]], ColumnStatistics]] = {
    "gt": _from,
    "ge": _from,
    "lt": _to,
    "le": _to,
    "is_between": lambda known, constants: _to(_from(known, constants), constants),
    "eq": _equal,
    "is_in": _among,
}

"""What an operator learns from the one behind it, within a stage.

A filter copies the rows it keeps: what only its condition reads, and nothing after it, is left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ..expr.node import Column, columns_of
from .operators.compute import Compute
from .operators.filter import FilterRows
from .stage import Operator


def fused(operators: Sequence[Operator]) -> tuple[Operator, ...]:
    """Return operators that give the same as `operators`, one behind another, with less work."""
    made: list[Operator] = []
    for operator in operators:
        before = made[-1] if made else None
        if isinstance(before, FilterRows) and isinstance(operator, Compute):
            if before.columns is None:
                before = made[-1] = replace(before, columns=_needed(operator))
            if _only_chooses(operator):
                made[-1] = replace(before, columns=tuple(name for name, _ in operator.exprs))
                continue
        made.append(operator)
    return tuple(made)


def _needed(compute: Compute) -> tuple[str, ...]:
    """Return the columns that are read, each once, in the order of the expressions."""
    read = (sorted(columns_of(expr)) for _, expr in compute.exprs)
    return tuple(dict.fromkeys(name for names in read for name in names))


def _only_chooses(compute: Compute) -> bool:
    return all(isinstance(expr, Column) and expr.name == name for name, expr in compute.exprs)

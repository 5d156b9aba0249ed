"""The logical node of window functions: columns that are computed from several rows each."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from .. import schema as schemas
from ..errors import PlanError, TypeMismatch
from ..expr.evaluate import dtype_of
from ..expr.node import Agg, Expr, SortKey, WindowCall, columns_of, has_aggregate, has_window
from ..expr.text import text_of
from ..expr.window import Reach
from ..expr.windows import WINDOWS
from .nodes import Named, Unary


@dataclass(frozen=True, kw_only=True)
class WindowColumns(Unary):
    """Add columns to those of the input; every row is kept.

    Each function is one `Agg` or one `WindowCall` over row-wise expressions: what the user combines
    of them, and windows over windows, are several nodes.
    """

    functions: tuple[Named, ...]

    keys: tuple[Expr, ...] = ()
    """The rows with the same keys belong together; without keys all do."""

    order_by: tuple[SortKey, ...] = ()
    """In which order the functions see the rows; in that of the input where it is empty."""

    maintain_order: bool = True
    """Whether the rows come in the order of the input."""

    def _schema(self) -> pa.Schema:
        for name, function in self.functions:
            if not isinstance(function, Agg | WindowCall):
                raise PlanError(f"Window column {name!r} is not one function of rows: {function}")
            by_value = isinstance(function, WindowCall) and WINDOWS[function.name].by_value
            if by_value and function.children[0] not in self.keys:
                raise PlanError(
                    f"{text_of(function)} is about rows of one value: a key is missing."
                )
        for expr in row_wise_parts(self):
            if has_aggregate(expr) or has_window(expr):
                raise PlanError(f"{text_of(expr)} is not computed row by row, inside of a window.")
        for expr in (*self.keys, *(key.expr for key in self.order_by)):
            dtype = dtype_of(expr, self.input.schema)
            if pa.types.is_nested(dtype):
                raise TypeMismatch(
                    f"Rows cannot be grouped or ordered by {text_of(expr)}, which is {dtype}."
                )
        made = [pa.field(name, dtype_of(expr, self.input.schema)) for name, expr in self.functions]
        return schemas.schema_of([*self.input.schema, *made], "over")

    @property
    def gathers(self) -> bool:
        """Whether all rows are brought into one partition, as nothing less will do."""
        return not self.keys and any(
            reach_of(expr).everything or not self._sees_ties(expr) for _, expr in self.functions
        )

    def _sees_ties(self, function: Expr) -> bool:
        """Return whether a rank has all rows of one value in one run: they are sorted by it.

        Other functions do not ask for that.
        """
        if not isinstance(function, WindowCall) or not WINDOWS[function.name].sorts:
            return True
        options = dict(function.options)
        by = SortKey(function.args[0], descending=options["descending"], nulls_last=True)
        if options["method"] == "ordinal":
            return self.order_by[:1] == (by,)
        return self.order_by == (by,)

    def read_columns(self) -> frozenset[str]:
        """Return the columns of the input that the functions, the keys and the order read."""
        exprs = (
            *(expr for _, expr in self.functions),
            *self.keys,
            *(key.expr for key in self.order_by),
        )
        return frozenset().union(*(columns_of(expr) for expr in exprs))


def row_wise_parts(node: WindowColumns) -> tuple[Expr, ...]:
    """Return the expressions of `node` that are computed row by row."""
    arguments = [child for _, expr in node.functions for child in expr.children]
    return (*arguments, *node.keys, *(key.expr for key in node.order_by))


def reach_of(function: Expr) -> Reach:
    """Return which other rows a function of a `WindowColumns` depends on."""
    if isinstance(function, WindowCall):
        return WINDOWS[function.name].reach(dict(function.options))
    return Reach(everything=True)

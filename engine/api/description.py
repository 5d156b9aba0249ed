"""The plan of ``describe()``: one aggregation of all rows, and a row of its result per statistic.

The rows are projections of that one aggregation, which is made once as they share it.
"""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from ..errors import SchemaError
from ..expr.aggregates import AGGREGATES
from ..expr.function import is_number
from ..expr.node import Agg, Cast, Column, Expr, Literal, literal
from ..plan.node import PlanNode, Site
from ..plan.nodes import Aggregate, Project, Union
from ..schema import has_column

_KEEPS_DATES = ("nearest", "lower", "higher", "equiprobable")


@dataclass(frozen=True, kw_only=True)
class _Statistic:
    """One row of the description."""

    name: str
    aggregate: str
    settings: tuple[tuple[str, object], ...] = ()

    def of(self, field: pa.Field) -> Agg | None:
        """Return the aggregate of a column, None where its type has no such value."""
        numeric = self.aggregate in ("mean", "std")
        values = self.aggregate in ("min", "max", "quantile")
        if not AGGREGATES[self.aggregate].accepts.contains(field.type):
            return None
        if pa.types.is_null(field.type) and (numeric or values):
            return None
        if self.aggregate == "quantile" and pa.types.is_boolean(field.type):
            return None
        return Agg(self.aggregate, Column(field.name), self.settings)


def described(
    plan: PlanNode, percentiles: tuple[float, ...], interpolation: str, *, site: Site | None
) -> PlanNode:
    """Return the plan that describes the columns of `plan`.

    Raises
    ------
    SchemaError
        If a column is called ``statistic``, or there is none.
    """
    schema = plan.schema
    if not schema.names or has_column(schema, "statistic"):
        raise SchemaError(
            "describe() tells of columns, in rows that the column 'statistic' names: rename a"
            " column of that name, and select at least one."
        )
    statistics = _statistics(percentiles, interpolation)
    columns: dict[tuple[int, str], tuple[str, Agg]] = {}
    for row, statistic in enumerate(statistics):
        for field in schema:
            agg = statistic.of(field)
            if agg is not None:
                columns[row, field.name] = (f"{len(columns)}", agg)
    counted = Aggregate(input=plan, keys=(), aggs=tuple(columns.values()), site=site)
    rows = []
    for row, statistic in enumerate(statistics):
        exprs: list[tuple[str, Expr]] = [("statistic", literal(statistic.name, pa.string()))]
        for field in schema:
            found = columns.get((row, field.name))
            name = None if found is None else found[0]
            exprs.append((field.name, _shown(name, field.type, statistic, interpolation)))
        rows.append(Project(input=counted, exprs=tuple(exprs), site=site))
    return Union(parts=tuple(rows), site=site)


def _statistics(percentiles: tuple[float, ...], interpolation: str) -> list[_Statistic]:
    between = [
        _Statistic(
            name=f"{share * 100:g}%",
            aggregate="quantile",
            settings=(("interpolation", interpolation), ("quantile", share)),
        )
        for share in sorted(percentiles)
    ]
    plain = [
        _Statistic(name=name, aggregate=name)
        for name in ("count", "null_count", "mean", "std", "min", "max")
    ]
    return [*plain[:-1], *between, plain[-1]]


def _shown(
    column: str | None, dtype: pa.DataType, statistic: _Statistic, interpolation: str
) -> Expr:
    """Return a value of the description in the type that its column has."""
    number = is_number(dtype) or pa.types.is_boolean(dtype) or pa.types.is_null(dtype)
    target = pa.float64() if number else pa.string()
    if column is None:
        return Literal(pa.scalar(None, target), typed=True)
    value: Expr = Column(column)
    quantile = statistic.aggregate == "quantile"
    if quantile and pa.types.is_date(dtype) and interpolation in _KEEPS_DATES:
        # A day is a time of midnight as a quantile, and is shown as the day that it is.
        value = Cast(value, dtype)
    if number and pa.types.is_boolean(dtype) and statistic.aggregate in ("min", "max"):
        value = Cast(value, pa.int64())
    return Cast(value, target)

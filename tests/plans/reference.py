"""Runs a plan row by row, slowly and plainly: what the rows of a plan are, to test the optimizer.

It takes expressions from the engine, and nothing else: no operator, no exchange, no scheduler.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterable
from typing import Any

import pyarrow as pa

from partita.engine.expr.aggregates import AGGREGATES
from partita.engine.expr.evaluate import evaluate
from partita.engine.expr.node import Agg, Expr
from partita.engine.plan.no_rows import NoRows
from partita.engine.plan.node import PlanNode
from partita.engine.plan.nodes import (
    Aggregate,
    Distinct,
    Filter,
    Join,
    MapBatches,
    Project,
    Scan,
    Slice,
    Sort,
    Union,
)
from partita.engine.schema import decoded

Row = dict[str, Any]


def run(plan: PlanNode) -> pa.Table:
    """Return the rows of `plan`, which scans tables in memory only."""
    done: dict[int, pa.Table] = {}
    for node in plan.walk():
        rows = _rows(node, [done[id(child)] for child in node.inputs])
        done[id(node)] = rows if isinstance(rows, pa.Table) else _table(rows, node.schema)
    return done[id(plan)]


def rows_in_any_order(table: pa.Table) -> list[str]:
    """Return the rows as text, sorted; NaN is like NaN, and 0.0 is not -0.0."""
    return sorted(repr(list(row.values())) for row in table.to_pylist())


def _table(rows: Iterable[Row], schema: pa.Schema) -> pa.Table:
    return pa.Table.from_pylist(list(rows), schema=schema)


def _batch(table: pa.Table) -> pa.RecordBatch:
    columns = [pa.array(column.to_pylist(), column.type) for column in table.columns]
    return pa.RecordBatch.from_arrays(columns, schema=table.schema)


def _values(expr: Expr, table: pa.Table) -> list[Any]:
    return decoded(evaluate(expr, _batch(table))).to_pylist()


def _key(value: Any) -> Any:
    """Return what stands for `value` as a key: NaN is like NaN, and -0.0 like 0.0."""
    if isinstance(value, float):
        return "NaN" if math.isnan(value) else value + 0.0
    return value


def _kept(table: pa.Table, predicate: Expr) -> pa.Table:
    kept = [value is True for value in _values(predicate, table)]
    return table.filter(pa.array(kept, pa.bool_()))


@functools.singledispatch
def _rows(node: PlanNode, inputs: list[pa.Table]) -> pa.Table | list[Row]:
    raise TypeError(type(node))


@_rows.register
def _(node: Scan, inputs: list[pa.Table]) -> pa.Table:
    table = getattr(node.source, "table_read", None)
    if table is None:
        assert isinstance(node.source, NoRows)
        table = node.source.schema.empty_table()
    if node.pushdown.predicate is not None:
        table = _kept(table, node.pushdown.predicate)
    if node.pushdown.limit is not None:
        table = table.slice(0, node.pushdown.limit)
    return table.select(node.schema.names)


@_rows.register
def _(node: Filter, inputs: list[pa.Table]) -> pa.Table:
    return _kept(inputs[0], node.predicate)


@_rows.register
def _(node: Project, inputs: list[pa.Table]) -> pa.Table:
    columns = [_values(expr, inputs[0]) for _, expr in node.exprs]
    arrays = [pa.array(each, dtype) for each, dtype in zip(columns, node.schema.types, strict=True)]
    return pa.Table.from_arrays(arrays, schema=node.schema)


@_rows.register
def _(node: Aggregate, inputs: list[pa.Table]) -> list[Row]:
    table = inputs[0]
    keys = [_values(expr, table) for _, expr in node.keys]
    groups: dict[tuple[Any, ...], list[int]] = {} if node.keys else {(): []}
    for row in range(table.num_rows):
        groups.setdefault(tuple(_key(column[row]) for column in keys), []).append(row)
    aggs: list[tuple[str, Agg, list[Any]]] = []
    for name, agg in node.aggs:
        assert isinstance(agg, Agg)
        values = [1] * table.num_rows if agg.input is None else _values(agg.input, table)
        aggs.append((name, agg, values))
    return [
        {
            **{name: column[members[0]] for (name, _), column in zip(node.keys, keys, strict=True)},
            **{name: _aggregated(agg, [v[row] for row in members]) for name, agg, v in aggs},
        }
        for members in groups.values()
    ]


def _aggregated(agg: Agg, values: list[Any]) -> Any:
    if agg.name in ("first", "last"):
        return values[0 if agg.name == "first" else -1] if values else None
    if agg.name == "len":
        return len(values)
    known = [value for value in values if value is not None]
    if agg.name == "count":
        return len(known)
    return _OVER_VALUES[agg.name](known) if known else AGGREGATES[agg.name].empty


def _ordering(value: Any) -> tuple[bool, Any]:
    nan = isinstance(value, float) and math.isnan(value)
    return nan, 0.0 if nan else value


_OVER_VALUES: dict[str, Callable[[list[Any]], Any]] = {
    "sum": sum,
    "mean": lambda values: sum(values) / len(values),
    "min": lambda values: min(values, key=_ordering),
    "max": lambda values: max(values, key=_ordering),
    "n_unique": lambda values: len({_key(value) for value in values}),
}


@_rows.register
def _(node: Join, inputs: list[pa.Table]) -> list[Row]:
    left, right = inputs
    left_keys = list(zip(*(_values(key, left) for key in node.left_on), strict=True))
    right_keys = list(zip(*(_values(key, right) for key in node.right_on), strict=True))
    places: dict[tuple[Any, ...], list[Row]] = {}
    given = dict(node.right_columns())
    for row, keys in zip(right.to_pylist(), right_keys, strict=True):
        if None not in keys:
            named = {given[name]: value for name, value in row.items() if name in given}
            places.setdefault(tuple(map(_key, keys)), []).append(named)
    found = []
    for row, keys in zip(left.to_pylist(), left_keys, strict=True):
        matches = places.get(tuple(map(_key, keys)), [])
        if node.how in ("semi", "anti"):
            found += [row] if bool(matches) == (node.how == "semi") else []
        elif matches:
            found += [{**row, **match} for match in matches]
        elif node.how == "left":
            found.append({**row, **dict.fromkeys(given.values())})
    return found


@_rows.register
def _(node: Sort, inputs: list[pa.Table]) -> pa.Table:
    order = list(range(inputs[0].num_rows))
    for key in reversed(node.by):
        values = _values(key.expr, inputs[0])
        nulls = [row for row in order if values[row] is None]
        rest = [row for row in order if values[row] is not None]
        rest.sort(key=lambda row: _ordering(values[row]), reverse=key.descending)
        order = rest + nulls if key.nulls_last else nulls + rest
    return inputs[0].take(pa.array(order[: node.limit], pa.int64()))


@_rows.register
def _(node: Slice, inputs: list[pa.Table]) -> pa.Table:
    rows = inputs[0].num_rows
    start = node.offset if node.offset >= 0 else rows + node.offset
    stop = rows if node.length is None else start + node.length
    start, stop = (min(max(place, 0), rows) for place in (start, stop))
    return inputs[0].slice(start, stop - start)


@_rows.register
def _(node: Distinct, inputs: list[pa.Table]) -> list[Row]:
    subset = node.schema.names if node.subset is None else node.subset
    groups: dict[tuple[Any, ...], list[Row]] = {}
    for row in inputs[0].to_pylist():
        groups.setdefault(tuple(_key(row[name]) for name in subset), []).append(row)
    if node.keep == "none":
        return [rows[0] for rows in groups.values() if len(rows) == 1]
    return [rows[-1 if node.keep == "last" else 0] for rows in groups.values()]


@_rows.register
def _(node: Union, inputs: list[pa.Table]) -> pa.Table:
    return pa.concat_tables(inputs)


@_rows.register
def _(node: MapBatches, inputs: list[pa.Table]) -> pa.Table:
    return pa.Table.from_batches([node.function(_batch(inputs[0]))], schema=node.schema)

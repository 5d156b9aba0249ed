"""Runs a plan row by row, slowly and plainly: what the rows of a plan are, to test the optimizer.

It takes expressions from the engine, and nothing else: no operator, no exchange, no scheduler.
"""

from __future__ import annotations

import functools
import math
import operator
from collections.abc import Callable, Iterable
from typing import Any

import pyarrow as pa

from partita.engine.errors import ComputeError
from partita.engine.expr.aggregates import AGGREGATES
from partita.engine.expr.calendar import moved, moved_twice
from partita.engine.expr.evaluate import evaluate
from partita.engine.expr.node import Agg, Cast, Expr, SortKey, WindowCall
from partita.engine.plan.group_rows import GroupRows
from partita.engine.plan.joins import AsofJoin, RangeJoin, TwoSided
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
from partita.engine.plan.partitioning import Cache, Repartition
from partita.engine.plan.rolling import Rolling
from partita.engine.plan.shape import Beside, Explode, RandomBits, Reverse, RowIndex, Unnest
from partita.engine.plan.windows import WindowColumns
from partita.engine.schema import decoded

Row = dict[str, Any]


def run(plan: PlanNode) -> pa.Table:
    """Return the rows of `plan`, which scans tables in memory only."""
    done: dict[int, pa.Table] = {}
    for node in plan.walk():
        try:
            rows = _rows(node, [done[id(child)] for child in node.inputs])
            done[id(node)] = rows if isinstance(rows, pa.Table) else _table(rows, node.schema)
        except OverflowError as error:
            # A number that no column can hold: where the engine says so too.
            raise ComputeError(str(error)) from error
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
    kept = {
        agg: [True] * table.num_rows
        if agg.where is None
        else [value is True for value in _values(agg.where, table)]
        for _, agg, _ in aggs
    }
    return [
        {
            **{name: column[members[0]] for (name, _), column in zip(node.keys, keys, strict=True)},
            **{
                name: _aggregated(agg, [v[row] for row in members if kept[agg][row]])
                for name, agg, v in aggs
            },
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
    left, right = (table.to_pylist() for table in inputs)
    met = _met(node, *inputs)
    if node.how in ("semi", "anti"):
        return [
            row
            for row, places in zip(left, met, strict=True)
            if bool(places) == (node.how == "semi")
        ]
    pairs: list[tuple[Row | None, Row | None]] = []
    for row, places in zip(left, met, strict=True):
        pairs += [(row, right[place]) for place in places]
        if not places and node.how in ("left", "full"):
            pairs.append((row, None))
    if node.how in ("right", "full"):
        known = {place for places in met for place in places}
        pairs += [(None, row) for place, row in enumerate(right) if place not in known]
    return [_given(node, mine, other) for mine, other in pairs]


def _met(node: Join, left: pa.Table, right: pa.Table) -> list[list[int]]:
    """Return for each row of the left the rows of the right that it meets."""
    if node.how == "cross":
        return [list(range(right.num_rows))] * left.num_rows
    places: dict[tuple[Any, ...], list[int]] = {}
    for place, keys in enumerate(zip(*(_values(key, right) for key in node.right_on), strict=True)):
        if None not in keys or node.nulls_equal:
            places.setdefault(tuple(map(_key, keys)), []).append(place)
    of_left = zip(*(_values(key, left) for key in node.left_on), strict=True)
    return [places.get(tuple(map(_key, keys)), []) for keys in of_left]


@_rows.register
def _(node: AsofJoin, inputs: list[pa.Table]) -> list[Row]:
    left, right = inputs
    dtype = node.key_type()
    rows, others = left.to_pylist(), right.to_pylist()
    orders = _values(Cast(node.left_on, dtype), left), _values(Cast(node.right_on, dtype), right)
    keys = [
        list(zip(*(_values(key, table) for key in by), strict=True)) or [()] * table.num_rows
        for by, table in ((node.left_by, left), (node.right_by, right))
    ]
    found = []
    for row, (value, key) in zip(rows, zip(orders[0], keys[0], strict=True), strict=True):
        known = value is not None and None not in key
        same = [
            place
            for place, other in enumerate(keys[1])
            if known
            and orders[1][place] is not None
            and list(map(_key, other)) == list(map(_key, key))
        ]
        place = _asof_place(node, value, [(orders[1][place], place) for place in same])
        found.append(_given(node, row, None if place is None else others[place]))
    return found


def _asof_place(node: AsofJoin, value: Any, places: list[tuple[Any, int]]) -> int | None:
    """Return the place that is found for a value among those of its key."""

    def gap(other: Any) -> Any:
        return 0 if _ordering(other) == _ordering(value) else abs(other - value)

    mine = _ordering(value)
    tests = {
        "backward": lambda other: _ordering(other) <= mine,
        "forward": lambda other: _ordering(other) >= mine,
        "nearest": lambda other: True,
    }
    there = [
        (other, place)
        for other, place in places
        if tests[node.strategy](other)
        and (node.allow_exact_matches or _ordering(other) != mine)
        and (node.tolerance is None or gap(other) <= node.tolerance)
    ]
    if not there:
        return None
    if node.strategy == "forward":
        return min(there, key=lambda pair: (_ordering(pair[0]), pair[1]))[1]
    if node.strategy == "backward":
        return max(there, key=lambda pair: (_ordering(pair[0]), pair[1]))[1]
    return min(
        there, key=lambda pair: (gap(pair[0]), [-part for part in _ordering(pair[0])], -pair[1])
    )[1]


@_rows.register
def _(node: RangeJoin, inputs: list[pa.Table]) -> list[Row]:
    of_left = node.point_side == "left"
    points, others = inputs if of_left else reversed(inputs)
    dtype = node.key_type()
    values = _values(Cast(node.point, dtype), points)
    rows = [table.to_pylist() for table in inputs]
    found = []
    for one, value in enumerate(values):
        for other in range(others.num_rows):
            if value is not None and _within(node, value, others.slice(other, 1), dtype):
                left, right = (one, other) if of_left else (other, one)
                found.append(_given(node, rows[0][left], rows[1][right]))
    return found


def _within(node: RangeJoin, value: Any, other: pa.Table, dtype: pa.DataType) -> bool:
    for end, sign in ((node.low, 1), (node.high, -1)):
        if end is None:
            continue
        (edge,) = _values(Cast(end.expr, dtype), other)
        if edge is None:
            return False
        mine, edges = _ordering(value), _ordering(edge)
        inside = mine > edges if sign == 1 else mine < edges
        if not inside and not (end.inclusive and mine == edges):
            return False
    return True


def _given(node: TwoSided, left: Row | None, right: Row | None) -> Row:
    """Return the joined row of two rows, of which one may not be there."""
    row: Row = {}
    for each in node.columns():
        of_left = left is not None if each.side == "both" else each.side == "left"
        source, name = (left, each.name) if of_left else (right, each.partner or each.name)
        row[each.given] = None if source is None else source[name]
    return row


@_rows.register
def _(node: Sort, inputs: list[pa.Table]) -> pa.Table:
    order = _in_order(inputs[0], node.by)
    return inputs[0].take(pa.array(order[: node.limit], pa.int64()))


def _in_order(table: pa.Table, by: tuple[SortKey, ...]) -> list[int]:
    order = list(range(table.num_rows))
    for key in reversed(by):
        values = _values(key.expr, table)
        nulls = [row for row in order if values[row] is None]
        rest = [row for row in order if values[row] is not None]
        rest.sort(key=lambda row: _ordering(values[row]), reverse=key.descending)
        order = rest + nulls if key.nulls_last else nulls + rest
    return order


@_rows.register
def _(node: WindowColumns, inputs: list[pa.Table]) -> pa.Table:
    (table,) = inputs
    keys = [_values(key, table) for key in node.keys]
    groups: dict[tuple[Any, ...], list[int]] = {}
    for row in _in_order(table, node.order_by):
        groups.setdefault(tuple(_key(column[row]) for column in keys), []).append(row)
    for name, function in node.functions:
        made: list[Any] = [None] * table.num_rows
        argument = function.children[0] if function.children else None
        values = [1] * table.num_rows if argument is None else _values(argument, table)
        for members in groups.values():
            inner = [values[row] for row in members]
            if isinstance(function, Agg):
                found = [_aggregated(function, inner)] * len(members)
            else:
                assert isinstance(function, WindowCall)
                found = _WINDOWS[function.name](inner)
            for row, value in zip(members, found, strict=True):
                made[row] = value
        table = table.append_column(name, pa.array(made, node.schema.field(name).type))
    return table


def _running(values: list[Any]) -> list[Any]:
    total: Any = 0
    found = []
    for value in values:
        total = total if value is None else total + value
        found.append(None if value is None else total)
    return found


def _ranks(values: list[Any]) -> list[Any]:
    known = [_ordering(value) for value in values if value is not None]
    return [
        None if value is None else 1 + sum(other < _ordering(value) for other in known)
        for value in values
    ]


_WINDOWS: dict[str, Callable[[list[Any]], list[Any]]] = {
    "shift": lambda values: [None, *values[:-1]],
    "cum_sum": _running,
    "rank": _ranks,
    "row_index": lambda values: list(range(len(values))),
    "forward_fill": lambda values: [
        next((each for each in values[row::-1] if each is not None), None)
        for row in range(len(values))
    ],
}
"""With the settings that `random_plans` gives them: one row before, ranks by the least."""


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
def _(node: GroupRows, inputs: list[pa.Table]) -> list[Row]:
    groups: dict[tuple[Any, ...], list[Row]] = {}
    for row in inputs[0].to_pylist():
        groups.setdefault(tuple(_key(row[name]) for name in node.keys), []).append(row)
    kept = {False: slice(0, node.count), True: slice(-node.count or 10**9, None)}[node.last]
    return [row for rows in groups.values() for row in rows[kept]]


@_rows.register
def _(node: Rolling, inputs: list[pa.Table]) -> list[Row]:
    table = inputs[0]
    keys = list(zip(*(_values(expr, table) for _, expr in node.keys), strict=True))
    keys = keys or [()] * table.num_rows
    on = table.column(node.on).combine_chunks()
    times, lows = on.to_pylist(), moved(on, node.offset).to_pylist()
    highs = moved_twice(on, node.offset, node.period).to_pylist()
    after_low = operator.ge if node.closed in ("left", "both") else operator.gt
    before_high = operator.le if node.closed in ("right", "both") else operator.lt
    of: list[tuple[str, Agg, list[Any]]] = []
    for name, agg in node.aggs:
        assert isinstance(agg, Agg)
        of.append((name, agg, [1] * len(times) if agg.input is None else _values(agg.input, table)))
    found = []
    for row in sorted(range(len(times)), key=times.__getitem__):
        members = [
            other
            for other in sorted(range(len(times)), key=times.__getitem__)
            if tuple(map(_key, keys[other])) == tuple(map(_key, keys[row]))
            and after_low(times[other], lows[row])
            and before_high(times[other], highs[row])
        ]
        made = {
            name: _aggregated(agg, [values[each] for each in members]) for name, agg, values in of
        }
        named = {name: value for (name, _), value in zip(node.keys, keys[row], strict=True)}
        found.append({**named, node.on: times[row], **made})
    return found


@_rows.register
def _(node: Union, inputs: list[pa.Table]) -> pa.Table:
    return pa.concat_tables(inputs)


@_rows.register(Cache)
@_rows.register(Repartition)
def _(node: Cache | Repartition, inputs: list[pa.Table]) -> pa.Table:
    return inputs[0]


@_rows.register
def _(node: Explode, inputs: list[pa.Table]) -> list[Row]:
    found = []
    for row in inputs[0].to_pylist():
        lists = {name: _exploded(node, row[name]) for name in node.columns}
        (count,) = {len(values) for values in lists.values()}
        for place in range(count):
            found.append({**row, **{name: values[place] for name, values in lists.items()}})
    return found


def _exploded(node: Explode, values: list[Any] | None) -> list[Any]:
    if values is None:
        return [None] if node.keep_nulls else []
    return values or ([None] if node.empty_as_null else [])


@_rows.register
def _(node: Unnest, inputs: list[pa.Table]) -> list[Row]:
    found = []
    for row in inputs[0].to_pylist():
        values: list[Any] = []
        for field in node.input.schema:
            if not node.opens(field):
                values.append(row[field.name])
                continue
            struct = row[field.name] or {}
            values += [struct.get(each.name) for each in field.type]
        found.append(dict(zip(node.schema.names, values, strict=True)))
    return found


@_rows.register
def _(node: RowIndex, inputs: list[pa.Table]) -> pa.Table:
    numbers = range(node.offset, node.offset + inputs[0].num_rows)
    return inputs[0].add_column(0, node.schema.field(0), [pa.array(numbers, pa.int64())])


@_rows.register
def _(node: RandomBits, inputs: list[pa.Table]) -> pa.Table:
    bits = [
        _mixed(number * _GOLDEN + _mixed(node.seed * _GOLDEN + _GOLDEN)) >> 1
        for number in range(inputs[0].num_rows)
    ]
    return inputs[0].add_column(0, node.schema.field(0), [pa.array(bits, pa.int64())])


_GOLDEN = 0x9E3779B97F4A7C15


def _mixed(value: int) -> int:
    """Return the finalizer of splitmix64, in Python's integers."""
    word = (1 << 64) - 1
    value &= word
    value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & word
    value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & word
    return value ^ (value >> 31)


@_rows.register
def _(node: Reverse, inputs: list[pa.Table]) -> pa.Table:
    return inputs[0].take(pa.array(range(inputs[0].num_rows - 1, -1, -1), pa.int64()))


@_rows.register
def _(node: Beside, inputs: list[pa.Table]) -> list[Row]:
    rows = max(table.num_rows for table in inputs)
    assert node.extend or {table.num_rows for table in inputs} == {rows}
    parts = [
        table.to_pylist() + [dict.fromkeys(table.schema.names)] * (rows - table.num_rows)
        for table in inputs
    ]
    return [{k: v for row in line for k, v in row.items()} for line in zip(*parts, strict=True)]


@_rows.register
def _(node: MapBatches, inputs: list[pa.Table]) -> pa.Table:
    return pa.Table.from_batches([node.function(_batch(inputs[0]))], schema=node.schema)

"""Rolling aggregates: rows of a group meet by hash; without keys, ranges of time overlap."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from ..expr.calendar import moved, moved_twice
from ..expr.evaluate import dtype_of
from ..expr.node import Agg, Column, Expr, Literal, SortKey
from ..plan.rolling import Rolling
from .kernels.sort import boundaries
from .kernels.words import storage
from .large_exchanges import range_count
from .lower_aggregate import slot_count
from .operators.compute import Compute
from .operators.rolling import RollingAggregate
from .operators.sort import SortRun
from .operators.take_range import TakeRange
from .pipeline import Pipeline, slots_together
from .stage import Branch, Exchange, KeyRange, StageOutput, TaskInput

if TYPE_CHECKING:
    from .planner import Planner


def lower_rolling(node: Rolling, planner: Planner) -> Pipeline | None:
    """Return the pipeline of a rolling aggregation, or None while the stage before it runs."""
    source = planner.lower(node.input)
    if source is None:
        return None
    prepared, aggregate = _prepared(node, source)
    if source.partitions > 1:
        if node.keys:
            met = _by_key(node, planner, prepared, aggregate.keys)
        else:
            met = _by_time(node, planner, prepared)
        if met is None:
            return None
        prepared = met
    return prepared.then(aggregate, schema=node.schema, site=node.site)


def _prepared(node: Rolling, source: Pipeline) -> tuple[Pipeline, RollingAggregate]:
    """Return `source` with what is needed of it as columns, and the operator over these."""
    columns: dict[str, Expr] = {"__on": Column(node.on)}
    keys = []
    for number, (_, expr) in enumerate(node.keys):
        keys.append(f"__key_{number}")
        columns[keys[-1]] = expr
    aggs = []
    for name, agg in node.aggs:
        assert isinstance(agg, Agg)
        inner: list[Expr] = []
        for child in agg.children:
            if isinstance(child, Literal):
                inner.append(child)
                continue
            known = next((made for made, expr in columns.items() if expr == child), None)
            if known is None:
                known = f"__of_{len(columns)}"
                columns[known] = child
            inner.append(Column(known))
        aggs.append((name, agg.with_children(tuple(inner))))
    schema = pa.schema([(name, dtype_of(expr, source.schema)) for name, expr in columns.items()])
    operator = RollingAggregate(
        keys=tuple(keys),
        on="__on",
        period=node.period,
        offset=node.offset,
        closed=node.closed,
        aggs=tuple((name, agg) for name, agg in aggs if isinstance(agg, Agg)),
        schema=node.schema,
    )
    return source.then(
        Compute(exprs=tuple(columns.items()), schema=schema), schema=schema
    ), operator


def _by_key(
    node: Rolling, planner: Planner, source: Pipeline, keys: tuple[str, ...]
) -> Pipeline | None:
    target = planner.settings.exchange_bytes
    slots = slot_count(source.input_bytes, target)
    if slots == 1:
        return planner.gathered(node, "groups", source)
    exchange = Exchange(kind="hash", keys=keys, partitions=slots)
    output = planner.run(node, "groups", source, exchange)
    return None if output is None else slots_together(output, target, "groups")


def _by_time(node: Rolling, planner: Planner, source: Pipeline) -> Pipeline | None:
    """Return one partition for each range of times, with what lies in the windows beside it."""
    by = (SortKey(Column("__on")),)
    runs = source.then(SortRun(by=by), site=node.site)
    output = planner.run(node, "runs", runs, Exchange(kind="range"), sort=by)
    if output is None:
        return None
    count = range_count(output.bytes, len(output.refs()), planner.settings.exchange_bytes)
    cuts = boundaries([result.samples for result in output.results], count, by)
    edges: list[Any] = [None, *(cut for cut in cuts if cut[0] is not None), None]
    inputs = tuple(
        _overlapping(node, output, KeyRange(low=low, high=high), number)
        for number, (low, high) in enumerate(itertools.pairwise(edges))
    )
    branch = Branch(inputs=inputs, schema=source.schema, operators=(TakeRange(by=by),))
    return Pipeline(branches=(branch,), schema=source.schema, reads=(output.stage.id,))


def _overlapping(node: Rolling, output: StageOutput, own: KeyRange, number: int) -> TaskInput:
    dtype = node.input.schema.field(node.on).type
    low, high = own.low, own.high
    if low is not None:
        low = (min(low[0], _tick(low[0], dtype, lambda edge: moved(edge, node.offset))),)
    if high is not None:
        # The end of a range is not within it, the end of a window may be.
        end = _tick(high[0], dtype, lambda edge: moved_twice(edge, node.offset, node.period))
        high = (max(high[0], end + 1),)
    return TaskInput(
        refs=output.refs(),
        key_range=replace(own, low=low, high=high),
        own_range=own,
        label=f"range {number}",
    )


def _tick(tick: int, dtype: pa.DataType, move: Callable[[pa.Array], pa.Array]) -> int:
    """Return the integer behind a point in time that is moved from that of `tick`."""
    width = pa.int32() if pa.types.is_date32(dtype) else pa.int64()
    plain = pa.array([tick], dtype if pa.types.is_integer(dtype) else width)
    return int(storage(move(plain.cast(dtype)))[0])

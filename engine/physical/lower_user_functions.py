"""Functions of the user over groups, which meet in a partition, and in a tree of partitions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from ..expr.evaluate import dtype_of
from ..expr.node import Column
from ..plan.user_functions import OBJECTS, MapGroups, Reduce
from ..schema import free_name, has_column
from .lower_aggregate import slot_count
from .operators.compute import Compute
from .operators.map_groups import MapGroupsRows
from .operators.reduce import CombineObjects, ReduceRows
from .pipeline import Pipeline, over_refs, slots_together
from .stage import Exchange

if TYPE_CHECKING:
    from .planner import Planner

FAN_IN = 8
"""Objects that one task combines: a tree over 4,096 partitions has four levels."""


def lower_map_groups(node: MapGroups, planner: Planner) -> Pipeline | None:
    """Return the pipeline of a function of groups, or None while these are brought together."""
    source = planner.lower(node.input)
    if source is None:
        return None
    keyed, keys = _with_keys(node, source)
    met = _meet(node, planner, keyed, keys)
    if met is None:
        return None
    call = MapGroupsRows(
        keys=keys,
        function=node.function,
        given=node.given,
        schema=node.schema,
        takes=node.takes,
        site=node.site,
    )
    return met.then(call, schema=node.schema, site=node.site)


def _with_keys(node: MapGroups, source: Pipeline) -> tuple[Pipeline, tuple[str, ...]]:
    """Return `source` with computed keys as columns, and the names of all keys."""
    keys, computed = [], []
    taken = {*source.schema.names, *(name for name, _ in node.keys)}
    for number, (name, expr) in enumerate(node.keys):
        if expr == Column(name):
            keys.append(name)
            continue
        # The function sees it by its name, unless a column of the rows is called so.
        keys.append(free_name(f"key_{number}", taken) if has_column(source.schema, name) else name)
        computed.append((keys[-1], expr))
    if not computed:
        return source, tuple(keys)
    exprs = (*((name, Column(name)) for name in source.schema.names), *computed)
    schema = pa.schema([pa.field(name, dtype_of(expr, source.schema)) for name, expr in exprs])
    return source.then(Compute(exprs=exprs, schema=schema), schema=schema), tuple(keys)


def _meet(
    node: MapGroups, planner: Planner, source: Pipeline, keys: tuple[str, ...]
) -> Pipeline | None:
    """Return the rows so that those of one group are in one partition."""
    target = planner.settings.exchange_bytes
    slots = slot_count(source.input_bytes, target)
    if source.partitions == 1 or node.maintain_order or slots == 1:
        return planner.gathered(node, "groups", source)
    exchange = Exchange(kind="hash", keys=keys, partitions=slots)
    output = planner.run(node, "groups", source, exchange)
    if output is None:
        return None
    return slots_together(output, target, "groups")


def lower_reduce(node: Reduce, planner: Planner) -> Pipeline | None:
    """Return the pipeline that gives the one object, or None while a level of the tree runs."""
    source = planner.lower(node.input)
    if source is None:
        return None
    reduce = ReduceRows(
        function=node.function, given=node.input.schema, takes=node.takes, site=node.site
    )
    combine = CombineObjects(function=node.combine, site=node.site)
    pipeline = source.then(reduce, schema=OBJECTS, site=node.site)
    level = 0
    while True:
        output = planner.run(node, f"level {level}", pipeline, Exchange(kind="forward"))
        if output is None:
            return None
        refs = output.refs()
        reads = (output.stage.id,)
        if not refs:
            # No partition has rows: the function says what is made of none.
            of_none = over_refs([[]], node.input.schema, reads, "no rows")
            empty = ReduceRows(
                function=node.function,
                given=node.input.schema,
                takes=node.takes,
                site=node.site,
                empty=True,
            )
            return of_none.then(empty, schema=OBJECTS, site=node.site)
        groups = [refs[start : start + FAN_IN] for start in range(0, len(refs), FAN_IN)]
        pipeline = over_refs(groups, OBJECTS, reads, "objects").then(combine, site=node.site)
        if len(groups) == 1:
            return pipeline
        level += 1

"""How each logical node becomes operators; the nodes that need exchanges have files of their own.

`lower_node` is a singledispatch over node classes. Each rule returns the pipeline of its node, or
None as long as a stage it stands on has not finished, and is asked again then.
"""

from __future__ import annotations

import functools
from dataclasses import replace
from typing import TYPE_CHECKING

import pyarrow as pa

from .. import schema as schemas
from ..errors import PlanError
from ..expr.node import Agg, Call, Column, Literal, columns_of
from ..plan.group_rows import GroupRows
from ..plan.joins import AsofJoin, RangeJoin
from ..plan.node import PlanNode
from ..plan.nodes import (
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
from ..plan.partitioning import Cache, Repartition, TakePartitions
from ..plan.rolling import Rolling
from ..plan.shape import Beside, Explode, RandomBits, Reverse, RowIndex, Unnest
from ..plan.together import RunFunction
from ..plan.user_functions import MapGroups, Reduce
from ..plan.windows import WindowColumns
from ..schema import free_name
from ..source import Pushdown
from .lower_aggregate import lower_aggregate
from .lower_asof import lower_asof
from .lower_cross import lower_cross
from .lower_group_rows import lower_group_rows
from .lower_join import lower_join
from .lower_partitioning import lower_cache, lower_repartition, lower_take_partitions
from .lower_range_join import lower_range_join
from .lower_rolling import lower_rolling
from .lower_shape import (
    lower_beside,
    lower_explode,
    lower_random_bits,
    lower_reverse,
    lower_row_index,
    lower_unnest,
)
from .lower_slice import lower_slice
from .lower_sort import lower_sort
from .lower_together import lower_run_function
from .lower_user_functions import lower_map_groups, lower_reduce
from .lower_window import lower_window
from .operators.compute import Compute
from .operators.filter import FilterRows
from .operators.map_batches import MapBatchesRows
from .pipeline import Pipeline, merged_sites
from .stage import Branch, TaskInput

if TYPE_CHECKING:
    from .planner import Planner


@functools.singledispatch
def lower_node(node: PlanNode, planner: Planner) -> Pipeline | None:
    """Return the pipeline of `node`, or None while it waits for a stage."""
    raise PlanError(f"There is no way to run a {type(node).__name__} node here.")


def read_pushdown(node: Scan) -> Pushdown:
    """Return what the source is asked for: the columns that are given, then the predicate's."""
    pushdown = node.pushdown
    if pushdown.predicate is None or pushdown.columns is None:
        return pushdown
    needed = columns_of(pushdown.predicate) - set(pushdown.columns)
    # In the order of the source, since a set has none.
    extra = tuple(name for name in node.source.schema.names if name in needed)
    return replace(pushdown, columns=(*pushdown.columns, *extra))


@lower_node.register(Scan)
def _(node: Scan, planner: Planner) -> Pipeline:
    read = read_pushdown(node)
    inputs = tuple(
        TaskInput(fragment=fragment, label=fragment.label)
        for fragment in planner.scan_plan(node).fragments
    )
    names = node.source.schema.names if read.columns is None else read.columns
    schema = schemas.select(node.source.schema, names)
    pipeline = Pipeline(
        branches=(Branch(inputs=inputs, schema=schema),),
        schema=schema,
        sites=() if node.site is None else (node.site,),
    )
    if read.predicate is not None:
        pipeline = pipeline.then(FilterRows(predicate=read.predicate))
    if schema.names != node.schema.names:
        pipeline = only(pipeline, node.schema)
    return pipeline


def only(pipeline: Pipeline, schema: pa.Schema) -> Pipeline:
    """Return the pipeline with the columns of `schema` alone, in its order."""
    exprs = tuple((name, Column(name)) for name in schema.names)
    fewer = pipeline.then(Compute(exprs=exprs, schema=schema), schema=schema)
    return fewer.keeping(pipeline, {name: name for name in schema.names})


@lower_node.register(Filter)
def _(node: Filter, planner: Planner) -> Pipeline | None:
    pipeline = planner.lower(node.input)
    if pipeline is None:
        return None
    filtered = pipeline.then(FilterRows(predicate=node.predicate), site=node.site)
    return filtered.keeping(pipeline, {name: name for name in node.schema.names})


@lower_node.register(Project)
def _(node: Project, planner: Planner) -> Pipeline | None:
    pipeline = planner.lower(node.input)
    if pipeline is None:
        return None
    compute = Compute(exprs=node.exprs, schema=node.schema)
    kept = {expr.name: name for name, expr in node.exprs if isinstance(expr, Column)}
    return pipeline.then(compute, schema=node.schema, site=node.site).keeping(pipeline, kept)


@lower_node.register(MapBatches)
def _(node: MapBatches, planner: Planner) -> Pipeline | None:
    pipeline = planner.lower(node.input)
    call = MapBatchesRows(
        function=node.function,
        given=node.input.schema,
        schema=node.schema,
        takes=node.takes,
        whole_partition=node.whole_partition,
        site=node.site,
    )
    return pipeline and pipeline.then(call, schema=node.schema, site=node.site)


@lower_node.register(Union)
def _(node: Union, planner: Planner) -> Pipeline | None:
    # All parts are asked before any is waited for, so that their stages run side by side.
    parts = [planner.lower(part) for part in node.parts]
    pipelines = [part for part in parts if part is not None]
    if len(pipelines) < len(parts):
        return None
    sites = functools.reduce(merged_sites, (part.sites for part in pipelines))
    return Pipeline(
        branches=tuple(branch for part in pipelines for branch in part.branches),
        schema=node.schema,
        reads=tuple(read for part in pipelines for read in part.reads),
        sites=sites,
    )


lower_node.register(Aggregate, lower_aggregate)
lower_node.register(GroupRows, lower_group_rows)


@lower_node.register(Join)
def _(node: Join, planner: Planner) -> Pipeline | None:
    return lower_cross(node, planner) if node.how == "cross" else lower_join(node, planner)


lower_node.register(AsofJoin, lower_asof)
lower_node.register(RangeJoin, lower_range_join)
lower_node.register(Sort, lower_sort)
lower_node.register(Slice, lower_slice)
lower_node.register(Rolling, lower_rolling)
lower_node.register(Explode, lower_explode)
lower_node.register(RowIndex, lower_row_index)
lower_node.register(Unnest, lower_unnest)
lower_node.register(RandomBits, lower_random_bits)
lower_node.register(Reverse, lower_reverse)
lower_node.register(Beside, lower_beside)
lower_node.register(Cache, lower_cache)
lower_node.register(MapGroups, lower_map_groups)
lower_node.register(Reduce, lower_reduce)
lower_node.register(Repartition, lower_repartition)
lower_node.register(RunFunction, lower_run_function)
lower_node.register(TakePartitions, lower_take_partitions)
lower_node.register(WindowColumns, lower_window)


@lower_node.register(Distinct)
def _(node: Distinct, planner: Planner) -> Pipeline | None:
    """A distinct is an aggregation whose other columns are the first (or last) of their group."""
    names = node.schema.names
    subset = names if node.subset is None else node.subset
    which = "last" if node.keep == "last" else "first"
    rest = [name for name in names if name not in subset]
    aggs = [(name, Agg(which, Column(name))) for name in rest]
    count = free_name("group_rows", names)
    if node.keep == "none":
        aggs.append((count, Agg("len", None)))
    grouped = Aggregate(
        input=node.input,
        keys=tuple((name, Column(name)) for name in subset),
        aggs=tuple(aggs),
        maintain_order=node.maintain_order,
        site=node.site,
    )
    # Rows that keep their order stand where they stood: a last row behind those before it.
    by_last = node.maintain_order and node.keep == "last"
    pipeline = lower_aggregate(grouped, planner, asked_by=node, by_last=by_last)
    if pipeline is None:
        return None
    if node.keep == "none":
        once = Call("eq", (Column(count), Literal(pa.scalar(1, pa.int64()))))
        counted = pipeline
        pipeline = counted.then(FilterRows(predicate=once))
        pipeline = pipeline.keeping(counted, {name: name for name in pipeline.schema.names})
    return only(pipeline, node.schema)

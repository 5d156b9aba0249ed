"""As-of joins: the right in every task while it is small; else both sides are cut alike.

With keys both sides are split by their hash, without any by ranges of the order. Rows of the left
leave their order then: they are numbered before and sorted by their numbers behind the join.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

import pyarrow as pa

from ..expr.node import Call, Column, SortKey
from ..plan.joins import AsofJoin
from ..schema import free_name
from .join_inputs import JoinInput, by_hash, typed_keys, with_side
from .join_slots import join_tasks
from .kernels.sort import boundaries
from .large_exchanges import range_count
from .lower_aggregate import slot_count
from .lower_sort import in_order
from .operators.asof_join import FindAsof
from .operators.compute import Compute
from .operators.filter import FilterRows
from .operators.number_rows import NumberRows
from .operators.sort import SortRun
from .operators.take_range import TakeRange
from .own_side import of_stage
from .pipeline import Pipeline
from .stage import Branch, Exchange, KeyRange, Side, StageOutput, TaskInput

if TYPE_CHECKING:
    from .planner import Planner


def _number(node: AsofJoin) -> str:
    """Return what the number of a row of the left is called."""
    return free_name("left_row", node.left.schema.names, node.schema.names)


def _on(node: AsofJoin) -> str:
    """Return what the order is called, on both sides."""
    return free_name("on", node.left.schema.names, node.right.schema.names)


def lower_asof(node: AsofJoin, planner: Planner) -> Pipeline | None:
    """Return the pipeline of an as-of join, or None while a stage it stands on runs."""
    left, right = planner.lower(node.left), planner.lower(node.right)
    if right is None:
        return None
    known = FilterRows(predicate=Call("is_not_null", (node.right_on,)))
    built = _built(node, planner, right.then(known))
    if built is None or left is None:
        return None
    operator = _operator(node)
    kind = built.stage.output.kind
    if built.bytes <= planner.settings.broadcast_bytes or kind == "broadcast":
        joined = with_side(node, left, of_stage(built), replace(operator, shared=True))
        return replace(joined, schema=node.schema)
    schema = left.schema.append(pa.field(_number(node), pa.int64()))
    numbered = left.then(NumberRows(name=_number(node)), schema=schema)
    operator = replace(operator, output=(*operator.output, ("left", _number(node), _number(node))))
    cut = _by_slot if kind == "hash" else _by_range
    found = cut(node, planner, numbered, built, operator)
    if found is None:
        return None
    found = replace(found, schema=node.schema.append(pa.field(_number(node), pa.int64())))
    ordered = in_order(node, planner, found, (SortKey(Column(_number(node))),))
    if ordered is None:
        return None
    exprs = tuple((name, Column(name)) for name in node.schema.names)
    return ordered.then(Compute(exprs=exprs, schema=node.schema), schema=node.schema)


def _operator(node: AsofJoin) -> FindAsof:
    return FindAsof(
        left_on=node.left_on,
        right_on=node.right_on,
        left_by=node.left_by,
        right_by=node.right_by,
        types=(node.key_type(), *node.by_types()),
        strategy=node.strategy,
        exact=node.allow_exact_matches,
        tolerance=node.tolerance,
        side=0,
        output=tuple((each.side, each.name, each.given) for each in node.columns()),
        right_schema=node.right.schema,
        id="",
    )


def _built(node: AsofJoin, planner: Planner, right: Pipeline) -> StageOutput | None:
    """Return the finished right side, cut as the left will have to be if it is not small."""
    settings = planner.settings
    if right.input_bytes <= settings.broadcast_bytes:
        return planner.run(node, "build", right, Exchange(kind="broadcast"))
    if node.right_by:
        slots = slot_count(right.input_bytes, settings.exchange_bytes)
        return by_hash(node, planner, _side(node, "right", right), "build", max(2, slots))
    return _runs(node, planner, "right", right)


def _side(node: AsofJoin, role: str, pipeline: Pipeline) -> JoinInput:
    below = node.left if role == "left" else node.right
    keys = node.left_by if role == "left" else node.right_by
    typed = typed_keys(keys, below.schema, node.by_types())
    return JoinInput(role=role, node=below, pipeline=pipeline, keys=typed)


def _by_slot(
    node: AsofJoin, planner: Planner, left: Pipeline, built: StageOutput, operator: FindAsof
) -> Pipeline | None:
    """Return the join of both sides split by the hash of their keys."""
    slots = built.stage.output.partitions
    moved = by_hash(node, planner, _side(node, "left", left), "probe", slots)
    if moved is None:
        return None
    # As in a semi-join only the left may be split where a key has many rows.
    tasks = join_tasks("semi", False, moved, built, planner.settings.exchange_bytes)
    inputs = tuple(
        TaskInput(refs=task.streamed, label=f"keys {number}") for number, task in enumerate(tasks)
    )
    branch = Branch(inputs=inputs, schema=moved.stage.schema)
    source = Pipeline(
        branches=(branch,),
        schema=moved.stage.schema,
        reads=(moved.stage.id,),
        sites=moved.stage.sites,
    )
    side = Side(partitions=tuple(task.built for task in tasks), schema=built.stage.schema)
    return with_side(node, source, replace(of_stage(built), side=side), operator)


def _runs(node: AsofJoin, planner: Planner, role: str, pipeline: Pipeline) -> StageOutput | None:
    """Return one side as runs sorted by the order, which is added as a column of one type."""
    below = node.left if role == "left" else node.right
    on = node.left_on if role == "left" else node.right_on
    (typed,) = typed_keys((on,), below.schema, (node.key_type(),))
    exprs = (*((name, Column(name)) for name in pipeline.schema.names), (_on(node), typed))
    keyed = pipeline.schema.append(pa.field(_on(node), node.key_type()))
    by = (SortKey(Column(_on(node))),)
    runs = pipeline.then(Compute(exprs=exprs, schema=keyed), SortRun(by=by), schema=keyed)
    return planner.run(node, f"{role} runs", runs, Exchange(kind="range"), sort=by)


def _by_range(
    node: AsofJoin, planner: Planner, left: Pipeline, built: StageOutput, operator: FindAsof
) -> Pipeline | None:
    """Return the join of both sides cut at the same places of the order."""
    moved = _runs(node, planner, "left", left)
    if moved is None:
        return None
    by = (SortKey(Column(_on(node))),)
    runs = len(moved.refs()) + len(built.refs())
    count = range_count(moved.bytes + built.bytes, runs, planner.settings.exchange_bytes)
    samples = [result.samples for result in (*moved.results, *built.results)]
    edges = [None, *boundaries(samples, count, by), None]
    refs = moved.refs()
    inputs = tuple(
        TaskInput(refs=refs, key_range=KeyRange(low=low, high=high), label=f"range {number}")
        for number, (low, high) in enumerate(pairwise(edges))
    )
    branch = Branch(inputs=inputs, schema=moved.stage.schema, operators=(TakeRange(by=by),))
    source = Pipeline(
        branches=(branch,),
        schema=moved.stage.schema,
        reads=(moved.stage.id,),
        sites=moved.stage.sites,
    )
    ranged = replace(operator, ranged=True)
    return with_side(node, source, of_stage(built), ranged)

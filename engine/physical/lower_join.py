"""Joins: the build side first, then broadcast or shuffle by what it turned out to be."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pyarrow as pa

from ..expr.evaluate import dtype_of
from ..expr.node import Cast, Column, Expr
from ..optimizer.estimate import estimate
from ..plan.node import PlanNode
from ..plan.nodes import Join
from .lower_aggregate import slot_count
from .operators.compute import Compute
from .operators.join import HashJoin
from .pipeline import Pipeline, balanced, merged_sites, over_refs
from .stage import Branch, Exchange, Side, StageOutput

if TYPE_CHECKING:
    from .planner import Planner


@dataclass(frozen=True, kw_only=True)
class _Input:
    """One side of a join with its keys as columns of the types they are compared in."""

    node: PlanNode
    role: str
    pipeline: Pipeline | None
    keys: tuple[Expr, ...]

    def key_names(self) -> tuple[str, ...]:
        return tuple(f"__{self.role}_key_{number}" for number in range(len(self.keys)))


def lower_join(node: Join, planner: Planner) -> Pipeline | None:
    """Return the pipeline of a join, or None while its build side or its shuffle runs.

    Both sides are lowered before either is waited for, so that independent builds run side by
    side. The build side is written by hash of its keys when it may turn out too large for every
    task to hold it; if it turns out small, it is broadcast all the same.
    """
    swap = _build_left(node)
    left = _Input(
        node=node.left,
        role="left",
        pipeline=planner.lower(node.left),
        keys=_typed(node.left_on, node.left.schema, node.key_types()),
    )
    right = _Input(
        node=node.right,
        role="right",
        pipeline=planner.lower(node.right),
        keys=_typed(node.right_on, node.right.schema, node.key_types()),
    )
    build, probe = (left, right) if swap else (right, left)
    built = _build(node, planner, build)
    if built is None or probe.pipeline is None:
        return None
    join = _operator(node, swap)
    if built.bytes <= planner.settings.broadcast_bytes or built.stage.output.kind != "hash":
        return _broadcast(node, probe.pipeline, built, join)
    return _shuffle(node, planner, probe, built, join)


def _typed(
    keys: tuple[Expr, ...], schema: pa.Schema, types: tuple[pa.DataType, ...]
) -> tuple[Expr, ...]:
    """Return the keys cast to the type in which they are compared, where it is another."""
    return tuple(
        key if dtype_of(key, schema) == dtype else Cast(key, dtype)
        for key, dtype in zip(keys, types, strict=True)
    )


def _build_left(node: Join) -> bool:
    """Return whether the left side is the one to build: an inner join whose left is smaller."""
    if node.how != "inner" or node.maintain_order:
        return False
    return estimate(node.left).bytes < estimate(node.right).bytes


def _operator(node: Join, swap: bool) -> HashJoin:
    output = [("left", name, name) for name in node.left.schema.names]
    output += [("right", name, given) for name, given in node.right_columns()]
    types = node.key_types()
    return HashJoin(
        left_on=_typed(node.left_on, node.left.schema, types),
        right_on=_typed(node.right_on, node.right.schema, types),
        key_types=types,
        how=node.how,
        side=0,
        swap=swap,
        output=tuple(output),
        left_schema=node.left.schema,
        right_schema=node.right.schema,
        shared_build=False,
        id="",
    )


def _build(node: Join, planner: Planner, build: _Input) -> StageOutput | None:
    """Return the finished build side."""
    pipeline = build.pipeline
    if pipeline is None:
        return None
    settings = planner.settings
    small = pipeline.input_bytes <= settings.broadcast_bytes
    if small or node.maintain_order:
        return planner.run(node, "build", pipeline, Exchange(kind="broadcast"))
    slots = slot_count(pipeline.input_bytes, settings.exchange_bytes)
    return _by_hash(node, planner, build, "build", max(2, slots))


def _by_hash(
    node: Join, planner: Planner, side: _Input, role: str, slots: int
) -> StageOutput | None:
    """Return one side split by the hash of its keys, which are added as columns."""
    assert side.pipeline is not None
    names = side.key_names()
    schema = side.pipeline.schema
    exprs = (*((name, Column(name)) for name in schema.names), *zip(names, side.keys, strict=True))
    keyed = pa.schema([pa.field(name, dtype_of(expr, schema)) for name, expr in exprs])
    pipeline = side.pipeline.then(Compute(exprs=exprs, schema=keyed), schema=keyed)
    return planner.run(node, role, pipeline, Exchange(kind="hash", keys=names, partitions=slots))


def _broadcast(node: Join, probe: Pipeline, built: StageOutput, join: HashJoin) -> Pipeline:
    """Return the probe side with the join fused into it; every task reads the whole build side."""
    side = Side(partitions=(built.refs(),), schema=built.stage.schema)
    return _joined(node, probe, side, built, replace(join, shared_build=True))


def _shuffle(
    node: Join, planner: Planner, probe: _Input, built: StageOutput, join: HashJoin
) -> Pipeline | None:
    """Return the join of both sides split by the hash of their keys."""
    slots = built.stage.output.partitions
    moved = _by_hash(node, planner, probe, "probe", slots)
    if moved is None:
        return None
    build_slots, probe_slots = built.slots(), moved.slots()
    sizes = [
        sum(ref.bytes for ref in (*mine, *others))
        for mine, others in zip(build_slots, probe_slots, strict=True)
    ]
    runs = balanced(sizes, planner.settings.exchange_bytes)
    probe_groups = [[ref for slot in run for ref in probe_slots[slot]] for run in runs]
    build_groups = [tuple(ref for slot in run for ref in build_slots[slot]) for run in runs]
    source = over_refs(probe_groups, moved.stage.schema, (moved.stage.id,), "keys")
    side = Side(partitions=tuple(build_groups), schema=built.stage.schema)
    return _joined(node, source, side, built, join)


def _joined(
    node: Join, probe: Pipeline, side: Side, built: StageOutput, join: HashJoin
) -> Pipeline:
    """Return `probe` with the side input and the join behind each of its branches."""
    first = 0
    branches: list[Branch] = []
    for branch in probe.branches:
        count = len(branch.inputs)
        # A side that differs by partition is given to each branch for its own partitions.
        own = side if len(side.partitions) == 1 else _part_of(side, first, count)
        operator = replace(join, side=len(branch.sides), id=f"build of stage {built.stage.id}")
        branches.append(
            replace(
                branch,
                operators=(*branch.operators, operator),
                sides=(*branch.sides, own),
            )
        )
        first += count
    own_site = () if node.site is None else (node.site,)
    return Pipeline(
        branches=tuple(branches),
        schema=node.schema,
        reads=(*probe.reads, built.stage.id),
        sites=merged_sites(merged_sites(probe.sites, built.stage.sites), own_site),
    )


def _part_of(side: Side, first: int, count: int) -> Side:
    return replace(side, partitions=side.partitions[first : first + count])

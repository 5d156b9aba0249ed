"""Joins by keys: the build side first, then broadcast or shuffle by what it turned out to be.

A side of which unmatched rows are given (both, in a full join) cannot be looked up in by many tasks
unless it is the one that streams: none of them would know what the others have met. Such a side is
built by one task for each slot of a shuffle, which marks the keys it has met.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import groupby
from typing import TYPE_CHECKING

import pyarrow as pa

from ..expr.node import Call, Cast, Column, Expr, SortKey
from ..optimizer.estimate import estimate
from ..optimizer.join_cost import cost_of_sides
from ..plan.joins import Join
from ..schema import free_name
from .join_inputs import (
    JoinInput,
    Output,
    by_hash,
    typed_keys,
    with_side,
)
from .join_slots import JoinTask, join_tasks
from .lower_aggregate import expected_slots, slot_count
from .lower_sort import in_order
from .operators.compute import Compute
from .operators.join import HashJoin
from .operators.number_rows import NumberRows
from .operators.unique_keys import UniqueKeys
from .own_side import WholeSide, of_stage
from .pipeline import Pipeline, merged_sites, over_refs
from .probe_order import MOST_SHARE, semi_join_first
from .stage import Branch, Side, StageOutput, TaskInput

if TYPE_CHECKING:
    from .planner import Planner


def _numbers(node: Join) -> dict[str, str]:
    """Return the columns that tell which row of a side a joined row is made of."""
    taken = node.left.schema.names, node.right.schema.names, node.schema.names
    return {role: free_name(f"{role}_row", *taken) for role in ("left", "right")}


def _both(node: Join, role: str) -> str:
    """Return what is put before a key of one side until those of both are made one."""
    prefix = f"__{role} "
    while any(name.startswith(prefix) for name in node.schema.names):
        prefix = f"_{prefix}"
    return prefix


def lower_join(node: Join, planner: Planner) -> Pipeline | None:
    """Return the pipeline of a join, or None while its build side or its shuffle runs.

    Both sides are lowered before either is waited for, so that independent builds run side by side.
    """
    pipelines = {
        "left": planner.lower(node.left),
        "right": planner.lower(node.right),
    }
    numbered = _is_numbered(node, planner, pipelines)
    if numbered is None:
        return None
    inputs = {role: _input(node, planner, role, pipelines[role], numbered) for role in pipelines}
    output = _output(node, numbered)
    joined = _joined(node, planner, inputs["left"], inputs["right"], output)
    if joined is None:
        return None
    if numbered:
        first, last = ("right", "left") if node.maintain_order[0] == "r" else ("left", "right")
        there = {given for _, _, given in output}
        by = tuple(
            SortKey(Column(_numbers(node)[role]), nulls_last=True)
            for role in (first, last)
            if _numbers(node)[role] in there
        )
        ordered = in_order(node, planner, joined, by)
        if ordered is None:
            return None
        joined = ordered
    return _finished(node, joined)


# Order: kept by streaming the side whose order it is, or restored by numbers


def _is_numbered(
    node: Join, planner: Planner, pipelines: dict[str, Pipeline | None]
) -> bool | None:
    """Return whether rows are numbered to be sorted afterwards; None while that is not known.

    A join keeps the order of the side that streams, as long as every task can hold the other.
    """
    if not node.maintain_order:
        return False
    streams = "left" if node.how in ("semi", "anti") else node.maintain_order.split("_")[0]
    if node.how == "full" or (node.how in ("left", "right") and node.how != streams):
        return True
    built = pipelines["right" if streams == "left" else "left"]
    if built is None:
        return None
    if built.input_bytes > planner.settings.broadcast_bytes:
        return True
    unique = [role for role in pipelines if _must_be_unique(node, role)]
    sides = [pipelines[role] for role in unique]
    if any(side is None for side in sides):
        return None
    # To find repeated keys, a side of several partitions is shuffled.
    return any(side is not None and side.partitions > 1 for side in sides)


def _must_be_unique(node: Join, role: str) -> bool:
    return node.validate[0 if role == "left" else 2] == "1"


def _input(
    node: Join, planner: Planner, role: str, pipeline: Pipeline | None, numbered: bool
) -> JoinInput | None:
    """Return one side, numbered and its keys checked where that is asked for; None if it waits."""
    if pipeline is None:
        return None
    below = node.left if role == "left" else node.right
    keys = node.left_on if role == "left" else node.right_on
    if numbered:
        name = _numbers(node)[role]
        schema = pipeline.schema.append(pa.field(name, pa.int64()))
        pipeline = pipeline.then(NumberRows(name=name), schema=schema)
    side = JoinInput(
        role=role,
        node=below,
        pipeline=pipeline,
        keys=typed_keys(keys, below.schema, node.key_types()),
    )
    return _with_unique_keys(node, planner, side) if _must_be_unique(node, role) else side


def _with_unique_keys(node: Join, planner: Planner, side: JoinInput) -> JoinInput | None:
    """Return a side that raises where keys repeat: shuffled, so that those of a key meet."""
    pipeline = side.pipeline
    if pipeline.partitions > 1:
        slots = slot_count(pipeline.input_bytes, planner.settings.exchange_bytes)
        moved = by_hash(node, planner, side, f"unique {side.role}", slots)
        if moved is None:
            return None
        reads = (moved.stage.id,)
        pipeline = replace(
            over_refs(moved.slots(), moved.stage.schema, reads, "keys"), sites=pipeline.sites
        )
    check = UniqueKeys(
        on=side.keys,
        key_types=node.key_types(),
        nulls_equal=node.nulls_equal,
        side=side.role,
        validate=node.validate,
    )
    return replace(side, pipeline=pipeline.then(check, site=node.site))


# What is given


def _output(node: Join, numbered: bool) -> Output:
    output = []
    for each in node.columns():
        if each.side == "both":
            output.append(("left", each.name, _both(node, "left") + each.given))
            output.append(("right", each.partner, _both(node, "right") + each.given))
        else:
            output.append((each.side, each.name, each.given))
    if numbered:
        roles = ("left",) if node.how in ("semi", "anti") else ("left", "right")
        output += [(role, _numbers(node)[role], _numbers(node)[role]) for role in roles]
    return tuple(output)


def _finished(node: Join, joined: Pipeline) -> Pipeline:
    """Return the joined rows with the columns of the node: keys of both sides made one."""
    if joined.schema.names == node.schema.names:
        return joined
    exprs: list[tuple[str, Expr]] = []
    for each in node.columns():
        if each.side == "both":
            dtype = node.schema.field(each.given).type
            sides = (Column(_both(node, role) + each.given) for role in ("left", "right"))
            exprs.append((each.given, Call("coalesce", tuple(Cast(side, dtype) for side in sides))))
        else:
            exprs.append((each.given, Column(each.given)))
    return joined.then(Compute(exprs=tuple(exprs), schema=node.schema), schema=node.schema)


# The join itself


@dataclass(frozen=True, kw_only=True)
class _Roles:
    """Which side is built, and whether one task has to build all rows of a key."""

    swap: bool
    private: bool = False


_CLEARLY = 0.95
"""Of sides that cost about the same the right is built: one writes facts first, whose keys repeat,
and rows are found in half the time where no key of the built side does."""


def _roles(node: Join, planner: Planner, numbered: bool) -> _Roles:
    if node.maintain_order and not numbered:
        return _Roles(swap=node.maintain_order[0] == "r" and node.how not in ("semi", "anti"))
    sides = estimate(node.left), estimate(node.right)
    left, right = (side.bytes for side in sides)
    if node.how == "inner":
        # By rows before bytes: a wide side is moved once, and each of its rows is built.
        builds_left = cost_of_sides(sides[0].rows, left, sides[1].rows)
        builds_right = cost_of_sides(sides[1].rows, right, sides[0].rows)
        return _Roles(swap=builds_left < _CLEARLY * builds_right)
    if node.how == "full":
        return _Roles(swap=left < right, private=True)
    most = planner.settings.broadcast_bytes
    if node.how == "right":
        # The mirror image of a left join: the right streams unless it is the smaller by far.
        private = left > most and right < left
        return _Roles(swap=not private, private=private)
    private = right > most and left < _CLEARLY * right
    return _Roles(swap=private, private=private)


def _joined(
    node: Join, planner: Planner, left: JoinInput | None, right: JoinInput | None, output: Output
) -> Pipeline | None:
    numbers = _numbers(node).values()
    numbered = any(name in numbers for _, name, _ in output)
    roles = _roles(node, planner, numbered)
    build, probe = (left, right) if roles.swap else (right, left)
    if build is None:
        return None
    join = _operator(node, roles, output)
    if roles.private:
        return None if probe is None else _private(node, planner, build, probe, join)
    keeps_order = bool(node.maintain_order) and not numbered
    built = _built(node, planner, build, keeps_order)
    if built is None or probe is None:
        return None
    if isinstance(built, StageOutput) and built.bytes <= planner.settings.broadcast_bytes:
        built = of_stage(built)
    if isinstance(built, WholeSide):
        joined = with_side(node, probe.pipeline, built, replace(join, shared_build=True))
        if node.how == "semi" and not roles.swap and _leaves_few(node, built):
            joined = semi_join_first(joined)
        return replace(joined, schema=_schema(node, output))
    moved = by_hash(node, planner, probe, "probe", built.stage.output.partitions)
    return None if moved is None else _shuffled(node, planner, built, moved, join)


def _leaves_few(node: Join, built: WholeSide) -> bool:
    """Return whether so few keys were found on the right that few rows of the left meet one."""
    known = estimate(node.left)
    values = 1.0
    for key in node.left_on:
        values *= known.values(key.name) if isinstance(key, Column) else 1.0
    return built.rows is not None and built.rows <= MOST_SHARE * values


def _operator(node: Join, roles: _Roles, output: Output) -> HashJoin:
    names = _numbers(node).values()
    numbers = [pa.field(name, pa.int64()) for _, name, _ in output if name in names]
    types = node.key_types()
    return HashJoin(
        left_on=typed_keys(node.left_on, node.left.schema, types),
        right_on=typed_keys(node.right_on, node.right.schema, types),
        key_types=types,
        how=node.how,
        side=0,
        swap=roles.swap,
        output=output,
        left_schema=pa.schema([*node.left.schema, *numbers]),
        right_schema=pa.schema([*node.right.schema, *numbers]),
        shared_build=False,
        id="",
        nulls_equal=node.nulls_equal,
    )


def _schema(node: Join, output: Output) -> pa.Schema:
    """Return the schema of what the operator gives."""
    fields, numbers = [], _numbers(node).values()
    for role, name, given in output:
        source = node.left.schema if role == "left" else node.right.schema
        number = name in numbers
        fields.append(pa.field(given, pa.int64() if number else source.field(name).type))
    return pa.schema(fields)


def _built(
    node: Join, planner: Planner, build: JoinInput, keeps_order: bool
) -> WholeSide | StageOutput | None:
    """Return the build side, for every task whole or split by the hash of its keys.

    It is split when it may turn out too large for every task to hold it; if it turns out small, it
    is read whole all the same.
    """
    settings = planner.settings
    if build.pipeline.input_bytes <= settings.broadcast_bytes or keeps_order:
        return planner.whole(node, "build", build.pipeline)
    expected = estimate(build.node).bytes
    slots = expected_slots(build.pipeline, expected, settings.exchange_bytes)
    return by_hash(node, planner, build, "build", max(2, slots))


def _private(
    node: Join, planner: Planner, build: JoinInput, probe: JoinInput, join: HashJoin
) -> Pipeline | None:
    """Return the join where each key of the build side is built by one task alone."""
    settings = planner.settings
    sizes = build.pipeline.input_bytes, probe.pipeline.input_bytes
    if probe.pipeline.partitions == 1 and sizes[0] <= settings.broadcast_bytes:
        built = planner.whole(node, "build", build.pipeline)
        if built is None:
            return None
        joined = with_side(node, probe.pipeline, built, join)
        return replace(joined, schema=_schema(node, join.output))
    slots = slot_count(max(sizes), settings.exchange_bytes)
    # Both are asked for before either is waited for.
    build_moved = by_hash(node, planner, build, "build", slots)
    moved = by_hash(node, planner, probe, "probe", slots)
    if build_moved is None or moved is None:
        return None
    return _shuffled(node, planner, build_moved, moved, join)


def _shuffled(
    node: Join, planner: Planner, built: StageOutput, moved: StageOutput, join: HashJoin
) -> Pipeline:
    """Return the join of both sides split by the hash of their keys."""
    left, right = (built, moved) if join.swap else (moved, built)
    tasks = join_tasks(join.how, join.swap, left, right, planner.settings.exchange_bytes)

    def operator(task: JoinTask) -> tuple[str, bool]:
        return task.how, task.swap

    branches = []
    for (how, swap), group in groupby(sorted(tasks, key=operator), key=operator):
        same = list(group)
        streamed, other = (right, left) if swap else (left, right)
        inputs = tuple(
            TaskInput(refs=task.streamed, label=f"keys {number}")
            for number, task in enumerate(same)
        )
        side = Side(partitions=tuple(task.built for task in same), schema=other.stage.schema)
        branches.append(
            Branch(
                inputs=inputs,
                schema=streamed.stage.schema,
                operators=(replace(join, how=how, swap=swap),),
                sides=(side,),
            )
        )
    own_site = () if node.site is None else (node.site,)
    return Pipeline(
        branches=tuple(branches),
        schema=_schema(node, join.output),
        reads=(left.stage.id, right.stage.id),
        sites=merged_sites(merged_sites(left.stage.sites, right.stage.sites), own_site),
    )

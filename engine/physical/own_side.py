"""Side inputs that need no stage of their own, as what they are made of is there and is little.

A stage between two others costs the query time, however little it does: planned, sent, run,
written, reported. Where a side input is a few rows of finished stages, or of a small file near by,
each process that reads it makes it for itself, once a query. Where nothing at all is done to the
rows of finished stages, they are read as they lie, however many.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable
from dataclasses import dataclass

from ..expr.node import Column, Expr
from ..expr.python_call import has_python_call
from ..plan.node import Site
from .operators.compute import Compute
from .operators.cross_join import CrossJoin
from .operators.filter import FilterRows
from .operators.final_aggregate import FinalAggregate
from .operators.join import HashJoin
from .operators.partial_aggregate import PartialAggregate
from .pipeline import Pipeline
from .stage import Branch, Operator, Side, StageOutput

MOST_BYTES = 2 * 1024 * 1024
"""Of rows that every process computes a side input from; no matter, where it only leaves out
columns."""


MOST_SCANNED = 256 * 1024
"""Decoded bytes of such a file: 10,000 suppliers with two columns are 160,000 and read in 1 ms. A
stage takes the driver and the worker about that, and all others wait for it meanwhile."""


@dataclass(frozen=True, kw_only=True)
class WholeSide:
    """A side input that every task reads whole."""

    side: Side
    bytes: int
    """Of what it is made of."""

    rows: int | None
    """How many it has; None where that is not known before it is made."""

    reads: tuple[int, ...]
    """The stages that have made it."""

    sites: tuple[Site, ...]
    name: str
    """What it is called in the cache of a process: one name for one side input of a query."""


def of_stage(built: StageOutput) -> WholeSide:
    """Return all that a stage has made as a side input."""
    return WholeSide(
        side=Side(partitions=(built.refs(),), schema=built.stage.schema),
        bytes=built.bytes,
        rows=built.rows,
        reads=(built.stage.id,),
        sites=built.stage.sites,
        name=f"stage {built.stage.id}",
    )


def without_stage(number: int, pipeline: Pipeline, partition_bytes: int) -> WholeSide | None:
    """Return the rows of `pipeline` as a side input; None where that takes a stage.

    `number` is different for each side input of a query; what is more than `partition_bytes` is
    worth a stage in any case.
    """
    if len(pipeline.branches) != 1:
        return None
    (branch,) = pipeline.branches
    if any(task.key_range is not None for task in branch.inputs):
        return None
    size = pipeline.input_bytes
    scans = any(task.fragment is not None for task in branch.inputs)
    if scans and not _is_soon_read(branch, size):
        return None
    rows = _rows(branch)
    free = all(_is_free(operator) for operator in branch.operators)
    if not branch.operators and not scans:
        refs = tuple(ref for task in branch.inputs for ref in task.refs)
        side = Side(partitions=(refs,), schema=pipeline.schema)
    elif free or (
        size <= min(MOST_BYTES, partition_bytes)
        and all(is_repeatable(operator) for operator in branch.operators)
    ):
        side = Side(partitions=((),), schema=pipeline.schema, made_by=branch)
    else:
        return None
    return WholeSide(
        side=side,
        bytes=size,
        rows=rows if free else None,
        reads=pipeline.reads,
        sites=pipeline.sites,
        name=f"own {number}",
    )


def _is_soon_read(branch: Branch, size: int) -> bool:
    """Return whether each process may read the files of `branch` for itself."""
    near = all(
        task.fragment is None or getattr(task.fragment, "is_near", False) for task in branch.inputs
    )
    return near and len(branch.inputs) <= 1 and size <= MOST_SCANNED


def _rows(branch: Branch) -> int | None:
    """Return how many rows `branch` reads; None where that is not known."""
    total = 0
    for task in branch.inputs:
        rows = 0 if task.fragment is None else task.fragment.rows
        if rows is None:
            return None
        total += rows + sum(ref.rows for ref in task.refs)
    return total


def _is_free(operator: Operator) -> bool:
    """Return whether `operator` only chooses and renames columns."""
    return isinstance(operator, Compute) and all(
        isinstance(expr, Column) for _, expr in operator.exprs
    )


@functools.singledispatch
def is_repeatable(operator: Operator) -> bool:
    """Return whether each process may run `operator` for itself: the same comes out, soon."""
    return False


@is_repeatable.register
def _(operator: FilterRows) -> bool:
    return is_own((operator.predicate,))


@is_repeatable.register
def _(operator: Compute) -> bool:
    return is_own(expr for _, expr in operator.exprs)


@is_repeatable.register(PartialAggregate)
@is_repeatable.register(FinalAggregate)
def _(operator: PartialAggregate | FinalAggregate) -> bool:
    return is_own(agg for _, agg in operator.aggs)


@is_repeatable.register
def _(operator: HashJoin) -> bool:
    return is_own((*operator.left_on, *operator.right_on))


@is_repeatable.register
def _(operator: CrossJoin) -> bool:
    return True


def is_own(exprs: Iterable[Expr]) -> bool:
    """Return whether no function of the user is called: how often is not ours to choose."""
    return not any(has_python_call(expr) for expr in exprs)

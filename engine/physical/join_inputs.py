"""The two sides of a join on their way to each other: keys, exchanges, side inputs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

import pyarrow as pa

from ..expr.evaluate import dtype_of
from ..expr.node import Cast, Column, Expr
from ..plan.node import PlanNode
from ..schema import free_name
from .operators.compute import Compute
from .own_side import WholeSide
from .pipeline import Pipeline, merged_sites
from .stage import Branch, Exchange, Operator, StageOutput

if TYPE_CHECKING:
    from .planner import Planner

Output = tuple[tuple[str, str, str], ...]
"""The columns that a join gives: ``left`` or ``right``, the name there, the name given."""


class SideOperator(Operator, Protocol):
    """An operator over a side input, such as a join."""

    @property
    def side(self) -> int:
        """Number of the side input."""

    @property
    def id(self) -> str:
        """What the side input is called in the cache."""


@dataclass(frozen=True, kw_only=True)
class JoinInput:
    """One side of a join with its keys in the types they are compared in."""

    role: str
    """``left`` or ``right``."""

    node: PlanNode
    pipeline: Pipeline
    keys: tuple[Expr, ...]

    def key_names(self) -> tuple[str, ...]:
        """What the keys are called as columns."""
        taken = self.node.schema.names
        stems = (f"{self.role}_key_{number}" for number in range(len(self.keys)))
        return tuple(free_name(stem, taken) for stem in stems)


def typed_keys(
    keys: tuple[Expr, ...], schema: pa.Schema, types: tuple[pa.DataType, ...]
) -> tuple[Expr, ...]:
    """Return the keys cast to the type in which they are compared, where it is another."""
    return tuple(
        key if dtype_of(key, schema) == dtype else Cast(key, dtype)
        for key, dtype in zip(keys, types, strict=True)
    )


def by_hash(
    node: PlanNode, planner: Planner, side: JoinInput, role: str, slots: int
) -> StageOutput | None:
    """Return one side split by the hash of its keys.

    Keys that are computed are added as columns; those that are columns already are not written a
    second time (half of the bytes where a side is little more than its key).
    """
    schema = side.pipeline.schema
    made = [
        (name, key)
        for name, key in zip(side.key_names(), side.keys, strict=True)
        if not isinstance(key, Column)
    ]
    computed = iter(name for name, _ in made)
    keys = tuple(key.name if isinstance(key, Column) else next(computed) for key in side.keys)
    pipeline = side.pipeline
    if made:
        replaced = {name for name, _ in made}
        kept = [name for name in schema.names if name not in replaced]
        exprs = (*((name, Column(name)) for name in kept), *made)
        keyed = pa.schema([pa.field(name, dtype_of(expr, schema)) for name, expr in exprs])
        pipeline = pipeline.then(Compute(exprs=exprs, schema=keyed), schema=keyed)
    return planner.run(node, role, pipeline, Exchange(kind="hash", keys=keys, partitions=slots))


def with_side(
    node: PlanNode, probe: Pipeline, built: WholeSide, operator: SideOperator
) -> Pipeline:
    """Return `probe` with a side input and the operator over it behind each of its branches.

    The schema stays that of `probe`: the caller knows what the operator gives.
    """
    first = 0
    side = built.side
    branches: list[Branch] = []
    for branch in probe.branches:
        count = len(branch.inputs)
        # A side that differs by partition is given to each branch for its own partitions.
        shared = len(side.partitions) == 1
        own = side if shared else replace(side, partitions=side.partitions[first : first + count])
        placed = replace(
            operator,  # type: ignore[type-var]
            side=len(branch.sides),
            id=built.name,
        )
        branches.append(
            replace(branch, operators=(*branch.operators, placed), sides=(*branch.sides, own))
        )
        first += count
    own_site = () if node.site is None else (node.site,)
    return replace(
        probe,
        branches=tuple(branches),
        reads=(*probe.reads, *built.reads),
        sites=merged_sites(merged_sites(probe.sites, built.sites), own_site),
    )

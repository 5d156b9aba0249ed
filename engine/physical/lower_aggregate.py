"""Aggregation: partial in every task of the input, final where all rows of a group meet."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pyarrow as pa

from ..expr.evaluate import dtype_of
from ..expr.node import Agg, Column, columns_of
from ..optimizer.estimate import estimate
from ..plan.node import PlanNode
from ..plan.nodes import Aggregate
from ..schema import free_name
from .large_exchanges import most_runs
from .operators.aggregate_states import partial_schema
from .operators.compute import Compute
from .operators.final_aggregate import FinalAggregate
from .operators.partial_aggregate import PartialAggregate
from .pipeline import Pipeline, slots_together
from .stage import Exchange

if TYPE_CHECKING:
    from .planner import Planner

MOST_SLOTS = 256
"""Slots of one hash exchange; more would make the pieces of a task too small to be worth it."""

_LARGE_SLOT = 256 * 2**20
"""Where slots would have more bytes there are more of them after all: tasks that split so much are
large as well (`large_exchanges`), and so are their pieces."""

_PROVIDED = 4
"""An exchange has room for so many times the bytes that are guessed."""

_COARSEST = 8
"""Wherever a guess is wrong, a slot is at most so many times as large as it should be."""


def lower_aggregate(
    node: Aggregate,
    planner: Planner,
    asked_by: PlanNode | None = None,
    *,
    by_last: bool = False,
) -> Pipeline | None:
    """Return the pipeline of an aggregation, or None while its partial stage runs.

    `asked_by` is the node of the plan where `node` was made for it on the way; `by_last` is whether
    an order that is kept is that of the last rows of the groups.
    """
    source = planner.lower(node.input)
    if source is None:
        return None
    keyed, keys = _with_keys(node, source)
    names = tuple(name for name, _ in keys)
    aggs = tuple((name, agg) for name, agg in node.aggs if isinstance(agg, Agg))
    states = partial_schema(names, aggs, keyed.schema)
    partial = keyed.then(
        PartialAggregate(keys=names, aggs=aggs, schema=keyed.schema, by_last=by_last),
        schema=states,
        site=node.site,
    )
    finished = pa.schema(
        [
            *(pa.field(name, dtype) for name, dtype in keys),
            *(node.schema.field(name) for name, _ in aggs),
        ]
    )
    final = FinalAggregate(keys=names, aggs=aggs, schema=finished, by_last=by_last)
    if source.holds_groups(names) and not node.maintain_order:
        met: Pipeline | None = partial
        groups = tuple(group for group in source.groups if group <= set(names))
    else:
        expected = math.inf
        if names and partial.partitions > 1:
            # States of a task are no more than its rows, and than there are groups.
            expected = min(estimate(node.input).bytes, partial.partitions * estimate(node).bytes)
        met = meet(
            asked_by or node,
            planner,
            partial,
            names,
            ordered=node.maintain_order,
            expected=expected,
        )
        groups = (frozenset(names),) if names else ()
    if met is None:
        return None
    given = dict(zip(finished.names, node.schema.names, strict=True))
    groups = tuple(frozenset(given[name] for name in group) for group in groups)
    pipeline = met.then(final, schema=finished).with_groups(groups)
    if finished.names == node.schema.names:
        return pipeline
    renamed = tuple(
        (given, Column(name)) for given, name in zip(node.schema.names, finished.names, strict=True)
    )
    conformed = pipeline.then(Compute(exprs=renamed, schema=node.schema), schema=node.schema)
    return conformed.with_groups(groups)


def _with_keys(
    node: Aggregate, source: Pipeline
) -> tuple[Pipeline, tuple[tuple[str, pa.DataType], ...]]:
    """Return `source` with the keys as columns, and the names and types of these.

    A key that is an expression gets a name of its own, since an aggregate may read a column that
    is called as the key is.
    """
    keys: list[tuple[str, pa.DataType]] = []
    computed = []
    for number, (name, expr) in enumerate(node.keys):
        plain = expr == Column(name)
        key = name if plain else free_name(f"key_{number}", source.schema.names)
        keys.append((key, dtype_of(expr, source.schema)))
        if not plain:
            computed.append((key, expr))
    if not computed:
        return source, tuple(keys)
    wanted = {name for name, _ in keys}.union(*(columns_of(agg) for _, agg in node.aggs))
    kept = [(field.name, Column(field.name)) for field in source.schema if field.name in wanted]
    exprs = (*kept, *computed)
    schema = pa.schema([pa.field(name, dtype_of(expr, source.schema)) for name, expr in exprs])
    return source.then(Compute(exprs=exprs, schema=schema), schema=schema), tuple(keys)


def meet(
    asked_by: PlanNode,
    planner: Planner,
    partial: Pipeline,
    keys: tuple[str, ...],
    *,
    ordered: bool,
    expected: float = math.inf,
) -> Pipeline | None:
    """Return the rows of `partial` so that those with equal `keys` are in one partition.

    They are in the order of the partitions; all are in one where groups are to be `ordered`.
    `expected` are the bytes that they are guessed to take.
    """
    target = planner.settings.exchange_bytes
    slots = expected_slots(partial, expected, target)
    if partial.partitions == 1 or not keys or ordered or slots == 1:
        return planner.gathered(asked_by, "partial", partial)
    output = planner.run(
        asked_by, "partial", partial, Exchange(kind="hash", keys=keys, partitions=slots)
    )
    return None if output is None else slots_together(output, target, "groups")


def slot_count(size: int, target: int) -> int:
    """Return into how many slots an exchange of about `size` bytes is split.

    >>> slot_count(10, 64), slot_count(640, 64), slot_count(2**37, 2**24)
    (1, 10, 512)
    """
    large = min(size // _LARGE_SLOT, most_runs(size))
    return max(1, large, min(MOST_SLOTS, -(-size // target)))


def expected_slots(pipeline: Pipeline, expected: float, target: int) -> int:
    """Return into how many slots the rows of a pipeline are split that may take `expected` bytes.

    What a task writes for a slot is a stream of its own, which costs 0.1 ms to write and to read
    however short it is: of lineitem at scale 10, 54 tasks wrote 107 each of a few filtered rows.
    """
    read = slot_count(pipeline.input_bytes, target)
    guessed = int(min(_PROVIDED * expected, pipeline.input_bytes))
    return min(read, max(slot_count(guessed, target), -(-read // _COARSEST)))

"""Compute and read only the columns that somebody needs.

What is needed is gathered from the result down to the scans, then the plan is rebuilt from the
scans up. A node may give more columns than were asked of it (a filter gives those it filters by);
where that costs something, a projection drops them.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable
from dataclasses import replace

import pyarrow as pa

from ...expr.node import Column, Expr, columns_of
from ...plan.group_rows import GroupRows
from ...plan.joins import AsofJoin, RangeJoin, TwoSided
from ...plan.node import PlanNode
from ...plan.nodes import (
    Aggregate,
    Distinct,
    Filter,
    Join,
    Project,
    Scan,
    Slice,
    Sort,
    Union,
    required_columns,
)
from ...plan.partitioning import Cache, Repartition
from ...plan.rolling import Rolling
from ...plan.shape import Beside, Explode, RandomBits, Reverse, RowIndex, Unnest
from ...plan.windows import WindowColumns
from ...schema import has_column
from ..context import Context
from ..properties import is_trivial
from ..sharing import made_once

Names = frozenset[str]


def projection_pruning(plan: PlanNode, context: Context) -> PlanNode:
    """Return `plan` without columns that nobody needs."""
    demands, asked = _demands(plan)
    built: dict[tuple[int, Names], PlanNode] = {}
    for node in plan.nodes:
        for needed in demands[id(node)]:
            inputs = []
            for child, names in zip(node.inputs, asked[id(node), needed], strict=True):
                whole = built[id(child), _met_by(demands[id(child)], names)]
                inputs.append(_narrowed(whole, child, names) if _is_exact(node) else whole)
            built[id(node), needed] = _keeping(node, needed, tuple(inputs))
    names = frozenset(plan.schema.names)
    return _narrowed(built[id(plan), names], plan, names)


_Demands = dict[int, tuple[Names, ...]]
_Asked = dict[tuple[int, Names], tuple[Names, ...]]


def _demands(plan: PlanNode) -> tuple[_Demands, _Asked]:
    """Return, by the id of each node, the sets of columns that it is asked for, and what it asks
    of its inputs for each set.

    What is made once is asked for all that its readers need together; what is as well made again
    for each of them is asked for each set apart.
    """
    shared = made_once(plan)
    wanted: dict[int, dict[Names, None]] = {id(plan): {frozenset(plan.schema.names): None}}
    demands: _Demands = {}
    asked: _Asked = {}
    for node in reversed(plan.nodes):
        sets = tuple(wanted[id(node)])
        if id(node) in shared:
            sets = (frozenset().union(*sets),)
        demands[id(node)] = sets
        for needed in sets:
            of_inputs = asked[id(node), needed] = _asked(node, needed)
            for child, names in zip(node.inputs, of_inputs, strict=True):
                wanted.setdefault(id(child), {})[names] = None
    return demands, asked


def _met_by(sets: tuple[Names, ...], names: Names) -> Names:
    return names if names in sets else sets[0]


def _asked(node: PlanNode, needed: Names) -> tuple[Names, ...]:
    """Return the columns that `node` asks of its inputs to give `needed`; of each at least one."""
    return tuple(
        names or frozenset({_least(child)})
        for child, names in zip(node.inputs, _needs(node, needed), strict=True)
    )


@functools.singledispatch
def _needs(node: PlanNode, needed: Names) -> tuple[Names, ...]:
    """Return the columns of each input that `node` needs to give `needed`."""
    # Functions of the user and sinks take all there is.
    return tuple(frozenset(child.schema.names) for child in node.inputs)


@_needs.register(Filter)
@_needs.register(Sort)
@_needs.register(Slice)
@_needs.register(Distinct)
@_needs.register(Reverse)
def _(node: PlanNode, needed: Names) -> tuple[Names, ...]:
    return (needed | required_columns(node),)


@_needs.register
def _(node: Cache, needed: Names) -> tuple[Names, ...]:
    return (needed,)


@_needs.register
def _(node: Repartition, needed: Names) -> tuple[Names, ...]:
    # Where partitions have a size, all columns count.
    every = node.size is not None or (node.keys and node.count is None)
    return (frozenset(node.schema.names) if every else needed | set(node.keys),)


@_needs.register
def _(node: Project, needed: Names) -> tuple[Names, ...]:
    return (_columns(expr for name, expr in node.exprs if name in needed),)


@_needs.register
def _(node: Aggregate, needed: Names) -> tuple[Names, ...]:
    kept = (expr for name, expr in node.aggs if name in needed)
    return (_columns(expr for _, expr in node.keys) | _columns(kept),)


@_needs.register
def _(node: GroupRows, needed: Names) -> tuple[Names, ...]:
    return (needed | frozenset(node.keys),)


@_needs.register
def _(node: Rolling, needed: Names) -> tuple[Names, ...]:
    kept = (expr for name, expr in node.aggs if name in needed)
    return (_columns(expr for _, expr in node.keys) | _columns(kept) | {node.on},)


@_needs.register
def _(node: Explode, needed: Names) -> tuple[Names, ...]:
    # All its lists, as they have to be equally long.
    return (needed | frozenset(node.columns),)


@_needs.register
def _(node: Unnest, needed: Names) -> tuple[Names, ...]:
    return (
        frozenset(
            field.name
            for field in node.input.schema
            if (
                any(name in needed for name, _ in node.made(field))
                if node.opens(field)
                else field.name in needed
            )
        ),
    )


@_needs.register(RowIndex)
@_needs.register(RandomBits)
def _(node: RowIndex | RandomBits, needed: Names) -> tuple[Names, ...]:
    return (needed - {node.name},)


@_needs.register
def _(node: Beside, needed: Names) -> tuple[Names, ...]:
    return tuple(needed & frozenset(part.schema.names) for part in node.parts)


@_needs.register
def _(node: Union, needed: Names) -> tuple[Names, ...]:
    return tuple(needed for _ in node.parts)


@_needs.register
def _(node: Join, needed: Names) -> tuple[Names, ...]:
    left, right = _needs_of_sides(node, needed)
    return left | _columns(node.left_on), right | _columns(node.right_on)


@_needs.register
def _(node: AsofJoin, needed: Names) -> tuple[Names, ...]:
    left, right = _needs_of_sides(node, needed)
    return (
        left | _columns((node.left_on, *node.left_by)),
        right | _columns((node.right_on, *node.right_by)),
    )


@_needs.register
def _(node: RangeJoin, needed: Names) -> tuple[Names, ...]:
    left, right = _needs_of_sides(node, needed)
    point, ends = columns_of(node.point), _columns(end.expr for end in node.ends())
    if node.point_side == "left":
        return left | point, right | ends
    return left | ends, right | point


def _needs_of_sides(node: TwoSided, needed: Names) -> tuple[Names, Names]:
    """Return the columns of the left and of the right that are given as `needed`."""
    left: set[str] = set()
    right: set[str] = set()
    for each in node.columns():
        if each.given not in needed:
            continue
        if each.side == "right":
            right.add(each.name)
            if each.given != each.name:
                # Without its namesake on the left it would lose the suffix.
                left.add(each.name)
            continue
        left.add(each.name)
        if each.side == "both":
            right.add(each.partner)
    return frozenset(left), frozenset(right)


@_needs.register
def _(node: WindowColumns, needed: Names) -> tuple[Names, ...]:
    kept = _keeping_functions(node, needed)
    own = frozenset() if kept is None else kept.read_columns()
    return ((needed & frozenset(node.input.schema.names)) | own,)


def _keeping_functions(node: WindowColumns, needed: Names) -> WindowColumns | None:
    """Return `node` with the functions that are needed, None where none is."""
    functions = tuple(named for named in node.functions if named[0] in needed)
    if len(functions) == len(node.functions):
        return node
    return replace(node, functions=functions) if functions else None


def _columns(exprs: Iterable[Expr]) -> Names:
    return frozenset().union(*(columns_of(expr) for expr in exprs))


def _least(node: PlanNode) -> str:
    """Return the column of `node` that costs least, for readers that only count rows."""
    schema = node.schema
    free = _free_columns(node)
    there_anyway = [name for name in schema.names if name in free]
    return min(there_anyway or schema.names, key=lambda name: _width(schema.field(name).type))


def _free_columns(node: PlanNode) -> Names:
    """Return columns that `node` reads in any case."""
    if isinstance(node, Scan):
        predicate = node.pushdown.predicate
        return frozenset() if predicate is None else columns_of(predicate)
    if isinstance(node, Project):
        return frozenset(name for name, expr in node.exprs if is_trivial(expr))
    if isinstance(node, Aggregate):
        return frozenset(name for name, _ in node.keys)
    if isinstance(node, AsofJoin | RangeJoin):
        return required_columns(node) & frozenset(node.schema.names)
    if isinstance(node, Join):
        keys = _columns(node.left_on) | _columns(node.right_on)
        return keys & frozenset(node.schema.names)
    return required_columns(node)


def _width(dtype: pa.DataType) -> int:
    try:
        return dtype.bit_width
    except ValueError:
        # Text, binary and nested: no fixed width, and more than any number.
        return 10_000 if pa.types.is_nested(dtype) else 1_000


def _is_exact(node: PlanNode) -> bool:
    """Return whether columns that `node` did not ask for would do harm: be moved, or be given."""
    return not isinstance(node, Project | Aggregate | Rolling | Filter | Slice)


def _narrowed(built: PlanNode, before: PlanNode, names: Names) -> PlanNode:
    """Return `built` with `names` alone, in the order of the node that it was built from."""
    wanted = [name for name in before.schema.names if name in names]
    if built.schema.names == wanted:
        return built
    return Project(
        input=built, exprs=tuple((name, Column(name)) for name in wanted), site=built.site
    )


@functools.singledispatch
def _keeping(node: PlanNode, needed: Names, inputs: tuple[PlanNode, ...]) -> PlanNode:
    """Return `node` over `inputs`, giving at least `needed`."""
    return node.with_inputs(inputs)


@_keeping.register
def _(node: Scan, needed: Names, inputs: tuple[PlanNode, ...]) -> PlanNode:
    columns = tuple(name for name in node.schema.names if name in needed)
    if len(columns) == len(node.schema.names):
        return node
    return replace(node, pushdown=replace(node.pushdown, columns=columns))


@_keeping.register
def _(node: Project, needed: Names, inputs: tuple[PlanNode, ...]) -> PlanNode:
    exprs = tuple(named for named in node.exprs if named[0] in needed)
    if len(exprs) == len(node.exprs):
        return node.with_inputs(inputs)
    return replace(node, input=inputs[0], exprs=exprs)


@_keeping.register
def _(node: Unnest, needed: Names, inputs: tuple[PlanNode, ...]) -> PlanNode:
    columns = tuple(name for name in node.columns if has_column(inputs[0].schema, name))
    if len(columns) == len(node.columns):
        return node.with_inputs(inputs)
    return replace(node, input=inputs[0], columns=columns) if columns else inputs[0]


@_keeping.register(RowIndex)
@_keeping.register(RandomBits)
def _(node: RowIndex | RandomBits, needed: Names, inputs: tuple[PlanNode, ...]) -> PlanNode:
    return node.with_inputs(inputs) if node.name in needed else inputs[0]


@_keeping.register(Aggregate)
@_keeping.register(Rolling)
def _(node: Aggregate | Rolling, needed: Names, inputs: tuple[PlanNode, ...]) -> PlanNode:
    aggs = tuple(named for named in node.aggs if named[0] in needed)
    if len(aggs) == len(node.aggs):
        return node.with_inputs(inputs)
    return replace(node, input=inputs[0], aggs=aggs)


@_keeping.register
def _(node: WindowColumns, needed: Names, inputs: tuple[PlanNode, ...]) -> PlanNode:
    kept = _keeping_functions(node, needed)
    return inputs[0] if kept is None else kept.with_inputs(inputs)

"""Window functions: by keys through a hash exchange, over a whole frame piece by piece.

Rows are numbered before they are moved and sorted by their numbers afterwards, where the order can
be seen. A frame without keys is gathered only for functions to which nothing less than all rows
will do.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING

import pyarrow as pa

from ..expr.evaluate import dtype_of
from ..expr.node import Column, Expr, SortKey
from ..plan.windows import WindowColumns, reach_of
from ..schema import free_name
from .lower_aggregate import slot_count
from .lower_sort import in_order
from .operators.compute import Compute
from .operators.number_rows import NumberRows
from .operators.window import WindowRows
from .operators.window_piece import (
    CarryOver,
    SumUpPiece,
    WindowPiece,
    carry_schema,
    carrying,
)
from .pipeline import Pipeline, balanced, over_refs, slots_together
from .stage import Exchange, Ref, Side, StageOutput

if TYPE_CHECKING:
    from .planner import Planner


def _row(node: WindowColumns) -> str:
    """Return what the number of a row in the order of the input is called."""
    return free_name("row", node.schema.names)


def _place(node: WindowColumns) -> str:
    """Return what the number of a row in the order of the pieces is called."""
    return free_name("place", node.schema.names)


def lower_window(node: WindowColumns, planner: Planner) -> Pipeline | None:
    """Return the pipeline of window functions, or None while a stage they stand on goes on."""
    source = planner.lower(node.input)
    if source is None:
        return None
    if source.partitions == 1:
        return _in_place(node, source, node.keys)
    if node.keys:
        return _by_keys(node, planner, source)
    if node.gathers:
        gathered = planner.gathered(node, "all", source)
        return gathered and _in_place(node, gathered, ())
    return _whole_frame(node, planner, source)


def _in_place(node: WindowColumns, source: Pipeline, keys: tuple[Expr, ...]) -> Pipeline:
    """Return the functions over partitions of which each has all rows of its groups."""
    schema = _with_functions(node, source.schema)
    rows = WindowRows(functions=node.functions, keys=keys, order_by=node.order_by, schema=schema)
    return source.then(rows, schema=schema, site=node.site)


def _with_functions(node: WindowColumns, schema: pa.Schema) -> pa.Schema:
    made = [node.schema.field(name) for name, _ in node.functions]
    return pa.schema([*schema, *made])


def _numbered(source: Pipeline, name: str) -> Pipeline:
    schema = source.schema.append(pa.field(name, pa.int64()))
    return source.then(NumberRows(name=name), schema=schema)


def _by_keys(node: WindowColumns, planner: Planner, source: Pipeline) -> Pipeline | None:
    slots = slot_count(source.input_bytes, planner.settings.exchange_bytes)
    if slots == 1:
        gathered = planner.gathered(node, "keys", source)
        return gathered and _in_place(node, gathered, node.keys)
    keyed, names = _with_keys(node, _numbered(source, _row(node)))
    output = planner.run(node, "keys", keyed, Exchange(kind="hash", keys=names, partitions=slots))
    if output is None:
        return None
    met = slots_together(output, planner.settings.exchange_bytes, "keys")
    made = _in_place(node, met, tuple(Column(name) for name in names))
    return _in_old_order(node, planner, made)


def _with_keys(node: WindowColumns, source: Pipeline) -> tuple[Pipeline, tuple[str, ...]]:
    """Return `source` with the keys as columns, and the names of these."""
    names, computed = [], []
    for number, key in enumerate(node.keys):
        names.append(
            key.name if isinstance(key, Column) else free_name(f"key_{number}", node.schema.names)
        )
        if not isinstance(key, Column):
            computed.append((names[-1], key))
    if not computed:
        return source, tuple(names)
    exprs = (*((name, Column(name)) for name in source.schema.names), *computed)
    schema = pa.schema([pa.field(name, dtype_of(expr, source.schema)) for name, expr in exprs])
    return source.then(Compute(exprs=exprs, schema=schema), schema=schema), tuple(names)


def _in_old_order(node: WindowColumns, planner: Planner, made: Pipeline) -> Pipeline | None:
    """Return numbered rows in the order of their numbers, where that can be seen."""
    if not node.maintain_order:
        return _only(made, node.schema)
    narrow = pa.schema([*node.schema, pa.field(_row(node), pa.int64())])
    by = (SortKey(Column(_row(node))),)
    ordered = in_order(node, planner, _only(made, narrow), by, "old order")
    return ordered and _only(ordered, node.schema)


def _only(pipeline: Pipeline, schema: pa.Schema) -> Pipeline:
    exprs = tuple((name, Column(name)) for name in schema.names)
    return pipeline.then(Compute(exprs=exprs, schema=schema), schema=schema)


def _whole_frame(node: WindowColumns, planner: Planner, source: Pipeline) -> Pipeline | None:
    """Return functions over all rows in their order, each task with a piece of them."""
    if node.order_by:
        numbered = _numbered(source, _row(node))
        ordered = in_order(node, planner, numbered, node.order_by, "order")
        if ordered is None:
            return None
        source = ordered
    if source.partitions == 1:
        made: Pipeline | None = _in_place(node, source, ())
    else:
        made = _piece_by_piece(node, planner, _numbered(source, _place(node)))
    if made is None or not node.order_by:
        return made and _only(made, node.schema)
    return _in_old_order(node, planner, made)


def _piece_by_piece(node: WindowColumns, planner: Planner, source: Pipeline) -> Pipeline | None:
    readers = 2 if carrying(node.functions) else 1
    output = planner.run(node, "pieces", source, Exchange(kind="forward"), readers=readers)
    if output is None:
        return None
    pieces = _pieces(output, planner.settings.exchange_bytes)
    reads = (output.stage.id,)
    rows = over_refs(pieces, source.schema, reads, "rows")
    if len(pieces) == 1:
        return _in_place(node, rows, ())
    schema = _with_functions(node, source.schema)
    carried = _carried(node, planner, rows, schema)
    if carried is None:
        return None
    before = max(reach_of(expr).before for _, expr in node.functions)
    after = max(reach_of(expr).after for _, expr in node.functions)
    piece = WindowPiece(
        functions=node.functions,
        schema=schema,
        before=before,
        after=after,
        sides=(0, 1, 2),
        place=_place(node),
    )
    around = [
        Side(partitions=tuple(_before(pieces, before)), schema=source.schema),
        Side(partitions=tuple(_after(pieces, after)), schema=source.schema),
    ]
    for side in around:
        rows = rows.with_side(side, (), ())
    rows = rows.with_side(*carried, ())
    return rows.then(piece, schema=schema, site=node.site)


def _pieces(output: StageOutput, target: int) -> list[tuple[Ref, ...]]:
    """Return the refs of neighbouring partitions in pieces of about `target` bytes."""
    parts = [refs for refs in output.partitions if refs]
    runs = balanced([sum(ref.bytes for ref in refs) for refs in parts], target)
    pieces = [tuple(ref for place in run for ref in parts[place]) for run in runs]
    return [piece for piece in pieces if piece] or [()]


def _before(pieces: Sequence[tuple[Ref, ...]], rows: int) -> list[tuple[Ref, ...]]:
    """Return for each piece the refs before it that hold `rows` rows, or all there are."""
    refs = [ref for piece in pieces for ref in piece]
    ends = itertools.accumulate((len(piece) for piece in pieces), initial=0)
    return [_nearest(refs[:end][::-1], rows)[::-1] for end, _ in zip(ends, pieces, strict=False)]


def _after(pieces: Sequence[tuple[Ref, ...]], rows: int) -> list[tuple[Ref, ...]]:
    refs = [ref for piece in pieces for ref in piece]
    ends = list(itertools.accumulate(len(piece) for piece in pieces))
    return [_nearest(refs[end:], rows) for end in ends]


def _nearest(refs: Sequence[Ref], rows: int) -> tuple[Ref, ...]:
    """Return the first refs that together have `rows` rows."""
    held, taken = 0, 0
    while held < rows and taken < len(refs):
        held += refs[taken].rows
        taken += 1
    return tuple(refs[:taken])


def _carried(
    node: WindowColumns, planner: Planner, rows: Pipeline, schema: pa.Schema
) -> tuple[Side, tuple[int, ...]] | None:
    """Return what each piece has to know of all others, and the stage that makes it."""
    functions = carrying(node.functions)
    given = carry_schema(node.functions, schema, _place(node))
    if not functions:
        return Side(partitions=((),), schema=given), ()
    summed = rows.then(
        SumUpPiece(functions=functions, schema=given, place=_place(node)),
        schema=given,
        site=node.site,
    )
    gathered = planner.gathered(node, "sums", summed)
    if gathered is None:
        return None
    over = gathered.then(CarryOver(functions=functions, schema=given), site=node.site)
    output = planner.run(node, "carried", over, Exchange(kind="broadcast"))
    if output is None:
        return None
    return Side(partitions=(output.refs(),), schema=given), (output.stage.id,)

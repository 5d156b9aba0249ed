"""Window functions over a whole frame, one piece of its rows after the other.

What a piece has to know of the others comes to it in two ways: a few rows before and after it, or a
value that stands for all rows on one side: made of each piece first, then put together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ...expr.node import WindowCall
from ...plan.nodes import Named
from ...plan.windows import reach_of
from ...schema import carries, decoded
from ..kernels.concat import concat_arrays
from ..kernels.group import group_ids
from ..kernels.segments import one_segment
from ..kernels.windows import KERNELS
from ..stage import TaskContext
from .held import Held
from .window import Values, functions_text, named, run_kernel, widened


def carrying(functions: Sequence[Named]) -> tuple[Named, ...]:
    """Return the functions that need a value made of all rows on one side."""
    return tuple(
        named for named in functions if reach_of(named[1]).carries or reach_of(named[1]).counts
    )


def carry_schema(functions: Sequence[Named], schema: pa.Schema, place: str) -> pa.Schema:
    """Return the columns of what is carried: the place of a piece, then one for each function."""
    fields = [
        pa.field(name, pa.int64() if reach_of(expr).counts else schema.field(name).type)
        for name, expr in carrying(functions)
    ]
    return pa.schema([pa.field(place, pa.int64()), *fields])


@dataclass(frozen=True, kw_only=True)
class SumUpPiece:
    """Give one row: what the other pieces have to know of this one."""

    functions: tuple[Named, ...]
    """Those of `carrying`."""

    schema: pa.Schema
    """See `carry_schema`."""

    place: str
    """The column with the numbers of the rows; the first of a piece says which piece it is."""

    @property
    def label(self) -> str:
        """What to call it in a profile."""
        return f"sum up {functions_text(self.functions)}"

    def execute(
        self, batches: Iterator[pa.RecordBatch], context: TaskContext
    ) -> Iterator[pa.RecordBatch]:
        """Stream one row, once the input is at its end; none where there are no rows."""
        with Held(context, self, 3, 32) as room:
            held = room.all(batches, context, _what(self.functions), _ADVICE)
            if not held:
                return
            values = Values(held)
            row = [held[0].column(self.place).slice(0, 1)]
            for name, function in self.functions:
                assert isinstance(function, WindowCall)
                dtype = self.schema.field(name).type
                with named(name):
                    row.append(_summed_up(function, values, dtype))
        yield pa.RecordBatch.from_arrays(row, names=self.schema.names)


def _summed_up(function: WindowCall, values: Values, dtype: pa.DataType) -> pa.Array:
    """Return what stands for all rows, one value."""
    options = dict(function.options)
    if reach_of(function).counts:
        arrays = values.arguments(function, dtype)
        return pa.array([_COUNTS[function.name](values.rows, arrays, options)], pa.int64())
    (array,) = values.arguments(function, dtype)
    whole = decoded(run_kernel(function, one_segment(values.rows), [array], dtype))
    present = np.flatnonzero(np.asarray(whole.is_valid()))
    if len(present) == 0:
        return pa.nulls(1, dtype)
    return whole.slice(int(present[0 if reach_of(function).carries == "after" else -1]), 1)


def _count_values(rows: int, arrays: Sequence[pa.Array], options: Mapping[str, Any]) -> int:
    return rows - decoded(arrays[0]).null_count


def _count_ranks(rows: int, arrays: Sequence[pa.Array], options: Mapping[str, Any]) -> int:
    if options["method"] != "dense":
        return _count_values(rows, arrays, options)
    present = decoded(arrays[0]).drop_null()
    return group_ids([present], len(present)).count


_COUNTS: Mapping[str, Callable[[int, Sequence[pa.Array], Mapping[str, Any]], int]] = {
    "row_index": lambda rows, arrays, options: rows,
    "cum_count": _count_values,
    "rank": _count_ranks,
}


@dataclass(frozen=True, kw_only=True)
class CarryOver:
    """Turn what pieces say of themselves, in order, into what each has to know of the others.

    It holds a row for each piece, which are few: nothing is reserved.
    """

    functions: tuple[Named, ...]
    schema: pa.Schema

    @property
    def label(self) -> str:
        """What to call it in a profile."""
        return f"carry over {functions_text(self.functions)}"

    def execute(
        self, batches: Iterator[pa.RecordBatch], context: TaskContext
    ) -> Iterator[pa.RecordBatch]:
        """Stream a row for each piece."""
        held = [batch for batch in batches if batch.num_rows]
        if not held:
            return
        pieces = Values(held)
        columns = [concat_arrays([batch.column(0) for batch in held])]
        for place, (name, function) in enumerate(self.functions, start=1):
            assert isinstance(function, WindowCall)
            states = concat_arrays([batch.column(place) for batch in held])
            with named(name):
                columns.append(_carried(function, states, pieces.rows))
        yield pa.RecordBatch.from_arrays(columns, names=self.schema.names)


def _carried(function: WindowCall, states: pa.Array, pieces: int) -> pa.Array:
    """Return for each piece what stands for all rows before it, or after it."""
    reach = reach_of(function)
    if reach.counts:
        counts = states.to_numpy()
        if reach.counts == "after":
            return pa.array(np.cumsum(counts[::-1])[::-1] - counts)
        return pa.array(np.cumsum(counts) - counts)
    segments = one_segment(pieces)
    together = run_kernel(function, segments, [states], states.type)
    fill = "backward_fill" if reach.carries == "after" else "forward_fill"
    filled = KERNELS[fill](segments, [together], {"limit": None}, states.type)
    step = -1 if reach.carries == "after" else 1
    return KERNELS["shift"](segments, [filled], {"n": step}, states.type)


@dataclass(frozen=True, kw_only=True)
class WindowPiece:
    """Add window functions over the whole frame to the rows of one piece of it."""

    functions: tuple[Named, ...]
    schema: pa.Schema
    """The logical columns given: those that come in, then the functions."""

    before: int
    """How many rows before the piece are looked at."""

    after: int

    sides: tuple[int, int, int]
    """Numbers of the side inputs: rows before, rows after, what is carried."""

    place: str
    """The column with the numbers of the rows."""

    @property
    def label(self) -> str:
        """What to call it in a profile."""
        return f"window {functions_text(self.functions)}"

    def execute(
        self, batches: Iterator[pa.RecordBatch], context: TaskContext
    ) -> Iterator[pa.RecordBatch]:
        """Stream the rows with the functions, once the input is at its end."""
        with Held(context, self, 3, 32) as room:
            held = room.all(batches, context, _what(self.functions), _ADVICE)
            if held:
                yield from self._made(held, room, context)

    def _made(
        self, held: list[pa.RecordBatch], room: Held, context: TaskContext
    ) -> Iterator[pa.RecordBatch]:
        before = _last_rows(context.side(self.sides[0]), self.before)
        after = _first_rows(context.side(self.sides[1]), self.after)
        for batch in (*before, *after):
            room.reserve_beside(batch, _what(self.functions), _ADVICE)
        own = Values(held)
        # Without rows around it, what is computed for one kind of functions serves the other.
        wide = Values([*before, *held, *after]) if before or after else own
        start = sum(batch.num_rows for batch in before)
        carried = _carried_here(context.side(self.sides[2]), held[0].column(self.place)[0].as_py())
        made = []
        for name, function in self.functions:
            assert isinstance(function, WindowCall)
            context.check()
            dtype = self.schema.field(name).type
            reach = reach_of(function)
            with named(name):
                if reach.counts:
                    made.append(_counted_on(function, own, dtype, carried.column(name)))
                elif reach.carries:
                    made.append(_carried_on(function, own, dtype, carried.column(name)))
                else:
                    arrays = wide.arguments(function, dtype)
                    whole = run_kernel(function, one_segment(wide.rows), arrays, dtype)
                    made.append(whole.slice(start, own.rows))
        yield from widened(held, made, self.schema, context)


_ADVICE = (
    "It computes a whole piece of the frame with the rows around it: set exchange_bytes lower,"
    " raise memory_limit, take fewer workers, look at fewer rows around each, or give it keys with"
    " over(...)."
)


def _what(functions: Sequence[Named]) -> str:
    return f"A window with {functions_text(functions)}"


def _carried_here(rows: Iterator[pa.RecordBatch], place: int) -> pa.RecordBatch:
    """Return the row of what is carried that is for the piece which begins at `place`."""
    for batch in rows:
        found = np.flatnonzero(batch.column(0).to_numpy() == place)
        if len(found):
            return batch.slice(int(found[0]), 1)
    return pa.RecordBatch.from_pydict({})


def _counted_on(
    function: WindowCall, values: Values, dtype: pa.DataType, before: pa.Array
) -> pa.Array:
    arrays = values.arguments(function, dtype)
    own = run_kernel(function, one_segment(values.rows), arrays, dtype)
    return pc.add(own, before[0].cast(dtype))


def _carried_on(
    function: WindowCall, values: Values, dtype: pa.DataType, carried: pa.Array
) -> pa.Array:
    """Return the function with one row more, in which all rows on one side are summed up."""
    (array,) = values.arguments(function, dtype)
    if not carries(array.type, dtype):
        array = pc.cast(array, dtype)
    if reach_of(function).carries == "after":
        longer, start = concat_arrays([array, carried]), 0
    else:
        longer, start = concat_arrays([carried, array]), 1
    whole = run_kernel(function, one_segment(values.rows + 1), [longer], dtype)
    return whole.slice(start, values.rows)


def _last_rows(batches: Iterator[pa.RecordBatch], count: int) -> list[pa.RecordBatch]:
    held = [batch for batch in batches if batch.num_rows]
    surplus = sum(batch.num_rows for batch in held) - count
    kept = []
    for batch in held:
        piece = batch.slice(min(max(surplus, 0), batch.num_rows))
        surplus -= batch.num_rows
        if piece.num_rows:
            kept.append(piece)
    return kept


def _first_rows(batches: Iterator[pa.RecordBatch], count: int) -> list[pa.RecordBatch]:
    kept = []
    for batch in batches:
        if count <= 0:
            break
        piece = batch.slice(0, count)
        count -= piece.num_rows
        if piece.num_rows:
            kept.append(piece)
    return kept

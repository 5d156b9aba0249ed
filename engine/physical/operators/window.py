"""Compute window functions where all rows of each group are in the partition."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import pyarrow as pa
import pyarrow.compute as pc

from ...errors import ComputeError
from ...expr.evaluate import evaluate_many
from ...expr.node import Agg, Column, Expr, SortKey, WindowCall
from ...expr.text import text_of
from ...expr.windows import WINDOWS
from ...plan.nodes import Named
from ...schema import carries, decoded
from ..kernels.aggregate_groups import aggregate_groups
from ..kernels.concat import concat, concat_arrays, narrowed, slices
from ..kernels.segments import Arranged, Segments, arranged
from ..kernels.windows import KERNELS
from ..stage import TaskContext
from .parts import InParts


@dataclass(frozen=True, kw_only=True)
class WindowRows:
    """Add window functions of the rows of a partition, which come out in the order they came in."""

    functions: tuple[Named, ...]
    keys: tuple[Expr, ...]
    order_by: tuple[SortKey, ...]
    schema: pa.Schema
    """The logical columns given: those that come in, then the functions."""

    @property
    def label(self) -> str:
        """What to call it in a profile."""
        return f"window {functions_text(self.functions)}"

    def execute(
        self, batches: Iterator[pa.RecordBatch], context: TaskContext
    ) -> Iterator[pa.RecordBatch]:
        """Stream the rows with the functions, once the input is at its end."""
        parts = InParts(
            context=context,
            of=self,
            keys=self._keys if self.keys else None,
            make=partial(self._made, context),
            what=f"A window with {functions_text(self.functions)}",
            advice=_ADVICE if self.keys else _ADVICE_WITHOUT_KEYS,
        )
        yield from parts.given(batches)

    def _keys(self, batch: pa.RecordBatch) -> list[pa.Array]:
        return evaluate_many(list(self.keys), batch)

    def _made(
        self, context: TaskContext, held: list[pa.RecordBatch], /, *, placed: bool
    ) -> Iterator[pa.RecordBatch]:
        """Stream the rows with the functions, in the order in which they are held."""
        values = Values(held)
        rows = arranged(
            [values.of(key) for key in self.keys],
            [values.of(key.expr) for key in self.order_by],
            self.order_by,
            values.rows,
        )
        made = []
        for name, function in self.functions:
            context.check()
            dtype = self.schema.field(name).type
            made.append(_computed(name, function, rows, values, dtype))
        yield from widened(held, made, self.schema, context)


_ADVICE = (
    "The rows of one key are that many: raise memory_limit, take fewer workers, or choose keys"
    " that fewer rows share."
)
_ADVICE_WITHOUT_KEYS = (
    "All rows are gathered for it (explain says so): raise memory_limit, take fewer workers, or"
    " give it keys with over(...)."
)


def functions_text(functions: Sequence[Named]) -> str:
    """Return the first few functions as text, for a label."""
    shown = ", ".join(text_of(expr) for _, expr in functions[:3])
    return shown + (", ..." if len(functions) > 3 else "")


class Values:
    """Expressions over all rows of some batches, each computed once."""

    def __init__(self, batches: Sequence[pa.RecordBatch]) -> None:
        self._batches = batches
        self._known: dict[Expr, pa.Array] = {}
        self.rows = sum(batch.num_rows for batch in batches)

    def of(self, expr: Expr) -> pa.Array:
        """Return the values of `expr`, one for each row."""
        if expr not in self._known:
            if isinstance(expr, Column):
                parts = [batch.column(expr.name) for batch in self._batches]
            else:
                parts = [evaluate_many([expr], batch)[0] for batch in self._batches]
            self._known[expr] = concat_arrays(parts)
        return self._known[expr]

    def arguments(self, function: WindowCall, dtype: pa.DataType) -> list[pa.Array]:
        """Return the values of a function's arguments, of the types that its kernel takes."""
        arrays = [self.of(arg) for arg in function.args]
        if len(arrays) > 1:
            return [each if carries(each.type, dtype) else pc.cast(each, dtype) for each in arrays]
        stand_in = WINDOWS[function.name].accepts.stand_in
        return [pc.cast(each, stand_in) if pa.types.is_null(each.type) else each for each in arrays]


def _computed(
    name: str, function: Expr, rows: Arranged, values: Values, dtype: pa.DataType
) -> pa.Array:
    """Return a function's value for each row."""
    with named(name):
        if isinstance(function, Agg):
            return _aggregated(function, rows, values, dtype)
        assert isinstance(function, WindowCall)
        gathered = [rows.gathered(array) for array in values.arguments(function, dtype)]
        return rows.scattered(run_kernel(function, rows.segments, gathered, dtype))


@contextlib.contextmanager
def named(name: str) -> Iterator[None]:
    """Put the name of a column in front of the message of a `ComputeError`."""
    try:
        yield
    except ComputeError as error:
        raise ComputeError(f"Column {name!r}: {error}") from None
    except pa.ArrowInvalid as error:
        raise ComputeError(f"Column {name!r} cannot be computed: {error}") from None


def run_kernel(
    function: WindowCall, segments: Segments, arrays: Sequence[pa.Array], dtype: pa.DataType
) -> pa.Array:
    """Return a function's value for each row of the segments."""
    # A null among a dictionary's values looks like a value where only codes are looked at.
    plain = [decoded(each) if _hides_nulls(each) else each for each in arrays]
    made = KERNELS[function.name](segments, plain, dict(function.options), dtype)
    return made if carries(made.type, dtype) else pc.cast(made, dtype)


def _hides_nulls(array: pa.Array) -> bool:
    return isinstance(array, pa.DictionaryArray) and array.dictionary.null_count > 0


def _aggregated(agg: Agg, rows: Arranged, values: Values, dtype: pa.DataType) -> pa.Array:
    """Return for each row the aggregate of its segment."""
    segments = rows.segments
    parts = dict.fromkeys(agg.children)
    names = {part: f"c{number}" for number, part in enumerate(parts)}
    arrays = [rows.gathered(values.of(part)) for part in parts] or [pa.nulls(values.rows)]
    batch = pa.RecordBatch.from_arrays(arrays, names=list(names.values()) or ["rows"])
    over = agg.with_children(tuple(Column(names[part]) for part in agg.children))
    assert isinstance(over, Agg)
    made = aggregate_groups(over, segments.groups, batch, dtype)
    return rows.scattered(made.take(pa.array(segments.ids)))


def widened(
    held: list[pa.RecordBatch],
    made: Sequence[pa.Array],
    schema: pa.Schema,
    context: TaskContext,
) -> Iterator[pa.RecordBatch]:
    """Yield the rows of `held`, which is emptied, with the columns `made`, the last of `schema`."""
    rows = concat(held)
    new = list(schema)[-len(made) :]
    before = pa.schema([*held[0].schema, *new])
    held.clear()
    wide = pa.RecordBatch.from_arrays([*rows.columns, *made], names=before.names)
    for piece in slices(wide, context.batch_rows):
        context.check()
        yield narrowed(piece, before)

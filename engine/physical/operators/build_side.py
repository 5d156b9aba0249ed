"""The side of a join that is read whole and looked up in: its rows, and where each key is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ...expr.casting import cast
from ...expr.evaluate import evaluate_many
from ...expr.node import Expr
from ...schema import carries
from ..kernels.concat import concat, concat_arrays, take
from ..kernels.join import JoinIndex, build_index
from ..kernels.key_set import KeySet, exact_key_set
from ..memory import Labelled
from ..stage import TaskContext
from .held import Held, held_whole


@dataclass(frozen=True, kw_only=True)
class Rows:
    """All rows of a side, with the columns that are given."""

    rows: pa.RecordBatch
    schema: pa.Schema
    """Its columns before they were put together; see `take`."""

    count: int
    keys: list[pa.Array]


@dataclass(frozen=True, kw_only=True)
class Built:
    """A side with the index of its keys, or just their set where it is only asked for matches."""

    rows: pa.RecordBatch
    schema: pa.Schema
    count: int
    index: JoinIndex | KeySet


def build(
    context: TaskContext,
    batches: Iterator[pa.RecordBatch],
    on: Sequence[Expr],
    types: Sequence[pa.DataType],
    wanted: Sequence[str],
    logical: pa.Schema,
    *,
    nulls_equal: bool,
    only_set: bool,
) -> Built:
    """Return a side with the index of its keys; the arguments are those of `read_whole`.

    With `only_set`, it is the set of the keys where that can be exact.
    """
    read = read_whole(batches, context, on, types, wanted, logical, nulls_equal)
    context.count("rows_built", read.count)
    index = (exact_key_set(read.keys) if only_set else None) or build_index(read.keys)
    return Built(rows=read.rows, schema=read.schema, count=read.count, index=index)


def read_whole(
    batches: Iterator[pa.RecordBatch],
    context: TaskContext,
    on: Sequence[Expr],
    types: Sequence[pa.DataType],
    wanted: Sequence[str],
    logical: pa.Schema,
    nulls_equal: bool = False,
) -> Rows:
    """Return all rows of `batches`.

    Parameters
    ----------
    on, types
        The keys, and the types in which they are compared.
    wanted
        The columns that are kept.
    logical
        The types of the columns, for a side without rows.
    """
    held: list[pa.RecordBatch] = []
    keys: list[list[pa.Array]] = []
    count = 0
    for batch in batches:
        context.check()
        if not batch.num_rows:
            continue
        held.append(batch.select(list(wanted)))
        keys.append(key_columns(on, types, batch, nulls_equal=nulls_equal))
        count += batch.num_rows
    if not held:
        nothing = pa.schema([logical.field(name) for name in wanted])
        held = [pa.RecordBatch.from_arrays([pa.array([], t) for t in nothing.types], list(wanted))]
        empty = [pa.array([], dtype) for dtype in types]
        keys = [[each for key in empty for each in _parts(key, nulls_equal)]]
    columns = [concat_arrays(parts) for parts in zip(*keys, strict=True)]
    return Rows(rows=concat(held), schema=held[0].schema, count=count, keys=columns)


COPIES, ROW_BYTES = 3, 40
"""See `Held`: the rows as they came and put together, their keys, and the index of these."""

_ADVICE = (
    "Each process holds it: raise memory_limit, take fewer workers, choose fewer columns of it, or"
    " join by keys that are equal."
)


@dataclass(frozen=True, kw_only=True)
class WholeRead:
    """A side that all tasks read, held by each process for as long as the query runs."""

    of: Labelled
    """The operator."""

    side: int
    on: Sequence[Expr]
    types: Sequence[pa.DataType]
    wanted: Sequence[str]
    logical: pa.Schema
    """See `read_whole`."""

    def rows(self, context: TaskContext) -> Rows:
        """Return all rows, reserved; what is refused is `MemoryLimitExceeded`."""
        held = self._held(context)
        what = f"The side that the {self.of.label} looks up in"
        held.all(context.side(self.side), context, what, _ADVICE)
        return self._read(held, context)

    def granted(self, context: TaskContext) -> Rows | None:
        """Return all rows, reserved; None if that is refused."""
        held = self._held(context)
        if held_whole(context.side(self.side), held, context) is not None:
            held.clear()
            return None
        return self._read(held, context)

    def _held(self, context: TaskContext) -> Held:
        # Without keys no index is made of them.
        copies, row_bytes = (COPIES, ROW_BYTES) if self.on else (2, 0)
        return Held(context, self.of, copies, row_bytes)

    def _read(self, held: Held, context: TaskContext) -> Rows:
        batches = iter(held.batches)
        read = read_whole(batches, context, self.on, self.types, self.wanted, self.logical)
        held.become(read.rows.nbytes + read.count * ROW_BYTES)
        context.count("rows_built", read.count)
        return read


def paired(
    batch: pa.RecordBatch,
    built: Rows,
    build_role: str,
    output: Sequence[tuple[str, str, str]],
    probe_places: np.ndarray,
    build_places: np.ndarray,
) -> pa.RecordBatch:
    """Return a row for each pair of a row of the batch and one of the other side."""
    build_rows = take(built.rows, build_places, built.schema)
    probe_rows = pa.array(probe_places)
    columns = [
        build_rows.column(name) if role == build_role else batch.column(name).take(probe_rows)
        for role, name, _ in output
    ]
    return pa.RecordBatch.from_arrays(columns, names=[given for _, _, given in output])


def key_columns(
    on: Sequence[Expr], types: Sequence[pa.DataType], batch: pa.RecordBatch, *, nulls_equal: bool
) -> list[pa.Array]:
    """Return the keys of a batch in the types they are compared in.

    Where null keys are equal to each other, each key is two columns: a value, and whether it is
    null.
    """
    values = evaluate_many(list(on), batch)
    keys = [_as_key(value, dtype) for value, dtype in zip(values, types, strict=True)]
    return [each for key in keys for each in _parts(key, nulls_equal)]


def _parts(key: pa.Array, nulls_equal: bool) -> list[pa.Array]:
    return [_filled(key), key.is_null()] if nulls_equal else [key]


def _filled(key: pa.Array) -> pa.Array:
    """Return a key with some value in place of every null."""
    if isinstance(key, pa.DictionaryArray):
        # A null row takes the place behind the values; what a null value stands for is filled.
        values = _filled(key.dictionary)
        filling = _filled(pa.nulls(1, values.type))
        indices = pc.cast(key.indices, pa.int32()).fill_null(len(values))
        return pa.DictionaryArray.from_arrays(indices, pa.concat_arrays([values, filling]))
    if pa.types.is_null(key.type):
        return pa.array(np.zeros(len(key), np.int8))
    if key.null_count == 0:
        return key
    return key.fill_null(_any_value(key.type))


def _any_value(dtype: pa.DataType) -> pa.Scalar:
    """Return the same value whenever it is called: a zero, or the empty text."""
    try:
        width = dtype.bit_width
    except ValueError:
        return pa.array([b""], pa.binary()).cast(dtype)[0]
    return pa.Array.from_buffers(dtype, 1, [None, pa.py_buffer(bytes(width // 8 + 1))])[0]


def _as_key(array: pa.Array, dtype: pa.DataType) -> pa.Array:
    """Return a key column in the type it is compared in; a dictionary of it will do."""
    if carries(array.type, dtype):
        return array
    if isinstance(array, pa.DictionaryArray):
        return pa.DictionaryArray.from_arrays(array.indices, _as_key(array.dictionary, dtype))
    return cast(array, dtype)

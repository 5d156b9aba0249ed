"""Combine the rows of two sides whose keys are equal."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from ...expr.casting import cast
from ...expr.evaluate import evaluate_many
from ...expr.node import Expr
from ...expr.text import text_of
from ...schema import carries
from ..kernels.concat import concat, concat_arrays, slices, take
from ..kernels.join import JoinIndex, Matches, build_index, find_groups, matches
from ..stage import TaskContext


@dataclass(frozen=True, kw_only=True)
class _Built:
    """The build side: its rows, with the columns that are given, and where each key is."""

    rows: pa.RecordBatch
    schema: pa.Schema
    """Its columns before they were put together; see `take`."""

    count: int
    index: JoinIndex


@dataclass(frozen=True, kw_only=True)
class HashJoin:
    """Look up each row of the streamed side (probe) among the rows of a side input (build).

    Rows come in the order of the probe side, the matches of one row in the order of the build
    side. A null key matches nothing; NaN matches NaN, and -0.0 matches 0.0.
    """

    left_on: tuple[Expr, ...]
    right_on: tuple[Expr, ...]
    key_types: tuple[pa.DataType, ...]
    """The types in which the keys are compared."""

    how: str
    """``inner``, ``left``, ``semi`` or ``anti``."""

    side: int
    """Number of the side input that is built."""

    swap: bool
    """Whether the left is the build side and the right streams; inner joins only."""

    output: tuple[tuple[str, str, str], ...]
    """The columns given: ``left`` or ``right``, the name there, the name given."""

    left_schema: pa.Schema
    right_schema: pa.Schema
    shared_build: bool
    """Whether all tasks read the same build side: it is built once per process then."""

    id: str
    """What the build side is called in the cache."""

    @property
    def label(self) -> str:
        """What to call it in a profile."""
        pairs = zip(self.left_on, self.right_on, strict=True)
        keys = ", ".join(f"{text_of(left)} = {text_of(right)}" for left, right in pairs)
        return f"{self.how} join ({keys})"

    @property
    def _build_role(self) -> str:
        return "left" if self.swap else "right"

    def execute(
        self, batches: Iterator[pa.RecordBatch], context: TaskContext
    ) -> Iterator[pa.RecordBatch]:
        """Stream the joined rows of each probe batch, in batches of at most `batch_rows`."""
        built = self._built(context)
        if not built.count and self.how in ("inner", "semi"):
            return
        probe_on = self.right_on if self.swap else self.left_on
        for batch in batches:
            context.check()
            if not batch.num_rows:
                continue
            groups = find_groups(built.index, self._keys(probe_on, batch))
            context.count("rows_probed", batch.num_rows)
            if self.how in ("semi", "anti"):
                kept = (groups >= 0) == (self.how == "semi")
                yield from slices(self._selected(batch, kept), context.batch_rows)
                continue
            for found in matches(
                built.index,
                groups,
                keep_unmatched=self.how == "left",
                most=context.batch_rows,
            ):
                yield self._combined(batch, built, found)
                context.check()

    def _built(self, context: TaskContext) -> _Built:
        if not self.shared_build:
            return self._build(context)
        # The keys are part of the name: one stage may be the build side of several joins.
        key = "join", self.id, self.swap, self.left_on, self.right_on, self.key_types, self.output
        if key not in context.cache:
            context.cache[key] = self._build(context)
        return context.cache[key]

    def _build(self, context: TaskContext) -> _Built:
        on = self.left_on if self.swap else self.right_on
        logical = self.left_schema if self.swap else self.right_schema
        wanted = list(
            dict.fromkeys(name for role, name, _ in self.output if role == self._build_role)
        )
        held: list[pa.RecordBatch] = []
        keys: list[list[pa.Array]] = []
        count = 0
        for batch in context.side(self.side):
            context.check()
            if not batch.num_rows:
                continue
            held.append(batch.select(wanted))
            keys.append(self._keys(on, batch))
            count += batch.num_rows
        if not held:
            nothing = pa.schema([logical.field(name) for name in wanted])
            held = [pa.RecordBatch.from_arrays([pa.array([], t) for t in nothing.types], wanted)]
            keys = [[pa.array([], dtype) for dtype in self.key_types]]
        context.count("rows_built", count)
        columns = [concat_arrays(parts) for parts in zip(*keys, strict=True)]
        return _Built(
            rows=concat(held), schema=held[0].schema, count=count, index=build_index(columns)
        )

    def _keys(self, on: tuple[Expr, ...], batch: pa.RecordBatch) -> list[pa.Array]:
        values = evaluate_many(on, batch)
        return [_as_key(value, to) for value, to in zip(values, self.key_types, strict=True)]

    def _selected(self, batch: pa.RecordBatch, kept: np.ndarray) -> pa.RecordBatch:
        if kept.all():
            columns = {name: batch.column(name) for _, name, _ in self.output}
        else:
            mask = pa.array(kept)
            columns = {name: batch.column(name).filter(mask) for _, name, _ in self.output}
        return pa.RecordBatch.from_arrays(
            [columns[name] for _, name, _ in self.output],
            names=[given for _, _, given in self.output],
        )

    def _combined(self, batch: pa.RecordBatch, built: _Built, found: Matches) -> pa.RecordBatch:
        missing = found.build < 0
        build_rows = take(
            built.rows, pa.array(found.build, mask=missing if missing.any() else None), built.schema
        )
        probe_rows = None if found.probe is None else pa.array(found.probe)
        columns = []
        for role, name, _ in self.output:
            if role == self._build_role:
                columns.append(build_rows.column(name))
            else:
                column = batch.column(name)
                columns.append(column if probe_rows is None else column.take(probe_rows))
        return pa.RecordBatch.from_arrays(columns, names=[given for _, _, given in self.output])


def _as_key(array: pa.Array, dtype: pa.DataType) -> pa.Array:
    """Return a key column in the type it is compared in; a dictionary of it will do."""
    if carries(array.type, dtype):
        return array
    if isinstance(array, pa.DictionaryArray):
        return pa.DictionaryArray.from_arrays(array.indices, _as_key(array.dictionary, dtype))
    return cast(array, dtype)

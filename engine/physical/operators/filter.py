"""Keep the rows that a predicate holds for."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from ...expr.condition import Test, is_boolean, is_dear, truth_of
from ...expr.conjunctions import conjunction, conjuncts
from ...expr.node import Expr, columns_of
from ...expr.python_call import has_python_call
from ...expr.text import text_of
from ...optimizer.properties import may_raise
from ...schema import field_index
from ..kernels.kept import NEARLY_ALL, kept_rows, rows_at
from ..memory import Halved
from ..stage import TaskContext

MOST_LEFT = 0.5
"""Up to this share of the rows, dear parts of a condition are asked of the rows that are left."""


@dataclass(frozen=True, kw_only=True)
class FilterRows:
    """Keep the rows for which `predicate` is true: not those where it is false or null."""

    predicate: Expr

    columns: tuple[str, ...] | None = None
    """The columns that are given, None for all: what only the predicate reads is not copied."""

    @property
    def label(self) -> str:
        """What to call it in a profile."""
        return f"filter ({text_of(self.predicate)})"

    def execute(
        self, batches: Iterator[pa.RecordBatch], context: TaskContext
    ) -> Iterator[pa.RecordBatch]:
        """Stream what is kept of each batch; a batch of which all is kept passes uncopied."""
        for batch, places in self.chosen(batches, context):
            yield batch if places is None else rows_at(batch, places)

    def chosen(
        self, batches: Iterator[pa.RecordBatch], context: TaskContext
    ) -> Iterator[tuple[pa.RecordBatch, np.ndarray | None]]:
        """Stream batches with the rows of them that are kept; None for all of them.

        An operator that drops rows itself copies only what is left in the end.
        """
        schema = None
        if has_python_call(self.predicate):
            batches = Halved(context.memory).all(batches)
        for batch in batches:
            context.check()
            if not batch.num_rows:
                continue
            if schema is None or not batch.schema.equals(schema):
                # Text is a dictionary in some batches and plain in others.
                schema = batch.schema
                chooser = _chooser(self.predicate, schema)
                names = schema.names if self.columns is None else self.columns
                places = [field_index(schema, name) for name in names]
            mask = chooser.rows(batch)
            kept = int(np.count_nonzero(mask))
            if kept == batch.num_rows and self.columns is None:
                yield batch, None
            elif kept >= NEARLY_ALL * batch.num_rows:
                yield kept_rows(batch, mask, kept, places), None
            elif kept:
                yield batch.select(places), np.flatnonzero(mask)


@dataclass(frozen=True, kw_only=True)
class _Chooser:
    """A predicate in two parts: what is asked of all rows, and what of those that are left."""

    first: Test
    then: Test | None
    """Made for batches of the columns that it reads, `read`."""

    read: tuple[int, ...]

    def rows(self, batch: pa.RecordBatch) -> np.ndarray:
        if self.then is None:
            return self.first(batch)
        mask = self.first(batch)
        kept = int(np.count_nonzero(mask))
        if not kept:
            return mask
        few = batch.select(list(self.read))
        if kept > MOST_LEFT * batch.num_rows:
            return np.logical_and(mask, self.then(few))
        left = np.flatnonzero(mask)
        mask[left] = self.then(rows_at(few, left))
        return mask


@functools.lru_cache(maxsize=256)
def _chooser(predicate: Expr, schema: pa.Schema) -> _Chooser:
    """Return a predicate with its dear parts apart, those that have a value for every row.

    What may raise is asked of all rows, as it is written.
    """
    parts = conjuncts(predicate)
    if not all(is_boolean(each, schema) for each in parts):
        # The bits of integers.
        parts = (predicate,)
    dear = [each for each in parts if is_dear(each, schema) and not may_raise(each, schema)]
    first = conjunction(tuple(each for each in parts if each not in dear))
    then = conjunction(tuple(dear))
    if first is None or then is None:
        return _Chooser(first=truth_of(predicate, schema), then=None, read=())
    names = columns_of(then)
    read = tuple(place for place, name in enumerate(schema.names) if name in names)
    narrow = pa.schema([schema.field(place) for place in read])
    return _Chooser(first=truth_of(first, schema), then=truth_of(then, narrow), read=read)

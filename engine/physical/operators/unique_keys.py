"""Refuse keys that repeat where they must not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NoReturn

import numpy as np
import pyarrow as pa

from ...errors import RepeatedKey
from ...expr.node import Expr
from ...expr.text import text_of
from ...schema import decoded
from ..kernels.concat import concat, take
from ..kernels.group import group_ids
from ..kernels.key_columns import NO_NULLS, all_valid
from ..stage import TaskContext
from .build_side import key_columns
from .held import Held, SpilledTo
from .parts import InParts

COUNT = "count"
"""The column beside the keys, which are called by their numbers: how often they occur."""


@dataclass(frozen=True, kw_only=True)
class UniqueKeys:
    """Pass rows on and raise where two of the partition have the same key.

    All rows of a key are in one partition. Null keys do not count unless they are equal. Keys that
    may not be held are put aside by their hash.
    """

    on: tuple[Expr, ...]
    key_types: tuple[pa.DataType, ...]
    nulls_equal: bool
    side: str
    """``left`` or ``right``, for the message."""

    validate: str
    """What was asked for, for the message."""

    @property
    def label(self) -> str:
        """What to call it in a profile."""
        return f"check that keys of the {self.side} are unique"

    def execute(
        self, batches: Iterator[pa.RecordBatch], context: TaskContext
    ) -> Iterator[pa.RecordBatch]:
        """Stream the batches; after the last, all keys are compared.

        Raises
        ------
        RepeatedKey
            If a key occurs more than once.
        """
        keys = [str(number) for number in range(len(self.on))]
        parts = InParts(
            context=context,
            of=self,
            keys=lambda batch: batch.columns[: len(keys)],
            make=self._repeated,
            what=f"{self.label[0].upper()}{self.label[1:]}",
            advice="Raise memory_limit, take fewer workers, or leave out validate=.",
            fewer=self._counted,
        )
        with (
            Held(context, self, parts.copies, parts.row_bytes) as held,
            SpilledTo(context, self) as files,
        ):
            aside = files.new()
            for batch in batches:
                context.check()
                if batch.num_rows:
                    there = self._keys_of(batch, keys)
                    if not held.add(there):
                        for each in (*held.batches, there):
                            aside.write(each)
                        held.clear()
                yield batch
            if aside.rows:
                for each in held.batches:
                    aside.write(each)
                held.clear()
                found = parts.spilled(files.done(aside).read(), held)
            elif held.rows:
                found = self._repeated(held.batches, placed=False)
            else:
                return
            # Of keys that occur as often, the first to come is told.
            worst = max(
                (batch.slice(row, 1) for batch in found for row in range(batch.num_rows)),
                key=lambda row: row.column(COUNT)[0].as_py(),
                default=None,
            )
        if worst is not None:
            self._raise(worst)

    def _keys_of(self, batch: pa.RecordBatch, names: list[str]) -> pa.RecordBatch:
        """Return the keys that count, each once yet."""
        keys = key_columns(self.on, self.key_types, batch, nulls_equal=False)
        valid = NO_NULLS if self.nulls_equal else all_valid(keys)
        if len(valid):
            keys = [key.filter(pa.array(valid.view(np.bool_))) for key in keys]
        once = pa.array(np.ones(len(keys[0]), np.int64))
        return pa.RecordBatch.from_arrays([*keys, once], names=[*names, COUNT])

    def _counted(self, held: list[pa.RecordBatch]) -> pa.RecordBatch:
        """Return each key once, with how often it occurs and the place of its first row."""
        rows = concat(held)
        groups = group_ids(rows.columns[: len(self.on)], rows.num_rows)
        if groups.count == rows.num_rows:
            return rows
        before = rows.column(COUNT).to_numpy()
        # In doubles, which are exact to 2 ** 53.
        counts = np.bincount(groups.ids, before, groups.count).astype(np.int64)
        kept = take(rows, groups.first_rows, held[0].schema)
        return kept.set_column(len(self.on), COUNT, pa.array(counts))

    def _repeated(self, held: list[pa.RecordBatch], /, *, placed: bool) -> Iterator[pa.RecordBatch]:
        """Yield the most frequent key, if it occurs more than once."""
        counted = self._counted(held)
        counts = counted.column(COUNT).to_numpy()
        most = int(counts.argmax()) if len(counts) else 0
        if len(counts) and counts[most] > 1:
            yield counted.slice(most, 1)

    def _raise(self, row: pa.RecordBatch) -> NoReturn:
        shown = ", ".join(
            f"{text_of(expr)} = {decoded(key)[0].as_py()!r}"
            for expr, key in zip(self.on, row.columns, strict=False)
        )
        count = row.column(COUNT)[0].as_py()
        raise RepeatedKey(
            f"join(validate={self.validate!r}) wants every key of the {self.side} side to occur"
            f" once, and {shown} occurs in {count:,} rows. Keep one row of each key with"
            f" .unique(...), aggregate, or leave out validate=."
        )

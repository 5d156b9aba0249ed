"""Refuse keys that repeat where they must not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from ...errors import RepeatedKey
from ...expr.node import Expr
from ...expr.text import text_of
from ...schema import decoded
from ..kernels.concat import concat_arrays
from ..kernels.group import group_ids
from ..kernels.key_columns import NO_NULLS, all_valid
from ..stage import TaskContext
from .build_side import key_columns


@dataclass(frozen=True, kw_only=True)
class UniqueKeys:
    """Pass rows on and raise where two of the partition have the same key.

    All rows of a key are in one partition. Null keys do not count unless they are equal.
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
        held: list[list[pa.Array]] = []
        for batch in batches:
            context.check()
            if batch.num_rows:
                held.append(key_columns(self.on, self.key_types, batch, nulls_equal=False))
            yield batch
        if held:
            self._check([concat_arrays(parts) for parts in zip(*held, strict=True)])

    def _check(self, keys: list[pa.Array]) -> None:
        valid = NO_NULLS if self.nulls_equal else all_valid(keys)
        if len(valid):
            keys = [key.filter(pa.array(valid.view(np.bool_))) for key in keys]
        groups = group_ids(keys, len(keys[0]))
        if groups.count == len(keys[0]):
            return
        counts = np.bincount(groups.ids, minlength=groups.count)
        most = int(counts.argmax())
        row = int(groups.first_rows[most])
        shown = ", ".join(
            f"{text_of(expr)} = {decoded(key.slice(row, 1))[0].as_py()!r}"
            for expr, key in zip(self.on, keys, strict=True)
        )
        raise RepeatedKey(
            f"join(validate={self.validate!r}) wants every key of the {self.side} side to occur"
            f" once, and {shown} occurs in {counts[most]:,} rows. Keep one row of each key with"
            f" .unique(...), aggregate, or leave out validate=."
        )

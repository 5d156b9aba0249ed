"""Rows that are handed on to a final aggregation as they are, where their states would be as many.

A state is as wide as a row or wider (an exact sum has 16 bytes, a mean a count beside it), and to
make one of each row, to write it, to read it and to merge it is work for nothing: ten million rows
that are a group each cost 1.3 s of a processor so, and 0.9 s as rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from ...expr.node import Agg, Column
from ..kernels.concat import concat
from ..kernels.group import group_ids
from ..kernels.words import is_number64


def row_columns(
    keys: Sequence[str], aggs: Sequence[Agg], states: Sequence[str]
) -> tuple[str, ...] | None:
    """Return the columns of rows that are handed on; None where that cannot be.

    Parameters
    ----------
    keys
        The columns that are grouped by.
    aggs
        The aggregates, which have to be of columns: what is computed is computed where it is read.
    states
        The columns of states, which batches of rows are told from by their names.
    """
    names = dict.fromkeys(keys)
    for agg in aggs:
        if agg.where is not None or agg.order_by:
            return None
        for column in agg.inputs:
            if not isinstance(column, Column):
                return None
            names[column.name] = None
    return None if not keys or tuple(names) == tuple(states) else tuple(names)


_SAMPLE = 4096
_DIFFERENT = 0.93
"""Of 4096 rows from 30,000 groups so many have one each: a quarter of the rows of a batch."""

_ALONE = 0.996
"""Of 4096 rows from 500,000 groups so many have one each: nine tenths of the rows of a batch."""

_NEIGHBOURS = 0.9
"""Where so many of neighbouring rows have a group each, equal keys do not lie together."""


def has_many_groups(batch: pa.RecordBatch, keys: Sequence[str]) -> bool:
    """Return whether a batch has more than a group to four rows, by a sample of them."""
    return batch.num_rows >= 4 * _SAMPLE and _groups(batch, keys) > _DIFFERENT


def are_alone(batch: pa.RecordBatch, keys: Sequence[str]) -> bool:
    """Return whether hardly any rows of a batch share a group, by a sample of them.

    Not of a batch with text: rows are handed on that are numbers and codes of dictionaries.
    """
    if batch.num_rows < 4 * _SAMPLE or not all(_is_flat(dtype) for dtype in batch.schema.types):
        return False
    return _groups(batch.slice(0, _SAMPLE), keys) > _NEIGHBOURS and _groups(batch, keys) > _ALONE


def _is_flat(dtype: pa.DataType) -> bool:
    return pa.types.is_dictionary(dtype) or pa.types.is_decimal(dtype) or is_number64(dtype)


def _groups(batch: pa.RecordBatch, keys: Sequence[str]) -> float:
    """Return the groups to a row among some rows of a batch, all of a short one."""
    chosen = batch.select(list(dict.fromkeys(keys)))
    if batch.num_rows > _SAMPLE:
        # Chosen at random, always the same: keys may come round at even distances.
        rows = np.random.default_rng(0).choice(batch.num_rows, _SAMPLE, replace=False)
        chosen = chosen.take(pa.array(rows))
    return group_ids(chosen.columns, chosen.num_rows, exact=False).count / chosen.num_rows


@dataclass(kw_only=True)
class PlainRows:
    """Batches of rows that came one behind another."""

    columns: Sequence[str] | None
    """Their columns; None where no batch is one of rows."""

    batches: list[pa.RecordBatch] = field(default_factory=list)
    rows: int = 0

    def hold(self, batch: pa.RecordBatch) -> bool:
        """Keep a batch, if it is one of rows; return whether it is."""
        if self.columns is None or batch.schema.names != list(self.columns):
            return False
        self.batches.append(batch)
        self.rows += batch.num_rows
        return True

    def given(self) -> pa.RecordBatch | None:
        """Return all that are held and forget them; None where there are none."""
        whole = concat(self.batches) if self.batches else None
        self.batches, self.rows = [], 0
        return whole

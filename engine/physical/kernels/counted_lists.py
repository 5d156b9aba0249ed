"""How often each value occurs in each group: a list of different values and a list of counts."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from . import lists as kernels
from .accumulate import sum_counts
from .group import GroupIds, group_ids


def count_values(groups: GroupIds, array: pa.Array) -> tuple[pa.Array, pa.Array]:
    """Return for each group its different values, null among them, and how often each occurs."""
    return _counted(groups, array, np.ones(len(array), np.int64))


def merge_counted(groups: GroupIds, parts: tuple[pa.Array, ...]) -> tuple[pa.Array, pa.Array]:
    """Return what `count_values` would give of all rows, from what it gave of their parts."""
    values, counts = parts
    inner, _ = kernels.members(values)
    own = GroupIds(ids=groups.ids[inner], first_rows=groups.first_rows, count=groups.count)
    return _counted(own, values.flatten(), counts.flatten().to_numpy())


def _counted(groups: GroupIds, array: pa.Array, counts: np.ndarray) -> tuple[pa.Array, pa.Array]:
    pairs = group_ids([pa.array(groups.ids), array], len(array))
    totals = sum_counts(pairs.ids, pairs.count, counts)
    own = GroupIds(
        ids=groups.ids[pairs.first_rows], first_rows=groups.first_rows, count=groups.count
    )
    values = kernels.lists_of(own, array.take(pa.array(pairs.first_rows)))
    return values, kernels.lists_of(own, pa.array(totals))

"""What a state is: how one aggregate is accumulated, in columns with a row for each group."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from ...schema import carries
from . import accumulate as kernels
from .group import GroupIds

Parts = tuple[pa.Array, ...]
"""The columns of one state."""


@dataclass(frozen=True, kw_only=True)
class State:
    """How one aggregate is accumulated."""

    parts: tuple[str, ...]
    """What its columns are called, behind the name of the aggregate's own column."""

    types: Callable[[pa.DataType], tuple[pa.DataType, ...]]
    """The types of its columns, from the type of the input."""

    start: Callable[[GroupIds, pa.Array], Parts]
    """Make the states of groups from the values of rows; ``len`` is given any column."""

    merge: Callable[[GroupIds, Parts], Parts]
    """Make one state per group from states; a row of these is a state."""

    finish: Callable[[Parts, pa.DataType, Mapping[str, Any]], pa.Array]
    """Turn states into results of a type; the options are those of the `Agg`."""

    folds: bool = True
    """Whether states merged a few at a time, in order, give the bits of all merged at once."""


def merge_counts(groups: GroupIds, parts: Parts) -> Parts:
    (counts,) = parts
    return (pa.array(kernels.sum_counts(groups.ids, groups.count, counts.to_numpy())),)


def as_is(parts: Parts, dtype: pa.DataType, options: Mapping[str, Any]) -> pa.Array:
    return parts[0] if carries(parts[0].type, dtype) else pc.cast(parts[0], dtype)


def merged_alike(
    part: str,
    start: Callable[[GroupIds, pa.Array], Parts],
    types: Callable[[pa.DataType], tuple[pa.DataType, ...]] = lambda dtype: (dtype,),
) -> State:
    """Return a state of one column that is merged as it is started: the least of the least."""
    return State(
        parts=(part,),
        types=types,
        start=start,
        merge=lambda groups, parts: start(groups, parts[0]),
        finish=as_is,
    )


def counted(part: str, start: Callable[[GroupIds, pa.Array], Parts]) -> State:
    return State(
        parts=(part,),
        types=lambda dtype: (pa.int64(),),
        start=start,
        merge=merge_counts,
        finish=as_is,
    )

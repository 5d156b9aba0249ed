"""States of aggregates whose rows are chosen or ordered by other columns than the one they take.

They are given structs: the value first, then the keys of the order. A null struct is the state of
a group without rows, which a null value is not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from ...expr.node import SortKey
from . import lists as kernels
from .group import GroupIds, last_rows
from .state import Parts, State
from .value_states import least_rows, taken, value_of
from .words import validity

Options = Mapping[str, Any]


def one_row(by: Sequence[SortKey], *, last: bool) -> State:
    """Return the state of the first or the last value in an order, that of the rows without keys.

    Of equal keys it is the first or the last row of them.
    """

    def start(groups: GroupIds, array: pa.StructArray) -> Parts:
        valid = validity(array)
        if valid is not None:
            ids = groups.ids[valid]
            groups = GroupIds(ids=ids, first_rows=groups.first_rows, count=groups.count)
            array = array.filter(pa.array(valid))
        if by:
            keys = [array.field(place + 1) for place in range(len(by))]
            rows = least_rows(groups, keys, by, last=last)
        elif last:
            rows = last_rows(groups)
        else:
            backwards = groups.ids[::-1].copy()
            found = last_rows(
                GroupIds(ids=backwards, first_rows=groups.first_rows, count=groups.count)
            )
            rows = (found >= 0) * (len(array) - 1 - found) - (found < 0)
        return (taken(array, rows),)

    return State(
        parts=("row",),
        types=lambda dtype: (dtype,),
        start=start,
        merge=lambda groups, parts: start(groups, parts[0]),
        finish=lambda parts, dtype, options: value_of(parts[0]),
    )


def ordered_list(by: Sequence[SortKey], finish: State) -> State:
    """Return the state of a list in an order; `finish` is that of the same list without one."""

    def sorted_values(parts: Parts, dtype: pa.DataType, options: Options) -> pa.Array:
        (lists,) = parts
        rows = lists.flatten()
        ids, starts = kernels.members(lists)
        keys = [rows.field(place + 1) for place in range(len(by))]
        order = kernels.ordered(ids, len(lists), keys, by)
        values = kernels.widened(rows.field(0)).take(pa.array(order))
        made = pa.LargeListArray.from_arrays(pa.array(starts), values)
        return finish.finish((made,), dtype, options)

    return State(
        parts=("rows",),
        types=lambda dtype: (pa.large_list(dtype),),
        start=lambda groups, array: (kernels.lists_of(groups, array),),
        merge=lambda groups, parts: (kernels.concatenated(groups, parts[0]),),
        finish=sorted_values,
    )

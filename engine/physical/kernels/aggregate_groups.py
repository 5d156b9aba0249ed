"""One aggregate over rows in groups, whatever it takes: filters, an order, several columns.

`state_of` says how an `Agg` is accumulated, `Inputs.start` makes the states of a batch, and
`aggregate_groups` gives the results at once where all rows of the groups are there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ...errors import ComputeError
from ...expr.aggregates import AGGREGATES
from ...expr.evaluate import dtype_of, evaluate_many
from ...expr.function import is_text
from ...expr.node import Agg, Expr
from ...schema import decoded
from .accumulate import doubles, sum_columns
from .group import GroupIds, only_rows
from .list_states import STATES_OF_CUTS, cutting
from .row_states import one_row, ordered_list
from .sketch_states import sketching
from .state import Parts, State
from .states import STATES

_WITH_SETTINGS: Mapping[str, Callable[[Mapping[str, Any]], State]] = {
    "approx_quantile": sketching,
    **{
        name: lambda options, name=name: cutting(name, options)  # type: ignore[misc]
        for name in STATES_OF_CUTS
    },
}
"""Aggregates whose settings matter before their states are finished."""


_MADE_OF = {
    "mean": ("sum", "count"),
    "median": ("quantile",),
    "std": ("var",),
    "kurtosis": ("skew",),
    "corr": ("cov",),
}
"""Aggregates that are finished from the states of others, which may be there anyway."""


def accumulations(agg: Agg) -> tuple[Agg, ...]:
    """Return the aggregates whose states `agg` is finished from: the same for several quantiles."""
    if agg.name in _WITH_SETTINGS:
        return (agg,)
    names = _MADE_OF.get(agg.name, (agg.name,))
    return tuple(replace(agg, name=name, options=()) for name in names)


def state_of(agg: Agg) -> State:
    """Return how `agg` is accumulated."""
    if _sees_rows(agg):
        return one_row(agg.order_by, last=agg.name == "last")
    if _takes_order(agg):
        return ordered_list(agg.order_by, STATES[agg.name])
    made = _WITH_SETTINGS.get(agg.name)
    return STATES[agg.name] if made is None else made(dict(agg.options))


def _sees_rows(agg: Agg) -> bool:
    """Return whether the state is a row, as that of a first value among chosen rows is."""
    return agg.name in ("first", "last") and bool(agg.where is not None or agg.order_by)


def _takes_order(agg: Agg) -> bool:
    return bool(agg.order_by) and AGGREGATES[agg.name].sortable


def _columns(agg: Agg) -> tuple[Expr, ...]:
    """Return what an aggregate is computed of."""
    keys = tuple(key.expr for key in agg.order_by) if _takes_order(agg) else ()
    return (*agg.inputs, *keys)


def _is_struct(agg: Agg) -> bool:
    return len(_columns(agg)) > 1 or _sees_rows(agg)


def state_types(agg: Agg, schema: pa.Schema) -> tuple[pa.DataType, ...]:
    """Return the types of the columns of its state, over rows of `schema`."""
    types = [dtype_of(column, schema) for column in _columns(agg)]
    if not types:
        return state_of(agg).types(pa.int64())
    if pa.types.is_null(types[0]):
        types[0] = AGGREGATES[agg.name].accepts.stand_in
    return state_of(agg).types(_struct_type(types) if _is_struct(agg) else types[0])


def _struct_type(types: Sequence[pa.DataType]) -> pa.DataType:
    return pa.struct([pa.field(f"f{place}", dtype) for place, dtype in enumerate(types)])


class Inputs:
    """What some aggregates take of a batch; what they have in common is computed once."""

    def __init__(self, aggs: Sequence[Agg], groups: GroupIds, batch: pa.RecordBatch) -> None:
        self._groups = groups
        self._batch = batch
        filters = list(dict.fromkeys(agg.where for agg in aggs if agg.where is not None))
        self._masks = {
            where: pc.fill_null(decoded(mask).cast(pa.bool_()), False)
            for where, mask in zip(filters, evaluate_many(filters, batch), strict=True)
        }
        self._chosen = {
            where: only_rows(groups, np.asarray(mask)) for where, mask in self._masks.items()
        }
        exprs = list(dict.fromkeys(column for agg in aggs for column in _columns(agg)))
        self._values: dict[Expr, pa.Array] = {}
        try:
            self._values.update(zip(exprs, evaluate_many(exprs, batch), strict=True))
        except ComputeError:
            # Perhaps only in rows that a filter leaves out: each is computed over its own rows.
            self._values.clear()
        self._sums = self._sums_of_floats(aggs)

    def _sums_of_floats(self, aggs: Sequence[Agg]) -> dict[Expr, pa.Array]:
        """Return the states of sums of doubles over all rows, which are made several at once."""
        columns: dict[Expr, np.ndarray] = {}
        for agg in aggs:
            if agg.name == "sum" and agg.where is None and not _is_struct(agg):
                values = self._values.get(agg.inputs[0])
                if values is not None and values.type == pa.float64():
                    columns[agg.inputs[0]] = doubles(values)
        groups = self._groups
        sums = sum_columns(groups.ids, groups.count, list(columns.values()))
        return {expr: pa.array(total) for expr, total in zip(columns, sums, strict=True)}

    def start(self, agg: Agg) -> Parts:
        """Return the states of all groups.

        Raises
        ------
        ComputeError
            If a value, or a state, cannot be computed.
        """
        groups = self._groups if agg.where is None else self._chosen[agg.where]
        if agg.name == "sum" and agg.where is None and agg.inputs[0] in self._sums:
            return (self._sums[agg.inputs[0]],)
        columns = [self._column(column, agg.where) for column in _columns(agg)]
        if not columns:
            return state_of(agg).start(groups, pa.nulls(len(groups.ids)))
        if pa.types.is_null(columns[0].type):
            columns[0] = pc.cast(columns[0], AGGREGATES[agg.name].accepts.stand_in)
        if not _is_struct(agg):
            return state_of(agg).start(groups, columns[0])
        plain = [decoded(column) for column in columns]
        fields = [pa.field(f"f{place}", column.type) for place, column in enumerate(plain)]
        return state_of(agg).start(groups, pa.StructArray.from_arrays(plain, fields=fields))

    def _column(self, expr: Expr, where: Expr | None) -> pa.Array:
        mask = None if where is None else self._masks[where]
        if expr in self._values:
            whole = self._values[expr]
            found = whole if mask is None else whole.filter(mask)
        else:
            rows = self._batch if mask is None else self._batch.filter(mask)
            (found,) = evaluate_many([expr], rows)
        coded = isinstance(found, pa.DictionaryArray) and not is_text(found.type.value_type)
        # Text stays coded, which groups and ranks of it are made of; numbers are read as they lie.
        return decoded(found) if coded else found


def aggregate_groups(
    agg: Agg, groups: GroupIds, batch: pa.RecordBatch, dtype: pa.DataType
) -> pa.Array:
    """Return the result of `agg` for each group, all of whose rows are in `batch`.

    Parameters
    ----------
    agg
        Over columns of `batch`; its filter and its order are applied.
    groups
        The group of each row.
    batch
        The rows.
    dtype
        The type of the result.
    """
    parts = Inputs([agg], groups, batch).start(agg)
    return state_of(agg).finish(parts, dtype, dict(agg.options))


def result_of_nothing(agg: Agg, dtype: pa.DataType) -> pa.Array:
    """Return what `agg` gives for no rows at all: one value."""
    empty = AGGREGATES[agg.name].empty
    if pa.types.is_nested(dtype):
        return pa.array([empty], dtype)
    return pa.array([empty]).cast(dtype)

"""What the first steps behind a scan let through, told to the scan while it runs.

A filter and the keys of a finished build side tell which rows are needed. A scan that knows them
leaves out row groups whose statistics lie outside of the keys' range, and need not decode the other
columns where nothing is left. Only steps that drop a row for good, whatever else is in its
partition, are looked at: a filter, and a join that gives no row of the scan without a match.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..expr.condition import truth_of
from ..expr.node import Cast, Column, Expr, columns_of
from ..optimizer.properties import may_raise
from ..source import RowFilter, RowFilters
from .kernels.concat import concat_arrays
from .kernels.key_set import KeySet, key_set
from .operators.build_side import key_columns
from .operators.compute import Compute
from .operators.filter import FilterRows
from .operators.join import HashJoin
from .stage import Branch, TaskContext

Names = dict[str, str]
"""What a column is called behind some steps, and what the scan calls it."""


@dataclass(frozen=True, kw_only=True)
class ScanFilters:
    """The filters of one task's scan."""

    filters: RowFilters = field(default_factory=RowFilters)
    steps: int = 0
    """Operators that make them up: what the last of these gives has passed."""

    def counted(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Count the rows that have passed."""
        for batch in batches:
            self.filters.passed += batch.num_rows
            yield batch


def scan_filters(branch: Branch, context: TaskContext) -> ScanFilters:
    """Return what the operators of `branch` need of its scan."""
    # Nothing but the counters belongs to one task: 0.1 ms of each otherwise.
    name = "scan filters", id(branch)
    known = context.cache.get(name)
    if known is None:
        # With the branch, so that no other one takes its address.
        known = context.cache[name] = branch, _found(branch)
    found: _Found = known[1]
    made = tuple(make(context) for make in found.makers)
    filters = RowFilters(filters=made, tells=found.tells, count=context.count)
    return ScanFilters(filters=filters, steps=found.steps)


Maker: TypeAlias = Callable[[TaskContext], RowFilter]


@dataclass(frozen=True, kw_only=True)
class _Found:
    makers: tuple[Maker, ...]
    steps: int
    tells: bool


def _found(branch: Branch) -> _Found:
    names: Names = {name: name for name in branch.schema.names}
    makers: list[Maker] = []
    steps, tells = 0, True
    for number, operator in enumerate(branch.operators, 1):
        match operator:
            case FilterRows():
                made = _of_predicate(operator.predicate, names, branch.schema)
                kept = operator.columns
                if kept is not None:
                    names = {name: names[name] for name in kept if name in names}
            case HashJoin():
                if not (operator.shared_build and operator.drops_unmatched):
                    break
                made = _of_keys(operator, names, branch.schema)
                role = "right" if operator.swap else "left"
                names = {
                    given: names[name]
                    for side, name, given in operator.output
                    if side == role and name in names
                }
            case Compute():
                made = None
                names = {
                    given: names[expr.name]
                    for given, expr in operator.exprs
                    if isinstance(expr, Column) and expr.name in names
                }
            case _:
                break
        if made is not None:
            makers.append(made)
            steps = number
        if isinstance(operator, HashJoin) and operator.gives_at_end:
            # Nothing passes before the end.
            tells = False
            break
    return _Found(makers=tuple(makers), steps=steps, tells=tells)


def _of_predicate(predicate: Expr, names: Names, schema: pa.Schema) -> Maker | None:
    seen = _seen(columns_of(predicate), names)
    # It may raise for a row that does not get this far.
    if seen is None or may_raise(predicate, _renamed_schema(schema, seen)):
        return None

    def passing(batch: pa.RecordBatch) -> np.ndarray:
        renamed = _renamed(batch, seen)
        return truth_of(predicate, renamed.schema)(renamed)

    # What can be weighed against statistics the optimizer has put into the scan already.
    made = RowFilter(columns=_ordered(seen, schema), passing=passing)
    return lambda context: made


def _seen(needed: Collection[str], names: Names) -> Mapping[str, str] | None:
    """Return what steps call the columns of the scan that they need; None if others are needed."""
    if not needed or not set(needed) <= names.keys():
        return None
    seen = {names[name]: name for name in needed}
    return seen if len(seen) == len(set(needed)) else None


def _ordered(seen: Mapping[str, str], schema: pa.Schema) -> tuple[str, ...]:
    return tuple(name for name in schema.names if name in seen)


def _renamed_schema(schema: pa.Schema, seen: Mapping[str, str]) -> pa.Schema:
    return pa.schema([(seen[field.name], field.type) for field in schema if field.name in seen])


def _renamed(batch: pa.RecordBatch, seen: Mapping[str, str]) -> pa.RecordBatch:
    return batch.rename_columns([seen[name] for name in batch.schema.names])


# Keys of a build side


def _of_keys(join: HashJoin, names: Names, schema: pa.Schema) -> Maker | None:
    on = join.right_on if join.swap else join.left_on
    plain = [key.input if isinstance(key, Cast) else key for key in on]
    if not all(isinstance(key, Column) for key in plain):
        return None
    seen = _seen([key.name for key in plain if isinstance(key, Column)], names)
    if seen is None or any(may_raise(key, _renamed_schema(schema, seen)) for key in on):
        return None

    def passing(context: TaskContext, batch: pa.RecordBatch) -> np.ndarray:
        known = _key_set(join, context)
        if known is None:
            return np.zeros(batch.num_rows, np.bool_)
        batch = _renamed(batch, seen)
        return known.contains(key_columns(on, join.key_types, batch, nulls_equal=join.nulls_equal))

    def ranges(context: TaskContext) -> Mapping[str, tuple[pa.Scalar, pa.Scalar]]:
        found = _key_ranges(join, context)
        return {
            names[inner.name]: bounds
            for key, inner, bounds in zip(on, plain, found, strict=True)
            if bounds is not None and isinstance(inner, Column)
            # A cast keeps integers what they are, and nothing else for certain.
            if key is inner or _is_integer(schema.field(names[inner.name]).type, bounds[0].type)
        }

    columns = _ordered(seen, schema)
    return lambda context: RowFilter(
        columns=columns, passing=partial(passing, context), ranges=partial(ranges, context)
    )


def _is_integer(*types: pa.DataType) -> bool:
    return all(pa.types.is_integer(dtype) for dtype in types)


def _built_keys(join: HashJoin, context: TaskContext) -> Iterator[list[pa.Array]]:
    on = join.left_on if join.swap else join.right_on
    for batch in context.side(join.side):
        context.check()
        if batch.num_rows:
            yield key_columns(on, join.key_types, batch, nulls_equal=join.nulls_equal)


def _name(join: HashJoin, what: str) -> tuple[Any, ...]:
    """Return the name in the cache: one stage may be the build side of several joins."""
    on = join.left_on if join.swap else join.right_on
    return what, join.id, on, join.key_types, join.nulls_equal


def _key_set(join: HashJoin, context: TaskContext) -> KeySet | None:
    """Return the keys of the build side, put together once in this process; None for no keys."""
    name = _name(join, "key set")
    if name not in context.cache:
        read = list(_built_keys(join, context))
        columns = [concat_arrays(parts) for parts in zip(*read, strict=True)]
        context.cache[name] = key_set(columns) if read else None
    known: KeySet | None = context.cache[name]
    return known


Bounds = tuple[tuple[pa.Scalar, pa.Scalar] | None, ...]


def _key_ranges(join: HashJoin, context: TaskContext) -> Bounds:
    """Return the least and the greatest of each key of the build side, None where not known."""
    unknown: Bounds = (None,) * len(join.key_types)
    if join.nulls_equal:
        # Whether a null meets one is not said by a range.
        return unknown
    name = _name(join, "key ranges")
    if name not in context.cache:
        read = zip(*_built_keys(join, context), strict=True)
        # Of many short batches: a range costs 20 us however few its values are.
        context.cache[name] = tuple(_range(concat_arrays(parts)) for parts in read) or unknown
    known: Bounds = context.cache[name]
    return known


def _range(column: pa.Array) -> tuple[pa.Scalar, pa.Scalar] | None:
    """Return the least and the greatest key, None without any and for types that have no range."""
    values = column.dictionary if isinstance(column, pa.DictionaryArray) else column
    types = pa.types
    dtype = values.type
    ordered = types.is_integer(dtype) or types.is_date(dtype) or types.is_timestamp(dtype)
    if not (ordered or types.is_string(dtype) or types.is_decimal(dtype)):
        # Of floats, NaN is above all numbers and no statistics know of it.
        return None
    found = pc.min_max(values)
    return (found["min"], found["max"]) if found["min"].is_valid else None

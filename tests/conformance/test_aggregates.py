"""Every aggregate over every type it takes, in every shape, beside what Polars says.

Of one type all aggregates are asked in one query, over many partitions: of all rows and by a key,
with a filter and without. A type that Polars does not take for an aggregate, and an answer that
differs, stands in one of the tables here, or the test fails.
"""

from __future__ import annotations

import datetime
import functools
import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import polars as pl
import pyarrow as pa
import pytest

import partita as pt
from partita import errors
from partita.engine.expr.aggregates import AGGREGATES, aggregate_type
from partita.engine.schema import decoded

from .data import SHAPES, TYPES, column, equal

Call = Callable[[Any, Any], Any]
"""From the value and the second column to an aggregate, of ours or of Polars."""


def _same(name: str, *args: Any, **options: Any) -> tuple[Call, Call]:
    def call(value: Any, other: Any) -> Any:
        return getattr(value, name)(*args, **options)

    return call, call


CALLS: dict[str, tuple[Call, Call]] = {
    **{
        name: _same(name)
        for name in (
            *("sum", "mean", "min", "max", "count", "len", "n_unique", "first", "last", "std"),
            *("var", "any", "all", "median", "product", "skew", "kurtosis", "implode"),
            *("arg_min", "arg_max", "null_count", "bitwise_and", "bitwise_or", "bitwise_xor"),
        )
    },
    "std, ddof 0": _same("std", ddof=0),
    "var, ddof 2": _same("var", ddof=2),
    "first not null": _same("first", ignore_nulls=True),
    "last not null": _same("last", ignore_nulls=True),
    **{
        f"quantile {share} {way}": _same("quantile", share, way)
        for share, way in (
            *((0.25, "nearest"), (0.5, "nearest"), (0.3, "lower"), (0.3, "higher"), (0.0, "lower")),
            *((0.7, "midpoint"), (0.1, "linear"), (0.9, "linear"), (1.0, "linear")),
            (0.35, "equiprobable"),
        )
    },
    "skew of a sample": _same("skew", bias=False),
    "kurtosis of a sample": _same("kurtosis", bias=False),
    "kurtosis, not less 3": _same("kurtosis", fisher=False),
    "head": (lambda v, o: v.head(3), lambda v, o: v.head(3).implode()),
    "tail": (lambda v, o: v.tail(3), lambda v, o: v.tail(3).implode()),
    "unique": (lambda v, o: v.unique(), lambda v, o: v.unique(maintain_order=True).implode()),
    "mode": (lambda v, o: v.mode(), lambda v, o: v.mode().sort().implode()),
    "top_k": (
        lambda v, o: v.top_k(4),
        lambda v, o: v.sort(descending=True, nulls_last=True).head(4).implode(),
    ),
    "bottom_k": (
        lambda v, o: v.bottom_k(4),
        lambda v, o: v.sort(nulls_last=True).head(4).implode(),
    ),
    "min_by": (lambda v, o: v.min_by(o), lambda v, o: v.min_by(o)),
    "max_by": (lambda v, o: v.max_by(o), lambda v, o: v.max_by(o)),
    "cov": (lambda v, o: pt.cov(v, o), lambda v, o: pl.cov(v, o)),
    "corr": (lambda v, o: pt.corr(v, o), lambda v, o: pl.corr(v, o)),
    "approx_n_unique": (lambda v, o: v.approx_n_unique(), lambda v, o: v.n_unique()),
    "approx_quantile": (
        lambda v, o: v.approx_quantile(0.3, 0.01),
        lambda v, o: v.cast(pl.Float64).quantile(0.3),
    ),
    "sort_by first": (
        lambda v, o: v.sort_by(o).first(),
        lambda v, o: v.sort_by(o, maintain_order=True).first(),
    ),
    "sort_by last": (
        lambda v, o: v.sort_by(o, descending=True, nulls_last=True).last(),
        lambda v, o: v.sort_by(o, descending=True, nulls_last=True, maintain_order=True).last(),
    ),
    "sort_by implode": (
        lambda v, o: v.sort_by(o, nulls_last=True).implode(),
        lambda v, o: v.sort_by(o, nulls_last=True, maintain_order=True).implode(),
    ),
    "sort head": (
        lambda v, o: v.sort(descending=True).head(3),
        lambda v, o: v.sort(descending=True).head(3).implode(),
    ),
    "sort_by tail": (
        lambda v, o: v.sort_by(o).tail(2),
        lambda v, o: v.sort_by(o, maintain_order=True).tail(2).implode(),
    ),
}
"""What is asked; the first word is the aggregate, or says how its rows are ordered."""

ORDERED_BY = {"sort_by first": "first", "sort_by last": "last", "sort_by implode": "implode"}
ORDERED_BY |= {"sort head": "head", "sort_by tail": "tail"}

NEEDS_ORDER = {"sort head"}
"""Calls that want an order of the values, whatever the aggregate takes."""

IN_POLARS: dict[tuple[str, str], tuple[str, Call]] = {
    **{
        (name, "bool"): (
            "Polars has no such aggregate of booleans: of 0 and 1",
            lambda v, o, call=call: call[1](v.cast(pl.Int64), o),
        )
        for name, call in CALLS.items()
        if name.startswith("quantile")
    },
    **{
        (name, "date"): (
            "Polars panics where there is no value: of times of midnight",
            lambda v, o, call=call: call[1](v.cast(pl.Datetime("us")), o),
        )
        for name, call in CALLS.items()
        if name.startswith("quantile")
    },
}
"""(what is asked, type) -> why Polars is asked in other words, and these."""


def aggregate_of(called: str) -> str:
    """Return the name of the aggregate that a call is of."""
    return ORDERED_BY.get(called, called.replace(",", "").split()[0])


def takes(called: str, dtype: pa.DataType) -> bool:
    """Return whether the aggregate is for values of this type, as its entry says."""
    logical = dtype.value_type if pa.types.is_dictionary(dtype) else dtype
    if pa.types.is_null(logical):
        return True
    if called in NEEDS_ORDER and pa.types.is_nested(logical):
        return False
    return AGGREGATES[aggregate_of(called)].accepts.contains(logical)


CASES = [(name, called) for name in TYPES for called in CALLS if takes(called, TYPES[name])]


def test_every_aggregate_is_asked() -> None:
    assert {aggregate_of(called) for called in CALLS} == set(AGGREGATES)
    # Types x aggregates they have, of which each is asked in every shape, in four ways.
    assert len(CASES) > 1000
    assert {called for _, called in IN_POLARS} <= set(TYPES)


@pytest.mark.parametrize("type_name", TYPES)
def test_a_type_that_an_aggregate_does_not_take_is_refused(type_name: str) -> None:
    dtype = TYPES[type_name]
    for called, (ours, _) in CALLS.items():
        if not takes(called, dtype):
            frame = pt.DataFrame(pa.table({"v": pa.array([], dtype), "o": pa.array([], "int64")}))
            with pytest.raises(errors.PartitaError, match=r"wants|sorted"):
                frame.select(x=ours(pt.col("v"), pt.col("o")))


SEEN: Counter[str] = Counter()
"""How often each of the differences was met."""


@functools.cache
def table_of(type_name: str, shape_name: str) -> pa.Table:
    shape = SHAPES[shape_name]
    rows = range(shape.rows)
    return pa.table(
        {
            "v": column(TYPES[type_name], shape),
            "o": column(pa.float64() if type_name != "double" else pa.int64(), shape, seed=2),
            "k": pa.array([row * 7 % 5 if row % 11 else None for row in rows], pa.int64()),
            "w": pa.array([(row * 5 % 7) - 2 for row in rows], pa.int64()),
        }
    )


def polars_frame(table: pa.Table) -> pl.DataFrame:
    """Return the rows in Polars: text that is coded as text, nulls without a type as integers."""
    columns = {}
    for name, values in zip(table.schema.names, table.columns, strict=True):
        array = decoded(pa.concat_arrays(values.chunks) if values.num_chunks else pa.array([]))
        array = array if array.type == values.type else array.cast(_logical(values.type))
        columns[name] = pl.Series(array.cast(pa.int64()) if pa.types.is_null(array.type) else array)
    return pl.DataFrame(columns)


def _logical(dtype: pa.DataType) -> pa.DataType:
    return dtype.value_type if pa.types.is_dictionary(dtype) else dtype


@dataclass(frozen=True, kw_only=True)
class Difference:
    """Where our answer is another than that of Polars, and which it is there."""

    why: str
    types: Callable[[pa.DataType], bool]
    holds: Callable[[Any, Any], bool]
    """Whether our answer and Polars' differ in just this way."""


def _both_times(found: Any, wanted: Any) -> bool:
    """Whether two times are a microsecond apart, which doubles cannot tell."""
    return found is not None and wanted is not None and abs(_ticks(found) - _ticks(wanted)) <= 1000


def _ticks(value: Any) -> int:
    """Return a time as nanoseconds, to about a hundred of them."""
    if isinstance(value, datetime.timedelta):
        return round(value / datetime.timedelta(microseconds=1)) * 1000
    if isinstance(value, datetime.time):
        seconds = (value.hour * 60 + value.minute) * 60 + value.second
        return (seconds * 10**6 + value.microsecond) * 1000
    nanoseconds = getattr(value, "nanosecond", 0)
    zone = value.tzinfo and datetime.UTC
    start = datetime.datetime(1970, 1, 1, tzinfo=zone)
    plain = value.to_pydatetime(warn=False) if hasattr(value, "to_pydatetime") else value
    return round((plain - start) / datetime.timedelta(microseconds=1)) * 1000 + nanoseconds


DIFFERENCES: dict[str, Difference] = {
    "corr": Difference(
        why="of no rows it is null here, as every aggregate but sums and counts, and NaN there",
        types=lambda dtype: True,
        holds=lambda found, wanted: found is None and math.isnan(wanted),
    ),
    **{
        name: Difference(
            why="a group of nulls alone is null here, and there of numbers but not of booleans",
            types=pa.types.is_boolean,
            holds=lambda found, wanted: found is None and wanted is not None,
        )
        for name in ("bitwise_and", "bitwise_or", "bitwise_xor")
    },
    "arg_max": Difference(
        why="the first of equal rows here; there the last of text, where there are no keys",
        types=lambda dtype: pa.types.is_large_string(dtype) or not pa.types.is_primitive(dtype),
        holds=lambda found, wanted: found < wanted,
    ),
    **{
        name: Difference(
            why="times are exact here, and computed as doubles there",
            types=pa.types.is_temporal,
            holds=_both_times,
        )
        for name in ("quantile 0.1 linear", "quantile 0.9 linear", "mean")
    },
}
"""What is asked -> how the answer differs from Polars'."""


KEYS = {"all rows": False, "by a key": True}
FILTERS = {"every row": False, "filtered": True}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("type_name", TYPES)
def test_the_answer_is_that_of_polars(type_name: str, shape: str) -> None:
    table = table_of(type_name, shape)
    calls = [called for name, called in CASES if name == type_name]
    frame, other = pt.DataFrame(table), polars_frame(table)
    wrong = []
    # A few bytes: some rows in a partition, so that states of many are merged.
    with pt.config.set(executor="serial", partition_bytes=512, exchange_bytes=2048, batch_rows=20):
        for keyed in KEYS.values():
            for filtered in FILTERS.values():
                found = ours(frame, calls, keyed, filtered)
                wanted = theirs(other, calls, type_name, keyed, filtered)
                wrong += [
                    f"{called} of {type_name}, {shape}, keyed {keyed}, filtered {filtered}:"
                    f" {found[called][row]!r} for {value!r}"
                    for called in calls
                    for row, value in enumerate(wanted[called])
                    if not agrees(called, type_name, found[called][row], value)
                ]
    assert not wrong, f"{len(wrong)} differ:\n" + "\n".join(wrong[:20])


def ours(frame: pt.DataFrame, calls: list[str], keyed: bool, filtered: bool) -> dict[str, Any]:
    value, other = pt.col("v"), pt.col("o")
    if filtered:
        value, other = value.filter(pt.col("w") > 0), other.filter(pt.col("w") > 0)
    asked = {called: CALLS[called][0](value, other) for called in calls}
    made = frame.group_by("k").agg(**asked).sort("k") if keyed else frame.select(**asked)
    table = made.to_arrow()
    for name, called in asked.items():
        assert isinstance(called, pt.Expression)
        aggregate = aggregate_of(name)
        assert _logical(table.schema.field(name).type) == aggregate_type(
            aggregate, _logical(frame.schema.field("v").type)
        )
    return table.to_pydict()


def theirs(
    frame: pl.DataFrame, calls: list[str], type_name: str, keyed: bool, filtered: bool
) -> dict[str, Any]:
    value, other = pl.col("v"), pl.col("o")
    if filtered:
        value, other = value.filter(pl.col("w") > 0), other.filter(pl.col("w") > 0)
    asked = {}
    for called in calls:
        _, call = IN_POLARS.get((called, type_name), ("", CALLS[called][1]))
        asked[called] = call(value, other)
    grouped = frame.group_by("k").agg(**asked).sort("k") if keyed else frame.select(**asked)
    # By Arrow, since Polars itself gives Python no nanoseconds.
    return grouped.to_arrow().to_pydict()


def agrees(called: str, type_name: str, found: Any, wanted: Any) -> bool:
    if called == "approx_quantile" and found is not None and wanted is not None:
        return equal(found, wanted, 0.0101)
    if equal(found, wanted, 1e-5 if type_name == "float" else 1e-9):
        return True
    known = DIFFERENCES.get(called)
    if known is None or not known.types(TYPES[type_name]) or not known.holds(found, wanted):
        return False
    SEEN[called] += 1
    return True


def test_every_difference_is_met() -> None:
    """A difference that is none any more has no place in the table."""
    met = {"date": "some null", "string": "some null", "bool": "all null", "int8": "empty"}
    for type_name, shape in {**met, "timestamp of a zone": "some null"}.items():
        test_the_answer_is_that_of_polars(type_name, shape)
    assert set(SEEN) == set(DIFFERENCES)

"""Every entry of FUNCTIONS: its example, its types when planned and when run, and its answers.

A call is written once, as text: it is evaluated over our columns and over those of Polars, whose
names and meaning the functions have. A function that wants arguments and has no call here fails.
"""

from __future__ import annotations

import decimal
import math
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pytest

from partita.engine.api import constructors
from partita.engine.errors import InvalidExpression, TypeMismatch
from partita.engine.expr.evaluate import dtype_of, evaluate
from partita.engine.expr.function import REQUIRED, Function
from partita.engine.expr.functions import FUNCTIONS
from partita.engine.expr.node import Expr
from partita.engine.schema import decoded

PT = SimpleNamespace(
    col=constructors.col,
    lit=constructors.lit,
    when=constructors.when,
    coalesce=constructors.coalesce,
    concat_str=constructors.concat_str,
    min_horizontal=constructors.min_horizontal,
    max_horizontal=constructors.max_horizontal,
)

CALLS = {
    "subtract": ["p.max_horizontal('x', 'y') - p.min_horizontal('x', 'y')", "x - x"],
    "power": ["x ** 2", "x ** 0.5"],
    "fill_null": ["x.fill_null(y)"],
    "fill_nan": ["x.fill_nan(y)"],
    "eq_missing": ["x.eq_missing(y)"],
    "is_between": ["x.is_between(y, x)", "x.is_between(y, y, closed='left')"],
    "is_in": ["x.is_in([])"],
    "clip": ["x.clip(y, y)"],
    "coalesce": ["p.coalesce('x', 'y')"],
    "min_horizontal": ["p.min_horizontal('x', 'y')"],
    "max_horizontal": ["p.max_horizontal('x', 'y')"],
    "concat_str": [
        "p.concat_str('x', 'y', separator='-')",
        "p.concat_str('x', 'y', ignore_nulls=True)",
    ],
    "round": ["x.round()", "x.round(1)", "x.round(1, 'half_away_from_zero')"],
    "log": ["x.log()", "x.log(2)"],
    "str.strip_chars": ["x.str.strip_chars()", "x.str.strip_chars('aé')"],
    "str.strip_chars_start": ["x.str.strip_chars_start()", "x.str.strip_chars_start('a')"],
    "str.strip_chars_end": ["x.str.strip_chars_end()", "x.str.strip_chars_end('b')"],
    "str.starts_with": ["x.str.starts_with('a')", "x.str.starts_with('')"],
    "str.ends_with": ["x.str.ends_with('b')"],
    "str.contains": ["x.str.contains('a.')", "x.str.contains('a.', literal=True)"],
    "str.replace": [
        "x.str.replace('a', 'b')",
        "x.str.replace('a', 'b', n=2)",
        "x.str.replace('(a)(b?)', '$2-${1}')",
        "x.str.replace('a.', '$1', literal=True)",
    ],
    "str.replace_all": [
        "x.str.replace_all('a|b', '<$0>')",
        "x.str.replace_all('.', '!', literal=True)",
    ],
    "str.extract": ["x.str.extract('(a.)(b)?')", "x.str.extract('b+', 0)"],
    "str.split": ["x.str.split('a')"],
    "str.slice": [
        *("x.str.slice(1)", "x.str.slice(1, 2)", "x.str.slice(-2)", "x.str.slice(-3, 2)"),
        *("x.str.slice(-2, 5)", "x.str.slice(0, 0)"),
    ],
    "str.head": ["x.str.head(2)", "x.str.head(-1)", "x.str.head(0)"],
    "str.tail": ["x.str.tail(2)", "x.str.tail(-1)", "x.str.tail(0)"],
    "str.zfill": ["x.str.zfill(4)", "x.str.zfill(0)"],
    "str.pad_start": ["x.str.pad_start(4)", "x.str.pad_start(4, '.')"],
    "str.pad_end": ["x.str.pad_end(4)", "x.str.pad_end(4, '.')"],
    "str.find": ["x.str.find('b')", "x.str.find('a.', literal=True)"],
    "str.count_matches": ["x.str.count_matches('a|b')", "x.str.count_matches('.', literal=True)"],
    "str.to_integer": ["x.str.to_integer(strict=False)", "x.str.to_integer(base=16, strict=False)"],
    "str.to_date": ["x.str.to_date('%Y-%m-%d', strict=False)", "x.str.to_date(strict=False)"],
    "str.to_datetime": [
        "x.str.to_datetime('%Y-%m-%d %H:%M:%S', strict=False)",
        "x.str.to_datetime(strict=False, time_unit='ms', time_zone='UTC')",
    ],
    "dt.epoch": ["x.dt.epoch()", "x.dt.epoch('s')", "x.dt.epoch('d')", "x.dt.epoch('ms')"],
    "dt.truncate": [
        *("x.dt.truncate('1d')", "x.dt.truncate('1w')", "x.dt.truncate('1mo')"),
        *("x.dt.truncate('1q')", "x.dt.truncate('1y')"),
    ],
    "dt.round": ["x.dt.round('1d')"],
    "dt.offset_by": [
        *("x.dt.offset_by('1mo')", "x.dt.offset_by('-1y')", "x.dt.offset_by('-2w')"),
        "x.dt.offset_by('1q')",
    ],
    "dt.strftime": ["x.dt.strftime('%Y/%m/%d %j')"],
    "dt.convert_time_zone": ["x.dt.convert_time_zone('Asia/Tokyo')"],
    "dt.replace_time_zone": [
        "x.dt.replace_time_zone('Asia/Tokyo')",
        "x.dt.replace_time_zone(None)",
    ],
}
"""Calls over the columns ``x`` and ``y``, which are of the same type; ``p`` is the module."""

NO_ORACLE = {
    "x.str.to_date(strict=False)": "Polars guesses the format from the first value",
    "x.str.to_datetime(strict=False, time_unit='ms', time_zone='UTC')": "Polars guesses, too",
    "x.is_in([])": "Polars says false for null in an empty list",
    "x.fill_nan(y)": "Polars wants a float column",
    "x.str.extract('(a.)(b)?')": "a group that took no part is empty here, as in DuckDB",
}

NO_ORACLE_FOR_TYPE = {
    # Polars rounds a product to the scale of its factors; ours is exact and has its own test.
    *((code, pa.decimal128(15, 2)) for code in ("x * y", "x ** 2")),
    *((code, pa.decimal128(38, 6)) for code in ("x * y", "x ** 2")),
    # The offset is +01:00 there and +0100 here, as Arrow writes it.
    *((code, pa.timestamp("ns", "Europe/Paris")) for code in CALLS["concat_str"]),
}


def calls(function: Function) -> list[str]:
    """Return the calls of a function that are tested."""
    if function.name in CALLS:
        return CALLS[function.name]
    if function.symbol:
        return [f"{function.symbol}x" if len(function.accepts) == 1 else f"x {function.symbol} y"]
    wanting = [each.name for each in function.parameters if each.default is REQUIRED]
    assert not wanting, f"{function.name} wants {wanting}: write a call of it into CALLS"
    return [f"x.{function.name}()"]


def column(dtype: pa.DataType, rows: int, seed: int, nulls: float = 0.2) -> pa.Array:
    """Return `rows` values of `dtype`, some of them null and some of them odd."""
    random = np.random.default_rng(seed)
    mask = random.random(rows) < nulls
    types = pa.types
    if types.is_null(dtype):
        return pa.nulls(rows)
    small = random.integers(0, 6, rows)
    if types.is_signed_integer(dtype):
        return pa.array(small - 2, mask=mask).cast(dtype)
    if types.is_integer(dtype):
        return pa.array(small, mask=mask).cast(dtype)
    if types.is_floating(dtype):
        odd = np.array([-0.0, 0.0, math.nan, 1.5, -2.25, 7.0])
        return pa.array(odd[small], mask=mask).cast(dtype)
    if types.is_boolean(dtype):
        return pa.array(small % 2 == 0, mask=mask)
    if types.is_decimal(dtype):
        plain = [decimal.Decimal(int(each) - 2) / 4 for each in small]
        return pa.array([None if m else v for m, v in zip(mask, plain, strict=True)], dtype)
    if types.is_list(dtype):
        return pa.array(
            [None if m else [1, int(v)] for m, v in zip(mask, small, strict=True)], dtype
        )
    if types.is_string(dtype) or types.is_large_string(dtype):
        words = ["aab", "", " a.é b ", "-12", "2024-02-30", "2024-02-29 01:02:03", "New york"]
        return pa.array([None if m else words[v] for m, v in zip(mask, small, strict=True)], dtype)
    ticks = random.integers(-(10**9), 2 * 10**9, rows)
    if types.is_date(dtype):
        return pa.array(ticks // 86_400, mask=mask).cast(pa.int32()).cast(dtype)
    if types.is_time(dtype):
        return pa.array((ticks % 86_400) * 10**6 + 123_456, mask=mask).cast(dtype)
    if types.is_duration(dtype):
        return pa.array(ticks, mask=mask).cast(dtype)
    whole = pa.array(ticks * 10**6 + 123_456, mask=mask).cast(pa.timestamp("us"))
    zoned = whole if dtype.tz is None else whole.cast(pa.timestamp("us", dtype.tz))
    return zoned.cast(dtype, safe=False)


def build(code: str, module: Any = PT) -> Any:
    """Return the expression that `code` says, of our module or of Polars."""
    return eval(code, {"p": module, "pt": module, "x": module.col("x"), "y": module.col("y")})


def batch_of(dtype: pa.DataType, rows: int, nulls: float = 0.2) -> pa.RecordBatch:
    return pa.record_batch({"x": column(dtype, rows, 1, nulls), "y": column(dtype, rows, 2, nulls)})


def same(left: Sequence[Any], right: Sequence[Any]) -> bool:
    """Return whether values are equal, NaN to NaN, and floats up to their last digits."""
    return len(left) == len(right) and all(map(_equal, left, right))


def _equal(left: Any, right: Any) -> bool:
    if isinstance(left, float | decimal.Decimal) and isinstance(
        right, float | int | decimal.Decimal
    ):
        if math.isnan(left) or math.isnan(right):
            return math.isnan(left) and math.isnan(right)
        return math.isclose(left, right, rel_tol=1e-6, abs_tol=1e-12)
    return left == right


ENTRIES = [pytest.param(function, id=function.name) for function in FUNCTIONS.values()]


def samples(function: Function) -> list[pa.DataType]:
    return [*function.accepts[0].samples, pa.null()]


def planned(expr: Expr, batch: pa.RecordBatch) -> pa.DataType | None:
    """Return the planned type; None where the function refuses the type with words of its own."""
    try:
        return dtype_of(expr, batch.schema)
    except (TypeMismatch, InvalidExpression) as error:
        if len(str(error)) < 30:
            raise
        return None


@pytest.mark.parametrize("function", ENTRIES)
def test_the_example_gives_what_it_says(function: Function) -> None:
    example = function.example
    batch = pa.RecordBatch.from_pydict(dict(example.data))
    expr = build(example.code).node
    found = evaluate(expr, batch).to_pylist()
    assert same(found, list(example.gives)), f"{example.code} gave {found}"
    assert str(function.doc).splitlines()[0].endswith(".")


@pytest.mark.parametrize("function", ENTRIES)
def test_the_planned_type_is_the_one_that_comes(function: Function) -> None:
    worked = 0
    for dtype in samples(function):
        for code in calls(function):
            expr = build(code).node
            dtype_planned = planned(expr, batch_of(dtype, 0))
            if dtype_planned is None:
                continue
            for rows, nulls in ((0, 0.0), (1, 0.0), (1, 1.0), (7, 1.0), (50, 0.2)):
                batch = batch_of(dtype, rows, nulls)
                found = evaluate(expr, batch)
                assert found.type == dtype_planned, (code, dtype)
                assert len(found) == rows
                found.validate(full=True)
            worked += 1
    assert worked > 0


@pytest.mark.parametrize("function", ENTRIES)
def test_batches_and_dictionaries_make_no_difference(function: Function) -> None:
    for dtype in samples(function):
        batch = batch_of(dtype, 40)
        for code in calls(function):
            expr = build(code).node
            if planned(expr, batch) is None:
                continue
            whole = evaluate(expr, batch).to_pylist()
            parts = [evaluate(expr, batch.slice(start, 9)).to_pylist() for start in range(0, 40, 9)]
            assert same([value for part in parts for value in part], whole)
            if not pa.types.is_string(dtype):
                continue
            encoded = pa.record_batch({name: _encoded(batch[name]) for name in ("x", "y")})
            mixed = pa.record_batch({"x": _encoded(batch["x"]), "y": batch["y"]})
            for other in (encoded, mixed, encoded.slice(3, 5)):
                found = evaluate(expr, other)
                rows = whole if other.num_rows == 40 else whole[3:8]
                assert same(decoded(found).to_pylist(), rows), (code, dtype)
                logical = (
                    found.type.value_type if pa.types.is_dictionary(found.type) else found.type
                )
                assert logical == dtype_of(expr, other.schema)


def _encoded(array: pa.Array) -> pa.DictionaryArray:
    """Return a dictionary with values that no row has, one twice, and nulls of both kinds."""
    plain = array.dictionary_encode()
    values = pa.concat_arrays([plain.dictionary, pa.array(["unused", None, "aab"], pa.string())])
    rows = np.arange(len(array))
    null_value = pa.scalar(len(plain.dictionary) + 1, pa.int32())
    codes = pa.compute.if_else(
        pa.array(rows % 2 == 0), plain.indices, pa.compute.fill_null(plain.indices, null_value)
    )
    return pa.DictionaryArray.from_arrays(codes, values)


@pytest.mark.parametrize("function", ENTRIES)
def test_the_answer_is_that_of_polars(function: Function) -> None:
    for dtype in function.accepts[0].samples:
        if pa.types.is_list(dtype) or pa.types.is_null(dtype):
            continue
        batch = batch_of(dtype, 60)
        for code in calls(function):
            expr = build(code).node
            if code in NO_ORACLE or (code, dtype) in NO_ORACLE_FOR_TYPE:
                continue
            if planned(expr, batch) is None:
                continue
            expected = polars_answer(code, batch)
            if expected is None:
                continue
            found = evaluate(expr, batch).to_pylist()
            differing = [
                (row, got, want)
                for row, got, want in zip(batch.to_pylist(), found, expected, strict=True)
                if not _equal(got, want)
            ]
            assert not differing, f"{code} over {dtype}: (row, ours, Polars') {differing[:3]}"


def polars_answer(code: str, batch: pa.RecordBatch) -> list[Any] | None:
    """Return Polars' values; None where it has no such function for the type."""
    frame = pl.from_arrow(pa.table(batch))
    assert isinstance(frame, pl.DataFrame)
    try:
        return frame.select(z=build(code, pl)).to_series().to_list()
    except pl.exceptions.PolarsError:
        return None

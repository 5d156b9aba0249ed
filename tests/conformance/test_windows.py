"""Every window function and aggregate over windows, against Polars: the same text, the same rows.

Each case is a function x a type x what the window is over x how many partitions the rows lie in.
Where the answers differ on purpose, `DIFFERENCES` says why; nothing else is left out.
"""

from __future__ import annotations

import datetime
import decimal
import itertools
import math
import types
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pytest

import partita as pt
from partita.engine.errors import TypeMismatch
from partita.engine.expr.evaluate import dtype_of
from partita.engine.expr.windows import WINDOWS

ROWS = 42

CALLS = {
    "shift": ["x.shift()", "x.shift(-2)", "x.shift(3, fill_value=y)", "x.shift(100)"],
    "diff": ["x.diff()", "x.diff(-3)"],
    "pct_change": ["x.pct_change()", "x.pct_change(2)"],
    "rank": [
        *("x.rank()", "x.rank('min')", "x.rank('max', descending=True)", "x.rank('dense')"),
        *("x.rank('ordinal')", "x.rank('ordinal', descending=True)", "x.rank(descending=True)"),
        "x.rank('dense', descending=True)",
    ],
    "row_index": ["p.row_index()"],
    "is_unique": ["x.is_unique()"],
    "is_duplicated": ["x.is_duplicated()"],
    "is_first_distinct": ["x.is_first_distinct()"],
    "is_last_distinct": ["x.is_last_distinct()"],
    **{
        f"cum_{name}": [f"x.cum_{name}()", f"x.cum_{name}(reverse=True)"]
        for name in ("sum", "min", "max", "prod", "count")
    },
    **{
        f"rolling_{name}": [
            f"x.rolling_{name}(2)",
            f"x.rolling_{name}(5, min_samples=1)",
            f"x.rolling_{name}(6, min_samples=2, center=True)",
            f"x.rolling_{name}(60, min_samples=3)",
        ]
        for name in ("sum", "mean", "min", "max", "median")
    },
    **{
        f"rolling_{name}": [
            f"x.rolling_{name}(4, min_samples=1)",
            f"x.rolling_{name}(5, min_samples=2, center=True, ddof=0)",
        ]
        for name in ("std", "var")
    },
    "rolling_quantile": [
        f"x.rolling_quantile({quantile}, interpolation={kind!r}, window_size=5, min_samples=1)"
        for quantile, kind in ((0.3, "linear"), (0.75, "lower"), (0.4, "higher"), (1.0, "linear"))
    ],
    "forward_fill": ["x.forward_fill()", "x.forward_fill(1)"],
    "backward_fill": ["x.backward_fill()", "x.backward_fill(2)"],
    "interpolate": ["x.interpolate()"],
    "ewm_mean": [
        *("x.ewm_mean(alpha=0.5)", "x.ewm_mean(span=3, adjust=False)"),
        *("x.ewm_mean(com=2, ignore_nulls=True)", "x.ewm_mean(half_life=1.5, min_samples=3)"),
        "x.ewm_mean(alpha=0.3, adjust=False, ignore_nulls=True)",
    ],
}
"""Calls of every function; ``p`` is the module, ``x`` and ``y`` are columns of one type."""

AGGREGATES = [
    *("x.sum()", "x.mean()", "x.min()", "x.max()", "x.count()", "x.n_unique()", "x.first()"),
    *("x.last()", "x.std()", "x.var(ddof=0)", "p.len()", "x.any()", "x.all()"),
]

OTHERS = [
    *("x.rle_id()", "x - x.mean()", "x.fill_null(strategy='min')", "x.fill_null(strategy='max')"),
    *("x.diff().abs().max()", "(x - x.min()).cum_sum()", "x.rank('dense').max() - x.rank('dense')"),
]
"""Functions made of others."""

TYPES = [
    *(pa.int64(), pa.int8(), pa.uint16(), pa.float64(), pa.float32(), pa.bool_(), pa.string()),
    *(pa.date32(), pa.timestamp("us"), pa.duration("us"), pa.decimal128(15, 2)),
]

DIFFERENCES: dict[tuple[str, pa.DataType | None], str] = {
    ("x.interpolate()", pa.decimal128(15, 2)): "a double here; Polars rounds to the scale",
}
"""(call, type or None for all) -> why it is not compared."""

WINDOWS_OVER = {
    "all": "",
    "keys": ".over('k')",
    "two keys": ".over('k', 'j')",
    "ordered": ".over('k', order_by='t')",
    "descending": ".over('k', order_by=['j', 't'], descending=True)",
    "frame ordered": ".over(order_by='t')",
}

FEW_TYPES = (pa.int64(), pa.float64(), pa.string())

CASES = [
    *((dtype, "all", (1, 2, 7)) for dtype in TYPES),
    *((dtype, "keys", (1, 7)) for dtype in TYPES),
    *((dtype, "ordered", (7,)) for dtype in TYPES),
    *((dtype, "two keys", (2,)) for dtype in FEW_TYPES),
    *((dtype, "descending", (2,)) for dtype in FEW_TYPES),
    *((dtype, "frame ordered", (1, 7)) for dtype in FEW_TYPES),
]
"""What is compared: a type, what the window is over, in how many partitions."""

LEAST_COMPARED = 4900
"""So many columns are compared with Polars; fewer would mean that some are skipped unseen."""


def values(dtype: pa.DataType, seed: int, nulls: float) -> pa.Array:
    random = np.random.default_rng(seed)
    small = random.integers(0, 6, ROWS)
    mask = random.random(ROWS) < nulls
    plain: list[Any]
    if pa.types.is_boolean(dtype):
        plain = [bool(each % 2) for each in small]
    elif pa.types.is_floating(dtype):
        plain = [[0.0, -1.5, 2.25, 7.0, 0.5, 3.0][each] for each in small]
    elif pa.types.is_decimal(dtype):
        plain = [decimal.Decimal(int(each) - 2) / 4 for each in small]
    elif pa.types.is_string(dtype):
        plain = [["a", "", "zé", "b", "aa", "Z"][each] for each in small]
    elif pa.types.is_date(dtype):
        plain = [datetime.date(2024, 1, 30) + datetime.timedelta(days=int(each)) for each in small]
    elif pa.types.is_timestamp(dtype):
        plain = [datetime.datetime(2024, 1, 30, int(each), 30) for each in small]
    elif pa.types.is_duration(dtype):
        plain = [datetime.timedelta(seconds=int(each) - 2) for each in small]
    else:
        low = 0 if pa.types.is_unsigned_integer(dtype) else 2
        plain = [int(each) - low for each in small]
    kept = [None if gone else each for each, gone in zip(plain, mask, strict=True)]
    return pa.array(kept, dtype)


def table_of(dtype: pa.DataType, nulls: float = 0.25) -> pa.Table:
    random = np.random.default_rng(5)
    keys = [None if each == 3 else "abc"[each] for each in random.integers(0, 4, ROWS)]
    return pa.table(
        {
            "x": values(dtype, 1, nulls),
            "y": values(dtype, 2, 0.0),
            "k": pa.array(keys, pa.string()),
            "j": pa.array(random.integers(0, 2, ROWS)),
            "t": pa.array(random.permutation(ROWS)),
            # So that the other columns do not decide how many partitions there are.
            "wide": pa.array([f"{row}" * 400 for row in range(ROWS)]),
        }
    )


def in_partitions(table: pa.Table, count: int) -> pt.DataFrame:
    """Return a frame whose rows are read by `count` tasks, some with one row or none."""
    if count == 1:
        return pt.from_arrow(table)
    edges = [0, 1, 1, 9, 20, 21, 33, ROWS] if count == 7 else [0, 17, ROWS]
    parts = [table.slice(start, stop - start) for start, stop in itertools.pairwise(edges)]
    return pt.concat([pt.from_arrow(part) for part in parts])


@pytest.fixture(autouse=True)
def small_partitions() -> Iterator[None]:
    """Behind an exchange, too, the few rows lie in several partitions."""
    with pt.config.set(executor="serial", exchange_bytes=9000, chunk_bytes=9000, batch_rows=8):
        yield


def build(code: str, module: types.ModuleType) -> Any:
    return eval(code, {"p": module, "x": module.col("x"), "y": module.col("y")})


def codes_of(over: str) -> list[str]:
    calls = [code for codes in CALLS.values() for code in codes]
    if not over:
        return [*calls, *OTHERS]
    return [f"({code}){over}" for code in (*calls, *AGGREGATES, *OTHERS)]


def bare(code: str, over: str) -> str:
    return code.removesuffix(over)[1:-1] if over else code


def known_difference(code: str, over: str, dtype: pa.DataType) -> bool:
    plain = bare(code, over)
    return (plain, None) in DIFFERENCES or (plain, dtype) in DIFFERENCES


def polars_answers(table: pa.Table, codes: Sequence[str]) -> dict[str, list[Any]]:
    """Return Polars' values of the calls that it has for the type."""
    frame = pl.from_arrow(table)
    assert isinstance(frame, pl.DataFrame)
    found = {}
    for code in codes:
        try:
            answer = frame.with_columns(z=build(code, pl)).get_column("z").to_list()
        except (pl.exceptions.PolarsError, pl.exceptions.PanicException, TypeError):
            continue
        found[code] = answer
    return found


def defined(frame: pt.DataFrame, codes: Sequence[str]) -> list[str]:
    """Return the calls that are defined for the type."""
    found = []
    for code in codes:
        try:
            dtype_of(build(code, pt).node, frame.schema)
        except TypeMismatch:
            continue
        found.append(code)
    return found


def same(left: Any, right: Any) -> bool:
    if isinstance(left, float) or isinstance(right, float):
        if left is None or right is None:
            return left is right
        if math.isnan(left) or math.isnan(right):
            return math.isnan(left) and math.isnan(right)
        return math.isclose(left, right, rel_tol=1e-6, abs_tol=1e-6)
    times = datetime.datetime | datetime.timedelta
    if isinstance(left, times) and isinstance(right, times):
        # The mean of times is cut to the unit here, and rounded to it in Polars.
        return abs(left - right) <= datetime.timedelta(microseconds=1)
    return bool(left == right)


def compared(dtype: pa.DataType, over: str) -> dict[str, list[Any]]:
    """Return Polars' values of the calls that both have for the type."""
    table = table_of(dtype)
    ours = defined(pt.from_arrow(table), codes_of(over))
    wanted = polars_answers(table, [c for c in ours if not known_difference(c, over, dtype)])
    assert len(wanted) > 10
    return wanted


@pytest.mark.parametrize(
    ("dtype", "over", "partitions"), CASES, ids=[f"{dtype}-{over}" for dtype, over, _ in CASES]
)
def test_the_answer_is_that_of_polars(
    dtype: pa.DataType, over: str, partitions: tuple[int, ...]
) -> None:
    wanted = compared(dtype, WINDOWS_OVER[over])
    table = table_of(dtype)
    columns = {f"c{number}": build(code, pt) for number, code in enumerate(wanted)}
    for count in partitions:
        found = in_partitions(table, count).select("wide", **columns).collect().to_arrow()
        for number, (code, expected) in enumerate(wanted.items()):
            got = found.column(f"c{number}").to_pylist()
            differing = [
                (row, mine, other)
                for row, (mine, other) in enumerate(zip(got, expected, strict=True))
                if not same(mine, other)
            ]
            assert not differing, (
                f"{code} over {dtype} in {count} partitions: (row, ours, Polars')"
                f" {differing[:4]} of {table.column('x').to_pylist()}"
            )
        COMPARED.append(len(wanted))


COMPARED: list[int] = []


def test_so_many_cases_were_compared(request: pytest.FixtureRequest) -> None:
    ran = [item for item in request.session.items if "the_answer_is_that" in item.name]
    own = [item for item in ran if item.path == request.path]
    assert len(own) < len(CASES) or sum(COMPARED) >= LEAST_COMPARED, sum(COMPARED)


def test_every_function_is_called() -> None:
    assert set(CALLS) == set(WINDOWS)
    assert all(any(name in code for code in CALLS[name]) for name in CALLS)


@pytest.mark.parametrize("dtype", [*TYPES, pa.null(), pa.list_(pa.int64())], ids=str)
@pytest.mark.parametrize("rows", [0, 1, ROWS])
def test_the_type_that_comes_is_the_planned_one(dtype: pa.DataType, rows: int) -> None:
    """Of no row, of one, and of nothing but nulls."""
    plain = pa.table({"x": pa.nulls(ROWS, dtype), "y": pa.nulls(ROWS, dtype)})
    table = plain.append_column("k", pa.array(["a", "b", None] * (ROWS // 3))).slice(0, rows)
    calls = [code for codes in CALLS.values() for code in codes]
    for over in ("", ".over('k')"):
        frame = in_partitions(table, 2)
        given = [f"({code}){over}" if over else code for code in calls]
        columns = {f"c{n}": build(c, pt) for n, c in enumerate(defined(frame, given))}
        asked = frame.select(**columns)
        found = asked.collect().to_arrow()
        assert found.schema.equals(asked.schema)
        assert found.num_rows == rows
        found.validate(full=True)

"""Aggregates: the checks of their table."""

from __future__ import annotations

import datetime
from decimal import Decimal
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa

import partita as pt

from .page import (
    INF,
    NAN,
    POLARS,
    Section,
    col,
    ints,
    moments,
    rows,
    same,
    single,
    sql,
    sql_fails,
    sql_type,
    type_of,
    values,
)

SECTION = Section("Aggregates: types, no rows")
line = SECTION.line

NO_FLOATS, NO_FLAGS = pa.array([], pa.float64()), pa.array([], pa.bool_())
NULLS = ("mean", "std", "var", "min", "max", "first", "last", "median", "skew", "arg_min")
LISTS = ("mode", "implode", "unique", "head", "tail", "top_k", "bottom_k")


@line("an aggregate of no rows")
def _() -> None:
    wanted: dict[str, Any] = {"sum": 0.0, "count": 0, "n_unique": 0, "product": 1.0, "len": 0}
    wanted |= dict.fromkeys(NULLS) | {name: [] for name in LISTS}
    for name, value in wanted.items():
        assert values(getattr(col("a"), name)(), a=NO_FLOATS) == [value], name
    assert values(col("a").any(), a=NO_FLAGS) == [False]
    assert values(col("a").all(), a=NO_FLAGS) == [True]


@line("an aggregate of no rows", "pandas")
def _() -> None:
    nothing = pd.Series([], dtype=float)
    assert (nothing.sum(), nothing.prod(), nothing.count()) == (0.0, 1.0, 0)
    assert same([nothing.mean(), nothing.min()], [NAN, NAN])
    flags = pd.Series([], dtype=bool)
    assert (bool(flags.any()), bool(flags.all())) == (False, True)


@line("an aggregate of no rows", "Polars")
def _() -> None:
    a = pl.col("a")
    wanted: dict[str, Any] = {"sum": 0.0, "count": 0, "n_unique": 0, "product": 1.0, "len": 0}
    wanted |= dict.fromkeys(NULLS)
    for name, value in wanted.items():
        assert POLARS.values(getattr(a, name)(), a=NO_FLOATS) == [value], name
    assert POLARS.values(a.any(), a=NO_FLAGS) == [False]
    assert POLARS.values(a.all(), a=NO_FLAGS) == [True]
    assert POLARS.values(pl.corr("a", "a"), a=NO_FLOATS) != [None]


@line("an aggregate of no rows", "DuckDB")
def _() -> None:
    for name in ("sum", "product", "avg", "min", "first", "list", "median"):
        assert sql(f"{name}(a)", a=NO_FLOATS) == [None], name
    assert sql("count(a)", a=NO_FLOATS) == sql("count(*)", a=NO_FLOATS) == [0]
    assert sql("bool_or(a)", a=NO_FLAGS) == sql("bool_and(a)", a=NO_FLAGS) == [None]


@line("an aggregate of nothing but null", "here", "Polars")
def _(e: Any) -> None:
    none = pa.array([None, None], pa.int64())
    assert e.values(e.col("a").sum(), a=none) == [0]
    assert e.values(e.col("a").mean(), a=none) == [None]
    assert e.values(e.col("a").bitwise_and(), a=none) == [None]


@line("an aggregate of nothing but null", "pandas")
def _() -> None:
    assert pd.Series([None, None], dtype=float).sum() == 0.0


@line("an aggregate of nothing but null", "DuckDB")
def _() -> None:
    assert sql("sum(a)", a=pa.array([None, None], pa.int64())) == [None]


@line("an aggregate with a filter", "here", "Polars")
def _(e: Any) -> None:
    few = e.col("v").filter(e.col("v") > 5)
    made = (
        e.frame(k=[1, 2], v=[5, 6])
        .group_by("k")
        .agg(sum=few.sum(), min=few.min(), all=few.implode(), n=few.len())
    )
    assert e.rows(made.sort("k")) == [
        {"k": 1, "sum": 0, "min": None, "all": [], "n": 0},
        {"k": 2, "sum": 6, "min": 6, "all": [6], "n": 1},
    ]


@line("an aggregate with a filter", "DuckDB")
def _() -> None:
    text = "SELECT k, sum(v) FILTER (v > 5), count(*) FILTER (v > 5) FROM t GROUP BY k ORDER BY k"
    assert rows(text, t={"k": [1, 2], "v": [5, 6]}) == [(1, None, 0), (2, 6, 1)]


@line("an aggregate of a constant")
def _() -> None:
    assert values(pt.lit(2).sum(), a=[1, 2, 3]) == [6]


@line("an aggregate of a constant", "Polars")
def _() -> None:
    assert POLARS.values(pl.lit(2).sum(), a=[1, 2, 3]) == [2]


@line("an aggregate of a constant", "DuckDB")
def _() -> None:
    assert sql("sum(2)", a=[1, 2, 3]) == [6]


@line("a group-by over a constant, without rows")
def _() -> None:
    none = pt.from_pydict({"a": [1]}).head(0)
    assert len(none.group_by(k=pt.lit(1)).agg(pt.len())) == 0


@line("a group-by over a constant, without rows", "Polars")
def _() -> None:
    none = POLARS.frame(a=[1]).head(0)
    assert none.group_by(pl.lit(1)).agg(pl.len()).rows() == [(1, 0)]


@line("a group-by over a constant, without rows", "DuckDB")
def _() -> None:
    assert rows("SELECT 1 AS k, count(*) FROM t WHERE a > 1 GROUP BY k", t={"a": [1]}) == []


@line("type of a sum")
def _() -> None:
    wanted = {
        "int64": [ints("int8", 127, 127), ints("int32", 1), pa.array([True, None])],
        "uint64": [ints("uint8", 255, 255)],
        "float": [single(1.5)],
        "double": [pa.array([1.5])],
        "decimal128(38, 2)": [pa.array([Decimal("1.10")], pa.decimal128(5, 2))],
        "duration[us]": [pa.array([1], pa.duration("us"))],
    }
    for dtype, columns in wanted.items():
        for column in columns:
            assert type_of(col("a").sum(), a=column) == dtype
    assert values(col("a").sum(), a=ints("int8", 127, 127)) == [254]


@line("type of a sum", "pandas")
def _() -> None:
    assert pd.Series([127, 127], dtype="int8").sum() == 254
    assert pd.Series([1], dtype="uint8").sum().dtype == "uint64"
    assert pd.Series([1.5], dtype="float32").sum().dtype == "float32"


@line("type of a sum", "Polars")
def _() -> None:
    assert POLARS.type_of(pl.col("a").sum(), a=ints("int8", 1)) == "int64"
    assert POLARS.type_of(pl.col("a").sum(), a=ints("int32", 1)) == "int32"
    assert POLARS.type_of(pl.col("a").sum(), a=[True]) == "uint32"


@line("type of a sum", "DuckDB")
def _() -> None:
    assert sql_type("sum(a)", a=ints("int8", 1)) == "decimal128(38, 0)"
    assert sql_type("sum(a)", a=single(1.5)) == "double"
    assert sql_fails("sum(a)", a=pa.array([1], pa.duration("us")))


@line("type of a mean, a median, a quantile", "here", "Polars")
def _(e: Any) -> None:
    a = e.col("a")
    assert e.type_of(a.mean(), a=ints("int8", 1, 2)) == "double"
    assert e.type_of(a.mean(), a=[True]) == "double"
    for aggregate in (a.mean(), a.median(), a.quantile(0.5)):
        assert e.type_of(aggregate, a=single(1)) == "float"
        assert e.type_of(aggregate, a=[datetime.date(2024, 1, 1)]) == "timestamp[us]"
        assert e.type_of(aggregate, a=[datetime.timedelta(1)]) == "duration[us]"


@line("type of a mean, a median, a quantile", "pandas")
def _() -> None:
    assert pd.Series([1.0, 2.0], dtype="float32").mean().dtype == "float32"
    assert pd.Series([1, 2], dtype="int8").mean() == 1.5


@line("type of a mean, a median, a quantile", "DuckDB")
def _() -> None:
    assert sql_type("avg(a)", a=single(1)) == "double"
    assert sql_type("avg(a)", a=[datetime.date(2024, 1, 1)]) == "timestamp[us]"
    assert sql_fails("avg(a)", a=[True])


NANOSECONDS = moments("ns", None, 1_704_067_200_000_000_001, 1_704_067_200_000_000_003)


@line("a mean of times")
def _() -> None:
    found = col("a").mean().cast(int)
    assert values(found, a=NANOSECONDS) == [1_704_067_200_000_000_002]


@line("a mean of times", "pandas")
def _() -> None:
    stamps = pd.Series([1_704_067_200_000_000_001, 1_704_067_200_000_000_003]).astype("M8[ns]")
    assert stamps.mean().value == 1_704_067_200_000_000_000


@line("a mean of times", "Polars")
def _() -> None:
    found = pl.col("a").mean().cast(pl.Int64)
    assert POLARS.values(found, a=NANOSECONDS) == [1_704_067_200_000_000_000]


@line("type of a product")
def _() -> None:
    assert type_of(col("a").product(), a=ints("int8", 1)) == "int64"
    assert type_of(col("a").product(), a=ints("uint8", 1)) == "uint64"
    assert type_of(col("a").product(), a=[True]) == "int64"
    assert type_of(col("a").product(), a=single(1)) == "float"


@line("type of a product", "Polars")
def _() -> None:
    assert POLARS.type_of(pl.col("a").product(), a=ints("int8", 1)) == "int64"
    assert POLARS.type_of(pl.col("a").product(), a=single(1)) == "float"


@line("type of a product", "DuckDB")
def _() -> None:
    assert sql_type("product(a)", a=ints("int8", 1)) == "double"


@line("a sum of floats")
def _() -> None:
    assert values(col("a").sum(), a=single(16_777_216.0, 1.0, 1.0)) == [16_777_218.0]
    assert same(values(col("a").sum(), a=[INF, -INF]), [NAN])


@line("a sum of floats", "pandas")
def _() -> None:
    assert pd.Series([16_777_216, 1, 1], dtype="float32").sum() == 16_777_216
    assert same([float(pd.Series([INF, -INF]).sum())], [NAN])


@line("a sum of floats", "Polars")
def _() -> None:
    assert POLARS.values(pl.col("a").sum(), a=single(16_777_216.0, 1.0, 1.0)) == [16_777_216.0]
    assert same(POLARS.values(pl.col("a").sum(), a=[INF, -INF]), [NAN])


@line("a sum of floats", "DuckDB")
def _() -> None:
    assert sql("sum(a)", a=single(16_777_216.0, 1.0, 1.0)) == [16_777_218.0]
    assert same(sql("sum(a)", a=[INF, -INF]), [NAN])


@line("bits of booleans, all null")
def _() -> None:
    df = pt.from_pydict({"k": [1], "a": pa.array([None], pa.bool_())})
    assert df.group_by("k").agg(col("a").bitwise_and()).to_pydict()["a"] == [None]


@line("bits of booleans, all null", "Polars")
def _() -> None:
    df = POLARS.frame(k=[1], a=pa.array([None], pa.bool_()))
    assert df.group_by("k").agg(pl.col("a").bitwise_and())["a"].to_list() == [True]


@line("bits of booleans, all null", "DuckDB")
def _() -> None:
    assert sql("bit_and(a)", a=pa.array([None], pa.int8())) == [None]


test_cells, test_agreement = SECTION.tests()

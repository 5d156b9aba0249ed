"""Numbers: the checks of their table."""

from __future__ import annotations

from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from .page import (
    HERE,
    INF,
    LEAST,
    MOST,
    NAN,
    POLARS,
    Section,
    col,
    fails,
    ints,
    same,
    single,
    sql,
    sql_fails,
    sql_type,
    type_of,
    values,
)

SECTION = Section("Numbers")
line = SECTION.line


@line("integer overflow")
def _() -> None:
    assert fails(col("a") + 1, a=[MOST])
    assert fails(col("a") + 100, a=ints("int8", 100))
    assert fails(col("a") - 2, a=ints("uint8", 1))
    assert fails(col("a") * 2, a=[MOST])
    assert fails(col("a") ** 2, a=[MOST])
    assert fails(col("a") // -1, a=[LEAST])
    assert fails(col("a").abs(), a=[LEAST])
    assert fails(-col("a"), a=[LEAST])
    assert fails(col("a").sum(), a=[MOST, 1])
    assert values(col("a").sum(), a=[MOST, 1, -1]) == [MOST]
    assert fails(col("a").product(), a=[MOST, 2])


@line("integer overflow", "pandas")
def _() -> None:
    assert list(pd.Series([MOST]) + 1) == [LEAST]
    assert list(pd.Series([MOST]) * 2) == [-2]
    assert list(pd.Series([100], dtype="int8") + 100) == [-56]
    assert list(pd.Series([LEAST]).abs()) == [LEAST]
    assert pd.Series([MOST, 1]).sum() == LEAST
    assert pd.Series([MOST, 2]).prod() == -2


@line("integer overflow", "Polars")
def _() -> None:
    a = pl.col("a")
    assert POLARS.values(a + 1, a=[MOST]) == [LEAST]
    assert POLARS.values(a * 2, a=[MOST]) == [-2]
    assert POLARS.values(a + 100, a=ints("int8", 100)) == [-56]
    assert POLARS.values(a.abs(), a=[LEAST]) == [LEAST]
    assert POLARS.values(a.sum(), a=[MOST, 1]) == [LEAST]
    assert POLARS.values(a.sum(), a=ints("int32", 2**31 - 1, 1)) == [-(2**31)]
    assert POLARS.values(a.product(), a=[MOST, 2]) == [-2]


@line("integer overflow", "DuckDB")
def _() -> None:
    assert sql_fails("a + 1", a=[MOST])
    assert sql_fails("a * 2", a=[MOST])
    assert sql_fails("-a", a=[LEAST])
    assert sql("sum(a)", a=[MOST, 1]) == [MOST + 1]
    assert sql_type("a ** 2", a=[3]) == sql_type("product(a)", a=[3]) == "double"


def added(e: Any, left: pa.Array, right: pa.Array) -> str:
    """Return the type of the sum of two columns."""
    return str(e.type_of(e.col("a") + e.col("b"), a=left, b=right))


@line("two integer types")
def _() -> None:
    assert added(HERE, ints("int8", 1), ints("int32", 1)) == "int32"
    assert added(HERE, ints("int8", 1), ints("uint8", 1)) == "int16"
    assert added(HERE, ints("int64", 1), ints("uint64", 1)) == "int64"


@line("two integer types", "pandas")
def _() -> None:
    small, unsigned = pd.Series([1], dtype="int8"), pd.Series([1], dtype="uint8")
    assert (small + unsigned).dtype == "int16"
    assert (pd.Series([1]) + pd.Series([1], dtype="uint64")).dtype == "float64"


@line("two integer types", "Polars")
def _() -> None:
    assert added(POLARS, ints("int8", 1), ints("uint8", 1)) == "int16"
    both = POLARS.frame(a=[1], b=ints("uint64", 1)).select(pl.col("a") + pl.col("b"))
    assert both.dtypes == [pl.Int128]


@line("two integer types", "DuckDB")
def _() -> None:
    assert sql_type("a + b", a=ints("int8", 1), b=ints("int32", 1)) == "int32"
    assert sql_type("a + b", a=ints("int8", 1), b=ints("uint8", 1)) == "int64"
    assert sql_type("a + b", a=[1], b=ints("uint64", 1)) == "decimal128(38, 0)"


@line("`int64` beside `uint64` above 2^63")
def _() -> None:
    data = {"a": [-1], "b": ints("uint64", 2**63)}
    assert fails(col("a") + col("b"), **data)
    assert fails(col("a") < col("b"), **data)


@line("`int64` beside `uint64` above 2^63", "pandas")
def _() -> None:
    small, large = pd.Series([-1]), pd.Series([2**63], dtype="uint64")
    assert list(small < large) == [True]
    assert list(small + large) == [2.0**63]


@line("`int64` beside `uint64` above 2^63", "Polars")
def _() -> None:
    data = {"a": [-1], "b": ints("uint64", 2**63)}
    assert POLARS.values(pl.col("a") < pl.col("b"), **data) == [True]
    assert POLARS.values(pl.col("a") + pl.col("b"), **data) == [MOST]


@line("`int64` beside `uint64` above 2^63", "DuckDB")
def _() -> None:
    data = {"a": [-1], "b": ints("uint64", 2**63)}
    assert sql("a < b", **data) == [True]
    assert sql("a + b", **data) == [MOST]


@line("a plain number beside a column", "here", "Polars")
def _(e: Any) -> None:
    a = e.col("a")
    assert e.type_of(a + 1, a=ints("int8", 1)) == "int8"
    assert e.type_of(a + 300, a=ints("int8", 1)) == "int16"
    assert e.type_of(a + 0.5, a=ints("int8", 1)) == "double"
    assert e.type_of(a + 0.5, a=single(1)) == "float"
    assert e.values(a > 300, a=ints("int8", 1)) == [False]


@line("a plain number beside a column", "pandas")
def _() -> None:
    small = pd.Series([1], dtype="int8")
    assert (small + 1).dtype == "int8"
    assert (small + 0.5).dtype == "float64"
    assert list(small > 300) == [False]
    with pytest.raises(OverflowError):
        small + 300


@line("a plain number beside a column", "DuckDB")
def _() -> None:
    assert sql_type("a + 1", a=ints("int8", 1)) == "int8"
    assert sql_type("a + 300", a=ints("int8", 1)) == "int32"
    assert sql_type("a + 0.5", a=ints("int8", 1)) == "decimal128(5, 1)"


@line("a number by itself")
def _() -> None:
    assert type_of(HERE.lit(1), a=[0]) == "int64"
    assert type_of(HERE.lit(1.0), a=[0]) == "double"


@line("a number by itself", "Polars")
def _() -> None:
    assert POLARS.type_of(pl.lit(1), a=[0]) == "int32"
    assert POLARS.type_of(pl.lit(1.0), a=[0]) == "double"


@line("a number by itself", "DuckDB")
def _() -> None:
    assert sql_type("1") == "int32"
    assert sql_type("1.0") == "decimal128(2, 1)"


@line("integer beside float", "here", "Polars")
def _(e: Any) -> None:
    assert added(e, [1], [1.0]) == "double"
    assert added(e, [1], single(1)) == "double"
    for small in ("int8", "uint8", "int16", "uint16"):
        assert added(e, ints(small, 1), single(1)) == "float"
    assert added(e, ints("int32", 1), single(1)) == "double"
    # What a double cannot tell apart is equal.
    assert e.values(e.col("a") == e.col("b"), a=[2**53 + 1], b=[2.0**53]) == [True]


@line("integer beside float", "pandas")
def _() -> None:
    assert (pd.Series([1]) + pd.Series([1.0], dtype="float32")).dtype == "float64"
    short = pd.Series([1], dtype="int16")
    assert (short + pd.Series([1.0], dtype="float32")).dtype == "float32"
    assert list(pd.Series([2**53 + 1]) == pd.Series([2.0**53])) == [True]


@line("integer beside float", "DuckDB")
def _() -> None:
    assert sql_type("a + b", a=[1], b=[1.0]) == "double"
    assert sql_type("a + b", a=[1], b=single(1)) == "float"


@line("booleans in arithmetic")
def _() -> None:
    for expression in (lambda: col("a") + 1, lambda: col("a") + col("a"), lambda: col("a") == 1):
        assert HERE.fails(expression, a=[True])
    assert values(col("a").sum(), a=[True, True]) == [2]
    assert values(col("a").cast(int) + 1, a=[True]) == [2]


@line("booleans in arithmetic", "pandas")
def _() -> None:
    flag = pd.Series([True])
    assert list(flag + 1) == [2]
    assert list(flag + flag) == list(flag == 1) == [True]


@line("booleans in arithmetic", "Polars")
def _() -> None:
    assert POLARS.values(pl.col("a") + 1, a=[True]) == [2]
    assert POLARS.values(pl.col("a") == 1, a=[True]) == [True]


@line("booleans in arithmetic", "DuckDB")
def _() -> None:
    assert sql_fails("a + 1", a=[True])
    assert sql("a = 1", a=[True]) == [True]


@line("`/`", "here", "Polars")
def _(e: Any) -> None:
    assert e.values(e.col("a") / 2, a=[1, None]) == [0.5, None]
    assert same(e.values(e.col("a") / 0, a=[1, 0, -1]), [INF, NAN, -INF])
    assert e.type_of(e.col("a") / e.col("a"), a=single(1)) == "float"


@line("`/`", "pandas")
def _() -> None:
    assert list(pd.Series([1]) / 2) == [0.5]
    assert same(pd.Series([1, 0, -1]) / 0, [INF, NAN, -INF])
    assert (pd.Series([1], dtype="float32") / 2).dtype == "float32"


@line("`/`", "DuckDB")
def _() -> None:
    assert sql("a / 2", a=[1, None]) == [0.5, None]
    assert same(sql("a / 0", a=[1, 0, -1]), [INF, NAN, -INF])
    assert sql_type("a / a", a=single(1)) == "float"


@line("`x / 3` of a plain number")
def _() -> None:
    assert values(col("a") / 3, a=[5.0]) == [5.0 / 3]


@line("`x / 3` of a plain number", "Polars")
def _() -> None:
    # The divisor's inverse is rounded, and then the product once more; but not of a single row.
    assert POLARS.values(pl.col("a") / 3, a=[5.0, 5.0]) == [5.0 * (1 / 3)] * 2 != [5.0 / 3] * 2
    assert POLARS.values(pl.col("a") / 3, a=[5.0]) == [5.0 / 3]


@line("`x / 3` of a plain number", "DuckDB")
def _() -> None:
    assert sql("a / 3", a=[5.0]) == [5.0 / 3]


@line("`//` and `%`", "here", "Polars")
def _(e: Any) -> None:
    a = e.col("a")
    assert e.values(a // 2, a=[-7, 7]) == [-4, 3]
    assert e.values(a % 2, a=[-7, 7]) == [1, 1]
    assert e.values(a % -3, a=[7]) == [-2]
    assert e.values(a % 2, a=[-7.5]) == [0.5]


@line("`//` and `%`", "pandas")
def _() -> None:
    numbers = pd.Series([-7, 7])
    assert list(numbers // 2) == [-4, 3]
    assert list(numbers % 2) == [1, 1]
    assert list(numbers % -3) == [-1, -2]
    # Python's rule, which looks at the remainder: 0.1 is a little more than a tenth.
    assert list(pd.Series([1.0]) // 0.1) == [9.0]
    assert values(col("a") // 0.1, a=[1.0]) == [10.0]


@line("`//` and `%`", "DuckDB")
def _() -> None:
    assert sql("a // 2", a=[-7, 7]) == [-3, 3]
    assert sql("a % 2", a=[-7, 7]) == [-1, 1]


@line("`//` and `%` by zero", "here", "Polars")
def _(e: Any) -> None:
    a = e.col("a")
    assert e.values(a // 0, a=[7]) == e.values(a % 0, a=[7]) == [None]
    assert same(e.values(a // 0, a=[-7.5, 0.0]), [-INF, NAN])
    assert same(e.values(a % 0, a=[-7.5]), [NAN])


@line("`//` and `%` by zero", "pandas")
def _() -> None:
    assert list(pd.Series([7]) // 0) == [INF]
    assert same(pd.Series([7]) % 0, [NAN])


@line("`//` and `%` by zero", "DuckDB")
def _() -> None:
    assert sql_fails("a // 0", a=[7])
    assert sql_fails("a % 0", a=[7])
    assert sql_fails("a // 0", a=[7.5])
    assert same(sql("a % 0", a=[7.5]), [NAN])


@line("`**`")
def _() -> None:
    assert (type_of(col("a") ** 2, a=[3]), values(col("a") ** 0, a=[0])) == ("int64", [1])
    assert fails(col("a") ** -1, a=[2])
    assert same(values(col("a") ** 0.5, a=[-8.0]), [NAN])


@line("`**`", "pandas")
def _() -> None:
    assert (pd.Series([3]) ** 2).dtype == "int64"
    with pytest.raises(ValueError, match="negative integer powers"):
        pd.Series([2]) ** -1


@line("`**`", "Polars")
def _() -> None:
    assert POLARS.type_of(pl.col("a") ** 2, a=[3]) == "int64"
    assert POLARS.fails(pl.col("a") ** -1, a=[2])


@line("`**`", "DuckDB")
def _() -> None:
    assert sql_type("a ** 2", a=[3]) == "double"
    assert sql("a ** -1", a=[2]) == [0.5]


@line("outside of where a function is defined", "here", "Polars")
def _(e: Any) -> None:
    assert same(e.values(e.col("a").sqrt(), a=[-1.0]), [NAN])
    assert same(e.values(e.col("a").log(), a=[0.0, -1.0]), [-INF, NAN])


@line("outside of where a function is defined", "DuckDB")
def _() -> None:
    assert same(sql("sqrt(a)", a=[-1.0]), [NAN])
    assert same(sql("ln(a)", a=[0.0, -1.0]), [-INF, NAN])


@line("`round`", "here", "Polars")
def _(e: Any) -> None:
    assert same(e.values(e.col("a").round(), a=[0.5, 1.5, 2.5]), [0.0, 2.0, 2.0])
    assert e.values(e.col("a").round(2), a=[2.675, 1.005]) == [2.68, 1.0]


@line("`round`", "pandas")
def _() -> None:
    assert list(pd.Series([0.5, 1.5, 2.5]).round()) == [0.0, 2.0, 2.0]
    assert list(pd.Series([2.675, 1.005]).round(2)) == [2.68, 1.0]


@line("`round`", "DuckDB")
def _() -> None:
    assert sql("round(a)", a=[0.5, 1.5, 2.5]) == [1.0, 2.0, 3.0]


@line("type of counts and lengths")
def _() -> None:
    assert type_of(HERE.len(), a=[1]) == type_of(col("a").n_unique(), a=[1]) == "int64"
    assert type_of(col("a").str.len_chars(), a=["x"]) == "int64"


@line("type of counts and lengths", "Polars")
def _() -> None:
    assert POLARS.type_of(pl.len(), a=[1]) == "uint32"
    assert POLARS.type_of(pl.col("a").str.len_chars(), a=["x"]) == "uint32"


@line("type of counts and lengths", "DuckDB")
def _() -> None:
    assert sql_type("count(*)") == sql_type("length(a)", a=["x"]) == "int64"


test_cells, test_agreement = SECTION.tests()

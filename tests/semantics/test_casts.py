"""Casts and parsing: the checks of their table."""

from __future__ import annotations

import datetime
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from .page import (
    INF,
    NAN,
    POLARS,
    Section,
    col,
    fails,
    same,
    single,
    sql,
    sql_fails,
    sql_type,
    type_of,
    values,
)

SECTION = Section("Casts and parsing")
line = SECTION.line


@line("a float as an integer", "here", "Polars")
def _(e: Any) -> None:
    assert e.values(e.col("a").cast(int), a=[1.9, -1.9, 2.5]) == [1, -1, 2]


@line("a float as an integer", "pandas")
def _() -> None:
    assert list(pd.Series([1.9, -1.9, 2.5]).astype("int64")) == [1, -1, 2]


@line("a float as an integer", "DuckDB")
def _() -> None:
    assert sql("a::BIGINT", a=[1.9, -1.9, 2.5]) == [2, -2, 2]


@line("what does not fit the new type")
def _() -> None:
    for column, dtype in ([300], "int8"), ([-1], "uint8"), ([NAN], "int64"), (["x"], "int64"):
        assert fails(col("a").cast(dtype), a=column)
        assert values(col("a").cast(dtype, strict=False), a=column) == [None]


@line("what does not fit the new type", "pandas")
def _() -> None:
    assert list(pd.Series([300]).astype("int8")) == [44]
    assert list(pd.Series([-1]).astype("uint8")) == [255]
    for column in ([NAN], ["x"]):
        with pytest.raises(ValueError, match=r"non-finite|invalid literal"):
            pd.Series(column).astype("int64")


@line("what does not fit the new type", "Polars")
def _() -> None:
    for column, dtype in ([300], pl.Int8), ([-1], pl.UInt8), ([NAN], pl.Int64), (["x"], pl.Int64):
        assert POLARS.fails(pl.col("a").cast(dtype), a=column)
        assert POLARS.values(pl.col("a").cast(dtype, strict=False), a=column) == [None]


@line("what does not fit the new type", "DuckDB")
def _() -> None:
    for column, dtype in ([300], "TINYINT"), ([NAN], "BIGINT"), (["x"], "BIGINT"):
        assert sql_fails(f"a::{dtype}", a=column)
        assert sql(f"TRY_CAST(a AS {dtype})", a=column) == [None]


@line("text as an integer")
def _() -> None:
    given = ["1", "+1", "-1", " 1 ", "1.0", "1e3", "1_000", ""]
    found = values(col("a").cast(int, strict=False), a=given)
    assert found == [1, 1, -1, None, None, None, None, None]


@line("text as an integer", "pandas")
def _() -> None:
    assert list(pd.Series(["1", "+1", " 1 ", "1_000"]).astype("int64")) == [1, 1, 1, 1000]


@line("text as an integer", "Polars")
def _() -> None:
    given = ["1", "+1", "-1", " 1 ", "1.0", "1e3", "1_000", ""]
    found = POLARS.values(pl.col("a").cast(pl.Int64, strict=False), a=given)
    assert found == [1, 1, -1, None, None, None, None, None]


@line("text as an integer", "DuckDB")
def _() -> None:
    given = ["1", "+1", " 1 ", "1.5", "1e3", "1_000", ""]
    assert sql("TRY_CAST(a AS BIGINT)", a=given) == [1, 1, 1, 2, 1000, 1000, None]


@line("text as a float")
def _() -> None:
    given = ["nan", "inf", "-Infinity", "1e3", ".5", " 1 ", ""]
    found = values(col("a").cast(float, strict=False), a=given)
    assert same(found, [NAN, INF, -INF, 1000.0, 0.5, None, None])


@line("text as a float", "Polars")
def _() -> None:
    given = ["nan", "inf", "-Infinity", "1e3", ".5", " 1 ", ""]
    found = POLARS.values(pl.col("a").cast(pl.Float64, strict=False), a=given)
    assert same(found, [NAN, INF, -INF, 1000.0, 0.5, None, None])


@line("text as a float", "DuckDB")
def _() -> None:
    given = ["nan", "inf", "1e3", ".5", " 1 ", ""]
    assert same(sql("TRY_CAST(a AS DOUBLE)", a=given), [NAN, INF, 1000.0, 0.5, 1.0, None])


@line("a number or a float as a boolean", "here", "Polars")
def _(e: Any) -> None:
    assert e.values(e.col("a").cast(bool), a=[0, 2, -1]) == [False, True, True]
    assert e.values(e.col("a").cast(bool), a=[0.0, NAN]) == [False, True]


@line("a number or a float as a boolean", "pandas")
def _() -> None:
    assert list(pd.Series([0.0, NAN, -1.0]).astype(bool)) == [False, True, True]


@line("a number or a float as a boolean", "DuckDB")
def _() -> None:
    assert sql("a::BOOLEAN", a=[0.0, NAN, -1.0]) == [False, True, True]


@line("a float as text")
def _() -> None:
    found = values(col("a").cast(str), a=[7.0, 0.1, 1e20, 1e-7, NAN, INF])
    assert found == ["7.0", "0.1", "1e+20", "1e-7", "NaN", "inf"]
    assert values(col("a").cast(str), a=single(0.1)) == ["0.1"]


@line("a float as text", "pandas")
def _() -> None:
    found = list(pd.Series([7.0, 0.1, 1e20, 1e-7]).astype(str))
    assert found == ["7.0", "0.1", "1e+20", "1e-07"]


@line("a float as text", "Polars")
def _() -> None:
    found = POLARS.values(pl.col("a").cast(pl.String), a=[7.0, 0.1, 1e20, 1e-7, NAN, INF])
    assert found == ["7.0", "0.1", "1e+20", "1e-7", "NaN", "inf"]


@line("a float as text", "DuckDB")
def _() -> None:
    found = sql("a::VARCHAR", a=[7.0, 0.1, 1e20, 1e-7, NAN, INF])
    assert found == ["7.0", "0.1", "1e+20", "1e-07", "nan", "inf"]


@line("a boolean as text", "here", "Polars")
def _(e: Any) -> None:
    assert e.values(e.col("a").cast(str), a=[True, False]) == ["true", "false"]


@line("a boolean as text", "pandas")
def _() -> None:
    assert list(pd.Series([True, False]).astype(str)) == ["True", "False"]


@line("a boolean as text", "DuckDB")
def _() -> None:
    assert sql("a::VARCHAR", a=[True, False]) == ["true", "false"]


@line("a wider or a narrower float")
def _() -> None:
    assert values(col("a").cast("double"), a=single(0.1)) == [0.10000000149011612]
    assert values(col("a").cast(pa.float32()), a=[1e300]) == [INF]
    assert values(col("a").cast(float), a=[2**53 + 1]) == [2.0**53]


@line("a wider or a narrower float", "pandas")
def _() -> None:
    assert list(pd.Series([1e300]).astype("float32")) == [INF]


@line("a wider or a narrower float", "Polars")
def _() -> None:
    assert POLARS.values(pl.col("a").cast(pl.Float64), a=single(0.1)) == [0.10000000149011612]
    assert POLARS.values(pl.col("a").cast(pl.Float32), a=[1e300]) == [INF]


@line("a wider or a narrower float", "DuckDB")
def _() -> None:
    assert sql_fails("a::FLOAT", a=[1e300])
    assert sql("a::DOUBLE", a=[2**53 + 1]) == [2.0**53]


@line("text as a date")
def _() -> None:
    given = ["2024-02-29", "2023-02-29", "2024-2-3", "x"]
    found = values(col("a").str.to_date(strict=False), a=given)
    assert found == [datetime.date(2024, 2, 29), None, None, None]
    assert fails(col("a").str.to_date(), a=["2023-02-29"])
    by_format = col("a").str.to_date("%d.%m.%Y", strict=False)
    assert values(by_format, a=["30.02.2024", "3.2.2024"]) == [None, datetime.date(2024, 2, 3)]


@line("text as a date", "pandas")
def _() -> None:
    with pytest.raises(ValueError, match="day is out of range"):
        pd.to_datetime(pd.Series(["2023-02-29"]))


@line("text as a date", "Polars")
def _() -> None:
    assert POLARS.fails(pl.col("a").str.to_date(), a=["2023-02-29"])
    by_format = pl.col("a").str.to_date("%d.%m.%Y", strict=False)
    found = POLARS.values(by_format, a=["30.02.2024", "3.2.2024"])
    assert found == [None, datetime.date(2024, 2, 3)]


@line("text as a date", "DuckDB")
def _() -> None:
    given = ["2024-02-29", "2023-02-29", "2024-2-3"]
    found = sql("TRY_CAST(a AS DATE)", a=given)
    assert found == [datetime.date(2024, 2, 29), None, datetime.date(2024, 2, 3)]


@line("a time with an offset in text")
def _() -> None:
    assert fails(col("a").str.to_datetime(), a=["2024-01-01T00:00:00+02:00"])


@line("a time with an offset in text", "pandas")
def _() -> None:
    found = pd.to_datetime(pd.Series(["2024-01-01T00:00:00+02:00"]))
    assert str(found.dtype) == "datetime64[us, UTC+02:00]"


@line("a time with an offset in text", "Polars")
def _() -> None:
    assert POLARS.fails(pl.col("a").str.to_datetime(), a=["2024-01-01T00:00:00+02:00"])


@line("a time with an offset in text", "DuckDB")
def _() -> None:
    found = sql("a::TIMESTAMP", a=["2024-01-01T00:00:00+02:00"])
    assert found == [datetime.datetime(2024, 1, 1)]


@line("integers and points in time")
def _() -> None:
    moment = datetime.datetime(1970, 1, 1, 0, 0, 1)
    assert values(col("a").cast(int), a=[moment]) == [1_000_000]
    assert values(col("a").cast(pa.timestamp("us")), a=[1_000_000]) == [moment]


@line("integers and points in time", "pandas")
def _() -> None:
    assert list(pd.Series([datetime.datetime(1970, 1, 1, 0, 0, 1)]).astype("int64")) == [1_000_000]


@line("integers and points in time", "Polars")
def _() -> None:
    moment = datetime.datetime(1970, 1, 1, 0, 0, 1)
    assert POLARS.values(pl.col("a").cast(pl.Int64), a=[moment]) == [1_000_000]


@line("integers and points in time", "DuckDB")
def _() -> None:
    assert sql_fails("a::BIGINT", a=[datetime.datetime(1970, 1, 1)])
    assert sql_fails("a::TIMESTAMP", a=[1])


@line("the names `int` and `float`")
def _() -> None:
    assert type_of(col("a").cast(int), a=["1"]) == type_of(col("a").cast("int"), a=["1"]) == "int64"
    assert type_of(col("a").cast("float"), a=["1"]) == "double"
    assert type_of(col("a").cast("float32"), a=["1"]) == "float"


@line("the names `int` and `float`", "pandas")
def _() -> None:
    assert pd.Series([1]).astype("int").dtype == "int64"
    assert pd.Series([1]).astype("float").dtype == "float64"


@line("the names `int` and `float`", "DuckDB")
def _() -> None:
    assert sql_type("a::INT", a=[1]) == "int32"
    assert sql_type("a::FLOAT", a=[1]) == "float"


test_cells, test_agreement = SECTION.tests()

"""Decimals: the checks of their table."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal, DivisionByZero
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import partita as pt
from partita import errors

from .page import (
    INF,
    POLARS,
    Section,
    col,
    decimals,
    fails,
    sql,
    sql_fails,
    sql_type,
    type_of,
    values,
)

SECTION = Section("Decimals")
line = SECTION.line

AB = {"a": decimals(5, 2, "1.10"), "b": decimals(7, 3, "2.205")}
TENS = decimals(38, 0, "9" * 38)
MIXED: tuple[Callable[[Any, Any], Any], ...] = (
    lambda a, half: a + half,
    lambda a, half: a * half,
    lambda a, half: a - half,
)


@line("`+` and `-`")
def _() -> None:
    assert values(col("a") + col("b"), **AB) == [Decimal("3.305")]
    assert type_of(col("a") + col("b"), **AB) == type_of(col("a") - col("b"), **AB)
    assert type_of(col("a") + col("b"), **AB) == "decimal128(8, 3)"
    assert type_of(col("a") + col("a"), a=decimals(38, 2, "1")) == "decimal128(38, 2)"
    assert fails(col("a") + col("b"), a=TENS, b=decimals(38, 0, "1"))


@line("`+` and `-`", "pandas")
def _() -> None:
    # Columns of Python's objects.
    found = pd.Series([Decimal("1.10")]) + pd.Series([Decimal("2.205")])
    assert (list(found), found.dtype) == ([Decimal("3.305")], object)


@line("`+` and `-`", "Polars")
def _() -> None:
    assert POLARS.values(pl.col("a") + pl.col("b"), **AB) == [Decimal("3.305")]
    assert POLARS.type_of(pl.col("a") + pl.col("b"), **AB) == "decimal128(38, 3)"
    assert POLARS.fails(pl.col("a") + pl.col("b"), a=TENS, b=decimals(38, 0, "1"))


@line("`+` and `-`", "DuckDB")
def _() -> None:
    assert sql("a + b", **AB) == [Decimal("3.305")]
    assert sql_type("a - b", **AB) == "decimal128(8, 3)"
    assert sql_fails("a + b", a=TENS, b=decimals(38, 0, "1"))


@line("`*`")
def _() -> None:
    assert values(col("a") * col("b"), **AB) == [Decimal("2.42550")]
    assert type_of(col("a") * col("b"), **AB) == "decimal128(13, 5)"
    wide = decimals(38, 2, "1.10")
    assert values(col("a") * col("a"), a=wide) == [Decimal("1.2100")]
    assert type_of(col("a") * col("a"), a=wide) == "decimal128(38, 4)"
    assert fails(col("a") * 10, a=TENS)
    with pytest.raises(errors.TypeMismatch, match="40 decimal places"):
        type_of(col("a") * col("a"), a=decimals(38, 20, "1"))


@line("`*`", "Polars")
def _() -> None:
    assert POLARS.values(pl.col("a") * pl.col("b"), **AB) == [Decimal("2.426")]
    assert POLARS.type_of(pl.col("a") * pl.col("b"), **AB) == "decimal128(38, 3)"


@line("`*`", "DuckDB")
def _() -> None:
    assert sql("a * b", **AB) == [Decimal("2.42550")]
    assert sql_type("a * b", **AB) == "decimal128(12, 5)"
    assert sql_fails("a * a", a=decimals(38, 20, "1"))


@line("`/` of decimals", "here")
def _() -> None:
    assert values(col("a") / 2, **AB) == [0.55]
    assert values(col("a") / 0, **AB) == [INF]


@line("`/` of decimals", "pandas")
def _() -> None:
    found = list(pd.Series([Decimal("1.10")]) / 3)
    assert found == [Decimal("1.10") / 3]


@line("`/` of decimals", "Polars")
def _() -> None:
    data = {"a": decimals(5, 2, "1.00"), "b": decimals(5, 2, "3.00")}
    assert POLARS.values(pl.col("a") / pl.col("b"), **data) == [Decimal("0.33")]
    assert POLARS.fails(pl.col("a") / pl.col("b"), a=data["a"], b=decimals(5, 2, "0"))


@line("`/` of decimals", "DuckDB")
def _() -> None:
    assert sql("a / 2", **AB) == [0.55]
    assert sql("a / b", a=AB["a"], b=decimals(5, 2, "0")) == [INF]


NEGATIVE = {"a": decimals(5, 2, "-7.10"), "b": decimals(7, 3, "2.000")}
BY_ZERO = {"a": decimals(5, 2, "1.10"), "b": decimals(7, 3, "0.000")}


@line("`//` and `%` of decimals")
def _() -> None:
    whole, rest = col("a") // col("b"), col("a") % col("b")
    assert values(whole, **NEGATIVE) == [Decimal("-4")]
    assert values(rest, **NEGATIVE) == [Decimal("0.900")]
    assert type_of(whole, **NEGATIVE) == "decimal128(18, 0)"
    assert type_of(rest, **NEGATIVE) == "decimal128(18, 3)"
    assert values(whole, **BY_ZERO) == values(rest, **BY_ZERO) == [None]
    assert fails(col("a") // 3, a=decimals(38, 0, "9" * 19))


@line("`//` and `%` of decimals", "pandas")
def _() -> None:
    assert list(pd.Series([Decimal("-7.10")]) // 2) == [Decimal(-3)]
    assert list(pd.Series([Decimal("-7.10")]) % 2) == [Decimal("-1.10")]
    with pytest.raises(DivisionByZero):
        pd.Series([Decimal("1.10")]) // 0


@line("`//` and `%` of decimals", "Polars")
def _() -> None:
    whole, rest = pl.col("a") // pl.col("b"), pl.col("a") % pl.col("b")
    assert POLARS.values(whole, **NEGATIVE) == [Decimal("-4.000")]
    assert POLARS.values(rest, **NEGATIVE) == [Decimal("0.900")]
    assert POLARS.fails(whole, **BY_ZERO)


@line("`//` and `%` of decimals", "DuckDB")
def _() -> None:
    assert sql("a // b", **NEGATIVE) == [-3.55]
    assert sql("a % b", **NEGATIVE) == [Decimal("-1.100")]
    assert sql_fails("a // b", **BY_ZERO)


@line("`**` of decimals")
def _() -> None:
    assert type_of(col("a") ** 2, **AB) == "double"


@line("`**` of decimals", "Polars")
def _() -> None:
    assert POLARS.fails(pl.col("a") ** 2, **AB)


@line("`**` of decimals", "DuckDB")
def _() -> None:
    assert sql_type("a ** 2", **AB) == "double"


@line("a decimal beside an integer")
def _() -> None:
    assert type_of(col("a") + col("b"), a=AB["a"], b=[1]) == "decimal128(22, 2)"
    assert type_of(col("a") + 1, **AB) == "decimal128(6, 2)"
    assert type_of(col("a") * 30, **AB) == "decimal128(8, 2)"


@line("a decimal beside an integer", "Polars")
def _() -> None:
    assert POLARS.type_of(pl.col("a") + 1, **AB) == "decimal128(38, 2)"


@line("a decimal beside an integer", "DuckDB")
def _() -> None:
    assert sql_type("a + b", a=AB["a"], b=[1]) == "decimal128(22, 2)"
    assert sql_type("a + 1", **AB) == "decimal128(13, 2)"


@line("a decimal beside a float", "here", "Polars")
def _(e: Any) -> None:
    for operation in MIXED:
        assert e.type_of(operation(e.col("a"), 0.05), **AB) == "double"
        assert e.type_of(operation(e.col("a"), e.col("b")), a=AB["a"], b=[0.5]) == "double"


@line("a decimal beside a float", "pandas")
def _() -> None:
    with pytest.raises(TypeError, match="unsupported operand"):
        pd.Series([Decimal("1.10")]) + 0.05


@line("a decimal beside a float", "DuckDB")
def _() -> None:
    assert sql_type("a + b", a=AB["a"], b=[0.5]) == "double"
    assert sql("a * 0.05", **AB) == [Decimal("0.0550")]


@line("a decimal compared with a plain float", "here", "Polars")
def _(e: Any) -> None:
    assert e.values(e.col("a") == 1.1, **AB) == [True]
    assert e.values(e.col("a") > 0.05, a=decimals(5, 2, "0.05", "0.06")) == [False, True]


@line("a decimal compared with a plain float", "pandas")
def _() -> None:
    assert list(pd.Series([Decimal("1.10")]) == 1.1) == [False]


@line("a decimal compared with a plain float", "DuckDB")
def _() -> None:
    assert sql("a = 1.1", **AB) == [True]


@line("sum of decimals")
def _() -> None:
    assert type_of(col("a").sum(), **AB) == "decimal128(38, 2)"
    assert values(col("a").sum(), a=decimals(38, 0, "9" * 38, "1", "-1")) == [Decimal("9" * 38)]
    assert fails(col("a").sum(), a=decimals(38, 0, "9" * 38, "1"))


@line("sum of decimals", "Polars")
def _() -> None:
    assert POLARS.type_of(pl.col("a").sum(), **AB) == "decimal128(38, 2)"
    assert POLARS.fails(pl.col("a").sum(), a=decimals(38, 0, "9" * 38, "1"))


@line("sum of decimals", "DuckDB")
def _() -> None:
    assert sql_type("sum(a)", **AB) == "decimal128(38, 2)"
    assert sql_fails("sum(a)", a=decimals(38, 0, "9" * 38, "1"))


@line("product of decimals")
def _() -> None:
    with pytest.raises(errors.TypeMismatch, match="Cast to double"):
        type_of(col("a").product(), **AB)


@line("product of decimals", "Polars")
def _() -> None:
    data = {"a": decimals(5, 2, "1.15", "2.20")}
    assert POLARS.values(pl.col("a").product(), **data) == [Decimal("2.53")]


@line("product of decimals", "DuckDB")
def _() -> None:
    assert sql_type("product(a)", **AB) == "double"


@line("mean, median and spread of decimals", "here", "Polars")
def _(e: Any) -> None:
    a = e.col("a")
    for aggregate in (a.mean(), a.median(), a.quantile(0.5), a.std(), a.var()):
        assert e.type_of(aggregate, **AB) == "double"
    assert e.type_of(a.min(), **AB) == "decimal128(5, 2)"


@line("mean, median and spread of decimals", "DuckDB")
def _() -> None:
    assert sql_type("avg(a)", **AB) == sql_type("stddev(a)", **AB) == "double"
    assert sql_type("median(a)", **AB) == "decimal128(5, 2)"


HALVES = decimals(5, 2, "0.25", "0.35", "-0.25")


@line("`round` of decimals", "here", "Polars")
def _(e: Any) -> None:
    wanted = [Decimal("0.20"), Decimal("0.40"), Decimal("-0.20")]
    assert e.values(e.col("a").round(1), a=HALVES) == wanted


@line("`round` of decimals", "DuckDB")
def _() -> None:
    wanted = [Decimal("0.3"), Decimal("0.4"), Decimal("-0.3")]
    assert sql("round(a, 1)", a=HALVES) == wanted


@line("cast to a decimal with fewer places")
def _() -> None:
    dtype = pa.decimal128(5, 1)
    wanted = [Decimal("0.3"), Decimal("0.4"), Decimal("-0.3")]
    assert values(col("a").cast(dtype), a=HALVES) == wanted
    assert values(col("a").cast(dtype), a=["0.25", "0.35", "-0.25"]) == wanted
    assert values(col("a").cast(dtype), a=[0.25, 0.75]) == [Decimal("0.2"), Decimal("0.8")]
    assert fails(col("a").cast(pa.decimal128(3, 2)), a=decimals(5, 2, "99.25"))


@line("cast to a decimal with fewer places", "Polars")
def _() -> None:
    dtype = pl.Decimal(5, 1)
    wanted = [Decimal("0.2"), Decimal("0.4"), Decimal("-0.2")]
    assert POLARS.values(pl.col("a").cast(dtype), a=HALVES) == wanted
    assert POLARS.values(pl.col("a").cast(dtype), a=["0.25", "0.35", "-0.25"]) == wanted


@line("cast to a decimal with fewer places", "DuckDB")
def _() -> None:
    wanted = [Decimal("0.3"), Decimal("0.4"), Decimal("-0.3")]
    assert sql("a::DECIMAL(5, 1)", a=HALVES) == wanted
    assert sql("a::DECIMAL(5, 1)", a=[0.25]) == [Decimal("0.3")]


@line("decimals of two scales as keys")
def _() -> None:
    left, right = pt.from_pydict({"a": decimals(5, 2, "1.10")}), {"a": decimals(7, 3, "1.100")}
    assert len(left.join(pt.from_pydict(right), on="a")) == 1


@line("decimals of two scales as keys", "Polars")
def _() -> None:
    left, right = POLARS.frame(a=decimals(5, 2, "1.10")), POLARS.frame(a=decimals(7, 3, "1.100"))
    with pytest.raises(pl.exceptions.SchemaError):
        left.join(right, on="a")


@line("decimals of two scales as keys", "DuckDB")
def _() -> None:
    assert sql("a = b", a=decimals(5, 2, "1.10"), b=decimals(7, 3, "1.100")) == [True]


test_cells, test_agreement = SECTION.tests()

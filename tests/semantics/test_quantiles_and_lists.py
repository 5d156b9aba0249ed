"""Quantiles, places and lists of aggregates: the checks of their table."""

from __future__ import annotations

from typing import Any

import pandas as pd
import polars as pl
import pytest

import partita as pt
from partita import errors

from .page import (
    HERE,
    INF,
    NAN,
    POLARS,
    Section,
    col,
    same,
    sql,
    type_of,
    values,
)

SECTION = Section("Aggregates: spread, quantiles, places, lists")
line = SECTION.line


@line("`std` and `var`", "here", "Polars")
def _(e: Any) -> None:
    a = e.col("a")
    assert e.values(a.var(), a=[1.0, 3.0]) == [2.0]
    assert e.values(a.var(ddof=0), a=[1.0, 3.0]) == [1.0]
    assert e.values(a.std(), a=[1.0]) == [None]
    assert same(e.values(a.std(), a=[1.0, INF]), [NAN])


@line("`std` and `var`", "pandas")
def _() -> None:
    assert pd.Series([1.0, 3.0]).var() == 2.0
    assert same([pd.Series([1.0]).std()], [NAN])


@line("`std` and `var`", "DuckDB")
def _() -> None:
    assert sql("variance(a)", a=[1.0, 3.0]) == [2.0]
    assert sql("stddev(a)", a=[1.0]) == [None]
    assert same(sql("stddev(a)", a=[1.0, INF]), [NAN])


@line("a quantile between two values")
def _() -> None:
    assert values(col("a").quantile(0.5), a=[1, 2]) == [2.0]
    assert values(col("a").quantile(0.4), a=[1, 2]) == [1.0]
    assert values(col("a").quantile(0.4, "linear"), a=[1, 2]) == [1.4]
    assert pt.from_pydict({"a": [1, 2, 3, 4]}).describe().to_pydict()["a"][5:8] == [2.0, 3.0, 3.0]


@line("a quantile between two values", "pandas")
def _() -> None:
    assert pd.Series([1, 2]).quantile(0.4) == 1.4


@line("a quantile between two values", "Polars")
def _() -> None:
    assert POLARS.values(pl.col("a").quantile(0.5), a=[1, 2]) == [2.0]
    assert POLARS.values(pl.col("a").quantile(0.4), a=[1, 2]) == [1.0]


@line("a quantile between two values", "DuckDB")
def _() -> None:
    assert sql("quantile_disc(a, 0.5)", a=[1, 2]) == [1]
    assert sql("quantile_cont(a, 0.4)", a=[1, 2]) == [1.4]


@line("a median between two values", "here", "Polars")
def _(e: Any) -> None:
    assert e.values(e.col("a").median(), a=[1, 2, None]) == [1.5]


@line("a median between two values", "pandas")
def _() -> None:
    assert pd.Series([1, 2, None]).median() == 1.5


@line("a median between two values", "DuckDB")
def _() -> None:
    assert sql("median(a)", a=[1, 2, None]) == [1.5]


@line("NaN in a quantile, in `top_k`", "here", "Polars")
def _(e: Any) -> None:
    assert same(e.values(e.col("a").quantile(1.0), a=[NAN, INF, 1.0]), [NAN])
    assert same(e.values(e.col("a").median(), a=[NAN, 2.0, 1.0]), [2.0])
    if e is HERE:
        assert same(values(col("a").top_k(2), a=[1.0, NAN, 2.0]), [[NAN, 2.0]])


@line("NaN in a quantile, in `top_k`", "pandas")
def _() -> None:
    assert pd.Series([NAN, 2.0, 1.0]).median() == 1.5
    assert list(pd.Series([1.0, NAN, 2.0]).nlargest(2)) == [2.0, 1.0]


@line("NaN in a quantile, in `top_k`", "DuckDB")
def _() -> None:
    assert same(sql("quantile_cont(a, 1.0)", a=[NAN, INF, 1.0]), [NAN])
    assert sql("median(a)", a=[NAN, 2.0, 1.0]) == [2.0]


@line("NaN in `arg_max`, `max_by` and the like", "here", "Polars")
def _(e: Any) -> None:
    data = {"a": [NAN, 1.0, 2.0, None], "s": ["x", "y", "z", "w"]}
    assert e.values(e.col("a").arg_max(), **data) == [2]
    assert e.values(e.col("s").max_by("a"), **data) == ["z"]
    assert e.values(e.col("s").min_by("a"), **data) == ["y"]


@line("NaN in `arg_max`, `max_by` and the like", "pandas")
def _() -> None:
    assert pd.Series([NAN, 1.0, 2.0]).idxmax() == 2


@line("NaN in `arg_max`, `max_by` and the like", "DuckDB")
def _() -> None:
    assert sql("arg_max(s, a)", a=[NAN, 1.0, 2.0], s=["x", "y", "z"]) == ["x"]


@line("the place of the greatest of equals")
def _() -> None:
    assert values(col("a").arg_max(), a=["b", "b"]) == values(col("a").arg_max(), a=[5, 5]) == [0]
    assert values(col("a").max_by("b"), a=[1, 2], b=[5, 5]) == [1]


@line("the place of the greatest of equals", "pandas")
def _() -> None:
    assert pd.Series([5, 5]).idxmax() == 0


@line("the place of the greatest of equals", "Polars")
def _() -> None:
    assert POLARS.values(pl.col("a").arg_max(), a=[5, 5]) == [0]
    assert POLARS.values(pl.col("a").arg_max(), a=["b", "b"]) == [1]


@line("the place of the greatest of equals", "DuckDB")
def _() -> None:
    assert sql("arg_max(a, b)", a=[1, 2], b=[5, 5]) == [1]


@line("an approximate quantile")
def _() -> None:
    up, down = list(range(1, 1001)), list(range(1000, 0, -1))
    found = [values(col("a").approx_quantile(0.9, 0.02), a=data) for data in (up, down)]
    assert found[0] == found[1]
    assert abs(found[0][0] - 900) <= 0.02 * 900 + 1


@line("an approximate number of values")
def _() -> None:
    up, down = list(range(50_000)), list(range(49_999, -1, -1))
    found = [values(col("a").approx_n_unique(), a=data) for data in (up, down)]
    assert found[0] == found[1]
    assert abs(found[0][0] - 50_000) <= 3 * 0.0081 * 50_000


@line("`mode`")
def _() -> None:
    assert values(col("a").mode(), a=[3, 1, 3, 1, 2]) == [[1, 3]]
    assert values(col("a").mode(), a=[None, "x", "x", None]) == [[None, "x"]]


@line("`mode`", "pandas")
def _() -> None:
    assert list(pd.Series([3, 1, 3, 1, 2]).mode()) == [1, 3]


@line("`mode`", "Polars")
def _() -> None:
    assert sorted(POLARS.values(pl.col("a").mode(), a=[3, 1, 3, 1, 2])) == [1, 3]


@line("`mode`", "DuckDB")
def _() -> None:
    assert sql("mode(a)", a=[3, 1, 3, 1, 2]) == [3]


@line("`skew`, `kurtosis`, `corr` of one value", "here", "Polars")
def _(e: Any) -> None:
    for data in ([2.5], [0.1, 0.1, 0.1]):
        for aggregate in (e.col("a").skew(), e.col("a").kurtosis()):
            assert same(e.values(aggregate, a=data), [NAN])
    assert same(e.values(e.corr("a", "a"), a=[2.5]), [NAN])
    tenths = e.values(e.corr("a", "a"), a=[0.1, 0.1, 0.1])
    assert same(tenths, [NAN] if e is HERE else [1.0])


@line("`skew`, `kurtosis`, `corr` of one value", "pandas")
def _() -> None:
    one = pd.Series([2.5])
    assert same([one.skew(), one.kurt(), one.corr(one)], [NAN, NAN, NAN])


@line("`skew`, `kurtosis`, `corr` of one value", "DuckDB")
def _() -> None:
    assert sql("skewness(a)", a=[2.5] * 3) == sql("kurtosis(a)", a=[2.5] * 5) == [None]
    assert same(sql("corr(a, a)", a=[2.5]), [NAN])


@line("`skew` and `kurtosis` of a sample", "here", "Polars")
def _(e: Any) -> None:
    found = e.values(e.col("a").skew(), a=[1.0, 2.0, 4.0])
    assert round(found[0], 6) == 0.381802
    assert round(e.values(e.col("a").skew(bias=False), a=[1.0, 2.0, 4.0])[0], 6) == 0.93522


@line("`skew` and `kurtosis` of a sample", "pandas")
def _() -> None:
    assert round(pd.Series([1.0, 2.0, 4.0]).skew(), 6) == 0.93522


@line("`skew` and `kurtosis` of a sample", "DuckDB")
def _() -> None:
    assert round(sql("skewness(a)", a=[1.0, 2.0, 4.0])[0], 6) == 0.93522


@line("a list of an aggregate")
def _() -> None:
    data = {"a": [2, None, 3, 1], "t": [4, 3, 2, 1]}
    assert values(col("a").implode(), **data) == [[2, None, 3, 1]]
    assert values(col("a").sort().implode(), **data) == [[None, 1, 2, 3]]
    assert values(col("a").sort_by("t").head(2), **data) == [[1, 3]]
    assert values(col("a").top_k(9), **data) == [[3, 2, 1, None]]


@line("a list of an aggregate", "pandas")
def _() -> None:
    assert list(pd.Series([2, None, 3, 1]).nlargest(9))[:3] == [3.0, 2.0, 1.0]


@line("a list of an aggregate", "Polars")
def _() -> None:
    data = {"a": [2, None, 3, 1]}
    assert POLARS.values(pl.col("a").implode(), **data) == [data["a"]]
    assert POLARS.values(pl.col("a").top_k(9), **data) != [3, 2, 1, None]


@line("a list of an aggregate", "DuckDB")
def _() -> None:
    assert sql("list(a)", a=[2, None, 3, 1]) == [[2, None, 3, 1]]
    assert sql("max(a, 9)", a=[2, None, 3, 1]) == [[3, 2, 1]]


@line("a quantile of text")
def _() -> None:
    with pytest.raises(errors.TypeMismatch):
        type_of(col("a").quantile(0.5), a=["x"])


@line("a quantile of text", "Polars")
def _() -> None:
    assert POLARS.fails(pl.col("a").quantile(0.5), a=["x"])


@line("a quantile of text", "DuckDB")
def _() -> None:
    assert sql("quantile_disc(a, 0.5)", a=["x", "y"]) == ["x"]


test_cells, test_agreement = SECTION.tests()

"""Null and NaN, and -0.0: the checks of their tables."""

from __future__ import annotations

from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa

import partita as pt

from .page import HERE, INF, NAN, Section, col, rows, same, sql, type_of, values

SECTION = Section("Null and NaN")
line = SECTION.line

UNKNOWN = {"a": pa.array([None, None, None], pa.bool_()), "b": [False, True, None]}


@line("null in an operator or a function", "here", "Polars")
def _(e: Any) -> None:
    assert e.values(e.col("a") + 1, a=[None, 1]) == [None, 2]
    assert e.values(e.col("a") > 1, a=[None, 2]) == [None, True]
    assert e.values(e.col("a") == e.col("b"), a=[None, 1], b=[None, 1]) == [None, True]
    assert e.values(e.col("a") + e.col("b"), a=["x", None], b=["y", "y"]) == ["xy", None]


@line("null in an operator or a function", "pandas")
def _() -> None:
    numbers = pd.Series([None, 1])
    assert same(numbers + 1, [NAN, 2.0])
    assert list(numbers == numbers) == [False, True]
    assert list(numbers > 0) == [False, True]
    assert list(numbers != numbers) == [True, False]


@line("null in an operator or a function", "DuckDB")
def _() -> None:
    assert sql("a + 1", a=[None, 1]) == [None, 2]
    assert sql("a = b", a=[None, 1], b=[None, 1]) == [None, True]
    assert sql("a || b", a=["x", None], b=["y", "y"]) == ["xy", None]


@line("null with `&` and `\\|`", "here", "Polars")
def _(e: Any) -> None:
    assert e.values(e.col("a") & e.col("b"), **UNKNOWN) == [False, None, None]
    assert e.values(e.col("a") | e.col("b"), **UNKNOWN) == [None, True, None]


@line("null with `&` and `\\|`", "pandas")
def _() -> None:
    unknown, known = pd.Series([None, None], dtype=object), pd.Series([False, True])
    assert list(unknown & known) == list(unknown | known) == [False, False]


@line("null with `&` and `\\|`", "DuckDB")
def _() -> None:
    assert sql("a AND b", **UNKNOWN) == [False, None, None]
    assert sql("a OR b", **UNKNOWN) == [None, True, None]


@line("null as a condition", "here", "Polars")
def _(e: Any) -> None:
    chosen = e.when(e.col("a") > 1).then(1).otherwise(0)
    assert e.values(chosen, a=[None, 2]) == [0, 1]
    assert e.rows(e.frame(a=[None, True, False]).filter(e.col("a"))) == [{"a": True}]
    assert e.values(e.col("a").any(), a=[None, False]) == [False]
    assert e.values(e.col("a").all(), a=[None, True]) == [True]


@line("null as a condition", "DuckDB")
def _() -> None:
    assert sql("CASE WHEN a > 1 THEN 1 ELSE 0 END", a=[None, 2]) == [0, 1]
    assert rows("SELECT * FROM t WHERE a", t={"a": [None, True, False]}) == [(True,)]
    assert sql("bool_or(a)", a=[None, False]) == [False]
    assert sql("bool_and(a)", a=[None, True]) == [True]


@line("null compared as a value", "here", "Polars")
def _(e: Any) -> None:
    data = {"a": [None, 1, None], "b": [None, 1, 1]}
    assert e.values(e.col("a").eq_missing(e.col("b")), **data) == [True, True, False]


@line("null compared as a value", "DuckDB")
def _() -> None:
    data = {"a": [None, 1, None], "b": [None, 1, 1]}
    assert sql("a IS NOT DISTINCT FROM b", **data) == [True, True, False]


@line("null in `is_in`", "here", "Polars")
def _(e: Any) -> None:
    assert e.values(e.col("a").is_in([1, None]), a=[1, None, 2]) == [True, None, False]


@line("null in `is_in`", "pandas")
def _() -> None:
    assert list(pd.Series([1, None, 2]).isin([1])) == [True, False, False]


@line("null in `is_in`", "DuckDB")
def _() -> None:
    assert sql("a IN (1, NULL)", a=[1, None, 2]) == [True, None, None]


@line("null as a bound of `is_between`", "here", "Polars")
def _(e: Any) -> None:
    data = {"a": [5, 1], "b": pa.array([None, None], pa.int64())}
    assert e.values(e.col("a").is_between(e.col("b"), 2), **data) == [False, None]


@line("null as a bound of `is_between`", "pandas")
def _() -> None:
    assert list(pd.Series([5, 1]).between(NAN, 2)) == [False, False]


@line("null as a bound of `is_between`", "DuckDB")
def _() -> None:
    data = {"a": [5, 1], "b": pa.array([None, None], pa.int64())}
    assert sql("a BETWEEN b AND 2", **data) == [False, None]


@line("null in `min_horizontal`, `max_horizontal`", "here", "Polars")
def _(e: Any) -> None:
    data = {"a": [1, None], "b": pa.array([None, None], pa.int64())}
    assert e.values(e.min_horizontal("a", "b"), **data) == [1, None]
    assert e.values(e.max_horizontal("a", "b"), **data) == [1, None]


@line("null in `min_horizontal`, `max_horizontal`", "pandas")
def _() -> None:
    df = pd.DataFrame({"a": [1.0, None], "b": [2.0, None]})
    assert same(df.min(axis=1), [1.0, NAN])


@line("null in `min_horizontal`, `max_horizontal`", "DuckDB")
def _() -> None:
    data = {"a": [1, None], "b": pa.array([None, None], pa.int64())}
    assert sql("least(a, b)", **data) == sql("greatest(a, b)", **data) == [1, None]


@line("null in `concat_str`", "here", "Polars")
def _(e: Any) -> None:
    data = {"a": ["x", "y"], "b": [None, "z"]}
    assert e.values(e.concat_str("a", "b"), **data) == [None, "yz"]
    assert e.values(e.concat_str("a", "b", ignore_nulls=True), **data) == ["x", "yz"]


@line("null in `concat_str`", "pandas")
def _() -> None:
    assert same(pd.Series(["x", "y"]).str.cat(pd.Series([None, "z"])), [NAN, "yz"])


@line("null in `concat_str`", "DuckDB")
def _() -> None:
    data = {"a": ["x", "y"], "b": [None, "z"]}
    assert sql("a || b", **data) == [None, "yz"]
    assert sql("concat(a, b)", **data) == ["x", "yz"]


@line("null as a bound of `clip`", "here", "Polars")
def _(e: Any) -> None:
    assert e.values(e.col("a").clip(e.col("b"), 3), a=[-5, 9], b=[None, 0]) == [-5, 3]


@line("null as a bound of `clip`", "pandas")
def _() -> None:
    assert list(pd.Series([-5, 9]).clip(pd.Series([NAN, 0]), 3)) == [-5, 3]


@line("null as a key", "here", "Polars")
def _(e: Any) -> None:
    df = e.frame(k=[None, 1, None])
    counted = e.rows(df.group_by("k", maintain_order=True).len())
    assert counted == [{"k": None, "len": 2}, {"k": 1, "len": 1}]
    assert e.rows(df.unique(maintain_order=True)) == [{"k": None}, {"k": 1}]
    assert e.rows(df.join(df.unique(), on="k")) == [{"k": 1}]
    assert e.rows(df.join(df, on="k", how="anti")) == [{"k": None}, {"k": None}]


@line("null as a key", "pandas")
def _() -> None:
    df = pd.DataFrame({"k": [None, 1.0]})
    assert df.groupby("k").size().to_dict() == {1.0: 1}
    assert len(df.merge(df, on="k")) == 2


@line("null as a key", "DuckDB")
def _() -> None:
    data = {"k": [None, 1, None]}
    found = rows("SELECT k, count(*) FROM t GROUP BY k ORDER BY k", t=data)
    assert found == [(1, 1), (None, 2)]
    assert rows("SELECT * FROM t JOIN (SELECT DISTINCT k FROM t) USING (k)", t=data) == [(1,)]
    assert rows("SELECT k FROM t ANTI JOIN t AS u USING (k)", t=data) == [(None,), (None,)]


@line("null in an aggregate", "here", "Polars")
def _(e: Any) -> None:
    data = {"a": pa.array([None, 1.0, 3.0, None])}
    a = e.col("a")
    wanted = {
        "sum": 4.0,
        "mean": 2.0,
        "max": 3.0,
        "count": 2,
        "len": 4,
        "first": None,
        "last": None,
        "n_unique": 3,
    }
    for name, value in wanted.items():
        assert e.values(getattr(a, name)(), **data) == [value], name
    assert e.values(a.implode(), **data) == [[None, 1.0, 3.0, None]]
    modes = e.values(a.mode(), **data)
    assert modes in ([[None]], [None])  # the list of them here, a row each in Polars


@line("null in an aggregate", "pandas")
def _() -> None:
    numbers = pd.Series([None, None, 1.0])
    assert (numbers.sum(), numbers.nunique(), list(numbers.mode())) == (1.0, 1, [1.0])
    groups = pd.DataFrame({"k": [1, 1, 1], "v": numbers}).groupby("k")["v"]
    assert list(groups.first()) == list(groups.last()) == [1.0]


@line("null in an aggregate", "DuckDB")
def _() -> None:
    data = {"a": [None, None, 1]}
    assert sql("sum(a)", **data) == sql("count(a)", **data) == [1]
    assert sql("count(DISTINCT a)", **data) == sql("mode(a)", **data) == [1]
    assert sql("first(a)", **data) == [None]
    assert sql("list(a)", **data) == [data["a"]]


@line("null in a sort", "here", "Polars")
def _(e: Any) -> None:
    df = e.frame(a=[1, None, 2])

    def order(frame: Any) -> list[Any]:
        return [row["a"] for row in e.rows(frame)]

    assert order(df.sort("a")) == [None, 1, 2]
    assert order(df.sort("a", descending=True)) == [None, 2, 1]
    assert order(df.sort("a", nulls_last=True)) == [1, 2, None]
    assert order(df.top_k(3, by="a")) == [2, 1, None]
    assert order(df.bottom_k(3, by="a")) == [1, 2, None]
    if e is HERE:
        assert order(df.sort_values("a")) == [1, 2, None]


@line("null in a sort", "pandas")
def _() -> None:
    numbers = pd.Series([1, None, 2])
    assert same(numbers.sort_values(), [1.0, 2.0, NAN])
    assert same(numbers.sort_values(ascending=False), [2.0, 1.0, NAN])


@line("null in a sort", "DuckDB")
def _() -> None:
    data = {"a": [1, None, 2]}
    assert rows("SELECT a FROM t ORDER BY a", t=data) == [(1,), (2,), (None,)]
    assert rows("SELECT a FROM t ORDER BY a DESC", t=data) == [(2,), (1,), (None,)]


@line("NaN compared", "here", "Polars")
def _(e: Any) -> None:
    a = e.col("a")
    assert e.values(a == a, a=[NAN]) == [True]
    assert e.values(a > INF, a=[NAN, 1.0]) == [True, False]
    assert e.values(a < 1, a=[NAN]) == [False]
    found = e.rows(e.frame(a=[NAN, INF, NAN]).sort("a"))
    assert same([row["a"] for row in found], [INF, NAN, NAN])


@line("NaN compared", "pandas")
def _() -> None:
    numbers = pd.Series([NAN, 1.0])
    assert list(numbers == numbers) == [False, True]
    assert list(numbers > 0) == list(numbers >= numbers) == [False, True]


@line("NaN compared", "DuckDB")
def _() -> None:
    assert sql("a = a", a=[NAN]) == sql("a > 'inf'::DOUBLE", a=[NAN]) == [True]
    found = rows("SELECT a FROM t ORDER BY a", t={"a": [NAN, INF]})
    assert same(found, [(INF,), (NAN,)])


@line("NaN as a key", "here", "Polars")
def _(e: Any) -> None:
    df = e.frame(a=[NAN, 1.0, NAN])
    assert [row["len"] for row in e.rows(df.group_by("a", maintain_order=True).len())] == [2, 1]
    assert len(e.rows(df.join(e.frame(a=[NAN]), on="a"))) == 2
    one = e.frame(a=[NAN])
    assert len(e.rows(one.join(one, on="a"))) == (1 if e is HERE else 0)


@line("NaN as a key", "pandas")
def _() -> None:
    df = pd.DataFrame({"a": [NAN, 1.0, NAN]})
    assert df.groupby("a").size().to_dict() == {1.0: 1}
    assert len(df.merge(pd.DataFrame({"a": [NAN]}))) == 2


@line("NaN as a key", "DuckDB")
def _() -> None:
    data = {"a": [NAN, 1.0, NAN]}
    assert sorted(rows("SELECT count(*) FROM t GROUP BY a", t=data)) == [(1,), (2,)]
    assert len(rows("SELECT * FROM t JOIN u USING (a)", t=data, u={"a": [NAN]})) == 2


@line("NaN is not null", "here", "Polars")
def _(e: Any) -> None:
    data = {"a": [NAN, None, 1.0]}
    a = e.col("a")
    assert e.values(a.is_null(), **data) == [False, True, False]
    assert same(e.values(a.fill_null(0.0), **data), [NAN, 0.0, 1.0])
    assert len(e.rows(e.frame(**data).drop_nulls())) == 2
    assert e.values(a.is_nan(), **data) == [True, None, False]
    assert e.values(a.fill_nan(0.0), **data) == [0.0, None, 1.0]


@line("NaN is not null", "pandas")
def _() -> None:
    numbers = pd.Series([NAN, None, 1.0])
    assert list(numbers.isna()) == [True, True, False]
    assert list(numbers.fillna(0)) == [0.0, 0.0, 1.0]
    assert len(numbers.dropna()) == 1


@line("NaN is not null", "DuckDB")
def _() -> None:
    assert sql("a IS NULL", a=[NAN, None]) == [False, True]


@line("NaN in an aggregate", "here", "Polars")
def _(e: Any) -> None:
    data = {"a": [NAN, 1.0, 2.0]}
    a = e.col("a")
    assert same(e.values(a.sum(), **data), [NAN])
    assert same(e.values(a.mean(), **data), [NAN])
    assert e.values(a.min(), **data) == [1.0]
    assert e.values(a.max(), **data) == [2.0]
    assert same(e.values(a.max(), a=[NAN, None]), [NAN])


@line("NaN in an aggregate", "pandas")
def _() -> None:
    numbers = pd.Series([NAN, 1.0, 2.0])
    assert (numbers.sum(), numbers.mean(), numbers.max()) == (3.0, 1.5, 2.0)


@line("NaN in an aggregate", "DuckDB")
def _() -> None:
    data = {"a": [NAN, 1.0, 2.0]}
    assert same(sql("sum(a)", **data), [NAN])
    assert sql("min(a)", **data) == [1.0]
    assert same(sql("max(a)", **data), [NAN])


@line("NaN in `min_horizontal`, `max_horizontal`", "here", "Polars")
def _(e: Any) -> None:
    found = e.values(e.max_horizontal("a", "b"), a=[1.0, NAN], b=[NAN, NAN])
    assert same(found, [1.0, NAN])


@line("NaN in `min_horizontal`, `max_horizontal`", "DuckDB")
def _() -> None:
    assert same(sql("greatest(a, b)", a=[1.0], b=[NAN]), [NAN])


@line("null from and to pandas")
def _() -> None:
    # pandas has no other null in floats.
    assert pt.from_pandas(pd.DataFrame({"a": [1.0, NAN]})).to_pydict() == {"a": [1.0, None]}
    assert str(pt.from_pydict({"a": [1, None]}).to_pandas()["a"].dtype) == "float64"


@line("null from and to pandas", "Polars")
def _() -> None:
    assert pl.from_pandas(pd.DataFrame({"a": [1.0, NAN]}))["a"].to_list() == [1.0, None]
    assert str(pl.DataFrame({"a": [1, None]}).to_pandas()["a"].dtype) == "float64"


@line("a column of nothing but null")
def _() -> None:
    assert type_of(col("a"), a=[None]) == "null"
    assert type_of(col("a") + 1, a=[None]) == "int64"
    assert values(col("a").sum(), a=[None]) == [0]


test_cells, test_agreement = SECTION.tests()

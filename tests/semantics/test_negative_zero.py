"""-0.0: the checks of its table."""

from __future__ import annotations

from typing import Any

import pandas as pd

import partita as pt

from .page import HERE, INF, Section, rows, same, sql

SECTION = Section("-0.0")
line = SECTION.line


@line("-0.0 compared, as a key", "here", "Polars")
def _(e: Any) -> None:
    df = e.frame(a=[-0.0, 0.0])
    assert e.values(e.col("a") == 0.0, a=[-0.0]) == [True]
    assert e.values(e.col("a") < 0.0, a=[-0.0]) == [False]
    assert len(e.rows(df.unique())) == len(e.rows(df.group_by("a").len())) == 1
    assert len(e.rows(df.join(df, on="a"))) == 4
    assert e.values(e.col("a").n_unique(), a=[-0.0, 0.0]) == [1]
    assert e.values(e.col("a").is_in([0.0]), a=[-0.0]) == [True]


@line("-0.0 compared, as a key", "pandas")
def _() -> None:
    df = pd.DataFrame({"a": [-0.0, 0.0]})
    assert list(df["a"] == 0.0) == [True, True]
    assert len(df.drop_duplicates()) == len(df.groupby("a").size()) == 1
    assert len(df.merge(df)) == 4


@line("-0.0 compared, as a key", "DuckDB")
def _() -> None:
    data = {"a": [-0.0, 0.0]}
    assert sql("a = 0", **data) == [True, True]
    assert len(rows("SELECT a FROM t GROUP BY a", t=data)) == 1
    assert len(rows("SELECT * FROM t JOIN t AS u USING (a)", t=data)) == 4


@line("-0.0 as the key that is given")
def _() -> None:
    df = pt.from_pydict({"a": [-0.0, 0.0], "b": [1, 2]})
    assert same(df.group_by("a").len().to_pydict()["a"], [0.0])
    assert same(df.select("a").unique(keep="first").to_pydict()["a"], [0.0])


@line("-0.0 as the key that is given", "pandas")
def _() -> None:
    df = pd.DataFrame({"a": [-0.0, 0.0]})
    assert same(df.groupby("a").size().index, [-0.0])
    assert same(df["a"].drop_duplicates(), [-0.0])


@line("-0.0 as the key that is given", "Polars")
def _() -> None:
    import polars as pl

    df = pl.DataFrame({"a": [-0.0, 0.0]})
    assert same(df.group_by("a").len()["a"].to_list(), [-0.0])
    assert same(df.unique(keep="first")["a"].to_list(), [-0.0])


@line("-0.0 as the key that is given", "DuckDB")
def _() -> None:
    assert same(rows("SELECT a FROM t GROUP BY a", t={"a": [-0.0, 0.0]}), [(-0.0,)])


@line("-0.0 in a sort", "here", "Polars")
def _(e: Any) -> None:
    order = {} if e is HERE else {"maintain_order": True}
    found = e.rows(e.frame(a=[0.0, -0.0]).sort("a", **order))
    assert same([row["a"] for row in found], [0.0, -0.0])


@line("-0.0 in a sort", "pandas")
def _() -> None:
    assert same(pd.Series([0.0, -0.0]).sort_values(kind="stable"), [0.0, -0.0])


@line("-0.0 in arithmetic and as text", "here", "Polars")
def _(e: Any) -> None:
    a = e.col("a")
    assert e.values(1 / a, a=[-0.0]) == [-INF]
    assert e.values(a.cast(str), a=[-0.0]) == ["-0.0"]
    assert same(e.values(a.round(), a=[-0.4]), [-0.0])
    assert same(e.values(a.sum(), a=[-0.0]), [0.0])


@line("-0.0 in arithmetic and as text", "pandas")
def _() -> None:
    zero = pd.Series([-0.0])
    assert list(1 / zero) == [-INF]
    assert list(zero.astype(str)) == ["-0.0"]
    assert same(pd.Series([-0.4]).round(), [-0.0])
    assert same([float(zero.sum())], [0.0])


@line("-0.0 in arithmetic and as text", "DuckDB")
def _() -> None:
    assert sql("1 / a", a=[-0.0]) == [-INF]
    assert sql("a::VARCHAR", a=[-0.0]) == ["-0.0"]
    assert same(sql("round(a)", a=[-0.4]), [-0.0])
    assert same(sql("sum(a)", a=[-0.0]), [0.0])


test_cells, test_agreement = SECTION.tests()

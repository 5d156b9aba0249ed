"""Order of rows, groups and sorts: the checks of their table."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd
import polars as pl
import pytest

import partita as pt
from partita import errors

from .page import POLARS, Section, col, rows

SECTION = Section("Order of rows, groups and sorts")
line = SECTION.line

DATA = {"a": [2, 1, 2, 1], "b": [1, 2, 3, 4]}


def order(e: Any, frame: Any) -> list[Any]:
    """Return column ``b``."""
    return [row["b"] for row in e.rows(frame)]


@line("order of rows", "here", "Polars")
def _(e: Any) -> None:
    df = e.frame(**DATA)
    assert order(e, df.filter(e.col("b") > 1).head(2)) == [2, 3]
    assert order(e, e.concat([df, df])) == [1, 2, 3, 4, 1, 2, 3, 4]
    assert order(e, df.with_columns(c=e.col("a") + 1).tail(2)) == [3, 4]


@line("order of rows", "pandas")
def _() -> None:
    df = pd.DataFrame(DATA)
    assert list(pd.concat([df[df.b > 1], df]).b) == [2, 3, 4, 1, 2, 3, 4]


@line("order of rows", "DuckDB")
def _() -> None:
    assert rows("SELECT b FROM t WHERE b > 1 LIMIT 2", t=DATA) == [(2,), (3,)]


@line("equal rows in a sort")
def _() -> None:
    df = pt.from_pydict(DATA)
    assert df.sort("a").to_pydict()["b"] == [2, 4, 1, 3]
    assert df.sort("a", descending=True).to_pydict()["b"] == [1, 3, 2, 4]
    assert df.top_k(3, by="a").to_pydict()["b"] == [1, 3, 2]


@line("equal rows in a sort", "pandas")
def _() -> None:
    df = pd.DataFrame({"a": [number % 2 for number in range(100)], "b": range(100)})
    evens = list(range(0, 100, 2))
    assert list(df.sort_values("a", kind="stable").b[:50]) == evens
    assert list(df.sort_values("a").b[:50]) != evens


@line("equal rows in a sort", "Polars")
def _() -> None:
    df = POLARS.frame(**DATA)
    assert df.sort("a", maintain_order=True)["b"].to_list() == [2, 4, 1, 3]
    ties = POLARS.frame(a=[1, 1, 1], b=[1, 2, 3])
    assert ties.top_k(2, by="a")["b"].to_list() != [1, 2]


@line("order of groups")
def _() -> None:
    df = pt.from_pydict({"k": ["b", "a", "b", "c"]})
    assert df.group_by("k", maintain_order=True).len().to_pydict()["k"] == ["b", "a", "c"]


@line("order of groups", "pandas")
def _() -> None:
    df = pd.DataFrame({"k": ["b", "a", "b", "c"]})
    assert list(df.groupby("k").size().index) == ["a", "b", "c"]


@line("order of groups", "Polars")
def _() -> None:
    df = POLARS.frame(k=["b", "a", "b", "c"])
    assert df.group_by("k", maintain_order=True).len()["k"].to_list() == ["b", "a", "c"]


@line("which row `unique` keeps")
def _() -> None:
    df = pt.from_pydict({"a": [1, 1, 2], "b": [1, 2, 3]})
    for keep, wanted in {"first": [1, 3], "last": [2, 3], "none": [3]}.items():
        assert df.unique("a", keep=keep, maintain_order=True).to_pydict()["b"] == wanted
    assert df.drop_duplicates("a").sort("b").to_pydict()["b"] == [1, 3]


@line("which row `unique` keeps", "pandas")
def _() -> None:
    df = pd.DataFrame({"a": [1, 1, 2], "b": [1, 2, 3]})
    assert list(df.drop_duplicates("a").b) == [1, 3]


@line("which row `unique` keeps", "Polars")
def _() -> None:
    df = POLARS.frame(a=[1, 1, 2], b=[1, 2, 3])
    for keep, wanted in {"first": [1, 3], "last": [2, 3], "none": [3]}.items():
        assert df.unique("a", keep=keep, maintain_order=True)["b"].to_list() == wanted


@line("order of `top_k`, `value_counts`")
def _() -> None:
    df = pt.from_pydict({"a": [1, 3, 2, 3]})
    assert df.top_k(2, by="a").to_pydict()["a"] == [3, 3]
    assert df.value_counts("a").to_pydict()["count"] == [2, 1, 1]


@line("order of `top_k`, `value_counts`", "pandas")
def _() -> None:
    assert list(pd.Series([1, 3, 2, 3]).nlargest(3)) == [3, 3, 2]
    assert list(pd.Series([1, 3, 2, 3]).value_counts()) == [2, 1, 1]


@line("sort of lists and structs")
def _() -> None:
    for column in ([[2], [1]], [{"x": 2}, {"x": 1}]):
        with pytest.raises(errors.TypeMismatch):
            pt.from_pydict({"a": column}).sort("a")


@line("sort of lists and structs", "Polars")
def _() -> None:
    assert POLARS.frame(a=[[2], [1]]).sort("a")["a"].to_list() == [[1], [2]]


@line("sort of lists and structs", "DuckDB")
def _() -> None:
    assert rows("SELECT a FROM t ORDER BY a", t={"a": [[2], [1]]}) == [([1],), ([2],)]


@line("a slice from before the first row", "here", "Polars")
def _(e: Any) -> None:
    assert order(e, e.frame(**DATA).slice(-6, 3)) == [1]
    assert order(e, e.frame(**DATA).slice(-2, 1)) == [3]


@line("`head` of a number below zero")
def _() -> None:
    with pytest.raises(errors.SchemaError, match="0 or more"):
        pt.from_pydict(DATA).head(-1)


@line("`head` of a number below zero", "pandas")
def _() -> None:
    assert list(pd.DataFrame(DATA).head(-1).b) == [1, 2, 3]


@line("`head` of a number below zero", "Polars")
def _() -> None:
    assert POLARS.frame(**DATA).head(-1)["b"].to_list() == [1, 2, 3]


@line("row numbers")
def _() -> None:
    df = pt.from_pydict({"v": list(range(100))})
    with pt.config.set(partition_bytes=64):
        assert df.filter(col("v") % 2 == 1).with_row_index().to_pydict()["index"] == [*range(50)]
    assert str(df.with_row_index().dtypes[0]) == "int64"


@line("row numbers", "Polars")
def _() -> None:
    found = POLARS.frame(v=[5, 6]).with_row_index()
    assert found["index"].to_list() == [0, 1]
    assert found["index"].dtype == pl.UInt32


@line("the same answer")
def _() -> None:
    numbers = [math.sin(number) for number in range(1000)]
    df = pt.from_pydict({"k": [number % 7 for number in range(1000)], "v": numbers})
    summed = df.group_by("k").agg(col("v").sum(), mean=col("v").mean())
    found = []
    for settings in ({"executor": "serial"}, {"workers": 1}, {"workers": 2}):
        # Rows that are cut small, so that there are partial sums to be combined.
        with pt.config.set(**{"executor": "process", "partition_bytes": 2000, **settings}):
            found.append(summed.collect())
    assert found[0].equals(found[1])
    assert found[0].equals(found[2])


test_cells, test_agreement = SECTION.tests()

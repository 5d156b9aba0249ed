"""Joins: the checks of their table."""

from __future__ import annotations

from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import partita as pt
from partita import errors

from .page import HERE, NAN, POLARS, Section, col, ints, query, rows

SECTION = Section("Joins")
line = SECTION.line

LEFT = {"k": [1, 2, None], "v": [10, 20, 30]}
RIGHT = {"k": [2, 3, None], "v": [200, 300, 400]}


def joined(e: Any, how: str, **options: Any) -> list[tuple[Any, ...]]:
    """Return the rows of a join by ``k``, in one order for all engines."""
    frame = e.frame(**LEFT).join(e.frame(**RIGHT), on="k", how=how, **options)
    return sorted((tuple(row.values()) for row in e.rows(frame)), key=repr)


def names(e: Any, how: str, **options: Any) -> list[str]:
    """Return the columns of a join by ``k``."""
    return list(e.frame(**LEFT).join(e.frame(**RIGHT), on="k", how=how, **options).columns)


def using(how: str) -> list[tuple[Any, ...]]:
    """Return the rows of a join by ``k`` of DuckDB."""
    found = rows(f"SELECT * FROM l {how} JOIN r USING (k)", l=LEFT, r=RIGHT)
    return sorted(found, key=repr)


@line("which rows a join gives", "here", "Polars")
def _(e: Any) -> None:
    assert joined(e, "inner") == [(2, 20, 200)]
    assert joined(e, "left") == [(1, 10, None), (2, 20, 200), (None, 30, None)]
    assert joined(e, "semi") == [(2, 20)]
    assert joined(e, "anti") == [(1, 10), (None, 30)]
    twice = e.frame(k=[1, 1])
    assert len(e.rows(twice.join(twice, on="k", how="semi"))) == 2
    assert len(e.rows(twice.join(twice, on="k"))) == 4


@line("which rows a join gives", "pandas")
def _() -> None:
    found = pd.DataFrame(LEFT).merge(pd.DataFrame(RIGHT), on="k")
    assert list(found["v_x"]) == [20, 30]


@line("which rows a join gives", "DuckDB")
def _() -> None:
    assert using("INNER") == [(2, 20, 200)]
    assert using("LEFT") == [(1, 10, None), (2, 20, 200), (None, 30, None)]
    assert using("SEMI") == [(2, 20)]
    assert using("ANTI") == [(1, 10), (None, 30)]


@line("key columns of a join", "here", "Polars")
def _(e: Any) -> None:
    assert names(e, "left") == ["k", "v", "v_right"]
    assert names(e, "right") == ["v", "k", "v_right"]
    assert joined(e, "right") == [(20, 2, 200), (None, 3, 300), (None, None, 400)]
    left, right = e.frame(a=[1]), e.frame(b=[1], c=[2])
    assert list(left.join(right, left_on="a", right_on="b").columns) == ["a", "c"]
    assert names(e, "left", coalesce=False) == ["k", "v", "k_right", "v_right"]


@line("key columns of a join", "pandas")
def _() -> None:
    found = pd.DataFrame({"a": [1]}).merge(
        pd.DataFrame({"b": [1], "c": [2]}), "inner", None, "a", "b"
    )
    assert list(found.columns) == ["a", "b", "c"]
    assert pd.DataFrame(LEFT).merge(pd.DataFrame(RIGHT), "right", "k").columns[0] == "k"


@line("key columns of a join", "DuckDB")
def _() -> None:
    found = query("SELECT * FROM l RIGHT JOIN r USING (k)", l=LEFT, r=RIGHT)
    assert found.column_names == ["k", "v", "v"]


@line("key columns of a full join", "here", "Polars")
def _(e: Any) -> None:
    assert names(e, "full") == ["k", "v", "k_right", "v_right"]
    found = joined(e, "full", coalesce=True)
    assert found == [
        (1, 10, None),
        (2, 20, 200),
        (3, None, 300),
        (None, 30, None),
        (None, None, 400),
    ]


@line("key columns of a full join", "pandas")
def _() -> None:
    found = pd.DataFrame(LEFT).merge(pd.DataFrame(RIGHT), "outer", "k")
    assert list(found.columns) == ["k", "v_x", "v_y"]
    assert len(found) == 4


@line("key columns of a full join", "DuckDB")
def _() -> None:
    assert len(using("FULL")) == 5
    assert query("SELECT * FROM l FULL JOIN r USING (k)", l=LEFT, r=RIGHT).column_names == [
        "k",
        "v",
        "v",
    ]


@line("a name that both sides have", "here", "Polars")
def _(e: Any) -> None:
    assert names(e, "inner") == ["k", "v", "v_right"]
    left = e.frame(k=[1], v=[1], v_right=[1])
    with pytest.raises((errors.DuplicateColumn, pl.exceptions.DuplicateError)):
        e.rows(left.join(e.frame(k=[1], v=[3]), on="k"))


@line("a name that both sides have", "pandas")
def _() -> None:
    found = pd.DataFrame(LEFT).merge(pd.DataFrame(RIGHT), on="k")
    assert list(found.columns) == ["k", "v_x", "v_y"]


@line("a name that both sides have", "DuckDB")
def _() -> None:
    assert query("SELECT * FROM l JOIN r USING (k)", l=LEFT, r=RIGHT).column_names == [
        "k",
        "v",
        "v",
    ]


@line("null keys that meet", "here", "Polars")
def _(e: Any) -> None:
    assert joined(e, "inner", nulls_equal=True) == [(2, 20, 200), (None, 30, 400)]


@line("null keys that meet", "DuckDB")
def _() -> None:
    text = "SELECT l.k FROM l JOIN r ON l.k IS NOT DISTINCT FROM r.k ORDER BY 1"
    assert rows(text, l=LEFT, r=RIGHT) == [(2,), (None,)]


@line("keys of two types")
def _() -> None:
    for left, right in ((ints("int8", 1), [1]), ([1], [1.0])):
        found = pt.from_pydict({"k": left}).join(pt.from_pydict({"k": right}), on="k")
        assert len(found) == 1
    with pytest.raises(errors.TypeMismatch, match="Cast one side"):
        pt.from_pydict({"k": [1]}).join(pt.from_pydict({"k": ["1"]}), on="k")


@line("keys of two types", "pandas")
def _() -> None:
    assert len(pd.DataFrame({"k": [1]}).merge(pd.DataFrame({"k": [1.0]}))) == 1
    with pytest.raises(ValueError, match="merge on int64 and str"):
        pd.DataFrame({"k": [1]}).merge(pd.DataFrame({"k": ["1"]}))


@line("keys of two types", "Polars")
def _() -> None:
    assert len(POLARS.frame(k=ints("int8", 1)).join(POLARS.frame(k=[1]), on="k")) == 1
    for other in ([1.0], ["1"]):
        with pytest.raises(pl.exceptions.SchemaError):
            POLARS.frame(k=[1]).join(POLARS.frame(k=other), on="k")


@line("keys of two types", "DuckDB")
def _() -> None:
    for other in ([1.0], ["1"]):
        assert rows("SELECT 1 FROM l JOIN r USING (k)", l={"k": [1]}, r={"k": other}) == [(1,)]


@line("`validate` and null keys")
def _() -> None:
    nulls, one = pt.from_pydict({"k": [None, None, 1]}), pt.from_pydict({"k": [1]})
    assert len(nulls.join(one, on="k", how="left", validate="1:1")) == 3
    with pytest.raises(errors.RepeatedKey):
        nulls.join(one, on="k", how="left", validate="1:1", nulls_equal=True).collect()
    with pytest.raises(errors.RepeatedKey, match="k = 1 occurs in 2 rows"):
        pt.concat([one, one]).join(one, on="k", validate="1:1").collect()


@line("`validate` and null keys", "pandas")
def _() -> None:
    nulls, one = pd.DataFrame({"k": [None, None, 1]}), pd.DataFrame({"k": [1]})
    with pytest.raises(pd.errors.MergeError):
        nulls.merge(one, "left", "k", validate="1:1")


@line("`validate` and null keys", "Polars")
def _() -> None:
    nulls, one = POLARS.frame(k=[None, None, 1]), POLARS.frame(k=[1])
    assert len(nulls.join(one, on="k", how="left", validate="1:1")) == 3
    with pytest.raises(pl.exceptions.ComputeError):
        pl.concat([one, one]).join(one, on="k", validate="1:1")


@line("null in a condition of `join_where`", "here", "Polars")
def _(e: Any) -> None:
    left, right = e.frame(a=[1, None]), e.frame(b=[2, None])
    assert e.rows(left.join_where(right, e.col("a") < e.col("b"))) == [{"a": 1, "b": 2}]


@line("null in a condition of `join_where`", "DuckDB")
def _() -> None:
    found = rows("SELECT a, b FROM l JOIN r ON a < b", l={"a": [1, None]}, r={"b": [2, None]})
    assert found == [(1, 2)]


@line("null in the order or a key of `join_asof`")
def _() -> None:
    left = pt.from_pydict({"t": [3, None, 9], "k": ["a", "a", None]})
    right = pt.from_pydict({"t": [2, None, 8], "k": ["a", "a", None], "p": [20, 0, 80]})
    assert left.join_asof(right, on="t").to_pydict()["p"] == [20, None, 80]
    assert left.join_asof(right, on="t", by="k").to_pydict()["p"] == [20, None, None]


@line("null in the order or a key of `join_asof`", "pandas")
def _() -> None:
    right = pd.DataFrame({"t": [5, 5], "k": [None, "a"], "p": [1, 2]})
    found = pd.merge_asof(pd.DataFrame({"t": [5, 6], "k": [None, "a"]}), right, on="t", by="k")
    assert list(found["p"]) == [1, 2]
    with pytest.raises(ValueError, match="null values on left side"):
        pd.merge_asof(pd.DataFrame({"t": [3.0, None]}), pd.DataFrame({"t": [2.0]}), on="t")


@line("null in the order or a key of `join_asof`", "Polars")
def _() -> None:
    left, right = POLARS.frame(t=[None, 3, 9]), POLARS.frame(t=[None, 2, 8], p=[0, 20, 80])
    assert left.join_asof(right, on="t")["p"].to_list() == [None, 20, 80]


@line("null in the order or a key of `join_asof`", "DuckDB")
def _() -> None:
    text = "SELECT p FROM l ASOF LEFT JOIN r ON l.t >= r.t ORDER BY l.t"
    data = {"l": {"t": [3, None, 9]}, "r": {"t": [2, None, 8], "p": [20, 0, 80]}}
    assert rows(text, **data) == [(20,), (80,), (None,)]


@line("order of the sides of `join_asof`")
def _() -> None:
    left, right = pt.from_pydict({"t": [9, 3]}), pt.from_pydict({"t": [8, 2], "p": [80, 20]})
    assert left.join_asof(right, on="t").to_pydict() == {"t": [9, 3], "p": [80, 20]}


@line("order of the sides of `join_asof`", "pandas")
def _() -> None:
    with pytest.raises(ValueError, match="must be sorted"):
        pd.merge_asof(pd.DataFrame({"t": [9, 3]}), pd.DataFrame({"t": [2, 8]}), on="t")


@line("order of the sides of `join_asof`", "Polars")
def _() -> None:
    with pytest.raises(pl.exceptions.InvalidOperationError, match="not sorted"):
        POLARS.frame(t=[9, 3]).join_asof(POLARS.frame(t=[2, 8]), on="t")


@line("order of the sides of `join_asof`", "DuckDB")
def _() -> None:
    text = "SELECT l.t, p FROM l ASOF LEFT JOIN r ON l.t >= r.t"
    found = rows(text, l={"t": [9, 3]}, r={"t": [8, 2], "p": [80, 20]})
    assert sorted(found) == [(3, 20), (9, 80)]


@line("ties in `join_asof`", "here", "Polars")
def _(e: Any) -> None:
    five, same = e.frame(t=[5]), e.frame(t=[5, 5], p=[1, 2])
    wanted = {"backward": 2, "forward": 1}
    for strategy, p in wanted.items():
        assert e.rows(five.join_asof(same, on="t", strategy=strategy)) == [{"t": 5, "p": p}]
    around = e.frame(t=[4, 6], p=[1, 2])
    assert e.rows(five.join_asof(around, on="t", strategy="nearest")) == [{"t": 5, "p": 2}]


@line("ties in `join_asof`", "pandas")
def _() -> None:
    five = pd.DataFrame({"t": [5]})
    assert list(pd.merge_asof(five, pd.DataFrame({"t": [5, 5], "p": [1, 2]}), on="t")["p"]) == [2]
    around = pd.DataFrame({"t": [4, 6], "p": [1, 2]})
    assert list(pd.merge_asof(five, around, on="t", direction="nearest")["p"]) == [1]


@line("NaN in the order of `join_asof`")
def _() -> None:
    left, right = pt.from_pydict({"t": [NAN, 5.0]}), pt.from_pydict({"t": [1.0, NAN], "p": [1, 2]})
    assert left.join_asof(right, on="t").to_pydict()["p"] == [2, 1]


@line("NaN in the order of `join_asof`", "Polars")
def _() -> None:
    left, right = POLARS.frame(t=[5.0, NAN]), POLARS.frame(t=[1.0, NAN], p=[1, 2])
    assert left.join_asof(right, on="t")["p"].to_list() == [1, 2]


@line("order of rows of a join")
def _() -> None:
    df = pt.from_pydict({"k": [3, 1, 2]})
    found = df.join(pt.from_pydict({"k": [1, 2, 3]}), on="k", maintain_order="left")
    assert found.to_pydict() == {"k": [3, 1, 2]}


@line("order of rows of a join", "pandas")
def _() -> None:
    found = pd.DataFrame({"k": [3, 1, 2]}).merge(pd.DataFrame({"k": [1, 2, 3]}), on="k")
    assert list(found["k"]) == [3, 1, 2]


@line("order of rows of a join", "Polars")
def _() -> None:
    right = POLARS.frame(k=[1, 2, 3])
    found = POLARS.frame(k=[3, 1, 2]).join(right, on="k", maintain_order="left")
    assert found["k"].to_list() == [3, 1, 2]


@line("keys of lists and structs")
def _() -> None:
    df = pt.from_pydict({"k": pa.array([[1], [1]])})
    for make in (lambda: df.unique(), lambda: df.group_by("k").len().collect()):
        with pytest.raises(errors.TypeMismatch):
            make()
    assert HERE.fails(lambda: col("k") == col("k"), k=[[1]])


@line("keys of lists and structs", "Polars")
def _() -> None:
    assert POLARS.frame(k=[[1], [1]]).group_by("k").len().rows() == [([1], 2)]


@line("keys of lists and structs", "DuckDB")
def _() -> None:
    assert rows("SELECT k, count(*) FROM t GROUP BY k", t={"k": [[1], [1]]}) == [([1], 2)]


test_cells, test_agreement = SECTION.tests()

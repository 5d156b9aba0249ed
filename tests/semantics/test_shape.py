"""Shape: the checks of their table."""

from __future__ import annotations

from typing import Any

import pandas as pd
import polars as pl
import pytest

import partita as pt
from partita import errors

from .page import HERE, NAN, POLARS, Section, col, rows, same

SECTION = Section("Shape")
line = SECTION.line

LISTS = {"k": [1, 2, 3], "v": [[7], None, []]}
MIXED = {"v": [None, [1], []], "w": [[], [2], None]}
WIDE = {"a": [1, 2], "b": [0.5, 1.5]}
LONG = {"i": [1, 2], "k": ["x", "y"], "v": [2, 3]}


@line("columns made side by side", "here", "Polars")
def _(e: Any) -> None:
    df = e.frame(a=[1])
    made = df.with_columns(a=e.col("a") + 1, b=e.col("a"))
    assert e.rows(made) == [{"a": 2, "b": 1}]
    if e is HERE:
        assert df.assign(a=lambda df: df.a + 1, b=lambda df: df.a).to_dicts() == [{"a": 2, "b": 2}]


@line("columns made side by side", "pandas")
def _() -> None:
    made = pd.DataFrame({"a": [1]}).assign(a=lambda df: df.a + 1, b=lambda df: df.a)
    assert made.values.tolist() == [[2, 2]]


@line("a name given twice", "here", "Polars")
def _(e: Any) -> None:
    with pytest.raises((errors.DuplicateColumn, pl.exceptions.DuplicateError)):
        e.frame(a=[1]).select(e.col("a"), e.col("a"))
    assert list(e.frame(a=[1], A=[2]).columns) == ["a", "A"]


@line("a name given twice", "pandas")
def _() -> None:
    assert list(pd.DataFrame({"a": [1]})[["a", "a"]].columns) == ["a", "a"]


@line("a name given twice", "DuckDB")
def _() -> None:
    import duckdb

    assert duckdb.sql("SELECT 1 AS a, 2 AS a").columns == ["a", "a"]
    assert duckdb.sql("SELECT A FROM (SELECT 1 AS a)").fetchall() == [(1,)]


@line("`explode` of a null and of an empty list", "here", "Polars")
def _(e: Any) -> None:
    found = e.rows(e.frame(**LISTS).explode("v"))
    assert found == [{"k": 1, "v": 7}, {"k": 2, "v": None}]
    other = e.frame(**LISTS).explode("v", keep_nulls=False, empty_as_null=True)
    assert e.rows(other) == [{"k": 1, "v": 7}, {"k": 3, "v": None}]


@line("`explode` of a null and of an empty list", "pandas")
def _() -> None:
    assert list(pd.DataFrame(LISTS).explode("v")["k"]) == [1, 2, 3]


@line("`explode` of a null and of an empty list", "DuckDB")
def _() -> None:
    assert rows("SELECT k, unnest(v) FROM t", t=LISTS) == [(1, 7)]


@line("`explode` of several columns")
def _() -> None:
    df = pt.from_pydict({"v": [[1, 2]], "w": [[3]]})
    with pytest.raises(errors.ComputeError, match="'v' has 2, 'w' has 1"):
        df.explode("v", "w").collect()
    with pytest.raises(errors.ComputeError, match="'v' is null, 'w' has 0"):
        pt.from_pydict(MIXED).explode("v", "w").collect()


@line("`explode` of several columns", "pandas")
def _() -> None:
    with pytest.raises(ValueError, match="matching element counts"):
        pd.DataFrame({"v": [[1, 2]], "w": [[3]]}).explode(["v", "w"])
    assert len(pd.DataFrame(MIXED).explode(["v", "w"])) == 3


@line("`explode` of several columns", "Polars")
def _() -> None:
    with pytest.raises(pl.exceptions.ShapeError):
        POLARS.frame(v=[[1, 2]], w=[[3]]).explode("v", "w")
    # The first row's null beside the second row's 2.
    found = POLARS.frame(k=[0, 1, 2], **MIXED).explode("v", "w").rows()
    assert found == [(0, None, 2), (1, 1, None)]


@line("`explode` of several columns", "DuckDB")
def _() -> None:
    found = rows("SELECT unnest(v), unnest(w) FROM t", t={"v": [[1, 2]], "w": [[3]]})
    assert found == [(1, 3), (2, None)]


@line("`unnest` of a null")
def _() -> None:
    df = pt.from_pydict({"s": [{"x": 1}, None], "x": [2, 3]})
    assert df.drop("x").unnest("s").to_pydict() == {"x": [1, None]}
    with pytest.raises(errors.DuplicateColumn):
        df.unnest("s")


@line("`unnest` of a null", "Polars")
def _() -> None:
    assert POLARS.frame(s=[{"x": 1}, None]).unnest("s")["x"].to_list() == [1, None]
    with pytest.raises(pl.exceptions.DuplicateError):
        POLARS.frame(s=[{"x": 1}, None], x=[2, 3]).unnest("s")


@line("`unnest` of a null", "DuckDB")
def _() -> None:
    assert rows("SELECT unnest(s) FROM t", t={"s": [{"x": 1}, None]}) == [(1,), (None,)]


@line("rows of `unpivot`", "here", "Polars")
def _(e: Any) -> None:
    found = e.rows(e.frame(**WIDE).unpivot())
    assert [row["variable"] for row in found] == ["a", "a", "b", "b"]
    assert [row["value"] for row in found] == [1.0, 2.0, 0.5, 1.5]
    assert len(e.rows(e.frame(a=[1, None]).unpivot())) == 2


@line("rows of `unpivot`", "pandas")
def _() -> None:
    found = pd.DataFrame(WIDE).melt()
    assert list(found["variable"]) == ["a", "a", "b", "b"]


@line("rows of `unpivot`", "DuckDB")
def _() -> None:
    assert rows("UNPIVOT t ON a, b", t=WIDE) == [("a", 1.0), ("b", 0.5), ("a", 2.0), ("b", 1.5)]
    assert rows("UNPIVOT t ON a", t={"a": [1, None]}) == [("a", 1)]


@line("`unpivot` of text and numbers")
def _() -> None:
    with pytest.raises(errors.TypeMismatch, match="cast first"):
        pt.from_pydict({"a": [1], "b": ["x"]}).unpivot()


@line("`unpivot` of text and numbers", "pandas")
def _() -> None:
    assert list(pd.DataFrame({"a": [1], "b": ["x"]}).melt()["value"]) == [1, "x"]


@line("`unpivot` of text and numbers", "Polars")
def _() -> None:
    assert POLARS.frame(a=[1], b=["x"]).unpivot()["value"].to_list() == ["1", "x"]


@line("`unpivot` of text and numbers", "DuckDB")
def _() -> None:
    import duckdb

    with pytest.raises(duckdb.BinderException, match="explicit cast"):
        rows("UNPIVOT t ON a, b", t={"a": [1], "b": ["x"]})


@line("columns of `pivot`")
def _() -> None:
    df = pt.from_pydict({"i": [1, 1], "k": ["x", "y"], "v": [2, 3]})
    with pytest.raises(errors.SchemaError, match="on_columns="):
        df.pivot("k", index="i", values="v", aggregate="sum")
    wide = df.pivot("k", ["y", "z"], index="i", values="v", aggregate="sum")
    assert wide.columns == ["i", "y", "z"]


@line("columns of `pivot`", "pandas")
def _() -> None:
    wide = pd.DataFrame(LONG).pivot_table(index="i", columns="k", values="v", aggfunc="sum")
    assert list(wide.columns) == ["x", "y"]


@line("columns of `pivot`", "Polars")
def _() -> None:
    df = POLARS.frame(**LONG)
    assert df.pivot("k", index="i", values="v", aggregate_function="sum").columns == ["i", "x", "y"]
    lazy = df.lazy().pivot("k", on_columns=["y"], index="i", values="v", aggregate_function="sum")
    assert lazy.collect().columns == ["i", "y"]


@line("columns of `pivot`", "DuckDB")
def _() -> None:
    assert len(rows("PIVOT t ON k USING sum(v) GROUP BY i", t=LONG)[0]) == 3


@line("an empty cell of `pivot`")
def _() -> None:
    df = pt.from_pydict({"i": [1], "k": ["x"], "v": [2]})

    def cell(aggregate: str) -> Any:
        return df.pivot("k", ["y"], index="i", values="v", aggregate=aggregate).to_pydict()["y"][0]

    assert [cell(each) for each in ("sum", "count", "len", "n_unique")] == [0, 0, 0, 0]
    assert [cell(each) for each in ("mean", "max", "first")] == [None, None, None]


@line("an empty cell of `pivot`", "pandas")
def _() -> None:
    wide = pd.DataFrame(LONG).pivot_table(index="i", columns="k", values="v", aggfunc="sum")
    assert same(wide["x"], [2.0, NAN])


@line("an empty cell of `pivot`", "Polars")
def _() -> None:
    wide = POLARS.frame(**LONG).pivot("k", index="i", values="v", aggregate_function="sum")
    assert wide["x"].to_list() == [2, 0]


@line("an empty cell of `pivot`", "DuckDB")
def _() -> None:
    found = rows("PIVOT t ON k USING sum(v) GROUP BY i ORDER BY i", t=LONG)
    assert found == [(1, 2, None), (2, None, 3)]


@line("`concat` of other types")
def _() -> None:
    one, other = pt.from_pydict({"a": [1]}), pt.from_pydict({"a": [1.5]})
    with pytest.raises(errors.SchemaError):
        pt.concat([one, other])
    relaxed = pt.concat([one, other], how="vertical_relaxed")
    assert relaxed.to_pydict() == {"a": [1.0, 1.5]}
    text = pt.from_pydict({"a": ["x"]})
    with pytest.raises(errors.SchemaError):
        pt.concat([one, text], how="vertical_relaxed")


@line("`concat` of other types", "pandas")
def _() -> None:
    one = pd.DataFrame({"a": [1]})
    assert list(pd.concat([one, pd.DataFrame({"a": [1.5]})])["a"]) == [1.0, 1.5]
    assert list(pd.concat([one, pd.DataFrame({"a": ["x"]})])["a"]) == [1, "x"]


@line("`concat` of other types", "Polars")
def _() -> None:
    one, text = POLARS.frame(a=[1]), POLARS.frame(a=["x"])
    with pytest.raises(pl.exceptions.SchemaError):
        pl.concat([one, POLARS.frame(a=[1.5])])
    assert pl.concat([one, text], how="vertical_relaxed")["a"].to_list() == ["1", "x"]


@line("`concat` of other types", "DuckDB")
def _() -> None:
    text = "SELECT a FROM l UNION ALL SELECT a FROM r"
    assert rows(text, l={"a": [1]}, r={"a": [1.5]}) == [(1.0,), (1.5,)]
    assert rows(text, l={"a": [1]}, r={"a": ["x"]}) == [("1",), ("x",)]


@line("`concat` of other columns")
def _() -> None:
    one, other = pt.from_pydict({"a": [1]}), pt.from_pydict({"a": [1.5], "b": ["x"]})
    with pytest.raises(errors.SchemaError):
        pt.concat([one, other])
    found = pt.concat([one, other], how="diagonal")
    assert found.to_pydict() == {"a": [1.0, 1.5], "b": [None, "x"]}


@line("`concat` of other columns", "pandas")
def _() -> None:
    found = pd.concat([pd.DataFrame({"a": [1]}), pd.DataFrame({"b": [2]})])
    assert list(found.columns) == ["a", "b"]


@line("`concat` of other columns", "Polars")
def _() -> None:
    one, other = POLARS.frame(a=[1]), POLARS.frame(a=[1.5], b=["x"])
    with pytest.raises(pl.exceptions.PolarsError):
        pl.concat([one, other])
    with pytest.raises(pl.exceptions.SchemaError):
        pl.concat([one, other], how="diagonal")
    assert pl.concat([one, other], how="diagonal_relaxed").rows() == [(1.0, None), (1.5, "x")]


@line("`concat` of other columns", "DuckDB")
def _() -> None:
    data: dict[str, Any] = {"l": {"a": [1]}, "r": {"b": [1.5]}}
    assert rows("SELECT * FROM l UNION ALL SELECT * FROM r", **data) == [(1.0,), (1.5,)]
    data["r"] = {"a": [1.5], "b": ["x"]}
    by_name = rows("SELECT * FROM l UNION ALL BY NAME SELECT * FROM r", **data)
    assert by_name == [(1.0, None), (1.5, "x")]


@line("frames side by side")
def _() -> None:
    one, other = pt.from_pydict({"a": [1, 2]}), pt.from_pydict({"b": [3]})
    with pytest.raises(errors.ComputeError):
        pt.concat([one, other], how="horizontal").collect()
    filled = pt.concat([one, other], how="horizontal_extend").to_pydict()
    assert filled == {"a": [1, 2], "b": [3, None]}


@line("frames side by side", "pandas")
def _() -> None:
    found = pd.concat([pd.DataFrame({"a": [1, 2]}), pd.DataFrame({"b": [3]})], axis=1)
    assert same(found["b"], [3.0, NAN])


@line("frames side by side", "Polars")
def _() -> None:
    with pytest.raises(pl.exceptions.ShapeError):
        pl.concat([POLARS.frame(a=[1, 2]), POLARS.frame(b=[3])], how="horizontal")


@line("frames side by side", "DuckDB")
def _() -> None:
    found = rows("SELECT * FROM l POSITIONAL JOIN r", l={"a": [1, 2]}, r={"b": [3]})
    assert found == [(1, 3), (2, None)]


@line("`sample` and `shuffle`")
def _() -> None:
    df = pt.from_pydict({"v": list(range(100))})
    for query in (df.sample(9, seed=1), df.sample(fraction=0.3, seed=1), df.shuffle(seed=1)):
        whole = query.to_pydict()
        with pt.config.set(partition_bytes=64):
            assert query.to_pydict() == whole


@line("size of a sample")
def _() -> None:
    df = pt.from_pydict({"v": list(range(1000))})
    assert [len(df.sample(n, seed=1)) for n in (7, 5000)] == [7, 1000]
    assert 250 < len(df.sample(fraction=0.3, seed=1)) < 350


@line("size of a sample", "pandas")
def _() -> None:
    df = pd.DataFrame({"v": range(1000)})
    assert len(df.sample(frac=0.3, random_state=1)) == 300
    with pytest.raises(ValueError, match="larger sample"):
        df.sample(5000, random_state=1)


@line("size of a sample", "Polars")
def _() -> None:
    df = POLARS.frame(v=list(range(1000)))
    assert len(df.sample(fraction=0.3, seed=1)) == 300
    with pytest.raises(pl.exceptions.ShapeError):
        df.sample(5000, seed=1)


@line("order of a sample")
def _() -> None:
    found = pt.from_pydict({"v": list(range(1000))}).sample(50, seed=1).to_pydict()["v"]
    assert found == sorted(found)


@line("order of a sample", "pandas")
def _() -> None:
    found = list(pd.DataFrame({"v": range(1000)}).sample(50, random_state=1)["v"])
    assert found != sorted(found)


@line("order of a sample", "Polars")
def _() -> None:
    found = POLARS.frame(v=list(range(1000))).sample(50, seed=1)["v"].to_list()
    assert found != sorted(found)


@line("columns by pattern")
def _() -> None:
    df = pt.from_pydict({"a1": [1], "a2": [2], "b": [3]})
    assert df.select(col("^a.$")).columns == ["a1", "a2"] == df.select("^a.$").columns
    assert df.select(pt.exclude("^a.$")).columns == ["b"] == df.drop("^a.$").columns


@line("columns by pattern", "Polars")
def _() -> None:
    df = POLARS.frame(a1=[1], a2=[2], b=[3])
    assert df.select(pl.col("^a.$")).columns == ["a1", "a2"]


test_cells, test_agreement = SECTION.tests()

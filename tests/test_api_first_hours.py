"""What users of pandas, Dask, Polars and Spark type first: it works as there, or is answered."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import partita as pt
from partita import col, errors

DATA = {"k": [1, 1, 2], "v": [1, 2, 3], "w": [1.0, 2.0, None], "s": ["x", "y", None]}


@pytest.fixture
def df() -> pt.DataFrame:
    return pt.from_pydict(DATA)


AS_IN_POLARS: dict[str, Callable[[Any, Any], Any]] = {
    "all in agg": lambda pl, f: f.group_by("k").agg(pl.all().first()),
    "a pattern in agg": lambda pl, f: f.group_by("k").agg(pl.col("^.*$").last()),
    "exclude in agg": lambda pl, f: f.group_by("k").agg(pl.exclude("s").max()),
    "all beside a computed key": lambda pl, f: f.group_by(pl.col("k") + 1).agg(pl.all().first()),
    "all beside a new key": lambda pl, f: f.group_by(n=pl.col("k") + 1).agg(
        pl.all().first().name.suffix("_first")
    ),
    "star": lambda pl, f: f.select("*", pl.lit(1).alias("one")),
    "head": lambda pl, f: f.select(pl.col("k")).head(),
    "sum_horizontal of all": lambda pl, f: f.select(pl.sum_horizontal(pl.exclude("s"))),
    "sum_horizontal computed": lambda pl, f: f.select(x=pl.sum_horizontal(pl.col("k", "v") * 2)),
    "sum_horizontal of a pattern": lambda pl, f: f.select(pl.sum_horizontal("^[kv]$")),
    "max_horizontal": lambda pl, f: f.select(pl.max_horizontal(pl.col("^[kvw]$"))),
    "coalesce": lambda pl, f: f.select(pl.coalesce(pl.col("w", "k"))),
    "concat_str": lambda pl, f: f.select(pl.concat_str(pl.all(), separator="-")),
    "concat_list": lambda pl, f: f.select(pl.concat_list(pl.col("k", "v"))),
    "struct of all": lambda pl, f: f.select(row=pl.struct(pl.all())),
    "struct of some": lambda pl, f: f.select(
        row=pl.struct(pl.exclude("s") * 2, pl.lit(1).alias("one"))
    ),
    "any_horizontal": lambda pl, f: f.filter(pl.any_horizontal(pl.col("k", "v") > 2)),
    "all_horizontal": lambda pl, f: f.filter(pl.all_horizontal(pl.all().is_not_null())),
    "horizontal in agg": lambda pl, f: f.group_by("k").agg(
        pl.sum_horizontal(pl.exclude("s")).sum().alias("x")
    ),
}


@pytest.mark.parametrize("name", AS_IN_POLARS)
def test_as_in_polars(df: pt.DataFrame, name: str) -> None:
    found = AS_IN_POLARS[name](pt, df).to_dicts()
    expected = AS_IN_POLARS[name](pl, pl.DataFrame(DATA).lazy()).collect().to_dicts()
    assert [list(row) for row in found] == [list(row) for row in expected]
    assert sorted(found, key=str) == sorted(expected, key=str)


def test_names_of_aggregates(df: pt.DataFrame) -> None:
    groups = df.groupby("k")
    found = groups[["v", "w"]].agg(["mean", "max"]).sort("k").compute()
    assert list(found) == ["k", "v_mean", "v_max", "w_mean", "w_max"]
    expected = pd.DataFrame(DATA).groupby("k")[["v", "w"]].agg(["mean", "max"]).reset_index()
    np.testing.assert_array_equal(found.to_numpy(), expected.to_numpy())
    assert groups.agg({"v": "avg"}).sort("k").to_pydict() == {"k": [1, 2], "v": [1.5, 3.0]}


NUMPY: dict[str, Callable[[Any], Any]] = {
    "log": lambda f: np.log(f["v"]),
    "sqrt": lambda f: np.sqrt(f["w"]),
    "absolute": lambda f: np.abs(-f["v"]),
    "negative": lambda f: np.negative(f["v"]),
    "isnan": lambda f: np.isnan(f["v"]),
    "maximum": lambda f: np.maximum(f["v"], f["k"]),
    "a scalar first": lambda f: np.float64(2) * f["v"] + np.int64(3) ** f["k"],
    "a scalar compared": lambda f: np.int64(2) <= f["v"],
}


@pytest.mark.parametrize("name", NUMPY)
def test_functions_of_numpy(df: pt.DataFrame, name: str) -> None:
    found = df.select(x=NUMPY[name](df)).to_pandas()["x"]
    expected = NUMPY[name](pd.DataFrame(DATA).assign(w=DATA["w"]))
    np.testing.assert_allclose(found.astype(float), np.asarray(expected, float))


def test_other_functions_of_numpy_are_answered(df: pt.DataFrame) -> None:
    for ask in (lambda: np.arctan2(df.v, df.k), lambda: np.add.reduce(df.v), lambda: np.exp2(df.v)):
        with pytest.raises(errors.InvalidExpression, match="takes='numpy'"):
            ask()
    with pytest.raises(errors.InvalidExpression, match=r"pt\.when"):
        np.where(df.v > 1, 1, 0)


TYPES: dict[Any, pa.DataType] = {
    np.float32: pa.float32(),
    np.dtype("int16"): pa.int16(),
    "Int64": pa.int64(),
    "bigint": pa.int64(),
    "integer": pa.int32(),
    "varchar": pa.string(),
    "datetime64[ns]": pa.timestamp("ns"),
    "decimal(10,2)": pa.decimal128(10, 2),
}


@pytest.mark.parametrize("given", TYPES, ids=str)
def test_types_as_others_call_them(df: pt.DataFrame, given: Any) -> None:
    assert df.select("k").astype({"k": given}).dtypes == [TYPES[given]]


@pytest.mark.parametrize("given", [object, "Int65", "decimal(99,2)", np.object_, "datetime64[y]"])
def test_what_is_no_type_is_said(df: pt.DataFrame, given: Any) -> None:
    with pytest.raises(errors.InvalidExpression, match="is no type"):
        df.astype({"k": given})


def test_nothing_at_all_is_null_whatever_else_is(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text('n,s\n1,NA\n,x\nNA,\n4,""\n')
    for given in ("NA", ["NA"], ["", "NA"]):
        found = pt.read_csv(path, null_values=given).to_pydict()
        assert found == {"n": [1, None, None, 4], "s": [None, "x", None, ""]}
    assert pl.read_csv(path, null_values="NA")["n"].to_list() == [1, None, None, 4]


def test_meta_says_what_a_function_returns(df: pt.DataFrame) -> None:
    def doubled(part: pd.DataFrame) -> pd.DataFrame:
        return pd.DataFrame({"x": part["v"] * 2})

    for meta in ({"x": "i8"}, [("x", "i8")], pd.DataFrame({"x": np.array([], "i8")})):
        assert df.map_partitions(doubled, meta=meta).to_pydict() == {"x": [2, 4, 6]}
        assert len(df.groupby("k").apply(doubled, meta=meta)) == 3


REFUSED: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "a condition for a key": ("on='k'", lambda d: d.join(d, d.k == d.k)),
    "conditions for keys": (".join_where(", lambda d: d.join(d, [(d.k == d.k) & (d.v > 1)])),
    "a condition for a key of an as-of join": ("on='k'", lambda d: d.join_asof(d, d.k >= d.k)),
    "left_outer": ("how='left'", lambda d: d.join(d, "k", "left_outer")),
    "leftanti": ("how='anti'", lambda d: d.join(d, "k", "leftanti")),
    "fullouter": ("how='full'", lambda d: d.join(d, "k", "fullouter")),
    "a mistyped join": ("Did you mean 'left'?", lambda d: d.join(d, "k", "lfet")),
    "an option of agg": ("no option 'split_out'", lambda d: d.group_by("k").agg(split_out=2)),
    "an aggregate's name alone": (
        "x=('v', 'sum')",
        lambda d: d.group_by("k").agg(x="sum"),
    ),
    "a column's name alone": ("pt.col('v').sum()", lambda d: d.group_by("k").agg("v")),
    "a function to agg": (".map_groups(", lambda d: d.group_by("k").agg(lambda g: g.sum())),
    "columns to sum": ("[['v', 'w']]", lambda d: d.group_by("k").sum("v")),
    "mode": (".agg('mode')", lambda d: d.group_by("k").mode),
    "several quantiles": (".describe(", lambda d: d.quantile([0.1, 0.9])),
    "a column to describe": (".select('a', 'b')", lambda d: d.describe("v")),
    "text to filter": (".query('v > 1')", lambda d: d.filter("v > 1")),
    "columns to filter": (".select(pt.col(", lambda d: d.filter(like="v")),
    "equal to None": (".is_null()", lambda d: d.filter(col("v") == None)),  # noqa: E711
    "not None": (".is_not_null()", lambda d: d.filter((d.v > 1) & (d.w != None))),  # noqa: E711
    "withColumn": ("with_columns(x=...)", lambda d: d.with_columns("x", pt.lit(1))),
    "withColumns": ("**{'a': ...}", lambda d: d.with_columns({"x": pt.lit(1)})),
    "a share to sample": ("fraction=0.1", lambda d: d.sample(0.1)),
    "values one by one": ("in one list", lambda d: d.filter(d.v.isin(1, 2))),
    "an item": (".list.get(index)", lambda d: d.v[0]),
    "a field": (
        ".unnest('row')",
        lambda d: d.select(row=pt.struct("k")).select("row.k"),
    ),
    "a field twice": ("'k' is there twice", lambda d: d.select(x=pt.struct(pt.all(), "k"))),
    "a pattern to write to": ("'sales.csv'", lambda d: d.to_csv("part-*.csv")),
    "a Grouper": (".dt.truncate('1d')", lambda d: d.groupby(pd.Grouper(key="k", freq="D"))),
    "a new column": ("df.with_columns(x=...)", lambda d: d.__setitem__("x", d.v)),
    "meta of a series": ("a mapping", lambda d: d.map_partitions(len, meta=("x", "i8"))),
    "a namespace's method": (".str.contains", lambda d: d.s.contains("x")),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused_says_what_to_write(df: pt.DataFrame, name: str) -> None:
    wanted, ask = REFUSED[name]
    with pytest.raises((errors.PartitaError, AttributeError)) as caught:
        ask(df)
    assert wanted in str(caught.value)
    assert len(str(caught.value)) < 600

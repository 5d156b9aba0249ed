"""The verbs of a frame give the rows they promise."""

from __future__ import annotations

import math
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest

import partita as pt
from partita import col

DATA: dict[str, list[Any]] = {
    "k": ["a", "b", "a", None],
    "v": [3, 1, 2, 4],
    "w": [0.5, None, float("nan"), -1.0],
}


@pytest.fixture
def df() -> pt.DataFrame:
    return pt.from_pydict(DATA)


def test_filter_takes_many_predicates_and_equalities(df: pt.DataFrame) -> None:
    assert df.filter(col("v") > 1, col("v") < 4, k="a").to_pydict()["v"] == [3, 2]
    assert df.filter([col("v") > 1, col("v") < 3]).to_pydict()["v"] == [2]
    assert df.filter() is df


def test_filter_takes_a_null_condition_for_false(df: pt.DataFrame) -> None:
    assert df.filter(col("k") == "a").to_pydict()["v"] == [3, 2]
    assert df.filter(col("k") != "a").to_pydict()["v"] == [1]


def test_select_and_with_columns_expand_several_columns(df: pt.DataFrame) -> None:
    numbers = df.select("v", "w")
    assert numbers.select(pt.all() * 2).to_pydict()["v"] == [6, 2, 4, 8]
    assert numbers.select(pt.exclude("w")).columns == ["v"]
    assert numbers.with_columns(col("v", "w").is_null()).to_pydict()["w"] == [0, 1, 0, 0]
    assert df.select(["k", "v"], x="w").columns == ["k", "v", "x"]


def test_with_columns_replaces_in_place_and_appends(df: pt.DataFrame) -> None:
    changed = df.with_columns(pt.lit(1).alias("one"), v=col("v") + 1)
    assert changed.columns == ["k", "v", "w", "one"]
    assert changed.to_pydict()["v"] == [4, 2, 3, 5]


def test_select_of_aggregates_is_one_row(df: pt.DataFrame) -> None:
    one = df.select(
        col("v").sum() + 1,
        n=pt.len(),
        ratio=col("v").sum() / pt.len(),
        again=col("v").sum(),
        constant=pt.lit("x"),
    )
    assert one.to_dicts() == [{"v": 11, "n": 4, "ratio": 2.5, "again": 10, "constant": "x"}]
    assert df.select(col("v", "w").max()).columns == ["v", "w"]
    assert df.filter(v=99).select(col("v").sum(), n=pt.len()).to_dicts() == [{"v": 0, "n": 0}]


def test_drop_rename_cast(df: pt.DataFrame) -> None:
    assert df.drop("v", "w").columns == ["k"]
    assert df.drop(["v"]).columns == ["k", "w"]
    assert df.drop("v", "nowhere", strict=False).columns == ["k", "w"]
    assert df.rename({"v": "w", "w": "v"}).columns == ["k", "w", "v"]
    assert df.rename(str.upper).columns == ["K", "V", "W"]
    assert df.cast({"v": "int8", "w": pa.float32()}).dtypes == [
        pa.string(),
        pa.int8(),
        pa.float32(),
    ]
    assert df.select("v", "w").cast(float).dtypes == [pa.float64(), pa.float64()]
    loose = pt.from_pydict({"t": ["1", "x"]}).cast({"t": int}, strict=False)
    assert loose.to_pydict() == {"t": [1, None]}


def test_sort_is_stable_and_places_nulls(df: pt.DataFrame) -> None:
    assert df.sort("k").to_pydict()["k"] == [None, "a", "a", "b"]
    assert df.sort("k").to_pydict()["v"] == [4, 3, 2, 1]
    assert df.sort("k", "v", descending=[True, False], nulls_last=True).to_pydict()["v"] == [
        1,
        2,
        3,
        4,
    ]
    assert df.sort(-col("v")).to_pydict()["v"] == [4, 3, 2, 1]
    greatest = df.sort("w", descending=True, nulls_last=True).to_pydict()["w"]
    assert math.isnan(greatest[0])
    assert greatest[1:] == [0.5, -1.0, None]


def test_top_k_and_bottom_k(df: pt.DataFrame) -> None:
    assert df.top_k(2, by="v").to_pydict()["v"] == [4, 3]
    assert df.bottom_k(2, by="v").to_pydict()["v"] == [1, 2]
    assert df.top_k(9, by=["k", "v"]).to_pydict()["k"] == ["b", "a", "a", None]


def test_parts(df: pt.DataFrame) -> None:
    assert df.head(2).to_pydict()["v"] == [3, 1]
    assert df.limit(1).to_pydict()["v"] == [3]
    assert df.tail(2).to_pydict()["v"] == [2, 4]
    assert df.tail(0).to_pydict()["v"] == []
    assert df.slice(1, 2).to_pydict()["v"] == [1, 2]
    assert df.slice(-3, 1).to_pydict()["v"] == [1]
    assert df.slice(2).to_pydict()["v"] == [2, 4]


def test_unique_keeps_what_is_asked_for() -> None:
    df = pt.from_pydict({"k": [1, 2, 1, None, None], "v": [1, 2, 3, 4, 5]})
    kept = {
        keep: df.unique("k", keep=keep, maintain_order=True).to_pydict()["v"]
        for keep in ("first", "last", "none")
    }
    assert kept == {"first": [1, 2, 4], "last": [2, 3, 5], "none": [2]}
    assert len(df.unique()) == 5
    assert sorted(df.select("k").unique().to_pydict()["k"], key=str) == [1, 2, None]


def test_nulls(df: pt.DataFrame) -> None:
    assert df.drop_nulls().to_pydict()["v"] == [3, 2]
    assert df.drop_nulls("k").to_pydict()["v"] == [3, 1, 2]
    assert df.fill_null(0).to_pydict()["k"] == ["a", "b", "a", None]
    assert df.fill_null(0).to_pydict()["w"][1] == 0.0
    assert df.fill_null("z").to_pydict()["k"][3] == "z"
    assert df.fill_null({"k": "z", "w": 7}).to_pydict()["w"][1] == 7.0
    halves = pt.from_pydict({"a": [1, None]}).fill_null(0.5)
    assert halves.to_pydict() == {"a": [1.0, 0.5]}


def test_a_thousand_columns() -> None:
    wide = pt.from_pydict({f"c{number}": [number, None, 1] for number in range(1000)})
    assert len(wide.drop_nulls()) == 2
    assert wide.fill_null(0).to_pydict()["c999"] == [999, 0, 1]


def test_counts_of_each_column(df: pt.DataFrame) -> None:
    assert df.count().to_dicts() == [{"k": 3, "v": 4, "w": 3}]
    assert df.null_count().to_dicts() == [{"k": 1, "v": 0, "w": 1}]
    assert df.n_unique().to_dicts() == [{"k": 3, "v": 4, "w": 4}]


def test_group_by_combines_aggregates_and_keys(df: pt.DataFrame) -> None:
    grouped = df.group_by(key=col("k").fill_null("none")).agg(
        col("v").sum(),
        spread=col("v").max() - col("v").min(),
        labelled=pt.concat_str(col("k").fill_null("none"), pt.lit("!")),
        n=pt.len(),
    )
    assert grouped.columns == ["key", "v", "spread", "labelled", "n"]
    assert grouped.sort("key").to_dicts() == [
        {"key": "a", "v": 5, "spread": 1, "labelled": "a!", "n": 2},
        {"key": "b", "v": 1, "spread": 0, "labelled": "b!", "n": 1},
        {"key": "none", "v": 4, "spread": 0, "labelled": "none!", "n": 1},
    ]


def test_group_by_shorthands(df: pt.DataFrame) -> None:
    groups = df.select("k", "v").group_by("k")
    found = {
        name: getattr(groups, name)().sort("k", nulls_last=True).to_pydict()["v"]
        for name in ("sum", "min", "max", "count", "first", "last", "n_unique", "mean")
    }
    assert found == {
        "sum": [5, 1, 4],
        "min": [2, 1, 4],
        "max": [3, 1, 4],
        "count": [2, 1, 1],
        "first": [3, 1, 4],
        "last": [2, 1, 4],
        "n_unique": [2, 1, 1],
        "mean": [2.5, 1.0, 4.0],
    }
    assert groups.len("n").sort("n").to_pydict()["n"] == [1, 1, 2]
    assert df.group_by("k", maintain_order=True).len().to_pydict()["k"] == ["a", "b", None]


def test_one_aggregate_is_computed_once(df: pt.DataFrame) -> None:
    plan = df.group_by("k").agg(a=col("v").sum(), b=col("v").sum() / pt.len(), n=pt.len()).plan
    aggregate = plan.inputs[0]
    assert len(aggregate.schema.names) == 3
    assert plan.schema.names == ["k", "a", "b", "n"]


def test_joins(df: pt.DataFrame) -> None:
    other = pt.from_pydict({"k": ["a", "c"], "v": [10, 20], "town": ["Ulm", "Bonn"]})
    inner = df.join(other, on="k").sort("v")
    assert inner.columns == ["k", "v", "w", "v_right", "town"]
    assert inner.to_pydict()["v_right"] == [10, 10]
    assert df.join(other, "k", "left").sort("v").to_pydict()["town"] == [None, "Ulm", "Ulm", None]
    assert df.join(other, on="k", how="semi").sort("v").to_pydict()["v"] == [2, 3]
    assert df.join(other, on="k", how="anti").sort("v").to_pydict()["v"] == [1, 4]
    computed = df.join(other, left_on=col("v") * 10, right_on="v", suffix="_other")
    assert computed.columns == ["k", "v", "w", "k_other", "v_other", "town"]
    assert computed.sort("v").to_pydict()["town"] == ["Ulm", "Bonn"]


def test_concat() -> None:
    a, b = pt.from_pydict({"x": [1], "y": ["p"]}), pt.from_pydict({"x": [2], "y": ["q"]})
    assert pt.concat([a, b, a]).to_pydict() == {"x": [1, 2, 1], "y": ["p", "q", "p"]}
    assert pt.concat([a]) is a
    wide = pt.concat([a, pt.from_pydict({"z": [True], "x": [0.5]})], how="diagonal")
    assert wide.to_pydict() == {"x": [1.0, 0.5], "y": ["p", None], "z": [None, True]}


@pytest.mark.parametrize("executor", ["serial", "process"])
def test_map_batches_finds_out_the_schema(df: pt.DataFrame, executor: str) -> None:
    def doubled(batch: pa.RecordBatch) -> pa.RecordBatch:
        return batch.append_column("twice", pc.multiply(batch["v"], 2))

    with pt.config.set(executor=executor, workers=1):
        mapped = df.map_batches(doubled)
        assert mapped.columns == ["k", "v", "w", "twice"]
        assert mapped.to_pydict()["twice"] == [6, 2, 4, 8]
        by_pandas = df.map_batches(lambda d: d[["k"]].assign(n=d["v"] + 0.5), takes="pandas")
        assert by_pandas.dtypes == [pa.string(), pa.float64()]
        assert by_pandas.to_pydict()["n"] == [3.5, 1.5, 2.5, 4.5]
        declared = df.map_batches(lambda b: {"n": b["v"].to_pylist()}, schema={"n": "int16"})
        assert declared.dtypes == [pa.int16()]
        assert declared.to_pydict()["n"] == [3, 1, 2, 4]


def test_every_node_remembers_the_line_of_the_user(df: pt.DataFrame) -> None:
    frames = [
        df.filter(col("v") > 1),
        df.query("v > 1"),
        df[df.v > 1],
        df.head(1),
        df.tail(1),
        df.top_k(1, by="v"),
        df.nlargest(1, "v"),
        df.sort_values("v"),
        df.drop_duplicates(),
        df.fillna(0),
        df.assign(x=1),
        df.group_by("k").len(),
        df.groupby("k").agg({"v": "sum"}),
        df.select(col("v").sum() + 1),
        df.merge(df, on="k"),
        df.count(),
        pt.concat([df, df]),
        pt.DataFrame(DATA),
        pt.from_pydict(DATA),
    ]
    for frame in frames:
        assert frame.plan.site is not None
        assert frame.plan.site.file == __file__


def test_frames_never_change_and_are_themselves_alone(df: pt.DataFrame) -> None:
    before = df.plan
    df.filter(col("v") > 1).sort("v").with_columns(x=1)
    assert df.plan is before
    assert len({df, df, pt.from_pydict(DATA)}) == 2
    assert ("v" in df, "nowhere" in df) == (True, False)

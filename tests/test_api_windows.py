"""Windows where users write them: in every verb, in groups as pandas has them, in explain."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import partita as pt
from partita import col
from partita.engine.plan.windows import WindowColumns

from .same_rows import difference, same_bits

ROWS = 60


@pytest.fixture(scope="module")
def table() -> pa.Table:
    random = np.random.default_rng(11)
    return pa.table(
        {
            "k": pa.array([None if v == 3 else "xyz"[v] for v in random.integers(0, 4, ROWS)]),
            "v": pa.array(random.integers(-9, 10, ROWS), mask=random.random(ROWS) < 0.2),
            "w": pa.array(random.normal(size=ROWS).round(2)),
            "t": pa.array(random.permutation(ROWS)),
            "u": pa.array(random.integers(0, 2, ROWS)),
        }
    )


@pytest.fixture(params=[1, 3], ids=["one partition", "three partitions"])
def df(table: pa.Table, request: pytest.FixtureRequest) -> Iterator[pt.DataFrame]:
    size = ROWS // request.param
    parts = [table.slice(start, size) for start in range(0, ROWS, size)]
    with pt.config.set(executor="serial", exchange_bytes=600, chunk_bytes=400):
        yield pt.concat([pt.from_arrow(part) for part in parts])


POSITIONS: dict[str, Callable[[Any, Any], Any]] = {
    "filter by an aggregate": lambda d, p: d.filter(p.col("v") > p.col("v").mean()),
    "filter by a rank": lambda d, p: d.filter(
        p.col("w").rank("ordinal", descending=True).over("k") <= 2
    ),
    "filter by both": lambda d, p: d.filter(
        (p.col("w") > p.col("w").mean().over("k")) & (p.col("v") < p.col("v").max())
    ),
    "filter by a neighbour": lambda d, p: d.filter(p.col("v") > p.col("v").shift(1)),
    "sort by a window": lambda d, p: d.sort(p.col("w").sum().over("k"), "t"),
    "sort by a rank": lambda d, p: d.sort(p.col("w").rank("ordinal"), descending=True),
    "select beside": lambda d, p: d.select("k", (p.col("v") - p.col("v").min()).alias("up")),
    "select one row": lambda d, p: d.select(p.col("v").diff().abs().max()),
    "select of two": lambda d, p: d.select(p.col("v").max() - p.col("w").shift(2)),
    "replace a column": lambda d, p: d.with_columns(p.col("v").cum_sum(), x=p.col("v") * 2),
    "all columns": lambda d, p: d.select(p.all().shift(-3)),
    "windows over windows": lambda d, p: d.select(
        "t", x=p.col("v").cum_sum().over("k").rank("dense")
    ),
    "an aggregate of a window": lambda d, p: d.select(
        x=(p.col("w") - p.col("w").shift(1).over("k")).abs().max()
    ),
    "an aggregate of chosen rows": lambda d, p: d.select(
        x=p.col("w").filter(p.col("v") > p.col("v").mean()).sum()
    ),
    "the median of chosen rows over keys": lambda d, p: d.select(
        x=p.col("w").filter(p.col("v") > 0).median().over("k")
    ),
    "grouped, of chosen rows": lambda d, p: (
        d.group_by("k").agg(p.col("w").filter(p.col("w") > p.col("w").mean()).count()).sort("k")
    ),
    "first in an order": lambda d, p: d.select("t", x=p.col("v").first().over(order_by="w")),
    "grouped, of a window": lambda d, p: (
        d.group_by("k").agg(x=p.col("v").diff().max(), y=p.col("w").sum()).sort("k")
    ),
    "grouped, of the distance": lambda d, p: (
        d.group_by("k").agg(x=(p.col("w") - p.col("w").mean()).abs().sum()).sort("k")
    ),
    "grouped by a window": lambda d, p: (
        d.group_by(
            (p.col("w").rank("ordinal") % 3).cast(p.Int64 if p is pl else "int64").alias("g")
        )
        .agg(p.col("w").sum())
        .sort("g")
    ),
    "over expressions": lambda d, p: d.select(x=p.col("w").sum().over(p.col("t") % 3, "k")),
    "over part of it": lambda d, p: d.select(x=(p.col("w").sum() / p.col("t").sum()).over("k")),
    "over two orders": lambda d, p: d.select(
        a=p.col("w").cum_sum().over("k", order_by="t"),
        b=p.col("w").cum_sum().over("k", order_by="t", descending=True),
        c=p.col("w").first().over("k", order_by=["v", "t"], nulls_last=True),
    ),
    "when": lambda d, p: d.select(
        x=p.when(p.col("v") > p.col("v").mean().over("k")).then(p.col("w")).otherwise(0.0)
    ),
    "below a slice": lambda d, p: d.with_columns(x=p.col("v").cum_count()).slice(5, 9),
    "above a slice": lambda d, p: d.slice(5, 9).with_columns(x=p.col("v").forward_fill()),
    "above a filter": lambda d, p: d.filter(p.col("w") > 0).select(x=p.col("t").shift(1)),
    "below a filter": lambda d, p: d.with_columns(x=p.col("t").shift(1).over("k")).filter(
        p.col("k") == "x"
    ),
    "numbered": lambda d, p: d.with_row_index("n", 5).select("n", "t"),
    "frame shift": lambda d, p: d.select("t", "w").shift(2),
    "frame fill": lambda d, p: d.fill_null(strategy="forward", limit=1),
    "a join of itself": lambda d, p: (
        d.with_columns(x=p.col("w").max().over("k"))
        .join(d.select("t", y=p.col("w").rank()), on="t")
        .sort("t")
        .select("t", "x", "y")
    ),
}


@pytest.mark.parametrize("query", POSITIONS.values(), ids=POSITIONS)
@pytest.mark.parametrize("optimize", [True, False], ids=["optimized", "as written"])
def test_windows_stand_anywhere_as_in_polars(
    df: pt.DataFrame, table: pa.Table, query: Callable[[Any, Any], Any], optimize: bool
) -> None:
    frame = pl.from_arrow(table)
    assert isinstance(frame, pl.DataFrame)
    wanted = query(frame, pl).to_arrow()
    with pt.config.set(optimize=optimize):
        found = query(df, pt).collect().to_arrow()
    assert found.num_rows == wanted.num_rows
    wanted = wanted.cast(found.schema)
    names = found.schema.names
    assert difference(found, wanted, ordered=True, rough=names, signed_zeros=False) is None


SQL = {
    "sum(w) OVER (PARTITION BY k)": col("w").sum().over("k"),
    "rank() OVER (PARTITION BY k ORDER BY w)": col("w").rank("min").over("k"),
    "dense_rank() OVER (PARTITION BY k ORDER BY w DESC)": (
        col("w").rank("dense", descending=True).over("k")
    ),
    "row_number() OVER (PARTITION BY k ORDER BY t)": pt.row_index().over("k", order_by="t") + 1,
    "lag(v, 2) OVER (PARTITION BY k ORDER BY t)": col("v").shift(2).over("k", order_by="t"),
    "lead(v) OVER (ORDER BY t)": col("v").shift(-1).over(order_by="t"),
    "sum(w) OVER (PARTITION BY k ORDER BY t ROWS UNBOUNDED PRECEDING)": (
        col("w").cum_sum().over("k", order_by="t")
    ),
    "avg(w) OVER (ORDER BY t ROWS 4 PRECEDING)": (
        col("w").rolling_mean(5, min_samples=1).over(order_by="t")
    ),
    "median(w) OVER (PARTITION BY k ORDER BY t ROWS 2 PRECEDING)": (
        col("w").rolling_median(3, min_samples=1).over("k", order_by="t")
    ),
    "first_value(w) OVER (PARTITION BY k ORDER BY t)": col("w").first().over("k", order_by="t"),
    "last_value(v IGNORE NULLS) OVER (ORDER BY t ROWS UNBOUNDED PRECEDING)": (
        col("v").forward_fill().over(order_by="t")
    ),
    "count(v) OVER (PARTITION BY k ORDER BY t ROWS UNBOUNDED PRECEDING)": (
        col("v").cum_count().over("k", order_by="t")
    ),
    "w - avg(w) OVER ()": col("w") - col("w").mean(),
}


@pytest.mark.parametrize("text", SQL)
def test_windows_are_those_of_sql(df: pt.DataFrame, table: pa.Table, text: str) -> None:
    found = df.select("t", x=SQL[text]).collect().to_arrow()
    assert found.column("t").to_pylist() == table.column("t").to_pylist()
    with duckdb.connect() as connection:
        connection.register("rows", table)
        wanted = connection.sql(f"SELECT t, {text} AS x FROM rows").to_arrow_table()
    expected = wanted.cast(found.schema)
    assert difference(found, expected, ordered=False, rough=["x"], signed_zeros=False) is None


PANDAS: dict[str, Callable[[Any], Any]] = {
    "transform": lambda groups: groups.transform("sum"),
    "transform count": lambda groups: groups.transform("count"),
    "transform nunique": lambda groups: groups.transform("first"),
    "cumsum": lambda groups: groups.cumsum(),
    "cumprod": lambda groups: groups.cumprod(),
    "cummin": lambda groups: groups.cummin(),
    "cummax": lambda groups: groups.cummax(),
    "shift": lambda groups: groups.shift(1),
    "shift back": lambda groups: groups.shift(-2, fill_value=0),
    "diff": lambda groups: groups.diff(),
    "rank": lambda groups: groups.rank(),
    "rank first": lambda groups: groups.rank(method="first", ascending=False),
    "ffill": lambda groups: groups.ffill(),
    "bfill": lambda groups: groups.bfill(limit=1),
    "pct_change": lambda groups: groups.pct_change(),
}


@pytest.mark.parametrize("function", PANDAS.values(), ids=PANDAS)
def test_functions_of_groups_are_those_of_pandas(
    df: pt.DataFrame, table: pa.Table, function: Callable[[Any], Any]
) -> None:
    frame = table.to_pandas()
    groups = frame.groupby("k", dropna=False)
    wanted = [None if pd.isna(v) else float(v) for v in function(groups["w"])]
    added = df.assign(x=function(df.groupby("k")["w"])).to_pydict()
    assert added["x"] == pytest.approx(wanted)
    assert added["t"] == table.column("t").to_pylist()
    several = function(df.groupby("k")[["w", "u"]])
    assert several.columns == ["w", "u"]
    assert several.to_pydict()["w"] == pytest.approx(wanted)


def test_rows_are_numbered_and_chosen_by_group(df: pt.DataFrame, table: pa.Table) -> None:
    groups = table.to_pandas().groupby("k", dropna=False)
    assert df.assign(n=df.groupby("k").cumcount()).to_pydict()["n"] == groups.cumcount().to_list()
    kept = df.filter(df.groupby("k").w.transform("max") == col("w"))
    assert sorted(kept.to_pydict()["w"]) == sorted(groups["w"].max())


def test_the_plan_says_what_windows_are_over_and_what_gathers() -> None:
    df = pt.from_pydict({"k": [1], "v": [2], "t": [3]})
    made = df.with_columns(
        x=col("v").cum_sum().over("k", order_by="t", descending=True), y=col("v").sum().over("k")
    )
    shown = made.explain(optimized=False)
    assert "WINDOW x = v.cum_sum() over k order by t desc" in shown
    assert "WINDOW y = sum(v) over k" in shown
    assert "gathers" not in shown
    assert "gathers: all rows" in df.select(col("v").ewm_mean(span=2)).explain()
    assert "gathers" not in df.select(col("v").rank(), u=col("v").is_unique()).explain()


def test_functions_over_the_same_rows_share_a_node() -> None:
    df = pt.from_pydict({"k": [1], "v": [2]})
    made = df.select(
        *(col("v").sum().over("k").alias("a"), col("v").shift(1).over("k").alias("b")),
        c=col("v").sum().over("k") * 2,
    )
    (node,) = [each for each in made.plan.walk() if isinstance(each, WindowColumns)]
    assert [name for name, _ in node.functions] == ["a", "b"]


def test_what_nobody_needs_is_not_computed() -> None:
    df = pt.from_pydict({"k": [1, 2], "v": [2, 3], "w": [1, 1]})
    made = df.with_columns(x=col("v").sum().over("k"), y=col("w").sum().over("k"))
    plan = made.select("x").explain()
    run = plan[plan.index("Plan as run") :]
    assert "sum(w)" not in run
    assert "columns: 2 of 3 [k, v]" in run
    run = made.select("v").explain()
    assert "WINDOW" not in run[run.index("Plan as run") :]


def test_a_condition_on_the_keys_goes_below(tmp_path: Path) -> None:
    pq.write_table(pa.table({"k": [1, 2], "v": [2, 3]}), tmp_path / "a.parquet")
    df = pt.scan_parquet(tmp_path / "a.parquet").with_columns(x=col("v").sum().over("k"))
    assert "where: k > 1" in df.filter(col("k") > 1).explain()
    assert "where" not in df.filter(col("v") > 1).explain()
    assert df.filter(col("k") > 1).to_pydict() == {"k": [2], "v": [3], "x": [3]}


def test_names_that_are_taken_are_not_used() -> None:
    df = pt.from_pydict({"_sum_0": [1, 2], "v": [1, 2]})
    assert df.select("_sum_0", x=col("v") * col("v").sum().over("v")).to_dicts() == [
        {"_sum_0": 1, "x": 1},
        {"_sum_0": 2, "x": 4},
    ]
    swapped = df.select(_sum_0=col("v").cum_sum(), v=col("_sum_0").cum_sum())
    assert swapped.to_pydict() == {"_sum_0": [1, 3], "v": [1, 3]}


def test_text_in_dictionaries_is_text() -> None:
    values = pa.array(["b", None, "a", "unused"])
    codes = pa.array([0, 1, 2, None, 0], pa.int32())
    rows = pa.table({"s": pa.DictionaryArray.from_arrays(codes, values), "k": [1, 1, 2, 2, 1]})
    plain = pa.table({"s": ["b", None, "a", None, "b"], "k": [1, 1, 2, 2, 1]})
    columns = {
        "a": col("s").forward_fill(),
        "b": col("s").rank("dense"),
        "c": col("s").cum_max(),
        "d": col("s").cum_count().over("k"),
        "e": col("s").is_duplicated(),
        "f": col("s").shift(1, fill_value="none").over("k"),
        "g": col("s").rolling_min(2, min_samples=1),
        "h": col("s").max().over("k"),
    }
    found = pt.from_arrow(rows).select(**columns).to_pydict()
    assert found == pt.from_arrow(plain).select(**columns).to_pydict()


def test_frames_without_rows_and_groups_of_one() -> None:
    empty = pt.from_arrow(pa.table({"k": pa.array([], pa.string()), "v": pa.array([], pa.int64())}))
    asked = empty.with_columns(
        a=col("v").sum().over("k"), b=col("v").cum_sum(), c=col("v").rank(), d=col("v").mean()
    )
    assert asked.to_pydict() == {name: [] for name in "kvabcd"}
    days = [datetime.date(2024, 1, day) for day in (3, 1)]
    one = pt.from_pydict({"d": days}).select(col("d").diff(), r=col("d").rank("min"))
    assert one.to_pydict() == {"d": [None, datetime.timedelta(days=-2)], "r": [2, 1]}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("windows")
    random = np.random.default_rng(5)
    for number in range(7):
        size = 3000
        rows = {
            "big": random.integers(0, 2, size),
            "tiny": random.integers(0, 8000, size),
            "x": pa.array(random.normal(size=size) * 10 ** random.integers(0, 9, size)),
            "n": pa.array(random.integers(0, 99, size), mask=random.random(size) < 0.6),
            "s": pa.array([f"text {v}" for v in random.integers(0, 40, size)]),
        }
        pq.write_table(pa.table(rows), root / f"{number}.parquet")
    return root


LARGE = [
    *(col("x").cum_sum(), col("x").rolling_sum(100), col("n").forward_fill(), col("n").shift(4000)),
    *(col("x").rank(), col("s").rank("dense"), col("s").is_first_distinct(), col("n").cum_max()),
    *(col("x").cum_sum().over("big"), col("x").diff().over("tiny"), col("s").max().over("tiny")),
    *(col("x").rolling_var(50).over("big", order_by="x"), col("n").backward_fill().over("tiny")),
    *(
        col("x").cum_sum().over(order_by="n"),
        col("n").n_unique().over("s"),
        col("x") - col("x").mean(),
    ),
    *(
        col("x").rolling_median(9).over("s"),
        col("s").shift(1, fill_value="none"),
        col("n").rle_id(),
    ),
]


def test_the_answer_is_the_same_to_the_bit_in_processes(files: Path) -> None:
    columns = {f"c{number}": expr for number, expr in enumerate(LARGE)}

    def run(executor: str, **settings: Any) -> pa.Table:
        with pt.config.set(
            executor=executor, exchange_bytes="64KiB", chunk_bytes="32KiB", **settings
        ):
            return pt.scan_parquet(files).select("x", **columns).collect().to_arrow()

    serial = run("serial")
    assert same_bits(run("process", workers=2, small_query_bytes=0), serial)
    whole = pl.read_parquet(files / "*.parquet")
    assert serial.column("x").to_pylist() == whole["x"].to_list()
    checks = {
        "c1": pl.col("x").rolling_sum(100),
        "c2": pl.col("n").forward_fill(),
        "c3": pl.col("n").shift(4000),
        "c4": pl.col("x").rank(),
        "c5": pl.col("s").rank("dense"),
        "c8": pl.col("x").cum_sum().over("big"),
        "c9": pl.col("x").diff().over("tiny"),
        "c13": pl.col("x").cum_sum().over(order_by="n"),
        "c16": pl.col("x").rolling_median(9).over("s"),
        "c18": pl.col("n").rle_id(),
    }
    wanted = whole.select(**checks).to_arrow()
    found = serial.select(list(checks))
    assert difference(found, wanted.cast(found.schema), ordered=True, rough=list(checks)) is None


@pytest.mark.parametrize("zeros", [[0.0, -0.0], [-0.0, 0.0]])
def test_an_extreme_of_two_zeros_is_the_positive_one_in_any_order(zeros: list[float]) -> None:
    extremes = [
        *(col("v").cum_min(), col("v").cum_max(), col("v").min(), col("v").max()),
        *(col("v").rolling_min(2, min_samples=1), col("v").rolling_max(2, min_samples=1)),
    ]
    for extreme in extremes:
        found = pt.from_pydict({"v": zeros}).select(v=extreme).to_pydict()["v"]
        assert [str(value) for value in found] == ["0.0"] * len(found)

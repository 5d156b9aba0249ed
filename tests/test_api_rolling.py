"""Aggregates over the stretch of time around each row, against Polars on the same rows."""

from __future__ import annotations

import datetime as dt
import itertools
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import partita as pt
from partita import col, errors

from .same_rows import difference

RNG = np.random.default_rng(7)
ROWS = 300

MANY_PARTITIONS = {
    "partition_bytes": 400,
    "exchange_bytes": 1500,
    "small_query_bytes": 0,
    "batch_rows": 16,
}


def table_of(rows: int = ROWS) -> pa.Table:
    """Rows in no order of time, with ties, groups of very different sizes and nulls."""
    days = RNG.integers(0, 120, rows)
    return pa.table(
        {
            "i": pa.array(days, pa.int64()),
            "day": pa.array(days.astype("i4") + 19_000, pa.date32()),
            "at": pa.array(
                1_700_000_000_000_000 + RNG.integers(0, 30 * 86_400, rows) * 1_000_000,
                pa.timestamp("us"),
            ),
            "zoned": pa.array(
                1_711_000_000_000 + RNG.integers(0, 30 * 86_400, rows) * 1000,
                pa.timestamp("ms", "Europe/Paris"),
            ),
            "k": pa.array(np.where(RNG.random(rows) < 0.6, 0, RNG.integers(0, 9, rows))),
            "v": pa.array(RNG.integers(-50, 50, rows), mask=RNG.random(rows) < 0.2),
            "x": pa.array(RNG.integers(-50, 50, rows) / 4),
            "s": pa.array(RNG.choice(["a", "b", "cc"], rows), mask=RNG.random(rows) < 0.1),
        }
    )


TABLE = table_of()
WINDOWS: dict[str, list[dict[str, Any]]] = {
    "i": [{"period": 5}, {"period": 3, "offset": 0}, {"period": 4, "offset": -10}],
    "day": [{"period": "7d"}, {"period": "1mo"}, {"period": "2w", "offset": "-1w"}],
    "at": [{"period": "36h"}, {"period": "90m", "offset": "1h"}, {"period": "3d"}],
    "zoned": [{"period": "2d"}, {"period": "12h"}],
}
CASES = [
    (on, window, closed)
    for on, windows in WINDOWS.items()
    for window, closed in itertools.product(windows, ("left", "right", "both", "none"))
]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("rolling")
    for number in range(7):
        part = TABLE.slice(number * 43, 43 if number < 6 else None)
        pq.write_table(part, folder / f"{number}.parquet", row_group_size=20)
    return folder


def aggregates(module: Any) -> list[Any]:
    column = module.col
    return [
        module.len().alias("rows"),
        column("v").sum().alias("sum"),
        column("x").mean().alias("mean"),
        column("v").min().alias("least"),
        column("s").n_unique().alias("texts"),
        (column("v").max() - column("v").min()).alias("span"),
    ]


def of_polars(on: str, window: dict[str, Any], closed: str, keys: list[str]) -> pa.Table:
    given = {
        name: f"{value}i" if isinstance(value, int) else value for name, value in window.items()
    }
    rolled = pl.from_arrow(TABLE).sort(on).rolling(on, **given, closed=closed, group_by=keys)
    return rolled.agg(*aggregates(pl)).to_arrow()


def same(found: pa.Table, expected: pa.Table, *, ordered: bool) -> str | None:
    return difference(
        found, expected.select(found.column_names).cast(found.schema), ordered=ordered
    )


@pytest.mark.parametrize(("on", "window", "closed"), CASES)
def test_it_is_as_in_polars(files: Path, on: str, window: dict[str, Any], closed: str) -> None:
    frame = pt.scan_parquet(files)
    one = frame.rolling(on, **window, closed=closed).agg(*aggregates(pt)).collect().to_arrow()
    expected = of_polars(on, window, closed, [])
    assert same(one, expected, ordered=True) is None
    with pt.config.set(executor="serial", **MANY_PARTITIONS):
        many = frame.rolling(on, **window, closed=closed).agg(*aggregates(pt)).collect()
        grouped = frame.rolling(on, **window, closed=closed, group_by="k").agg(*aggregates(pt))
        by_key = grouped.collect()
    assert same(many.to_arrow(), expected, ordered=True) is None
    assert [stage.tasks > 10 for stage in many.profile.stages] == [True, True]
    assert same(by_key.to_arrow(), of_polars(on, window, closed, ["k"]), ordered=False) is None


def test_it_is_the_same_in_workers(files: Path) -> None:
    frame = pt.scan_parquet(files)
    queries = [
        frame.rolling("at", period="2d").agg(*aggregates(pt)),
        frame.rolling("day", period="1mo", group_by=["k", col("s").is_null()]).agg(
            col("v").sum(), last=col("x").last()
        ),
    ]
    for query in queries:
        found = []
        for executor in ("serial", "process"):
            with pt.config.set(executor=executor, workers=2, **MANY_PARTITIONS):
                found.append(query.collect().to_arrow())
        assert found[0].equals(found[1])


def test_filters_orders_and_lists_inside_of_windows() -> None:
    frame = pt.from_pydict({"t": [1, 2, 3, 9], "v": [5, None, 7, 1], "w": [2, 1, 0, 5]})
    found = frame.rolling("t", period=2).agg(
        big=col("v").filter(col("v") > 5).sum(),
        all=col("v").implode(),
        least=col("v").sort_by("w").first(),
    )
    assert found.to_pydict() == {
        "t": [1, 2, 3, 9],
        "big": [0, 0, 7, 0],
        "all": [[5], [5, None], [None, 7], [1]],
        "least": [5, None, 7, 1],
    }


def test_windows_without_rows_give_what_no_rows_give() -> None:
    frame = pt.from_pydict({"t": [1, 2, 9], "v": [5, 6, 7]})
    found = frame.rolling("t", period=1, offset=3).agg(
        sum=col("v").sum(), max=col("v").max(), n=pt.len(), all=col("v").implode()
    )
    assert found.to_dicts()[0] == {"t": 1, "sum": 0, "max": None, "n": 0, "all": []}


@pytest.mark.parametrize("rows", [0, 1])
@pytest.mark.parametrize("keys", [None, "k"])
def test_few_rows(rows: int, keys: str | None) -> None:
    frame = pt.from_arrow(TABLE.slice(0, rows))
    found = frame.rolling("day", period="3d", group_by=keys).agg(col("v").count(), n=pt.len())
    assert found.collect().to_arrow()["n"].to_pylist() == [1] * rows


def test_names_of_pandas_and_chosen_columns() -> None:
    frame = pt.from_pydict({"t": [1, 2], "v": [5, 6], "w": [1, 1], "k": ["a", "a"]})
    assert frame.rolling("t", period=2)["v"].sum().to_pydict() == {"t": [1, 2], "v": [5, 11]}
    assert frame.rolling("t", period=2, group_by="k").agg({"w": "sum"}).columns == ["k", "t", "w"]
    assert frame.rolling("t", period=2)[["v", "w"]].max().columns == ["t", "v", "w"]


def test_a_column_is_filtered_before_its_windows_only_where_it_may_be(files: Path) -> None:
    rolled = pt.scan_parquet(files).rolling("day", period="3d", group_by="k").agg(pt.len())
    assert "where: k == 0" in rolled.filter(col("k") == 0).explain()
    assert "FILTER len > 1" in rolled.filter(col("len") > 1).explain()
    assert "columns: 2 of 8" in rolled.explain()


def test_timedelta_is_taken_for_a_period() -> None:
    frame = pt.from_arrow(TABLE)
    found = frame.rolling("at", period=dt.timedelta(hours=36)).agg(pt.len())
    assert (
        found.collect()
        .to_arrow()
        .equals(frame.rolling("at", period="36h").agg(pt.len()).collect().to_arrow())
    )
    assert frame.rolling("day", period=dt.timedelta(days=2)).agg(pt.len()).schema.names


MISTAKES = {
    "no such column": (
        errors.ColumnNotFound,
        "'dai'.*'day'",
        lambda df: df.rolling("dai", period="1d"),
    ),
    "not along text": (
        errors.TypeMismatch,
        "'s' is string.*to_datetime",
        lambda df: df.rolling("s", period="1d"),
    ),
    "a number along time": (
        errors.InvalidExpression,
        'a period such as "3d"',
        lambda df: df.rolling("day", period=3),
    ),
    "a time along numbers": (
        errors.InvalidExpression,
        "write a number",
        lambda df: df.rolling("i", period="3d"),
    ),
    "no period": (
        errors.InvalidExpression,
        "'often' is not a period",
        lambda df: df.rolling("day", period="often"),
    ),
    "hours of days": (
        errors.InvalidExpression,
        "no time of day",
        lambda df: df.rolling("day", period="3h"),
    ),
    "ends": (
        errors.InvalidExpression,
        "closed='up'",
        lambda df: df.rolling("day", period="3d", closed="up"),
    ),
    "the window of pandas": (
        errors.InvalidExpression,
        "rolling_mean",
        lambda df: df.rolling("day", window=3),
    ),
    "aggregates only": (
        errors.InvalidExpression,
        "col\\('v'\\) has many",
        lambda df: df.rolling("day", period="3d").agg(col("v")),
    ),
}


@pytest.mark.parametrize("what", MISTAKES)
def test_mistakes_are_answered_with_what_to_do(what: str) -> None:
    kind, text, mistake = MISTAKES[what]
    with pytest.raises(kind, match=text):
        mistake(pt.from_arrow(TABLE))


def test_null_times_are_refused_with_what_to_do() -> None:
    frame = pt.from_pydict({"t": [1, None], "v": [1, 2]})
    with pytest.raises(errors.ComputeError, match=r"'t' found null in 1 of.*drop_nulls\('t'\)"):
        frame.rolling("t", period=1).agg(pt.len()).collect()

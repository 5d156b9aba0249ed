"""Groups by windows of time, against Polars on the same rows."""

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

RNG = np.random.default_rng(11)
ROWS = 300
MANY_PARTITIONS = {
    "partition_bytes": 400,
    "exchange_bytes": 1500,
    "small_query_bytes": 0,
    "batch_rows": 16,
}

_DAYS = RNG.integers(0, 400, ROWS)
TABLE = pa.table(
    {
        "i": pa.array(_DAYS - 200, pa.int64()),
        "day": pa.array(_DAYS.astype("i4") + 19_000, pa.date32()),
        "at": pa.array(
            1_700_000_000_000_000 + RNG.integers(0, 20 * 86_400, ROWS) * 1_000_000,
            pa.timestamp("us"),
        ),
        # Over the night in which the clocks of Paris are put forward.
        "zoned": pa.array(
            1_711_700_000_000 + RNG.integers(0, 4 * 86_400, ROWS) * 1000,
            pa.timestamp("ms", "Europe/Paris"),
        ),
        "k": pa.array(np.where(RNG.random(ROWS) < 0.6, 0, RNG.integers(0, 5, ROWS))),
        "v": pa.array(RNG.integers(-50, 50, ROWS), mask=RNG.random(ROWS) < 0.2),
        "s": pa.array(RNG.choice(["a", "b", "cc"], ROWS), mask=RNG.random(ROWS) < 0.1),
    }
)
WINDOWS: dict[str, list[dict[str, Any]]] = {
    "i": [{"every": 7}, {"every": 5, "period": 12}, {"every": 10, "offset": 3}],
    "day": [{"every": "1w"}, {"every": "1mo"}, {"every": "1q", "period": "1y"}],
    "at": [{"every": "1d"}, {"every": "6h", "period": "1d"}, {"every": "1d", "offset": "5h"}],
    "zoned": [{"every": "1d"}],
}
CASES = [
    (on, window, closed)
    for on, windows in WINDOWS.items()
    for window, closed in itertools.product(windows, ("left", "right", "both", "none"))
]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dynamic")
    for number in range(7):
        part = TABLE.slice(number * 43, 43 if number < 6 else None)
        pq.write_table(part, folder / f"{number}.parquet", row_group_size=20)
    return folder


def aggregates(module: Any) -> list[Any]:
    column = module.col
    return [
        module.len().alias("rows"),
        column("v").sum().alias("sum"),
        column("s").n_unique().alias("texts"),
        (column("v").max() - column("v").min()).alias("span"),
    ]


def of_polars(on: str, window: dict[str, Any], keys: list[str], **more: Any) -> pl.DataFrame:
    given = {
        name: f"{value}i" if isinstance(value, int) else value for name, value in window.items()
    }
    grouped = pl.from_arrow(TABLE).sort(on).group_by_dynamic(on, **given, group_by=keys, **more)
    return grouped.agg(*aggregates(pl))


def from_first(found: pa.Table, on: str, keys: list[str], expected: pl.DataFrame) -> pa.Table:
    """Return our rows from the first window on that Polars gives.

    It leaves out windows that begin before that of the first row, though they hold it.
    """
    ours, firsts = pl.from_arrow(found), expected.group_by(keys or pl.lit(1)).agg(pl.col(on).min())
    if not keys:
        return ours.filter(pl.col(on) >= firsts[on][0]).to_arrow()
    joined = ours.join(firsts.rename({on: "first"}), on=keys)
    return joined.filter(pl.col(on) >= pl.col("first")).drop("first").to_arrow()


@pytest.mark.parametrize(("on", "window", "closed"), CASES)
def test_it_is_as_in_polars(files: Path, on: str, window: dict[str, Any], closed: str) -> None:
    frame = pt.scan_parquet(files)
    for keys in ([], ["k"]):
        grouped = frame.group_by_dynamic(on, **window, closed=closed, group_by=keys or None)
        query = grouped.agg(*aggregates(pt))
        found = query.collect().to_arrow()
        with pt.config.set(executor="serial", **MANY_PARTITIONS):
            assert query.collect().to_arrow().equals(found)
        expected = of_polars(on, window, keys, closed=closed)
        kept = from_first(found, on, keys, expected)
        expected = expected.sort(*keys, on).select(found.column_names).to_arrow()
        assert (
            difference(kept.cast(found.schema), expected.cast(found.schema), ordered=True) is None
        )


@pytest.mark.parametrize("label", ["left", "right", "datapoint"])
@pytest.mark.parametrize("on", ["i", "day", "at"])
def test_labels_and_boundaries(on: str, label: str) -> None:
    window = WINDOWS[on][0]
    grouped = pt.from_arrow(TABLE).group_by_dynamic(
        on, **window, label=label, include_boundaries=True
    )
    found = grouped.agg(*aggregates(pt)).collect().to_arrow()
    expected = of_polars(on, window, [], label=label, include_boundaries=True).to_arrow()
    assert found.column_names == expected.column_names
    assert difference(found, expected.cast(found.schema), ordered=True) is None


def test_windows_before_the_first_row_hold_it_too() -> None:
    frame = pt.from_pydict({"t": [10, 11, 14]})
    found = frame.group_by_dynamic("t", every=2, period=4).agg(pt.len())
    assert found.to_pydict() == {"t": [8, 10, 12, 14], "len": [2, 2, 1, 1]}


def test_windows_of_hours_begin_as_truncate_says_where_clocks_change() -> None:
    # Polars goes on in steps of three hours from the first window, past the hour that was skipped.
    frame = pt.from_arrow(TABLE)
    found = frame.group_by_dynamic("zoned", every="3h").len().to_pydict()
    expected = frame.group_by(col("zoned").dt.truncate("3h")).len().sort("zoned").to_pydict()
    assert found == expected
    assert {moment.hour % 3 for moment in found["zoned"]} == {0}


def test_gaps_between_windows() -> None:
    frame = pt.from_pydict({"t": [0, 1, 2, 5, 6]})
    found = frame.group_by_dynamic("t", every=5, period=2).agg(all=col("t").implode())
    assert found.to_pydict() == {"t": [0, 5], "all": [[0, 1], [5, 6]]}


def test_nulls_are_in_no_window() -> None:
    frame = pt.from_pydict({"t": [1, None, 2], "v": [1, 2, 3]})
    for more in ({}, {"period": 4}):
        found = frame.group_by_dynamic("t", every=2, **more).agg(col("v").sum()).to_pydict()
        assert 2 not in found["v"]
        assert None not in found["t"]


@pytest.mark.parametrize("rows", [0, 1])
def test_few_rows(rows: int) -> None:
    frame = pt.from_arrow(TABLE.slice(0, rows))
    for more in ({}, {"period": "2d"}):
        grouped = frame.group_by_dynamic("at", every="1d", **more, group_by="k")
        found = grouped.agg(pt.len()).collect().to_arrow()
        assert set(found["len"].to_pylist()) == ({1} if rows else set())


def test_it_is_the_same_in_workers(files: Path) -> None:
    grouped = pt.scan_parquet(files).group_by_dynamic("at", every="6h", period="1d", group_by="k")
    query = grouped.agg(*aggregates(pt))
    found = []
    for executor in ("serial", "process"):
        with pt.config.set(executor=executor, workers=2, **MANY_PARTITIONS):
            found.append(query.collect().to_arrow())
    assert found[0].equals(found[1])


def test_names_of_pandas() -> None:
    table = TABLE.select(["at", "v"])
    found = pt.from_arrow(table).resample("D", on="at")["v"].sum().to_pandas()
    frame = table.to_pandas().resample("D", on="at")["v"].sum().reset_index()
    kept = frame[frame["at"].isin(found["at"])].reset_index(drop=True)
    assert found["v"].tolist() == kept["v"].tolist()
    months = pt.from_arrow(table).resample("MS", on="at").len()
    assert months.to_pydict()["at"] == [dt.datetime(2023, 11, 1), dt.datetime(2023, 12, 1)]
    assert pt.from_arrow(table).resample(dt.timedelta(days=1), on="at").len().columns == [
        "at",
        "len",
    ]


MISTAKES = {
    "no such column": (
        errors.ColumnNotFound,
        "'dai'.*'day'",
        lambda df: df.group_by_dynamic("dai", every="1d"),
    ),
    "no step": (
        errors.InvalidExpression,
        "above zero",
        lambda df: df.group_by_dynamic("day", every="0d"),
    ),
    "a number along time": (
        errors.InvalidExpression,
        'a period such as "3d"',
        lambda df: df.group_by_dynamic("day", every=3),
    ),
    "too many windows": (
        errors.InvalidExpression,
        "a row could be in more than 1,000 windows",
        lambda df: df.group_by_dynamic("at", every="1m", period="365d"),
    ),
    "a label": (
        errors.InvalidExpression,
        "label='middle'",
        lambda df: df.group_by_dynamic("day", every="1d", label="middle"),
    ),
    "the start of polars": (
        errors.InvalidExpression,
        "offset=",
        lambda df: df.group_by_dynamic("day", every="1d", start_by="datapoint"),
    ),
    "months by their end": (
        errors.InvalidExpression,
        "'MS'",
        lambda df: df.resample("ME", on="day"),
    ),
}


@pytest.mark.parametrize("what", MISTAKES)
def test_mistakes_are_answered_with_what_to_do(what: str) -> None:
    kind, text, mistake = MISTAKES[what]
    with pytest.raises(kind, match=text):
        mistake(pt.from_arrow(TABLE))

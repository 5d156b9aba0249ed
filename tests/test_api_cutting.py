"""Numbers as the intervals they lie in, between breaks that are given or computed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import partita as pt
from partita import col, errors

MANY_PARTITIONS = {"partition_bytes": 300, "exchange_bytes": 500, "small_query_bytes": 0}
RNG = np.random.default_rng(3)
TABLE = pa.table(
    {
        "i": pa.array(RNG.integers(0, 1000, 200), mask=RNG.random(200) < 0.1),
        "x": RNG.normal(size=200),
        "k": RNG.integers(0, 3, 200),
    }
)
CASES: list[tuple[Any, dict[str, Any]]] = [
    (4, {}),
    (1, {}),
    ([0.1, 0.5], {"labels": ["low", "middle", "high"]}),
    ([0.9, 0.2], {"left_closed": True}),
    (3, {"include_breaks": True}),
    ([0.0, 1.0], {}),
]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cutting")
    for number in range(4):
        pq.write_table(TABLE.slice(number * 50, 50), folder / f"{number}.parquet")
    return folder


def parts(values: list[Any]) -> list[Any]:
    """Intervals by their ends as numbers: Polars shows them with fewer digits."""
    if any(isinstance(each, dict) for each in values):
        ends = [None if each["category"] is None else each["breakpoint"] for each in values]
        return [*ends, *parts([each["category"] for each in values])]
    return [
        each if each is None or "," not in each else pytest.approx(_ends(each), rel=1e-5)
        for each in values
    ]


def _ends(interval: str) -> tuple[float, float]:
    low, high = interval[1:-1].split(",")
    return float(low), float(high)


def ours(values: list[Any]) -> list[Any]:
    if any(isinstance(each, dict) for each in values):
        ends = [each and each["breakpoint"] for each in values]
        return [*ends, *ours([each and each["category"] for each in values])]
    return [each if each is None or "," not in each else _ends(each) for each in values]


@pytest.mark.parametrize("column", ["i", "x"])
@pytest.mark.parametrize(("quantiles", "settings"), CASES)
def test_quantiles_are_those_of_polars(
    files: Path, column: str, quantiles: Any, settings: dict[str, Any]
) -> None:
    with pt.config.set(executor="serial", **MANY_PARTITIONS):
        found = pt.scan_parquet(files).select(c=col(column).qcut(quantiles, **settings)).to_pydict()
    frame = pl.from_arrow(TABLE)
    assert isinstance(frame, pl.DataFrame)
    expected = frame.select(c=pl.col(column).qcut(quantiles, **settings))["c"].to_list()
    assert ours(found["c"]) == parts(expected)


def test_within_groups_the_quantiles_are_those_of_the_group() -> None:
    df = pt.from_pydict({"k": ["a", "b", "a", "b"], "v": [1, 10, 2, 20]})
    found = df.select(c=col("v").qcut(2, labels=["less", "more"]).over("k"))
    assert found.to_pydict() == {"c": ["less", "less", "more", "more"]}


def test_breaks_may_be_computed() -> None:
    df = pt.from_pydict({"v": [1.0, 5.0, float("nan"), None], "top": [2, 2, 2, 2]})
    found = df.select(col("v").cut([col("v").min(), col("top")], include_breaks=True))
    assert found.to_pydict() == {
        "v": [
            {"breakpoint": 1.0, "category": "(-inf, 1]"},
            {"breakpoint": float("inf"), "category": "(2, inf]"},
            {"breakpoint": None, "category": None},
            {"breakpoint": None, "category": None},
        ]
    }


def test_large_breaks_are_shown_in_full() -> None:
    found = pt.from_pydict({"v": [1]}).select(col("v").cut([12345678, 0.5 + 2**30]))
    assert found.to_pydict() == {"v": ["(-inf, 12345678]"]}


@pytest.mark.parametrize("dtype", ["int8", "uint64", "float32", "decimal128(9, 2)"])
@pytest.mark.parametrize("values", [[], [None, None], [3]])
def test_few_rows(dtype: str, values: list[Any]) -> None:
    frame = pt.from_pydict({"v": values}, schema={"v": "int64"}).cast({"v": dtype})
    assert frame.select(col("v").qcut(2)).to_pydict()["v"] == [
        None if each is None else "(-inf, 3]" for each in values
    ]


def test_equal_quantiles() -> None:
    df = pt.from_pydict({"v": [1, 1, 1, 2]})
    with pytest.raises(errors.ComputeError, match=r"two breaks are equal, 1\.0"):
        df.select(col("v").qcut(4)).collect()
    found = df.select(col("v").qcut([0.25, 0.5], labels=["a", "b", "c"], allow_duplicates=True))
    assert found.to_pydict() == {"v": ["a", "a", "a", "c"]}


@pytest.mark.parametrize(
    ("mistake", "message"),
    [
        (lambda: col("v").qcut([0.5, 2]), r"shares between 0 and 1.*found 2"),
        (lambda: col("v").qcut(0), r"a number of parts.*found 0"),
        (lambda: col("v").qcut("4"), r"found '4'"),
        (lambda: col("v").qcut(3, labels=["a"]), "2 breaks make 3 intervals"),
    ],
)
def test_what_it_does_not_take(mistake: Any, message: str) -> None:
    with pytest.raises(errors.InvalidExpression, match=message):
        mistake()

"""Values of Python become values of Arrow, and none says less than it did."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

import partita as pt
from partita.engine.errors import SchemaError
from partita.engine.expr.python_values import exact_array

EAST = dt.timezone(dt.timedelta(hours=2))
NOON = dt.datetime(2020, 1, 1, 12)

LOST: list[tuple[Any, pa.DataType]] = [
    (1.5, pa.int64()),
    (np.float64(1.5), pa.int8()),
    (Decimal("1.5"), pa.int64()),
    (1e300, pa.float32()),
    (70_000.0, pa.float16()),
    (NOON, pa.date32()),
    (NOON.replace(microsecond=1), pa.timestamp("s")),
    (NOON.replace(microsecond=1), pa.timestamp("ms")),
    (NOON.replace(tzinfo=EAST), pa.timestamp("us")),
    (dt.time(1, 2, 3, 4), pa.time32("s")),
    (dt.timedelta(microseconds=5), pa.duration("ms")),
    (1.5, pa.timestamp("us")),
    (1.5, pa.date32()),
    (1.5, pa.duration("s")),
    ([1.5], pa.list_(pa.int64())),
    ((1, 1.5), pa.list_(pa.int8())),
    ({"a": 1, "b": 2}, pa.struct([("a", pa.int64())])),
    ({"a": {"b": [NOON]}}, pa.struct([("a", pa.struct([("b", pa.list_(pa.date32()))]))])),
    ([("k", 1.5)], pa.map_(pa.string(), pa.int64())),
]
"""Values of which Arrow takes a part."""

KEPT: list[tuple[Any, pa.DataType, Any]] = [
    (1.0, pa.int64(), 1),
    (Decimal("2.00"), pa.int16(), 2),
    (np.int64(3), pa.int8(), 3),
    (0.1, pa.float32(), float(np.float32(0.1))),
    (float("inf"), pa.float32(), float("inf")),
    (NOON.replace(hour=0), pa.date32(), dt.date(2020, 1, 1)),
    (NOON, pa.timestamp("s"), NOON),
    (NOON.replace(tzinfo=EAST), pa.timestamp("us", "UTC"), NOON.replace(hour=10, tzinfo=dt.UTC)),
    (1, pa.date32(), dt.date(1970, 1, 2)),
    (dt.timedelta(seconds=5), pa.duration("s"), dt.timedelta(seconds=5)),
    ({}, pa.struct([("a", pa.int64())]), {"a": None}),
    ((1, None), pa.list_(pa.int8()), [1, None]),
    ([("k", 2)], pa.map_(pa.string(), pa.int64()), [("k", 2)]),
    ("é", pa.binary(), "é".encode()),
]


@pytest.mark.parametrize(("value", "dtype"), LOST)
def test_what_would_be_lost_is_told(value: Any, dtype: pa.DataType) -> None:
    for values in ([None, value], (value,), pd.Series([value], dtype=object)):
        with pytest.raises((ValueError, TypeError)):
            exact_array(values, dtype)
    with pytest.raises(ValueError, match=r"at place 7 would become"):
        exact_array([None] * 7 + [value], dtype)


@pytest.mark.parametrize(("value", "dtype", "made"), KEPT)
def test_what_is_kept(value: Any, dtype: pa.DataType, made: Any) -> None:
    assert exact_array([value, None], dtype).to_pylist() == [made, None]


@given(st.lists(st.none() | st.integers(-9, 9) | st.floats(-9, 9).map(lambda x: round(x, 1))))
def test_integers_are_what_numbers_are(values: list[Any]) -> None:
    whole = all(value is None or value == int(value) for value in values)
    try:
        assert exact_array(values, pa.int64()).to_pylist() == values
    except ValueError:
        assert not whole
    else:
        assert whole


@given(st.lists(st.none() | st.datetimes() | st.dates()))
def test_days_are_what_dates_are(values: list[Any]) -> None:
    def day(value: Any) -> Any:
        return value.date() if isinstance(value, dt.datetime) else value

    whole = all(not isinstance(value, dt.datetime) or value.time() == dt.time() for value in values)
    try:
        assert exact_array(values, pa.date32()).to_pylist() == list(map(day, values))
    except ValueError:
        assert not whole
    else:
        assert whole


def test_arrays_of_numbers_are_no_booleans_and_zones_are_kept() -> None:
    zoned = pd.Series([pd.Timestamp(NOON, tz="Europe/Berlin")])
    for values, dtype in (
        (np.array([1.5]), pa.bool_()),
        (pd.Series([2]), pa.bool_()),
        (np.array([1.5]), pa.int64()),
        (zoned, pa.timestamp("us")),
        (pa.array(zoned), pa.timestamp("us")),
    ):
        with pytest.raises((TypeError, ValueError)):
            exact_array(values, dtype)
    assert exact_array(pd.Series([1.0, np.nan]), pa.int64()).to_pylist() == [1, None]
    assert exact_array(iter([1, 2]), pa.int64()).to_pylist() == [1, 2]
    with pytest.raises(ValueError, match=r"1\.5"):
        exact_array(iter([1, 1.5]), pa.int64())


def frame() -> pt.DataFrame:
    return pt.from_pydict({"a": [1, 2]})


def half(value: int) -> float:
    return value / 2


WAYS: dict[str, Callable[[], pt.DataFrame]] = {
    "map_elements": lambda: frame().select(pt.col("a").map_elements(half, return_dtype="int64")),
    "udf": lambda: frame().select(pt.udf(half, returns="int64", takes="values")(pt.col("a"))),
    "map_batches": lambda: frame().map_batches(lambda b: {"a": [0.5]}, schema={"a": "int64"}),
    "objects of pandas": lambda: frame().map_batches(
        lambda b: pd.DataFrame({"a": pd.Series([0.5], dtype=object)}), schema={"a": "int64"}
    ),
    "polars": lambda: frame().map_batches(
        lambda b: pl.DataFrame({"a": [0.5]}), schema={"a": "int64"}
    ),
    "map_rows": lambda: frame().map_rows(lambda row: (row[0] / 2,), {"a": "int64"}),
    "map_groups": lambda: (
        frame().group_by("a").map_groups(lambda group: {"a": [0.5]}, schema={"a": "int64"})
    ),
    "from_pydict": lambda: pt.from_pydict({"a": [1, 0.5]}, schema={"a": "int64"}),
    "from_items": lambda: pt.from_items([{"a": 1}, {"a": 0.5}], schema={"a": "int64"}),
}


@pytest.mark.parametrize("way", WAYS)
def test_no_way_in_loses_a_fraction(way: str) -> None:
    with pytest.raises(SchemaError, match=r"0\.5") as raised:
        WAYS[way]().collect()
    said = str(raised.value)
    assert "int64" in said
    if not way.startswith("from_"):
        assert "half" in said or "lambda" in said


def test_replace_keeps_the_type_and_the_value() -> None:
    with pytest.raises(pt.errors.TypeMismatch, match="double"):
        frame().select(pt.col("a").replace({1: 1.5})).collect()
    assert frame().select(pt.col("a").replace({1: 3.0})).to_pydict() == {"a": [3, 2]}

"""Python values whose type nobody has said: each is what it was, or an error names it."""

from __future__ import annotations

import datetime as dt
import math
import uuid
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import partita as pt
from partita.engine.errors import InvalidExpression, SchemaError
from partita.engine.expr.python_values import exact_array

EAST = dt.timezone(dt.timedelta(hours=2))
NOON = dt.datetime(2020, 1, 1, 12)
FINE = pd.Timestamp("2020-01-01 12:00:00.123456789")

VALUES: list[Any] = [
    *(None, float("nan"), True, 0, 1, 3, 2**53 + 1, 2**63, 2**70, 1.5, -0.0, math.inf),
    *(np.bool_(True), np.int8(5), np.uint8(200), np.int16(5), np.int32(5), np.int64(2**53 + 1)),
    *(np.uint64(2**64 - 1), np.uint64(3), np.float16(1.5), np.float32(0.1), np.float64(0.1)),
    *(np.longdouble("0.1"), np.longdouble(2), Decimal("1.5"), Decimal(2), Decimal("NaN")),
    *(NOON, NOON.replace(microsecond=1), NOON.replace(tzinfo=EAST), NOON.replace(tzinfo=dt.UTC)),
    *(dt.date(2020, 1, 2), dt.time(1, 2, 3, 4), dt.time(1, tzinfo=EAST), dt.timedelta(1, 2, 3)),
    *(np.datetime64("2020-01-02"), np.datetime64("2020-01-02T01", "s"), np.datetime64("NaT", "s")),
    *(np.datetime64(FINE.value, "ns"), np.timedelta64(3, "s"), np.timedelta64(3, "ns")),
    *(FINE, FINE.tz_localize("UTC"), pd.Timedelta(5, "ns"), pd.Timestamp(NOON), pd.NaT, pd.NA),
    *("", "x", np.str_("y"), b"x", np.bytes_(b"z"), bytearray(b"x"), uuid.UUID(int=5)),
    *(Fraction(1, 3), Fraction(2), 1j, [], [1], [1.5], [np.float16(1.5), 1], ["x"], [[1]], (1, 2)),
    *({"a": 1}, {"a": 1.5}, {"b": np.float16(1.5)}, {"a": [np.float16(1.5), 2]}, {1: 2}, {}),
    *(np.array([1.5]), np.array([1], np.uint8), np.array(1.5), object()),
]


def is_kept(value: Any, made: Any) -> bool:
    """Say whether a value came back; pandas tells of times, Python of everything else."""
    if value is None or value is pd.NA or value is pd.NaT or made is None:
        missing = value is None or (
            not isinstance(value, list | tuple | dict | np.ndarray)
            and (value is pd.NA or (pd.isna(value) and not isinstance(value, float | Decimal)))
        )
        return missing and made is None
    if isinstance(value, dict):
        return (
            isinstance(made, dict)
            and all(is_kept(value.get(name), each) for name, each in made.items())
            and value.keys() <= made.keys()
        )
    if isinstance(value, list | tuple | np.ndarray) and np.ndim(value):
        return isinstance(made, list) and len(made) == len(value) and all(map(is_kept, value, made))
    if isinstance(value, bool | np.bool_) or isinstance(made, bool):
        return isinstance(value, bool | np.bool_) and isinstance(made, bool) and value == made
    if isinstance(value, dt.timedelta | np.timedelta64):
        return isinstance(made, dt.timedelta) and pd.Timedelta(value) == pd.Timedelta(made)
    if isinstance(value, dt.datetime | np.datetime64):
        return isinstance(made, dt.datetime) and pd.Timestamp(value) == pd.Timestamp(made)
    if isinstance(value, dt.time):
        return value.tzinfo is None and value == made
    numbers = (int, float, Decimal, np.number)
    if isinstance(value, numbers) != isinstance(made, numbers):
        return False
    same = value == made or (value != value and made != made)
    return bool(same) and type(made) is not dt.datetime


def in_a_dict(values: list[Any]) -> list[Any]:
    return pt.from_pydict({"a": values}).to_pydict()["a"]


def as_rows(values: list[Any]) -> list[Any]:
    return pt.from_items([(value,) for value in values]).to_pydict()["column_0"]


def in_lists(values: list[Any]) -> list[Any]:
    return pt.from_pydict({"a": [values]}).to_pydict()["a"][0]


WAYS: list[Callable[[list[Any]], list[Any]]] = [in_a_dict, as_rows, in_lists]


@given(values=st.lists(st.sampled_from(VALUES), min_size=1, max_size=3))
@settings(max_examples=100, deadline=None)
def test_a_mix_is_kept_or_refused(values: list[Any]) -> None:
    for way in WAYS:
        try:
            made = way(values)
        except SchemaError:
            continue
        assert all(map(is_kept, values, made)), f"{way.__name__}: {values} became {made}"


def test_pairs_are_kept_or_refused() -> None:
    kept = 0
    for first in VALUES:
        for second in VALUES:
            try:
                made = in_a_dict([first, second])
            except SchemaError:
                continue
            assert is_kept(first, made[0]), f"{[first, second]} became {made}"
            assert is_kept(second, made[1]), f"{[first, second]} became {made}"
            kept += 1
    # What goes together is not refused.
    assert kept > 400


@pytest.mark.parametrize(
    ("values", "made"),
    [
        ([3, np.float16(1.5)], [3.0, 1.5]),
        ([np.float32(0.5), 2, None], [0.5, 2.0, None]),
        ([None, FINE], [None, FINE]),
        ([pd.Timedelta(5, "ns")], [pd.Timedelta(5, "ns")]),
        ([pd.Timestamp(NOON), NOON], [NOON, NOON]),
        ([NOON.replace(tzinfo=EAST), NOON.replace(tzinfo=dt.UTC)], []),
        ([[1], [1.5, None], None], [[1.0], [1.5, None], None]),
        ([{"a": 1}, {"b": "x"}], [{"a": 1, "b": None}, {"a": None, "b": "x"}]),
    ],
)
def test_what_goes_together(values: list[Any], made: list[Any]) -> None:
    found = in_a_dict(values)
    assert found == (made or values)


REFUSED = [[dt.time(1, tzinfo=EAST)], [dt.date(2020, 1, 2), 3]]


@pytest.mark.parametrize("values", [[3, np.float16(1.5)], [None, FINE], *REFUSED], ids=str)
def test_objects_of_pandas_are_kept_or_refused(values: list[Any]) -> None:
    frame = pd.DataFrame({"n": range(len(values)), "a": pd.Series(values, dtype=object), "b": "x"})
    if values in REFUSED:
        with pytest.raises(SchemaError, match=r"'a'.* would become"):
            pt.from_pandas(frame)
    else:
        made = pt.from_pandas(frame).to_pydict()
        assert list(made) == ["n", "a", "b"]
        assert all(map(is_kept, values, made["a"]))


def test_constants_are_kept_or_refused() -> None:
    frame = pt.from_pydict({"t": [FINE, FINE.floor("us")]})
    assert frame.filter(pt.col("t") == FINE).to_pydict() == {"t": [FINE]}
    assert frame.filter(pt.col("t").is_in([FINE, NOON])).to_pydict() == {"t": [FINE]}
    numbers = pt.from_pydict({"x": [1.0, 1.5]})
    assert numbers.filter(pt.col("x").is_in([3, np.float16(1.5)])).to_pydict() == {"x": [1.5]}
    replaced = numbers.select(pt.col("x").replace([1, np.float16(1.5)], [3.0, 4.0]))
    assert replaced.to_pydict() == {"x": [3.0, 4.0]}
    for value in (dt.time(1, tzinfo=EAST), np.longdouble("0.1"), Fraction(1, 3)):
        with pytest.raises(InvalidExpression):
            pt.lit(value)
    with pytest.raises(InvalidExpression, match="would become"):
        pt.col("x").is_in([dt.date(2020, 1, 2), 3])


TYPES = [
    *(pa.int8(), pa.int64(), pa.uint64(), pa.float16(), pa.float32(), pa.float64(), pa.bool_()),
    *(pa.decimal128(30, 2), pa.date32(), pa.time64("us"), pa.duration("us"), pa.timestamp("us")),
    *(pa.list_(pa.int64()), pa.struct([("a", pa.int64())])),
]


def is_told(value: Any, made: Any) -> bool:
    """Say whether a value of a type that was asked for is the one that was given."""
    if isinstance(made, dt.date | dt.time | dt.timedelta) and not isinstance(
        value, np.timedelta64 | np.datetime64
    ):
        if isinstance(value, int | np.integer):
            return True
        if isinstance(value, dt.datetime) and type(made) is dt.date:
            return value.date() == made
    if isinstance(value, bool | np.bool_ | int | float | np.number) and isinstance(made, float):
        near = float(value) == made or math.isclose(float(value), made, rel_tol=1e-3, abs_tol=1e-7)
        return near or (value != value and made != made)
    if isinstance(value, np.bool_ | bool) and isinstance(made, int):
        return value == made
    return (value != value and made is None) if made is None and value else is_kept(value, made)


@pytest.mark.parametrize("dtype", TYPES, ids=str)
def test_a_type_that_is_asked_for(dtype: pa.DataType) -> None:
    for first in (None, 3, 1.5, NOON):
        for value in VALUES:
            if isinstance(value, np.ndarray) or value is pd.NA or value is pd.NaT:
                continue
            try:
                made = exact_array([first, value], dtype).to_pylist()
            except (ValueError, TypeError, OverflowError, pa.ArrowException):
                continue
            assert is_told(value, made[1]), f"{[first, value]} became {made}"


def test_scalars_of_arrow_are_values() -> None:
    assert exact_array([pa.scalar(99), None], pa.int64()).to_pylist() == [99, None]
    assert in_a_dict([pa.scalar(99), pa.scalar(None, pa.int64())]) == [99, None]
    assert in_lists([pa.scalar(99), None]) == [99, None]
    with pytest.raises(ValueError, match="double"):
        exact_array([pa.scalar(1.5), 1], pa.int64())

"""Types as they come from elsewhere: other storage, decimals of every width, categories, names."""

from __future__ import annotations

import datetime
import decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

import partita as pt
from partita.engine.errors import ComputeError, PartitaError, TypeMismatch
from partita.engine.expr.datatype import data_type
from partita.engine.expr.evaluate import dtype_of, evaluate

D = decimal.Decimal


def run(expression: Any, **columns: Any) -> pa.Array:
    """Return the values of an expression over columns, planned and run alike."""
    batch = pa.record_batch(columns)
    found = evaluate(expression.node, batch)
    logical = found.type.value_type if pa.types.is_dictionary(found.type) else found.type
    planned = dtype_of(expression.node, batch.schema)
    assert logical == (planned.value_type if pa.types.is_dictionary(planned) else planned)
    return found


X = pt.col("x")


@pytest.mark.parametrize(
    ("array", "expression", "gives"),
    [
        (pa.array(["ab", None], pa.string_view()), X.str.to_uppercase(), ["AB", None]),
        (pa.array(["ab", None], pa.string_view()), X == "ab", [True, None]),
        (pa.array([b"ab", None], pa.binary_view()), X.bin.size(), [2, None]),
        (pa.array([b"ab", None], pa.binary(2)), X == b"ab", [True, None]),
        (pa.array([b"ab", None], pa.binary(2)), X.bin.encode("hex"), ["6162", None]),
        (pa.array([np.float16(1.5), None], pa.float16()), X + 1, [2.5, None]),
        (pa.array([D("1.5"), None], pa.decimal32(5, 2)), X * 2, [D("3.00"), None]),
        (pa.array([D("1.5"), None], pa.decimal64(12, 2)), X.round(0), [D("2"), None]),
        (pa.array([D("1.5"), None], pa.decimal256(50, 2)), X > 1, [True, None]),
        (pa.array([[1, 2], None], pa.list_view(pa.int64())), X.list.sum(), [3, None]),
        (pa.array([[1, 2], None], pa.list_(pa.int64(), 2)), X.list.reverse(), [[2, 1], None]),
        (pa.array(["ab", None], pa.large_string()), X.str.len_chars(), [2, None]),
        (
            pa.RunEndEncodedArray.from_arrays(pa.array([1, 2], pa.int32()), pa.array([5, None])),
            X + 1,
            [6, None],
        ),
        (pa.array([7, None]).dictionary_encode(), X + 1, [8, None]),
        (pa.nulls(2), X.str.len_chars(), [None, None]),
        (pa.nulls(2), X + 1, [None, None]),
        (pa.nulls(2), X.list.len(), [None, None]),
        (pa.nulls(2), X.dt.year(), [None, None]),
        (pa.array([datetime.date(2024, 1, 31), None], pa.date64()), X.dt.month(), [1, None]),
        (
            pa.array([datetime.date(2024, 1, 31), None], pa.date64()),
            X.dt.offset_by("1mo"),
            [datetime.date(2024, 2, 29), None],
        ),
        (pa.array([3_600_000, None], pa.time32("ms")), X.dt.hour(), [1, None]),
    ],
    ids=lambda each: str(each.type) if isinstance(each, pa.Array) else None,
)
def test_values_are_taken_however_they_are_stored(
    array: pa.Array, expression: Any, gives: list[Any]
) -> None:
    assert run(expression, x=array).to_pylist() == gives
    assert run(expression, x=array.slice(1)).to_pylist() == gives[1:]


def test_decimals_never_lose_digits_in_silence() -> None:
    wide = pa.array([D(10) ** 36, None], pa.decimal128(38, 1))
    with pytest.raises(ComputeError, match="fit"):
        run(X * 1000, x=wide)
    assert run(X + X, x=wide).to_pylist() == [2 * D(10) ** 36, None]
    lists = pa.array([[D("9" * 37), D("9" * 37)], [D("1")]], pa.list_(pa.decimal128(38, 0)))
    assert run(X.list.sum(), x=lists).to_pylist() == [
        D("1" + "9" * 36 + "8"),
        D(1),
    ]
    too_much = pa.array([[D("9" * 38), D("9" * 38)]], pa.list_(pa.decimal128(38, 0)))
    with pytest.raises(PartitaError):
        run(X.list.sum(), x=too_much)


def test_sums_of_lists_that_overflow_raise() -> None:
    largest = 2**63 - 1
    assert run(X.list.sum(), x=pa.array([[largest, -1, 1]])).to_pylist() == [largest]
    with pytest.raises(ComputeError, match="overflow"):
        run(X.list.sum(), x=pa.array([[largest, 1]]))
    unsigned = pa.array([[2**64 - 1, 1]], pa.list_(pa.uint64()))
    with pytest.raises(ComputeError, match="overflow"):
        run(X.list.sum(), x=unsigned)


@pytest.mark.parametrize(
    ("name", "dtype"),
    [
        ("int", pa.int64()),
        ("str", pa.string()),
        ("float32", pa.float32()),
        ("bool", pa.bool_()),
        ("datetime", pa.timestamp("us")),
        ("datetime[ms]", pa.timestamp("ms")),
        ("datetime[us, UTC]", pa.timestamp("us", "UTC")),
        ("timestamp[ns, tz=Europe/Paris]", pa.timestamp("ns", "Europe/Paris")),
        ("duration[ms]", pa.duration("ms")),
        ("decimal(15, 2)", pa.decimal128(15, 2)),
        ("decimal128(15, 2)", pa.decimal128(15, 2)),
        ("categorical", pa.dictionary(pa.int32(), pa.string())),
        ("category", pa.dictionary(pa.int32(), pa.string())),
        ("list[int64]", pa.list_(pa.int64())),
        ("list<list<str>>", pa.list_(pa.list_(pa.string()))),
        (bytes, pa.binary()),
        (datetime.timedelta, pa.duration("us")),
    ],
)
def test_types_have_names(name: Any, dtype: pa.DataType) -> None:
    assert data_type(name) == dtype


@pytest.mark.parametrize("name", ["int12", "list[]", "datetime[m]", "decimal(a)", "list[x]", 3])
def test_a_name_of_no_type_says_what_is_one(name: Any) -> None:
    with pytest.raises(PartitaError, match="is no type"):
        data_type(name)


def test_categories_are_text_kept_as_codes() -> None:
    frame = pt.from_pydict({"s": ["b", "a", None, "b"], "n": [1, 2, 3, 4]})
    coded = frame.with_columns(c=pt.col("s").cast("categorical"))
    assert coded.schema.field("c").type == data_type("categorical")
    table = coded.sort("c", "n").collect().to_arrow()
    assert table.schema.field("c").type == data_type("categorical")
    assert table["c"].to_pylist() == [None, "a", "b", "b"]
    asked = coded.select(
        (pt.col("c") == "b").alias("eq"),
        (pt.col("c") < pt.col("s")).alias("lt"),
        pt.col("c").cat.len_chars().alias("len"),
        pt.col("c").cat.starts_with("a").alias("starts"),
        pt.col("c").cast(str).str.to_uppercase().alias("upper"),
    )
    assert asked.to_pydict() == {
        "eq": [True, False, None, True],
        "lt": [False, False, None, False],
        "len": [1, 1, None, 1],
        "starts": [False, True, None, False],
        "upper": ["B", "A", None, "B"],
    }
    assert asked.schema.field("upper").type == pa.string()
    grouped = coded.group_by("c").agg(pt.col("n").sum()).sort("c", nulls_last=True)
    assert grouped.to_pydict() == {"c": ["a", "b", None], "n": [2, 5, 3]}


def test_literals_of_every_type() -> None:
    frame = pt.from_pydict({"k": [1, 2]})
    moment = datetime.datetime(2024, 1, 1, tzinfo=datetime.UTC)
    literals = {
        "list": [1, None],
        "struct": {"a": 1, "b": "x"},
        "zoned": moment,
        "decimal": D("1.25"),
        "span": datetime.timedelta(hours=1),
        "clock": datetime.time(1, 2),
        "bytes": b"\x00",
    }
    found = frame.select(**{name: pt.lit(value) for name, value in literals.items()}).to_pydict()
    assert found == {name: [value, value] for name, value in literals.items()}
    empty = frame.filter(pt.col("k") > 5).with_columns(l=pt.lit([1]), s=pt.lit({"a": 1}))
    assert empty.collect().to_arrow().num_rows == 0


def test_durations_scale_by_floats() -> None:
    spans = pa.array([datetime.timedelta(hours=5), None])
    assert run(X * 1.5, x=spans).to_pylist() == [datetime.timedelta(hours=7.5), None]
    assert run(X / 2.0, x=spans).to_pylist() == [datetime.timedelta(hours=2.5), None]


def test_conditions_of_integers_go_bit_by_bit() -> None:
    x = pa.array([6, -1, None], pa.int8())
    assert run(X & 3, x=x).to_pylist() == [2, 3, None]
    assert run(X | 1, x=x).to_pylist() == [7, -1, None]
    assert run(X ^ 2, x=x).to_pylist() == [4, -3, None]
    assert run(~X, x=x).to_pylist() == [-7, 0, None]
    with pytest.raises(TypeMismatch, match="int8 and bool"):
        run(X & pt.lit(True), x=x)

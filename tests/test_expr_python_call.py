"""Functions of the user over slices of a batch: as if they were called once, with all rows."""

from __future__ import annotations

import datetime
import math
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from partita.engine import errors
from partita.engine.expr import python_call
from partita.engine.expr.node import Column
from partita.engine.expr.python_call import PythonCall, called

SLICE = python_call.SLICE
LENGTHS = [0, 1, SLICE - 1, SLICE, SLICE + 1, 3 * SLICE + 5]
DAY = datetime.date(2024, 2, 28)
NOON = datetime.datetime(2024, 2, 28, 12, tzinfo=datetime.UTC)

VALUES: dict[str, tuple[pa.DataType, list[Any]]] = {
    "doubles": (pa.float64(), [1.5, None, math.nan, -0.0, 0.0, math.inf, 5e-324]),
    "integers": (pa.int64(), [0, -1, None, 2**63 - 1, -(2**63)]),
    "small": (pa.int8(), [127, -128, None]),
    "booleans": (pa.bool_(), [True, None, False]),
    "texts": (pa.string(), ["", "a", None, "ä€😀", "long " * 9]),
    "codes": (pa.dictionary(pa.int8(), pa.string()), ["x", None, "y", ""]),
    "binary": (pa.binary(), [b"", b"\xff\x00", None]),
    "dates": (pa.date32(), [DAY, None, datetime.date(1, 1, 1)]),
    "times": (pa.timestamp("us", "UTC"), [NOON, None]),
    "decimals": (pa.decimal128(9, 2), [Decimal("1.25"), None, Decimal("-0.01")]),
    "lists": (pa.list_(pa.int64()), [[1, None], None, []]),
    "structs": (pa.struct({"a": pa.int64()}), [{"a": 1}, None, {"a": None}]),
    "nothing": (pa.int64(), [None]),
}


def array_of(kind: str, rows: int, seed: int = 0) -> pa.Array:
    """Return a slice of a longer array of values in no order."""
    dtype, values = VALUES[kind]
    chosen = np.random.default_rng(seed).integers(0, len(values), rows + 3)
    return pa.array([values[place] for place in chosen], dtype).slice(3)


def call(function: Callable[..., Any], dtype: pa.DataType, takes: str = "arrow") -> PythonCall:
    return PythonCall(function, (Column("a"),), dtype, takes)


def same(left: pa.Array, right: pa.Array) -> bool:
    """Return whether values are the same to the last bit: NaN is NaN, and -0.0 is not 0.0."""
    return left.type == right.type and repr(left.to_pylist()) == repr(right.to_pylist())


def plain(array: pa.Array) -> pa.Array:
    return array.dictionary_decode() if isinstance(array, pa.DictionaryArray) else array


@pytest.mark.parametrize("rows", LENGTHS)
@pytest.mark.parametrize("kind", VALUES)
def test_lists_of_slices_are_the_list_of_all(
    kind: str, rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    array = array_of(kind, rows)
    sizes: list[int] = []

    def turned(values: pa.Array) -> list[Any]:
        sizes.append(len(values))
        return values.to_pylist()

    forms = [call(turned, array.type), call(lambda value: value, array.type, "values")]
    found = [called(form, [array], rows) for form in forms]
    assert sum(sizes) == rows
    assert max(sizes) <= SLICE
    monkeypatch.setattr(python_call, "SLICE", rows + 1)
    for form, made in zip(forms, found, strict=True):
        whole = called(form, [array], rows)
        made.validate(full=True)
        assert same(plain(made), plain(whole))
        assert same(plain(made), plain(array))
    assert sizes[-1] == rows


@pytest.mark.parametrize("rows", LENGTHS)
@pytest.mark.parametrize("kind", VALUES)
def test_arrays_are_asked_for_twice_at_most(kind: str, rows: int) -> None:
    array = array_of(kind, rows)
    sizes: list[int] = []

    def unchanged(values: pa.Array) -> pa.Array:
        sizes.append(len(values))
        return values

    made = called(call(unchanged, plain(array).type), [array], rows)
    assert same(plain(made), plain(array))
    assert sizes == [min(rows, SLICE)] + [rows - SLICE] * (rows > SLICE)


@pytest.mark.parametrize("takes", ["numpy", "pandas"])
def test_numpy_and_pandas_are_given_all_rows_at_once(takes: str) -> None:
    sizes: list[int] = []

    def listed(values: Any) -> list[Any]:
        sizes.append(len(values))
        return values.tolist()

    rows = 2 * SLICE
    assert called(call(listed, pa.int64(), takes), [pa.array(range(rows))], rows) == pa.array(
        range(rows)
    )
    assert sizes == [rows]


def test_several_columns_are_cut_alike_and_nulls_are_skipped() -> None:
    rows = 2 * SLICE + 1
    left, right = array_of("integers", rows, 1), array_of("doubles", rows, 2)
    pairs = list(zip(left.to_pylist(), right.to_pylist(), strict=True))
    expected = pa.array([None if None in pair else repr(pair) for pair in pairs], pa.string())
    args = (Column("a"), Column("b"))

    def shown(*pair: Any) -> str:
        assert None not in pair
        return repr(pair)

    by_value = PythonCall(shown, args, pa.string(), "values", skip_nulls=True)
    assert called(by_value, [left, right], rows) == expected

    def of_arrays(a: pa.Array, b: pa.Array) -> list[str | None]:
        rows_of = zip(a.to_pylist(), b.to_pylist(), strict=True)
        return [None if None in pair else repr(pair) for pair in rows_of]

    assert called(PythonCall(of_arrays, args, pa.string()), [left, right], rows) == expected


@pytest.mark.parametrize("skip_nulls", [True, False])
@pytest.mark.parametrize("columns", [1, 2, 3])
@pytest.mark.parametrize("nulls", [True, False])
def test_each_row_is_called_once_in_order(columns: int, nulls: bool, skip_nulls: bool) -> None:
    rows = SLICE + 3
    arrays = [
        pa.array([None if nulls and row % (7 + n) == 0 else row * 10 + n for row in range(rows)])
        for n in range(columns)
    ]
    seen: list[tuple[Any, ...]] = []

    def kept(*row: Any) -> int:
        seen.append(row)
        return len(seen)

    args = tuple(Column(str(n)) for n in range(columns))
    form = PythonCall(kept, args, pa.int64(), "values", skip_nulls=skip_nulls)
    made = called(form, arrays, rows).to_pylist()
    given = list(zip(*(array.to_pylist() for array in arrays), strict=True))
    wanted = [row for row in given if not (skip_nulls and None in row)]
    assert seen == wanted
    numbers = iter(range(1, rows + 1))
    assert made == [None if skip_nulls and None in row else next(numbers) for row in given]


@pytest.mark.parametrize("skip_nulls", [True, False])
@pytest.mark.parametrize("columns", [1, 2])
@pytest.mark.parametrize("bad", [0, 1, SLICE - 1, SLICE, SLICE + 2])
def test_the_values_that_failed_are_shown(columns: int, bad: int, skip_nulls: bool) -> None:
    rows = SLICE + 3
    arrays = [
        pa.array([row * 2 + n if row % 5 == bad % 5 else None for row in range(rows)])
        for n in range(columns)
    ]

    def picky(first: int | None, *_: Any) -> int:
        if first == bad * 2:
            raise KeyError(first)
        return 0

    args = tuple(Column(str(n)) for n in range(columns))
    form = PythonCall(picky, args, pa.int64(), "values", skip_nulls=skip_nulls)
    shown = ", ".join(str(bad * 2 + n) for n in range(columns))
    with pytest.raises(errors.UserFunctionError, match=rf"of the values \({shown}\)") as caught:
        called(form, arrays, rows)
    assert isinstance(caught.value.__cause__, KeyError)


def test_a_function_of_nothing_is_called_for_each_row() -> None:
    rows = SLICE + 2
    numbers = iter(range(rows))
    made = called(PythonCall(lambda: next(numbers), (), pa.int64(), "values"), [], rows)
    assert made == pa.array(range(rows))
    with pytest.raises(errors.UserFunctionError, match=r"of the values \(\)"):
        called(PythonCall(lambda: 1 // 0, (), pa.int64(), "values"), [], rows)


def test_what_is_returned_may_differ_from_slice_to_slice() -> None:
    rows = 4 * SLICE
    array = pa.array([f"t{row % 7}" if row % 5 else None for row in range(rows)])
    forms: list[Callable[[pa.Array], Any]] = [
        lambda values: values.to_pylist(),
        lambda values: values.dictionary_encode(),
        lambda values: np.array(values.to_pylist(), dtype=object),
        lambda values: pa.chunked_array([values.slice(0, 5), values.slice(5)]),
    ]
    turn = iter(forms)
    made = called(call(lambda values: next(turn)(values), pa.string()), [array], rows)
    assert same(made, array)
    ends = iter([[None] * SLICE, pa.nulls(SLICE), [1] * SLICE, pa.nulls(SLICE)])
    made = called(call(lambda _: next(ends), pa.int64()), [array], rows)
    assert made == pa.array([None] * (2 * SLICE) + [1] * SLICE + [None] * SLICE, pa.int64())


@pytest.mark.parametrize("null_encoding", ["mask", "encode"])
def test_codes_stay_codes_however_many_values_they_have(null_encoding: str) -> None:
    rows = SLICE + 200
    texts = pa.array(
        [None if row % 9 == 0 else f"t{row // SLICE}-{row % 150}" for row in range(rows)]
    )

    def coded(values: pa.Array) -> pa.Array:
        parts = values.dictionary_encode(null_encoding)
        # 150 values here and 150 others there: codes of 8 bits have room for 256 at most.
        return pa.DictionaryArray.from_arrays(parts.indices.cast(pa.uint8()), parts.dictionary)

    made = called(call(coded, pa.string()), [texts], rows)
    assert isinstance(made, pa.DictionaryArray) == (null_encoding == "mask")
    assert same(plain(made), texts)


LAST = 2 * SLICE


@pytest.mark.parametrize(
    ("bad", "dtype", "message"),
    [
        (2**63, pa.int64(), "too large"),
        (300, pa.int8(), "too large"),
        ("x", pa.int64(), "convert"),
        ("\ud800", pa.string(), "surrogates not allowed"),
        (object(), pa.float64(), "convert"),
    ],
)
@pytest.mark.parametrize("takes", ["arrow", "values"])
def test_a_wrong_value_in_the_last_slice_is_told(
    bad: Any, dtype: pa.DataType, message: str, takes: str
) -> None:
    def late(value: int) -> Any:
        return bad if value == LAST else None

    function = late if takes == "values" else lambda a: [late(value) for value in a.to_pylist()]
    with pytest.raises(errors.SchemaError, match=rf"(?s)(late|lambda).*cannot be read.*{message}"):
        called(call(function, dtype, takes), [pa.array(range(LAST + 1))], LAST + 1)


def test_mixed_numbers_are_of_the_declared_type() -> None:
    rows = SLICE + 1
    made = called(
        call(lambda a: [1 if v % 2 else 0.5 for v in a.to_pylist()], pa.float64()),
        [pa.array(range(rows))],
        rows,
    )
    assert made.to_pylist() == [1.0 if row % 2 else 0.5 for row in range(rows)]


def test_a_failure_in_the_last_slice_is_told() -> None:
    rows = LAST + 1
    given = [pa.array(range(rows))]

    def fails(value: int) -> int:
        return 1 // (value - LAST)

    with pytest.raises(errors.UserFunctionError, match=rf"of the values \({LAST}\)") as caught:
        called(call(fails, pa.int64(), "values"), given, rows)
    assert isinstance(caught.value.__cause__, ZeroDivisionError)
    with pytest.raises(errors.UserFunctionError, match="fails"):
        called(call(lambda a: [fails(v) for v in a.to_pylist()], pa.int64()), given, rows)

    def stops(value: int) -> int:
        raise StopIteration(value)

    with pytest.raises(errors.UserFunctionError, match=r"of the values \(0\)"):
        called(call(stops, pa.int64(), "values"), given, rows)

    def short(values: pa.Array) -> list[int]:
        return values.to_pylist()[: 8192 if values[0].as_py() < LAST else 0]

    with pytest.raises(errors.SchemaError, match="given 1 rows and returned 0 values"):
        called(call(short, pa.int64()), given, rows)

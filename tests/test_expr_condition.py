"""Conditions made ready once hold for the same rows as expressions that are evaluated."""

from __future__ import annotations

import datetime
import decimal
import itertools

import numpy as np
import pyarrow as pa
import pytest

from partita.engine.errors import ComputeError
from partita.engine.expr.condition import truth_of
from partita.engine.expr.evaluate import evaluate
from partita.engine.expr.node import Call, Column, Expr, Literal, literal

NAN = float("nan")
D = decimal.Decimal
COMPARISONS = ("eq", "ne", "lt", "le", "gt", "ge")
COLUMNS: dict[str, pa.Array] = {
    "i8": pa.array([1, -3, None, 127, 0, 5, 5, -128], pa.int8()),
    "i32": pa.array([1, -3, None, 2**31 - 1, 0, 5, 6, -7], pa.int32()),
    "u64": pa.array([1, 2**63 - 1, None, 3, 0, 5, 6, 7], pa.uint64()),
    "f": pa.array([1.5, NAN, None, -0.0, 0.0, float("inf"), NAN, -1.0]),
    "g": pa.array([NAN, NAN, 1.0, 0.0, -0.0, None, 2.0, -1.0]),
    "f32": pa.array([1.5, NAN, None, -0.0, 0.0, float("-inf"), 5.0, 0.1], pa.float32()),
    "d": pa.array([0, 9000, None, -1, 1, 2, 3, 4], pa.int32()).cast(pa.date32()),
    "t": pa.array([0, 9000, None, -1, 1, 2, 3, 4], pa.timestamp("us")),
    "n": pa.array([D("1.50"), D("-1.50"), None, D("0.00"), D("9.99"), D("5.00"), D("0.05"), None]),
    "m": pa.array([D("1.50"), D("7.50"), None, D("0.00"), D("9.98"), D("5.01"), D("0.05"), D(1)]),
    "wide": pa.array([None, *(D(10) ** 20 * k for k in range(-3, 4))], pa.decimal128(30, 2)),
    "b": pa.array([True, False, None, True, False, None, True, False]),
    "c": pa.array([None, True, False, True, None, None, False, False]),
    "s": pa.array(["a", "bc", None, "", "ünïcode", "a", "abc", "z"]),
    "o": pa.nulls(8),
}
NUMBERS = {
    **dict.fromkeys(("i8", "i32", "u64", "f", "g", "f32"), (0, 5, -3, 300, 1.5, NAN, None)),
    "d": (datetime.date(1970, 1, 1), datetime.date(1994, 8, 23), None),
    "t": (datetime.datetime(1970, 1, 1), datetime.date(1970, 1, 1), None),
    **{name: (0, 5, D("1.50"), 0.05, D("0.055"), 10**17, None) for name in ("n", "m", "wide")},
}


def coded(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Return `batch` with text, numbers and booleans as dictionaries."""
    arrays = [
        each.dictionary_encode() if each.type in (pa.string(), pa.int32(), pa.bool_()) else each
        for each in batch.columns
    ]
    return pa.RecordBatch.from_arrays(arrays, names=batch.schema.names)


def batches() -> list[pa.RecordBatch]:
    """Return the same columns with and without nulls, sliced, empty and coded."""
    whole = pa.record_batch(list(COLUMNS.values()), names=list(COLUMNS))
    twice = pa.Table.from_batches([whole, whole, whole]).combine_chunks().to_batches()[0]
    made = [whole, twice.slice(3, 13), whole.slice(0, 0), whole.slice(2, 1), coded(twice)]
    made.append(coded(twice.slice(5, 14)).slice(3))
    known = [
        each if pa.types.is_null(each.type) else each.drop_null().slice(0, 5)
        for each in (column.slice(0, 5) if column.type == pa.null() else column for column in whole)
    ]
    return [*made, pa.record_batch(known, names=whole.schema.names)]


def assert_holds_alike(expr: Expr, batch: pa.RecordBatch) -> None:
    value = evaluate(expr, batch)
    if not pa.types.is_boolean(value.type):
        value = value.cast(pa.bool_())
    expected = [bool(each) for each in value.to_pylist()]
    assert truth_of(expr, batch.schema)(batch).tolist() == expected, (expr, batch.schema)


BATCHES = batches()


@pytest.mark.parametrize("name", NUMBERS)
def test_a_column_beside_a_number(name: str) -> None:
    for number, how in itertools.product(NUMBERS[name], COMPARISONS):
        for args in ((Column(name), literal(number)), (literal(number), Column(name))):
            for expr in (Call(how, args), Call("not", (Call(how, args),))):
                for batch in BATCHES:
                    assert_holds_alike(expr, batch)


@pytest.mark.parametrize(
    "names", [("f", "g"), ("n", "m"), ("i32", "u64"), ("i8", "i32"), ("f", "f")]
)
def test_two_columns(names: tuple[str, str]) -> None:
    for how in COMPARISONS:
        expr = Call(how, (Column(names[0]), Column(names[1])))
        for batch in BATCHES:
            assert_holds_alike(expr, batch)
            assert_holds_alike(Call("not", (expr,)), batch)


@pytest.mark.parametrize("closed", ["both", "left", "right", "none"])
def test_between(closed: str) -> None:
    bounds = {"f": (-1, 1.5), "i8": (0, 300), "n": (0.05, 5), "d": NUMBERS["d"][:2], "g": (NAN, 1)}
    for name, (lower, upper) in bounds.items():
        args = (Column(name), literal(lower), literal(upper))
        expr = Call("is_between", args, (("closed", closed),))
        for batch in BATCHES:
            assert_holds_alike(expr, batch)
            assert_holds_alike(Call("not", (expr,)), batch)


def test_conditions_joined_in_all_ways() -> None:
    parts: list[Expr] = [
        Column("b"),
        Column("c"),
        Column("o"),
        literal(True),
        Call("lt", (Column("f"), literal(1))),
        Call("is_null", (Column("i32"),)),
        Call("str.starts_with", (Column("s"), literal("a"))),
        Call("eq", (Column("s"), literal("bc"))),
    ]
    for left, right in itertools.product(parts, parts):
        both, either = Call("and", (left, right)), Call("or", (left, right))
        nested = Call("or", (Call("and", (left, Call("not", (right,)))), Call("not", (either,))))
        for expr in (both, either, nested, Call("not", (both,)), Call("xor", (left, right))):
            for batch in BATCHES:
                if expr.name == "xor" and "o" in {getattr(each, "name", "") for each in expr.args}:
                    continue
                assert_holds_alike(expr, batch)


def test_text_by_code() -> None:
    texts = [None if k % 7 == 0 else f"t{k % 40}" for k in range(400)]
    plain = pa.record_batch([pa.array(texts), pa.array(range(400))], names=["s", "k"])
    given = [plain, coded(plain), coded(plain).slice(13, 200)]
    filled = pa.array([each or "none" for each in texts])
    given.append(coded(pa.record_batch([filled, pa.array(range(400))], names=["s", "k"])))
    for width in (pa.int8(), pa.uint8(), pa.int64()):
        array = pa.array(texts).dictionary_encode()
        narrow = pa.DictionaryArray.from_arrays(array.indices.cast(width), array.dictionary)
        given.append(pa.record_batch([narrow, pa.array(range(400))], names=["s", "k"]))
    for count in (0, 1, 4, 20, 36, 39, 40):
        members = Literal(pa.scalar([f"t{k}" for k in range(count)], pa.list_(pa.string())))
        found = Call("is_in", (Column("s"), members))
        missing = Call("or", (found, Call("is_null", (Column("s"),))))
        for expr in (found, Call("not", (found,)), missing, Call("not", (missing,))):
            for batch in given:
                assert_holds_alike(expr, batch)


def test_dictionaries_that_follow_each_other() -> None:
    expr = Call("eq", (Column("s"), literal("b")))
    array = pa.array(["a", "b", "b", None, "a"])
    schema = pa.schema([("s", pa.dictionary(pa.int32(), pa.string()))])
    test = truth_of(expr, schema)
    orders = ["abc", "abc", "bac", "abc", "bacd", "bacd", "cbad", "cba"]
    for values in map(list, orders):
        codes = pa.array([None if v is None else values.index(v) for v in array.to_pylist()])
        column = pa.DictionaryArray.from_arrays(codes.cast(pa.int32()), pa.array(values))
        batch = pa.record_batch([column], schema=schema)
        assert test(batch).tolist() == [False, True, True, False, False]
        # Fewer rows than values.
        assert test(batch.slice(2, 2)).tolist() == [True, False]


def test_a_value_that_no_row_has_raises_nothing() -> None:
    column = pa.DictionaryArray.from_arrays(pa.array([1, 1, 1], pa.int32()), pa.array(["x", "7"]))
    batch = pa.record_batch([column], names=["s"])
    number = Call("str.to_integer", (Column("s"),), (("base", 10), ("strict", True)))
    expr = Call("eq", (number, literal(7)))
    assert truth_of(expr, batch.schema)(batch).all()
    faulty = pa.DictionaryArray.from_arrays(pa.array([1, 0, 1], pa.int32()), pa.array(["x", "7"]))
    with pytest.raises(ComputeError, match="s"):
        truth_of(expr, batch.schema)(pa.record_batch([faulty], names=["s"]))


def test_errors_of_a_part_are_not_hidden() -> None:
    batch = pa.record_batch([pa.array([2**62, 1]), pa.array([False, False])], names=["i", "b"])
    large = Call("gt", (Call("multiply", (Column("i"), literal(4))), literal(0)))
    with pytest.raises(ComputeError, match="i"):
        truth_of(Call("and", (Column("b"), large)), batch.schema)(batch)


def test_random_masks_have_no_edges() -> None:
    random = np.random.default_rng(3)
    for rows in (1, 7, 8, 9, 63, 64, 65, 1000):
        values = pa.array(random.random(rows), mask=random.random(rows) < 0.3)
        flags = pa.array(random.random(rows) < 0.5, mask=random.random(rows) < 0.3)
        whole = pa.record_batch([values, flags], names=["v", "b"])
        for start in (0, 1, 5, 8):
            batch = whole.slice(start)
            expr = Call("and", (Call("gt", (Column("v"), literal(0.5))), Column("b")))
            assert_holds_alike(expr, batch)

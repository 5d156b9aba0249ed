"""What expressions give: literals that adapt, decimals, dictionaries, choices, casts, errors."""

from __future__ import annotations

import datetime
import decimal
import math
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from partita.engine.api.constructors import all as all_columns
from partita.engine.api.constructors import coalesce, col, exclude, lit, when
from partita.engine.api.constructors import len as rows
from partita.engine.errors import ColumnNotFound, ComputeError, InvalidExpression, TypeMismatch
from partita.engine.expr import calling
from partita.engine.expr import evaluate as evaluation
from partita.engine.expr.aggregates import AGGREGATES, aggregate_type
from partita.engine.expr.evaluate import dtype_of, evaluate, evaluate_many
from partita.engine.expr.expand import expand
from partita.engine.expr.node import Agg, Column, Literal
from partita.engine.expr.text import text_of

D = decimal.Decimal


def run(expression: Any, **columns: Any) -> pa.Array:
    """Return the values of an expression over columns, planned and run alike."""
    batch = pa.record_batch(
        {
            name: pa.array(values) if isinstance(values, list) else values
            for name, values in columns.items()
        }
    )
    found = evaluate(expression.node, batch)
    logical = found.type.value_type if pa.types.is_dictionary(found.type) else found.type
    assert logical == dtype_of(expression.node, batch.schema)
    return found


@pytest.mark.parametrize(
    ("dtype", "value", "expected"),
    [
        (pa.int8(), 1, pa.int8()),
        (pa.int8(), 300, pa.int16()),
        (pa.uint8(), 3, pa.uint8()),
        (pa.int32(), 1.5, pa.float64()),
        (pa.float32(), 1.5, pa.float32()),
        (pa.float32(), 1, pa.float32()),
        (pa.int64(), D("0.5"), pa.decimal128(21, 1)),
        (pa.decimal128(15, 2), 1, pa.decimal128(16, 2)),
        (pa.decimal128(15, 2), 0.5, pa.float64()),
        (pa.int64(), None, pa.int64()),
        (pa.timestamp("ms"), datetime.timedelta(seconds=1), pa.timestamp("ms")),
        (pa.date32(), datetime.timedelta(days=1), pa.date32()),
    ],
)
def test_a_bare_literal_gives_way_to_the_column(
    dtype: pa.DataType, value: object, expected: pa.DataType
) -> None:
    assert dtype_of((col("x") + value).node, pa.schema([("x", dtype)])) == expected


def test_a_typed_literal_keeps_its_type() -> None:
    assert run(col("x") + lit(1, "int64"), x=pa.array([1], pa.int8())).type == pa.int64()


@pytest.mark.parametrize(
    "mixing",
    [
        lambda: col("day") < "2024-01-31",
        lambda: col("at") == "2024-01-31",
        lambda: col("n") == "1",
        lambda: col("day").is_in(["2024-01-31"]),
        lambda: col("n").fill_null("x"),
        lambda: col("at") == col("zoned"),
        lambda: when(col("n") > 0).then("n").otherwise(lit("x")),
    ],
)
def test_types_that_do_not_go_together_are_refused_with_advice(mixing: Any) -> None:
    schema = pa.schema(
        {
            "day": pa.date32(),
            "at": pa.timestamp("us"),
            "zoned": pa.timestamp("us", "UTC"),
            "n": pa.int64(),
        }
    )
    with pytest.raises(TypeMismatch, match=r"pt\.lit\(datetime|cast|time_zone"):
        dtype_of(mixing().node, schema)


def test_dates_compare_with_dates_and_timestamps() -> None:
    day = pa.array([datetime.date(2024, 1, 31), None])
    assert run(col("d") >= datetime.date(2024, 1, 31), d=day).to_pylist() == [True, None]
    assert run(col("d") < datetime.datetime(2024, 1, 31, 1), d=day).to_pylist() == [True, None]
    zoned = pa.array([0], pa.timestamp("ms", "Europe/Paris"))
    utc = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
    assert run(col("t") == utc, t=zoned).to_pylist() == [True]


def test_a_bare_float_beside_a_decimal_is_compared_as_the_decimal_it_shows() -> None:
    rates = pa.array([D("0.05"), D("0.07"), D("0.08")], pa.decimal128(15, 2))
    assert run(col("r").is_between(0.05, 0.07), r=rates).to_pylist() == [True, True, False]
    assert run(col("r").is_in([0.07]), r=rates).to_pylist() == [False, True, False]
    assert run(col("r") > 1 / 3, r=rates).to_pylist() == [False, False, False]


def test_products_of_decimals_are_exact() -> None:
    random = np.random.default_rng(5)
    money = [D(int(each)).scaleb(-2) for each in random.integers(1, 10**7, 500)]
    rate = [D(int(each)).scaleb(-2) for each in random.integers(0, 11, 500)]
    columns = {
        "price": pa.array(money, pa.decimal128(15, 2)),
        "discount": pa.array(rate, pa.decimal128(15, 2)),
        "tax": pa.array(rate[::-1], pa.decimal128(15, 2)),
    }
    found = run(col("price") * (1 - col("discount")) * (1 + col("tax")), **columns)
    assert found.type == pa.decimal128(38, 6)
    expected = [m * (1 - r) * (1 + t) for m, r, t in zip(money, rate, rate[::-1], strict=True)]
    assert found.to_pylist() == expected


def test_wide_decimals_go_through_256_bits_and_raise_where_nothing_holds_them() -> None:
    wide = pa.array([D(10) ** 25, None], pa.decimal128(38, 2))
    other = pa.array([D("123456.78"), D(1)], pa.decimal128(38, 2))
    assert run(col("a") * col("b"), a=wide, b=other).to_pylist() == [D("123456.78") * 10**25, None]
    assert run(col("a") + col("a"), a=wide).to_pylist() == [2 * D(10) ** 25, None]
    with pytest.raises(ComputeError, match=r"a \* a.*decimal128\(38, 4\)"):
        run(col("a") * col("a"), a=wide)


def test_decimals_become_the_nearest_double() -> None:
    plain = ["0.07", "1.15", "123456789.07", "-0.01"]
    values = pa.array([D(each) for each in plain], pa.decimal128(15, 2))
    assert run(col("x").cast(float), x=values).to_pylist() == [float(each) for each in plain]
    assert run(col("x") / 1, x=values).to_pylist() == [float(each) for each in plain]


@pytest.mark.parametrize(
    "expression",
    [
        col("x") + 1,
        col("x") * 2,
        -col("y"),
        col("y") - 1,
        col("y") // -1,
        col("x") ** 9,
        abs(col("y")),
    ],
)
def test_integers_that_overflow_raise_and_name_the_expression(expression: Any) -> None:
    with pytest.raises(ComputeError) as caught:
        run(expression, x=pa.array([127], pa.int8()), y=pa.array([-128], pa.int8()))
    assert text_of(expression.node) in str(caught.value)


def test_nan_is_a_value_and_the_greatest() -> None:
    x = [1.0, math.nan, None]
    assert run(col("x") == math.nan, x=x).to_pylist() == [False, True, None]
    assert run(col("x") > 5.0, x=x).to_pylist() == [False, True, None]
    assert run(lit(5.0) < col("x"), x=x).to_pylist() == [False, True, None]
    assert run(col("x") <= math.nan, x=x).to_pylist() == [True, True, None]
    assert run(col("x").is_in([math.nan, -0.0]), x=[*x, 0.0]).to_pylist() == [
        *(False, True, None, True)
    ]


def test_equal_parts_are_computed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []
    original = evaluation.apply

    def counting(function: Any, operands: Any, options: Any) -> Any:
        seen.append(function.name)
        return original(function, operands, options)

    monkeypatch.setattr(evaluation, "apply", counting)
    shared = col("x") * 2
    batch = pa.record_batch({"x": [1, 2]})
    first, second = evaluate_many([(shared + 1).node, (shared - 1).node], batch)
    assert (first.to_pylist(), second.to_pylist()) == ([3, 5], [1, 3])
    assert sorted(seen) == ["add", "multiply", "subtract"]


def words(*codes: int | None) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(
        pa.array(codes, pa.int32()), pa.array(["a", "A", "7", "x", None])
    )


def test_text_stays_a_dictionary_of_different_values() -> None:
    found = run(col("s").str.to_uppercase(), s=words(0, 1, None, 4, 3))
    assert isinstance(found, pa.DictionaryArray)
    assert found.to_pylist() == ["A", "A", None, None, "X"]
    values = found.dictionary.drop_null().to_pylist()
    assert sorted(values) == sorted(set(values))
    filled = run(col("s").fill_null("-"), s=words(0, None, 4))
    assert filled.to_pylist() == ["a", "-", "-"]
    assert filled.null_count == 0


def test_a_value_that_no_row_has_does_not_fail() -> None:
    assert run(col("s").str.to_integer(), s=words(2, None, 2)).to_pylist() == [7, None, 7]
    with pytest.raises(ComputeError, match=r"s\.str\.to_integer\(\)"):
        run(col("s").str.to_integer(), s=words(2, 3))


def test_predicates_look_at_the_dictionary_only(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []
    original = calling._run

    def measuring(function: Any, operands: Any, options: Any) -> Any:
        sizes.append(len(operands[0].value))
        return original(function, operands, options)

    monkeypatch.setattr(calling, "_run", measuring)
    many = words(*[0, 1, 2, None] * 100)
    assert run(col("s") == "a", s=many).to_pylist() == [True, False, False, None] * 100
    assert max(sizes) <= 6


def test_when_takes_the_first_true_condition_and_null_is_not_true() -> None:
    choice = when(col("x") > 2).then(lit("many")).when(col("x") > 0).then(lit("few"))
    assert run(choice, x=[3, 1, 0, None]).to_pylist() == ["many", "few", None, None]
    assert run(choice.otherwise(lit("none")), x=[3, None]).to_pylist() == ["many", "none"]
    assert run(when(col("x") > 0).then("x").otherwise(0.5), x=[1, -1]).to_pylist() == [1.0, 0.5]
    assert run(when(True).then(1).otherwise(2), x=[1, 2]).to_pylist() == [1, 1]


def test_a_branch_fails_only_in_rows_that_it_is_for() -> None:
    number = when(col("s").str.contains("^[0-9]+$")).then(col("s").cast(int)).otherwise(-1)
    assert run(number, s=["1", "x", None, "3"]).to_pylist() == [1, -1, -1, 3]
    with pytest.raises(ComputeError):
        run(when(col("s") != "y").then(col("s").cast(int)).otherwise(-1), s=["1", "x"])


@pytest.mark.parametrize(
    ("values", "dtype", "lenient"),
    [
        (["1", " ", "9" * 20, "-3", "1.5", None], "int64", [1, None, None, -3, None, None]),
        (["+1", "++1", "+", "+-1"], "int8", [1, None, None, None]),
        ([300, -1, 5, None], "uint8", [None, None, 5, None]),
        ([1.9, -1.9, math.nan, 1e300, None], "int32", [1, -1, None, None, None]),
        ([D("300.5"), D("-1.5"), None], "int8", [None, -1, None]),
        (["2024-02-29", "2023-02-29", "x"], "date", [datetime.date(2024, 2, 29), None, None]),
        (["1.5", "x", "nan", None], "double", [1.5, None, math.nan, None]),
        (["1.005", "1.015", "x", None], pa.decimal128(5, 2), [D("1.01"), D("1.02"), None, None]),
        ([9.0**20, 2.0], "int64", [None, 2]),
    ],
)  # fmt: skip
def test_what_does_not_fit_raises_or_becomes_null(
    values: list[Any], dtype: Any, lenient: list[Any]
) -> None:
    found = run(col("x").cast(dtype, strict=False), x=values).to_pylist()
    assert [str(each) for each in found] == [str(each) for each in lenient]
    with pytest.raises(ComputeError, match=r"x\.cast"):
        run(col("x").cast(dtype), x=values)


def test_casts_round_and_truncate_as_documented() -> None:
    assert run(col("x").cast(int), x=[1.9, -1.9]).to_pylist() == [1, -1]
    decimals = pa.array([D("1.25"), D("-1.25")], pa.decimal128(5, 2))
    assert run(col("x").cast(pa.decimal128(5, 1)), x=decimals).to_pylist() == [D("1.3"), D("-1.3")]
    assert run(col("x").cast(str), x=[1.0, 2.5]).to_pylist() == ["1.0", "2.5"]
    assert run(col("x").cast(str), x=[True, None]).to_pylist() == ["true", None]
    before = pa.array([-1], pa.timestamp("us"))
    assert run(col("x").cast("date"), x=before).to_pylist() == [datetime.date(1969, 12, 31)]
    with pytest.raises(TypeMismatch, match="no cast"):
        dtype_of(col("x").cast("date").node, pa.schema([("x", pa.bool_())]))


def test_text_reads_as_it_was_written() -> None:
    written = {
        '(amount > 100) & region.str.starts_with("N")': (col("amount") > 100)
        & col("region").str.starts_with("N"),
        "a - (b - c) - 1": col("a") - (col("b") - col("c")) - 1,
        "(a + b) * 2 ** c": (col("a") + col("b")) * (2 ** col("c")),
        "sum(a) / len()": col("a").sum() / rows(),
        'col("odd name") == 2024-01-31': col("odd name") == datetime.date(2024, 1, 31),
        "~a.is_null() | b.is_in([1, 2])": ~col("a").is_null() | col("b").is_in([1, 2]),
        "when(a > 1).then(b).otherwise(null)": when(col("a") > 1).then("b"),
        's.str.replace("a", "b", n=2)': col("s").str.replace("a", "b", n=2),
        "a.cast(double, strict=False)": col("a").cast(float, strict=False),
        "coalesce(a, 0)": coalesce("a", 0),
    }
    assert {text: repr(expression) for text, expression in written.items()} == {
        text: text for text in written
    }


def test_wildcards_become_columns() -> None:
    schema = pa.schema({"a": pa.int64(), "b": pa.int64(), "c": pa.string()})
    assert [name for name, _ in expand([all_columns().node], schema)] == ["a", "b", "c"]
    found = expand([(exclude("c") * 2).node, col("a", "b").sum().node], schema)
    assert [text_of(expr) for _, expr in found] == ["a * 2", "b * 2", "sum(a)", "sum(b)"]
    assert expand([col("*").node], schema)[0] == ("a", Column("a"))
    with pytest.raises(ColumnNotFound, match="Existing columns"):
        expand([exclude("aa").node], schema)


@pytest.mark.parametrize("name", AGGREGATES)
def test_aggregates_have_a_type_for_all_they_accept(name: str) -> None:
    aggregate = AGGREGATES[name]
    for dtype in (*aggregate.accepts.samples, pa.null()):
        assert isinstance(aggregate_type(name, dtype), pa.DataType)
        settings = (("quantile", 0.5),) if "quantile" in name else ()
        others = tuple(Column("y") for _ in aggregate.others)
        schema = pa.schema([("x", dtype), ("y", pa.int64())])
        planned = dtype_of(Agg(name, Column("x"), settings, others=others), schema)
        assert planned == aggregate_type(name, dtype)
    if not aggregate.accepts.contains(pa.list_(pa.int8())):
        with pytest.raises(TypeMismatch, match=name):
            aggregate_type(name, pa.list_(pa.int8()))


def test_aggregates_do_not_run_row_by_row() -> None:
    with pytest.raises(InvalidExpression, match="group_by"):
        run(col("x").sum(), x=[1])


def test_unknown_columns_and_lonely_literals() -> None:
    with pytest.raises(ColumnNotFound, match="Did you mean 'amount'"):
        dtype_of((col("amuont") + 1).node, pa.schema([("amount", pa.int64())]))
    assert run(lit(3) + 4, x=[1, 2]).to_pylist() == [7, 7]
    assert run(lit("a"), x=[]).to_pylist() == []
    assert isinstance(lit(3).node, Literal)
    assert pc.all(run(lit(None).is_null(), x=[1, 2])).as_py()

"""A filter copies what is kept, of the columns that are needed, as Arrow's filter does."""

from __future__ import annotations

import decimal

import numpy as np
import pyarrow as pa
import pytest

from partita.engine.errors import ComputeError
from partita.engine.expr.evaluate import evaluate
from partita.engine.expr.node import Call, Column, literal
from partita.engine.physical.fusing import fused
from partita.engine.physical.kernels.kept import kept_rows
from partita.engine.physical.operators.compute import Compute
from partita.engine.physical.operators.conform import ConformRows
from partita.engine.physical.operators.filter import FilterRows

from .test_physical_operators import SerialContext

RANDOM = np.random.default_rng(5)


def columns(rows: int, nulls: bool) -> pa.RecordBatch:
    mask = RANDOM.random(rows) < (0.2 if nulls else 0)
    numbers = RANDOM.integers(-50, 50, rows)
    texts = pa.array([f"ä{k % 9}" for k in numbers], mask=mask)
    made = {
        "bool": pa.array(numbers % 2 == 0, mask=mask),
        "int8": pa.array(numbers.astype(np.int8), mask=mask),
        "int64": pa.array(numbers, mask=mask),
        "double": pa.array(numbers / 7, mask=mask),
        "date": pa.array(numbers.astype(np.int32), pa.int32(), mask=mask).cast(pa.date32()),
        "zoned": pa.array(numbers, pa.timestamp("ns", "Europe/Paris"), mask=mask),
        "decimal": pa.array(
            [decimal.Decimal(int(k)) for k in numbers], pa.decimal128(30, 4), mask=mask
        ),
        "text": texts,
        "coded": texts.dictionary_encode(),
        "list": pa.array([[int(k)] for k in numbers], pa.list_(pa.int64()), mask=mask),
        "null": pa.nulls(rows),
    }
    return pa.record_batch(list(made.values()), names=list(made))


@pytest.mark.parametrize("nulls", [False, True])
@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.9, 1.0])
def test_rows_are_those_that_arrow_keeps(share: float, nulls: bool) -> None:
    whole = columns(500, nulls)
    for batch in (whole, whole.slice(3, 401), whole.slice(499), whole.slice(0, 0)):
        mask = RANDOM.random(batch.num_rows) < share
        expected = batch.filter(pa.array(mask))
        kept = kept_rows(batch, mask, int(mask.sum()), range(batch.num_columns))
        kept.validate(full=True)
        assert kept.schema.equals(batch.schema)
        assert kept.to_pylist() == expected.to_pylist()
        few = kept_rows(batch, mask, int(mask.sum()), [4, 1])
        assert few.equals(expected.select(["date", "int8"]))
        assert kept_rows(batch, mask, int(mask.sum()), []).num_rows == mask.sum()


def test_columns_of_the_predicate_alone_are_left_out() -> None:
    keep = FilterRows(predicate=Call("gt", (Column("a"), literal(1))))
    schema = pa.schema([("b", pa.int64()), ("c", pa.int64())])
    chosen = Compute(exprs=(("b", Column("b")), ("c", Column("c"))), schema=schema)
    assert fused((keep, chosen)) == (FilterRows(predicate=keep.predicate, columns=("b", "c")),)
    total = Call("add", (Column("d"), Column("b")))
    computed = Compute(exprs=(("b", total), ("c", Column("b"))), schema=schema)
    fewer = FilterRows(predicate=keep.predicate, columns=("b", "d"))
    assert fused((keep, computed)) == (fewer, computed)
    assert fused(fused((keep, computed))) == (fewer, computed)
    conform = ConformRows(schema=schema)
    assert fused((keep, conform, computed)) == (keep, conform, computed)


def test_dear_conditions_are_asked_of_the_rows_that_are_left() -> None:
    rows = 2000
    texts = pa.array([None if k % 11 == 0 else f"special {k % 7} requests" for k in range(rows)])
    numbers = pa.array(np.arange(rows))
    whole = pa.record_batch({"k": numbers, "s": texts, "d": texts.dictionary_encode()})
    whole = whole.select(["d", "k", "s"])
    asked: list[int] = []
    pattern = Call("str.contains", (Column("s"), literal("special [13].*")), (("literal", False),))
    coded = Call("str.starts_with", (Column("d"), literal("special")))
    for most, column in ((1.0, "k"), (0.6, "k"), (0.2, "s"), (0.0, "k")):
        few = Call("lt", (Column("k"), literal(int(most * rows))))
        other = Call("not", (pattern,))
        given_parts = ([pattern, few], [few, pattern, coded], [coded, other, few], [pattern], [few])
        for parts in (*given_parts, [pattern, Call("not", (other,))]):
            predicate = parts[0]
            for part in parts[1:]:
                predicate = Call("and", (predicate, part))
            for batch in (whole, whole.slice(5, 1000), whole.slice(1999)):
                expected = batch.filter(evaluate(predicate, batch)).select([column])
                operator = FilterRows(predicate=predicate, columns=(column,))
                given = list(operator.execute(iter([batch]), SerialContext()))
                asked.append(len(given))
                assert [row for each in given for row in each.to_pylist()] == expected.to_pylist()
    assert 0 < sum(asked) < len(asked)


def test_what_may_raise_is_asked_of_all_rows() -> None:
    batch = pa.record_batch({"k": pa.array([1, 2]), "s": pa.array(["1", "x"])})
    number = Call("str.to_integer", (Column("s"),), (("base", 10), ("strict", True)))
    few = Call("lt", (Column("k"), literal(0)))
    predicate = Call("and", (few, Call("gt", (number, literal(0)))))
    with pytest.raises(ComputeError, match="s"):
        list(FilterRows(predicate=predicate).execute(iter([batch]), SerialContext()))


def test_bits_of_integers_are_no_conjunction() -> None:
    batch = pa.record_batch({"a": pa.array([1, 3, 2, 4]), "b": pa.array([2, 2, 2, 4])})
    given = FilterRows(predicate=Call("and", (Column("a"), Column("b"))))
    (kept,) = given.execute(iter([batch]), SerialContext())
    assert kept.column("a").to_pylist() == [3, 2, 4]

"""A filter copies what is kept, of the columns that are needed, as Arrow's filter does."""

from __future__ import annotations

import decimal

import numpy as np
import pyarrow as pa
import pytest

from partita.engine.expr.node import Call, Column, literal
from partita.engine.physical.fusing import fused
from partita.engine.physical.kernels.kept import kept_rows
from partita.engine.physical.operators.compute import Compute
from partita.engine.physical.operators.conform import ConformRows
from partita.engine.physical.operators.filter import FilterRows

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

"""Functions of rows, called slice by slice: each row once, in order, and nothing mixed up."""

from __future__ import annotations

import math
from typing import Any

import pyarrow as pa
import pytest

from partita.engine.expr.python_call import SLICE
from partita.engine.physical.row_function import RowFunction
from partita.engine.physical.user_code import ReturnedWrong

SCHEMA = pa.schema({"n": pa.int64(), "t": pa.string(), "f": pa.float64()})


def batch_of(rows: int) -> pa.RecordBatch:
    """Return a slice of a longer batch, with nulls and NaN."""
    made = {
        "n": [None if row % 7 == 3 else row for row in range(rows + 5)],
        "t": [f"t{row % 11}" if row % 5 else None for row in range(rows + 5)],
        "f": [math.nan if row % 3 else -0.0 for row in range(rows + 5)],
    }
    return pa.RecordBatch.from_pydict(made, schema=SCHEMA).slice(5)


@pytest.mark.parametrize("rows", [0, 1, SLICE - 1, SLICE, SLICE + 1, 2 * SLICE + 3])
@pytest.mark.parametrize("form", ["tuple", "dict", "value"])
def test_rows_are_given_once_and_in_order(rows: int, form: str) -> None:
    batch = batch_of(rows)
    seen: list[Any] = []

    def turned(row: Any) -> Any:
        seen.append(row)
        if form == "dict":
            return {"f": row["f"], "n": row["n"], "t": row["t"]}
        return row[0] if form == "value" else row

    names = ["n"] if form == "value" else SCHEMA.names
    declared = pa.schema([SCHEMA.field(name) for name in names])
    found = RowFunction(turned, declared, named=form == "dict")(batch)
    assert repr(found) == repr({name: batch.column(name).to_pylist() for name in names})
    given = [row if form == "dict" else tuple(row.values()) for row in batch.to_pylist()]
    assert repr(seen) == repr(given)


@pytest.mark.parametrize("wrong", [(1, "x"), {"n": 1, "t": "x"}, None])
def test_a_wrong_row_in_the_last_slice_is_told(wrong: Any) -> None:
    batch = batch_of(SLICE + 1)
    last = batch.num_rows - 1
    places = iter(range(batch.num_rows))

    def late(row: tuple[Any, ...]) -> Any:
        return wrong if next(places) == last else row

    with pytest.raises(ReturnedWrong, match=r"late has to return a tuple or a dict"):
        RowFunction(late, SCHEMA, named=False)(batch)

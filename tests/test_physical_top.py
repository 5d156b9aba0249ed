"""The first rows in an order, against a sort of all; and what a threshold leaves out."""

from __future__ import annotations

import math
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pytest

from partita.engine.expr.node import Column, SortKey
from partita.engine.physical.kernels.concat import concat
from partita.engine.physical.kernels.sort import sort_positions
from partita.engine.physical.kernels.threshold import possible
from partita.engine.physical.operators.sort import TopK

from .test_physical_operators import SerialContext

RNG = np.random.default_rng(23)
KINDS: dict[str, tuple[list[Any], pa.DataType]] = {
    "int": ([3, -1, 7, 0, 2**40, -(2**63)], pa.int64()),
    "unsigned": ([0, 2**64 - 1, 2**63], pa.uint64()),
    "small": ([-128, 127, 0], pa.int8()),
    "double": ([0.0, -0.0, math.nan, -math.inf, math.inf, -2.5, 1e300], pa.float64()),
    "single": ([0.0, math.nan, -math.inf, 2.5], pa.float32()),
    "half": ([0.0, math.nan, -2.5, 2.5], pa.float16()),
    "bool": ([True, False], pa.bool_()),
    "text": (["", "b", "a", "ab", "ü", "𝄞", "z"], pa.string()),
    "binary": ([b"", b"\x00", b"\xff", b"a"], pa.binary()),
    "decimal": ([Decimal("1.50"), Decimal("-3.25")], pa.decimal128(9, 2)),
    "wide": ([Decimal(10**30), Decimal(-(10**30)), Decimal(2)], pa.decimal128(38, 0)),
    "date": ([0, 17, -3], pa.date32()),
    "time": ([0, 5, -(10**18)], pa.timestamp("ns")),
    "zoned": ([0, 5, -(10**12)], pa.timestamp("us", "Europe/Vienna")),
    "span": ([0, 5, -7], pa.duration("ms")),
    "nothing": ([None], pa.null()),
}
DIRECTIONS = [(d, n) for d in (False, True) for n in (False, True)]


def column(kind: str, rows: int, nulls: bool = True) -> pa.Array:
    values, dtype = KINDS[kind]
    chosen = RNG.integers(0, len(values) + (1 if nulls else 0), rows)
    taken = [None if c == len(values) else values[c] for c in chosen]
    if dtype == pa.float16():
        taken = [None if value is None else np.float16(value) for value in taken]
    return pa.array(taken, dtype)


def coded(array: pa.Array, way: int) -> pa.Array:
    """Return the same values plain, as a dictionary, or as one with values that do not occur."""
    if way == 0 or pa.types.is_null(array.type):
        return array
    encoded = array.dictionary_encode()
    if way == 1:
        return encoded
    more = pa.concat_arrays([encoded.dictionary, encoded.dictionary])
    return pa.DictionaryArray.from_arrays(encoded.indices, pa.concat_arrays([more] * 3))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("descending", "nulls_last"), DIRECTIONS)
def test_a_threshold_leaves_out_what_lies_behind_it(
    kind: str, descending: bool, nulls_last: bool
) -> None:
    key = SortKey(Column("x"), descending, nulls_last)
    for nulls in (False, True):
        # An array with an offset, of an odd length.
        values = column(kind, 67, nulls).slice(3, 61)
        for place in range(0, 61, 7):
            threshold = values[place]
            both = pa.concat_arrays([values.slice(place, 1), values])
            order = sort_positions([both], [key]).tolist()
            # The threshold stands before what equals it: so equal values are among those behind.
            strictly = sorted(row - 1 for row in order[: order.index(0)])
            last = pa.concat_arrays([values, values.slice(place, 1)])
            order = sort_positions([last], [key]).tolist()
            loosely = sorted(order[: order.index(61)])
            for way in range(3):
                given = coded(values, way)
                for strict, expected in ((True, strictly), (False, loosely)):
                    found = possible(given, threshold, key, strict)
                    if found is None:
                        assert kind in ("wide",) or len(expected) == 61, "nothing was left out"
                    else:
                        assert found.tolist() == expected, (threshold, strict, way)


def cut_at_random(batch: pa.RecordBatch, dictionaries: bool) -> Iterator[pa.RecordBatch]:
    start = 0
    while start < batch.num_rows:
        length = int(RNG.integers(0, 60))
        piece = batch.slice(start, length)
        columns = [
            coded(each, int(RNG.integers(0, 3)) if dictionaries else 0) for each in piece.columns
        ]
        yield pa.RecordBatch.from_arrays(columns, names=batch.schema.names)
        start += length


@pytest.mark.parametrize("limit", [0, 1, 5, 30, 400, 1000])
def test_the_first_rows_are_those_of_a_stable_sort(limit: int) -> None:
    rows = 400
    for _ in range(40):
        names = [str(n) for n in RNG.choice(list(KINDS), RNG.integers(1, 4), replace=False)]
        by = tuple(
            SortKey(Column(name), bool(RNG.integers(2)), bool(RNG.integers(2))) for name in names
        )
        columns = {name: column(name, rows) for name in names}
        columns["row"] = pa.array(range(rows))
        batch = pa.RecordBatch.from_pydict(columns)
        expected = sort_positions([batch.column(name) for name in names], by)[:limit]
        top = TopK(by=by, limit=limit)
        made = list(top.execute(cut_at_random(batch, True), SerialContext(batch_rows=64)))
        given = concat(made).column("row").to_pylist() if made else []
        assert given == expected.tolist(), (names, by)


def test_the_first_rows_are_those_of_polars() -> None:
    rows = 3000
    frame = pl.DataFrame(
        {
            "x": RNG.integers(0, 40, rows) / 4,
            "k": [None if v == 3 else f"key {v}" for v in RNG.integers(0, 7, rows).tolist()],
            "row": range(rows),
        }
    ).with_columns(pl.when(pl.col("x") > 9).then(None).otherwise(pl.col("x")).alias("x"))
    (batch,) = frame.cast({"k": pl.String}).to_arrow().combine_chunks().to_batches()
    k = batch.column("k").cast(pa.string())
    batch = pa.RecordBatch.from_arrays([batch["x"], k, batch["row"]], ["x", "k", "row"])
    for names in (["x"], ["k", "x"], ["x", "k"]):
        for descending, nulls_last in DIRECTIONS:
            by = tuple(SortKey(Column(name), descending, nulls_last) for name in names)
            made = TopK(by=by, limit=50).execute(
                (batch.slice(start, 250) for start in range(0, rows, 250)), SerialContext()
            )
            expected = frame.sort(
                names, descending=descending, nulls_last=nulls_last, maintain_order=True
            ).head(50)
            assert concat(list(made)).column("row").to_pylist() == expected["row"].to_list()

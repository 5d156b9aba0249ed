"""Rows that hardly share groups are handed to the final aggregation as they are."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pytest

import partita as pt
from partita import col
from partita.engine.expr.node import Agg, Call, Column
from partita.engine.physical.operators import plain_rows
from partita.engine.physical.operators.final_aggregate import FinalAggregate
from partita.engine.physical.operators.partial_aggregate import PartialAggregate
from partita.engine.physical.operators.plain_rows import row_columns

from .test_physical_operators import SerialContext, run

ROWS = 3000


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Cut so that there are several tasks and slots, and look at few rows of a batch."""
    monkeypatch.setattr(plain_rows, "_SAMPLE", 16)
    settings = {
        "executor": "serial",
        "partition_bytes": 16_000,
        "exchange_bytes": 8_000,
        "batch_rows": 100,
    }
    with pt.config.set(**settings):
        yield


def table(groups: int) -> pa.Table:
    """Return rows with null, NaN and -0.0 among keys and values, and codes of a dictionary."""
    random = np.random.default_rng(groups)
    floats = np.array([0.0, -0.0, math.nan, 1.5, -3.0])
    return pa.table(
        {
            "k": pa.array(random.integers(0, groups, ROWS), mask=random.random(ROWS) < 0.02),
            "d": pa.array([f"t{n}" for n in random.integers(0, 3, ROWS)]).dictionary_encode(),
            "f": pa.array(random.choice(floats, ROWS), mask=random.random(ROWS) < 0.1),
            "i": pa.array(random.integers(-(2**62), 2**62, ROWS)).cast(pa.decimal128(19)),
            "v": pa.array(random.integers(-99, 99, ROWS) / 4, mask=random.random(ROWS) < 0.1),
        }
    )


def normal(rows: list[dict[str, Any]]) -> list[str]:
    """Return rows in an order that does not depend on how they came, with one kind of zero."""
    return sorted(
        repr({name: v + 0.0 if isinstance(v, float) else v for name, v in row.items()})
        for row in rows
    )


@pytest.mark.parametrize("keys", [("k",), ("k", "d"), ("f", "k"), ("d", "f", "k")])
@pytest.mark.parametrize("groups", [5, 300, 100_000])
def test_the_answer_is_that_of_polars_however_far_rows_share_groups(
    keys: tuple[str, ...], groups: int
) -> None:
    given = table(groups)
    found = (
        pt.from_arrow(given)
        .group_by(*keys)
        .agg(
            total=col("v").sum(),
            mean=col("v").mean(),
            exact=col("i").sum(),
            least=col("v").min(),
            most=col("f").max(),
            texts=col("d").n_unique(),
            rows=pt.len(),
            there=col("v").count(),
        )
    )
    frame = pl.from_arrow(given).with_columns(pl.col("f") + 0.0, pl.col("d").cast(pl.String))
    expected = frame.group_by(*keys).agg(
        total=pl.col("v").sum(),
        mean=pl.col("v").mean(),
        exact=pl.col("i").sum(),
        least=pl.col("v").min(),
        most=pl.col("f").max(),
        texts=pl.col("d").n_unique(),
        rows=pl.len(),
        there=pl.col("v").count(),
    )
    assert normal(found.collect().to_arrow().to_pylist()) == normal(expected.to_dicts())


@pytest.mark.parametrize("groups", [5, 100_000])
def test_order_and_firsts_are_those_of_the_rows(groups: int) -> None:
    given = table(groups)
    found = (
        pt.from_arrow(given)
        .group_by("k", maintain_order=True)
        .agg(first=col("v").first(), last=col("v").last())
    )
    expected = (
        pl.from_arrow(given)
        .group_by("k", maintain_order=True)
        .agg(first=pl.col("v").first(), last=pl.col("v").last())
    )
    assert found.collect().to_arrow().to_pylist() == expected.to_dicts()


def test_what_is_handed_on_is_rows_where_they_are_alone_and_states_where_they_are_not() -> None:
    aggs = (("n", Agg("len", None)), ("s", Agg("sum", Column("v"))))
    schema = pa.schema([("k", pa.int64()), ("v", pa.int64())])
    made = []
    for keys in (np.arange(200), np.arange(200) % 50, np.arange(200) // 4, np.arange(200) - 100):
        batch = pa.RecordBatch.from_pydict({"k": keys, "v": np.ones(200, np.int64)})
        partial = PartialAggregate(keys=("k",), aggs=aggs, schema=schema)
        made.append(run(partial, [batch, batch], SerialContext(batch_rows=200)))
    names = [[batch.schema.names for batch in batches] for batches in made]
    assert names[0] == names[3] == [["k", "v"]] * 2
    assert names[1] == names[2] == [["k", "n__len", "s__sum"]]
    out = pa.schema([("k", pa.int64()), ("n", pa.int64()), ("s", pa.int64())])
    final = FinalAggregate(keys=("k",), aggs=aggs, schema=out)
    # Rows, states and rows again, of the same groups.
    states = [batch for batches in made for batch in batches]
    (given,) = run(final, states, SerialContext(batch_rows=1000))
    expected: dict[int, int] = {}
    for keys in (np.arange(200), np.arange(200) % 50, np.arange(200) // 4, np.arange(200) - 100):
        for key in keys.tolist():
            expected[key] = expected.get(key, 0) + 2
    assert dict(zip(given["k"].to_pylist(), given["n"].to_pylist(), strict=True)) == expected
    assert given["n"].equals(given["s"])
    assert given["k"].to_pylist() == list(expected), "groups come by appearance"


def test_equal_keys_that_come_round_are_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plain_rows, "_SAMPLE", 512)
    keys = pa.array(np.arange(6400) % 100)
    batch = pa.RecordBatch.from_arrays([keys], names=["k"])
    assert not plain_rows.are_alone(batch, ("k",))


@pytest.mark.parametrize(
    "agg",
    [
        Agg("sum", Call("add", (Column("v"), Column("v")))),
        Agg("sum", Column("v"), where=Column("b")),
    ],
)
def test_what_is_computed_is_computed_where_it_is_read(agg: Agg) -> None:
    assert row_columns(("k",), [agg], ("k", "s__sum")) is None


def test_rows_are_never_taken_for_states() -> None:
    given = pa.table({"k": range(ROWS), "s__sum": [1] * ROWS})
    found = pt.from_arrow(given).group_by("k").agg(s=col("s__sum").sum()).collect().to_arrow()
    assert sorted(found["k"].to_pylist()) == list(range(ROWS))
    assert set(found["s"].to_pylist()) == {1}
    assert row_columns(("k",), [Agg("sum", Column("s__sum"))], ("k", "s__sum")) is None

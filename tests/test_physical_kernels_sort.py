"""Sorting, and cutting sorted runs into ranges, against a sort by plain Python comparison."""

from __future__ import annotations

import functools
import math
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

import partita as pt
from partita.engine.expr.node import Call, Column, SortKey, literal
from partita.engine.physical.kernels.sort import (
    boundaries,
    cut,
    keys_at,
    merge,
    order_key,
    sample,
    sort_positions,
)

RNG = np.random.default_rng(11)
ROWS = 300
KINDS: dict[str, tuple[list[Any], pa.DataType]] = {
    "int": ([3, -1, 7, 0, 2**40], pa.int64()),
    "full": ([-(2**63), 2**63 - 1, 0], pa.int64()),
    "unsigned": ([0, 2**64 - 1, 2**63], pa.uint64()),
    "double": ([0.0, -0.0, math.nan, -math.inf, math.inf, -2.5, 1e300], pa.float64()),
    "bool": ([True, False], pa.bool_()),
    "text": (["", "b", "a", "ab", "ü", "𝄞", "z"], pa.string()),
    "decimal": ([Decimal("1.50"), Decimal("-3.25")], pa.decimal128(9, 2)),
    "wide": ([Decimal(10**30), Decimal(-(10**30)), Decimal(2), Decimal(-2)], pa.decimal128(38, 0)),
    "time": ([0, 5, -(10**18)], pa.timestamp("ns")),
}


def batch_of_all(rows: int = ROWS) -> pa.RecordBatch:
    """Return a batch with a column of each kind, nulls among the values, and row numbers."""
    made = {}
    for name, (values, dtype) in KINDS.items():
        chosen = RNG.integers(0, len(values) + 1, rows)
        made[name] = pa.array([None if c == len(values) else values[c] for c in chosen], dtype)
    made["coded"] = made["text"].dictionary_encode()
    made["row"] = pa.array(range(rows))
    return pa.RecordBatch.from_pydict(made)


def expected_order(batch: pa.RecordBatch, by: list[SortKey]) -> list[int]:
    keys = keys_at(batch, by, range(batch.num_rows))
    return sorted(range(batch.num_rows), key=lambda row: order_key(keys[row], by))


DIRECTIONS = [(d, n) for d in (False, True) for n in (False, True)]


@pytest.mark.parametrize("name", [*KINDS, "coded"])
@pytest.mark.parametrize(("descending", "nulls_last"), DIRECTIONS)
def test_one_key_of_any_kind(name: str, descending: bool, nulls_last: bool) -> None:
    batch = batch_of_all()
    by = [SortKey(Column(name), descending, nulls_last)]
    expected = expected_order(batch, by)
    assert sort_positions([batch.column(name)], by).tolist() == expected
    assert sort_positions([batch.column(name)], by, limit=20).tolist() == expected[:20]
    part = batch.slice(50, 100)
    assert sort_positions([part.column(name)], by).tolist() == expected_order(part, by)
    assert sort_positions([batch.column(name).slice(0, 0)], by).tolist() == []


def test_several_keys_in_any_direction() -> None:
    batch = batch_of_all()
    names = [*KINDS, "coded"]
    for _ in range(60):
        chosen = RNG.choice(names, RNG.integers(2, 5), replace=False)
        by = [
            SortKey(Column(str(name)), bool(RNG.integers(2)), bool(RNG.integers(2)))
            for name in chosen
        ]
        columns = [batch.column(str(name)) for name in chosen]
        expected = expected_order(batch, by)
        assert sort_positions(columns, by).tolist() == expected
        assert sort_positions(columns, by, limit=7).tolist() == expected[:7]


def test_null_and_nan_stand_where_polars_puts_them() -> None:
    import polars as pl

    values = [1.0, math.nan, None, -1.0]
    for descending, nulls_last in DIRECTIONS:
        by = [SortKey(Column("x"), descending, nulls_last)]
        order = sort_positions([pa.array(values)], by)
        expected = pl.Series(values).sort(descending=descending, nulls_last=nulls_last)
        assert str([values[row] for row in order]) == str(expected.to_list())


@pytest.mark.parametrize(
    "names", [("int",), ("double", "text"), ("coded", "wide"), ("time", "bool", "unsigned")]
)
def test_ranges_of_sorted_runs_put_one_behind_another_are_the_sort_of_all(
    names: tuple[str, ...],
) -> None:
    batch = batch_of_all(3000)
    by = [
        SortKey(Column(name), bool(number % 2), bool(RNG.integers(2)))
        for number, name in enumerate(names)
    ]
    whole = merge([batch], by)
    runs = [merge([batch.slice(start, 750)], by) for start in range(0, 3000, 750)]
    keys = boundaries([sample(run, by, 40) for run in runs], 4, by)
    assert 1 <= len(keys) <= 3
    cuts = [[0, *cut(run, by, keys), run.num_rows] for run in runs]
    rows = []
    for part in range(len(keys) + 1):
        pieces = [
            run.slice(own[part], own[part + 1] - own[part])
            for run, own in zip(runs, cuts, strict=True)
        ]
        rows += merge(pieces, by).column("row").to_pylist()
    assert rows == whole.column("row").to_pylist()


def test_edges_outside_a_run_and_empty_runs() -> None:
    by = [SortKey(Column("x"))]
    run = pa.RecordBatch.from_pydict({"x": [2, 2, 4]})
    assert cut(run, by, [(1,), (2,), (3,), (4,), (5,)]) == [0, 0, 2, 2, 3]
    assert cut(pa.Table.from_batches([run, run.slice(2)]), by, [(3,), (4,), (5,)]) == [2, 2, 4]
    assert cut(run.slice(0, 0), by, [(1,)]) == [0]
    assert sample(run.slice(0, 0), by, 5) == ()
    assert boundaries([], 4, by) == []


def test_a_key_that_is_everywhere_gives_no_boundaries() -> None:
    by = [SortKey(Column("x"))]
    assert boundaries([[(1,)] * 50, [(1,)] * 50], 8, by) == []


def test_a_key_may_be_an_expression() -> None:
    by = [SortKey(Call("negate", (Column("x"),)))]
    negated = [SortKey(Call("subtract", (literal(0), Column("x"))))]
    batch = pa.RecordBatch.from_pydict({"x": [1, 3, 2]})
    from partita.engine.expr.functions import FUNCTIONS

    keys = by if "negate" in FUNCTIONS else negated
    assert merge([batch], keys).column("x").to_pylist() == [3, 2, 1]
    assert sample(batch, keys, 1) == ((-1,),)


def test_order_keys_and_sorted_positions_agree_on_ties() -> None:
    by = [SortKey(Column("x"), descending=True)]
    compare = functools.partial(order_key, by=by)
    assert compare((0.0,)) == compare((-0.0,))
    assert compare((math.nan,)) == compare((-math.nan,))
    order = sort_positions([pa.array([0.0, -0.0, math.nan, 0.0, -math.nan])], by)
    assert order.tolist() == [2, 4, 0, 1, 3]


def test_many_short_runs_are_cut_into_even_ranges() -> None:
    """One sample of each run is enough where they are not all the least key of theirs."""
    by = [SortKey(Column("x"))]
    values = RNG.permutation(6400).reshape(64, 100)
    runs = [pa.RecordBatch.from_pydict({"x": np.sort(row)}) for row in values]
    keys = boundaries([sample(run, by, 1, number) for number, run in enumerate(runs)], 8, by)
    edges = [0, *(key[0] for key in keys), 6400]
    assert len(keys) == 7
    assert max(np.diff(edges)) < 2 * 800


def test_a_sort_by_few_values_over_small_partitions_runs_in_several_tasks() -> None:
    table = pa.table({"x": [row % 7 for row in range(3500)], "row": range(3500)})
    cuts = {"partition_bytes": 3000, "exchange_bytes": 3000, "small_query_bytes": 0}
    with pt.config.set(executor="serial", **cuts):
        result = pt.from_arrow(table).sort("x").collect()
    assert result.to_arrow().equals(table.sort_by([("x", "ascending"), ("row", "ascending")]))
    assert result.profile.stages[-1].tasks >= 7


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("nulls_last", [False, True])
@pytest.mark.parametrize("usual", [None, 5.0, math.nan, -1.0])
def test_rows_of_one_key_are_shared_by_several_tasks(
    usual: float | None, descending: bool, nulls_last: bool
) -> None:
    # Nine rows in ten have one key, or all of them.
    for others in ([1.0, 7.0, None, math.nan, 0.0, -0.0], [usual]):
        rare = RNG.integers(0, len(others), 4000).tolist()
        x = [usual if RNG.random() < 0.9 else others[place] for place in rare]
        table = pa.table({"x": pa.array(x, pa.float64()), "row": range(4000)})
        cuts = {"partition_bytes": 3000, "exchange_bytes": 6000, "small_query_bytes": 0}
        with pt.config.set(executor="serial", **cuts):
            sorted_rows = pt.from_arrow(table).sort(
                "x", descending=descending, nulls_last=nulls_last
            )
            result = sorted_rows.collect()
        by = [SortKey(Column("x"), descending, nulls_last)]
        expected = sort_positions([table["x"].combine_chunks()], by)
        assert result.to_arrow()["row"].to_pylist() == expected.tolist()
        assert result.profile.stages[-1].tasks >= 8


def test_edges_with_and_without_what_equals_them() -> None:
    by = [SortKey(Column("x"))]
    run = pa.RecordBatch.from_pydict({"x": [2, 2, 4]})
    assert cut(run, by, [(1,), (2,), (3,), (4,)], behind=True) == [0, 2, 2, 3]

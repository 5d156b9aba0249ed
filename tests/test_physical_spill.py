"""Rows that are put aside: every operator gives the same, row for row and bit for bit."""

from __future__ import annotations

import resource
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

import partita as pt
from partita import errors
from partita.engine.expr.evaluate import dtype_of
from partita.engine.expr.node import Agg, Column, SortKey
from partita.engine.physical.memory import Budget
from partita.engine.physical.operators.aggregate_states import partial_schema
from partita.engine.physical.operators.final_aggregate import FinalAggregate
from partita.engine.physical.operators.group_rows import RowsOfGroups
from partita.engine.physical.operators.join import HashJoin
from partita.engine.physical.operators.map_groups import MapGroupsRows
from partita.engine.physical.operators.partial_aggregate import PartialAggregate
from partita.engine.physical.operators.sort import SortRun
from partita.engine.physical.operators.window import WindowRows
from partita.engine.plan.windows import WindowColumns

from .tight_tasks import PLENTY, TightContext, batches_of, run, same_when_spilled

SOAK = (pytest.mark.soak,)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    "by",
    [
        (SortKey(Column("x")), SortKey(Column("t"), descending=True)),
        (SortKey(Column("t"), nulls_last=True),),
        (SortKey(Column("k"), descending=True),),
        (SortKey(Column("i")),),
        (SortKey(Column("y"), descending=True),),
    ],
)
def test_sorted_runs_are_merged_as_if_sorted_at_once(
    seed: int, by: tuple[SortKey, ...], tmp_path: Path
) -> None:
    batches = batches_of(seed)
    same_when_spilled(SortRun(by=by), batches, tmp_path, 200_000, 60_000, 10_000)
    same_when_spilled(SortRun(by=by, limit=150), batches, tmp_path, 60_000)


AGGS = (
    *(
        (name, Agg(name, Column("x")))
        for name in ("sum", "mean", "min", "max", "count", "first", "last", "std", "var", "skew")
    ),
    ("n", Agg("len", None)),
    ("values", Agg("n_unique", Column("i"))),
    ("middle", Agg("median", Column("y"))),
    ("total", Agg("sum", Column("i"))),
    ("text", Agg("max", Column("t"))),
)


@pytest.mark.parametrize("by_last", [False, True])
@pytest.mark.parametrize(
    "keys", [("k",), ("t",), ("k", "t"), ("x",)], ids=lambda keys: " ".join(keys)
)
@pytest.mark.parametrize("aggs", [AGGS, AGGS[:7]], ids=["all", "folding"])
def test_groups_are_merged_in_the_same_order(
    keys: tuple[str, ...], aggs: tuple[tuple[str, Agg], ...], by_last: bool, tmp_path: Path
) -> None:
    batches = batches_of(5, keys=300 if aggs is AGGS else 3000)
    schema = pa.schema(
        [(name, pa.string() if name == "t" else dtype) for name, dtype in _types(batches[0])]
    )
    partial = PartialAggregate(keys=keys, aggs=aggs, schema=schema, by_last=by_last)
    plenty = TightContext(directory=tmp_path, memory=Budget(PLENTY))
    states = [
        state
        for start in range(0, len(batches), 2)
        for state in partial.execute(iter(batches[start : start + 2]), plenty)
    ]
    assert partial_schema(keys, aggs, schema).names == states[0].schema.names
    given = pa.schema(
        [
            *(schema.field(name) for name in keys),
            *((name, dtype_of(agg, schema)) for name, agg in aggs),
        ]
    )
    final = FinalAggregate(keys=keys, aggs=aggs, schema=given, by_last=by_last)
    same_when_spilled(final, states, tmp_path, 300_000, 150_000)


def _types(batch: pa.RecordBatch) -> list[tuple[str, pa.DataType]]:
    return [(field.name, field.type) for field in batch.schema]


@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("ordered", [False, True])
@pytest.mark.parametrize("keys", [("k",), ("t", "k")], ids=lambda keys: " ".join(keys))
def test_rows_of_groups_come_in_the_same_order(
    keys: tuple[str, ...], ordered: bool, last: bool, tmp_path: Path
) -> None:
    keep = RowsOfGroups(keys=keys, count=3, last=last, ordered=ordered)
    same_when_spilled(keep, batches_of(2, keys=3000), tmp_path, 150_000, 80_000)


def test_functions_of_groups_are_called_in_the_same_order(tmp_path: Path) -> None:
    given = pa.schema([("k", pa.int64()), ("n", pa.int64())])
    schema = pa.schema([("k", pa.int64()), ("n", pa.int64()), ("rows", pa.int64())])

    def first_and_count(group: pa.Table) -> pa.Table:
        return group.slice(0, 1).append_column("rows", pa.array([group.num_rows]))

    operator = MapGroupsRows(
        keys=("k",), function=first_and_count, given=given, schema=schema, takes="arrow", site=None
    )
    same_when_spilled(operator, batches_of(4), tmp_path, 400_000, 250_000)


@pytest.mark.parametrize("keys", [(Column("k"),), (Column("t"), Column("k"))])
def test_windows_give_rows_in_their_order(keys: tuple[Column, ...], tmp_path: Path) -> None:
    batches = batches_of(6)
    frame = pt.from_arrow(pa.Table.from_batches(decoded_all(batches)))
    over = [key.name for key in keys]
    made = frame.with_columns(
        total=pt.col("x").sum().over(over),
        before=pt.col("i").shift(1).over(over, order_by="y"),
        place=pt.col("y").rank().over(over),
    )
    operators = [
        WindowRows(functions=node.functions, keys=keys, order_by=node.order_by, schema=node.schema)
        for node in made.plan.walk()
        if isinstance(node, WindowColumns)
    ]
    assert operators
    plain = pa.schema(list(decoded_all(batches)[0].schema))
    for operator in operators:
        names = [name for name, _ in operator.functions]
        schema = pa.schema([*plain, *(operator.schema.field(name) for name in names)])
        same_when_spilled(replace(operator, schema=schema), batches, tmp_path, 400_000, 250_000)


def decoded_all(batches: list[pa.RecordBatch]) -> list[pa.RecordBatch]:
    return [batch.set_column(1, "t", batch.column("t").cast(pa.string())) for batch in batches]


TYPES = pa.schema([("k", pa.int64()), ("t", pa.string()), ("x", pa.float64()), ("n", pa.int64())])
HOWS = ("inner", "left", "right", "full", "semi", "anti")


def joined(names: tuple[str, ...], how: str, swap: bool, nulls_equal: bool) -> HashJoin:
    """Return a join of two sides with the columns of `TYPES`."""
    roles = ("left",) if how in ("semi", "anti") else ("left", "right")
    if how == "rest":
        roles = ("left" if swap else "right",)
    return HashJoin(
        left_on=tuple(Column(name) for name in names),
        right_on=tuple(Column(name) for name in names),
        key_types=tuple(TYPES.field(name).type for name in names),
        how=how,
        side=0,
        swap=swap,
        output=tuple((role, name, f"{role}_{name}") for role in roles for name in TYPES.names),
        left_schema=TYPES,
        right_schema=TYPES,
        shared_build=False,
        id="build",
        nulls_equal=nulls_equal,
    )


@pytest.mark.parametrize("nulls_equal", [False, True])
@pytest.mark.parametrize("swap", [False, True])
@pytest.mark.parametrize("how", [*HOWS, "rest"])
def test_joins_give_rows_in_their_order(
    how: str, swap: bool, nulls_equal: bool, tmp_path: Path
) -> None:
    names = ("k", "x") if nulls_equal else ("t",)
    left = [batch.select(TYPES.names) for batch in batches_of(8, rows=700, keys=500)]
    right = [batch.select(TYPES.names) for batch in batches_of(9, rows=700, keys=600)]
    operator = joined(names, how, swap, nulls_equal)
    streamed, built = (right, left) if swap else (left, right)
    expected, _ = run(operator, streamed, tmp_path, PLENTY, built)
    assert expected
    for share in (60_000, 40_000):
        found, context = run(operator, streamed, tmp_path, share, built)
        assert context.metrics["spilled_bytes"] > 0
        assert found == expected


def one_key(seed: int, rows: int, other: float) -> list[pa.RecordBatch]:
    """Return batches of which nearly all rows have the same key, or none."""
    random = np.random.default_rng(seed)
    batches = []
    for batch in batches_of(seed, rows=rows):
        text = random.choice(
            ["same", None, "other", f"own {seed}"],
            batch.num_rows,
            p=[1 - other, other / 2, other / 4, other / 4],
        )
        key = pa.array(text.tolist(), pa.string())
        if random.random() < 0.3:
            key = key.dictionary_encode()
        batches.append(batch.set_column(1, "t", key))
    return batches


@pytest.mark.parametrize("swap", [False, True])
@pytest.mark.parametrize("how", [*HOWS, "rest"])
def test_rows_of_one_key_are_joined_chunk_by_chunk(how: str, swap: bool, tmp_path: Path) -> None:
    left = [batch.select(TYPES.names) for batch in one_key(11, 160, 0.4)]
    right = [batch.select(TYPES.names) for batch in one_key(12, 120, 0.1)]
    operator = joined(("t",), how, swap, nulls_equal=how in ("full", "anti"))
    streamed, built = (right, left) if swap else (left, right)
    expected, _ = run(operator, streamed, tmp_path, PLENTY, built)
    assert expected or how in ("anti", "rest")
    for share in (9_000, 5_000):
        found, context = run(operator, streamed, tmp_path, share, built)
        assert context.metrics["spilled_bytes"] > 0
        assert found == expected


def test_rows_of_one_key_that_do_not_fit_are_refused_with_numbers(tmp_path: Path) -> None:
    batch = pa.record_batch({"k": np.zeros(10_000, np.int64), "x": np.arange(10_000.0)})
    schema = pa.schema([*batch.schema, ("total", pa.float64())])
    operator = WindowRows(
        functions=(("total", Agg("sum", Column("x"))),),
        keys=(Column("k"),),
        order_by=(),
        schema=schema,
    )
    context = TightContext(directory=tmp_path, memory=Budget(100_000))
    with pytest.raises(errors.MemoryLimitExceeded, match="100,000 of memory_limit") as caught:
        list(operator.execute(iter([batch]), context))
    assert isinstance(caught.value, MemoryError)
    assert context.memory.held == 0
    assert list(tmp_path.iterdir()) == []


def test_a_reader_that_stops_leaves_no_file(tmp_path: Path) -> None:
    context = TightContext(directory=tmp_path, memory=Budget(60_000))
    sort = SortRun(by=(SortKey(Column("i")),))
    given = sort.execute(iter(batches_of(1)), context)
    assert next(given).num_rows
    assert list(tmp_path.iterdir())
    given.close()
    assert list(tmp_path.iterdir()) == []
    assert context.memory.held == 0


def test_a_full_disk_is_named_and_nothing_is_left(tmp_path: Path) -> None:
    # The kernel refuses what goes beyond; the signal that comes with it is ignored by Python.
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    context = TightContext(directory=tmp_path, memory=Budget(60_000))
    sort = SortRun(by=(SortKey(Column("i")),))
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, before[1]))
    try:
        with pytest.raises(errors.StorageFull, match=str(tmp_path)):
            list(sort.execute(iter(batches_of(1)), context))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert list(tmp_path.iterdir()) == []
    assert context.memory.held == 0


@pytest.mark.parametrize("seed", [*range(4), *(pytest.param(n, marks=SOAK) for n in range(4, 200))])
def test_joins_of_any_skew_are_the_same_with_any_budget(seed: int, tmp_path: Path) -> None:
    random = np.random.default_rng(seed)
    sides = []
    for _ in range(2):
        rows = int(random.integers(1, 300))
        batches = batches_of(int(random.integers(1 << 30)), rows=rows, keys=rows // 2 + 1)
        if random.random() < 0.5:
            batches = one_key(int(random.integers(1 << 30)), rows // 2 + 1, random.random())
        sides.append([batch.select(TYPES.names) for batch in batches])
    left, right = sides
    names = [("t",), ("k",), ("x",), ("t", "k")][int(random.integers(4))]
    how, swap = str(random.choice([*HOWS, "rest"])), bool(random.random() < 0.5)
    operator = joined(names, how, swap, bool(random.random() < 0.5))
    streamed, built = (right, left) if swap else (left, right)
    expected, _ = run(operator, streamed, tmp_path, PLENTY, built)
    for share in random.integers(4_000, 60_000, 2):
        found, _ = run(operator, streamed, tmp_path, int(share), built)
        assert found == expected, (how, swap, names, share)

"""Operators over streams of batches, against Polars on the same rows."""

from __future__ import annotations

import math
import pickle
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import cloudpickle
import numpy as np
import polars as pl
import polars.testing
import pyarrow as pa
import pytest

from partita.engine.errors import ComputeError, SchemaError, UserFunctionError
from partita.engine.expr.evaluate import dtype_of
from partita.engine.expr.node import Agg, Call, Column, SortKey, literal
from partita.engine.physical.kernels import concat as concat_kernel
from partita.engine.physical.memory import Budget
from partita.engine.physical.operators.aggregate_states import partial_schema
from partita.engine.physical.operators.compute import Compute
from partita.engine.physical.operators.conform import ConformRows
from partita.engine.physical.operators.filter import FilterRows
from partita.engine.physical.operators.final_aggregate import FinalAggregate
from partita.engine.physical.operators.group_rows import RowsOfGroups
from partita.engine.physical.operators.join import HashJoin
from partita.engine.physical.operators.map_batches import MapBatchesRows
from partita.engine.physical.operators.partial_aggregate import PartialAggregate
from partita.engine.physical.operators.slice import LimitRows, TailRows
from partita.engine.physical.operators.sort import SortRun, TopK
from partita.engine.physical.spill import SpillFile
from partita.engine.physical.stage import KeyRange, Operator
from partita.engine.plan.node import Site
from partita.engine.schema import conform

RNG = np.random.default_rng(3)


@dataclass(kw_only=True)
class SerialContext:
    """A task of its own, in this process."""

    partition: int = 0
    label: str = "part.parquet"
    key_range: KeyRange | None = None
    own_range: KeyRange | None = None
    first_row: int | None = None
    skips: tuple[int, ...] = ()
    batch_rows: int = 64
    memory: Budget = field(default_factory=lambda: Budget(1 << 30))
    copies: bool = False
    cache: dict[Any, Any] = field(default_factory=dict)
    sides: tuple[list[pa.RecordBatch], ...] = ()
    metrics: Counter[str] = field(default_factory=Counter)
    sides_read: int = 0

    def side(self, number: int) -> Iterator[pa.RecordBatch]:
        self.sides_read += 1
        yield from self.sides[number]

    def check(self) -> None:
        """Nothing cancels a test."""

    def spill_file(self) -> SpillFile:
        return SpillFile(tempfile.mktemp(suffix=".arrows"))

    def count(self, metric: str, amount: int) -> None:
        self.metrics[metric] += amount


def run(
    operator: Operator, batches: list[pa.RecordBatch], context: SerialContext | None = None
) -> list[pa.RecordBatch]:
    """Return what an operator gives, after a journey through pickle."""
    assert operator.label
    travelled = pickle.loads(cloudpickle.dumps(operator))
    return list(travelled.execute(iter(batches), context or SerialContext()))


SCHEMA = pa.schema(
    [
        ("k", pa.string()),
        ("g", pa.float64()),
        ("i", pa.int64()),
        ("u", pa.uint8()),
        ("x", pa.float64()),
        ("f", pa.float32()),
        ("d", pa.decimal128(12, 2)),
        ("b", pa.bool_()),
        ("t", pa.timestamp("us", "UTC")),
        ("s", pa.string()),
        ("row", pa.int64()),
    ]
)
VALUES: dict[str, list[Any]] = {
    "k": ["a", "b", "", "long enough for two words"],
    "g": [0.0, -0.0, math.nan, 1.5],
    "i": [-3, 0, 5, 2**40],
    "u": [0, 255],
    "x": [0.5, -0.0, math.nan, 1e6],
    "f": [0.5, -1.25],
    "d": [Decimal("1.10"), Decimal("-2.25")],
    "b": [True, False],
    "t": [0, 10**15],
    "s": ["x", "y", "zebra"],
}


def rows(count: int) -> pa.RecordBatch:
    """Return rows with few distinct values, nulls among them."""
    made = []
    for each in SCHEMA:
        if each.name == "row":
            made.append(pa.array(range(count), pa.int64()))
            continue
        values = VALUES[each.name]
        chosen = RNG.integers(0, len(values) + 1, count)
        made.append(pa.array([None if c == len(values) else values[c] for c in chosen], each.type))
    return pa.RecordBatch.from_arrays(made, schema=SCHEMA)


def cut(batch: pa.RecordBatch, pieces: int) -> list[pa.RecordBatch]:
    """Return `batch` in pieces, an empty one among them, text coded anew in every other one."""
    edges = sorted(RNG.integers(0, batch.num_rows + 1, pieces - 1).tolist())
    given = []
    for number, (start, stop) in enumerate(zip([0, *edges], [*edges, batch.num_rows], strict=True)):
        piece = batch.slice(start, stop - start)
        if number % 2:
            coded = [c.dictionary_encode() if c.type == pa.string() else c for c in piece.columns]
            piece = pa.RecordBatch.from_arrays(coded, names=piece.schema.names)
        given.append(piece)
    return [*given, batch.slice(0, 0)]


def frame(batches: list[pa.RecordBatch], schema: pa.Schema) -> pl.DataFrame:
    """Return batches as Polars sees them; none is empty and the types are `schema`."""
    assert all(batch.num_rows for batch in batches)
    conformed = [conform(batch, schema) for batch in batches]
    return pl.DataFrame(pl.from_arrow(pa.Table.from_batches(conformed, schema)))


def whole(batch: pa.RecordBatch) -> pl.DataFrame:
    return pl.DataFrame(pl.from_arrow(pa.Table.from_batches([batch])))


def assert_same(given: pl.DataFrame, expected: pl.DataFrame) -> None:
    polars.testing.assert_frame_equal(given, expected, check_dtypes=False, rel_tol=1e-12)


# Row by row


def test_filter_keeps_true_rows_only() -> None:
    batch = rows(200)
    predicate = Call("gt", (Column("i"), literal(0)))
    for pieces in (1, 5):
        given = run(FilterRows(predicate=predicate), cut(batch, pieces))
        assert_same(frame(given, SCHEMA), whole(batch).filter(pl.col("i") > 0))
    everything = Call("is_null", (literal(None),))
    assert run(FilterRows(predicate=everything), [batch])[0] is batch
    assert run(FilterRows(predicate=literal(None)), [batch]) == []


def test_compute_gives_the_named_columns() -> None:
    batch = rows(50)
    schema = pa.schema([("n", pa.int64()), ("k", pa.string()), ("one", pa.int64())])
    exprs = (
        ("n", Call("add", (Column("i"), literal(1)))),
        ("k", Column("k")),
        ("one", literal(1, pa.int64())),
    )
    given = run(Compute(exprs=exprs, schema=schema), cut(batch, 3))
    expected = whole(batch).select(n=pl.col("i") + 1, k=pl.col("k"), one=pl.lit(1))
    assert_same(frame(given, schema), expected)
    counted = run(Compute(exprs=(), schema=pa.schema([])), cut(batch, 3))
    assert sum(each.num_rows for each in counted) == 50


def test_conform_expands_dictionaries() -> None:
    batch = rows(50)
    given = run(ConformRows(schema=SCHEMA), cut(batch, 4))
    assert all(each.schema.equals(SCHEMA) for each in given)
    assert pa.Table.from_batches(given).column("k").to_pylist() == batch.column("k").to_pylist()


@pytest.mark.parametrize(("offset", "length"), [(0, 10), (30, 40), (5, None), (90, 50), (0, 0)])
def test_limit(offset: int, length: int | None) -> None:
    batch = rows(100)
    given = run(LimitRows(offset=offset, length=length), cut(batch, 6))
    assert_same(frame(given, SCHEMA), whole(batch).slice(offset, length))


def test_limit_reads_no_more_than_it_needs() -> None:
    def batches() -> Iterator[pa.RecordBatch]:
        yield rows(10)
        raise AssertionError("read on")

    given = LimitRows(offset=2, length=8).execute(batches(), SerialContext())
    assert [batch.num_rows for batch in given] == [8]


@pytest.mark.parametrize("count", [0, 1, 30, 100, 500])
def test_tail(count: int) -> None:
    batch = rows(100)
    given = run(TailRows(count=count), cut(batch, 6))
    assert_same(frame(given, SCHEMA), whole(batch).tail(count))


@pytest.mark.parametrize(
    "operator",
    [
        FilterRows(predicate=literal(True)),
        Compute(exprs=(("i", Column("i")),), schema=pa.schema([SCHEMA.field("i")])),
        ConformRows(schema=SCHEMA),
        LimitRows(offset=0, length=5),
        TailRows(count=5),
        SortRun(by=(SortKey(Column("i")),)),
        TopK(by=(SortKey(Column("i")),), limit=5),
        PartialAggregate(keys=("k",), aggs=(), schema=SCHEMA),
        FinalAggregate(keys=("k",), aggs=(), schema=pa.schema([SCHEMA.field("k")])),
        RowsOfGroups(keys=("k",), count=2),
    ],
    ids=lambda operator: type(operator).__name__,
)
def test_nothing_gives_nothing(operator: Operator) -> None:
    assert run(operator, []) == []
    assert run(operator, [rows(0)]) == []


# Aggregation

AGGS: tuple[tuple[str, Agg], ...] = (
    *((f"sum_{name}", Agg("sum", Column(name))) for name in "iuxfdb"),
    *((f"mean_{name}", Agg("mean", Column(name))) for name in "iuxfdb"),
    *((f"min_{name}", Agg("min", Column(name))) for name in "iuxfdbts"),
    *((f"max_{name}", Agg("max", Column(name))) for name in "iuxfdbts"),
    *((f"first_{name}", Agg("first", Column(name))) for name in "ixdbts"),
    *((f"last_{name}", Agg("last", Column(name))) for name in "ixdbts"),
    *((f"count_{name}", Agg("count", Column(name))) for name in "xs"),
    *((f"n_unique_{name}", Agg("n_unique", Column(name))) for name in "iudbts"),
    *((f"var_{name}", Agg("var", Column(name))) for name in "iud"),
    ("std_i", Agg("std", Column("i"), (("ddof", 0),))),
    ("len", Agg("len", None)),
    ("any_b", Agg("any", Column("b"))),
    ("all_b", Agg("all", Column("b"))),
)


def polars_aggs() -> list[pl.Expr]:
    made = []
    for name, agg in AGGS:
        if name == "len":
            expr = pl.len()
        else:
            column = pl.col(agg.input.name)  # type: ignore[union-attr]
            if agg.name == "sum" and agg.input in (Column("u"), Column("b")):
                column = column.cast(pl.Int64)
            expr = getattr(column, agg.name)(**dict(agg.options))
        made.append(expr.alias(name))
    return made


def final_schema(keys: tuple[str, ...], aggs: tuple[tuple[str, Agg], ...]) -> pa.Schema:
    return pa.schema(
        [
            *(SCHEMA.field(name) for name in keys),
            *(pa.field(name, dtype_of(agg, SCHEMA)) for name, agg in aggs),
        ]
    )


def aggregate(
    partitions: list[list[pa.RecordBatch]],
    keys: tuple[str, ...],
    aggs: tuple[tuple[str, Agg], ...],
    batch_rows: int = 64,
) -> list[pa.RecordBatch]:
    """Return partial states of each partition, brought together and finished."""
    partial = PartialAggregate(keys=keys, aggs=aggs, schema=SCHEMA)
    states = partial_schema(keys, aggs, SCHEMA)
    made = []
    for batches in partitions:
        for batch in run(partial, batches, SerialContext(batch_rows=batch_rows)):
            assert 0 < batch.num_rows <= batch_rows
            conform(batch, states)
            made.append(batch)
    final = FinalAggregate(keys=keys, aggs=aggs, schema=final_schema(keys, aggs))
    return run(final, made, SerialContext(batch_rows=batch_rows))


@pytest.mark.parametrize("keys", [("k",), ("g",), ("k", "b", "t"), ("row",), ("d", "g"), ()])
@pytest.mark.parametrize("batch_rows", [16, 1000])
def test_aggregates_are_those_of_polars(keys: tuple[str, ...], batch_rows: int) -> None:
    batch = rows(500)
    parts = [cut(batch.slice(0, 300), 4), cut(batch.slice(300, 1), 1), cut(batch.slice(301), 3)]
    given = frame(aggregate(parts, keys, AGGS, batch_rows), final_schema(keys, AGGS))
    exprs = polars_aggs()
    data = whole(batch).with_columns(pl.col("g") + 0.0)
    grouped = data.group_by(*keys, maintain_order=True).agg(exprs) if keys else None
    expected = data.select(exprs) if grouped is None else grouped
    # Polars keeps the sign of a zero that is the least of a group.
    floats = [name for name in expected.columns if name[3:5] in ("_x", "_f")]
    assert_same(given, expected.with_columns(pl.col(floats) + 0.0))


def test_an_aggregate_of_an_expression() -> None:
    batch = rows(100)
    aggs = (("total", Agg("sum", Call("multiply", (Column("i"), literal(2))))),)
    given = frame(aggregate([cut(batch, 3)], ("k",), aggs), final_schema(("k",), aggs))
    grouped = whole(batch).group_by("k", maintain_order=True)
    assert_same(given, grouped.agg(total=(pl.col("i") * 2).sum()))


def test_distinct_values_treat_nan_as_one_and_zeros_as_equal() -> None:
    aggs = (("n", Agg("n_unique", Column("g"))),)
    given = aggregate([cut(rows(300), 4)], (), aggs)
    assert given[0].to_pydict() == {"n": [4]}


def test_a_global_aggregate_of_nothing_is_one_row() -> None:
    given = aggregate([[], [rows(0)]], (), AGGS)
    expected = whole(rows(0)).select(polars_aggs())
    assert_same(frame(given, final_schema((), AGGS)), expected)


def test_distinct_rows_are_an_aggregation_without_aggregates() -> None:
    batch = rows(300)
    given = aggregate([cut(batch, 3), cut(batch, 2)], ("k", "b"), ())
    expected = whole(batch).select("k", "b").unique(maintain_order=True)
    assert_same(frame(given, final_schema(("k", "b"), ())), expected)


def test_the_same_batches_give_the_same_bits() -> None:
    batch = rows(400)
    parts = [cut(batch, 5), cut(batch, 2)]
    once, again = (
        [made.serialize().to_pybytes() for made in aggregate(parts, ("k",), AGGS, 32)]
        for _ in range(2)
    )
    assert once == again


def test_groups_that_hardly_repeat_are_handed_on_early() -> None:
    seen = 0

    def batches() -> Iterator[pa.RecordBatch]:
        nonlocal seen
        for number in range(50):
            seen = number
            yield pa.RecordBatch.from_pydict({"row": np.arange(100) + 100 * number})

    schema = pa.schema([("row", pa.int64())])
    partial = PartialAggregate(keys=("row",), aggs=(("n", Agg("len", None)),), schema=schema)
    given = partial.execute(batches(), SerialContext(batch_rows=100))
    assert next(given).num_rows == 100
    assert seen < 49
    assert 100 + sum(batch.num_rows for batch in given) == 5000


@pytest.mark.parametrize("by_last", [False, True])
@pytest.mark.parametrize("names", [8, 90, 10_000])
def test_texts_of_several_batches_are_grouped_at_once(names: int, by_last: bool) -> None:
    random = np.random.default_rng(names)
    codes = random.integers(0, names, 1000)
    texts = pa.array([None if code == 3 else f"t{code}" for code in codes])
    plain = pa.RecordBatch.from_pydict({"k": texts, "v": np.arange(1000)})
    batches = cut(plain, 9)
    # A batch may carry the text as a dictionary, or have no rows.
    batches[4] = batches[4].set_column(0, "k", batches[4].column(0).dictionary_encode())
    batches.insert(2, plain.slice(0, 0))
    aggs = (
        ("n", Agg("len", None)),
        ("s", Agg("sum", Column("v"))),
        ("a", Agg("first", Column("v"))),
    )
    partial = PartialAggregate(keys=("k",), aggs=aggs, schema=plain.schema, by_last=by_last)
    made = run(partial, batches, SerialContext(batch_rows=120))
    assert all(0 < batch.num_rows <= 120 for batch in made)
    schema = pa.schema([("k", pa.string()), *((name, pa.int64()) for name in "nsa")])
    final = FinalAggregate(keys=("k",), aggs=aggs, schema=schema, by_last=by_last)
    given = pl.concat(frame([batch], schema) for batch in run(final, made))
    rows = (
        whole(plain)
        .group_by("k", maintain_order=True)
        .agg(
            n=pl.len().cast(pl.Int64),
            s=pl.col("v").sum(),
            a=pl.col("v").first(),
            z=pl.col("v").last(),
        )
    )
    expected = (rows.sort("z") if by_last else rows).drop("z")
    assert given.equals(expected)


def test_state_columns_never_take_the_name_of_a_key() -> None:
    schema = pa.schema([("x__sum", pa.string()), ("v", pa.int64())])
    aggs = (("x", Agg("sum", Column("v"))),)
    assert partial_schema(("x__sum",), aggs, schema).names == ["x__sum", "x__sum_"]


def test_a_column_of_nulls_without_a_type_is_aggregated() -> None:
    schema = pa.schema([("v", pa.null())])
    batch = pa.RecordBatch.from_arrays([pa.nulls(3)], schema=schema)
    names = ("sum", "mean", "min", "max", "count", "len", "n_unique", "first", "last", "any")
    aggs = tuple((name, Agg(name, Column("v"))) for name in names)
    partial = run(PartialAggregate(keys=(), aggs=aggs, schema=schema), [batch])
    assert partial[0].schema.types == partial_schema((), aggs, schema).types
    out = pa.schema([pa.field(name, dtype_of(agg, schema)) for name, agg in aggs])
    (given,) = run(FinalAggregate(keys=(), aggs=aggs, schema=out), partial)
    assert given.schema.types == out.types
    assert given.to_pylist() == [
        {
            "sum": 0, "mean": None, "min": None, "max": None, "count": 0, "len": 3,
            "n_unique": 1, "first": None, "last": None, "any": False,
        }
    ]  # fmt: skip


def test_a_sum_that_overflows_names_the_column_whatever_the_partitions() -> None:
    schema = pa.schema([("v", pa.int64())])
    aggs = (("total", Agg("sum", Column("v"))),)
    partial = PartialAggregate(keys=(), aggs=aggs, schema=schema)
    final = FinalAggregate(keys=(), aggs=aggs, schema=pa.schema([("total", pa.int64())]))
    batches = [pa.RecordBatch.from_pydict({"v": [value]}) for value in (2**63 - 1, 5, -(2**63), -1)]
    # The sum of the first two does not fit, that of all does.
    states = [state for pair in (batches[:2], batches[2:]) for state in run(partial, pair)]
    assert run(final, states)[0].to_pydict() == {"total": [3]}
    with pytest.raises(ComputeError, match=r"'total'.*does not fit into int64"):
        run(final, states[:1])


# Joins

LEFT = pa.schema([("k", pa.string()), ("g", pa.float64()), ("i", pa.int64()), ("row", pa.int64())])
RIGHT = pa.schema([("k", pa.string()), ("g", pa.float64()), ("i", pa.int64()), ("row", pa.int64())])


def join(
    how: str, keys: tuple[str, ...], swap: bool = False, shared_build: bool = False
) -> tuple[HashJoin, pa.Schema]:
    output = [("left", name, name) for name in LEFT.names]
    fields = list(LEFT)
    if how in ("inner", "left"):
        output += [("right", name, f"{name}_right") for name in RIGHT.names]
        fields += [each.with_name(f"{each.name}_right") for each in RIGHT]
    operator = HashJoin(
        left_on=tuple(Column(name) for name in keys),
        right_on=tuple(Column(name) for name in keys),
        key_types=tuple(LEFT.field(name).type for name in keys),
        how=how,
        side=0,
        swap=swap,
        output=tuple(output),
        left_schema=LEFT,
        right_schema=RIGHT,
        shared_build=shared_build,
        id="build",
    )
    return operator, pa.schema(fields)


def expected_join(
    left: pa.RecordBatch, right: pa.RecordBatch, how: str, keys: tuple[str, ...], swap: bool
) -> pl.DataFrame:
    """Return the join by Polars, which takes 0.0 and -0.0 as equal once both are 0.0."""
    frames = []
    for batch in (left, right):
        made = whole(batch)
        frames.append(made.with_columns((pl.col("g") + 0.0).alias("__g")))
    on = ["__g" if key == "g" else key for key in keys]
    joined = frames[0].join(
        frames[1],
        left_on=on,
        right_on=on,
        how=how,  # type: ignore[arg-type]
        coalesce=False,
        maintain_order="right_left" if swap else "left_right",
    )
    return joined.select(pl.exclude("^__g.*$"))


@pytest.mark.parametrize("how", ["inner", "left", "semi", "anti", "swapped"])
@pytest.mark.parametrize("keys", [("i",), ("k",), ("g",), ("k", "i"), ("row", "k")])
@pytest.mark.parametrize("build_rows", [0, 2, 150])
def test_joins_are_those_of_polars(how: str, keys: tuple[str, ...], build_rows: int) -> None:
    swap = how == "swapped"
    how = "inner" if swap else how
    left = rows(150 if not swap else build_rows).select(LEFT.names)
    right = rows(build_rows if not swap else 150).select(RIGHT.names)
    build, probe = (left, right) if swap else (right, left)
    operator, schema = join(how, keys, swap)
    context = SerialContext(sides=(cut(build, 3),))
    given = run(operator, cut(probe, 4), context)
    assert all(batch.num_rows <= context.batch_rows for batch in given)
    assert_same(frame(given, schema), expected_join(left, right, how, keys, swap))


def test_a_join_of_other_types_compares_values() -> None:
    operator = HashJoin(
        left_on=(Column("a"),),
        right_on=(Column("b"),),
        key_types=(pa.float64(),),
        how="inner",
        side=0,
        swap=False,
        output=(("left", "a", "a"), ("right", "b", "b")),
        left_schema=pa.schema([("a", pa.int64())]),
        right_schema=pa.schema([("b", pa.float64())]),
        shared_build=False,
        id="build",
    )
    side = [pa.RecordBatch.from_pydict({"b": [2.0, 1.0, 1.5, math.nan]})]
    given = run(
        operator, [pa.RecordBatch.from_pydict({"a": [1, 2, 3]})], SerialContext(sides=(side,))
    )
    assert given[0].to_pydict() == {"a": [1, 2], "b": [1.0, 2.0]}


def test_a_shared_build_side_is_read_once_per_process() -> None:
    operator, _ = join("inner", ("i",), shared_build=True)
    context = SerialContext(sides=([rows(20).select(RIGHT.names)],))
    first = run(operator, [rows(50).select(LEFT.names)], context)
    assert first
    run(operator, [rows(50).select(LEFT.names)], context)
    assert context.sides_read == 1
    other, _ = join("inner", ("row",), shared_build=True)
    run(other, [rows(50).select(LEFT.names)], context)
    assert context.sides_read == 2


def test_a_join_that_multiplies_rows_gives_bounded_batches() -> None:
    operator, _ = join("inner", ("k",))
    ones = pa.RecordBatch.from_arrays(
        [pa.array(["a"] * 300), *rows(300).select(LEFT.names[1:]).columns], schema=LEFT
    )
    context = SerialContext(sides=([ones],), batch_rows=1000)
    sizes = [batch.num_rows for batch in run(operator, [ones], context)]
    assert sum(sizes) == 90_000
    assert set(sizes) == {1000}


# Sorting


@pytest.mark.parametrize("limit", [None, 1, 40, 1000])
def test_sort_and_top_are_those_of_polars(limit: int | None) -> None:
    batch = rows(300)
    for by, options in (
        ((SortKey(Column("x")),), {"by": "x"}),
        ((SortKey(Column("x"), True, True),), {"by": "x", "descending": True, "nulls_last": True}),
        (
            (SortKey(Column("k"), True), SortKey(Column("i"), False, True)),
            {"by": ["k", "i"], "descending": [True, False], "nulls_last": [False, True]},
        ),
        (
            (SortKey(Call("negate", (Column("i"),))), SortKey(Column("s"))),
            {"by": [-pl.col("i"), "s"]},
        ),
    ):
        expected = whole(batch).sort(**options, maintain_order=True).head(limit or 300)
        given = run(SortRun(by=by, limit=limit), cut(batch, 5))
        assert_same(frame(given, SCHEMA), expected)
        if limit is not None:
            given = run(TopK(by=by, limit=limit), cut(batch, 12))
            assert_same(frame(given, SCHEMA), expected)


def test_sorting_sorted_runs_again_keeps_the_order_of_runs_among_equals() -> None:
    by = (SortKey(Column("k")),)
    batch = rows(200)
    runs = [
        piece
        for start in (0, 100)
        for piece in run(SortRun(by=by), cut(batch.slice(start, 100), 3))
    ]
    assert_same(
        frame(run(SortRun(by=by), runs), SCHEMA), whole(batch).sort("k", maintain_order=True)
    )


def test_text_beyond_32_bit_offsets_comes_back_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    batch = rows(300)
    by = (SortKey(Column("k")), SortKey(Call("str.to_uppercase", (Column("s"),)), True))
    operator, schema = join("left", ("k",))
    side = cut(rows(20).select(RIGHT.names), 3)

    def results() -> list[pl.DataFrame]:
        joined = run(operator, cut(batch.select(LEFT.names), 3), SerialContext(sides=(side,)))
        return [
            frame(run(SortRun(by=by), cut(batch, 5)), SCHEMA),
            frame(run(TopK(by=by, limit=50), cut(batch, 5)), SCHEMA),
            frame(aggregate([cut(batch, 5), cut(batch, 3)], ("k", "i"), AGGS), grouped),
            frame(joined, schema),
        ]

    grouped = final_schema(("k", "i"), AGGS)
    expected = results()
    # Two gigabytes are too much for a test: the limit is lowered instead.
    monkeypatch.setattr(concat_kernel, "_MOST_OFFSET", 20)
    for given, wanted in zip(results(), expected, strict=True):
        assert_same(given, wanted)


# Functions of the user


def mapped(
    function: Any,
    schema: pa.Schema,
    takes: str = "arrow",
    whole: bool = False,
    given: pa.Schema | None = None,
) -> Operator:
    return MapBatchesRows(
        function=function,
        given=rows(0).schema if given is None else given,
        schema=schema,
        takes=takes,
        whole_partition=whole,
        site=Site("query.py", 12),
    )


PAIR = pa.schema([("row", pa.int64()), ("k", pa.string())])


@pytest.mark.parametrize(
    "function",
    [
        lambda batch: batch.select(["row", "k"]),
        lambda batch: pa.Table.from_batches([batch.select(["row", "k"])]),
        lambda batch: {"row": batch.column("row").to_numpy(), "k": batch.column("k").to_pylist()},
        lambda batch: batch.select(["row", "k"]).to_pandas(),
        lambda batch: pa.RecordBatch.from_pydict(
            {"row": batch.column("row"), "k": batch.column("k").dictionary_encode()}
        ),
    ],
    ids=["batch", "table", "dict", "pandas", "coded"],
)
def test_a_function_may_return_what_it_likes(function: Any) -> None:
    batch = rows(100)
    given = run(mapped(function, PAIR), cut(batch, 3))
    assert all(each.schema.equals(PAIR) for each in given)
    assert_same(frame(given, PAIR), whole(batch).select("row", "k"))


def test_a_function_is_given_pandas_and_a_whole_partition() -> None:
    schema = pa.schema([("n", pa.int64()), ("kind", pa.string())])

    def sizes(given: Any) -> dict[str, Any]:
        return {"n": [len(given)], "kind": [type(given).__module__.split(".")[0]]}

    batch = rows(100)
    whole_rows = run(mapped(sizes, schema, "pandas", whole=True), cut(batch, 4))
    assert [each.to_pydict() for each in whole_rows] == [{"n": [100], "kind": ["pandas"]}]
    each = run(mapped(sizes, schema), [batch.slice(0, 60), batch.slice(60)])
    assert [part.to_pydict()["n"] for part in each] == [[60], [40]]


def test_a_function_that_raises_is_named_with_its_line_and_partition() -> None:
    def broken(batch: pa.RecordBatch) -> pa.RecordBatch:
        return 1 / 0

    line = broken.__code__.co_firstlineno + 1
    with pytest.raises(UserFunctionError) as caught:
        run(mapped(broken, PAIR), [rows(5)], SerialContext(partition=3))
    text = str(pickle.loads(pickle.dumps(caught.value)))
    assert "broken raised ZeroDivisionError: division by zero" in text
    assert f"{__file__}:{line}" in text
    assert "query.py:12" in text
    assert "partition 3 (part.parquet)" in text
    assert "return 1 / 0" in text
    assert "map_batches.py" not in text
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda batch: batch.select(["row"]), r"declared row: int64, k: string and returned row"),
        (lambda batch: batch.rename_columns(["row", "q"]), "returned row: int64, q: string"),
        (lambda batch: {"row": ["x"], "k": ["y"]}, "cannot be read as row: int64"),
        (lambda batch: {"k": ["y"]}, "were declared"),
        (lambda batch: batch.to_pandas()[["k"]], "were declared"),
        (lambda batch: None, "returned NoneType"),
    ],
)
def test_what_was_not_declared_is_an_error(function: Any, message: str) -> None:
    with pytest.raises(SchemaError, match=message):
        run(mapped(function, PAIR, given=PAIR), [rows(5).select(["row", "k"])])

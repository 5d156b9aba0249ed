"""Joins by keys: every kind over types, nulls, partitions and ways to run, as Polars has them.

Polars joins numbers that stand for the keys, so that only the pairs of rows are compared and no
library's idea of equal decimals or zeros; columns and order are compared with Polars apart.
"""

from __future__ import annotations

import datetime
import decimal
import itertools
import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pytest

import partita as pt
from partita import col, errors
from partita.engine.execution import events
from partita.engine.execution.session import current
from partita.engine.optimizer.optimizer import optimize
from partita.engine.physical.stage import Stage

from .same_rows import same_bits

KINDS = ("inner", "left", "right", "full", "semi", "anti")
CUT = {"partition_bytes": 900, "batch_rows": 40, "small_query_bytes": 0}
WAYS: dict[str, dict[str, Any]] = {
    "broadcast": CUT,
    "shuffle": {**CUT, "broadcast_bytes": 0, "exchange_bytes": 1500},
    "skewed": {**CUT, "broadcast_bytes": 0, "exchange_bytes": 700},
}
NAN = math.nan
DAY = datetime.date(2024, 2, 28)
NOON = datetime.datetime(2024, 2, 28, 12)


def _times(unit: str) -> Callable[[list[int]], pa.Array]:
    def made(codes: list[int]) -> pa.Array:
        values = [NOON + datetime.timedelta(seconds=code) for code in codes]
        return pa.array(values, pa.timestamp(unit))

    return made


def _of(values: list[Any], dtype: pa.DataType) -> Callable[[list[int]], pa.Array]:
    return lambda codes: pa.array([values[code] for code in codes], dtype)


def _texts(codes: list[int]) -> pa.Array:
    return pa.array([f"key {code % 10}" + "é" * code for code in codes])


FLOATS = [0.0, NAN, 1.5, -2.0, math.inf, *(float(n) for n in range(5, 20))]
ZEROS = [-0.0, *FLOATS[1:]]
INTEGERS = list(range(20))
WIDE = [n * 2**40 - 7 for n in range(20)]
DECIMALS = [decimal.Decimal(n) / 4 for n in range(20)]

TYPES: dict[str, tuple[Callable[[list[int]], pa.Array], Callable[[list[int]], pa.Array]]] = {
    "int64": (_of(WIDE, pa.int64()), _of(WIDE, pa.int64())),
    "int8 and uint32": (_of(INTEGERS, pa.int8()), _of(INTEGERS, pa.uint32())),
    "int64 and double": (_of(INTEGERS, pa.int64()), _of([*map(float, INTEGERS)], pa.float64())),
    "double, both zeros": (_of(FLOATS, pa.float64()), _of(ZEROS, pa.float64())),
    "float32 and double": (_of(FLOATS, pa.float32()), _of(ZEROS, pa.float64())),
    "string": (_texts, _texts),
    "dictionary and string": (lambda codes: _texts(codes).dictionary_encode(), _texts),
    "large string": (_texts, lambda codes: _texts(codes).cast(pa.large_string())),
    "binary": (lambda codes: _texts(codes).cast(pa.binary()),) * 2,
    "decimals of two scales": (
        _of(DECIMALS, pa.decimal128(9, 2)),
        _of(DECIMALS, pa.decimal128(20, 4)),
    ),
    "date": (
        _of([DAY + datetime.timedelta(n) for n in INTEGERS], pa.date32()),
        _of([DAY + datetime.timedelta(n) for n in INTEGERS], pa.date32()),
    ),
    "timestamps of two units": (_times("s"), _times("ns")),
}
NULLS = ("none", "some", "all on the right")


def keys(random: np.random.Generator, rows: int, way: str, nulls: str) -> list[int | None]:
    """Draw numbers of keys; in a skewed side half of the rows have one key."""
    codes = random.integers(0, 20, rows)
    if way == "skewed":
        codes[random.random(rows) < 0.5] = 3
    share = {"none": 0.0, "some": 0.2}.get(nulls, 1.0)
    missing = random.random(rows) < share
    return [None if gone else int(code) for code, gone in zip(codes, missing, strict=True)]


def column(codes: list[int | None], make: Callable[[list[int]], pa.Array]) -> pa.Array:
    """Return the keys that the numbers stand for."""
    made = make([0 if code is None else code for code in codes])
    places = [None if code is None else place for place, code in enumerate(codes)]
    return made.take(pa.array(places, pa.int64()))


def table(codes: list[int | None], make: Callable[[list[int]], pa.Array], row: str) -> pa.Table:
    return pa.table({"k": column(codes, make), row: np.arange(len(codes))})


def pairs(found: pa.Table | pl.DataFrame, how: str) -> list[Any]:
    columns = ["l"] if how in ("semi", "anti") else ["l", "r"]
    table = found.to_arrow() if isinstance(found, pl.DataFrame) else found
    rows = zip(*(table.column(name).to_pylist() for name in columns), strict=True)
    return sorted(rows, key=repr)


def pairs_of_polars(left: list[Any], right: list[Any], how: Any, nulls_equal: bool) -> list[Any]:
    frames = [
        pl.DataFrame({"k": pl.Series(codes, dtype=pl.Int64), row: range(len(codes))})
        for codes, row in ((left, "l"), (right, "r"))
    ]
    joined = frames[0].join(frames[1], on="k", how=how, nulls_equal=nulls_equal)
    return pairs(joined, how)


CASES = [
    (types, way, nulls)
    for types, way, nulls in itertools.product(TYPES, WAYS, NULLS)
    if nulls == "some" or way == "shuffle"
]


@pytest.mark.parametrize(("types", "way", "nulls"), CASES, ids=[" - ".join(case) for case in CASES])
def test_a_join_pairs_the_rows_of_equal_keys(types: str, way: str, nulls: str) -> None:
    case = CASES.index((types, way, nulls))
    random = np.random.default_rng(case)
    of_left = keys(random, 90, way, "none" if nulls == "none" else "some")
    of_right = keys(random, 50, way, nulls)
    makes = TYPES[types]
    left = pt.from_arrow(table(of_left, makes[0], "l"))
    right = pt.from_arrow(table(of_right, makes[1], "r"))
    with pt.config.set(executor="serial", **WAYS[way]):
        for number, how in enumerate(KINDS):
            nulls_equal = nulls != "none" and (case + number) % 2 == 0
            found = left.join(right, on="k", how=how, nulls_equal=nulls_equal)
            expected = pairs_of_polars(of_left, of_right, how, nulls_equal)
            assert pairs(found.collect().to_arrow(), how) == expected, (how, nulls_equal)


# Columns, order, several keys

LEFT = {
    "a": [3, 1, 2, 1, None, 9, 7, 1],
    "b": ["x", "y", None, "y", "x", "z", "", "x"],
    "v": list(range(8)),
}
RIGHT = {
    "a": [1, 8, 2, 1, 3, None, 1],
    "b": ["y", "x", None, "x", "x", "x", None],
    "c": [1, 2, 3, 1, 9, 7, None],
    "v": list(range(10, 17)),
}
KEYS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "one": ({"on": "a"}, {"on": "a"}),
    "two": ({"on": ["a", "b"]}, {"on": ["a", "b"]}),
    "of other names": ({"left_on": "a", "right_on": "c"},) * 2,
    "of other and of one name": ({"left_on": ["a", "b"], "right_on": ["c", "b"]},) * 2,
    "computed": (
        {"left_on": col("a") + 1, "right_on": "a"},
        {"left_on": pl.col("a") + 1, "right_on": "a"},
    ),
    "computed and plain": (
        {"left_on": [col("a") * 1, "b"], "right_on": ["c", "b"]},
        {"left_on": [pl.col("a") * 1, "b"], "right_on": ["c", "b"]},
    ),
}
ORDERS = ("left", "right", "left_right", "right_left")


@pytest.mark.filterwarnings("ignore:coalescing join requested")
@pytest.mark.parametrize("how", KINDS)
@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("way", ["whole", "broadcast", "shuffle"])
def test_columns_and_order_are_those_of_polars(how: Any, key: str, way: str) -> None:
    mine, others = KEYS[key]
    left, right = pt.from_pydict(LEFT), pt.from_pydict(RIGHT)
    cut = {"whole": {}, **WAYS}[way]
    if way != "whole":
        cut = {**cut, "partition_bytes": 60, "exchange_bytes": 100, "batch_rows": 3}
    merging: tuple[bool | None, ...] = (None,)
    orders = ORDERS if way == "whole" else ORDERS[2:]
    if way == "whole" and how not in ("semi", "anti"):
        merging = (None, True, False)
    for order, coalesce in itertools.product(orders, merging):
        expected = pl.DataFrame(LEFT).join(
            pl.DataFrame(RIGHT),
            how=how,
            coalesce=coalesce,
            maintain_order=order,  # type: ignore[arg-type]
            **others,
        )
        joined = left.join(right, how=how, coalesce=coalesce, maintain_order=order, **mine)
        with pt.config.set(executor="serial", **cut):
            found = joined.collect().to_pydict()
        if order in ("left", "right"):
            # Only that side's order is promised; its rows are numbered.
            number = "v" if order == "left" or how in ("semi", "anti") else "v_right"
            known = [value for value in found.get(number, []) if value is not None]
            assert known == sorted(known)
            expected = expected.sort(pl.all())
            sortable = pl.DataFrame(found, schema=expected.schema)
            found = sortable.sort(pl.all()).to_dict(as_series=False)
        assert found == expected.to_dict(as_series=False), (order, coalesce)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("how", KINDS)
def test_a_side_may_be_empty(how: Any, way: str) -> None:
    some, none = (
        pa.table({"k": ["a", None] * 20, "v": range(40)}),
        pa.table({"k": pa.array([], pa.string()), "v": pa.array([], pa.int64())}),
    )
    with pt.config.set(executor="serial", **WAYS[way]):
        for left, right in ((some, none), (none, some), (none, none)):
            for nulls_equal in (False, True):
                found = pt.from_arrow(left).join(
                    pt.from_arrow(right), on="k", how=how, nulls_equal=nulls_equal
                )
                expected = pl.DataFrame(left).join(
                    pl.DataFrame(right), on="k", how=how, maintain_order="left_right"
                )
                assert found.collect().to_polars().sort("v").equals(expected.sort("v"))


def test_null_keys_meet_in_every_way_to_carry_them() -> None:
    hidden = pa.DictionaryArray.from_arrays([0, 1, None, 2], ["a", None, "b"])
    plain = pa.array(["a", None, "c"])
    left, right = pt.from_arrow(pa.table({"k": hidden})), pt.from_arrow(pa.table({"k": plain}))
    assert len(left.join(right, on="k")) == 1
    assert len(left.join(right, on="k", nulls_equal=True)) == 3
    assert left.join(right, on="k", how="anti", nulls_equal=True).to_pydict() == {"k": ["b"]}
    nothing = pt.from_arrow(pa.table({"k": pa.nulls(2)}))
    assert len(nothing.join(nothing, on="k", nulls_equal=True)) == 4
    assert len(nothing.join(right, on="k", nulls_equal=True)) == 2
    assert len(nothing.join(nothing, on="k")) == 0


def test_keys_of_a_full_join_take_the_common_type() -> None:
    left = pt.from_arrow(pa.table({"k": pa.array([1, 2], pa.int8())}))
    right = pt.from_arrow(pa.table({"k": pa.array([2, 300], pa.int32())}))
    joined = left.join(right, on="k", how="full", coalesce=True)
    assert joined.schema.field("k").type == pa.int32()
    assert joined.sort("k").to_pydict() == {"k": [1, 2, 300]}
    assert left.join(right, on="k", how="left").schema.field("k").type == pa.int8()
    assert left.join(right, on="k", how="right").schema.field("k").type == pa.int32()


# Skew, and which side is built


def stages_of(frame: pt.DataFrame) -> tuple[list[Stage], pa.Table]:
    """Return the stages of a query, and its rows."""
    stages: list[Stage] = []

    def observe(event: events.Event) -> None:
        if isinstance(event, events.StagePlanned):
            stages.append(event.stage)

    batches = list(current().execute(optimize(frame.plan), [observe]))
    return stages, pa.Table.from_batches(batches, schema=frame.schema)


SKEW = {
    "executor": "serial",
    "partition_bytes": 4000,
    "exchange_bytes": 8000,
    "broadcast_bytes": 0,
    "small_query_bytes": 0,
}


def skewed(rows: int, row: str, hot: float, seed: int) -> pa.Table:
    random = np.random.default_rng(seed)
    codes = random.integers(0, 4000, rows)
    codes[random.random(rows) < hot] = 77
    return pa.table({"k": codes, row: np.arange(rows)})


@pytest.mark.parametrize("how", KINDS)
@pytest.mark.parametrize("hot_side", ["left", "right"])
def test_a_key_with_half_of_the_rows_is_shared_by_several_tasks(how: Any, hot_side: str) -> None:
    large, small = skewed(6000, "x", 0.5, 1), skewed(1200, "y", 0.002, 2)
    sides = (large, small) if hot_side == "left" else (small, large)
    frames = [pt.from_arrow(side) for side in sides]
    with pt.config.set(**SKEW):
        stages, found = stages_of(frames[0].join(frames[1], on="k", how=how))
    joining = next(stage for stage in stages if stage.output.kind == "result")
    streamed = [
        sum(ref.bytes for ref in task.refs)
        for branch in joining.branches
        for task in branch.inputs
        if not any(getattr(step, "how", "") == "rest" for step in branch.operators)
    ]
    hot_bytes = 3000 * 24
    if (how, hot_side) not in (("semi", "right"), ("anti", "right")):
        assert len(streamed) > hot_bytes // SKEW["exchange_bytes"]
        assert max(streamed) < hot_bytes // 3
    expected = pl.DataFrame(sides[0]).join(pl.DataFrame(sides[1]), on="k", how=how)
    assert pl.DataFrame(found).sort(pl.all()).equals(expected.sort(pl.all()))


@pytest.mark.parametrize("how", ["left", "right", "semi", "anti"])
def test_of_a_kept_side_that_is_small_the_other_side_streams(how: Any) -> None:
    small, large = skewed(300, "x", 0.0, 1), skewed(6000, "y", 0.0, 2)
    sides = (small, large) if how != "right" else (large, small)
    frames = [pt.from_arrow(side) for side in sides]
    with pt.config.set(**SKEW):
        stages, found = stages_of(frames[0].join(frames[1], on="k", how=how))
    joining = next(stage for stage in stages if stage.output.kind == "result")
    assert {step.swap for branch in joining.branches for step in branch.operators[:1]} == {
        how != "right"
    }
    expected = pl.DataFrame(sides[0]).join(pl.DataFrame(sides[1]), on="k", how=how)
    assert pl.DataFrame(found).sort(pl.all()).equals(expected.sort(pl.all()))


@pytest.fixture(scope="module")
def workers() -> Iterator[pt.Session]:
    with pt.Session(executor="process", workers=2, progress="off") as session:
        yield session


@pytest.mark.parametrize("how", [*KINDS, "cross"])
def test_workers_give_the_same_bits_as_one_process(how: str, workers: pt.Session) -> None:
    cut = {**SKEW, "executor": "process"}
    left = pt.from_arrow(skewed(1500, "x", 0.5, 3))
    right = pt.from_arrow(skewed(600 if how != "cross" else 10, "y", 0.02, 4))
    on = {} if how == "cross" else {"on": "k"}
    for order in (None, "right_left") if how not in ("semi", "anti") else (None, "left"):
        frame = left.join(right, how=how, maintain_order=order, **on)
        with pt.config.set(**{**cut, "executor": "serial"}):
            serial = frame.collect().to_arrow()
        with pt.config.set(**cut):
            assert same_bits(frame.collect().to_arrow(), serial)


# Cross joins


@pytest.mark.parametrize("order", [None, "left_right", "right_left"])
def test_a_cross_join_gives_every_pair_in_bounded_batches(order: str | None) -> None:
    left = pt.from_pydict({"a": list(range(70)), "s": ["é", None] * 35})
    right = pt.from_pydict({"a": list(range(50))})
    with pt.config.set(executor="serial", partition_bytes=200, batch_rows=64, chunk_bytes=1):
        frame = left.join(right, how="cross", maintain_order=order)
        batches = list(frame.collect_batches())
        found = pl.DataFrame(frame.collect().to_arrow())
    assert max(batch.num_rows for batch in batches) == 64
    expected = pl.DataFrame(left.to_arrow()).join(
        pl.DataFrame(right.to_arrow()),
        how="cross",
        maintain_order=order or "left_right",  # type: ignore[arg-type]
    )
    assert found.equals(expected if order != "right_left" else expected.sort("a_right", "a"))


def test_a_cross_join_with_nothing_is_nothing_and_may_count() -> None:
    some, none = pt.from_pydict({"a": [1, 2]}), pt.from_pydict({"a": [1]}).filter(col("a") > 1)
    assert len(some.join(none, how="cross")) == 0
    assert len(none.join(some, how="cross")) == 0
    assert some.join(some, how="cross").select(pt.len()).to_pydict() == {"len": [4]}
    assert some.join(some, how="cross", suffix="_2").columns == ["a", "a_2"]


@pytest.mark.parametrize("built", ["left", "right"])
def test_the_smaller_side_of_a_large_product_is_held(built: str) -> None:
    small, large = pt.from_pydict({"a": [1, 2]}), pt.from_pydict({"b": list(range(5000))})
    sides = (small, large) if built == "left" else (large, small)
    with pt.config.set(executor="serial", broadcast_bytes=1000, partition_bytes=8000):
        stages, found = stages_of(sides[0].join(sides[1], how="cross"))
    assert found.num_rows == 10_000
    assert sum(ref.rows for ref in stages[-1].branches[0].sides[0].partitions[0]) == 2


# Keys that have to be unique

REPEATED: dict[str, tuple[list[Any], list[Any], str]] = {
    "1:1 left": ([1, 2, 2, 2, 3, 4], [2, 3], "left side to occur once, and k = 2 occurs in 3 rows"),
    "1:m left": ([5, 5], [1, 1], "left side to occur once, and k = 5 occurs in 2 rows"),
    "1:1 right": ([1, 2], [2, 2], "right side to occur once, and k = 2 occurs in 2 rows"),
    "m:1 right": ([1, 1], [2, 2, 7], "right side to occur once, and k = 2 occurs in 2 rows"),
}


@pytest.mark.parametrize("how", KINDS)
@pytest.mark.parametrize("case", REPEATED)
@pytest.mark.parametrize("cut", [{}, {"partition_bytes": 8, "exchange_bytes": 20}], ids=str)
def test_a_repeated_key_is_named(case: str, how: str, cut: dict[str, int]) -> None:
    validate = case.split()[0]
    left, right, message = REPEATED[case]
    frames = pt.from_pydict({"k": left}), pt.from_pydict({"k": right})
    with pt.config.set(executor="serial", **cut):
        joined = frames[0].join(frames[1], on="k", how=how, validate=validate)
        with pytest.raises(errors.RepeatedKey) as caught:
            joined.collect()
        assert message in str(caught.value)
        many = frames[0].join(frames[1], on="k", how=how, validate="m:m")
        assert many.collect().to_arrow().num_rows >= 0


@pytest.mark.parametrize("how", ["inner", "left", "right", "full"])
@pytest.mark.parametrize("order", [None, "left", "right_left"])
def test_unique_keys_pass_and_null_keys_do_not_count(how: Any, order: str | None) -> None:
    left, right = {"k": [1, None, 2, None, 4]}, {"k": [4, 2, None, 3, None]}
    frames = pt.from_pydict(left), pt.from_pydict(right)
    with pt.config.set(executor="serial", partition_bytes=16, exchange_bytes=20):
        found = frames[0].join(frames[1], on="k", how=how, validate="1:1", maintain_order=order)
        expected = pl.DataFrame(left).join(pl.DataFrame(right), on="k", how=how)
        assert found.collect().to_polars().sort(pl.all()).equals(expected.sort(pl.all()))
        both = frames[0].join(frames[1], on="k", how=how, validate="1:1", nulls_equal=True)
        with pytest.raises(errors.RepeatedKey, match="k = None occurs in 2 rows"):
            both.collect()

"""Joins by what is nearest and by conditions: as Polars and DuckDB have them, at any cut."""

from __future__ import annotations

import datetime
import decimal
import itertools
from collections.abc import Iterator
from typing import Any

import duckdb
import numpy as np
import pandas as pd
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

CUT = {"executor": "serial", "partition_bytes": 600, "batch_rows": 30, "small_query_bytes": 0}
WAYS: dict[str, dict[str, Any]] = {
    "whole": {"executor": "serial"},
    "broadcast": CUT,
    "exchanged": {**CUT, "broadcast_bytes": 0, "exchange_bytes": 900},
}
NOON = datetime.datetime(2024, 3, 31, 12)
DAY = datetime.date(2024, 2, 27)
TYPES: dict[str, tuple[list[Any], pa.DataType, Any]] = {
    "int64": ([n - 20 for n in range(40)], pa.int64(), 2),
    "uint64": ([2**63 - 20 + n for n in range(40)], pa.uint64(), 2),
    "wide int64": ([n * 2**58 - 2**63 + 7 for n in range(40)], pa.int64(), 2**59),
    "double": ([n / 4 - 3 for n in range(39)] + [-0.0], pa.float64(), 0.5),
    "decimal": ([decimal.Decimal(n) / 4 for n in range(40)], pa.decimal128(9, 2), 0.5),
    "date": ([DAY + datetime.timedelta(n) for n in range(40)], pa.date32(), "2d"),
    "timestamp": (
        [NOON + datetime.timedelta(minutes=7 * n) for n in range(40)],
        pa.timestamp("us"),
        "10m",
    ),
    "duration": (
        [datetime.timedelta(seconds=n) for n in range(40)],
        pa.duration("ms"),
        datetime.timedelta(seconds=2),
    ),
}
TOLERANCES: dict[str, Any] = {"decimal": decimal.Decimal("0.5")}


def side(random: np.random.Generator, types: str, rows: int, row: str) -> pa.Table:
    """Draw a side: its order with repetitions and nulls, a key with nulls, and row numbers."""
    values, dtype, _ = TYPES[types]
    picked = random.integers(0, len(values), rows)
    on = [None if random.random() < 0.1 else values[at] for at in picked]
    by = [None if random.random() < 0.1 else f"é{at}" for at in random.integers(0, 3, rows)]
    return pa.table({"t": pa.array(on, dtype), "g": by, row: np.arange(rows)})


def asof_of_polars(
    left: pa.Table, right: pa.Table, by: str | None, **options: Any
) -> list[int | None]:
    """Return for each row of the left the row of the right, by Polars, which wants them sorted."""
    others = pl.DataFrame(right).drop_nulls("t").sort("t", maintain_order=True)
    joined = (
        pl.DataFrame(left)
        .sort("t", maintain_order=True)
        .join_asof(others, on="t", by=by, check_sortedness=False, **options)
    )
    return joined.sort("l")["r"].to_list()


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("types", TYPES)
@pytest.mark.parametrize("by", [None, "g"])
def test_the_nearest_row_is_that_of_polars(types: str, way: str, by: str | None) -> None:
    random = np.random.default_rng(len(types))
    tables = side(random, types, 60, "l"), side(random, types, 45, "r")
    left, right = (pt.from_arrow(table) for table in tables)
    tolerance = TYPES[types][2]
    with pt.config.set(**WAYS[way]):
        for strategy, exact, within in itertools.product(
            ("backward", "forward", "nearest"), (True, False), (None, tolerance)
        ):
            options = {"strategy": strategy, "allow_exact_matches": exact}
            if way != "whole" and exact == (within is None):
                continue
            found = left.join_asof(right, on="t", by=by, tolerance=within, **options)
            rows = found.collect().to_pydict()
            assert rows["l"] == list(range(60))
            if within is not None:
                options["tolerance"] = TOLERANCES.get(types, within)
            if types in ("decimal", "wide int64", "uint64") and (within or strategy == "nearest"):
                expected = nearest_in_python(*tables, by, within=within, **options)
            else:
                expected = asof_of_polars(*tables, by, **options)
            assert rows["r"] == expected, (options, by)


def nearest_in_python(
    left: pa.Table,
    right: pa.Table,
    by: str | None,
    *,
    strategy: str,
    allow_exact_matches: bool,
    within: Any,
    tolerance: Any = None,
) -> list[int | None]:
    """Return the rows found, for types of which Polars has no exact differences."""
    limit = None if within is None else decimal.Decimal(within)
    others = [row for row in right.to_pylist() if row["t"] is not None]
    found: list[int | None] = []
    for row in left.to_pylist():
        best: tuple[Any, ...] | None = None
        for other in others:
            if row["t"] is None or (by and (row[by] is None or row[by] != other[by])):
                continue
            gap = other["t"] - row["t"]
            if (
                (gap == 0 and not allow_exact_matches)
                or (strategy == "backward" and gap > 0)
                or (strategy == "forward" and gap < 0)
                or (limit is not None and abs(gap) > limit)
            ):
                continue
            place = -other["r"] if strategy == "forward" else other["r"]
            rank = (-abs(gap), gap, place)
            if best is None or rank > best[:3]:
                best = (*rank, other["r"])
        found.append(None if best is None else best[3])
    return found


def test_nan_is_above_all_numbers_and_null_finds_nothing() -> None:
    nan = float("nan")
    left = pt.from_pydict({"t": [nan, None, 1.0, 5.0]})
    right = pt.from_pydict({"t": [nan, 0.5, None, 4.0], "r": [0, 1, 2, 3]})
    assert left.join_asof(right, on="t").to_pydict()["r"] == [0, None, 1, 3]
    after = left.join_asof(right, on="t", strategy="forward").to_pydict()["r"]
    assert after == [0, None, 3, 0]
    near = left.join_asof(right, on="t", strategy="nearest", tolerance=1).to_pydict()["r"]
    assert near == [0, None, 1, 3]
    # Polars finds nothing here: there the same infinity is not within any distance of itself.
    infinite = pt.from_pydict({"t": [float("inf")]})
    assert infinite.join_asof(infinite.with_columns(v=1), on="t", tolerance=1).to_pydict()["v"] == [
        1
    ]
    before = left.join_asof(right, on="t", allow_exact_matches=False).to_pydict()["r"]
    assert before == [3, None, 1, 3]


@pytest.mark.filterwarnings("ignore:Sortedness")
def test_columns_are_those_of_polars() -> None:
    left, right = {"t": [4], "g": [1], "x": [1]}, {"t": [4], "g": [1], "x": [3]}
    other = {"s": [4], "h": [1], "x": [3]}
    cases: list[tuple[dict[str, Any], dict[str, Any]]] = [
        (right, {"on": "t"}),
        (right, {"on": "t", "by": "g"}),
        (right, {"on": "t", "by": "g", "coalesce": False}),
        (other, {"left_on": "t", "right_on": "s", "by_left": "g", "by_right": "h"}),
        (right, {"on": "t", "suffix": "_2"}),
    ]
    for columns, options in cases:
        expected = pl.DataFrame(left).join_asof(pl.DataFrame(columns), **options)
        found = pt.from_pydict(left).join_asof(pt.from_pydict(columns), **options)
        assert found.to_pydict() == expected.to_dict(as_series=False)


@pytest.mark.parametrize("way", ["broadcast", "exchanged"])
@pytest.mark.parametrize("empty", ["left", "right", "both"])
@pytest.mark.parametrize("by", [None, "g"])
def test_a_side_may_be_empty(way: str, empty: str, by: str | None) -> None:
    some = pa.table({"t": range(100), "g": ["a"] * 100})
    tables = [some.slice(0, 0) if empty in (name, "both") else some for name in ("left", "right")]
    left, right = pt.from_arrow(tables[0]), pt.from_arrow(tables[1]).with_columns(v=1)
    with pt.config.set(**WAYS[way]):
        found = left.join_asof(right, on="t", by=by).to_pydict()
    assert found["t"] == tables[0]["t"].to_pylist()
    assert set(found["v"]) <= {None}


def test_keys_of_other_types_and_units_meet() -> None:
    left = pt.from_arrow(pa.table({"t": pa.array([NOON], pa.timestamp("s")), "g": ["a"]}))
    coded = pa.array(["a", "b"]).dictionary_encode()
    right = pt.from_arrow(
        pa.table({"t": pa.array([NOON, NOON], pa.timestamp("ns")), "g": coded, "v": [1, 2]})
    )
    assert left.join_asof(right, on="t", by="g").to_pydict()["v"] == [1]
    numbers = pt.from_pydict({"x": [3]}).join_asof(
        pt.from_pydict({"y": [2.5, 3.5], "v": [1, 2]}), left_on=col("x") * 1, right_on="y"
    )
    assert numbers.to_pydict() == {"x": [3], "y": [2.5], "v": [1]}


def stages_of(frame: pt.DataFrame) -> tuple[list[Stage], pa.Table]:
    """Return the stages of a query, and its rows."""
    stages: list[Stage] = []

    def observe(event: events.Event) -> None:
        if isinstance(event, events.StagePlanned):
            stages.append(event.stage)

    batches = list(current().execute(optimize(frame.plan), [observe]))
    return stages, pa.Table.from_batches(batches, schema=frame.schema)


@pytest.fixture(scope="module")
def workers() -> Iterator[pt.Session]:
    with pt.Session(executor="process", workers=2, progress="off") as session:
        yield session


@pytest.mark.parametrize("by", [None, "g"])
def test_large_sides_are_cut_alike_by_key_or_by_range(by: str | None, workers: pt.Session) -> None:
    random = np.random.default_rng(5)
    left = pa.table({"t": random.integers(0, 9000, 3000), "g": ["hot"] * 2000 + ["b", "c"] * 500})
    right = pa.table({"t": random.integers(0, 9000, 1500), "g": ["hot", "b", "c"] * 500})
    frame = pt.from_arrow(left).join_asof(
        pt.from_arrow(right).with_columns(r=col("t") * 2), on="t", by=by
    )
    cut = {**CUT, "partition_bytes": 6000, "broadcast_bytes": 0, "exchange_bytes": 9000}
    with pt.config.set(**cut):
        stages, found = stages_of(frame)
    kinds = [stage.output.kind for stage in stages]
    assert kinds == [("range" if by is None else "hash")] * 2 + ["range", "result"]
    # One key has two thirds of the rows, and several tasks; no task reads all of a side.
    assert stages[2].partitions > 4
    ordered = (
        pl.DataFrame(left).with_columns(l=pl.int_range(pl.len())).sort("t", maintain_order=True)
    )
    others = pl.DataFrame(right).with_columns(r=pl.col("t") * 2).sort("t", maintain_order=True)
    expected = ordered.join_asof(others, on="t", by=by, check_sortedness=False).sort("l").drop("l")
    assert pl.DataFrame(found).select(expected.columns).equals(expected)
    with pt.config.set(**{**cut, "executor": "process"}):
        assert same_bits(frame.collect().to_arrow(), found)


def test_an_asof_join_is_explained() -> None:
    left, right = pt.from_pydict({"t": [1], "g": [1]}), pt.from_pydict({"t": [1], "g": [1]})
    shown = left.join_asof(right, on="t", by="g", tolerance=2, allow_exact_matches=False).explain()
    assert "JOIN asof on t = t  finds: the last at or before  by: g = g  within: 2" in shown
    assert "searched: the right, sorted" in shown


WRONG: dict[str, tuple[type[Exception], str, dict[str, Any]]] = {
    "text": (errors.TypeMismatch, "by=", {"on": "s"}),
    "strategy": (errors.SchemaError, "'nearest'", {"on": "t", "strategy": "up"}),
    "two orders": (errors.SchemaError, "by=", {"on": ["t", "n"]}),
    "no order": (errors.SchemaError, "on=", {}),
    "one side's keys": (errors.SchemaError, "by_right=", {"on": "t", "by_left": "s"}),
    "months": (errors.SchemaError, "'2h'", {"on": "t", "tolerance": "1mo"}),
    "number for a time": (errors.TypeMismatch, "timedelta", {"on": "t", "tolerance": 5}),
    "text for a number": (errors.TypeMismatch, "number", {"on": "n", "tolerance": "5s"}),
    "negative": (errors.SchemaError, "negative", {"on": "n", "tolerance": -1}),
    "mistyped": (errors.ColumnNotFound, "'t'", {"on": "tt"}),
    "pandas' word": (errors.InvalidExpression, "strategy=", {"on": "t", "direction": "forward"}),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_question_says_what_to_ask(case: str) -> None:
    kind, hint, options = WRONG[case]
    frame = pt.from_pydict({"t": [NOON], "n": [1], "s": ["a"]})
    with pytest.raises(kind) as caught:
        frame.join_asof(frame, **options)
    assert hint in str(caught.value)


@pytest.mark.parametrize("direction", ["backward", "forward"])
def test_merge_asof_is_that_of_pandas(direction: str) -> None:
    left = pd.DataFrame({"t": [1, 5, 10], "k": ["a", "b", "a"], "v": [1, 2, 3]})
    right = pd.DataFrame({"t": [2, 3, 6, 9], "k": ["a", "b", "b", "a"], "v": [9, 8, 7, 6]})
    expected = pd.merge_asof(left, right, on="t", by="k", direction=direction)  # type: ignore[arg-type]
    found = pt.merge_asof(
        pt.DataFrame(left), pt.DataFrame(right), on="t", by="k", direction=direction
    )
    assert found.columns == list(expected.columns)
    assert found.to_pydict()["v_y"] == [None if pd.isna(v) else v for v in expected["v_y"]]
    assert pt.DataFrame(left).merge_asof(
        pt.DataFrame(right), left_on="v", right_on="t", suffixes=(None, "_r")
    ).columns == ["t", "k", "v", "t_r", "k_r", "v_r"]


# By conditions

SIDES = {
    "l": {"a": pa.int64(), "f": pa.float64(), "d": pa.date32(), "s": pa.string()},
    "r": {
        "lo": pa.int32(),
        "hi": pa.int64(),
        "f": pa.float64(),
        "d": pa.date32(),
        "s": pa.string(),
    },
}


def drawn(random: np.random.Generator, name: str, rows: int) -> pa.Table:
    columns: dict[str, Any] = {"l" if name == "l" else "r": pa.array(np.arange(rows))}
    floats = [0.0, -0.0, 1.5, float("nan"), -2.0, 7.0, float("inf")]
    for column, dtype in SIDES[name].items():
        values = random.integers(0, 25, rows)
        pool: list[Any] = {
            pa.float64(): [floats[v % 7] for v in values],
            pa.date32(): [DAY + datetime.timedelta(int(v)) for v in values],
            pa.string(): [f"é{v}" for v in values],
        }.get(dtype, [int(v) for v in values])
        pool = [None if random.random() < 0.1 else value for value in pool]
        columns[column] = pa.array(pool, dtype)
    return pa.table(columns)


CONDITIONS: dict[str, tuple[list[Any], str, str]] = {
    "between": (
        [col("a") >= col("lo"), col("a") < col("hi")],
        "l.a >= r.lo AND l.a < r.hi",
        "JOIN range",
    ),
    "between the left's": (
        [col("lo") > col("a") - 3, col("lo") <= col("a")],
        "r.lo > l.a - 3 AND r.lo <= l.a",
        "JOIN range",
    ),
    "one inequality": ([col("a") < col("hi")], "l.a < r.hi", "JOIN range"),
    "doubles": ([col("f") <= col("f_right")], "l.f <= r.f", "JOIN range"),
    "integer and double": ([col("a") > col("f_right")], "l.a > r.f", "JOIN range"),
    "dates": ([col("d_right") < col("d")], "r.d < l.d", "JOIN range"),
    "text in order": ([col("s") < col("s_right")], "l.s < r.s", "JOIN cross"),
    "unlike": ([col("a") != col("lo")], "l.a <> r.lo", "JOIN cross"),
    "equal": ([col("s") == col("s_right")], "l.s = r.s", "JOIN inner"),
    "equal and less": (
        [(col("d") == col("d_right")) & (col("lo") < col("a"))],
        "l.d = r.d AND r.lo < l.a",
        "JOIN inner",
    ),
    "equal when computed": ([col("a") + 1 == col("hi")], "l.a + 1 = r.hi", "JOIN inner"),
    "one side only": (
        [col("a") > 12, col("lo") > 12, col("hi") > col("a")],
        "l.a > 12 AND r.lo > 12 AND r.hi > l.a",
        "JOIN range",
    ),
    "range and rest": (
        [col("a") >= col("lo"), col("a") <= col("hi"), col("f") != col("f_right")],
        "l.a >= r.lo AND l.a <= r.hi AND l.f <> r.f",
        "JOIN range",
    ),
    "either": (
        [(col("a") == col("lo")) | (col("d") > col("d_right"))],
        "l.a = r.lo OR l.d > r.d",
        "JOIN cross",
    ),
}


@pytest.mark.parametrize("sizes", [(70, 40), (20, 90), (0, 30), (30, 0)], ids=str)
@pytest.mark.parametrize("case", CONDITIONS)
def test_pairs_that_fulfil_conditions_are_those_of_duckdb(
    case: str, sizes: tuple[int, int]
) -> None:
    predicates, sql, join = CONDITIONS[case]
    random = np.random.default_rng(sizes[0])
    left, right = drawn(random, "l", sizes[0]), drawn(random, "r", sizes[1])
    with duckdb.connect() as duck:
        duck.register("left_side", left)
        duck.register("right_side", right)
        query = f"SELECT l, r FROM left_side l JOIN right_side r ON {sql}"
        expected = sorted(duck.sql(query).fetchall())
    joined = pt.from_arrow(left).join_where(pt.from_arrow(right), *predicates)
    filtered = pt.from_arrow(left).join(pt.from_arrow(right), how="cross").filter(*predicates)
    assert join in joined.explain().split("Plan as run")[1]
    for cut, frame in (({"partition_bytes": 500, "batch_rows": 30}, joined), ({}, filtered)):
        with pt.config.set(executor="serial", **cut):
            batches = list(frame.collect_batches())
        columns = [[column.to_pylist() for column in b.select(["l", "r"]).columns] for b in batches]
        assert sorted(pair for both in columns for pair in zip(*both, strict=True)) == expected
        assert all(b.num_rows <= cut.get("batch_rows", 10**6) for b in batches)


def test_a_range_join_does_not_make_the_product() -> None:
    points = pt.from_pydict({"t": list(range(60_000))})
    spans = pt.from_pydict({"low": list(range(0, 60_000, 10)), "width": [3] * 6000})
    for one, other in ((points, spans), (spans, points)):
        inside = (col("t") >= col("low"), col("t") < col("low") + col("width"))
        joined = one.join_where(other, *inside)
        # The product would be 360 million pairs.
        assert joined.select(pt.len(), col("t").sum().alias("t")).to_pydict() == {
            "len": [18_000],
            "t": [sum(t for t in range(60_000) if t % 10 < 3)],
        }


def test_a_condition_that_may_raise_raises_for_pairs_alone() -> None:
    large = pt.from_pydict({"a": [2**63 - 1]})
    none = pt.from_pydict({"b": [1]}).filter(col("b") > 1)
    assert len(large.join_where(none, col("a") + 1 > col("b"))) == 0
    with pytest.raises(errors.ComputeError):
        large.join_where(pt.from_pydict({"b": [1]}), col("a") + 1 > col("b")).collect()


def test_a_condition_is_checked_where_it_is_written() -> None:
    left, right = pt.from_pydict({"a": [1], "s": ["x"]}), pt.from_pydict({"a": [1]})
    with pytest.raises(errors.ColumnNotFound, match="'a_right'"):
        left.join_where(right, col("a") < col("a_rigth"))
    with pytest.raises(errors.SchemaError, match="how='cross'"):
        left.join_where(right)
    with pytest.raises(errors.TypeMismatch):
        left.join_where(right, col("s") < col("a_right"))
    with pytest.raises(errors.InvalidExpression, match="a_right"):
        left.join_where(right, on="a")


def test_a_broadcast_larger_than_allowed_is_still_right(workers: pt.Session) -> None:
    random = np.random.default_rng(1)
    left = pt.from_arrow(pa.table({"a": random.integers(0, 500, 900)}))
    right = pt.from_arrow(pa.table({"b": random.integers(0, 500, 800)}))
    joined = left.join_where(right, col("a") > col("b") * 2, col("a") < col("b") * 2 + 5)
    serial = joined.collect().to_arrow()
    cut = {"partition_bytes": 1000, "broadcast_bytes": 0, "small_query_bytes": 0}
    with pt.config.set(executor="serial", **cut):
        found = joined.collect().to_arrow()
    with pt.config.set(executor="process", **cut):
        assert same_bits(joined.collect().to_arrow(), found)
    assert found.sort_by([("a", "ascending"), ("b", "ascending")]) == serial.sort_by(
        [("a", "ascending"), ("b", "ascending")]
    )

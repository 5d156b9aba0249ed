"""Rows that are made: ranges, random numbers, what a function makes of a partition, items."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import partita as pt
from partita import col, errors

CUTS = [
    {"executor": "serial", "partition_bytes": "1GiB"},
    {"executor": "serial", "partition_bytes": 1},
    {"executor": "serial", "partition_bytes": "600KiB", "batch_rows": 1000},
    {"executor": "process", "workers": 2, "partition_bytes": "512KiB"},
]


@pytest.fixture(scope="module", params=["serial", "process"])
def session(request: pytest.FixtureRequest) -> Iterator[pt.Session]:
    with pt.Session(executor=request.param, workers=2, partition_bytes="16KiB") as session:
        yield session


@pytest.mark.parametrize(
    "numbers",
    [
        *((0,), (1,), (100_000,), (5, 5), (5, 3), (3, 10), (-5, 5), (0, 100_000, 7)),
        *(
            (10, 0, -1),
            (10, -11, -4),
            (100_000, 0, -3),
            (2**62, 2**62 + 10),
            (-(2**63), 2**63, 2**61),
        ),
        (2**63 - 3, 2**63),
    ],
)
def test_a_range_is_that_of_python(session: pt.Session, numbers: tuple[int, ...]) -> None:
    assert pt.range(*numbers).to_pydict() == {"id": list(range(*numbers))}
    assert len(pt.range(*numbers)) == len(range(*numbers))


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16", "uint16", "int32", "uint32", "uint64"])
def test_a_range_has_the_type_that_is_asked_for(dtype: str) -> None:
    frame = pt.range(100, 0, -9, name="n", dtype=dtype)
    assert frame.schema == pa.schema([("n", pa.type_for_alias(dtype))])
    assert frame.to_pydict()["n"] == list(range(100, 0, -9))
    top = int(np.iinfo(dtype).max)
    assert pt.range(top - 2, top + 1, dtype=dtype).to_pydict()["id"] == [top - 2, top - 1, top]
    with pytest.raises(errors.SchemaError, match=f"does not fit into {dtype}"):
        pt.range(top, top + 2, dtype=dtype)


def test_a_range_is_not_made_where_it_is_ruled_out(session: pt.Session) -> None:
    frame = pt.range(100_000)
    assert "partitions: 1 of" in frame.filter(col("id") < 10).explain()
    assert frame.filter(col("id").is_between(99_998, 10**6)).to_pydict()["id"] == [99_998, 99_999]
    assert frame.head(3).to_pydict()["id"] == [0, 1, 2]
    assert frame.tail(2).to_pydict()["id"] == [99_998, 99_999]
    estimate = frame.estimate()
    assert (estimate.rows, estimate.columns["id"].maximum) == (100_000, 99_999)
    assert frame.select(col("id").sum()).to_pydict()["id"] == [100_000 * 99_999 // 2]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("a",), "it is a whole number"),
        ((1.5,), "it is a whole number"),
        ((0, 10, 0), "the step is not 0"),
    ],
)
def test_a_range_of_something_else(arguments: tuple[Any, ...], message: str) -> None:
    with pytest.raises(errors.PartitaError, match=message):
        pt.range(*arguments)
    with pytest.raises(errors.SchemaError, match="an integer type"):
        pt.range(3, dtype=float)


MAKERS: dict[str, Callable[[int, int], pt.DataFrame]] = {
    "uniform": lambda n, seed: pt.random.uniform(n, seed, low=-2, high=3),
    "normal": lambda n, seed: pt.random.normal(n, seed, mean=10, std=2),
    "integers": lambda n, seed: pt.random.integers(n, seed, low=-5, high=6),
}


@pytest.mark.parametrize("kind", MAKERS)
def test_random_numbers_are_the_same_for_any_cut(kind: str) -> None:
    found = []
    for settings in CUTS:
        with pt.Session(**settings):
            found.append(MAKERS[kind](200_000, 42).to_arrow().combine_chunks())
    assert all(table.equals(found[0]) for table in found)
    values = found[0]["value"].to_numpy()
    assert len(values) == 200_000
    # The first of more are the same.
    assert np.array_equal(MAKERS[kind](70_000, 42).to_arrow()["value"].to_numpy(), values[:70_000])
    assert MAKERS[kind](70_000, 42).head(5).to_pydict()["value"] == values[:5].tolist()
    other = MAKERS[kind](70_000, 43).to_arrow()["value"].to_numpy()
    assert abs(np.corrcoef(other, values[:70_000])[0, 1]) < 0.02
    # Nor do blocks repeat.
    blocks = values[: 3 * 65_536].reshape(3, -1)
    assert abs(np.corrcoef(blocks)[0, 1]) < 0.02


def test_random_numbers_are_spread_as_is_asked_for() -> None:
    uniform = MAKERS["uniform"](200_000, 1).to_arrow()["value"].to_numpy()
    assert -2 <= uniform.min() < -1.99
    assert 2.99 < uniform.max() < 3
    assert uniform.mean() == pytest.approx(0.5, abs=0.02)
    normal = MAKERS["normal"](200_000, 1).to_arrow()["value"].to_numpy()
    assert normal.mean() == pytest.approx(10, abs=0.03)
    assert normal.std() == pytest.approx(2, abs=0.03)
    whole = MAKERS["integers"](200_000, 1).to_arrow()["value"].to_numpy()
    counts = np.unique(whole, return_counts=True)
    assert counts[0].tolist() == list(range(-5, 6))
    assert counts[1].min() > 0.9 * 200_000 / 11
    any_number = pt.random.integers(1000, 3).to_arrow()["value"].to_numpy()
    assert any_number.min() >= 0
    assert any_number.max() > 2**62


def test_random_numbers_without_a_seed_stay_the_same_in_one_frame() -> None:
    frame = pt.random.uniform(100)
    assert frame.to_pydict() == frame.to_pydict()
    assert frame.to_pydict() != pt.random.uniform(100).to_pydict()
    assert pt.random.normal(0).to_pydict() == {"value": []}
    with pytest.raises(errors.InvalidExpression, match="at least 0"):
        pt.random.uniform(-1)
    with pytest.raises(errors.InvalidExpression, match="low is less than high"):
        pt.random.integers(1, low=5, high=5)


# What a function makes


def test_a_function_makes_each_partition(session: pt.Session) -> None:
    def some(partition: int) -> Iterator[pa.RecordBatch]:
        for part in range(partition % 4):
            yield pa.record_batch({"p": [partition] * 10, "part": [part] * 10})

    frame = pt.generate(some, 50, {"p": "int64", "part": "int64"})
    assert frame.npartitions == 50
    expected = [p for p in range(50) for part in range(p % 4) for _ in range(10)]
    assert frame.to_pydict()["p"] == expected
    assert frame.head(3).to_pydict()["p"] == [1, 1, 1]
    assert frame.partitions[7].to_pydict()["part"] == [0] * 10 + [1] * 10 + [2] * 10
    assert frame.filter(col("p") == 49).group_by("part").len().to_pydict()["len"] == [10]


@pytest.mark.parametrize(
    "make",
    [
        lambda n: {"a": [n]},
        lambda n: pd.DataFrame({"a": [n]}),
        lambda n: pl.DataFrame({"a": [n]}),
        lambda n: pa.table({"a": [n]}),
        lambda n: iter([{"a": [n]}]),
        lambda n: pa.table({"a": [n]}).to_reader(),
    ],
)
def test_what_may_be_made(session: pt.Session, make: Callable[[int], Any]) -> None:
    assert pt.generate(make, 3, {"a": "int64"}).to_pydict() == {"a": [0, 1, 2]}


def test_nothing_is_made_before_it_is_asked_for_nor_more_than_that(tmp_path: Path) -> None:
    def noted(partition: int, folder: str = str(tmp_path)) -> dict[str, list[int]]:
        Path(folder, str(partition)).touch()
        return {"a": [partition]}

    with pt.Session(executor="process", workers=2):
        frame = pt.generate(noted, 200, {"a": "int64"})
        assert repr(frame)
        assert not list(tmp_path.iterdir())
        assert frame.head(1).to_pydict() == {"a": [0]}
        assert len(list(tmp_path.iterdir())) < 100


def test_a_function_of_partitions_that_fails_is_named(session: pt.Session) -> None:
    def late(partition: int) -> Iterator[dict[str, list[int]]]:
        yield {"a": [1]}
        if partition == 3:
            raise OSError("no such device")

    with pytest.raises(errors.UserFunctionError) as caught:
        pt.generate(late, 5, {"a": int}).collect()
    assert "generated partition 3" in str(caught.value)
    assert "late raised OSError: no such device" in str(caught.value)
    with pytest.raises(errors.SchemaError, match="has to return rows"):
        pt.generate(lambda partition: None, 1, {"a": int}).collect()
    with pytest.raises(errors.SchemaError, match="declared a: int64 and returned b: int64"):
        pt.generate(lambda partition: pa.table({"b": [1]}), 1, {"a": int}).collect()
    with pytest.raises(errors.InvalidExpression, match="number of them"):
        pt.generate(late, -1, {"a": int})
    assert pt.generate(late, 0, {"a": int}).to_pydict() == {"a": []}


def test_a_partition_is_made_again_where_its_worker_died(tmp_path: Path) -> None:
    def die_once(partition: int, folder: str = str(tmp_path)) -> dict[str, list[int]]:
        mark = Path(folder, "died")
        if partition == 5 and not mark.exists():
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return {"a": [partition]}

    with pt.Session(executor="process", workers=2):
        assert pt.generate(die_once, 10, {"a": int}).to_pydict() == {"a": list(range(10))}


def test_a_query_over_generated_rows_uses_the_pool() -> None:
    def pid(partition: int) -> dict[str, list[int]]:
        return {"pid": [os.getpid()]}

    with pt.Session(workers=2):
        found = pt.generate(pid, 4, {"pid": int}).to_pydict()["pid"]
    assert os.getpid() not in found


# Items and batches


@pytest.mark.parametrize(
    ("items", "schema", "expected"),
    [
        ([{"a": 1}, {"b": 2}], None, {"a": [1, None], "b": [None, 2]}),
        ([{"a": 1}], {"a": "int8", "b": str}, {"a": [1], "b": [None]}),
        ([(1, "x"), [2, None]], None, {"column_0": [1, 2], "column_1": ["x", None]}),
        ([(1, "x")], ["n", "t"], {"n": [1], "t": ["x"]}),
        ([(1, 2)], {"n": "int8", "t": float}, {"n": [1], "t": [2.0]}),
        ([1, None, 3], None, {"item": [1, None, 3]}),
        (["ab", "c"], ["t"], {"t": ["ab", "c"]}),
        (iter([1.5]), {"x": float}, {"x": [1.5]}),
        ([], {"a": int}, {"a": []}),
        ([], ["a"], {"a": []}),
    ],
)
def test_items_become_rows(items: Any, schema: Any, expected: dict[str, list[Any]]) -> None:
    assert pt.from_items(items, schema=schema).to_pydict() == expected


@pytest.mark.parametrize(
    ("items", "schema", "message"),
    [
        ([], None, "say them with schema="),
        ([{"a": 1}, 2], None, "Some of the rows are dicts"),
        ([(1, 2), (1,)], None, r"The rows have \[1, 2\] values"),
        ([(1, 2)], ["a"], r"the names are \['a'\]"),
        ([1, 2], ["a", "b"], "one column"),
        ([{"c": 1}], ["a"], r"\['c'\], which schema= does not name"),
        ([1, "x"], None, "do not make a table"),
    ],
)
def test_items_that_make_no_rows(items: Any, schema: Any, message: str) -> None:
    with pytest.raises(errors.SchemaError, match=message):
        pt.from_items(items, schema=schema)


def test_batches_are_taken_at_once_and_read_more_than_once() -> None:
    frame = pt.from_batches(pa.record_batch({"a": [n]}) for n in range(3))
    assert frame.to_pydict() == frame.to_pydict() == {"a": [0, 1, 2]}
    assert pt.from_batches([], schema={"a": "int8"}).schema == pa.schema([("a", pa.int8())])
    with pytest.raises(errors.SchemaError, match="given no batch"):
        pt.from_batches([])
    with pytest.raises(errors.SchemaError, match="differ in schema"):
        pt.from_batches([pa.record_batch({"a": [1]}), pa.record_batch({"b": [1]})])
    with pytest.raises(errors.SchemaError, match="not what schema= says"):
        pt.from_batches([pa.record_batch({"a": [1]})], schema={"a": "int8"})


TABLE = pa.table({"a": [1, 2], "b": ["x", None]})


@pytest.mark.parametrize(
    "make",
    [
        lambda: {"a": [1, 2], "b": ["x", None]},
        lambda: [{"a": 1, "b": "x"}, {"a": 2}],
        lambda: TABLE,
        lambda: TABLE.to_batches()[0],
        lambda: TABLE.to_batches(),
        lambda: TABLE.to_reader(),
        lambda: iter(TABLE.to_batches()),
        lambda: pd.DataFrame({"a": [1, 2], "b": ["x", None]}),
        lambda: pl.DataFrame({"a": [1, 2], "b": ["x", None]}),
        lambda: pl.DataFrame({"a": [1, 2], "b": ["x", None]}).lazy().collect(),
        lambda: pt.from_arrow(TABLE),
        lambda: pt.from_arrow(TABLE).collect(),
    ],
)
def test_a_frame_is_made_of_any_table(make: Callable[[], Any]) -> None:
    assert pt.DataFrame(make()).to_pydict() == {"a": [1, 2], "b": ["x", None]}


def test_a_list_without_names_says_how() -> None:
    for rows in ([1, 2], [(1, 2)], ["a"]):
        with pytest.raises(errors.SchemaError, match="from_items"):
            pt.DataFrame(rows)

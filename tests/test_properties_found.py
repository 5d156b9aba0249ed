"""What random plans have found, each as its smallest example."""

from __future__ import annotations

import functools
from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pytest

import partita as pt
from partita import col

from .same_rows import same_bits

CODED = pa.dictionary(pa.int32(), pa.string())
TINY = {"partition_bytes": 100, "exchange_bytes": 100, "broadcast_bytes": 0}


@pytest.fixture(scope="module")
def workers() -> Iterator[pt.Session]:
    with pt.Session(executor="process", workers=2, progress="off") as session:
        yield session


def coded(values: list[str]) -> pt.DataFrame:
    """Return a frame over a column that is a dictionary to the user."""
    numbers = pa.array(range(len(values)), pa.int64())
    return pt.from_arrow(pa.table({"k": pa.array(values).cast(CODED), "row": numbers}))


def unchanged(batch: pa.RecordBatch, times: int) -> pa.RecordBatch:
    assert times == 1
    return batch


@pytest.mark.parametrize("cut", [{}, TINY], ids=["whole", "cut"])
def test_last_rows_stand_where_they_stood(cut: dict[str, int]) -> None:
    frame = pt.from_pydict({"k": [1, 2, 1, 3, 2] * 20, "row": list(range(100))})
    with pt.config.set(executor="serial", **cut):
        kept = frame.unique("k", keep="last", maintain_order=True).to_pydict()
    assert kept == {"k": [1, 3, 2], "row": [97, 98, 99]}


def test_a_distinct_of_what_is_distinct_still_gives_zero_for_minus_zero() -> None:
    frame = pt.from_pydict({"k": [1, 2], "v": [-0.0, 1.0]})
    query = frame.group_by("k", maintain_order=True).agg(col("v").last()).unique()
    with pt.config.set(executor="serial", optimize=False):
        expected = query.sort("k").to_arrow()
    assert same_bits(query.sort("k").to_arrow(), expected)


def test_a_function_is_given_dictionaries_where_the_schema_says_so() -> None:
    frame = coded(["a", "b", "a"])
    assert frame.map_batches(functools.partial(unchanged, times=1)).schema == frame.schema
    result = frame.map_batches(functools.partial(unchanged, times=1)).to_arrow()
    assert result.schema == frame.schema
    assert result["k"].to_pylist() == ["a", "b", "a"]


@pytest.mark.parametrize("cut", [{}, TINY], ids=["broadcast", "shuffled"])
def test_a_joined_dictionary_is_one_still(cut: dict[str, int]) -> None:
    frame = coded([f"name {number % 40}" for number in range(200)])
    other = pt.from_pydict({"row": list(range(0, 400, 2)), "v": list(range(200))})
    with pt.config.set(executor="serial", **cut):
        result = other.join(frame, on="row").sort("row").to_arrow()
    assert result.schema.field("k").type == CODED
    assert result["k"].to_pylist() == [f"name {number % 40}" for number in range(0, 200, 2)]


def test_a_partial_function_travels_by_value(workers: pt.Session) -> None:
    frame = coded(["a", "b"]).map_batches(functools.partial(unchanged, times=1))
    assert frame.to_pydict()["row"] == [0, 1]


def test_reports_of_tasks_behind_a_limit_may_come_late(workers: pt.Session) -> None:
    # Many short tasks are queued with the workers when the first of them give rows enough.
    frame = pt.from_arrow(pa.table({"row": np.arange(3000)})).filter(col("row") >= 0)
    with pt.config.set(partition_bytes=80):
        for _ in range(10):
            assert frame.head(15).to_pydict() == {"row": list(range(15))}
            grouped = frame.head(25).group_by(col("row") % 3).len().sort("row")
            assert grouped.to_pydict()["len"] == [9, 8, 8]


@pytest.mark.parametrize("cut", [{}, TINY], ids=["whole", "cut"])
@pytest.mark.parametrize("name", ["cum_sum", "cum_min", "cum_max"])
def test_running_values_of_zeros_have_one_sign_however_they_are_cut(
    name: str, cut: dict[str, int]
) -> None:
    zeros = [-0.0] * 40 + [0.0, -0.0] * 20
    frame = pt.from_pydict({"row": list(range(len(zeros))), "v": zeros})
    running = getattr(col("v"), name)()
    with pt.config.set(executor="serial", **cut):
        found = frame.select(all=running, ordered=running.over(order_by="row")).to_pydict()
    for column in ("all", "ordered"):
        assert [str(value) for value in found[column]] == ["0.0"] * len(zeros)

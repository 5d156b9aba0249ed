"""Rows that are together already are not brought together again: stages that need no exchange."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import polars as pl
import pyarrow as pa
import pytest

import partita as pt
from partita import col
from partita.engine.physical.operators.slice import LimitRows
from partita.engine.physical.pipeline import Pipeline
from partita.engine.physical.stage import Branch

ROWS = 4000

Frame = pt.DataFrame


@pytest.fixture(autouse=True)
def small_partitions() -> Iterator[None]:
    """Cut so that every group-by has several partitions before and behind its exchange."""
    settings = {"executor": "serial", "partition_bytes": 8_000, "exchange_bytes": 8_000}
    with pt.config.set(**settings):
        yield


def frame() -> Frame:
    """Return rows with null, NaN and -0.0 among the keys."""
    floats = [None, 0.0, -0.0, 1.5, float("nan")]
    return pt.from_pydict(
        {
            "a": [n % 300 if n % 7 else None for n in range(ROWS)],
            "b": [f"t{n % 11}" for n in range(ROWS)],
            "f": [floats[n % 5] for n in range(ROWS)],
            "v": list(range(ROWS)),
        }
    )


def exchanges(made: Frame) -> int:
    """Return how many hash exchanges the run of a frame has."""
    result = made.collect()
    assert result.profile is not None
    return sum(stage.label.endswith("hash") for stage in result.profile.stages)


TOGETHER: dict[str, tuple[Callable[[Frame], Frame], int]] = {
    "the same keys": (
        lambda of: of.group_by("a", "b").agg(col("v").sum()).group_by("a", "b").agg(pt.len()),
        1,
    ),
    "more keys": (
        lambda of: (
            of.group_by("a", "b").agg(s=col("v").sum()).group_by("a", "b", "s").agg(pt.len())
        ),
        1,
    ),
    "fewer keys": (
        lambda of: of.group_by("a", "b").agg(col("v").sum()).group_by("a").agg(col("v").max()),
        2,
    ),
    "floats": (
        lambda of: of.group_by("f", "a").agg(s=col("v").sum()).group_by("a", "f").agg(pt.len()),
        1,
    ),
    "a distinct": (
        lambda of: of.unique(["a", "b"], keep="first").group_by("a", "b").agg(col("v").sum()),
        1,
    ),
    "a distinct of those that are there once": (
        lambda of: of.unique(["a", "v"], keep="none").group_by("v", "a").agg(pt.len()),
        1,
    ),
    "filtered and renamed": (
        lambda of: (
            of.group_by("a", "b")
            .agg(col("v").sum())
            .filter(col("v") > 10_000)
            .select(x="b", y="a", v="v")
            .group_by("y", "x")
            .agg(col("v").max())
        ),
        1,
    ),
    "a key that was computed anew": (
        lambda of: (
            of.group_by("a", "b")
            .agg(col("v").sum())
            .with_columns(a=col("a") % 10)
            .group_by("a", "b")
            .agg(col("v").max())
        ),
        2,
    ),
    "an order that is kept": (
        lambda of: (
            of.group_by("a", "b")
            .agg(col("v").sum())
            .sort("v")
            .group_by("a", "b", maintain_order=True)
            .agg(col("v").max())
        ),
        1,
    ),
}


@pytest.mark.parametrize("case", TOGETHER)
def test_groups_that_are_whole_are_not_exchanged(case: str) -> None:
    build, wanted = TOGETHER[case]
    made = build(frame())
    assert exchanges(made) == wanted
    found = made.collect().to_arrow()
    with pt.config.set(partition_bytes=10**9, exchange_bytes=10**9):
        assert sorted(map(repr, build(frame()).collect().to_arrow().to_pylist())) == sorted(
            map(repr, found.to_pylist())
        )


def test_a_shared_group_by_is_made_once_and_not_exchanged_for_its_readers() -> None:
    sums = frame().group_by("a", "b").agg(col("v").sum())
    one = sums.group_by("a", "b").agg(n=pt.len())
    other = sums.filter(col("v") > 5000).group_by("a", "b").agg(n=col("v").max())
    assert exchanges(pt.concat([one, other])) == 1


def test_an_operator_that_is_not_known_ends_what_is_known_of_groups() -> None:
    branches = (Branch(inputs=(), schema=pa.schema([])),)
    plain = Pipeline(branches=branches, schema=pa.schema([]))
    pipeline = plain.with_groups([frozenset("ab"), frozenset("c")])
    assert pipeline.holds_groups(["a", "b", "x"])
    assert pipeline.holds_groups(["c"])
    assert not pipeline.holds_groups(["a", "x"])
    further = pipeline.then(LimitRows(offset=0, length=1))
    assert further.groups == ()
    kept = further.keeping(pipeline, {"a": "x", "b": "b"})
    assert kept.groups == (frozenset({"x", "b"}),)
    assert replace(kept, branches=further.then(LimitRows(offset=0, length=1)).branches).groups == ()


def test_a_dictionary_that_repeats_a_value_makes_one_group_of_it() -> None:
    codes = pa.array([number % 3 for number in range(ROWS)], pa.int32())
    coded = pa.DictionaryArray.from_arrays(codes, pa.array(["a", "b", "a"]))
    table = pa.table({"k": coded, "v": list(range(ROWS))})
    found = pt.from_arrow(table).group_by("k").agg(n=pt.len(), d=col("v").n_unique()).collect()
    rows = {row["k"]: (row["n"], row["d"]) for row in found.to_arrow().to_pylist()}
    b = sum(number % 3 == 1 for number in range(ROWS))
    assert rows == {"a": (ROWS - b, ROWS - b), "b": (b, b)}


@pytest.mark.parametrize("groups", [1, 300, 3000, 10**9])
def test_partial_states_merge_however_far_rows_share_groups(groups: int) -> None:
    """With little batches every way to go on is taken: merged, as they are made, row by row."""
    random = np.random.default_rng(3)
    keys, values = random.integers(0, groups, ROWS), random.integers(0, 100, ROWS) / 4
    table = pa.table({"k": keys, "v": values})
    with pt.config.set(batch_rows=16):
        found = (
            pt.from_arrow(table)
            .group_by("k")
            .agg(s=col("v").sum(), m=col("v").mean(), n=pt.len(), d=col("v").n_unique())
            .sort("k")
            .collect()
            .to_arrow()
        )
    expected = (
        pl.from_arrow(table)
        .group_by("k")
        .agg(s=pl.col("v").sum(), m=pl.col("v").mean(), n=pl.len(), d=pl.col("v").n_unique())
        .sort("k")
    )
    for name in ("k", "s", "m", "n", "d"):
        assert found[name].to_pylist() == expected[name].to_list()


@pytest.mark.parametrize("rows", [1, 16_383, 70_000])
@pytest.mark.parametrize("spread", [20, 5_000, 60_000])
def test_texts_of_many_groups_are_grouped_whatever_batches_they_come_in(
    rows: int, spread: int
) -> None:
    """Texts shorter and longer than two words, null, empty, and such as end in NUL."""
    random = np.random.default_rng(5)
    numbers = random.integers(0, spread, rows)
    made = [None, "", "a", "a\0", *(f"{n}" * (1 + n % 5) for n in range(4, spread))]
    table = pa.table({"k": [made[n] for n in numbers], "v": random.integers(-9, 9, rows) / 4})
    found = []
    for batch_rows in (17_000, 1_000_000):
        with pt.config.set(batch_rows=batch_rows, partition_bytes=10**9):
            grouped = pt.from_arrow(table).group_by("k").agg(col("v").sum(), n=pt.len())
            found.append(grouped.sort("k").collect().to_arrow().to_pylist())
    expected = pl.from_arrow(table).group_by("k").agg(pl.col("v").sum(), n=pl.len())
    by_key = sorted(expected.to_dicts(), key=lambda row: (row["k"] is None, row["k"] or ""))
    assert found[0] == found[1]
    assert sorted(found[0], key=lambda row: (row["k"] is None, row["k"] or "")) == by_key

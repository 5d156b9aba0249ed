"""Side inputs without a stage of their own: the same rows, fewer stages, nothing left behind."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pytest

import partita as pt

ROWS = 40_000


@pytest.fixture
def items(tmp_path: Path) -> pt.DataFrame:
    made = pt.from_pydict(
        {
            "k": [n % 50 for n in range(ROWS)],
            "v": [n % 7 for n in range(ROWS)],
            "s": [f"text {n % 11}" for n in range(ROWS)],
        }
    )
    made.sink_parquet(tmp_path / "items.parquet")
    return pt.scan_parquet(tmp_path / "items.parquet")


def above_the_mean(items: pt.DataFrame) -> pt.DataFrame:
    groups = items.group_by("k").agg(total=pt.col("v").sum(), name=pt.col("s").min())
    return groups.filter(pt.col("total") > pt.col("total").mean()).sort("k")


def with_own_mean(items: pt.DataFrame) -> pt.DataFrame:
    some = items.filter(pt.col("v") > 1).join(items.filter(pt.col("k") < 3), on="k", how="semi")
    mean = some.group_by("k").agg(mean=pt.col("v").mean())
    return some.join(mean, on="k").filter(pt.col("v") > pt.col("mean")).sort("k", "v", "s")


QUERIES = (above_the_mean, with_own_mean)


@pytest.mark.parametrize("query", QUERIES)
def test_every_executor_gives_the_rows_of_the_plan_as_written(
    query: Callable[[pt.DataFrame], pt.DataFrame], items: pt.DataFrame
) -> None:
    with pt.config.set(optimize=False, executor="serial"):
        expected = query(items).collect().to_arrow()
    assert expected.num_rows
    for executor in ("serial", "process"):
        with pt.config.set(executor=executor):
            assert query(items).collect().to_arrow().equals(expected)


def test_a_scalar_takes_no_stage(items: pt.DataFrame) -> None:
    with pt.config.set(executor="serial"):
        profile = above_the_mean(items).collect().profile
    labels = [stage.label for stage in profile.stages]
    assert sum("mean(total)" in label for label in labels) == 0, labels
    assert len(labels) <= 3, labels


def test_a_function_of_the_user_is_not_called_by_every_process(items: pt.DataFrame) -> None:
    def doubled(values: pa.Array) -> pa.Array:
        return pc.multiply(values, 2)

    some = items.join(items.filter(pt.col("k") < 2), on="k", how="semi")
    twice = pt.col("v").map_batches(doubled, return_dtype=pa.int64())
    own = some.select("k", w=twice).group_by("k")
    with pt.config.set(executor="serial"):
        profile = some.join(own.agg(pt.col("w").max()), on="k").collect().profile
    (stage,) = [each for each in profile.stages if "max(w)" in each.label]
    assert "inner join" not in stage.label


def test_what_a_partition_is_does_not_change(items: pt.DataFrame) -> None:
    some = items.join(items.filter(pt.col("k") < 2), on="k", how="semi").repartition(4)
    whole = some.collect().to_arrow()
    parts = [some.partitions[number].collect().to_arrow() for number in range(4)]
    assert sum(part.num_rows for part in parts) == whole.num_rows

"""Side inputs without a stage of their own: the same rows, fewer stages, nothing left behind."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pytest

import partita as pt
from partita.engine.errors import SourceCorrupt
from partita.io.parquet_fragment import ParquetFragment

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


@pytest.fixture
def names(tmp_path: Path) -> pt.DataFrame:
    made = pt.from_pydict({"k": list(range(50)), "n": [f"name {n % 9}" for n in range(50)]})
    made.sink_parquet(tmp_path / "names.parquet")
    return pt.scan_parquet(tmp_path / "names.parquet")


@pytest.fixture
def groups(tmp_path: Path) -> pt.DataFrame:
    made = pt.from_pydict({"n": [f"name {n}" for n in range(9)], "g": [n % 2 for n in range(9)]})
    made.sink_parquet(tmp_path / "groups.parquet")
    return pt.scan_parquet(tmp_path / "groups.parquet")


@pytest.mark.parametrize("how", ["inner", "left", "right", "full", "semi", "anti"])
def test_a_small_file_is_joined_without_a_stage_of_its_own(
    how: str, items: pt.DataFrame, names: pt.DataFrame, groups: pt.DataFrame
) -> None:
    chosen = names.join(groups.filter(pt.col("g") == 1), on="n").filter(pt.col("k") < 40)
    query = items.join(chosen, on="k", how=how).sort("k", "v", "s")
    with pt.config.set(optimize=False, executor="serial"):
        expected = query.collect().to_arrow()
    assert expected.num_rows
    small = {"partition_bytes": 100_000, "task_attempts": 1}
    for executor in ("serial", "process"):
        with pt.config.set(executor=executor, **small):
            found = query.collect()
        assert found.to_arrow().equals(expected)
        scans = [stage.label for stage in found.profile.stages if "scan" in stage.label]
        if how in ("inner", "left", "semi", "anti"):
            assert len(scans) == 1, scans
        if how == "inner":
            assert found.profile.bytes_read >= found.profile.stored_bytes > 0


def test_a_small_file_is_read_once_in_a_process(
    items: pt.DataFrame, names: pt.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []
    real = ParquetFragment.filtered_batches

    def counted(self: ParquetFragment, *args: object) -> object:
        read.append(self.label)
        return real(self, *args)  # type: ignore[arg-type]

    monkeypatch.setattr(ParquetFragment, "filtered_batches", counted)
    with pt.config.set(executor="serial", partition_bytes=100_000):
        items.join(names.filter(pt.col("k") < 9), on="k").collect()
    assert len([label for label in read if "names" in label]) == 1
    assert len([label for label in read if "items" in label]) >= 1


def test_a_small_file_that_changes_is_told_of(
    items: pt.DataFrame, names: pt.DataFrame, tmp_path: Path
) -> None:
    query = items.join(names, on="k")
    pt.from_pydict({"k": [1], "n": ["x"]}).sink_parquet(
        tmp_path / "names.parquet", mode="overwrite"
    )
    for executor in ("serial", "process"):
        with (
            pt.config.set(executor=executor),
            pytest.raises(SourceCorrupt, match=r"names\.parquet"),
        ):
            query.collect()

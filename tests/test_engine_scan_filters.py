"""What scans leave out because of filters and joins behind them: never a row that is needed."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import partita as pt
from partita import col

NAN = float("nan")
VALUES: dict[str, tuple[pa.DataType, list[Any]]] = {
    "int": (pa.int64(), [None, -(2**63), -1, 0, 1, 5, 2**62]),
    "short": (pa.int32(), [None, -1, 0, 1, 5, 7]),
    "float": (pa.float64(), [None, NAN, -0.0, 0.0, 1.0, 5.0, float("inf")]),
    "text": (pa.string(), [None, "", "a", "ab", "é", "z"]),
    "day": (pa.date32(), [None, dt.date(2020, 1, 1), dt.date(2021, 5, 6)]),
    "cents": (pa.decimal128(9, 2), [None, Decimal("0.05"), Decimal("1.00"), Decimal("7.10")]),
    "flag": (pa.bool_(), [None, True, False]),
}
PAIRS = [(name, name) for name in VALUES] + [("short", "int"), ("int", "short"), ("int", "float")]


@st.composite
def sides(draw: st.DrawFn) -> tuple[pa.Table, pa.Table]:
    """Two tables with two keys each; the left is often clustered by its first key."""
    left_kind, right_kind = draw(st.sampled_from(PAIRS))
    other = draw(st.sampled_from(list(VALUES)))

    def column(kind: str, count: int, chosen: list[Any]) -> pa.Array:
        items = draw(st.lists(st.sampled_from(chosen), min_size=count, max_size=count))
        return pa.array(items, VALUES[kind][0])

    rows, build_rows = draw(st.integers(1, 40)), draw(st.integers(0, 4))
    left = pa.table(
        {
            "k": column(left_kind, rows, VALUES[left_kind][1]),
            "k2": column(other, rows, VALUES[other][1]),
            "n": pa.array(range(rows), pa.int64()),
        }
    )
    if draw(st.booleans()):
        left = left.sort_by("k")
    right = pa.table(
        {
            "j": column(right_kind, build_rows, VALUES[right_kind][1]),
            "j2": column(other, build_rows, VALUES[other][1]),
            "m": pa.array(range(build_rows), pa.int64()),
        }
    )
    return left, right


def in_order(table: pa.Table) -> list[str]:
    return sorted(map(repr, table.to_pylist()))


@settings(
    max_examples=120,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    both=sides(),
    how=st.sampled_from(["inner", "left", "right", "full", "semi", "anti"]),
    keys=st.sampled_from([1, 2]),
    nulls_equal=st.booleans(),
    group=st.integers(1, 9),
    least=st.integers(-1, 40),
)
def test_joins_of_files_are_those_of_tables(
    tmp_path: Path,
    both: tuple[pa.Table, pa.Table],
    how: str,
    keys: int,
    nulls_equal: bool,
    group: int,
    least: int,
) -> None:
    left, right = both
    path = tmp_path / "left.parquet"
    pq.write_table(left, path, row_group_size=group)

    def joined(frame: pt.DataFrame) -> pa.Table:
        return (
            frame.filter(col("n") >= least)
            .join(
                pt.from_arrow(right),
                left_on=["k", "k2"][:keys],
                right_on=["j", "j2"][:keys],
                how=how,
                nulls_equal=nulls_equal,
            )
            .collect()
            .to_arrow()
        )

    with pt.config.set(executor="serial", batch_rows=group):
        assert in_order(joined(pt.scan_parquet(path))) == in_order(joined(pt.from_arrow(left)))


@pytest.fixture
def facts(tmp_path: Path) -> Path:
    """A thousand rows in ten row groups, their keys rising."""
    table = pa.table(
        {
            "key": range(1000),
            "tag": [f"t{number * 37 % 1000}" for number in range(1000)],
            "price": [number / 4 for number in range(1000)],
        }
    )
    pq.write_table(table, tmp_path / "facts.parquet", row_group_size=100)
    return tmp_path / "facts.parquet"


def counted(frame: pt.DataFrame) -> tuple[pa.Table, dict[str, int]]:
    result = frame.collect()
    metrics: dict[str, int] = {}
    for stage in result.profile.stages:
        for name, amount in stage.metrics.items():
            metrics[name] = metrics.get(name, 0) + amount
    return result.to_arrow(), metrics


def test_row_groups_outside_of_the_keys_range_are_not_read(facts: Path) -> None:
    few = pt.from_pydict({"id": [310, 350, 420]})
    frame = pt.scan_parquet(facts).join(few, left_on="key", right_on="id")
    with pt.config.set(executor="serial", batch_rows=100):
        table, metrics = counted(frame)
    assert sorted(table["key"].to_pylist()) == [310, 350, 420]
    assert metrics["row_groups_skipped"] == 8


def test_columns_are_not_decoded_where_a_filter_leaves_nothing(facts: Path) -> None:
    frame = pt.scan_parquet(facts).filter(col("tag") == "t37")
    with pt.config.set(executor="serial", batch_rows=100):
        table, metrics = counted(frame)
    assert table["key"].to_pylist() == [1]
    assert metrics["row_groups_half_read"] >= 6


def test_of_row_groups_read_at_once_any_may_fall_away(tmp_path: Path) -> None:
    # Statistics tell little, and a batch is three row groups. The first is empty, the next two not.
    tags = [f"t{row * 37 % 1200}" for row in range(1200)]
    table = pa.table({"key": range(1200), "tag": tags})
    pq.write_table(table, tmp_path / "facts.parquet", row_group_size=100)
    frame = pt.scan_parquet(tmp_path / "facts.parquet").filter(
        col("tag").is_in([tags[350], tags[720]])
    )
    with pt.config.set(executor="serial", batch_rows=300):
        found, metrics = counted(frame)
    assert found["key"].to_pylist() == [350, 720]
    assert metrics["row_groups_half_read"] == 5


def test_folders_outside_of_the_keys_range_are_not_opened(tmp_path: Path) -> None:
    for day in range(5):
        (tmp_path / f"day={day}").mkdir()
        pq.write_table(pa.table({"a": [day, day]}), tmp_path / f"day={day}" / "x.parquet")
    days = pt.from_pydict({"d": [3]})
    with pt.config.set(executor="serial"):
        frame = pt.scan_parquet(tmp_path).join(days, left_on="day", right_on="d", how="semi")
        table, metrics = counted(frame)
    assert table["a"].to_pylist() == [3, 3]
    assert metrics["row_groups_skipped"] == 4


def test_a_condition_that_may_fail_is_tested_where_it_stands(tmp_path: Path) -> None:
    words = ["7" if key == 310 else "no number" for key in range(400)]
    table = pa.table({"key": range(400), "word": words, "price": [1.0] * 400})
    pq.write_table(table, tmp_path / "words.parquet", row_group_size=100)
    few = pt.from_pydict({"id": [5, 310]}).filter(col("id") > 9)
    frame = (
        pt.scan_parquet(tmp_path / "words.parquet")
        .join(few, left_on="key", right_on="id")
        .filter(col("word").cast("int64") > 5)
    )
    with pt.config.set(executor="serial", batch_rows=100):
        assert frame.collect().to_arrow()["key"].to_pylist() == [310]

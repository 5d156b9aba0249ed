"""Small and large: no rows, no partitions, one row, ten thousand tasks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

import partita as pt
from partita import col

from .executors import Executor

SCHEMA = pa.schema([("n", pa.int64()), ("t", pa.string())])

QUERIES: dict[str, Callable[[pt.DataFrame], pt.DataFrame]] = {
    "as they are": lambda rows: rows,
    "grouped": lambda rows: rows.group_by("t").agg(col("n").sum(), rows=pt.len()),
    "joined": lambda rows: rows.join(rows, on="n"),
    "sorted": lambda rows: rows.sort("t", "n"),
    "distinct": lambda rows: rows.unique(),
    "windowed": lambda rows: rows.with_columns(s=col("n").sum().over("t")),
    "first": lambda rows: rows.head(3),
    "last": lambda rows: rows.tail(3),
    "mapped": lambda rows: rows.map_batches(lambda batch: batch, rows.schema),
    "twice": lambda rows: pt.concat([rows, rows]),
}

FRAMES: dict[str, Callable[[], pt.DataFrame]] = {
    "no rows": lambda: pt.from_arrow(
        pa.table({"n": pa.array([], "int64"), "t": pa.array([], "string")})
    ),
    "no rows in many partitions": lambda: (
        pt.range(50).repartition(7).select(n=col("id"), t=pt.lit("x")).filter(col("n") < 0)
    ),
    "no partitions": lambda: pt.generate(lambda number: None, 0, schema=SCHEMA),
    "one row": lambda: pt.from_pydict({"n": [1], "t": ["x"]}),
}


@pytest.mark.parametrize("query", QUERIES)
@pytest.mark.parametrize("frame", FRAMES)
def test_hardly_any_rows(session: pt.Session, frame: str, query: str) -> None:
    asked = QUERIES[query](FRAMES[frame]())
    found = asked.collect()
    assert found.to_arrow().schema == asked.schema
    expected = {"one row": 2 if query == "twice" else 1}.get(frame, 0)
    assert len(found) == expected
    assert sum(batch.num_rows for batch in asked.collect_batches()) == expected


def test_a_total_of_nothing(session: pt.Session, dataset: Path) -> None:
    none = pt.scan_parquet(dataset).filter(col("key") < 0)
    assert none.select(n=pt.len(), s=col("value").sum()).to_pydict() == {"n": [0], "s": [0.0]}


def test_every_type_comes_back_as_it_was(session: pt.Session) -> None:
    table = pa.table(
        {
            "decimal": pa.array([None, 1, 2], pa.decimal128(10, 2)),
            "time": pa.array([1, None, 3], pa.timestamp("ns", "Europe/Paris")),
            "day": pa.array([0, 1, None], pa.date32()),
            "list": pa.array([[1], None, []], pa.list_(pa.int8())),
            "code": pa.array(["x", None, "y"]).dictionary_encode(),
            "null": pa.nulls(3),
            "bytes": pa.array([b"1", None, b""]),
            "double": pa.array([float("nan"), None, -0.0]),
            "struct": pa.array([{"q": 1}, None, {"q": None}]),
            "n": [2, 1, 0],
        }
    )
    rows = pt.from_arrow(table)
    same = rows.repartition(3).map_batches(lambda batch: batch, rows.schema)
    assert str(same.to_arrow().to_pylist()) == str(rows.to_arrow().to_pylist())
    turned = rows.repartition(3).sort("n")
    assert str(turned.to_arrow().to_pylist()) == str(rows.to_arrow().to_pylist()[::-1])
    assert turned.to_arrow().schema == rows.schema


@pytest.mark.timeout(300)
@pytest.mark.parametrize("tasks", [1000, pytest.param(10_000, marks=pytest.mark.soak)])
def test_many_tasks(executor: Executor, tasks: int) -> None:
    with executor.session():
        result = pt.range(tasks).repartition(tasks).select(col("id").sum()).collect()
    assert result.to_pydict() == {"id": [sum(range(tasks))]}
    assert result.profile is not None
    assert result.profile.tasks >= tasks

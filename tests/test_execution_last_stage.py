"""The last few rows of a query in the driver: the same rows, and nothing of the user's code."""

from __future__ import annotations

import os
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

import partita as pt
from partita.engine.errors import ComputeError
from partita.engine.execution import events, last_stage
from partita.engine.execution.session import Session
from partita.engine.optimizer.optimizer import optimize

ROWS = 50_000


@pytest.fixture
def items(tmp_path: Path) -> pt.DataFrame:
    numbers = range(ROWS)
    made = pa.table(
        {
            "k": [n % 50 for n in numbers],
            "v": [None if n % 97 == 0 else n * 0.1 for n in numbers],
            "s": [f"text {n % 11}" for n in numbers],
        }
    )
    pq.write_table(made, tmp_path / "items.parquet", row_group_size=ROWS // 10)
    return pt.scan_parquet(tmp_path / "items.parquet")


def workers_of(query: pt.DataFrame, **settings: object) -> tuple[pa.Table, list[int]]:
    """Return the rows of `query` on a pool, and which worker ran each task of its last stage."""
    told: list[events.Event] = []
    with Session(executor="process", workers=2, partition_bytes=100_000, **settings) as session:
        batches = list(session.execute(optimize(query.plan), [told.append]))
    started = [each for each in told if isinstance(each, events.TaskStarted)]
    last = max(each.stage for each in started)
    rows = pa.Table.from_batches(batches, schema=query.schema)
    return rows, [each.worker for each in started if each.stage == last]


def queries(items: pt.DataFrame) -> dict[str, pt.DataFrame]:
    groups = items.group_by("k").agg(total=pt.col("v").sum(), least=pt.col("s").min())
    return {
        "groups": groups.sort("k"),
        "top": groups.sort("total", descending=True).head(3),
        "one row": items.select(pt.col("v").mean()),
        "computed": groups.select("k", x=pt.col("total") / 7).filter(pt.col("x") > 10).sort("k"),
        "text": items.group_by("s").agg(n=pt.len()).sort("s"),
        "none left": groups.filter(pt.col("total") < 0),
    }


NAMES = ("groups", "top", "one row", "computed", "text", "none left")


@pytest.mark.parametrize("name", NAMES)
def test_the_driver_gives_the_bits_that_a_worker_gives(
    name: str, items: pt.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    query = queries(items)[name]
    here, by = workers_of(query)
    assert by == [0]
    monkeypatch.setattr(last_stage, "MOST_ROWS", -1)
    there, by = workers_of(query)
    assert by
    assert 0 not in by
    assert here.equals(there)
    assert here.schema.equals(there.schema, check_metadata=True)


def test_many_rows_go_to_a_worker(items: pt.DataFrame) -> None:
    many = items.group_by(pt.col("v").fill_null(-1.0)).agg(n=pt.len())
    _, by = workers_of(many)
    assert 0 not in by


def test_what_the_user_wrote_runs_in_a_worker(items: pt.DataFrame) -> None:
    def ran_in(values: pa.Array) -> pa.Array:
        return pc.add(pc.multiply(values, 0), os.getpid())

    groups = items.group_by("k").agg(n=pt.len()).sort("k")
    where = pt.col("k").map_batches(ran_in, return_dtype=pa.int64())
    rows, by = workers_of(groups.select(where=where))
    assert 0 not in by
    assert os.getpid() not in rows["where"].to_pylist()


def test_an_error_of_the_last_stage_is_told_with_its_place(items: pt.DataFrame) -> None:
    total = pt.col("k").sum().cast(pa.int64())
    query = items.group_by("k").agg(total=total * (2**62))
    with pytest.raises(ComputeError, match=r"overflow[\s\S]*of stage"):
        workers_of(query)

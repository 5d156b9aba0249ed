"""Nothing is held after a query, however it ended, but what a frame of the user keeps."""

from __future__ import annotations

import gc
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

import partita as pt
from partita import col, errors

from .executors import Executor
from .marks import comes_true

Query = Callable[[pt.DataFrame], object]


def fail(batch: pa.RecordBatch) -> pa.RecordBatch:
    raise ValueError("no such luck")


def failed(frame: pt.DataFrame) -> None:
    with pytest.raises(errors.UserFunctionError):
        frame.sort("value").map_batches(fail, frame.schema).collect()


def looked_at(frame: pt.DataFrame) -> None:
    stream = frame.sort("value").collect_batches()
    next(stream)
    stream.close()


QUERIES: dict[str, Query] = {
    "collected": lambda frame: frame.collect(),
    "shuffled": lambda frame: frame.join(frame.group_by("key").len(), on="key").collect(),
    "sorted": lambda frame: frame.sort("value").collect(),
    "from memory": lambda frame: pt.from_arrow(frame.to_arrow()).repartition(7).collect(),
    "first rows": lambda frame: frame.filter(col("value") > 0).head(3).collect(),
    "looked at": looked_at,
    "failed": failed,
}


@pytest.mark.parametrize("name", QUERIES)
def test_a_query_leaves_nothing(
    executor: Executor, session: pt.Session, dataset: Path, name: str
) -> None:
    QUERIES[name](pt.scan_parquet(dataset))
    gc.collect()
    assert comes_true(lambda: executor.held(session) == []), executor.held(session)


def test_what_is_kept_goes_with_its_last_frame(
    executor: Executor, session: pt.Session, dataset: Path
) -> None:
    kept = pt.scan_parquet(dataset).persist()
    assert len(executor.held(session)) > 0
    derived = kept.filter(col("key") < 500).select("file")
    del kept
    gc.collect()
    assert derived.unique().sort("file").to_pydict() == {"file": list(range(6))}
    del derived
    gc.collect()
    assert comes_true(lambda: executor.held(session) == []), executor.held(session)


def test_what_a_stream_has_given_is_not_held(
    executor: Executor, session: pt.Session, dataset: Path
) -> None:
    stream = pt.scan_parquet(dataset).sort("value").collect_batches()
    held = []
    for batch in stream:
        assert batch.num_rows
        held.append(len(executor.held(session)))
    # It shrinks while the consumer takes it, and is not freed at its end alone.
    assert held[-1] < max(held) or max(held) == 0
    assert comes_true(lambda: executor.held(session) == []), executor.held(session)


def test_a_result_outlives_its_session(executor: Executor, dataset: Path) -> None:
    with executor.session():
        result = pt.scan_parquet(dataset).sort("value").collect()
        stream = pt.scan_parquet(dataset).collect_batches()
        first = next(stream)
        rows = first.num_rows
        stream.close()
    gc.collect()
    assert result.to_arrow()["file"].value_counts().to_pylist()[0]["counts"] == 20_000
    assert len(first["value"].to_pylist()) == rows

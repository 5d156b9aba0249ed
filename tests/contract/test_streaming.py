"""Rows come before the reading is over, no faster than they are taken, and never unasked."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import partita as pt
from partita import col, errors
from partita.engine.execution import events
from partita.engine.execution.scheduler import AHEAD, AHEAD_IN_CLUSTER
from partita.engine.optimizer.optimizer import optimize

from .executors import Executor
from .marks import steady, watched

FILES = 60
ROWS = 16_384
FILE_BYTES = ROWS * 2 * 8


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """60 files, each of them one partition."""
    root = tmp_path_factory.mktemp("numbers")
    for number in range(FILES):
        rows = np.arange(number * ROWS, (number + 1) * ROWS)
        table = pa.table({"row": rows, "value": np.sqrt(rows)})
        pq.write_table(table, root / f"part-{number:02}.parquet")
    return root


NAMES = {"row": pa.int64(), "value": pa.float64()}
CUTS = {"partition_bytes": FILE_BYTES, "chunk_bytes": FILE_BYTES // 4}


@pytest.fixture(scope="module")
def session(executor: Executor) -> Iterator[pt.Session]:
    with executor.session(**CUTS) as session:
        yield session


def finished(frame: pt.DataFrame, session: pt.Session) -> tuple[int, list[int]]:
    """Run a frame; return how many tasks did their work, and the rows.

    Others may have been queued with a worker, and were taken back.
    """
    seen: list[events.Event] = []
    batches = list(session.execute(optimize(frame.plan), [seen.append]))
    rows = [row for batch in batches for row in batch["row"].to_pylist()]
    return sum(isinstance(event, events.TaskFinished) for event in seen), rows


def test_partitions_begin_in_the_order_in_which_they_are_taken(
    session: pt.Session, dataset: Path, tmp_path: Path
) -> None:
    def noted(batch: pa.RecordBatch) -> pa.RecordBatch:
        time.sleep(0.01)
        (tmp_path / f"{time.monotonic():018.6f} {batch['row'][0].as_py() // ROWS:02}").touch()
        return batch

    frame = pt.scan_parquet(dataset).map_batches(noted, schema=NAMES)
    # Workers that have not run anything yet are not ready at the same time.
    frame.head(1).collect()
    for path in tmp_path.iterdir():
        path.unlink()
    batches = list(frame.collect_batches())
    assert batches[0]["row"][0].as_py() == 0
    begun = [int(name.split()[1]) for name in sorted(os.listdir(tmp_path))]
    # Those that run beside it may be done before it, and more of them where its worker is slow.
    assert begun.index(0) < FILES // 8
    assert begun.index(FILES - 1) >= FILES - FILES // 8


def test_the_first_batch_comes_before_the_reading_is_over(
    session: pt.Session, dataset: Path, tmp_path: Path
) -> None:
    stream = watched(pt.scan_parquet(dataset), tmp_path).collect_batches()
    first = next(stream)
    assert first["row"][0].as_py() == 0
    # However long the consumer takes.
    assert steady(lambda: len(os.listdir(tmp_path))) < FILES // 2
    rest = list(stream)
    assert len(os.listdir(tmp_path)) >= FILES
    rows = np.concatenate([batch["row"].to_numpy() for batch in [first, *rest]])
    assert np.array_equal(rows, np.arange(FILES * ROWS))


def test_leaving_a_stream_ends_the_reading(
    session: pt.Session, dataset: Path, tmp_path: Path
) -> None:
    for batch in watched(pt.scan_parquet(dataset), tmp_path).collect_batches():
        assert batch.num_rows
        break
    assert steady(lambda: len(os.listdir(tmp_path))) < FILES // 2
    assert pt.scan_parquet(dataset).select(pt.len()).collect().to_pydict() == {
        "len": [FILES * ROWS]
    }


def test_what_waits_for_a_slow_consumer_is_bounded(
    executor: Executor, session: pt.Session, dataset: Path, tmp_path: Path
) -> None:
    made, taken, most = tmp_path / "made", 0, 0
    stream = watched(pt.scan_parquet(dataset), made).collect_batches()
    for batch in stream:
        taken += batch.num_rows
        if taken % (10 * ROWS) == 0:
            most = max(most, steady(lambda: len(os.listdir(made))) - taken // ROWS)
    # What may wait for the consumer, and what workers are at and have been given next.
    in_cluster = executor.started(session).memory > 0
    ahead = (AHEAD_IN_CLUSTER if in_cluster else AHEAD) + 2
    # Without a worker beside the consumer nothing runs ahead.
    assert (
        (not executor.started(session).shares_memory)
        <= most
        <= ahead * executor.workers
        < FILES // 2
    )
    assert taken == FILES * ROWS


def test_a_stream_for_other_libraries_is_not_gathered_first(
    session: pt.Session, dataset: Path, tmp_path: Path
) -> None:
    reader = pa.RecordBatchReader.from_stream(watched(pt.scan_parquet(dataset), tmp_path))
    assert reader.read_next_batch().num_rows
    assert steady(lambda: len(os.listdir(tmp_path))) < FILES // 2
    assert sum(batch.num_rows for batch in reader) > 0
    assert len(os.listdir(tmp_path)) >= FILES


def test_head_reads_no_more_files_than_it_needs(session: pt.Session, dataset: Path) -> None:
    tasks, rows = finished(pt.scan_parquet(dataset).head(10), session)
    assert rows == list(range(10))
    assert tasks <= 2
    # The filter is on what statistics cannot tell, so that files have to be looked into.
    odd = pt.scan_parquet(dataset).filter(col("row") % 4 == 1).head(ROWS // 2)
    tasks, rows = finished(odd, session)
    assert rows == [4 * number + 1 for number in range(ROWS // 2)]
    assert tasks < FILES // 2


def test_head_above_a_function_ends_the_reading(
    session: pt.Session, dataset: Path, tmp_path: Path
) -> None:
    assert len(watched(pt.scan_parquet(dataset), tmp_path).head(10).collect()) == 10
    assert len(os.listdir(tmp_path)) < FILES // 2


@pytest.fixture
def damaged(dataset: Path, tmp_path: Path) -> Path:
    """Files of which the footer can be read, and nothing else."""
    root = tmp_path / "damaged"
    shutil.copytree(dataset, root)
    for path in root.iterdir():
        content = path.read_bytes()
        footer = int.from_bytes(content[-8:-4], "little") + 8
        path.write_bytes(b"PAR1" + b"\xff" * (len(content) - footer - 4) + content[-footer:])
    return root


def test_nothing_but_footers_is_read_before_rows_are_asked_for(
    session: pt.Session, damaged: Path, tmp_path: Path
) -> None:
    frame = pt.scan_parquet(damaged)
    made = frame.join(
        frame.group_by(key=col("row") % 10).agg(col("value").sum(), rows=pt.len()),
        left_on="row",
        right_on="key",
        how="left",
    )
    made = pt.concat([made, made.filter(col("value") > 1)]).sort("value").unique().tail(5)
    looks = (
        lambda: repr(made),
        lambda: made._repr_html_(),
        lambda: made.explain(),
        lambda: made.explain(steps=True, format="json"),
        lambda: made.show_graph("mermaid"),
        lambda: (made.schema, made.columns, made.width, made.estimate()),
        lambda: made.sink_parquet(tmp_path / "out", lazy=True),
        lambda: made.collect_batches().close(),
    )
    for look in looks:
        look()
    assert not (tmp_path / "out").exists()
    with pytest.raises(errors.SourceCorrupt, match=r"part-\d\d.parquet"):
        made.collect()

"""Rows that are kept: by persist in the session, by cache in a query, by checkpoint in files."""

from __future__ import annotations

import contextlib
import copy
import gc
import os
import pickle
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import pyarrow as pa
import pyarrow.compute as pc
import pytest

import partita as pt
from partita import col, errors
from partita.engine.execution import events
from partita.engine.optimizer.optimizer import optimize

from .faults.processes import await_end
from .patience import SOON

ROWS = 60_000


@pytest.fixture(scope="module", params=["serial", "process"])
def session(request: pytest.FixtureRequest) -> Iterator[pt.Session]:
    with pt.Session(
        executor=request.param, workers=2, partition_bytes="128KiB", chunk_bytes="48KiB"
    ) as session:
        yield session


def numbers(rows: int = ROWS) -> pt.DataFrame:
    return pt.from_pydict(
        {
            "a": np.arange(rows),
            "t": pa.array([f"text {row % 7}" for row in range(rows)]),
            "f": pa.array([None if row % 5 == 0 else row / 2 for row in range(rows)]),
        }
    )


def kept_files(session: pt.Session) -> tuple[list[Path], list[Path]]:
    """Return the files of persisted frames: in shared memory, and on disk."""
    places = session._directories()
    found = [sorted(Path(base).glob("kept-*/*")) for base in (places.memory, places.disk)]
    return found[0], found[1]


def stages(session: pt.Session, frame: pt.DataFrame) -> list[events.StagePlanned]:
    seen: list[events.Event] = []
    list(session.execute(optimize(frame.plan), [seen.append]))
    return [event for event in seen if isinstance(event, events.StagePlanned)]


def test_what_is_known_of_kept_rows_is_exact(session: pt.Session) -> None:
    kept = numbers().filter(col("a") >= 1000).persist()
    estimate = kept.estimate()
    assert estimate.rows == ROWS - 1000
    assert (estimate.columns["a"].minimum, estimate.columns["a"].maximum) == (1000, ROWS - 1)
    assert (
        estimate.columns["f"].null_count
        == pc.sum(numbers().to_arrow()["f"].is_null()).as_py() - 200
    )
    memory, disk = kept_files(session)
    assert estimate.bytes >= sum(path.stat().st_size for path in memory + disk) * 0.9


@pytest.mark.parametrize(
    "predicate",
    [
        col("a") < 500,
        col("f") > ROWS / 2 - 10,
        col("a").is_between(10_000, 10_010),
        (col("a") > 40_000) & col("f").is_null(),
        col("a") < 0,
        col("t") == "text 3",
    ],
)
def test_partitions_without_a_match_are_not_read(
    session: pt.Session, predicate: pt.Expression
) -> None:
    frame = numbers()
    kept = frame.persist()
    assert kept.filter(predicate).collect().equals(frame.filter(predicate).collect())


def test_pruned_partitions_are_told(session: pt.Session) -> None:
    kept = numbers().persist()
    assert f"partitions: 1 of {kept.npartitions}" in kept.filter(col("a") < 10).explain()


def test_files_go_with_the_last_frame(session: pt.Session) -> None:
    gc.collect()
    before = kept_files(session)
    kept = numbers().persist()
    derived = kept.filter(col("a") > 10).select("a")
    assert kept_files(session) != before
    assert session.keeper.bytes_in_memory() > 0
    del kept
    gc.collect()
    # A frame that is made of it holds it as well.
    assert derived.count().to_pydict() == {"a": [ROWS - 11]}
    stream = derived.collect_batches()
    first = next(stream)
    del derived
    gc.collect()
    rest = [batch.num_rows for batch in stream]
    assert first.num_rows + sum(rest) == ROWS - 11
    del stream
    gc.collect()
    assert kept_files(session) == before
    # What was read stays readable.
    assert first["a"][0].as_py() == 11


def test_a_kept_frame_cannot_be_pickled_but_copied(session: pt.Session) -> None:
    kept = numbers(10).persist()
    with pytest.raises(errors.ExecutionError, match=r"cannot be pickled.*checkpoint"):
        pickle.dumps(kept)
    assert copy.copy(kept.plan).schema == kept.schema


def test_a_forked_process_is_told(session: pt.Session) -> None:
    kept = numbers(10).persist()
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        told = "nothing was said"
        try:
            kept.collect()
        except errors.ExecutionError as error:
            told = str(error)
        del kept
        gc.collect()
        os.write(writing, told.encode())
        os._exit(0)
    os.waitpid(child, 0)
    assert b"forked from" in os.read(reading, 1000)
    # And has removed nothing of its parent's.
    assert len(kept.collect()) == 10


def test_kept_rows_outlive_the_workers_and_the_pool() -> None:
    with pt.Session(executor="process", workers=2, partition_bytes="128KiB") as session:
        kept = numbers().persist()
        expected = numbers().collect()
        for pid in session.pids[:-1]:
            os.kill(pid, signal.SIGKILL)
        assert kept.collect().equals(expected)
        helper = psutil.Process(session.pids[-1])
        helper.kill()
        # Whether the end of the pool is noticed before the next query or by it is a matter of time.
        with contextlib.suppress(errors.ExecutionError):
            numbers().map_batches(lambda batch: batch, numbers().schema).collect()
        assert kept.collect().equals(expected)


def test_a_worker_that_dies_while_it_keeps_leaves_no_files(tmp_path: Path) -> None:
    def die_once(batch: pa.RecordBatch, folder: str = str(tmp_path)) -> pa.RecordBatch:
        mark = Path(folder, "died")
        if batch["a"][-1].as_py() > ROWS // 2 and not mark.exists():
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return batch

    with pt.Session(
        executor="process", workers=2, partition_bytes="256KiB", batch_rows=1000, chunk_bytes=4000
    ) as session:
        kept = numbers().map_batches(die_once, numbers().schema).persist()
        assert (tmp_path / "died").exists()
        assert kept.collect().equals(numbers().collect())
        memory, disk = kept_files(session)
        paths = {file.path for file in kept.plan.source.holder.files}  # type: ignore[attr-defined]
        assert {str(path) for path in memory + disk} == paths
        # Nor does a death while they are read cost the rows.
        (tmp_path / "died").unlink()
        again = kept.map_batches(die_once, kept.schema).collect()
        assert (tmp_path / "died").exists()
        assert again.profile is not None
        assert again.profile.retries >= 1
        assert again.equals(numbers().collect())


def test_more_than_the_share_goes_to_disk() -> None:
    with pt.Session(
        executor="process",
        workers=2,
        partition_bytes="256KiB",
        chunk_bytes="64KiB",
        memory_limit="8MiB",
        shared_memory_share=0.125,
    ) as session:
        frame = numbers(200_000)
        kept = frame.persist()
        memory, disk = kept_files(session)
        held = sum(path.stat().st_size for path in memory)
        # Tasks that run at once are each told of the same room.
        most = 2**20 + 2 * 2**18 + 2**17
        assert 0 < held <= most
        assert sum(path.stat().st_size for path in disk) > 2**21
        assert session.keeper.bytes_in_memory() == pytest.approx(held, rel=0.02)
        # What others make now has no more room in shared memory, and is right.
        again = frame.persist()
        more, _ = kept_files(session)
        assert sum(path.stat().st_size for path in more) <= most
        assert again.collect().equals(kept.collect())
        assert kept.sort("a", descending=True).head(2).to_pydict()["a"] == [199_999, 199_998]
        del kept, again
        gc.collect()
        assert session.keeper.bytes_in_memory() == 0
        third = frame.head(1000).persist()
        assert kept_files(session)[0]
        assert len(third) == 1000


def test_a_driver_that_is_killed_leaves_nothing_kept(tmp_path: Path) -> None:
    script = """
        import os, signal
        import partita as pt
        with pt.Session(executor="process", workers=1) as session:
            kept = pt.from_pydict({"a": list(range(1000))}).persist()
            places = session._directories()
            print(places.memory, places.disk, session.pids[-1], flush=True)
            os.kill(os.getpid(), signal.SIGKILL)
    """
    run = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, timeout=60
    )
    memory, disk, helper = run.stdout.split()
    assert await_end([int(helper)], SOON) == []
    assert not Path(memory).exists()
    assert not Path(disk).exists()


# cache


def test_a_cached_scan_is_read_once(session: pt.Session) -> None:
    cached = numbers().cache()
    both = pt.concat([cached.select("a"), cached.select(a=col("a") + 1)])
    planned = stages(session, both)
    scans = [event for event in planned if "scan" in event.stage.label]
    assert len(scans) == 1
    assert both.collect().equals(
        pt.concat([numbers().select("a"), numbers().select(a=col("a") + 1)]).collect()
    )


def test_a_mark_that_one_reads_is_no_hindrance() -> None:
    frame = numbers(10).cache().filter(col("a") > 5).select("a")
    assert "CACHE" not in frame.explain().split("Plan as run")[1]
    assert "where: a > 5" in frame.explain()
    assert frame.to_pydict() == {"a": [6, 7, 8, 9]}


# checkpoint

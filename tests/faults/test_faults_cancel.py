"""Queries that are given up: control is back at once, space is freed, the next is right."""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pyarrow as pa
import pytest

import partita as pt
from partita import col, errors

from ..patience import SOON
from .consoles import KINDS, Console, Kernel, Prompt, Script
from .queries import query, slowly


@pytest.fixture
def few_files(dataset: Path, tmp_path: Path) -> Path:
    """4 of the files of `dataset`."""
    root = tmp_path / "few"
    root.mkdir()
    for number in range(4):
        name = f"part-{number:02d}.parquet"
        (root / name).symlink_to(dataset / name)
    return root


def test_a_closed_iterator_frees_the_workers_and_its_space(pool: pt.Session, dataset: Path) -> None:
    frame = pt.scan_parquet(dataset)
    batches = frame.map_batches(stuck_but_in_the_first, schema=frame.schema).collect_batches()
    assert next(batches).num_rows > 0
    started = time.monotonic()
    batches.close()
    assert time.monotonic() - started < SOON
    assert files_of(pool) == []
    assert frame.count().to_pydict()["key"] == [600_000]


def stuck(batch: pa.RecordBatch) -> pa.RecordBatch:
    time.sleep(3 * SOON)
    return batch


def stuck_but_in_the_first(batch: pa.RecordBatch) -> pa.RecordBatch:
    return batch if batch.column("file")[0].as_py() == 0 else stuck(batch)


def toiling(batch: pa.RecordBatch) -> pa.RecordBatch:
    while True:
        pass


def files_of(pool: pt.Session) -> list[str]:
    """Return the files of the session other than its locks."""
    assert pool._directory is not None
    places = Path(pool._directory.memory), Path(pool._directory.disk)
    names = [path.name for place in places for path in place.rglob("*") if path.is_file()]
    return [name for name in names if name != "lock"]


def cancelled_after(
    frame: pt.DataFrame, seconds: float, pool: pt.Session, *, most: float = SOON
) -> None:
    """Cancel a query so long after its beginning; see that nothing is left of it."""
    query = frame.collect(background=True)
    time.sleep(seconds)
    assert query.fetch() is None
    began = time.monotonic()
    query.cancel()
    assert time.monotonic() - began < most
    assert query.done
    with pytest.raises(errors.QueryCancelled, match="was cancelled"):
        query.fetch()
    assert files_of(pool) == []


def test_a_cancelled_query_is_over_and_the_next_is_right(pool: pt.Session, dataset: Path) -> None:
    frame = pt.scan_parquet(dataset)
    schema = frame.schema
    assert frame.count().to_pydict()["key"] == [600_000]
    slow = frame.map_batches(slowly, schema=schema).group_by("key").len().sort("key")
    for asked in (slow, frame.map_batches(stuck, schema), frame.map_batches(toiling, schema)):
        cancelled_after(asked, 0.1, pool)
    query = frame.group_by("file").len().collect(background=True)
    assert frame.count().to_pydict()["key"] == [600_000]
    assert sum(query.fetch_blocking().to_pydict()["len"]) == 600_000
    query.cancel()  # it is over, and stays as it is
    assert query.fetch() is query.fetch_blocking()
    assert len(pool.pids) == 3


@pytest.mark.soak
@pytest.mark.timeout(900)
def test_a_query_cancelled_at_fifty_moments(pool: pt.Session, dataset: Path) -> None:
    frame = pt.scan_parquet(dataset)
    right = query(dataset).collect().to_arrow()
    waiting = frame.map_batches(slowly, schema=frame.schema).group_by("key").len().sort("key")
    source = random.Random(6)
    for number in range(50):
        asked = source.choice((waiting, frame.map_batches(stuck, schema=frame.schema)))
        cancelled_after(asked, source.uniform(0, 0.3), pool, most=2)
        if number % 5 == 0:
            assert query(dataset).collect().to_arrow().equals(right)


def test_a_query_of_this_process_is_cancelled(dataset: Path) -> None:
    with pt.Session(executor="serial"):
        frame = pt.scan_parquet(dataset)
        query = frame.map_batches(slowly, schema=frame.schema).collect(background=True)
        query.cancel()
        assert query.done
        with pytest.raises(errors.QueryCancelled):
            query.fetch_blocking()
        assert frame.count().to_pydict()["key"] == [600_000]


def test_the_error_of_a_query_in_the_background_is_raised_where_it_is_fetched(
    pool: pt.Session, dataset: Path
) -> None:
    frame = pt.scan_parquet(dataset)
    query = frame.select(col("key") * 2**62).collect(background=True)
    with pytest.raises(errors.ComputeError):
        query.fetch_blocking()
    assert "ComputeError" in repr(query)


def test_a_limit_that_has_enough_leaves_the_others_alone(pool: pt.Session, dataset: Path) -> None:
    frame = pt.scan_parquet(dataset)
    assert frame.count().to_pydict()["key"] == [600_000]
    began = time.monotonic()
    found = frame.map_batches(stuck_but_in_the_first, schema=frame.schema).head(10).collect()
    assert time.monotonic() - began < SOON
    assert found.to_pydict()["file"] == [0] * 10
    assert files_of(pool) == []
    assert frame.count().to_pydict()["key"] == [600_000]


CONSOLES: tuple[Callable[[Path, Path], Console], ...] = (Script, Prompt, Kernel)


def interrupted_at(
    opened: Callable[[Path, Path], Console],
    root: Path,
    folder: Path,
    moments: Sequence[tuple[str, float]],
    *,
    most: tuple[float, float] = (SOON, SOON),
) -> list[tuple[float, float]]:
    """Interrupt queries at these moments after their beginning, one after the other.

    Returns for each the seconds until control was back, and until the workers were idle.
    """
    expected = pt.scan_parquet(root).group_by("key").agg(total=col("value").sum()).sort("key")
    settings = {"partition_bytes": "256KiB", "exchange_bytes": "256KiB", "broadcast_bytes": 0}
    with pt.Session(executor="serial", **settings):
        right = expected.collect().to_pydict()
    console = opened(root, folder)
    found = []
    try:
        for kind, seconds in moments:
            back = console.interrupted(kind, seconds)
            idle, files, rows = console.left()
            found.append((back, idle))
            assert back < most[0], (kind, seconds)
            assert idle < most[1], (kind, seconds)
            assert files == [], (kind, seconds)
            assert rows == right, (kind, seconds)
    finally:
        console.close()
    return found


@pytest.mark.parametrize("opened", CONSOLES)
def test_an_interrupt_at_some_moments(
    opened: Callable[[Path, Path], Console], few_files: Path, tmp_path: Path
) -> None:
    # The first while the pool starts.
    moments = [("shuffles", 0.3), ("waits", 0.5), ("computes", 0.4), ("streams", 0.1)]
    interrupted_at(opened, few_files, tmp_path, moments)


@pytest.mark.soak
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("opened", CONSOLES)
def test_an_interrupt_at_fifty_moments(
    opened: Callable[[Path, Path], Console], few_files: Path, tmp_path: Path
) -> None:
    source = random.Random(5)
    found = []
    for _ in range(5):
        moments = [(source.choice(KINDS), source.uniform(0, 1.5)) for _ in range(10)]
        found += interrupted_at(opened, few_files, tmp_path, moments, most=(2, 5))
    back, idle = zip(*found, strict=True)
    print(
        f"\n{opened.__name__}: {len(found)} interrupts, back after {statistics.median(back):.2f} s"
        f" (at most {max(back):.2f}), idle {max(idle):.2f} s after that at most"
    )

"""Queries that nobody takes to their end: what they hold is freed, wherever they were left."""

from __future__ import annotations

import contextlib
import gc
import os
import random
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pyarrow as pa
import pytest

import partita as pt
from partita import col
from partita.engine.execution.events import Event, TaskFailed

EXECUTORS = ["serial", "process"]


class OnPurposeError(Exception):
    """What the tests raise in the middle of a query."""


def files_of(session: pt.Session) -> list[str]:
    """Return the files of the session other than its locks."""
    if session._directory is None:
        return []
    places = {session._directory.memory, session._directory.disk}
    names = [name for place in places for _, _, names in os.walk(place) for name in names]
    return [name for name in names if name != "lock"]


def open_queries(session: pt.Session) -> list[int]:
    """Return the queries that an executor of the session still knows."""
    executors: list[Any] = list(session._executors.values())
    return [query for executor in executors for query in executor._queries]


def sorted_rows(root: Path) -> pt.DataFrame:
    return pt.scan_parquet(root).sort("value")


def dropped(session: pt.Session, root: Path) -> None:
    batches = sorted_rows(root).collect_batches()
    next(batches)


def garbage(session: pt.Session, root: Path) -> None:
    batches = sorted_rows(root).collect_batches()
    next(batches)
    itself: list[object] = [batches]
    itself.append(itself)


def left_by_a_thread_that_ends(session: pt.Session, root: Path) -> None:
    thread = threading.Thread(target=dropped, args=(session, root))
    thread.start()
    thread.join()


def broken_by_an_observer(session: pt.Session, root: Path) -> None:
    events = random.randint(1, 60)

    def look(event: Event) -> None:
        nonlocal events
        events -= 1
        if not events:
            raise OnPurposeError

    with contextlib.suppress(OnPurposeError):
        for _ in session.execute(sorted_rows(root).plan, [look]):
            pass


def interrupted(session: pt.Session, root: Path) -> None:
    frame = sorted_rows(root)
    with contextlib.suppress(KeyboardInterrupt):
        signal.setitimer(signal.ITIMER_REAL, random.uniform(0.0005, 0.15))
        frame.collect()
        signal.setitimer(signal.ITIMER_REAL, 0)


@pytest.fixture
def interrupts() -> Iterator[None]:
    """An alarm is what Ctrl-C is, for it can be set to any moment of this very process."""
    before = signal.signal(signal.SIGALRM, signal.default_int_handler)
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


@pytest.mark.usefixtures("interrupts")
@pytest.mark.parametrize("executor", EXECUTORS)
@pytest.mark.parametrize("times", [3, pytest.param(200, marks=pytest.mark.soak)])
def test_abandoned_queries_leave_nothing(executor: str, times: int, dataset: Path) -> None:
    random.seed(11)
    ways = (dropped, garbage, left_by_a_thread_that_ends, broken_by_an_observer, interrupted)
    with pt.Session(executor=executor, workers=2, partition_bytes="1MiB") as session:
        right = query_of_all(dataset)
        gc.collect()
        descriptors = psutil.Process().num_fds()
        for way in ways:
            for _ in range(times):
                way(session, dataset)
            gc.collect()
            assert query_of_all(dataset).equals(right), way
            # What was collected in the middle of another query is left with the next.
            assert files_of(session) == [], way
            assert open_queries(session) == [], way
        # Less where something of earlier tests has ended meanwhile.
        assert psutil.Process().num_fds() <= descriptors


def query_of_all(root: Path) -> pa.Table:
    groups = pt.scan_parquet(root).group_by("key").agg(total=col("value").sum())
    return groups.sort("key").collect().to_arrow()


def put_aside(session: pt.Session) -> list[str]:
    return [name for name in files_of(session) if name.startswith("spilled-")]


def grouped_slowly(root: Path) -> pt.DataFrame:
    """Return a query whose tasks put rows aside and then take their time with them."""
    rows = pt.scan_parquet(root / "part-0[0-1].parquet")
    numbers = rows.with_columns(number=(col("value") * 1e6).round().cast("int64"))
    places = numbers.unique(["number", "key"], maintain_order=True)

    def slowly(batch: pa.RecordBatch) -> pa.RecordBatch:
        time.sleep(0.005)
        return batch

    return places.map_batches(slowly, schema=places.schema)


TIGHT: dict[str, Any] = {"workers": 2, "memory_limit": "6MiB"}


@pytest.mark.parametrize("executor", EXECUTORS)
def test_what_was_put_aside_goes_with_a_query_that_is_left(executor: str, dataset: Path) -> None:
    seen: list[str] = []

    def look(event: Event) -> None:
        seen.extend(put_aside(session))
        if seen:
            raise OnPurposeError

    with pt.Session(executor=executor, **TIGHT) as session:
        with pytest.raises(OnPurposeError):
            list(session.execute(grouped_slowly(dataset).plan, [look]))
        assert seen
        assert files_of(session) == []
        assert open_queries(session) == []


def test_what_a_worker_put_aside_goes_with_it_and_not_with_the_query(dataset: Path) -> None:
    killed: list[str] = []
    left: list[str] = []

    def look(event: Event) -> None:
        if isinstance(event, TaskFailed):
            left.extend(name for name in files_of(session) if f"-{killed[0]}-" in name)
        elif not killed and (names := put_aside(session)):
            killed.append(names[0].split("-")[1])
            os.kill(int(killed[0]), signal.SIGKILL)

    with pt.Session(executor="process", **TIGHT) as session:
        batches = session.execute(grouped_slowly(dataset).plan, [look])
        rows = sum(batch.num_rows for batch in batches)
    assert killed
    assert left == []
    with pt.Session(executor="serial"):
        assert rows == len(grouped_slowly(dataset))

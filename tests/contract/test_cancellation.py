"""A query that is given up is over: nothing of it runs or is held, and the next is right."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pyarrow as pa
import pytest

import partita as pt
from partita import errors

from ..patience import SOON
from .conftest import CUTS
from .executors import Executor
from .marks import comes_true, steady, watched

PAUSE = 0.05
"""Seconds that a task takes for a batch."""


def slow(dataset: Path, folder: Path) -> pt.DataFrame:
    """Return rows that take seconds in many short steps, of which each leaves a file."""
    frame = pt.scan_parquet(dataset)
    return watched(frame, folder, PAUSE)


@pytest.fixture
def given_up(
    executor: Executor, session: pt.Session, dataset: Path, tmp_path: Path
) -> Iterator[pt.DataFrame]:
    """A slow frame; after the test, in which it was given up, nothing of it goes on."""
    assert len(pt.scan_parquet(dataset)) == 120_000  # workers are there
    before = set(executor.held(session))
    with pt.config.set(batch_rows=500):
        yield slow(dataset, tmp_path / "marks")
    done = steady(lambda: len(os.listdir(tmp_path / "marks")), 3 * PAUSE)
    assert done < 200  # of 240 batches
    assert comes_true(lambda: set(executor.held(session)) <= before), executor.held(session)
    assert pt.scan_parquet(dataset).group_by("file").len().sort("file").to_pydict() == {
        "file": list(range(6)),
        "len": [20_000] * 6,
    }


@contextmanager
def soon() -> Iterator[None]:
    """Check that what is inside takes no longer than a user waits."""
    started = time.monotonic()
    yield
    assert time.monotonic() - started < SOON


def test_a_cancelled_query(given_up: pt.DataFrame, tmp_path: Path) -> None:
    query = given_up.group_by("key").len().collect(background=True)
    assert comes_true(lambda: len(os.listdir(tmp_path / "marks")) > 2)
    assert query.fetch() is None
    with soon():
        query.cancel()
    assert query.done
    with pytest.raises(errors.QueryCancelled, match="was cancelled"):
        query.fetch_blocking()


def test_a_query_that_is_cancelled_before_it_has_begun(
    session: pt.Session, dataset: Path, tmp_path: Path
) -> None:
    query = slow(dataset, tmp_path / "marks").collect(background=True)
    with soon():
        query.cancel()
    with pytest.raises(errors.QueryCancelled):
        query.fetch_blocking()


def test_a_closed_stream(given_up: pt.DataFrame) -> None:
    stream = given_up.collect_batches()
    assert next(stream).num_rows
    with soon():
        stream.close()


def test_a_stream_that_is_forgotten(given_up: pt.DataFrame) -> None:
    stream = given_up.collect_batches()
    assert next(stream).num_rows
    with soon():
        del stream


def test_a_limit_that_has_enough(given_up: pt.DataFrame) -> None:
    assert given_up.head(10).collect().to_pydict()["file"] == [0] * 10


def test_an_interrupt(given_up: pt.DataFrame, tmp_path: Path) -> None:
    interrupted = []

    def interrupt() -> None:
        assert comes_true(lambda: len(os.listdir(tmp_path / "marks")) > 2)
        interrupted.append(time.monotonic())
        os.kill(os.getpid(), signal.SIGINT)

    typing = threading.Thread(target=interrupt)
    typing.start()
    with pytest.raises(KeyboardInterrupt):
        given_up.collect()
    back = time.monotonic()
    typing.join()
    assert back - interrupted[0] < SOON


def test_a_failure_ends_the_other_tasks(given_up: pt.DataFrame) -> None:
    def fail(batch: object) -> object:
        raise ValueError("no such luck")

    failing = given_up.head(2000).map_batches(fail, given_up.schema)
    with pytest.raises(errors.UserFunctionError, match="no such luck"):
        failing.collect()


def test_a_cancelled_write_leaves_nothing(given_up: pt.DataFrame, tmp_path: Path) -> None:
    writing = given_up.sink_parquet(tmp_path / "out", lazy=True)
    assert isinstance(writing, pt.DataFrame)
    query = writing.collect(background=True)
    assert comes_true(lambda: len(os.listdir(tmp_path / "marks")) > 2)
    query.cancel()
    assert comes_true(lambda: os.listdir(tmp_path) == ["marks"]), os.listdir(tmp_path)


IDLE_SECONDS = 5.0
"""Seconds within which nothing works for a query that was given up, whatever its functions do."""


def toil() -> None:
    """Compute in Python without an end, and take what is raised for an error of the data."""
    while True:
        try:
            sum(range(1000))
        except Exception:
            continue


def wait() -> None:
    """Wait in a call that does not return."""
    time.sleep(100)


def held_up(frame: pt.DataFrame, folder: Path, by: Callable[[], None]) -> pt.DataFrame:
    """Return rows of which no batch is given until there is a file called "over"."""

    def give_none(batch: pa.RecordBatch, folder: Path = folder) -> pa.RecordBatch:
        if batch.num_rows and not (folder / "over").exists():
            (folder / f"{os.getpid()}").touch()
            try:
                by()
            finally:
                (folder / f"{os.getpid()}").rename(folder / f"{os.getpid()}-left")
        return batch

    return frame.map_batches(give_none, frame.schema)


def at_it(folder: Path) -> set[int]:
    """Return the processes that are at a batch."""
    named = {int(name) for name in os.listdir(folder) if name.isdigit()}
    return {pid for pid in named if psutil.pid_exists(pid)}


def ends_though_held_up(dataset: Path, folder: Path, by: Callable[[], None]) -> None:
    """Give up a query whose functions give no batch; see that it is over, and the next right."""
    folder.mkdir()
    frame = held_up(pt.scan_parquet(dataset), folder, by)
    query = frame.group_by("key").len().collect(background=True)
    assert comes_true(lambda: len(at_it(folder)) == Executor.workers, 30)
    with soon():
        query.cancel()
    with pytest.raises(errors.QueryCancelled):
        query.fetch_blocking()
    assert comes_true(lambda: not at_it(folder), IDLE_SECONDS), at_it(folder)
    (folder / "over").touch()
    assert frame.select(pt.len()).to_pydict() == {"len": [120_000]}


def test_a_function_that_gives_no_batch(pool: pt.Session, dataset: Path, tmp_path: Path) -> None:
    ends_though_held_up(dataset, tmp_path / "marks", toil)


def test_a_function_that_does_not_come_back(
    remote: Executor, dataset: Path, tmp_path: Path
) -> None:
    # That costs the process, so it has to be nobody else's.
    with remote.own_session(**CUTS):
        ends_though_held_up(dataset, tmp_path / "marks", wait)
        ends_though_held_up(dataset, tmp_path / "more marks", toil)


def test_an_interrupt_of_a_function_that_does_not_come_back(
    remote: Executor, dataset: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "marks"
    folder.mkdir()
    interrupted = []

    def interrupt() -> None:
        assert comes_true(lambda: len(at_it(folder)) == Executor.workers, 30)
        interrupted.append(time.monotonic())
        os.kill(os.getpid(), signal.SIGINT)

    with remote.own_session(**CUTS):
        frame = held_up(pt.scan_parquet(dataset), folder, wait)
        typing = threading.Thread(target=interrupt)
        typing.start()
        with pytest.raises(KeyboardInterrupt):
            frame.group_by("key").len().collect()
        back = time.monotonic()
        typing.join()
        assert back - interrupted[0] < SOON
        assert comes_true(lambda: not at_it(folder), IDLE_SECONDS), at_it(folder)
        (folder / "over").touch()
        assert frame.select(pt.len()).to_pydict() == {"len": [120_000]}

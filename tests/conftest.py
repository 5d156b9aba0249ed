"""What holds of a whole run of the tests: it leaves no process and no file behind."""

from __future__ import annotations

import os
import signal
import tempfile
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import partita as pt
from partita.engine import config
from partita.engine.execution import run_directory, session

from .clusters import Cluster
from .patience import SOON

# Tests have few rows: to make them too many the limit is smaller than any that is kept.
config.LEAST_MEMORY = 1

MARK = "TESTS_OF_PARTITA_RUN"

# Whatever the tests start inherits it, and so does what is started by that: by the mark a worker is
# found whose driver was killed and which has another parent now. Runs side by side tell apart.
os.environ[MARK] = uuid.uuid4().hex

# What a shell starts in its background ignores Ctrl-C, and so would all that the tests interrupt.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Each of the hundreds of processes that the tests start would compile the engine's source anew.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


def pytest_configure(config: pytest.Config) -> None:
    """Have files run in the order that is made below, and not by how many tests they have."""
    if hasattr(config.option, "loadscopereorder"):  # of pytest-xdist, where that is used
        config.option.loadscopereorder = False


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Where files run side by side, begin with those that take long: none is alone at the end.

    A test that takes long has a timeout of its own.
    """
    if hasattr(config, "workerinput"):
        usual = [item for item in items if item.get_closest_marker("soak") is None]
        long = {item.path for item in usual if item.get_closest_marker("timeout")}
        count = Counter(item.path for item in usual)
        items.sort(key=lambda item: (item.path not in long, -count[item.path], item.path))


def marked_processes() -> list[psutil.Process]:
    """Return the living processes that this run has started, at whatever remove."""
    found = []
    for process in psutil.process_iter():
        try:
            # One that has ended and is not reaped has no environment any more. What tracks shared
            # memory is Python's own, and ends with the process that started it.
            if (
                process.pid != os.getpid()
                and process.environ().get(MARK) == os.environ[MARK]
                and "resource_tracker" not in str(process.cmdline())
            ):
                found.append(process)
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            # Over, or of another user: in neither case a process of ours that lives.
            continue
    return found


def described(process: psutil.Process) -> str:
    """Return a process in one line; what ended meanwhile has no command any more."""
    try:
        return f"process {process.pid}: {' '.join(process.cmdline())[:200]}"
    except psutil.NoSuchProcess:
        return f"process {process.pid}: ended just now"


@pytest.fixture(scope="session", autouse=True)
def nothing_is_left_behind() -> Iterator[None]:
    """After the last test and the end of all sessions no process lives and no file is left."""
    yield
    session.close_all()
    deadline = time.monotonic() + SOON
    while (alive := marked_processes()) and time.monotonic() < deadline:
        time.sleep(0.05)
    left = [described(process) for process in alive]
    for base in {run_directory.SHARED_MEMORY, Path(tempfile.gettempdir())}:
        mine = (base / f"partita-{os.getuid()}").glob(f"{os.getpid()}-*")
        left += [f"directory {path}" for path in mine]
    assert not left, "left behind by the tests:\n" + "\n".join(left)


@pytest.fixture
def pool() -> Iterator[pt.Session]:
    """Two workers, and tasks small enough that there are many."""
    with pt.Session(executor="process", workers=2, partition_bytes="256KiB") as session:
        yield session


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A Dask cluster of two workers of one thread each, for the whole run."""
    with Cluster(tmp_path_factory.mktemp("cluster")) as cluster:
        cluster.add_workers(2)
        yield cluster


@pytest.fixture(scope="session")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """6 files of 20,000 rows: ``key`` below 1,000, ``value``, and ``file``, the file's number."""
    root = tmp_path_factory.mktemp("numbers")
    random = np.random.default_rng(7)
    for number in range(6):
        table = pa.table(
            {
                "key": random.integers(0, 1000, 20_000),
                "value": random.normal(size=20_000),
                "file": pa.array([number] * 20_000, pa.int32()),
            }
        )
        pq.write_table(table, root / f"part-{number}.parquet", row_group_size=10_000)
    return root

"""What the contract's tests share: each executor, a session on it, and files that make tasks."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import partita as pt

from .executors import PLACES, WITH_WORKERS, Executor

CUTS = {"partition_bytes": "100KiB", "exchange_bytes": "128KiB", "chunk_bytes": "64KiB"}
"""Under which the dataset is 12 partitions, and what is made of them several."""


@pytest.fixture(scope="module", params=PLACES)
def executor(request: pytest.FixtureRequest) -> Executor:
    """Each executor."""
    return Executor(request.param, request)


@pytest.fixture(scope="module")
def session(executor: Executor) -> Iterator[pt.Session]:
    """A session on each executor, one for all tests of a file: each leaves it fit for the next."""
    with executor.session(**CUTS) as session:
        yield session


@pytest.fixture(scope="module", params=WITH_WORKERS)
def remote(request: pytest.FixtureRequest) -> Executor:
    """Each executor whose tasks run in other processes."""
    return Executor(request.param, request)


@pytest.fixture(scope="module")
def pool(remote: Executor) -> Iterator[pt.Session]:
    """A session on each of these."""
    with remote.session(**CUTS) as session:
        yield session

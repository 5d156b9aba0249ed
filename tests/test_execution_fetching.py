"""What of a result on a cluster is fetched before it is taken: what comes next, within bounds."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import partita as pt
from partita import col
from partita.engine.execution.cluster import fetching
from partita.engine.execution.executors.dask import DaskExecutor

from .clusters import Cluster

ROWS = 400_000
LIMIT = 1 << 20
"""Bytes that may be fetched ahead here: about three partitions of 21."""


@pytest.fixture
def stores(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> Iterator[dict[int, fetching.DriverStore]]:
    """The stores of a session's queries, with little room."""
    limit = 1 << 30
    monkeypatch.setattr(fetching, "DRIVER_SHARE", LIMIT / limit)
    settings = {"memory_limit": limit, "partition_bytes": "160KiB"}
    with pt.Session(executor=cluster.executor, **settings) as session:
        executor = session.executor(cluster.executor)
        assert isinstance(executor, DaskExecutor)
        yield executor._stores


def test_what_comes_next_is_fetched_as_far_as_there_is_room(
    stores: dict[int, fetching.DriverStore],
) -> None:
    frame = pt.range(ROWS).with_columns(twice=col("id") * 2)
    stream = frame.map_batches(lambda batch: batch, frame.schema).collect_batches()
    taken, most = [], 0
    for batch in stream:
        taken += batch["id"].to_pylist()
        (store,) = stores.values()
        held = sum(store._ahead.values())
        assert held <= LIMIT
        most = max(most, held)
    assert most > 0
    assert taken == list(range(ROWS))
    assert not stores

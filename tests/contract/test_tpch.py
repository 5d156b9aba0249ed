"""TPC-H, all 22 queries at scale 0.1: three workers of Dask give the bits of the process pool."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest

import partita as pt

from ..same_rows import same_bits

# the benchmarks are part of the repository and not of the package: nothing installs them
sys.path.append(str(Path(__file__).resolve().parents[2]))

from benchmarks.harness.engines.partita import Partita
from benchmarks.harness.suite import Tables
from benchmarks.tpch.dataset import Dataset, generated
from benchmarks.tpch.queries import queries

NUMBERS = range(1, 23)

CUTS = {"partition_bytes": "2MiB", "exchange_bytes": "1MiB", "broadcast_bytes": "1MiB"}
"""Under which the large tables have tens of partitions, and joins of them are shuffled."""


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        return generated(0.1, "double")


def answer(number: int, data: Dataset) -> pa.Table:
    return queries("partita")[number](Tables(Partita(), data)).collect().to_arrow()


@pytest.fixture(scope="module")
def expected(data: Dataset) -> dict[int, pa.Table]:
    """The answers of the process pool."""
    with pt.Session(executor="process", workers=2, **CUTS):
        return {number: answer(number, data) for number in NUMBERS}


@pytest.fixture(scope="module")
def cluster_of_three(expected: dict[int, pa.Table]) -> Iterator[pt.Session]:
    """A cluster of this machine that the session starts for itself."""
    with pt.Session(executor="dask", workers=3, **CUTS) as session:
        yield session


@pytest.mark.timeout(300)
def test_three_workers_of_dask_give_the_bits_of_the_process_pool(
    data: Dataset, expected: dict[int, pa.Table], cluster_of_three: pt.Session
) -> None:
    moved = 0
    for number in NUMBERS:
        result = queries("partita")[number](Tables(Partita(), data)).collect()
        assert same_bits(result.to_arrow(), expected[number]), f"query {number}"
        assert result.profile is not None
        assert (result.profile.executor, result.profile.workers) == ("dask", 3)
        moved += result.profile.bytes_handed_on
    assert moved > 10_000_000

"""What the fault tests share: a small pool, and files that make many tasks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import partita as pt


@pytest.fixture
def pool() -> Iterator[pt.Session]:
    """Two workers, and tasks small enough that there are many."""
    with pt.Session(executor="process", workers=2, partition_bytes="1MiB") as session:
        yield session


@pytest.fixture(scope="session")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """12 files of 50,000 rows: ``key``, some much more often than others; ``value``; ``file``."""
    root = tmp_path_factory.mktemp("numbers")
    random = np.random.default_rng(7)
    for number in range(12):
        table = pa.table(
            {
                "key": random.zipf(1.5, 50_000) % 1000,
                "value": random.normal(size=50_000),
                "file": pa.array([number] * 50_000, pa.int32()),
            }
        )
        pq.write_table(table, root / f"part-{number:02d}.parquet", row_group_size=25_000)
    return root

"""Queries of the fault tests: slow enough to be in the middle of their work when it happens."""

from __future__ import annotations

import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

import partita as pt
from partita import col


def slowly(batch: pa.RecordBatch) -> pa.RecordBatch:
    time.sleep(0.05)
    return batch


def query(root: Path) -> pt.DataFrame:
    return (
        pt.scan_parquet(root)
        .map_batches(slowly, schema=pq.read_schema(root / "part-00.parquet"))
        .group_by("key")
        .agg(total=col("value").sum(), rows=pt.len())
        .sort("key")
    )

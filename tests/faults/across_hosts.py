"""A driver on a host of its own: runs a query on a cluster and writes the answer to a file.

Started as ``across_hosts.py SPEC``, a JSON object; run by `test_faults_hosts`, which imports the
queries, to have the answer of the process pool as well.
"""

from __future__ import annotations

import functools
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.feather as feather

import partita as pt
from partita import col

SETTINGS: dict[str, Any] = {
    "partition_bytes": "512KiB",
    "exchange_bytes": "512KiB",
    "broadcast_bytes": 0,
    "progress": "off",
}


SECONDS = 5e-6
"""What a row takes: so that there is a middle in which a worker can be lost."""


def noted(batch: pa.RecordBatch, folder: str) -> pa.RecordBatch:
    """Take a while, and leave a file that says so."""
    time.sleep(batch.num_rows * SECONDS)
    Path(folder, os.urandom(8).hex()).touch()
    return batch


def slowly(frame: pt.DataFrame, folder: str) -> pt.DataFrame:
    return frame.map_batches(functools.partial(noted, folder=folder), frame.schema)


def join(root: str, marks: str) -> pt.DataFrame:
    """Return totals of a join whose sides both go over the network."""
    rows = pt.scan_parquet(root)
    other = rows.select("value", other=col("key") + col("file"))
    met = slowly(rows.join(other, on="value"), marks)
    return met.group_by("file").agg(
        rows=pt.len(), other=col("other").sum(), total=col("value").sum()
    )


def sort(root: str, marks: str) -> pt.DataFrame:
    """Return some rows of a sort of all."""
    rows = slowly(pt.scan_parquet(root).sort("value"), marks)
    return rows.with_row_index().gather_every(1000)


QUERIES: dict[str, Callable[[str, str], pt.DataFrame]] = {"join": join, "sort": sort}


def main(spec: dict[str, Any]) -> None:
    with pt.Session(executor=spec["executor"], **SETTINGS):
        made = QUERIES[spec["query"]](spec["root"], spec["marks"])
        started = time.monotonic()
        feather.write_feather(made.to_arrow(), spec["answer"])
        print(json.dumps({"seconds": time.monotonic() - started}), flush=True)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))

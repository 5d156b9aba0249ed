"""A query in the pool where no network interface is up: run in a namespace, see `namespaces`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import psutil

import partita as pt

if __name__ == "__main__":
    base = Path(sys.argv[1])
    up = [name for name, status in psutil.net_if_stats().items() if status.isup]
    pt.range(100_000).with_columns(k=pt.col("id") % 7).sink_parquet(base / "data")
    with pt.Session(executor="process", workers=2, partition_bytes="64KiB") as session:
        frame = pt.scan_parquet(base / "data")
        answer = frame.group_by("k").agg(pt.len()).sort("k").to_pydict()
        inet = [
            str(connection)
            for pid in (*session.pids, None)
            for connection in psutil.Process(pid).net_connections(kind="inet")
        ]
    print(json.dumps({"up": up, "inet": inet, "counts": list(answer.values())[1]}))

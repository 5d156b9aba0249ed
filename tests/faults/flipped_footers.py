"""Scan files whose footers differ from a good one in one bit: run as a script of its own.

``python flipped_footers.py DIRECTORY FIRST EVERY`` prints as JSON how often each end was met, the
seconds that the slowest file took, and the most memory that there was in MiB.
"""

from __future__ import annotations

import json
import re
import struct
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

import partita as pt


def main(directory: str, first: int, every: int) -> None:
    """Flip every so many of the bits, from the first one on, each in a file of its own."""
    path = Path(directory) / "flipped.parquet"
    count = 2_000
    table = pa.table(
        {
            "id": np.arange(count),
            "x": np.random.default_rng(1).normal(size=count),
            "text": [f"text {number % 97}" for number in range(count)],
            "small": pa.array(range(count), pa.int32()),
            "even": [number % 2 == 0 for number in range(count)],
            "exact": pa.array(range(count), pa.decimal128(20, 2)),
            "time": pa.array(range(count), pa.timestamp("us")),
        }
    )
    pq.write_table(table, path, row_group_size=1_000)
    data = path.read_bytes()
    start = len(data) - 8 - struct.unpack("<I", data[-8:-4])[0]
    found: Counter[str] = Counter()
    slowest = 0.0
    pt.config.set(executor="serial", progress="off")
    for bit in range(first, 8 * (len(data) - start), every):
        changed = bytearray(data)
        changed[start + bit // 8] ^= 1 << bit % 8
        path.write_bytes(changed)
        started = time.monotonic()
        found[ended(path)] += 1
        slowest = max(slowest, time.monotonic() - started)
    status = Path("/proc/self/status").read_text()
    peak = int(re.search(r"VmHWM:\s*(\d+)", status)[1]) // 1024  # type: ignore[index]
    print(json.dumps({"ended": found, "slowest": slowest, "peak": peak}))


def ended(path: Path) -> str:
    """Plan a scan that asks for all that a footer tells, and read it; return how it ended.

    It is read by the process that plans it, which nothing may end: a worker would be another one.
    """
    try:
        frame = pt.scan_parquet(path)
        frame.filter(*(pt.col(name).is_not_null() for name in frame.columns)).explain()
        frame.estimate()
        read = frame.collect().to_arrow()
    except pt.errors.PartitaError as error:
        if path.name not in str(error):
            return f"does not name the file: {error}"
        stopped = "of its columns and their statistics contradicts" in str(error)
        return "would have ended the process" if stopped else type(error).__name__
    try:
        read.validate(full=True)
    except pa.ArrowInvalid as error:
        return f"not valid: {error}"
    return "read"


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))

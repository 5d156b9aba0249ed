"""Write to one target over and over with a pool, until killed: run as a script of its own.

``python pool_writes.py SOURCE TARGET MODE FIRST`` writes the rows of SOURCE, with a number of each
write from FIRST on, and prints a line of JSON before and behind it: its number, and how it is.
"""

from __future__ import annotations

import itertools
import json
import sys

import partita as pt

WORKERS = 2


def numbered(source: str, number: int) -> pt.DataFrame:
    """Return the rows with the number of the write."""
    rows = pt.scan_parquet(source)
    return rows.with_columns(write=pt.lit(number), k=pt.col("key") % 3)


def main(source: str, target: str, mode: str, first: int) -> None:
    """Write until the process is ended."""
    pt.config.set(executor="process", workers=WORKERS, partition_bytes="64KiB", progress="off")
    for number in itertools.count(first):
        where = f"{target}-{number}" if mode == "error" else target
        print(json.dumps([number, "begun"]), flush=True)
        try:
            numbered(source, number).sink_parquet(where, mode=mode, partition_by="k")
        except pt.errors.SinkError:
            # Another one of these has written there meanwhile.
            print(json.dumps([number, "refused"]), flush=True)
        else:
            print(json.dumps([number, "written"]), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:4], int(sys.argv[4]))

"""Scripts with a driver of their own, which can be killed or interrupted."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

from .processes import environment

LONG_SCRIPT = """
    import sys, time
    import partita as pt

    pt.config.set(executor="process", workers=2, partition_bytes="1MiB")
    frame = pt.scan_parquet(sys.argv[1])

    def slowly(batch):
        time.sleep(1)
        return batch

    from partita.engine.execution.session import current
    *workers, helper = current().pids
    directory = current()._directory
    print(*workers, helper, directory.memory, directory.disk, flush=True)
    try:
        frame.map_batches(slowly, schema=frame.schema).count().collect()
    except KeyboardInterrupt:
        print("interrupted", flush=True)
    print(frame.count().to_pydict()["key"], flush=True)
"""


BUSY_SCRIPT = """
    import sys
    import partita as pt
    from partita import col

    pt.config.set(executor="process", workers=2, run_directory=sys.argv[2],
                  partition_bytes="256KiB", exchange_bytes="256KiB", broadcast_bytes=0)
    frame = pt.scan_parquet(sys.argv[1])
    while True:
        kept = frame.filter(col("key") > 1).persist()
        groups = kept.group_by("key").agg(total=col("value").sum())
        kept.join(groups, on="key").sort("value").collect()
        print("ready", flush=True)
"""
"""Keeps rows, shuffles and sorts, over and over; its files on disk lie in the second argument."""


def start_busy_script(
    root: Path, folder: Path, places: Path, **more: str
) -> subprocess.Popen[bytes]:
    """Start a driver that is always in the middle of something; it has `more` in its environment.

    It writes a line for each time that it has run all.
    """
    script = folder / "busy.py"
    script.write_text(textwrap.dedent(BUSY_SCRIPT))
    return subprocess.Popen(
        [sys.executable, str(script), str(root), str(places)],
        stdout=subprocess.PIPE,
        env={**environment(), **more},
    )


def start_long_script(
    root: Path, folder: Path
) -> tuple[subprocess.Popen[str], list[int], list[Path]]:
    """Start a script in the middle of a query; return it, its workers and helper, its places."""
    script = folder / "long.py"
    script.write_text(textwrap.dedent(LONG_SCRIPT))
    process = subprocess.Popen(
        [sys.executable, str(script), str(root)],
        stdout=subprocess.PIPE,
        text=True,
        env=environment(),
    )
    assert process.stdout is not None
    *pids, memory, disk = process.stdout.readline().split()
    return process, [int(pid) for pid in pids], [Path(memory), Path(disk)]

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

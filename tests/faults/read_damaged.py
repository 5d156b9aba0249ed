"""Read damaged files one after another and say of each how it ended: run as a script of its own.

``python read_damaged.py FORMAT DIRECTORY FIRST STOP EXECUTOR`` prints one JSON list for each file:
its number, how it ended, whether the error names the file, seconds, and the peak of memory in MB.
"""

from __future__ import annotations

import json
import os
import re
import sys
import time
import warnings
from pathlib import Path

from damage import FORMATS, damaged, rows

import partita as pt

LIMIT = 512 << 20


def main(name: str, directory: str, first: int, stop: int, executor: str) -> None:
    """Damage and read the files numbered from `first` to before `stop`."""
    kind = FORMATS[name]
    good = Path(directory) / f"good{kind.suffix}"
    kind.write(rows(kind.nested), good)
    data = good.read_bytes()
    pt.config.set(executor=executor, workers=1, progress="off", memory_limit=LIMIT)
    warnings.simplefilter("ignore")
    for number in range(first, stop):
        path = Path(directory) / f"damaged-{number}{kind.suffix}"
        path.write_bytes(damaged(data, number))
        started = time.monotonic()
        ended, names = read(kind.scan, path, "raise")
        if ended != "read":
            lenient, _ = read(kind.scan, path, "skip")
            ended += f"; {lenient}"
        seconds = time.monotonic() - started
        peak = _peak_kib() // 1024
        print(json.dumps([number, ended, names, round(seconds, 2), peak]), flush=True)
        path.unlink()


def _peak_kib() -> int:
    """Return the most memory that this process has had; `getrusage` counts its parent's too."""
    status = Path("/proc/self/status").read_text()
    return int(re.search(r"VmHWM:\s*(\d+)", status)[1])  # type: ignore[index]


def read(scan, path: Path, on_error: str) -> tuple[str, bool]:  # type: ignore[no-untyped-def]
    """Return how it ended, and whether what went wrong names the file."""
    try:
        table = scan(path, on_error=on_error).collect()
        table.to_arrow().validate(full=True)
    except pt.errors.PartitaError as error:
        return type(error).__name__, path.name in str(error)
    except Exception as error:
        return f"untyped {type(error).__name__}: {error}", path.name in str(error)
    skipped = table.profile.skipped
    return ("left out" if skipped else "read"), all(path.name in part.file for part in skipped)


if __name__ == "__main__":
    sys.path.insert(0, os.path.dirname(__file__))
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), sys.argv[5])

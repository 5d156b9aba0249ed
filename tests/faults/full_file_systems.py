"""Queries on file systems that are too small: run in a namespace of its own, see `namespaces`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

import partita as pt


def mount(place: Path, options: str) -> None:
    """Mount a file system of memory that has only so much room."""
    place.mkdir(exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", place], check=True)


def rows(first: int) -> pt.DataFrame:
    """Return rows that do not compress."""
    numbers = np.random.default_rng(first).integers(0, 1 << 60, 20_000)
    return pt.from_arrow(pa.table({"value": numbers, "k": np.arange(20_000) % 3}))


def sink(mode: str, base: Path, every: int) -> None:
    """Write with ever more room, counted in bytes and then in files, until it suffices."""
    pt.config.set(executor="serial", progress="off")
    for number, room in enumerate([*range(24, 480, every), *range(-4, -24, -1)]):
        place = base / f"{mode}-{number}"
        mount(place, f"size={room}k" if room > 0 else f"size=8m,nr_inodes={-room}")
        target = place / "out"
        before: list[int] | None = None
        if mode != "error":
            try:
                rows(1).head(600).sink_parquet(target)
                before = values(target)
            except pt.errors.SinkError:
                # Not even room for what is to be there before.
                subprocess.run(["umount", place], check=True)
                continue
        try:
            rows(2).sink_parquet(target, mode=mode)
            ended = "written"
        except Exception as error:
            ended = type(error).__name__
        new = sorted([*(before or []), *rows(2).to_pydict()["value"]])
        if mode == "overwrite":
            new = sorted(rows(2).to_pydict()["value"])
        right = values(target) == (new if ended == "written" else before)
        say(room=room, ended=ended, right=right, left=leftovers(place, target))
        subprocess.run(["umount", place], check=True)


def values(target: Path) -> list[int] | None:
    """Return what a reader finds."""
    if not target.exists():
        return None
    found: list[int] = sorted(pt.scan_parquet(target).to_pydict()["value"])
    return found


def leftovers(place: Path, target: Path) -> list[str]:
    """Return what lies beside the target."""
    return [path.name for path in place.iterdir() if path != target]


def numbers(count: int) -> pt.DataFrame:
    """Return rows that a sort has to hand from task to task."""
    return pt.range(count).with_columns(key=pt.col("id") * 7919 % 1_000_003).sort("key")


def exchange(base: Path) -> None:
    """Sort 24 MB with ever more room in shared memory and on disk, until it suffices."""
    for megabytes in (2, 24):
        memory, disk = Path("/dev/shm"), base / f"disk-{megabytes}"
        mount(memory, f"size={megabytes}m")
        mount(disk, f"size={megabytes}m")
        settings = {"executor": "process", "workers": 2, "partition_bytes": "2MiB"}
        with pt.Session(**settings, run_directory=str(disk)):
            ended = outcome(1_500_000)
            after = outcome(1_000)
            left = [str(path) for place in (memory, disk) for path in place.rglob("*.arrows*")]
        left += [str(path) for place in (memory, disk) for path in place.glob("*/*")]
        say(room=megabytes, ended=ended, next=after, left=left)
        for place in (memory, disk):
            subprocess.run(["umount", place], check=True)


def outcome(count: int) -> str:
    """Sort so many rows, and check them as they come."""
    last, seen = -1, 0
    try:
        for batch in numbers(count).collect_batches():
            keys = batch["key"].to_numpy()
            if keys[0] < last or (np.diff(keys) < 0).any():
                return "wrong"
            last, seen = keys[-1], seen + len(keys)
    except pt.errors.PartitaError as error:
        return type(error).__name__
    return "right" if seen == count else "wrong"


def shared_memory(base: Path) -> None:
    """Sort 24 MB where shared memory has 8 MiB: the rest goes to disk."""
    mount(Path("/dev/shm"), "size=8m")
    disk = base / "disk"
    disk.mkdir()
    with pt.Session(executor="process", workers=2, partition_bytes="2MiB", run_directory=str(disk)):
        most = 0
        right, last, seen = True, -1, 0
        for batch in numbers(1_500_000).collect_batches():
            most = max(most, sum(path.stat().st_size for path in disk.rglob("*.arrows")))
            keys = batch["key"].to_numpy()
            right = right and keys[0] >= last and bool((np.diff(keys) >= 0).all())
            last, seen = keys[-1], seen + len(keys)
        lost = numbers(1_000_000).profile().workers_lost
    ended = "right" if right and seen == 1_500_000 else "wrong"
    say(ended=ended, on_disk=most, workers_lost=lost)


def say(**found: Any) -> None:
    """Print a line of JSON."""
    print(json.dumps(found), flush=True)


if __name__ == "__main__":
    what, mode, base = sys.argv[1], sys.argv[2], Path(sys.argv[3])
    os.umask(0o022)
    match what:
        case "sink":
            sink(mode, base, int(sys.argv[4]))
        case "exchange":
            exchange(base)
        case "shared-memory":
            shared_memory(base)

"""Queries that put rows aside where there is no room: run in a namespace, see `namespaces`.

Each prints a line of JSON for each time: how much room there was, how the query ended, what lies
there afterwards, and how the next query ended.
"""

from __future__ import annotations

import contextlib
import gc
import os
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

import partita as pt
from partita import col
from partita.engine import config
from partita.engine.api.running import Run

sys.path.append(str(Path(__file__).resolve().parents[2]))

from tests.faults.full_file_systems import mount, say
from tests.faults.heavy import digest

Frame = pt.DataFrame


def most(group: pa.Table) -> dict[str, list[Any]]:
    """Return a row for a group of rows."""
    return {"few": [group["few"][0].as_py()], "rows": [group.num_rows]}


SHAPES: dict[str, Callable[[Frame], Frame]] = {
    "sort": lambda df: df.sort("value"),
    "group": lambda df: df.group_by("many").agg(n=pt.len(), m=col("value").max()),
    "distinct": lambda df: df.select("many", "few").unique(),
    "join": lambda df: df.join(df.select("value", other="few"), on="value"),
    "window": lambda df: df.with_columns(m=col("value").max().over("many")),
    "functions of groups": lambda df: df.group_by("few").map_groups(
        most, schema={"few": pa.int64(), "rows": pa.int64()}
    ),
}


def rows(count: int) -> Frame:
    """Return rows that hardly compress."""
    random = np.random.default_rng(1)
    return pt.from_arrow(
        pa.table(
            {
                "value": random.permutation(count) * 7919,
                "many": random.integers(0, count // 2, count),
                "few": random.integers(0, 97, count),
            }
        )
    )


def ending(query: Frame) -> tuple[str, int, int, int]:
    """Run a query; return how it ended, the sum of its rows, what it put aside, workers lost."""
    total = 0
    try:
        run = Run(query.plan, progress=False)
        for batch in run.batches():
            if batch.num_rows:
                total += digest(batch)
    except pt.errors.PartitaError as error:
        return type(error).__name__, 0, 0, 0
    profile = run.profile()
    return "finished", total % (1 << 64), profile.spilled_bytes, profile.workers_lost


def told(query: Frame, expected: int, places: list[Path], **where: Any) -> str:
    """Run a query, say what came of it, and run another; return how the first ended."""
    ended, total, spilled, lost = ending(query)
    if ended == "finished" and total != expected:
        ended = "wrong"
    gc.collect()
    left = [
        path.name
        for place in places
        for path in place.rglob("*")
        if path.is_file() and path.name != "lock"
    ]
    after = pt.range(100).group_by(g=col("id") % 3).agg(n=pt.len()).sort("g").to_pydict()["n"]
    say(ended=ended, spilled=spilled, lost=lost, left=left, next=after == [34, 33, 33], **where)
    return ended


def expectations(count: int) -> dict[str, int]:
    """Return the sums of the rows of all shapes, made where there is plenty."""
    frame = rows(count)
    with pt.Session(executor="serial"):
        found = {name: ending(shape(frame)) for name, shape in SHAPES.items()}
    assert all(ended == "finished" and not spilled for ended, _, spilled, _ in found.values())
    return {name: total for name, (_, total, _, _) in found.items()}


@contextlib.contextmanager
def mounted(place: Path, options: str) -> Iterator[Path]:
    """Mount a small file system for as long as the block runs."""
    mount(place, options)
    try:
        yield place
    finally:
        subprocess.run(["umount", place], check=True)


# Few rows are to be too many.
config.LEAST_MEMORY = 1
SMALL = {"executor": "serial", "memory_limit": "512KiB"}
COUNT = 12_000
"""Rows of 24 bytes: so few that each page of what is put aside can be the last there is."""


def in_steps(base: Path, step: int) -> None:
    """Fill the run directory at every step of so many kB, then at every file, until all fits."""
    expected, frame = expectations(COUNT), rows(COUNT)
    for name, shape in SHAPES.items():
        for options in (
            *(f"size={room}k" for room in range(8, 16_000, step)),
            "size=64m",
        ):
            with (
                mounted(base / "disk", options) as disk,
                pt.Session(**SMALL, run_directory=str(disk)),
            ):
                ended = told(shape(frame), expected[name], [disk], name=name, room=options)
            if ended != "StorageFull":
                break
        for files in range(7, 1000, max(1, step // 4)):
            options = f"size=64m,nr_inodes={files}"
            with (
                mounted(base / "disk", options) as disk,
                pt.Session(**SMALL, run_directory=str(disk)),
            ):
                ended = told(shape(frame), expected[name], [disk], name=name, room=options)
            if ended != "StorageFull":
                break


def limited(base: Path, kind: int, step: int) -> None:
    """Let files be ever longer, or let ever more be open, until all is well."""
    expected, frame = expectations(COUNT), rows(COUNT)
    base.mkdir(exist_ok=True)
    _, hard = resource.getrlimit(kind)
    for name, shape in SHAPES.items():
        with pt.Session(**SMALL, run_directory=str(base)):
            ending(pt.range(10))
            first = 4096
            if kind == resource.RLIMIT_NOFILE:
                # The least number that a file to be opened could have.
                first = os.open("/dev/null", os.O_RDONLY)
                os.close(first)
            for room in range(first, 100_000_000, step):
                resource.setrlimit(kind, (room, hard))
                try:
                    ended, total, *_ = ending(shape(frame))
                finally:
                    resource.setrlimit(kind, (hard, hard))
                if ended == "finished" and total != expected[name]:
                    ended = "wrong"
                # Once more with all that there is.
                told(shape(frame), expected[name], [base], name=name, room=room, first=ended)
                if ended == "finished":
                    break


def in_pool(base: Path, disk_room: str, count: int) -> None:
    """Run all with little shared memory, and so much disk: nothing for all that there is."""
    expected, frame = expectations(count), rows(count)
    with contextlib.ExitStack() as stack:
        memory = stack.enter_context(mounted(Path("/dev/shm"), "size=8m"))
        disk = base / "disk"
        disk.mkdir()
        if disk_room:
            stack.enter_context(mounted(disk, f"size={disk_room}"))
        settings = {"executor": "process", "workers": 2, "memory_limit": "48MiB"}
        with pt.Session(**settings, run_directory=str(disk), broadcast_bytes=0):
            for name, shape in SHAPES.items():
                told(shape(frame), expected[name], [memory, disk], name=name)


def read_only(base: Path) -> None:
    """Make the run directory one that cannot be written to while a query runs."""
    expected, frame = expectations(COUNT), rows(COUNT)
    place = base / "disk"

    def close(batch: pa.RecordBatch) -> pa.RecordBatch:
        # The session has its lock open, so that the file system itself stays as it is.
        if not os.statvfs(place).f_flag & os.ST_RDONLY:
            subprocess.run(["mount", "--bind", place, place], check=True)
            subprocess.run(["mount", "-o", "remount,bind,ro", place], check=True)
        return batch

    for name, shape in SHAPES.items():
        with mounted(place, "size=64m"), pt.Session(**SMALL, run_directory=str(place)):
            before, *_ = ending(shape(frame))
            try:
                exhausted(shape(frame.map_batches(close, schema=frame.schema)))
                ended, message = "finished", ""
            except pt.errors.PartitaError as error:
                ended, message = type(error).__name__, str(error)
            after = pt.range(100).group_by(g=col("id") % 3).agg(n=pt.len()).sort("g").to_pydict()
            subprocess.run(["umount", place], check=True)
            again, total, *_ = ending(shape(frame))
            gc.collect()
            say(
                before=before,
                ended=ended,
                message=message,
                next=after["n"] == [34, 33, 33],
                again=again if total == expected[name] else "wrong",
                left=[path.name for path in place.rglob("*") if path.suffix == ".arrows"],
                name=name,
            )


def exhausted(query: Frame) -> None:
    """Run a query to its end."""
    for _ in Run(query.plan, progress=False).batches():
        pass


def main() -> None:
    """Do what the first argument says."""
    what, base, amount = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    pt.config.set(progress="off")
    match what:
        case "steps":
            in_steps(base, amount)
        case "length":
            limited(base, resource.RLIMIT_FSIZE, amount)
        case "opens":
            limited(base, resource.RLIMIT_NOFILE, amount)
        case "read-only":
            read_only(base)
        case "tmpfs":
            in_pool(base, "64m", amount)
        case "shared-memory":
            in_pool(base, "", amount)


if __name__ == "__main__":
    main()

"""Writes that are killed at each step they take in the file system: run as a script of its own.

``python crashing_writes.py MODE DIRECTORY EVERY`` kills a write at its first step, at its second
and so on (or at every so many), until one gets to its end, and prints as JSON what was found after
each. A step is what Python is about to do with a file or directory below DIRECTORY. Each write is
done by a process that is forked from one that has started no thread, and killed by SIGKILL.
"""

from __future__ import annotations

import functools
import json
import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas  # noqa: F401 - here, so that no child has to

import partita as pt

OLD, NEW = range(300), range(1_000, 1_400)
STEPS = ("open", "os.", "shutil.")


def rows(numbers: range) -> pt.DataFrame:
    """Return rows in two folders."""
    keys = [number % 2 for number in numbers]
    return pt.from_pydict({"id": list(numbers), "k": keys})


def in_child(work: Callable[[], Any]) -> Any:
    """Run `work` in a forked process; return what it returns, or the signal that killed it."""
    receiving, sending = os.pipe()
    child = os.fork()
    if child == 0:
        pt.config.set(executor="serial", progress="off")
        try:
            said = json.dumps(work())
        except BaseException as error:
            said = json.dumps(f"{type(error).__name__}: {error}")
        os.write(sending, said.encode())
        os._exit(0)
    os.close(sending)
    with os.fdopen(receiving) as pipe:
        said = pipe.read()
    _, status = os.waitpid(child, 0)
    return os.WTERMSIG(status) if os.WIFSIGNALED(status) else json.loads(said)


def killed_at(step: int, base: str) -> None:
    """Have this process killed when it is about to take its step number `step` below `base`."""
    left = step

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal left
        if event.startswith(STEPS) and any(
            isinstance(each, str | bytes) and os.fsdecode(each).startswith(base)
            for each in arguments
        ):
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)


def write(target: Path, numbers: range, mode: str) -> None:
    """Write a dataset in folders."""
    rows(numbers).sink_parquet(target, mode=mode, partition_by="k")


def read(target: Path) -> list[int] | None:
    """Return what a reader finds."""
    if not target.exists():
        return None
    return sorted(pt.scan_parquet(target).to_pydict()["id"])


def crash(target: Path, mode: str, step: int) -> str:
    """Write, and be killed at a step."""
    killed_at(step, str(target.parent))
    write(target, NEW, mode)
    return "written"


def look(target: Path, mode: str, written: bool) -> dict[str, Any]:
    """Return what a reader finds, what one finds after the next write, and what lies there."""
    found = read(target)
    if not written:
        write(target, NEW, mode)
    return {"found": found, "after": read(target), "there": os.listdir(target.parent)}


def main(mode: str, directory: str, every: int) -> None:
    """Kill writes in `mode` at every so many of their steps."""
    template = Path(directory) / "template"
    in_child(lambda: write(template, OLD, "error"))
    for step in range(1, 10_000, every):
        target = Path(directory) / f"{mode}-{step}" / "target"
        target.parent.mkdir()
        if mode != "error":
            shutil.copytree(template, target)
        ended = in_child(functools.partial(crash, target, mode, step))
        written = ended == "written"
        found = in_child(functools.partial(look, target, mode, written))
        print(json.dumps([step, ended, found]), flush=True)
        if written:
            return


if __name__ == "__main__":
    pt.DataFrame, pt.scan_parquet  # noqa: B018 - loads what all children need
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))

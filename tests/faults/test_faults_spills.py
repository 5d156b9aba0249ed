"""Rows that are put aside where there is no room: a typed error, nothing left, no wrong answer."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from .full_spills import SHAPES
from .namespaces import in_namespace, needs_namespace
from .processes import environment

TYPED = {"StorageFull", "ExecutionError", "MemoryLimitExceeded"}


def check(lines: list[dict[str, Any]]) -> int:
    """Return how many queries were refused; none was wrong, and all was in order behind them."""
    for line in lines:
        assert line["ended"] in {"finished", *TYPED}, line
        assert line.get("first", "finished") in {"finished", *TYPED}, line
        assert line["left"] == [], line
        assert line["next"], line
        assert line["lost"] == 0, line
    assert {line["name"] for line in lines} == set(SHAPES)
    return sum(TYPED & {line["ended"], line.get("first")} != set() for line in lines)


def every_room(step: int, folder: Path) -> None:
    """Give ever more room, in kB and then in files, until each query finishes."""
    lines = in_namespace("full_spills.py", "steps", str(folder), str(step))
    refused = check(lines)
    print(f"\n{len(lines)} queries, {refused} of them refused")
    for name in SHAPES:
        ended = [line["ended"] for line in lines if line["name"] == name]
        assert ended.count("StorageFull") >= 2
        assert ended[-1] == "finished"


@needs_namespace
def test_the_run_directory_fills_while_rows_are_put_aside(tmp_path: Path) -> None:
    every_room(60, tmp_path)


@pytest.mark.soak
@pytest.mark.timeout(3600)
@needs_namespace
def test_the_run_directory_fills_at_every_page_and_file(tmp_path: Path) -> None:
    every_room(4, tmp_path)


def without_rights(what: str, step: int, folder: Path) -> None:
    """Let files be ever longer, or ever more be open, until each query finishes."""
    script = Path(__file__).with_name("full_spills.py")
    done = subprocess.run(
        [sys.executable, str(script), what, str(folder), str(step)],
        capture_output=True,
        text=True,
        env=environment(),
    )
    assert done.returncode == 0, done.stderr[-3000:]
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    refused = check(lines)
    assert refused >= len(SHAPES)
    print(f"\n{len(lines)} queries, {refused} of them refused")
    # Each was run once more with all that there is.
    assert {line["ended"] for line in lines} == {"finished"}
    for name in SHAPES:
        assert [line["first"] for line in lines if line["name"] == name][-1] == "finished"


@pytest.mark.parametrize(("what", "step"), [("length", 1 << 20), ("opens", 12)])
def test_a_write_or_an_open_of_rows_put_aside_fails(what: str, step: int, tmp_path: Path) -> None:
    without_rights(what, step, tmp_path)


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize(("what", "step"), [("length", 4096), ("opens", 1)])
def test_every_write_and_open_of_rows_put_aside_fails(what: str, step: int, tmp_path: Path) -> None:
    without_rights(what, step, tmp_path)


def spilled(lines: list[dict[str, Any]]) -> list[str]:
    return [f"{line['name']} {line['ended']} {line['spilled'] >> 20} MiB" for line in lines]


@pytest.mark.soak
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("count", [1_000_000, 3_000_000])
@needs_namespace
def test_a_disk_of_64_megabytes(count: int, tmp_path: Path) -> None:
    lines = in_namespace("full_spills.py", "tmpfs", str(tmp_path), str(count))
    refused = check(lines)
    print("\n", spilled(lines))
    assert refused or count < 3_000_000


@pytest.mark.parametrize(
    "count", [300_000, pytest.param(1_000_000, marks=[pytest.mark.soak, pytest.mark.timeout(1200)])]
)
@needs_namespace
def test_shared_memory_of_8_megabytes(count: int, tmp_path: Path) -> None:
    lines = in_namespace("full_spills.py", "shared-memory", str(tmp_path), str(count))
    assert check(lines) == 0
    print("\n", spilled(lines))
    assert count < 1_000_000 or all(line["spilled"] > 0 for line in lines)

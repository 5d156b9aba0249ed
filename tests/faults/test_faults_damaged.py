"""Damaged files: the driver lives, errors are typed and name the file, and nothing is silent."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from .damage import FORMATS
from .processes import environment

MOST_SECONDS = 20
MOST_MIB = 512
"""What a process may take in all: the limit that it is given."""


def read_damaged(name: str, folder: Path, first: int, stop: int, executor: str) -> Counter[str]:
    """Damage and read files in a process of its own; check each, and count how they ended."""
    script = Path(__file__).with_name("read_damaged.py")
    command = [sys.executable, str(script), name, str(folder), str(first), str(stop), executor]
    run = subprocess.run(command, capture_output=True, text=True, env=environment())
    said = [json.loads(line) for line in run.stdout.splitlines()]
    numbers = [line[0] for line in said]
    assert run.returncode == 0, f"file {first + len(numbers)} ended the driver: {run.stderr[-800:]}"
    assert numbers == list(range(first, stop))
    for number, ended, names, seconds, peak in said:
        assert "untyped" not in ended, f"{name} {number}: {ended}"
        assert names, f"{name} {number}: {ended} does not name the file"
        assert seconds < MOST_SECONDS, f"{name} {number} took {seconds} s"
        assert peak < MOST_MIB, f"{name} {number}: {peak} MiB"
    return Counter(ended for _, ended, *_ in said)


@pytest.mark.parametrize("name", FORMATS)
def test_a_damaged_file_is_an_error_that_names_it(name: str, tmp_path: Path) -> None:
    ended = read_damaged(name, tmp_path, 0, 60, "serial")
    # The damage is real: many are refused, and of some of these the rest can be had.
    assert sum(count for how, count in ended.items() if how != "read") >= 10


def test_a_worker_reads_what_may_be_damaged(tmp_path: Path) -> None:
    ended = read_damaged("parquet", tmp_path, 1_000, 1_020, "process")
    assert set(ended) <= {"read", "SourceCorrupt; left out", "SourceCorrupt; SourceCorrupt"}


@pytest.mark.soak
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("name", FORMATS)
def test_2000_damaged_files(name: str, tmp_path: Path) -> None:
    ended = read_damaged(name, tmp_path, 10_000, 12_000, "serial")
    print(name, dict(ended))

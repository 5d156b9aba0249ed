"""Scripts with file systems and a network of their own, in a namespace where they may mount."""

from __future__ import annotations

import functools
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from .processes import environment

_UNSHARE = ["unshare", "--map-root-user", "--mount", "--net"]


@functools.cache
def _allowed() -> bool:
    try:
        command = [*_UNSHARE, "mount", "-t", "tmpfs", "tmpfs", "/mnt"]
        return subprocess.run(command, capture_output=True).returncode == 0
    except FileNotFoundError:
        return False


needs_namespace = pytest.mark.skipif(
    not _allowed(), reason="this machine does not allow a namespace with mounts of its own"
)


def in_namespace(script: str, *arguments: str) -> list[Any]:
    """Run a script of this folder where it may mount and has no network; return its JSON lines."""
    path = str(Path(__file__).with_name(script))
    command = [*_UNSHARE, sys.executable, path, *arguments]
    run = subprocess.run(command, capture_output=True, text=True, env=environment())
    assert run.returncode == 0, run.stderr[-3000:]
    return [json.loads(line) for line in run.stdout.splitlines()]

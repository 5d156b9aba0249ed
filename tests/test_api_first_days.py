"""What people try in their first two days: scripts, settings of the shell, unclean files."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import pytest

import partita as pt
from partita import col, errors


def _run(script: str, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_numba_that_is_told_not_to_compile() -> None:
    # So people step through loops of their own; the pool's helper ended at once.
    script = """
import partita as pt
with pt.config.set(executor="process", workers=1):
    print(pt.range(10).group_by(k=pt.col("id") % 3).len().sort("k").to_pydict())
"""
    assert _run(script, NUMBA_DISABLE_JIT="1") == "{'k': [0, 1, 2], 'len': [4, 3, 3]}\n"


def _leave(batch: Any) -> Any:
    if len(batch):
        sys.exit("enough")
    return batch


@pytest.mark.parametrize("executor", ["serial", "process"])
def test_a_function_that_exits_has_failed(executor: str) -> None:
    with pt.config.set(executor=executor, workers=1):
        for frame in (
            pt.range(3).map_batches(_leave),
            pt.range(3).select(pt.udf(_leave, returns=int)(col("id"))),
        ):
            with pytest.raises(errors.UserFunctionError, match="_leave raised SystemExit: enough"):
                frame.collect()

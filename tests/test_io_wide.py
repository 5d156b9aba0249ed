"""Ten thousand columns: planned, shown, written and read in seconds of processor time."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

import partita as pt

COLUMNS = 10_000
MOST_SECONDS = 8.0
"""Of each step, on a machine that is slow; half a second is usual, and what is quadratic took
minutes."""


@pytest.fixture(scope="module")
def table() -> pa.Table:
    return pa.table({f"c{number}": [number, number + 1, None] for number in range(COLUMNS)})


def within_seconds(work: Callable[[], Any]) -> Any:
    began = time.process_time()
    made = work()
    assert time.process_time() - began < MOST_SECONDS
    return made


@pytest.mark.parametrize("form", ["parquet", "ipc", "csv", "json"])
def test_it_is_written_and_read(form: str, table: pa.Table, tmp_path: Path) -> None:
    path = tmp_path / f"f.{form}"
    with pt.config.set(executor="serial"):
        within_seconds(lambda: getattr(pt.DataFrame(table), f"sink_{form}")(path))
        frame = within_seconds(lambda: getattr(pt, f"scan_{form}")(path))
        few = frame.filter(pt.col("c5") > 5).select("c1", "c9999")
        assert "c9999" in within_seconds(few.explain)
        assert within_seconds(few.collect).to_pydict() == {"c1": [2], "c9999": [10_000]}
        assert within_seconds(frame.collect).to_arrow().equals(table)


def test_it_is_planned_and_shown(table: pa.Table) -> None:
    frame = within_seconds(lambda: pt.DataFrame(table))
    assert len(within_seconds(lambda: repr(frame.with_columns(x=pt.col("c1"))))) < 10_000
    sums = within_seconds(lambda: frame.select(*(pt.col(name).sum() for name in frame.columns)))
    within_seconds(sums.explain)
    with pt.config.set(executor="serial"):
        result = within_seconds(sums.collect)
    within_seconds(lambda: repr(result))
    assert result["c9"].to_pylist() == [19]

"""The suite ``joins``, as the harness runs it."""

from __future__ import annotations

from functools import partial
from importlib import import_module
from pathlib import Path

import numpy as np
import pyarrow as pa

from ..harness.checksum import checksum
from ..harness.rows import QUICK_ROWS, SEED, Generated, names, write
from ..harness.suite import Queries, Suite
from .cases import CASES

BEYOND = 1.1
"""Keys are drawn from this many times as many as a side has rows, which are another choice of
them: one fact of eleven meets nothing."""


def make(directory: Path, rows: int) -> None:
    """Write the facts and the three sides; a side's keys are unique and in no order."""
    rng = np.random.default_rng(SEED)
    facts = {"id": np.arange(rows, dtype=np.int64)}
    for side, count in {"small": rows // 10_000, "medium": rows // 10, "equal": rows}.items():
        keys = int(count * BEYOND) + 1
        of_facts = rng.integers(0, keys, rows, dtype=np.int64)
        facts |= {side: of_facts, f"{side}_name": names(side[0], of_facts)}
        of_side = rng.permutation(keys)[:count].astype(np.int64)
        weights = rng.integers(0, 1000, count, dtype=np.int64)
        columns = {"key": of_side, "name": names(side[0], of_side), "weight": weights}
        write(directory / f"{side}.parquet", columns)
    facts["quantity"] = rng.integers(1, 101, rows, dtype=np.int64)
    facts["price"] = np.round(rng.random(rows) * 1000, 2)
    write(directory / "facts.parquet", facts)


def queries(engine: str) -> Queries:
    """Return an engine's queries."""
    run = import_module(f".queries.{engine}", __package__).run
    return {case.name: partial(run, case) for case in CASES}


def summary(query: str, rows: pa.Table) -> pa.Table:
    """Return what is compared: a checksum of joined rows that are given."""
    return checksum(rows) if query in _GIVES_ROWS else rows


_GIVES_ROWS = {case.name for case in CASES if case.gives_rows}

DATA = Generated(suite="joins", rows=10_000_000, version=1, make=make)

SUITE = Suite(
    name="joins",
    title="Joins",
    queries=queries,
    prepare=DATA.prepare,
    details=DATA.details,
    add_options=DATA.add_options,
    quick={"rows": QUICK_ROWS},
    summary=summary,
)

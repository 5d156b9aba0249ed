"""The suite ``sorts``, as the harness runs it."""

from __future__ import annotations

from functools import partial
from importlib import import_module
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..harness.checksum import checksum
from ..harness.rows import QUICK_ROWS, SEED, Generated, names, write
from ..harness.suite import Queries, Suite
from .cases import CASES, Case

SAMPLED = 1001
"""Rows of a long answer whose keys are compared one by one."""


def make(directory: Path, rows: int) -> None:
    """Write one table with keys of three types."""
    rng = np.random.default_rng(SEED)
    columns = {
        "id": np.arange(rows, dtype=np.int64),
        "x": rng.normal(size=rows),
        "a": rng.integers(0, 1000, rows, dtype=np.int32),
        "b": rng.integers(0, 1_000_000_000, rows, dtype=np.int64),
        "s": names("s", rng.integers(0, rows, rows)),
    }
    write(directory / "rows.parquet", columns)


def queries(engine: str) -> Queries:
    """Return an engine's queries."""
    run = import_module(f".queries.{engine}", __package__).run
    return {case.name: partial(run, case) for case in CASES}


def summary(query: str, rows: pa.Table) -> pa.Table:
    """Return what is compared of all rows: whether in order, some keys, and a checksum of all."""
    case = _BY_NAME[query]
    if case.first:
        return rows
    at = np.linspace(0, rows.num_rows - 1, SAMPLED).astype(np.int64)
    found = checksum(rows)
    return pa.table(
        {
            "position": at,
            **{key: rows[key].take(pa.array(at)) for key in case.keys},
            "in_order": [in_order(rows, case)] * SAMPLED,
            **{name: found[name].to_pylist() * SAMPLED for name in found.column_names},
        }
    )


def in_order(rows: pa.Table, case: Case) -> bool:
    """Return whether no row has to stand before the one that it follows."""
    right = pa.array(np.ones(max(0, rows.num_rows - 1), bool))
    for key, descending in reversed(case.keys.items()):
        column = rows[key].combine_chunks()
        before, after = column[:-1], column[1:]
        first, second = (after, before) if descending else (before, after)
        right = pc.or_(pc.less(first, second), pc.and_(pc.equal(first, second), right))
    return bool(pc.all(right, min_count=0).as_py())


_BY_NAME = {case.name: case for case in CASES}

DATA = Generated(suite="sorts", rows=10_000_000, version=1, make=make)

SUITE = Suite(
    name="sorts",
    title="Sorts",
    queries=queries,
    prepare=DATA.prepare,
    details=DATA.details,
    add_options=DATA.add_options,
    quick={"rows": QUICK_ROWS},
    order_by={case.name: tuple(case.keys) for case in CASES if case.first},
    summary=summary,
)

"""The suite ``udf``, as the harness runs it."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import numpy as np
import pyarrow.compute as pc

from ..harness.rows import QUICK_ROWS, SEED, Generated, names, of_names, write
from ..harness.suite import Queries, Suite

QUERIES = ("numbers", "text")
FAMILIES = [f"family{number}" for number in range(20)]


def make(directory: Path, rows: int) -> None:
    """Write one table of prices, quantities and codes such as ``family7-00012345``."""
    rng = np.random.default_rng(SEED)
    family = of_names(rng.integers(0, len(FAMILIES), rows), FAMILIES)
    number = names("", rng.integers(0, 100_000, rows))
    columns = {
        "price": np.round(rng.random(rows) * 1000, 2),
        "quantity": rng.integers(0, 20, rows),
        "code": pc.binary_join_element_wise(family, number, "-"),
    }
    write(directory / "sales.parquet", columns)


def queries(engine: str) -> Queries:
    """Return an engine's queries."""
    module = import_module(f".queries.{engine}", __package__)
    return {name: getattr(module, name) for name in QUERIES}


DATA = Generated(suite="udf", rows=5_000_000, version=1, make=make)

SUITE = Suite(
    name="udf",
    title="A Python function",
    queries=queries,
    prepare=DATA.prepare,
    details=DATA.details,
    add_options=DATA.add_options,
    quick={"rows": QUICK_ROWS},
)

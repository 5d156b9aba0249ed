"""The suite ``groups``, as the harness runs it."""

from __future__ import annotations

from functools import partial
from importlib import import_module
from pathlib import Path

import numpy as np

from ..harness.rows import QUICK_ROWS, SEED, Generated, names, of_names, write
from ..harness.suite import Queries, Suite
from .cases import CASES

COLORS = [f"color {number}" for number in range(10)]
SIZES = ["xs", "s", "m", "l", "xl", "2xl", "3xl", "4xl", "5xl", "6xl"]
BRANDS = [f"Brand#{number}" for number in range(10)]


def make(directory: Path, rows: int) -> None:
    """Write one table of keys of all kinds, and two values: an integer and a price."""
    rng = np.random.default_rng(SEED)

    def among(count: int) -> np.ndarray:
        return rng.integers(0, count, rows, dtype=np.int32)

    columns = {
        "half": of_names(among(2), ["first", "second"]),
        "shop": names("shop", among(100_000)),
        "receipt": rng.permutation(rows).astype(np.int64),
        "color": of_names(among(10), COLORS),
        "size": of_names(among(10), SIZES),
        "brand": of_names(among(10), BRANDS),
        "year": 2015 + among(10),
        "month": 1 + among(10),
        "store": among(10),
        "quantity": 1 + among(100).astype(np.int64),
        "price": np.round(rng.random(rows) * 1000, 2),
    }
    write(directory / "sales.parquet", columns)


def queries(engine: str) -> Queries:
    """Return an engine's queries."""
    run = import_module(f".queries.{engine}", __package__).run
    return {case.name: partial(run, case) for case in CASES}


DATA = Generated(suite="groups", rows=10_000_000, version=1, make=make)

SUITE = Suite(
    name="groups",
    title="Group-by",
    queries=queries,
    prepare=DATA.prepare,
    details=DATA.details,
    add_options=DATA.add_options,
    quick={"rows": QUICK_ROWS},
)

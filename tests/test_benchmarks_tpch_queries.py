"""TPC-H's 22 queries give DuckDB's rows: at two scales, of decimals and of doubles, however run."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import partita as pt
from partita.engine import config
from partita.engine.execution import events
from partita.engine.execution.session import current
from partita.engine.optimizer.context import Context
from partita.engine.optimizer.optimizer import optimize

# the benchmarks are part of the repository and not of the package: nothing installs them
sys.path.append(str(Path(__file__).resolve().parents[1]))

from benchmarks.harness.comparison import difference
from benchmarks.harness.engines import Options, start
from benchmarks.harness.suite import Tables
from benchmarks.tpch.dataset import TABLES, Dataset, Decimals, existing, generated
from benchmarks.tpch.queries import ORDER_BY, queries

from .same_rows import same_bits

NUMBERS = range(1, 23)
PIECES = 8
"""Into so many row groups the tables of the smaller scale are cut."""

CUTS: dict[str, dict[str, Any]] = {
    "broadcast": {"partition_bytes": "64KiB", "chunk_bytes": "64KiB", "batch_rows": 2000},
    "shuffled": {
        "partition_bytes": "256KiB",
        "exchange_bytes": "512KiB",
        "broadcast_bytes": 0,
        "chunk_bytes": "64KiB",
        "batch_rows": 5000,
    },
}
"""Settings under which every table with more than a few rows has several partitions."""


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep every generated dataset of this file in a directory of its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


class Answers:
    """DuckDB's rows, asked for once."""

    def __init__(self) -> None:
        self._duckdb = start("duckdb", Options(workers=2))
        self._queries = queries("duckdb")
        self._known: dict[tuple[int, Path], pa.Table] = {}

    def __call__(self, number: int, data: Dataset) -> pa.Table:
        key = (number, data.directory)
        if key not in self._known:
            query = self._queries[number](Tables(self._duckdb, data))
            self._known[key] = self._duckdb.collect(query)
        return self._known[key]

    def check(self, number: int, data: Dataset, rows: pa.Table) -> None:
        """Fail unless `rows` are the right ones."""
        order = ORDER_BY.get(number, ())
        assert difference(self(number, data), rows, order_by=order) is None


@pytest.fixture(scope="module")
def answers() -> Answers:
    return Answers()


@pytest.fixture(scope="module", params=["keep", "double"])
def decimals(request: pytest.FixtureRequest) -> Decimals:
    return request.param


@pytest.fixture(scope="module")
def small(decimals: Decimals, tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """Scale 0.01, in row groups small enough that there are several partitions."""
    data = generated(0.01, decimals)
    cut = tmp_path_factory.mktemp(f"cut-{decimals}")
    for table in TABLES:
        rows = pq.read_table(data.path(table))
        size = max(100, rows.num_rows // PIECES)
        pq.write_table(rows, cut / f"{table}.parquet", row_group_size=size)
    return existing(cut)


@pytest.fixture(scope="module")
def larger(decimals: Decimals) -> Dataset:
    """Scale 0.1 as it is generated."""
    return generated(0.1, decimals)


@pytest.fixture(scope="module", autouse=True)
def session() -> Iterator[pt.Session]:
    """Two workers for all queries; which executor runs them is left to the tests."""
    with pt.Session(workers=2) as session:
        yield session


def frame(number: int, data: Dataset) -> pt.DataFrame:
    return queries("partita")[number](Tables(start("partita", Options()), data))


def rows(number: int, data: Dataset, seen: Counter[str] | None = None) -> pa.Table:
    """Run a query under the settings in force, each step of the optimizer verified."""

    def observe(event: events.Event) -> None:
        if seen is not None and isinstance(event, events.StagePlanned):
            seen[event.stage.output.kind] += 1

    asked = frame(number, data)
    plan = optimize(asked.plan, Context(settings=config.get(), verify=True))
    return pa.Table.from_batches(current().execute(plan, [observe]), schema=asked.schema)


@pytest.mark.parametrize("number", NUMBERS)
def test_rows_are_duckdbs_at_scale_a_hundredth(
    number: int, small: Dataset, answers: Answers
) -> None:
    answers.check(number, small, rows(number, small))


@pytest.mark.parametrize("number", NUMBERS)
def test_rows_are_duckdbs_without_the_optimizer(
    number: int, small: Dataset, answers: Answers
) -> None:
    with pt.config.set(optimize=False):
        answers.check(number, small, rows(number, small))


@pytest.mark.parametrize("optimized", [True, False])
@pytest.mark.parametrize("cut", CUTS)
@pytest.mark.parametrize("number", NUMBERS)
def test_rows_are_duckdbs_however_the_data_is_cut(
    number: int, cut: str, optimized: bool, small: Dataset, answers: Answers
) -> None:
    with pt.config.set(executor="serial", optimize=optimized, **CUTS[cut]):
        answers.check(number, small, rows(number, small))


@pytest.mark.parametrize("number", NUMBERS)
def test_rows_are_duckdbs_at_scale_a_tenth_by_the_pool(
    number: int, larger: Dataset, answers: Answers
) -> None:
    with pt.config.set(executor="process"):
        answers.check(number, larger, rows(number, larger))


@pytest.mark.parametrize("number", NUMBERS)
def test_bits_are_the_same_in_this_process_and_in_two_workers(number: int, small: Dataset) -> None:
    with pt.config.set(**CUTS["shuffled"]):
        with pt.config.set(executor="serial"):
            alone = rows(number, small)
        with pt.config.set(executor="process"):
            assert same_bits(rows(number, small), alone)


def test_every_way_to_hand_rows_on_is_taken(small: Dataset, answers: Answers) -> None:
    seen: Counter[str] = Counter()
    tiny = {**CUTS["shuffled"], "exchange_bytes": "8KiB"}
    for settings in (*CUTS.values(), tiny):
        with pt.config.set(executor="serial", **settings):
            for number in (3, 16):
                answers.check(number, small, rows(number, small, seen))
    assert set(seen) == {"broadcast", "hash", "range", "gather", "result"}

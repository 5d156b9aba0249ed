"""Random plans give the same rows however they are run, and the rows that others give.

Every plan is run with and without the optimizer, in one partition and in many, in this process and
in workers; polars computes it too, and DuckDB where SQL means the same. `PARTITA_TEST_PLANS` says
how many plans are drawn; by default the same few hundred every time.
"""

from __future__ import annotations

import itertools
import os
import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import partita as pt
from partita.engine.execution import events
from partita.engine.execution.session import current
from partita.engine.optimizer.context import Context
from partita.engine.optimizer.optimizer import optimize

from .properties.expressions import Expressions
from .properties.frames import ROW_NUMBER, random_frame
from .properties.plan import RandomPlan
from .properties.plans import random_plan
from .same_rows import difference, plain, same_bits

LEAST_PLANS = 300
PLANS = int(os.environ.get("PARTITA_TEST_PLANS", "320"))
NIGHTLY = PLANS > 320
SHRINK = "PARTITA_TEST_SHRINK" in os.environ
RUNS_OF_PROPERTIES = settings(
    max_examples=PLANS,
    # The same plans every time in a usual run; others every night.
    derandomize=not NIGHTLY,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    # Shrinking runs a plan hundreds of times: only when asked for.
    phases=(Phase.generate, *((Phase.shrink,) if SHRINK else ())),
)
TIMEOUT = 110 if not NIGHTLY else 6 * 3600


@pytest.fixture(scope="module")
def session() -> Iterator[pt.Session]:
    """One pool of workers for all plans."""
    with pt.Session(workers=2, progress="off") as session:
        yield session


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Iterator[Path]]:
    """New folders, one after the other."""
    root = tmp_path_factory.mktemp("plans")

    def made() -> Iterator[Path]:
        for number in itertools.count():
            path = root / str(number)
            path.mkdir()
            yield path

    yield made()
    shutil.rmtree(root)


@dataclass(frozen=True, kw_only=True)
class Case:
    """A plan, and how its data is cut."""

    plan: RandomPlan
    cut: dict[str, int]
    other_cut: dict[str, int]
    folders: list[Path]


@st.composite
def cuts(draw: Any) -> dict[str, int]:
    """Settings that cut small data into many partitions, batches and exchanges."""
    return {
        "partition_bytes": draw(st.sampled_from((40, 40, 200, 1000))),
        "exchange_bytes": draw(st.sampled_from((60, 60, 400, 3000))),
        "broadcast_bytes": draw(st.sampled_from((0, 0, 500, 100_000))),
        "batch_rows": draw(st.sampled_from((3, 10, 64))),
        "chunk_bytes": draw(st.sampled_from((100, 1000, 1_000_000))),
    }


@st.composite
def cases(draw: Any, folders: Iterator[Path], duck: duckdb.DuckDBPyConnection) -> Case:
    """Plans over one or two new frames."""
    used: list[Path] = []

    def folder() -> Path:
        used.append(next(folders))
        return used[-1]

    count = draw(st.integers(1, 2))
    frames = [random_frame(draw, f"t{number}", folder, duck) for number in range(count)]
    plan = random_plan(draw, frames)
    return Case(plan=plan, cut=draw(cuts()), other_cut=draw(cuts()), folders=used)


def rows(frame: pt.DataFrame, **changes: Any) -> pa.Table:
    with pt.config.set(**changes):
        table = frame.collect().to_arrow()
    columns = [plain(column) for column in table.columns]
    return pa.table(columns, names=table.schema.names)


def rows_of_workers(frame: pt.DataFrame, **changes: Any) -> pa.Table:
    """Return the rows that two workers give, and count how they were handed about."""

    def observe(event: events.Event) -> None:
        if isinstance(event, events.StagePlanned):
            counted[f"{event.stage.output.kind} exchanges"] += 1

    with pt.config.set(executor="process", workers=2, **changes):
        plan = optimize(frame.plan, Context(verify=True))
        batches = list(current().execute(plan, [observe]))
    table = pa.Table.from_batches(batches, schema=frame.schema)
    return pa.table([plain(column) for column in table.columns], names=table.schema.names)


def rows_of_polars(plan: RandomPlan, schema: pa.Schema) -> pa.Table:
    """Return the rows as polars has them, in our types: its counts are 32 bits wide, for one."""
    return plan.polars.select(schema.names).to_arrow().cast(schema)


def rows_of_duckdb(plan: RandomPlan, schema: pa.Schema, duck: duckdb.DuckDBPyConnection) -> Any:
    found = duck.sql(f'SELECT * FROM ({plan.sql}) ORDER BY "{ROW_NUMBER}"').to_arrow_table()
    return found.select(schema.names).cast(schema)


counted: Counter[str] = Counter()


@pytest.mark.timeout(TIMEOUT)
def test_random_plans_give_the_same_rows_however_they_are_run(
    session: pt.Session, folders: Iterator[Path], capsys: pytest.CaptureFixture[str]
) -> None:
    with duckdb.connect() as duck:
        duck.execute("SET threads = 1")

        @RUNS_OF_PROPERTIES
        @given(cases(folders, duck))
        def check(case: Case) -> None:
            run_every_way(case, duck)
            for path in case.folders:
                shutil.rmtree(path)

        check()
    with capsys.disabled():
        print(f"\nrandom plans: {dict(sorted(counted.items()))}")
    assert counted["plans"] >= min(LEAST_PLANS, PLANS)
    # The cuts are small enough for all that a large query does.
    for kind in ("hash", "range", "broadcast", "gather", "forward"):
        assert counted[f"{kind} exchanges"] >= counted["plans"] // 30, counted
    assert counted["plans in DuckDB"] >= counted["plans"] // 3


def run_every_way(case: Case, duck: duckdb.DuckDBPyConnection) -> None:
    """Run a plan in all ways and compare the rows."""
    plan, cut, other_cut = case.plan, case.cut, case.other_cut
    serial = {"executor": "serial"}
    base = rows(plan.partita, **serial, optimize=False)
    ways = {
        "optimized": rows(plan.partita, **serial),
        f"cut by {cut}": rows(plan.partita, **serial, **cut),
        f"not optimized, cut by {other_cut}": rows(
            plan.partita, **serial, **other_cut, optimize=False
        ),
    }
    in_workers = rows_of_workers(plan.partita, **cut)
    counted["plans"] += 1
    counted["plans of rows without order"] += not plan.ordered
    assert same_bits(in_workers, ways[f"cut by {cut}"]), "serial and process differ"
    for way, found in ways.items():
        assert found.schema.equals(base.schema), way
        wrong = difference(found, base, ordered=plan.ordered, rough=plan.rough())
        assert wrong is None, f"{way}: {wrong}"
    oracles = {"polars": rows_of_polars(plan, base.schema)}
    if plan.sql is not None:
        counted["plans in DuckDB"] += 1
        oracles["DuckDB"] = rows_of_duckdb(plan, base.schema, duck)
    for name, expected in oracles.items():
        wrong = difference(
            base, expected, ordered=plan.ordered, rough=plan.rough(), signed_zeros=False
        )
        assert wrong is None, f"{name}: {wrong}"


@pytest.mark.timeout(TIMEOUT)
def test_every_row_is_true_false_or_null(folders: Iterator[Path]) -> None:
    with duckdb.connect() as duck:

        @settings(RUNS_OF_PROPERTIES, max_examples=max(100, PLANS // 5))
        @given(st.data())
        def check(data: st.DataObject) -> None:
            frame = random_frame(data.draw, "t", lambda: next(folders), duck)
            schema = frame.partita.schema
            condition = Expressions(data.draw, schema, frame.facts).condition().partita
            parts = [condition, ~condition, condition.is_null()]
            with pt.config.set(executor="serial", **data.draw(cuts())):
                found = [frame.partita.filter(part).collect().to_arrow() for part in parts]
                whole = frame.partita.collect().to_arrow()
            wrong = difference(pa.concat_tables(found), whole, ordered=False)
            assert wrong is None, f"{condition!r}: {wrong}"

        check()

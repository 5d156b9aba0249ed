"""Random plans give the same rows however they are run, and the rows that others give.

Every plan is run without the optimizer in one partition, and with it in several: in 1, 2 or 7
files, or cut by bytes into many. Polars computes it too, and DuckDB where SQL means the same; many
plans are run in workers besides, whole, and cut without the optimizer. And of each the rows for
which a condition is true, those for which it is not, and those for which it is null are all its
rows. `PARTITA_TEST_PLANS` says how many plans are drawn; by default the same hundreds every time.
"""

from __future__ import annotations

import itertools
import os
import random
import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import partita as pt
from partita.engine.execution import events
from partita.engine.execution.session import current
from partita.engine.optimizer.context import Context
from partita.engine.optimizer.optimizer import optimize

from .properties import choices
from .properties.choices import Draw
from .properties.frames import ROW_NUMBER, random_frame
from .properties.plan import RandomPlan, expressions_over
from .properties.plans import random_plans
from .properties.value import Value
from .same_rows import difference, plain, same_bits

USUAL_PLANS = 500
PLANS = int(os.environ.get("PARTITA_TEST_PLANS", USUAL_PLANS))
NIGHTLY = PLANS > USUAL_PLANS
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
TIMEOUT = 240 if not NIGHTLY else 6 * 3600
PARTS = (1, 2, 7)
MOST_PIECES = 20

# A number from which everything follows; where it is to be shrunk, the choices one by one.
SOURCES = (
    st.randoms(use_true_random=False) if SHRINK else st.builds(random.Random, st.integers(0, 2**62))
)


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

    made: list[RandomPlan]
    """The plan, and before it what it was made of."""

    cut: dict[str, int]
    other_cut: dict[str, int]
    ways: frozenset[str]
    """How it is run besides the ways that every plan is run in."""

    condition: Value
    """Something that may be asked of its rows."""

    parts: int | None
    folders: list[Path]

    @property
    def plan(self) -> RandomPlan:
        return self.made[-1]


WAYS = ("whole", "not optimized, cut", "processes", "apart")
"""How some of the plans are run besides; each is drawn for half of them.

``apart`` are the rows for which a condition is true, those for which it is not, and so on.
"""


def drawn_cut(draw: Draw, parts: int | None, made: list[RandomPlan]) -> dict[str, int]:
    """Draw settings that cut small data into many partitions, batches and exchanges.

    They are small for what was `made`, but none of it is cut into hundreds of pieces.
    """
    least = max(int(plan.polars.estimated_size()) for plan in made) // MOST_PIECES
    height = max(plan.polars.height for plan in made)
    partition_bytes = max(least, draw(choices.sampled_from((40, 40, 200, 1000))))
    return {
        "partition_bytes": partition_bytes if parts is None else 1,
        "exchange_bytes": max(least, draw(choices.sampled_from((60, 60, 400, 3000)))),
        "broadcast_bytes": draw(choices.sampled_from((0, 0, 500, 100_000))),
        "batch_rows": max(height // MOST_PIECES, draw(choices.sampled_from((3, 10, 64)))),
        "chunk_bytes": draw(choices.sampled_from((100, 1000, 1_000_000))),
    }


def drawn_case(draw: Draw, folders: Iterator[Path], duck: duckdb.DuckDBPyConnection) -> Case:
    """Draw a plan over one or two new frames, and how it is run."""
    used: list[Path] = []

    def folder() -> Path:
        used.append(next(folders))
        return used[-1]

    parts = draw(choices.sampled_from((*PARTS, None, None, None)))
    count = draw(choices.integers(1, 2))
    frames = [random_frame(draw, f"t{number}", folder, duck, parts) for number in range(count)]
    made = random_plans(draw, frames)
    return Case(
        made=made,
        cut=drawn_cut(draw, parts, made),
        other_cut=drawn_cut(draw, parts, made),
        ways=frozenset(way for way in WAYS if draw(choices.booleans())),
        condition=telling_condition(draw, made[-1]),
        parts=parts,
        folders=used,
    )


def telling_condition(draw: Draw, plan: RandomPlan) -> Value:
    """Draw a condition that is not the same for all rows, if there is one among a few."""
    drawn = [expressions_over(draw, plan).condition() for _ in range(5)]
    return max(drawn, key=lambda each: plan.polars.select(each.polars).to_series().n_unique())


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
steps_taken: Counter[str] = Counter()


@pytest.mark.timeout(TIMEOUT)
def test_random_plans_give_the_same_rows_however_they_are_run(
    session: pt.Session, folders: Iterator[Path], capsys: pytest.CaptureFixture[str]
) -> None:
    with duckdb.connect() as duck:
        duck.execute("SET threads = 1")

        @RUNS_OF_PROPERTIES
        @given(SOURCES)
        def check(source: random.Random) -> None:
            case = drawn_case(choices.drawing(source), folders, duck)
            try:
                run_every_way(case, duck)
            except Exception as error:
                report_the_shortest(case, duck)
                error.add_note(f"the plan:\n{case.plan!r}")
                raise
            for path in case.folders:
                shutil.rmtree(path)

        check()
    with capsys.disabled():
        print(f"\nrandom plans: {dict(sorted(counted.items()))}")
        print(f"their steps: {dict(sorted(steps_taken.items()))}")
    plans = counted["plans"]
    assert plans >= PLANS
    # The cuts are small enough for all that a large query does.
    for kind in ("hash", "range", "gather", "forward"):
        assert counted[f"{kind} exchanges"] >= plans // 10, counted
    # Sides of a few rows are made where they are read: fewer are broadcast.
    assert counted["broadcast exchanges"] >= plans // 16, counted
    for parts in PARTS:
        assert counted[f"plans in {parts} partitions"] >= plans // 10, counted
    assert counted["plans in processes"] >= plans // 3, counted
    assert counted["plans in DuckDB"] >= plans // 3, counted
    assert counted["plans with rows"] >= plans // 2, counted


def report_the_shortest(case: Case, duck: duckdb.DuckDBPyConnection) -> None:
    """Raise the failure of the first plan that fails of those that the failing one is made of."""
    for number in range(1, len(case.made)):
        made = case.made[:number]
        part = replace(case, made=made, condition=NO_CONDITION, ways=frozenset(WAYS))
        try:
            run_every_way(part, duck)
        except Exception as error:
            error.add_note(f"the shortest plan that fails:\n{part.plan!r}")
            raise


NO_CONDITION = Value(partita=pt.lit(True), polars=pl.lit(True), sql="TRUE")


def run_every_way(case: Case, duck: duckdb.DuckDBPyConnection) -> None:
    """Run a plan in all ways and compare the rows."""
    plan, cut, other_cut = case.plan, case.cut, case.other_cut
    serial = {"executor": "serial"}
    base = rows(plan.partita, **serial, optimize=False)
    count(case, base.num_rows)
    ways = {f"cut by {cut}": rows(plan.partita, **serial, **cut)}
    if "processes" in case.ways:
        in_workers = rows_of_workers(plan.partita, **cut)
        assert same_bits(in_workers, ways[f"cut by {cut}"]), "serial and process differ"
    if "whole" in case.ways:
        ways["optimized"] = rows(plan.partita, **serial)
    if "not optimized, cut" in case.ways:
        way = f"not optimized, cut by {other_cut}"
        ways[way] = rows(plan.partita, **serial, **other_cut, optimize=False)
    for way, found in ways.items():
        assert found.schema.equals(base.schema), way
        wrong = difference(found, base, ordered=plan.ordered, rough=plan.rough())
        assert wrong is None, f"{way}: {wrong}"
    for part in case.made[:-1]:
        # What is left of a plan at its end may hide what went wrong on the way.
        others_give_the_same(part, rows(part.partita, **serial, optimize=False), duck)
    others_give_the_same(plan, base, duck)
    every_row_is_true_false_or_null(case, base)


def others_give_the_same(
    plan: RandomPlan, found: pa.Table, duck: duckdb.DuckDBPyConnection
) -> None:
    oracles = {"polars": rows_of_polars(plan, found.schema)}
    if plan.sql is not None:
        oracles["DuckDB"] = rows_of_duckdb(plan, found.schema, duck)
    for name, expected in oracles.items():
        wrong = difference(
            found, expected, ordered=plan.ordered, rough=plan.rough(), signed_zeros=False
        )
        assert wrong is None, f"{name}: {wrong}"


def every_row_is_true_false_or_null(case: Case, whole: pa.Table) -> None:
    """A row is kept by a condition, by its opposite, or because the condition is null."""
    condition = case.condition.partita
    parts = [
        case.plan.partita.filter(part) for part in (condition, ~condition, condition.is_null())
    ]
    if "apart" not in case.ways:
        # One query, in which the plan is there three times.
        parts = [pt.concat(parts)]
    found = [rows(part, executor="serial", **case.cut) for part in parts]
    wrong = difference(pa.concat_tables(found), whole, ordered=False, rough=case.plan.rough())
    assert wrong is None, f"{condition!r}: {wrong}"
    told = set(case.plan.polars.select(case.condition.polars).to_series())
    counted["plans in which a condition is null"] += None in told
    counted["plans in which a condition is true and false"] += {True, False} <= told


def count(case: Case, height: int) -> None:
    counted["plans"] += 1
    counted["plans of rows without order"] += not case.plan.ordered
    counted["plans with rows"] += height > 0
    counted["plans in DuckDB"] += case.plan.sql is not None
    if case.parts is not None:
        counted[f"plans in {case.parts} partitions"] += 1
    for way in case.ways:
        counted[f"plans {'in' if way == 'processes' else 'run'} {way}"] += 1
    steps_taken.update(step.partition("(")[0].partition("[")[0] for step in case.plan.steps[1:])

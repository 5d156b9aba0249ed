"""Exchanges of too many pieces go by fewer tasks, and the answer is the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pytest

import partita as pt
from benchmarks.cluster_sim.shapes import Table
from partita import col
from partita.engine.optimizer.optimizer import optimize
from partita.engine.physical import large_exchanges
from partita.engine.physical.large_exchanges import most_writers, range_count
from partita.engine.physical.lower_aggregate import slot_count
from partita.engine.physical.planner import Planner
from partita.engine.physical.stage import Exchange, Ref, StageOutput, TaskResult
from partita.engine.plan.nodes import Scan

from . import quick_runs  # noqa: F401  (it makes the benchmarks importable)
from .contract.test_results import (
    CUTS,
    anti_join,
    dataset,
    distinct,
    group_by,
    left_join,
    shuffle,
    sort,
)
from .same_rows import difference, same_bits

__all__ = ["dataset"]  # a fixture


def join(sales: pt.DataFrame) -> pt.DataFrame:
    return sales.join(sales.filter(col("row") % 3 == 0), on="row")


QUERIES = (group_by, distinct, join, left_join, anti_join, sort, shuffle)


@pytest.fixture
def few_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """So few that every exchange here has more."""
    monkeypatch.setattr(large_exchanges, "MOST_PIECES", 12)


@pytest.fixture(scope="module")
def session() -> Iterator[pt.Session]:
    with pt.Session(executor="process", workers=2, **CUTS) as session:
        yield session


@pytest.fixture(scope="module")
def direct(dataset: Path) -> dict[str, pa.Table]:
    with pt.config.set(executor="serial", **CUTS):
        return {
            query.__name__: query(pt.scan_parquet(dataset)).collect().to_arrow()
            for query in QUERIES
        }


def stages(query: pt.DataFrame) -> int:
    return len(query.collect().profile.stages)


@pytest.mark.parametrize("query", QUERIES)
@pytest.mark.usefixtures("few_pieces")
def test_the_answer_is_that_of_one_exchange(
    query: Callable[[pt.DataFrame], pt.DataFrame],
    dataset: Path,
    direct: dict[str, pa.Table],
    session: pt.Session,
) -> None:
    found = query(pt.scan_parquet(dataset)).collect().to_arrow()
    expected = direct[query.__name__]
    # Where slots are put together by their bytes, the cut is another one, and with it the order.
    assert difference(found, expected, ordered=query in (sort, shuffle)) is None
    with pt.config.set(executor="serial", **CUTS):
        alone = query(pt.scan_parquet(dataset)).collect().to_arrow()
    assert same_bits(found, alone)


def test_one_stage_more_is_what_it_takes(
    dataset: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pt.config.set(executor="serial", **CUTS):
        direct = stages(sort(pt.scan_parquet(dataset)))
        monkeypatch.setattr(large_exchanges, "MOST_PIECES", 12)
        assert stages(sort(pt.scan_parquet(dataset))) == direct + 1


def test_an_exchange_has_no_more_pieces_than_it_may(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(large_exchanges, "MOST_PIECES", 2_560)
    parts = pt.DataFrame._from_plan(Scan(source=Table("events", 200, 2**25, True)))
    frame = parts.group_by("key").agg(rows=pt.len())
    plan = optimize(frame.plan)
    planner = Planner(plan, pt.config.get())
    (first,) = planner.advance()
    assert first.partitions == 200
    assert first.output.kind == "forward"
    made = [
        (Ref(path=str(number), offset=0, length=9, rows=1, bytes=2**27),) for number in range(200)
    ]
    planner.finished(StageOutput(stage=first, partitions=made, results=[TaskResult()] * 200))
    (second,) = planner.advance()
    assert second.output.kind == "hash"
    assert 1 < second.partitions * second.output.partitions <= 2_560
    read = [ref for branch in second.branches for task in branch.inputs for ref in task.refs]
    assert read == [ref for refs in made for ref in refs]


@pytest.mark.parametrize("size", [2**30, 2**37, 2**40, 2**45])
def test_what_is_large_is_cut_into_more_slots_and_never_too_many_pieces(size: int) -> None:
    slots = slot_count(size, 2**24)
    assert slots == {2**30: 64, 2**37: 512, 2**40: 1024, 2**45: 2048}[size]
    most = most_writers(Exchange(kind="hash", partitions=slots), size)
    assert most is not None
    assert most * slots <= large_exchanges.MOST_PIECES
    runs = most_writers(Exchange(kind="range"), size)
    assert runs is not None
    assert range_count(size, runs, 2**24) * runs <= large_exchanges.MOST_PIECES

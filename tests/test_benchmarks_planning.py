"""The benchmark of planning: it runs, what it plans gives the right rows, and what it counts on."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest

import partita as pt

# the benchmarks are part of the repository and not of the package: nothing installs them
sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.planning import __main__ as command
from benchmarks.planning.ledger import COLUMNS, Ledger, pipeline, tables
from partita.engine.config import Settings
from partita.engine.expr.conjunctions import conjuncts
from partita.engine.expr.node import Call, Column, literal
from partita.engine.optimizer.context import Context
from partita.engine.optimizer.optimizer import MOST_ROUNDS, optimize
from partita.engine.physical.planner import Planner
from partita.engine.plan.node import PlanNode
from partita.engine.plan.nodes import Filter, Scan
from partita.engine.source import Pushdown, ScanPlan, Statistics


@dataclass(frozen=True)
class Counted:
    """A ledger that counts what it is asked."""

    ledger: Ledger
    asked: list[str] = field(default_factory=list, compare=False)
    label: str = "counted"

    @property
    def schema(self) -> object:
        return COLUMNS

    def statistics(self) -> Statistics:
        self.asked.append("statistics")
        return self.ledger.statistics()

    def plan(self, pushdown: Pushdown, partition_bytes: int) -> ScanPlan:
        self.asked.append("plan")
        return self.ledger.plan(pushdown, partition_bytes)


def frame(source: object) -> pt.DataFrame:
    return pt.DataFrame._from_plan(Scan(source=source))  # type: ignore[arg-type]


def test_the_command_prints_its_figures(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["planning", "--partitions", "300", "--runs", "1"])
    command.main()
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("20 steps over 300 partitions: ")
    assert lines[1].startswith("a filter of 1,000 parts: ")


def test_ten_thousand_partitions_are_cut_after_the_optimizer_and_hardly_twice() -> None:
    source = Counted(Ledger(10_000))
    made = pipeline(frame(source), tables())
    plan = optimize(made.plan, Context(verify=True))
    assert "plan" not in source.asked
    planner = Planner(plan, Settings())
    stages = planner.advance()
    # Once more where that has shown that the data is little, to be cut finer.
    assert source.asked.count("plan") <= 2
    # The builds of the joins come first; none of them depends on the partitions of the ledger.
    assert all(stage.partitions < 10 for stage in stages)


@pytest.mark.parametrize("pages", [1, 100, 10_000])
def test_the_optimizer_asks_a_source_once_a_round_at_most(pages: int) -> None:
    source = Counted(Ledger(pages))
    optimize(pipeline(frame(source), tables()).plan)
    assert source.asked == ["statistics"] * len(source.asked)
    assert len(source.asked) <= MOST_ROUNDS


def test_the_pipeline_gives_the_same_without_the_optimizer() -> None:
    with pt.config.set(executor="serial"):
        better = pipeline(frame(Ledger(40)), tables()).collect().to_arrow()
        with pt.config.set(optimize=False):
            plain = pipeline(frame(Ledger(40)), tables()).collect().to_arrow()
    assert better.num_rows == 100
    assert better.column("month").to_pylist() == plain.column("month").to_pylist()
    for name in ("mean", "most"):
        assert better.column(name).to_pylist() == pytest.approx(plain.column(name).to_pylist())


def test_a_filter_of_a_thousand_parts_is_simplified_part_by_part(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from partita.engine.optimizer import simplify

    steps = 0
    original = simplify._step

    def counted(node: object, schema: object) -> object:
        nonlocal steps
        steps += 1
        return original(node, schema)  # type: ignore[arg-type]

    monkeypatch.setattr(simplify, "_step", counted)
    table = pt.from_pydict({"x": [1.0]})
    parts = [Call("ne", (Column("x"), literal(float(number)))) for number in range(1000)]
    predicate = parts[0]
    for part in parts[1:]:
        predicate = Call("and", (predicate, part))
    halved: PlanNode = Filter(input=table.plan, predicate=_balanced(parts))
    plan = optimize(halved)
    assert isinstance(plan, Scan)
    assert plan.pushdown.predicate is not None
    assert conjuncts(plan.pushdown.predicate) == conjuncts(predicate)
    # A column, a constant and a comparison each, in the few rounds that there are.
    assert steps <= 6 * 3 * len(parts)


def _balanced(parts: list[Call]) -> Call:
    if len(parts) == 1:
        return parts[0]
    half = len(parts) // 2
    return Call("and", (_balanced(parts[:half]), _balanced(parts[half:])))

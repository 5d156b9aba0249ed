"""Each rule of the optimizer on plans written down: the text before and after, and the same rows.

``tests/plans/<rule>.txt`` holds the cases of a rule. With ``PARTITA_WRITE_PLANS=1`` in the
environment the texts are written anew instead of compared; read the difference before keeping it.
"""

from __future__ import annotations

import datetime
import importlib.util
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import pyarrow as pa
import pyarrow.compute as pc
import pytest

import partita as pt
from partita.engine.optimizer.context import Context
from partita.engine.optimizer.optimizer import RULES, Rule, apply, optimize
from partita.engine.optimizer.rules import semi_join_reduction
from partita.engine.plan.display import text
from partita.engine.plan.node import PlanNode
from partita.engine.plan.nodes import Aggregate, Distinct, Join

PLANS = Path(__file__).parent / "plans"
WRITE = os.environ.get("PARTITA_WRITE_PLANS") == "1"
CONTEXT = Context(verify=True)


def _loaded(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, PLANS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


reference = _loaded("reference")


@pytest.fixture(autouse=True)
def few_rows_count(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a rule that is for many rows be shown on few."""
    monkeypatch.setattr(semi_join_reduction, "LEAST_ROWS", 2)


def frames() -> dict[str, object]:
    """Return what the expressions of the cases may name."""
    day = datetime.date(2024, 3, 1)
    trips = pt.from_pydict(
        {
            "id": [1, 2, 3, 4, 5, 6],
            "zone": ["n", "s", "n", None, "e", "s"],
            "km": [1.5, 0.0, -0.0, None, float("nan"), 7.5],
            "fare": [10, 20, None, 40, 50, 10],
            "day": [day, day, None, day, datetime.date(2024, 3, 2), day],
        }
    )
    zones = pt.from_pydict(
        {
            "zone": ["n", "s", "w", None],
            "name": ["North", "South", "West", "?"],
            "rank": [2, 1, 3, 9],
        }
    )
    events = pt.from_pydict(
        {"key": [1, 1, 2, 3, None], "zone": ["n", "s", "s", "x", "n"], "level": [5, 6, 7, 8, 9]}
    )

    # Few zones and many rides; sums of halves are exact in any order.
    rides = pt.from_pydict(
        {
            "id": list(range(120)),
            "zone": [["n", "s", "w", None][number % 4] for number in range(120)],
            "km": [None if number % 9 == 0 else number / 2 for number in range(120)],
            "fare": [number % 50 for number in range(120)],
            "day": [datetime.date(2024, 3, 1 + number % 2) for number in range(120)],
        }
    )
    lists = pt.from_pydict(
        {
            "id": [1, 2, 3, 4],
            "zone": ["1", "x", None, "2"],
            "tags": [["a", "b"], [], None, ["a", None]],
            "point": [{"x": 1, "y": "p"}, None, {"x": None, "y": "q"}, {"x": 1, "y": None}],
        }
    )

    def same(batch: pa.RecordBatch) -> pa.RecordBatch:
        return batch

    def large(values: pa.Array) -> pa.Array:
        return pc.greater(pc.abs(values), 3)

    mapped = trips.map_batches(same, schema=trips.schema)
    return {
        "pt": pt,
        "day": day,
        "trips": trips,
        "zones": zones,
        "events": events,
        "rides": rides,
        "mapped": mapped,
        "lists": lists,
        "large": large,
    }


@dataclass(frozen=True, kw_only=True)
class Case:
    """A plan, and its text before and after the rule."""

    title: str
    code: str
    before: str
    after: str

    def __str__(self) -> str:
        return (
            f"=== {self.title}\n{self.code}\n--- before\n{self.before}\n--- after\n{self.after}\n"
        )


_CASE = re.compile(r"=== (.*)\n((?:.*\n)*?)--- before\n((?:.*\n)*?)--- after\n((?:(?!===).*\n)*)")


def cases(rule: str) -> list[Case]:
    """Return the cases of a rule, as its file has them."""
    path = PLANS / f"{rule}.txt"
    return [
        Case(title=title, code=code.rstrip(), before=before.rstrip(), after=after.rstrip())
        for title, code, before, after in _CASE.findall(path.read_text())
    ]


def all_cases() -> Iterator[tuple[Rule, Case]]:
    for rule in RULES:
        if (PLANS / f"{name_of(rule)}.txt").exists():
            for case in cases(name_of(rule)):
                yield rule, case


def name_of(rule: Rule) -> str:
    return rule.__name__  # type: ignore[attr-defined]


def planned(code: str) -> PlanNode:
    """Return the plan that the code of a case builds; its last line is an expression."""
    names = frames()
    *lines, last = code.split("\n\n")
    for line in lines:
        exec(line, names)
    return eval(f"({last})", names).plan


@pytest.mark.parametrize(
    ("rule", "case"),
    [pytest.param(r, c, id=f"{name_of(r)}-{c.title}".replace(" ", "-")) for r, c in all_cases()],
)
def test_a_rule_changes_the_plan_as_written(rule: Rule, case: Case) -> None:
    plan = planned(case.code)
    after = apply(rule, plan, CONTEXT)
    if WRITE:
        rewrite(name_of(rule), case.title, before=text(plan), after=text(after))
        return
    assert text(plan) == case.before
    assert text(after) == case.after
    assert_same_rows(plan, after)
    assert_same_rows(plan, optimize(plan, CONTEXT))


def rewrite(rule: str, title: str, *, before: str, after: str) -> None:
    """Put new texts into the case of that title."""
    path = PLANS / f"{rule}.txt"
    head = path.read_text().partition("=== ")[0]
    new = [
        Case(title=c.title, code=c.code, before=before, after=after) if c.title == title else c
        for c in cases(rule)
    ]
    path.write_text(head + "\n".join(str(case) for case in new))


def assert_same_rows(plan: PlanNode, other: PlanNode) -> None:
    expected, found = reference.run(plan), reference.run(other)
    assert found.schema.equals(expected.schema)
    assert reference.rows_in_any_order(found) == reference.rows_in_any_order(expected)
    if not any(isinstance(node, Aggregate | Distinct | Join) for node in plan.walk()):
        assert repr(found.to_pylist()) == repr(expected.to_pylist())


@pytest.mark.parametrize("rule", RULES, ids=name_of)
def test_every_rule_has_cases_that_show_it_at_work(rule: Rule) -> None:
    found = cases(name_of(rule))
    assert any(case.before != case.after for case in found)
    assert len({case.title for case in found}) == len(found)


def test_every_file_of_cases_belongs_to_a_rule() -> None:
    names = {name_of(rule) for rule in RULES}
    assert {path.stem for path in PLANS.glob("*.txt")} == names


@pytest.mark.parametrize("rule", RULES, ids=name_of)
def test_a_rule_returns_the_same_object_where_it_changes_nothing(rule: Rule) -> None:
    plan = planned('trips.filter(pt.col("fare") > 10)')
    settled = optimize(plan, CONTEXT)
    assert apply(rule, settled, CONTEXT) is settled

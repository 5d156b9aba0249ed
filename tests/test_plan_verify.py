"""What must hold of any plan, and the error that names the node where it does not."""

from __future__ import annotations

from dataclasses import replace

import pyarrow as pa
import pytest

import partita as pt
from partita.engine.errors import PlanError
from partita.engine.expr.node import Agg, Column
from partita.engine.plan.identity import same_plan
from partita.engine.plan.node import PlanNode
from partita.engine.plan.nodes import Filter, Scan
from partita.engine.plan.verify import verify


def plan_of_three() -> PlanNode:
    frame = pt.from_pydict({"a": [1], "b": [2]})
    return frame.filter(pt.col("a") > 0).select("a").plan


def changed(node: PlanNode, **fields: object) -> None:
    """Change a node in place, past every check: what a faulty rule might bring about."""
    for name, value in fields.items():
        object.__setattr__(node, name, value)


def scan_of(plan: PlanNode) -> Scan:
    return next(node for node in plan.walk() if isinstance(node, Scan))


def test_a_plan_as_it_was_built_is_valid() -> None:
    verify(plan_of_three())


def test_a_cycle_is_found() -> None:
    plan = plan_of_three()
    changed(plan.inputs[0], input=plan)
    with pytest.raises(PlanError, match=r"The Project node .* reads its own result"):
        verify(plan)


def test_a_missing_column_is_named() -> None:
    plan = plan_of_three()
    changed(plan, exprs=(("a", Column("gone")),))
    with pytest.raises(PlanError, match=r"Project node of .*\['gone'\]"):
        verify(plan)


def test_a_schema_that_does_not_fit_is_found() -> None:
    plan = plan_of_three()
    plan.__dict__["schema"] = pa.schema([("a", pa.string())])
    with pytest.raises(PlanError, match=r"Project node .* says it gives a: string"):
        verify(plan)


def test_two_columns_of_one_name_are_found() -> None:
    plan = plan_of_three()
    plan.__dict__["schema"] = pa.schema([("a", pa.int64()), ("a", pa.int64())])
    with pytest.raises(PlanError, match="two columns of one name"):
        verify(plan)


def test_an_aggregate_among_rows_is_found() -> None:
    plan = plan_of_three()
    changed(plan.inputs[0], predicate=Agg("any", Column("a")))
    assert isinstance(plan.inputs[0], Filter)
    with pytest.raises(PlanError, match="Filter node"):
        verify(plan)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"limit": 1, "predicate": Column("a")}, "limit beside a predicate"),
        ({"columns": ()}, "reads no column"),
    ],
)
def test_a_scan_that_would_lose_rows_is_found(fields: dict[str, object], message: str) -> None:
    plan = pt.from_pydict({"a": [True], "b": [2]}).plan
    scan = scan_of(plan)
    changed(scan, pushdown=replace(scan.pushdown, **fields))  # type: ignore[arg-type]
    with pytest.raises(PlanError, match=message):
        verify(scan)


def test_equal_plans_are_told_from_plans_that_share() -> None:
    frame = pt.from_pydict({"a": [1]})
    once = frame.filter(pt.col("a") > 0)
    again = frame.filter(pt.col("a") > 0)
    assert same_plan(once.plan, again.plan)
    assert same_plan(pt.concat([once, again]).plan, pt.concat([again, once]).plan)
    assert not same_plan(pt.concat([once, once]).plan, pt.concat([once, again]).plan)
    assert not same_plan(once.plan, frame.filter(pt.col("a") > 1).plan)

"""Semi joins put below aggregations, windows, other joins and built sides leave the same rows."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from random import Random
from types import ModuleType

import pyarrow as pa
import pytest
from hypothesis import given, settings

import partita as pt
from partita.engine.errors import ComputeError
from partita.engine.expr.node import Agg, Call, Column, WindowCall, literal
from partita.engine.optimizer.context import Context
from partita.engine.optimizer.optimizer import optimize
from partita.engine.optimizer.rules import semi_join_reduction as rule
from partita.engine.plan.display import text
from partita.engine.plan.group_rows import GroupRows
from partita.engine.plan.node import PlanNode
from partita.engine.plan.nodes import Aggregate, Distinct, Filter, Join, Project, Scan
from partita.engine.plan.verify import verify
from partita.engine.plan.windows import WindowColumns
from partita.io.memory import MemorySource

from .test_optimizer_properties import same_rows


def _loaded(name: str) -> ModuleType:
    path = Path(__file__).parent / "plans" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


reference = _loaded("reference")
random_plans = _loaded("random_plans")

CONTEXT = Context(verify=True)

KEYS = {"k": [None, 1, 1, 2, 3], "f": [None, 0.0, -0.0, 1.5, float("nan")]}
VALUES = [None, -1, 0, 2, 7]


def reduced(plan: PlanNode) -> PlanNode:
    """Return `plan` after the rule, which takes it for worth while always."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rule, "LEAST_ROWS", -1)
        patch.setattr(rule, "LEAST_RATIO", 0)
        patch.setattr(rule, "MOST_SHARE", 1)
        patch.setattr(rule, "MOST_MOVED", 1)
        return rule.semi_join_reduction(plan, CONTEXT)


def table(rng: Random, most: int) -> PlanNode:
    rows = rng.randint(0, most)
    columns = {name: rng.choices(values, k=rows) for name, values in KEYS.items()}
    columns["v"] = rng.choices(VALUES, k=rows)
    types = pa.schema([("k", pa.int64()), ("f", pa.float64()), ("v", pa.int32())])
    return Scan(source=MemorySource(pa.table(columns, schema=types)))


def grouped(rng: Random, plan: PlanNode, keys: list[str]) -> PlanNode:
    """Return something above `plan` that brings the rows of `keys` together, with its columns."""
    plain = tuple((name, Column(name)) for name in keys)
    rest = tuple(name for name in ("k", "f", "v") if name not in keys)
    match rng.randint(0, 4):
        case 0:
            aggs = tuple(
                (name, Agg(rng.choice(["max", "first", "sum"]), Column(name)))
                for name in rest
                if name != "f"
            )
            plan = Aggregate(input=plan, keys=plain, aggs=aggs)
            exprs = [(name, Column(name)) for name in plan.schema.names]
            if "f" not in keys:
                exprs.append(("f", literal(0.5)))
            return Project(input=plan, exprs=tuple(exprs))
        case 1:
            return Distinct(
                input=plan, subset=tuple(keys), keep=rng.choice(["first", "last", "any", "none"])
            )
        case 2:
            return GroupRows(input=plan, keys=tuple(keys), count=rng.randint(1, 2))
        case 3:
            functions = (("w", WindowCall("cum_sum", (Column("v"),), (("reverse", False),))),)
            if rng.random() < 0.5:
                functions = (("w", Agg("max", Column("v"))),)
            keyed = tuple(Column(name) for name in keys)
            made = WindowColumns(input=plan, functions=functions, keys=keyed)
            exprs = (("k", Column("k")), ("f", Column("f")), ("v", Column("w")))
            return Project(input=made, exprs=exprs)
        case _:
            return Filter(input=plan, predicate=Call("gt", (Column("v"), literal(0))))


def joined(rng: Random, plan: PlanNode, how: str | None = None) -> PlanNode:
    on = tuple(Column(name) for name in rng.choice([["k"], ["f"], ["k", "f"]]))
    kind = rng.choice(["inner", "left", "semi", "anti"]) if how is None else how
    other = table(rng, 4)
    joined = Join(left=plan, right=other, left_on=on, right_on=on, how=kind)
    return Project(input=joined, exprs=tuple((name, Column(name)) for name in ("k", "f", "v")))


def a_join_over_groups(rng: Random) -> PlanNode:
    keys = rng.choice([["k"], ["f"], ["k", "f"]])
    sides = []
    for most in (4, 12):
        side = table(rng, most)
        for _ in range(rng.randint(0, 3)):
            side = grouped(rng, side, keys) if rng.random() < 0.6 else joined(rng, side)
        sides.append(side)
    if rng.random() < 0.5:
        sides.reverse()
    on = tuple(Column(name) for name in keys)
    return Join(
        left=sides[0],
        right=sides[1],
        left_on=on,
        right_on=on,
        how=rng.choice(["inner", "left", "right", "full", "semi", "anti"]),
        nulls_equal=rng.random() < 0.3,
    )


@pytest.mark.parametrize("block", range(3))
def test_a_join_over_groups_gives_the_same_rows(block: int) -> None:
    changed = 0
    for seed in range(50):
        plan = a_join_over_groups(Random(block * 1000 + seed))
        after = reduced(plan)
        verify(after)
        changed += after is not plan
        try:
            expected = reference.run(plan)
        except ComputeError:
            continue
        assert same_rows(reference.run(after), expected), text(after)
        assert same_rows(reference.run(optimize(after, CONTEXT)), expected), text(after)
    assert changed > 15


@settings(max_examples=100, deadline=None)
@given(random_plans.plans())
def test_any_plan_gives_the_same_rows(plan: PlanNode) -> None:
    after = reduced(plan)
    verify(after)
    try:
        expected = reference.run(plan)
    except ComputeError:
        return
    assert same_rows(reference.run(after), expected), text(after)


def test_nothing_is_looked_at_twice() -> None:
    few = pt.from_pydict({"k": [1, 2]}).filter(pt.col("k") > 1)
    many = pt.from_pydict({"k": [1, 2, 3, 3], "v": [1, 2, 3, 4]})
    plan = few.join(many.group_by("k").agg(pt.col("v").sum()), on="k").plan
    after = reduced(plan)
    assert after is not plan
    assert reduced(after) is after


def test_the_engine_gives_the_same_rows_of_files(tmp_path: Path) -> None:
    count = 120_000
    many = pt.from_pydict({"k": [n % 997 for n in range(count)], "v": list(range(count))})
    few = pt.from_pydict({"k": [None, 5, 5, 17, 2000], "name": ["a", "b", "c", "d", "e"]})
    many.sink_parquet(tmp_path / "many.parquet")
    read = pt.scan_parquet(tmp_path / "many.parquet")
    sums = read.group_by("k").agg(total=pt.col("v").sum(), first=pt.col("v").first())
    for how in ("inner", "left", "semi", "anti"):
        query = few.join(sums, on="k", how=how).sort("name")
        with pt.config.set(optimize=False):
            expected = query.collect().to_arrow()
        assert query.collect().to_arrow().equals(expected)
    assert "JOIN semi" in few.join(sums, on="k").explain()

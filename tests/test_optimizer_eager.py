"""Aggregates in two steps, one before a join and one behind it, give what one step gives."""

from __future__ import annotations

import importlib.util
import math
from pathlib import Path
from random import Random
from types import ModuleType

import pyarrow as pa
import pytest

import partita as pt
from partita.engine.expr.node import Agg, Call, Column, Expr, literal
from partita.engine.optimizer.context import Context
from partita.engine.optimizer.optimizer import optimize
from partita.engine.optimizer.rules import eager_aggregation as rule
from partita.engine.plan.display import text
from partita.engine.plan.node import PlanNode
from partita.engine.plan.nodes import Aggregate, Join, Project, Scan
from partita.engine.plan.verify import verify
from partita.io.memory import MemorySource


def _loaded(name: str) -> ModuleType:
    path = Path(__file__).parent / "plans" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


reference = _loaded("reference")


@pytest.fixture(autouse=True)
def wherever_it_is_possible(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take it for worth while always."""
    monkeypatch.setattr(rule, "_LEAST_SHRINKING", 0)
    monkeypatch.setattr(rule, "_LEAST_KEPT", 0)


VALUES: dict[str, tuple[pa.DataType, list[object]]] = {
    "k": (pa.int64(), [None, 1, 1, 2, 3]),
    "s": (pa.string(), [None, "a", "b"]),
    "i": (pa.int32(), [None, -5, 0, 7]),
    "d": (pa.decimal128(15, 2), [None, 1, 2]),
    # Sums of these are exact in any order.
    "f": (pa.float64(), [None, 0.5, -1.5, 4.0, 0.0, -0.0, math.nan, math.inf]),
    "b": (pa.bool_(), [None, True, False]),
}


def table(rng: Random, names: list[str], rename: str = "") -> PlanNode:
    rows = rng.randint(0, 12)
    columns = {name: rng.choices(VALUES[name][1], k=rows) for name in names}
    arrays = [pa.array(column, VALUES[name][0]) for name, column in columns.items()]
    return Scan(source=MemorySource(pa.table(arrays, names=[name + rename for name in names])))


def random_aggregate(rng: Random) -> PlanNode:
    """Return an aggregate over a join of two tables, whose names clash or do not."""
    rename = rng.choice(["", "2"])
    left, right = table(rng, list(VALUES)), table(rng, ["k", "s", "i"], rename)
    if rng.random() < 0.5:
        left, right = right, left
    pairs = [(one, other) for one in ("k", "s") for other in ("k", "s") if one == other]
    on = rng.sample(pairs, rng.randint(1, 2))
    ends = ("", rename) if left.schema.names[-1] == "b" else (rename, "")
    plan: PlanNode = Join(
        left=left,
        right=right,
        left_on=tuple(Column(one + ends[0]) for one, _ in on),
        right_on=tuple(Column(other + ends[1]) for _, other in on),
        how=rng.choice(["inner", "inner", "left"]),
    )
    names = plan.schema.names
    whole = [name for name in names if name[0] in "ksib"]
    keys: list[tuple[str, Expr]] = [
        (f"key_{n}", Column(n)) for n in rng.sample(whole, rng.randint(0, 2))
    ]
    if rng.random() < 0.3:
        keys.append(("key", Call("is_null", (Column(rng.choice(whole)),))))
    aggs: list[tuple[str, Expr]] = [("rows", Agg("len", None))] if rng.random() < 0.5 else []
    for number in range(rng.randint(1, 3)):
        name = rng.choice(names)
        functions = ["count", "min", "max"]
        if name[0] in "idfb":
            functions += ["sum", "sum"]
        inner: Expr = Column(name)
        if name == "f" and rng.random() < 0.5:
            inner = Call("multiply", (inner, literal(2.0)))
        aggs.append((f"agg_{number}", Agg(rng.choice(functions), inner)))
    if rng.random() < 0.3:
        plan = Project(input=plan, exprs=tuple((name, Column(name)) for name in reversed(names)))
    return Aggregate(input=plan, keys=tuple(keys), aggs=tuple(aggs))


@pytest.mark.parametrize("seed", range(200))
def test_two_steps_give_what_one_gives(seed: int) -> None:
    plan = random_aggregate(Random(seed))
    found = rule.eager_aggregation(plan, Context())
    verify(found)
    expected = reference.rows_in_any_order(reference.run(plan))
    assert reference.rows_in_any_order(reference.run(found)) == expected, text(found)


def test_most_of_the_random_aggregates_are_made_in_two_steps() -> None:
    plans = [random_aggregate(Random(seed)) for seed in range(200)]
    changed = [plan for plan in plans if rule.eager_aggregation(plan, Context()) is not plan]
    assert len(changed) > 60


def test_it_comes_to_an_end_where_it_always_pays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rule, "_LEAST_SHRINKING", 2)
    rows = pt.from_pydict({"k": [n % 3 for n in range(60)], "f": [0.5] * 60})
    names = pt.from_pydict({"k": [0, 1, 2], "n": ["a", "b", "c"]})
    plan = rows.join(names, on="k").group_by("n").agg(pt.col("f").sum()).plan
    settled = optimize(plan, Context(verify=True))
    assert sum(isinstance(node, Aggregate) for node in settled.walk()) == 2
    assert optimize(settled) is settled


@pytest.mark.parametrize(
    ("dtype", "allowed"),
    [
        (pa.int32(), True),
        (pa.uint32(), True),
        (pa.int64(), False),
        (pa.uint64(), False),
        (pa.float32(), True),
        (pa.bool_(), True),
        (pa.decimal128(15, 2), True),
        (pa.decimal128(38, 2), False),
    ],
)
def test_a_sum_is_made_early_only_where_it_cannot_overflow(
    dtype: pa.DataType, allowed: bool
) -> None:
    rows = pt.from_arrow(pa.table({"k": [1, 1], "v": pa.nulls(2, dtype)}))
    plan = rows.join(pt.from_pydict({"k": [1]}), on="k").group_by("k").agg(pt.col("v").sum()).plan
    assert (rule.eager_aggregation(plan, Context()) is not plan) == allowed

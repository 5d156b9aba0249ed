"""What holds of the optimizer on any plan: random ones over nulls, NaN, -0.0 and duplicates."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from partita.engine import schema as schemas
from partita.engine.errors import ComputeError
from partita.engine.expr.evaluate import dtype_of, evaluate
from partita.engine.expr.node import Call, Column, Expr, When, literal
from partita.engine.optimizer.context import Context
from partita.engine.optimizer.estimate import estimates
from partita.engine.optimizer.optimizer import optimize
from partita.engine.optimizer.simplify import simplify
from partita.engine.plan.display import as_dict, text
from partita.engine.plan.identity import same_plan
from partita.engine.plan.node import PlanNode
from partita.engine.plan.nodes import Project
from partita.engine.plan.verify import verify


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

VERIFIED = Context(verify=True)


@settings(max_examples=400, deadline=None)
@given(random_plans.plans())
def test_the_optimized_plan_is_valid_final_and_gives_the_same_rows(plan: PlanNode) -> None:
    verify(plan)
    optimized = optimize(plan, VERIFIED)
    assert schemas.same(optimized.schema, plan.schema)
    again = optimize(optimized, VERIFIED)
    assert same_plan(again, optimized), f"{text(optimized)}\n\n{text(again)}"
    try:
        expected = reference.run(plan)
    except ComputeError:
        # The optimizer may spare an error by not computing what nobody needs.
        return
    assert same_rows(reference.run(optimized), expected), text(optimized)


@settings(max_examples=100, deadline=None)
@given(random_plans.plans())
def test_every_plan_can_be_shown_and_estimated(plan: PlanNode) -> None:
    nodes = list(plan.walk())
    found = estimates(plan)
    assert all(found[id(node)].rows >= 0 and found[id(node)].bytes >= 0 for node in nodes)
    assert len(as_dict(plan)["nodes"]) == len(nodes)
    shown = text(plan, rows_of=lambda node: found[id(node)].rows, partition_bytes=1000)
    assert len(shown.splitlines()) >= len(nodes)


def same_rows(left: pa.Table, right: pa.Table) -> bool:
    """Return whether two tables have the same rows in any order, 0.0 being the same as -0.0."""
    return _plain_zeros(left) == _plain_zeros(right)


def _plain_zeros(table: pa.Table) -> list[str]:
    columns = {
        name: [value + 0.0 if isinstance(value, float) else value for value in column.to_pylist()]
        for name, column in zip(table.column_names, table.columns, strict=True)
    }
    return reference.rows_in_any_order(pa.table(columns))


ROWS = pa.record_batch(
    {
        "p": pa.array([True, True, True, False, False, False, None, None, None]),
        "q": pa.array([True, False, None, True, False, None, True, False, None]),
        "x": pa.array([0.0, -0.0, 1.5, float("nan"), None, -2.0, float("inf"), float("nan"), 1.5]),
        "y": pa.array([-0.0, 1.5, float("nan"), float("nan"), 1.0, None, 2.0, 0.0, 1.5]),
    }
)

_VALUES = st.sampled_from(
    [Column("x"), Column("y"), literal(1.5), literal(float("nan")), literal(0.0)]
)
_COMPARISONS = st.builds(
    lambda name, left, right: Call(name, (left, right)),
    st.sampled_from(["eq", "ne", "lt", "le", "gt", "ge"]),
    _VALUES,
    _VALUES,
)
_LEAVES = st.one_of(
    st.sampled_from([Column("p"), Column("q"), literal(True), literal(False)]),
    st.builds(lambda of: Call("is_null", (of,)), _VALUES),
    _COMPARISONS,
)
CONDITIONS: st.SearchStrategy[Expr] = st.recursive(
    _LEAVES,
    lambda inner: st.one_of(
        st.builds(lambda of: Call("not", (of,)), inner),
        st.builds(
            lambda name, left, right: Call(name, (left, right)),
            st.sampled_from(["and", "or", "xor"]),
            inner,
            inner,
        ),
        st.builds(lambda a, b, c: When((a,), (b,), c), inner, inner, inner),
    ),
    max_leaves=6,
)


@settings(max_examples=500, deadline=None)
@given(CONDITIONS)
def test_a_simplified_expression_has_the_same_value_for_null_and_nan(expr: Expr) -> None:
    simpler = simplify(expr, ROWS.schema)
    assert dtype_of(simpler, ROWS.schema) == dtype_of(expr, ROWS.schema)
    assert evaluate(simpler, ROWS).to_pylist() == evaluate(expr, ROWS).to_pylist()
    assert simplify(simpler, ROWS.schema) == simpler


def test_a_loop_of_projections_may_be_deeper_than_the_stack() -> None:
    table = pa.table({"i": [1, 2, None], "f": [0.5, float("nan"), None]})
    plan = random_plans.scan(table)
    for _ in range(2000):
        flipped = Call("negate", (Column("f"),))
        plan = Project(input=plan, exprs=(("i", Column("i")), ("f", flipped)))
    optimized = optimize(plan)
    assert len(list(optimized.walk())) < 200
    assert same_rows(reference.run(optimized), table)

"""The optimizer's driver: its checks, its observer, and the setting that turns it off."""

from __future__ import annotations

import gc
import time
import weakref
from itertools import pairwise

import pytest

import partita as pt
from partita.engine.config import Settings
from partita.engine.errors import PlanError
from partita.engine.expr.functions import FUNCTIONS
from partita.engine.expr.node import Column
from partita.engine.optimizer.context import Context
from partita.engine.optimizer.estimate import estimate
from partita.engine.optimizer.optimizer import RULES, apply, optimize
from partita.engine.optimizer.properties import CHEAP_CALLS, FLOAT_TOTAL, TOTAL
from partita.engine.plan.node import PlanNode
from partita.engine.plan.nodes import Project


def frame() -> pt.DataFrame:
    return pt.from_pydict({"a": [1, 2, 3, 4], "b": ["x", "y", "x", None]})


def test_a_rule_that_changes_the_schema_is_named() -> None:
    def lose_a_column(plan: PlanNode, context: Context) -> PlanNode:
        return Project(input=plan, exprs=(("a", Column("a")),))

    with pytest.raises(PlanError, match=r"'lose_a_column' changed the columns.*optimize=False"):
        apply(lose_a_column, frame().plan, Context())


def test_a_rule_that_breaks_a_plan_is_named() -> None:
    def break_it(plan: PlanNode, context: Context) -> PlanNode:
        broken = frame().filter(pt.col("a") > 0).plan
        object.__setattr__(broken, "predicate", Column("gone"))
        return broken

    with pytest.raises(PlanError, match=r"After the rule 'break_it': The Filter node.*'gone'"):
        apply(break_it, frame().plan, Context(verify=True))


def test_the_observer_sees_each_step_from_the_first_plan_to_the_last() -> None:
    plan = frame().filter(pt.col("a") > pt.lit(1) + 1).select("a").plan
    steps: list[tuple[str, PlanNode, PlanNode]] = []
    optimized = optimize(plan, Context(), lambda *step: steps.append(step))
    names = [name for name, _, _ in steps]
    assert names[:3] == ["simplify_expressions", "predicate_pushdown", "projection_pruning"]
    assert set(names) <= {rule.__name__ for rule in RULES}  # type: ignore[attr-defined]
    assert steps[0][1] is plan
    assert steps[-1][2] is optimized
    assert all(left[2] is right[1] for left, right in pairwise(steps))


def test_the_optimizer_can_be_turned_off() -> None:
    plan = frame().select("a").plan
    assert optimize(plan, Context(settings=Settings(optimize=False))) is plan
    with pt.config.set(optimize=False):
        assert optimize(plan) is plan


def test_an_expression_that_fails_as_a_constant_is_left_for_the_run() -> None:
    plan = frame().select("a", x=pt.lit("no number")).select(y=pt.col("x").cast(int)).plan
    filtered = frame().with_columns(x=pt.lit("no number")).filter(pt.col("x").cast(int) > 0).plan
    assert optimize(plan, Context(verify=True)).schema == plan.schema
    assert optimize(filtered, Context(verify=True)).schema == filtered.schema


def test_functions_that_the_rules_know_exist() -> None:
    assert set(FUNCTIONS) >= TOTAL | FLOAT_TOTAL | CHEAP_CALLS


@pytest.mark.parametrize(
    ("made", "least", "most"),
    [
        (frame(), 4, 4),
        (frame().filter(pt.col("b").is_null()), 1, 1),
        (frame().filter(pt.col("a") == 1), 0, 2),
        (frame().head(3), 3, 3),
        (frame().tail(2), 2, 2),
        (frame().sort("a").head(2), 2, 2),
        (frame().select(pt.len()), 1, 1),
        (pt.concat([frame(), frame()]), 8, 8),
        (frame().join(frame(), on="a"), 4, 4),
        (frame().join(frame(), on="a", how="semi"), 4, 4),
        (frame().group_by("b").agg(pt.len()), 1, 4),
        (frame().filter(pt.lit(False)), 0, 0),
    ],
)
def test_rows_are_estimated_from_metadata(made: pt.DataFrame, least: float, most: float) -> None:
    found = estimate(made.plan)
    assert least <= found.rows <= most
    assert found.bytes >= 0


def test_fewer_columns_are_fewer_bytes() -> None:
    wide = frame().plan
    narrow = optimize(frame().select("a").plan)
    assert 0 < estimate(narrow).bytes < estimate(wide).bytes


def test_the_time_for_a_chain_of_filters_grows_with_its_length() -> None:
    # Passing each filter's conditions on to the next took 7 seconds for a thousand of them.
    def chain(length: int) -> pt.DataFrame:
        made = frame()
        for number in range(length):
            made = made.filter(pt.col("a") > number - 1000)
        return made

    def seconds(length: int) -> float:
        # The collector goes through what all tests have left, now and then: of some runs the best.
        found = []
        for _ in range(3):
            plan = chain(length).plan
            started = time.thread_time()
            optimize(plan)
            found.append(time.thread_time() - started)
        return min(found)

    # On some systems this clock goes in steps of 10 ms.
    assert seconds(1000) < 40 * max(seconds(100), 0.01)


def test_a_filter_that_may_raise_stays_above_the_filters_below_it() -> None:
    text = pt.from_pydict({"s": ["1", "x", "3"], "ok": [True, False, True]})
    number = pt.col("s").cast("int64")
    chained = text.filter(pt.col("ok")).filter(number > 1).filter(pt.col("ok"))
    assert chained.to_pydict() == {"s": ["3"], "ok": [True]}


def test_what_is_kept_with_a_plan_does_not_keep_it_from_being_freed() -> None:
    made = frame().filter(pt.col("a") > 1).group_by("b").agg(pt.col("a").sum()).sort("b")
    plan = made.plan
    optimize(plan)
    alive = weakref.ref(plan)
    gc.disable()
    try:
        del plan, made
        assert alive() is None
    finally:
        gc.enable()

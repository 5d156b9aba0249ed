"""Orders of joins: random graphs of joins give the same rows in any order, and the order chosen is
the best there is by the costs it is chosen by."""

from __future__ import annotations

import importlib.util
import itertools
import math
from collections.abc import Iterator
from pathlib import Path
from random import Random
from types import ModuleType

import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import partita as pt
from partita.engine.config import Settings
from partita.engine.expr.node import Call, Column, Expr, literal
from partita.engine.optimizer.context import Context
from partita.engine.optimizer.estimate import estimate, estimates
from partita.engine.optimizer.join_cost import JoinCost
from partita.engine.optimizer.join_enumeration import best_order
from partita.engine.optimizer.join_graph import JoinGraph, join_graph
from partita.engine.optimizer.optimizer import optimize
from partita.engine.optimizer.rules import join_order as rule
from partita.engine.plan.display import text
from partita.engine.plan.identity import parent_counts, same_plan
from partita.engine.plan.node import PlanNode
from partita.engine.plan.nodes import Filter, Join, Project, Scan
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

POOL: dict[str, tuple[pa.DataType, list[object]]] = {
    "k": (pa.int64(), [None, 1, 1, 2, 2]),
    "j": (pa.int64(), [None, 1, 2, 2, 2, 3]),
    "n": (pa.int32(), [1, 2, 2]),
    "f": (pa.float64(), [None, 0.0, -0.0, 1.0, math.nan]),
    "s": (pa.string(), [None, "a", "a", "b"]),
}


def relation(rng: Random) -> PlanNode:
    """Return a small table of columns of the pool, perhaps filtered, perhaps renamed."""
    names = ["k", *rng.sample(["j", "n", "f", "s"], rng.randint(1, 3))]
    rows = rng.randint(3, 7)
    table = pa.table(
        {name: pa.array(rng.choices(POOL[name][1], k=rows), POOL[name][0]) for name in names}
    )
    plan: PlanNode = Scan(source=MemorySource(table))
    if rng.random() < 0.3:
        plan = Filter(input=plan, predicate=Call("gt", (Column("k"), literal(1))))
    if rng.random() < 0.3:
        renamed = tuple((f"{name}{rng.randint(0, 9)}", Column(name)) for name in names)
        plan = Project(input=plan, exprs=renamed)
    return plan


def random_joins(rng: Random) -> PlanNode:
    """Return three to six relations joined in a random tree, with filters and projections."""
    plans = [relation(rng) for _ in range(rng.randint(3, 6))]
    while len(plans) > 1:
        left, right = plans.pop(rng.randrange(len(plans))), plans.pop(rng.randrange(len(plans)))
        joined = joined_by_chance(rng, left, right)
        if joined is None:
            continue
        if rng.random() < 0.3:
            joined = filtered_by_chance(rng, joined)
        if rng.random() < 0.3:
            names = rng.sample(joined.schema.names, rng.randint(1, len(joined.schema.names)))
            joined = Project(input=joined, exprs=tuple((name, Column(name)) for name in names))
        plans.append(joined)
    return plans[0]


def joined_by_chance(rng: Random, left: PlanNode, right: PlanNode) -> PlanNode | None:
    pairs = [
        (one.name, other.name)
        for one in left.schema
        for other in right.schema
        if one.type == other.type
        or (pa.types.is_integer(one.type) and pa.types.is_integer(other.type))
    ]
    clashes = {f"{name}_right" for name in right.schema.names} & {
        *left.schema.names,
        *right.schema.names,
    }
    if not pairs or clashes:
        # The left goes on alone.
        return left
    keys = rng.sample(pairs, min(len(pairs), rng.choice([1, 1, 2])))
    how = "inner" if rng.random() < 0.85 else rng.choice(["left", "semi", "anti"])
    computed = rng.random() < 0.1

    def key(name: str, schema: pa.Schema) -> Expr:
        if computed and pa.types.is_floating(schema.field(name).type):
            return Call("negate", (Column(name),))
        return Column(name)

    return Join(
        left=left,
        right=right,
        left_on=tuple(key(one, left.schema) for one, _ in keys),
        right_on=tuple(key(other, right.schema) for _, other in keys),
        how=how,
    )


def filtered_by_chance(rng: Random, plan: PlanNode) -> PlanNode:
    numbers = [field.name for field in plan.schema if not pa.types.is_string(field.type)]
    if len(numbers) < 2:
        return plan
    one, other, third = (rng.choice(numbers) for _ in range(3))
    compared = Call(rng.choice(["le", "ge", "ne"]), (Column(one), Column(other)))
    choice = Call(
        "or",
        (
            Call(
                "and",
                (Call("eq", (Column(one), literal(1))), Call("ge", (Column(third), literal(1)))),
            ),
            Call(
                "and",
                (Call("eq", (Column(one), literal(2))), Call("le", (Column(third), literal(2)))),
            ),
        ),
    )
    return Filter(input=plan, predicate=rng.choice([compared, choice]))


@pytest.fixture
def any_gain_will_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take every order that is found for a gain, so that all plans are made anew."""
    monkeypatch.setattr(rule, "_GAIN", math.inf)


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 2**48))
@example(1261000)  # a key that had two names on one side
def test_joins_in_another_order_give_the_same_rows(seed: int) -> None:
    plan = random_joins(Random(seed))
    optimized = optimize(plan, Context(verify=True))
    expected = reference.rows_in_any_order(reference.run(plan))
    assert reference.rows_in_any_order(reference.run(optimized)) == expected, text(optimized)
    assert same_plan(optimize(optimized), optimized)


@pytest.mark.parametrize("seed", range(150))
def test_every_order_gives_the_same_rows(seed: int, any_gain_will_do: None) -> None:
    plan = random_joins(Random(seed))
    found = rule.join_order(plan, Context())
    verify(found)
    assert found.schema.equals(plan.schema)
    expected = reference.rows_in_any_order(reference.run(plan))
    assert reference.rows_in_any_order(reference.run(found)) == expected, text(found)


def chain(rng: Random, count: int, *, extra: int) -> JoinGraph:
    """Return the graph of `count` tables, each joined with one before it and some with a second."""
    plan: PlanNode | None = None
    for number in range(count):
        size = rng.choice([3, 10, 100, 1000])
        columns = {
            f"t{number}_{each}": [rng.randrange(size) for _ in range(size)] for each in "abc"
        }
        table: PlanNode = Scan(source=MemorySource(pa.table(columns)))
        if plan is None:
            plan = table
            continue
        others = rng.sample(range(number), min(number, 2 if number <= extra else 1))
        plan = Join(
            left=plan,
            right=table,
            left_on=tuple(Column(rng.choice(columns_of(plan, other))) for other in others),
            right_on=tuple(
                Column(f"t{number}_{each}") for each, _ in zip("ab", others, strict=False)
            ),
        )
    assert isinstance(plan, Join)
    graph = join_graph(plan, parent_counts(plan))
    assert graph is not None
    return graph


def columns_of(plan: PlanNode, number: int) -> list[str]:
    return [name for name in plan.schema.names if name.startswith(f"t{number}_")]


def cost_of(graph: JoinGraph) -> JoinCost:
    return JoinCost(graph, [estimate(each) for each in graph.relations], Settings())


def all_orders(relations: tuple[int, ...], neighbours: dict[int, int]) -> Iterator[object]:
    """Yield every order that joins no two sets without an equality."""
    if len(relations) == 1:
        yield relations[0]
        return
    first, *rest = relations
    for size in range(len(rest)):
        for more in itertools.combinations(rest, size):
            one = (first, *more)
            other = tuple(each for each in relations if each not in one)
            if any(neighbours[a] >> b & 1 for a in one for b in other):
                for left in all_orders(one, neighbours):
                    for right in all_orders(other, neighbours):
                        yield left, right


@pytest.mark.parametrize("seed", range(25))
def test_no_order_costs_less_than_the_one_chosen(seed: int) -> None:
    rng = Random(seed)
    count = rng.randint(3, 5)
    graph = chain(rng, count, extra=rng.choice([0, 2, 4]))
    cost, neighbours = cost_of(graph), rule._neighbours(graph)
    _, least = cost.of(best_order(cost, neighbours, count))
    everything = [cost.of(tree)[1] for tree in all_orders(tuple(range(count)), neighbours)]
    assert least == pytest.approx(min(everything))


@pytest.mark.parametrize("count", [11, 13, 30, 64])
def test_many_relations_are_joined_along_equalities_too(count: int) -> None:
    graph = chain(Random(count), count, extra=0)
    neighbours = rule._neighbours(graph)
    tree = best_order(cost_of(graph), neighbours, count)

    def check(node: object) -> set[int]:
        if isinstance(node, int):
            return {node}
        assert isinstance(node, tuple)
        left, right = map(check, node)
        assert not left & right
        assert any(neighbours[a] >> b & 1 for a in left for b in right)
        return left | right

    assert check(tree) == set(range(count))


def test_a_star_of_many_relations_is_not_tried_in_all_orders() -> None:
    facts = pt.from_pydict({f"d{number}": [1, 2] for number in range(25)})
    plan = facts
    for number in range(25):
        plan = plan.join(pt.from_pydict({f"d{number}": [1], f"v{number}": [5]}), on=f"d{number}")
    optimized = optimize(plan.plan, Context(verify=True))
    assert reference.run(optimized).num_rows == 1


def test_the_rows_of_a_set_do_not_depend_on_how_it_is_joined() -> None:
    graph = chain(Random(3), 5, extra=3)
    cost = cost_of(graph)
    assert cost.rows(0b11111) == cost_of(graph).rows(0b11111)
    assert all(cost.rows(relations) >= 0 for relations in range(1, 32))


def test_a_key_and_what_refers_to_it_meet_once_for_each_reference() -> None:
    # Numbers with gaps, as order numbers have; four lines to each order.
    orders = pt.from_pydict(
        {"o": [8 * (n // 4) + n % 4 for n in range(1000)], "x": list(range(1000))}
    )
    lines = pt.from_pydict({"l": [8 * (n // 4) + n % 4 for n in range(1000)] * 4})
    joined = lines.join(orders, left_on="l", right_on="o")
    assert estimate(joined.plan).rows == pytest.approx(4000, rel=0.05)
    some = joined.filter(pt.col("x") < 100)
    assert estimate(optimize(some.plan)).rows == pytest.approx(400, rel=0.2)


def test_both_ends_of_a_range_are_taken_together() -> None:
    days = pt.from_pydict({"d": list(range(1000))})
    found = days.filter(pt.col("d") >= 500, pt.col("d") < 600)
    assert estimate(found.plan).rows == pytest.approx(100, rel=0.05)


@pytest.mark.parametrize(
    ("how", "least", "most"),
    [("semi", 90, 110), ("anti", 890, 910), ("inner", 90, 110), ("left", 1000, 1000)],
)
def test_what_meets_a_part_of_the_keys_is_that_part(how: str, least: float, most: float) -> None:
    left = pt.from_pydict({"k": list(range(1000))})
    right = pt.from_pydict({"k": list(range(1000)), "v": list(range(1000))}).filter(
        pt.col("v") < 100
    )
    assert least <= estimate(left.join(right, on="k", how=how).plan).rows <= most


def test_groups_are_as_many_as_values() -> None:
    frame = pt.from_pydict(
        {"a": [n % 7 for n in range(10_000)], "b": [n % 3 for n in range(10_000)]}
    )
    assert estimate(frame.group_by("a").agg(pt.len()).plan).rows == 7
    assert 7 <= estimate(frame.group_by("a", "b").agg(pt.len()).plan).rows <= 21


def test_all_nodes_are_estimated_after_reordering() -> None:
    plan = optimize(random_joins(Random(5)))
    assert all(each.rows >= 0 for each in estimates(plan).values())

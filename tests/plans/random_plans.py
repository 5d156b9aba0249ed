"""Hypothesis strategies for random plans over small tables with nulls, NaN, -0.0 and duplicates.

Where the order of rows is not promised (after a join, a group-by, a distinct), nothing is asked
that depends on it, so that any two runs of a plan give the same rows. Some plans cannot be run: a
cast of theirs fails.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from random import Random
from typing import Any, NamedTuple

import pyarrow as pa
from hypothesis import strategies as st

from partita.engine.expr.node import Agg, Call, Cast, Column, Expr, When, literal
from partita.engine.plan.group_rows import GroupRows
from partita.engine.plan.joins import AsofJoin
from partita.engine.plan.node import PlanNode
from partita.engine.plan.nodes import (
    Aggregate,
    Distinct,
    Filter,
    Join,
    MapBatches,
    Project,
    Scan,
    Slice,
    Sort,
    SortKey,
    Union,
)
from partita.engine.plan.partitioning import Cache, Repartition
from partita.engine.plan.shape import Beside, RandomBits, Reverse, RowIndex
from partita.io.memory import MemorySource

INTEGERS = [None, 0, 1, 1, 2, 3, -4]
FLOATS = [None, 0.0, -0.0, 0.5, 1.5, -2.0, math.nan]
TEXTS = [None, "", "1", "2", "1a"]
FLAGS = [None, True, False]


class Made(NamedTuple):
    """A plan, and whether the order of its rows is promised."""

    plan: PlanNode
    ordered: bool


def random_table(rng: Random) -> pa.Table:
    """Return a table of up to ten rows."""
    count = rng.choice([0, 1, 4, 8, 12])
    values = {"i": INTEGERS, "j": INTEGERS, "f": FLOATS, "s": TEXTS, "b": FLAGS}
    types = (pa.int64(), pa.int32(), pa.float64(), pa.string(), pa.bool_())
    columns = [rng.choices(each, k=count) for each in values.values()]
    arrays = [pa.array(column, dtype) for column, dtype in zip(columns, types, strict=True)]
    return pa.table(arrays, names=list(values))


def scan(table: pa.Table) -> PlanNode:
    """Return a plan that reads all of `table`."""
    return Scan(source=MemorySource(table))


def random_plan(rng: Random) -> PlanNode:
    """Return a plan of one to some twenty nodes, some of them shared."""
    made = [Made(scan(random_table(rng)), True) for _ in range(rng.randint(1, 2))]
    for _ in range(rng.randint(1, 12)):
        step = rng.choice(_STEPS)
        # Mostly the newest: a chain; at times an older one, which is then shared.
        of = made[-1] if rng.random() < 0.8 else rng.choice(made)
        grown = step(rng, of, made)
        if grown is not None and len(grown.plan.schema.names) <= 12:
            made.append(grown)
    return made[-1].plan


def plans() -> st.SearchStrategy[PlanNode]:
    """Return a strategy for plans.

    They are drawn from a seed: left to hypothesis, most would be too small to be of interest.
    """
    return st.integers(0, 2**48).map(lambda seed: random_plan(Random(seed)))


def _some(rng: Random, items: Sequence[Any], least: int, most: int) -> list[Any]:
    return rng.sample(items, min(rng.randint(least, most), len(items)))


def _columns_of(schema: pa.Schema, *tests: Any) -> list[str]:
    return [field.name for field in schema if any(test(field.type) for test in tests)]


def _number(rng: Random, schema: pa.Schema, depth: int = 1) -> Expr:
    names = _columns_of(schema, pa.types.is_integer, pa.types.is_floating)
    kind = rng.randint(0, 7 if depth else 2)
    if kind <= 2 or not names:
        if kind and names:
            return Column(rng.choice(names))
        return literal(rng.choice([0, 1, 2, 0.5]))
    inner = Column(rng.choice(names))
    if kind == 3:
        operator = rng.choice(["add", "subtract", "multiply"])
        return Call(operator, (inner, _number(rng, schema, depth - 1)))
    if kind == 4:
        condition = _condition(rng, schema, 0)
        values = (_number(rng, schema, 0), _number(rng, schema, 0))
        return When((condition,), (values[0],), values[1])
    if kind == 5:
        return Call("fill_null", (inner, literal(1)))
    if kind == 6 and (texts := _columns_of(schema, pa.types.is_string)):
        # Fails for some text: the optimizer must not make it fail for more rows.
        return Cast(Column(rng.choice(texts)), pa.int64())
    return Cast(inner, pa.float64())


def _condition(rng: Random, schema: pa.Schema, depth: int = 2) -> Expr:
    kind = rng.randint(0, 9 if depth else 5)
    if kind <= 2:
        comparison = rng.choice(["eq", "ne", "lt", "le", "gt", "ge"])
        return Call(comparison, (_number(rng, schema), _number(rng, schema, 0)))
    if kind == 3 and (flags := _columns_of(schema, pa.types.is_boolean)):
        return Column(rng.choice(flags))
    if kind == 4 and (texts := _columns_of(schema, pa.types.is_string)):
        column = Column(rng.choice(texts))
        tests = [
            Call("eq", (column, literal("1"))),
            Call("str.starts_with", (column,), (("prefix", "1"),)),
            Call("is_in", (column, literal(["1", "2"]))),
        ]
        return rng.choice(tests)
    if kind <= 5:
        column = Column(rng.choice(schema.names))
        return Call(rng.choice(["is_null", "is_not_null"]), (column,))
    if kind == 6:
        return literal(rng.random() < 0.5)
    if kind == 7:
        return Call("not", (_condition(rng, schema, depth - 1),))
    operator = rng.choice(["and", "or"])
    return Call(operator, (_condition(rng, schema, depth - 1), _condition(rng, schema, depth - 1)))


def _filter(rng: Random, of: Made, made: list[Made]) -> Made:
    predicate = _condition(rng, of.plan.schema)
    return Made(Filter(input=of.plan, predicate=predicate), of.ordered)


def _project(rng: Random, of: Made, made: list[Made]) -> Made:
    schema = of.plan.schema
    kept = _some(rng, schema.names, 1, 5)
    exprs: list[tuple[str, Expr]] = [(name, Column(name)) for name in kept]
    for number in range(rng.randint(0, 2)):
        expr = rng.choice([_number, _condition])(rng, schema)
        taken = rng.choice([f"x{number}", kept[0]])
        exprs = [named for named in exprs if named[0] != taken] + [(taken, expr)]
    return Made(Project(input=of.plan, exprs=tuple(exprs)), of.ordered)


def _aggregate(rng: Random, of: Made, made: list[Made]) -> Made:
    schema = of.plan.schema
    names = _some(rng, schema.names, 0, 2)
    keys: list[tuple[str, Expr]] = [(name, Column(name)) for name in names]
    if "key" not in names and rng.random() < 0.5:
        keys.append(("key", _condition(rng, schema, 1)))
    functions = ["sum", "min", "max", "count", "n_unique"] + ["first", "last"] * (4 * of.ordered)
    aggs: list[tuple[str, Expr]] = [("rows", Agg("len", None))]
    for number in range(rng.randint(0, 2)):
        where = _condition(rng, schema, 1) if rng.random() < 0.3 else None
        agg = Agg(rng.choice(functions), _number(rng, schema), where=where)
        aggs.append((f"agg{number}", agg))
    taken = {name for name, _ in keys}
    aggs = [named for named in aggs if named[0] not in taken]
    if not keys and not aggs:
        return of
    return Made(Aggregate(input=of.plan, keys=tuple(keys), aggs=tuple(aggs)), False)


def _group_rows(rng: Random, of: Made, made: list[Made]) -> Made | None:
    if not of.ordered:
        return None
    keys = tuple(_some(rng, of.plan.schema.names, 1, 2))
    plan = GroupRows(input=of.plan, keys=keys, count=rng.randint(0, 3), last=rng.random() < 0.5)
    return Made(plan, False)


def _join(rng: Random, of: Made, made: list[Made]) -> Made | None:
    other = rng.choice(made)
    how = rng.choice(["inner", "inner", "left", "right", "full", "semi", "anti", "cross"])
    left_names, right_names = set(of.plan.schema.names), set(other.plan.schema.names)
    clashes = {name + "_right" for name in right_names} & (left_names | right_names)
    pairs = [
        (left.name, right.name)
        for left in of.plan.schema
        for right in other.plan.schema
        if left.type == right.type
        or (pa.types.is_integer(left.type) and pa.types.is_integer(right.type))
    ]
    if clashes or (not pairs and how != "cross"):
        return None
    keys = [] if how == "cross" else _some(rng, pairs, 1, 2)
    plan = Join(
        left=of.plan,
        right=other.plan,
        left_on=tuple(Column(left) for left, _ in keys),
        right_on=tuple(Column(right) for _, right in keys),
        how=how,
        coalesce=rng.choice([None, True, False]),
        nulls_equal=rng.random() < 0.3,
    )
    return Made(plan, False)


def _product(rng: Random, of: Made, made: list[Made]) -> Made | None:
    other = rng.choice(made)
    left, right = of.plan.schema.names, other.plan.schema.names
    if {name + "_right" for name in right} & {*left, *right}:
        return None
    product = Join(left=of.plan, right=other.plan, how="cross")
    predicate = _condition(rng, product.schema)
    for _ in range(rng.randint(0, 2)):
        predicate = Call("and", (predicate, _condition(rng, product.schema, 0)))
    return Made(Filter(input=product, predicate=predicate), False)


def _asof(rng: Random, of: Made, made: list[Made]) -> Made | None:
    other = rng.choice([each for each in made if each.ordered])
    left, right = of.plan.schema, other.plan.schema
    if {name + "_right" for name in right.names} & {*left.names, *right.names}:
        return None
    numbers = [_columns_of(schema, pa.types.is_integer) for schema in (left, right)]
    if not all(numbers):
        return None
    shared = [name for name in left.names if name in right.names]
    by = [name for name in shared if left.field(name).type == right.field(name).type]
    keys = tuple(Column(name) for name in _some(rng, by, 0, 1))
    plan = AsofJoin(
        left=of.plan,
        right=other.plan,
        left_on=Column(rng.choice(numbers[0])),
        right_on=Column(rng.choice(numbers[1])),
        left_by=keys,
        right_by=keys,
        strategy=rng.choice(["backward", "forward", "nearest"]),
        tolerance=rng.choice([None, None, 0, 2]),
        allow_exact_matches=rng.random() < 0.7,
    )
    return Made(plan, of.ordered)


def _sort(rng: Random, of: Made, made: list[Made]) -> Made:
    names = _some(rng, of.plan.schema.names, 1, 2)
    by = tuple(SortKey(Column(name), rng.random() < 0.5, rng.random() < 0.5) for name in names)
    return Made(Sort(input=of.plan, by=by), of.ordered)


def _slice(rng: Random, of: Made, made: list[Made]) -> Made | None:
    if not of.ordered:
        return None
    length = rng.choice([None, 0, 1, 3, 5])
    offset = rng.choice([0, 0, 1, 4, -2, -5])
    return Made(Slice(input=of.plan, offset=offset, length=length), True)


def _distinct(rng: Random, of: Made, made: list[Made]) -> Made:
    if not of.ordered:
        return Made(Distinct(input=of.plan), False)
    names = _some(rng, of.plan.schema.names, 1, 5)
    keep = rng.choice(["first", "last", "none"])
    return Made(Distinct(input=of.plan, subset=tuple(names), keep=keep), False)


def _union(rng: Random, of: Made, made: list[Made]) -> Made:
    fitting = [each for each in made if each.plan.schema == of.plan.schema]
    others = _some(rng, fitting, 1, 2)
    parts = (of, *others)
    return Made(
        Union(parts=tuple(each.plan for each in parts)), all(each.ordered for each in parts)
    )


def _index(rng: Random, of: Made, made: list[Made]) -> Made | None:
    name = f"n{len(made)}"
    if not of.ordered or name in of.plan.schema.names:
        return None
    if rng.random() < 0.3:
        return Made(RandomBits(input=of.plan, name=name, seed=rng.randint(0, 9)), True)
    return Made(RowIndex(input=of.plan, name=name, offset=rng.choice([0, 3])), True)


def _reverse(rng: Random, of: Made, made: list[Made]) -> Made:
    return Made(Reverse(input=of.plan), of.ordered)


def _beside(rng: Random, of: Made, made: list[Made]) -> Made | None:
    other = rng.choice(made)
    if not of.ordered or not other.ordered:
        return None
    taken = set(of.plan.schema.names)
    named: list[tuple[str, Expr]] = []
    for name in _some(rng, other.plan.schema.names, 1, 2):
        given = name
        while given in taken:
            given += "_"
        taken.add(given)
        named.append((given, Column(name)))
    right = Project(input=other.plan, exprs=tuple(named))
    return Made(Beside(parts=(of.plan, right), extend=True), True)


def _same_rows(batch: pa.RecordBatch) -> pa.RecordBatch:
    return batch


def _map(rng: Random, of: Made, made: list[Made]) -> Made:
    plan = MapBatches(input=of.plan, function=_same_rows, declared=of.plan.schema)
    return Made(plan, of.ordered)


def _cut(rng: Random, of: Made, made: list[Made]) -> Made:
    if rng.random() < 0.3:
        keys = tuple(_some(rng, of.plan.schema.names, 1, 2))
        return Made(Repartition(input=of.plan, count=rng.choice([None, 1, 3]), keys=keys), False)
    asked = rng.choice([{"count": 1}, {"count": 4}, {"size": 64}, {"size": 1 << 20}])
    return Made(Repartition(input=of.plan, **asked), of.ordered)


def _cache(rng: Random, of: Made, made: list[Made]) -> Made:
    return Made(Cache(input=of.plan), of.ordered)


_STEPS = (
    *(_index, _reverse, _beside),
    *(_filter, _filter, _filter, _project, _project, _aggregate, _aggregate, _join, _join),
    *(_sort, _sort, _slice, _slice, _distinct, _union, _map, _group_rows, _cut, _cache),
    *(_product, _asof),
)

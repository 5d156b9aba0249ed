"""Operators that hold rows reserve for them: what may not be held is put aside or refused."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

import partita as pt
from partita import errors
from partita.engine.expr.evaluate import dtype_of
from partita.engine.expr.node import Agg, Column, SortKey
from partita.engine.physical.memory import LEAST, Account, Budget
from partita.engine.physical.operators.asof_join import FindAsof
from partita.engine.physical.operators.cross_join import CrossJoin
from partita.engine.physical.operators.group_rows import RowsOfGroups
from partita.engine.physical.operators.join import HashJoin
from partita.engine.physical.operators.map_groups import MapGroupsRows
from partita.engine.physical.operators.reduce import ReduceRows
from partita.engine.physical.operators.reverse import ReverseRows
from partita.engine.physical.operators.rolling import RollingAggregate
from partita.engine.physical.operators.slice import TailRows
from partita.engine.physical.operators.sort import SortRun, TopK
from partita.engine.physical.operators.unique_keys import UniqueKeys
from partita.engine.physical.stage import Operator

from .tight_tasks import PLENTY, TightContext, batches_of, bits_of, run, same_when_spilled


def unique_keys(*names: str, nulls_equal: bool = False) -> UniqueKeys:
    types = {"k": pa.int64(), "t": pa.string(), "n": pa.int64(), "i": pa.int64()}
    return UniqueKeys(
        on=tuple(Column(name) for name in names),
        key_types=tuple(types[name] for name in names),
        nulls_equal=nulls_equal,
        side="right",
        validate="m:1",
    )


def test_keys_that_are_unique_pass_though_they_may_not_be_held(tmp_path: Path) -> None:
    same_when_spilled(unique_keys("n", "k", nulls_equal=True), batches_of(3), tmp_path, 60_000)


@pytest.mark.parametrize("nulls_equal", [False, True])
@pytest.mark.parametrize("names", [("k",), ("t",), ("k", "t")], ids=lambda names: " ".join(names))
def test_the_key_that_repeats_most_is_told_though_keys_may_not_be_held(
    names: tuple[str, ...], nulls_equal: bool, tmp_path: Path
) -> None:
    check = unique_keys(*names, nulls_equal=nulls_equal)
    messages = []
    for share in (PLENTY, 60_000, 20_000):
        context = TightContext(directory=tmp_path, memory=Budget(share))
        with pytest.raises(errors.RepeatedKey) as caught:
            list(check.execute(iter(batches_of(3)), context))
        messages.append(str(caught.value))
        assert (share == PLENTY) == ("spilled_bytes" not in context.metrics)
        assert context.memory.held == 0
        assert list(tmp_path.iterdir()) == []
    assert len(set(messages)) == 1


def test_of_keys_that_repeat_as_often_the_first_is_told(tmp_path: Path) -> None:
    keys = np.arange(4000) % 2000
    batches = pa.table({"n": keys[::-1]}).to_batches(max_chunksize=100)
    for share in (PLENTY, 20_000):
        context = TightContext(directory=tmp_path, memory=Budget(share))
        with pytest.raises(errors.RepeatedKey, match="n = 1999 occurs in 2 rows"):
            list(unique_keys("n").execute(iter(batches), context))


@pytest.mark.parametrize("keys", [("k",), ("t", "k")], ids=lambda keys: " ".join(keys))
def test_rolling_gives_groups_in_their_order(keys: tuple[str, ...], tmp_path: Path) -> None:
    batches = batches_of(14, rows=2500)
    aggs = tuple((name, Agg(name, Column("x"))) for name in ("sum", "mean", "min", "std", "count"))
    schema = pa.schema(
        [(name, pa.string() if name == "t" else pa.int64()) for name in (*keys, "n")]
        + [(name, dtype_of(agg, batches[0].schema)) for name, agg in aggs]
    )
    operator = RollingAggregate(
        keys=keys, on="n", period=50, offset=-50, closed="right", aggs=aggs, schema=schema
    )
    same_when_spilled(operator, batches, tmp_path, 300_000, 250_000)


def test_rolling_without_keys_is_refused_with_numbers(tmp_path: Path) -> None:
    batches = batches_of(14)
    schema = pa.schema([("n", pa.int64()), ("sum", pa.float64())])
    aggs = (("sum", Agg("sum", Column("x"))),)
    operator = RollingAggregate(
        keys=(), on="n", period=9, offset=-9, closed="right", aggs=aggs, schema=schema
    )
    refused(operator, batches, tmp_path, "Rolling sum")


def refused(
    operator: Operator,
    batches: list[pa.RecordBatch],
    tmp_path: Path,
    what: str,
    *sides: list[pa.RecordBatch],
) -> None:
    """Run it where there is plenty, and where there is not."""
    run(operator, batches, tmp_path, PLENTY, *sides)
    context = TightContext(directory=tmp_path, memory=Budget(100_000), sides=sides)
    with pytest.raises(errors.MemoryLimitExceeded, match="100,000 of memory_limit") as caught:
        list(operator.execute(iter(batches), context))
    assert what in str(caught.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("strategy", ["backward", "forward", "nearest"])
@pytest.mark.parametrize("keys", [("k",), ("t", "k")], ids=lambda keys: " ".join(keys))
def test_asof_joins_give_rows_in_their_order(
    keys: tuple[str, ...], strategy: str, shared: bool, tmp_path: Path
) -> None:
    left, right = batches_of(15, rows=1500), batches_of(16, rows=2000)
    operator = asof(keys, strategy, shared=shared)
    expected, _ = run(asof(keys, strategy), left, tmp_path, PLENTY, right)
    for share in (300_000, 250_000):
        found, context = run(operator, left, tmp_path, share, right)
        assert context.metrics["spilled_bytes"] > 0
        assert found == expected


def asof(keys: tuple[str, ...], strategy: str, *, shared: bool = False) -> FindAsof:
    by = tuple(Column(name) for name in keys)
    return FindAsof(
        left_on=Column("i"),
        right_on=Column("i"),
        left_by=by,
        right_by=by,
        types=(pa.int64(), *(pa.string() if name == "t" else pa.int64() for name in keys)),
        strategy=strategy,
        exact=True,
        tolerance=None,
        side=0,
        output=(("left", "n", "n"), ("left", "t", "t"), ("right", "n", "m"), ("right", "x", "x")),
        right_schema=pa.schema([("n", pa.int64()), ("x", pa.float64())]),
        id="right",
        shared=shared,
    )


def test_sides_that_every_process_holds_are_refused_with_numbers(tmp_path: Path) -> None:
    few, many = batches_of(1, rows=10), batches_of(2)
    cross = CrossJoin(
        side=0,
        swap=False,
        output=(("left", "n", "n"), ("right", "n", "m")),
        build_schema=many[0].schema,
        id="side",
    )
    for operator in (asof((), "backward", shared=True), cross):
        context = TightContext(directory=tmp_path, memory=Budget(100_000), sides=(many,))
        with pytest.raises(errors.MemoryLimitExceeded, match="looks up in needs"):
            list(operator.execute(iter(few), context))


@pytest.mark.parametrize("how", ["inner", "left", "semi", "anti"])
def test_a_side_of_all_tasks_that_may_not_be_held_is_put_aside(how: str, tmp_path: Path) -> None:
    left, right = batches_of(17, rows=600, keys=900), batches_of(18, rows=1500, keys=1200)
    roles = ("left",) if how in ("semi", "anti") else ("left", "right")
    types = pa.schema([("k", pa.int64()), ("y", pa.float64()), ("n", pa.int64())])
    operator = HashJoin(
        left_on=(Column("k"),),
        right_on=(Column("k"),),
        key_types=(pa.int64(),),
        how=how,
        side=0,
        swap=False,
        output=tuple((role, name, f"{role}_{name}") for role in roles for name in types.names),
        left_schema=types,
        right_schema=types,
        shared_build=True,
        id="build",
    )
    plenty = TightContext(directory=tmp_path, memory=Budget(PLENTY), sides=(right,))
    expected = bits_of(list(operator.execute(iter(left), plenty)))
    assert expected
    assert plenty.memory.held > 0, "the side is reserved for as long as the query runs"
    before = plenty.memory.held
    list(operator.execute(iter(left), plenty))
    assert plenty.memory.held == before, "and once"
    found, tight = run(operator, left, tmp_path, 120_000, right)
    assert tight.metrics["spilled_bytes"] > 0
    assert found == expected


@pytest.mark.parametrize("limit", [1, 700, 3000, 9000])
def test_the_first_rows_of_an_order_are_found_though_they_may_not_be_held(
    limit: int, tmp_path: Path
) -> None:
    by = (SortKey(Column("x"), descending=True), SortKey(Column("t")))
    batches = batches_of(19)
    expected, _ = run(TopK(by=by, limit=limit), batches, tmp_path, PLENTY)
    found, context = run(TopK(by=by, limit=limit), batches, tmp_path, 40_000)
    assert (context.metrics["spilled_bytes"] > 0) == (limit >= 700)
    assert found == expected
    assert found == run(SortRun(by=by, limit=limit), batches, tmp_path, PLENTY)[0]


def test_rows_are_turned_round_though_they_may_not_be_held(tmp_path: Path) -> None:
    same_when_spilled(ReverseRows(), batches_of(20), tmp_path, 200_000, 50_000, 5_000)


def test_the_last_rows_are_given_though_they_may_not_be_held(tmp_path: Path) -> None:
    for count in (1500, 3999, 4000, 9000):
        same_when_spilled(TailRows(count=count), batches_of(21), tmp_path, 60_000, 10_000)
    found, _ = run(TailRows(count=7), batches_of(21), tmp_path, 60_000)
    assert found == run(TailRows(count=7), batches_of(21), tmp_path, PLENTY)[0]


def test_a_partition_of_a_function_is_refused_with_numbers(tmp_path: Path) -> None:
    batches = [batch.select(["i", "n"]) for batch in batches_of(22)]

    def count(table: pa.Table) -> int:
        return table.num_rows

    operator = ReduceRows(function=count, given=batches[0].schema, takes="arrow", site=None)
    refused(operator, batches, tmp_path, "A partition for test_a_partition_of")


# Where others have taken nearly all


@dataclass(frozen=True)
class Other:
    """An operator that has reserved nearly all."""

    label: str = "other"


@pytest.mark.parametrize("kind", ["group rows", "sort", "join", "groups"])
@pytest.mark.parametrize("taken", [0.75, 0.9])
def test_few_files_are_made_where_nearly_nothing_is_granted(
    kind: str, taken: float, tmp_path: Path
) -> None:
    share = 2_000_000
    every = batches_of(23, rows=10_000, keys=6000)
    # Without the one key that has many rows.
    batches = [batch.filter(pc.not_equal(batch.column("k"), 7)) for batch in every]
    sides = (batches[:10],) if kind == "join" else ()
    operator = OPERATORS[kind]
    expected, _ = run(operator, batches, tmp_path, PLENTY, *sides)
    context = TightContext(directory=tmp_path, memory=Budget(share), sides=sides)
    context.memory.count(int(share * taken), Account(of=Other()))
    found = bits_of(list(operator.execute(iter(batches), context)))
    assert found == expected
    assert context.metrics["spilled_bytes"] > 0
    # The rows take 1 MB, of which a batch may be held that is a thirty-second of 4 MB.
    assert next(context.files) <= 300, "it was 28,669 where groups are kept"
    assert context.memory.peak <= share
    assert list(tmp_path.iterdir()) == []


def same_rows(table: pa.Table) -> pa.Table:
    return table


_KEYED = pa.schema([("k", pa.int64()), ("i", pa.int64()), ("n", pa.int64())])
OPERATORS: dict[str, Operator] = {
    "group rows": RowsOfGroups(keys=("k",), count=2, ordered=True),
    "sort": SortRun(by=(SortKey(Column("i")),)),
    "groups": MapGroupsRows(
        keys=("k",), function=same_rows, given=_KEYED, schema=_KEYED, takes="arrow", site=None
    ),
    "join": HashJoin(
        left_on=(Column("k"), Column("i")),
        right_on=(Column("k"), Column("i")),
        key_types=(pa.int64(), pa.int64()),
        how="left",
        side=0,
        swap=False,
        output=(("left", "n", "n"), ("right", "x", "x")),
        left_schema=batches_of(23, rows=10)[0].schema,
        right_schema=batches_of(23, rows=10)[0].schema,
        shared_build=False,
        id="build",
    ),
}


def test_what_is_used_up_is_refused_at_once(tmp_path: Path) -> None:
    batches = batches_of(23)
    context = TightContext(directory=tmp_path, memory=Budget(1_000_000))
    context.memory.count(1_000_000, Account(of=Other()))
    with pytest.raises(errors.MemoryLimitExceeded, match="of which 1,000,000 are taken"):
        list(OPERATORS["groups"].execute(iter(batches), context))
    assert next(context.files) <= 32
    assert list(tmp_path.iterdir()) == []


def test_a_floor_is_granted_within_the_share() -> None:
    memory = Budget(3200)
    account, other = Account(of=Other()), Account(of=Other())
    memory.count(2400, other)
    granted = [own for own in range(0, 999, 10) if memory.reserve(10, account, own)]
    assert 10 * len(granted) == 3200 // LEAST
    memory.count(3200 - memory.held, other)
    assert not memory.reserve(10, Account(of=Other()))


def test_the_profile_tells_what_each_operator_reserved_and_put_aside(tmp_path: Path) -> None:
    random = np.random.default_rng(5)
    table = pa.table({"k": random.integers(0, 1 << 40, 400_000), "x": random.random(400_000)})
    with pt.Session(executor="serial", memory_limit="8MiB"):
        frame = pt.from_arrow(table)
        made = frame.group_by("k").agg(total=pt.col("x").sum()).sort("total")
        text = made.explain(analyze=True)
        profile = made.sink_parquet(tmp_path / "made").profile
    assert profile is not None
    found = [each for stage in profile.stages for each in stage.operators]
    (groups,) = (each for each in found if each.label.startswith("aggregate sum(x)"))
    sorts = [each for each in found if each.label == "sort total"]
    for stage in profile.stages:
        assert sum(each.spilled for each in stage.operators) <= stage.spilled_bytes
        assert all(0 <= each.peak <= stage.reserved_bytes for each in stage.operators)
    assert groups.reserved >= groups.peak > 0
    assert sorts
    assert all(each.reserved > 0 for each in sorts)
    assert sum(each.spilled for each in found) > 0
    for shown in (text, str(profile)):
        assert "operator" in shown
        assert "reserved" in shown
        assert "aggregate sum(x) by k" in shown
    assert profile.to_dict()["stages"][0]["id"] == profile.stages[0].id


def test_a_query_that_reserves_nothing_shows_no_table_of_operators() -> None:
    frame = pt.from_pydict({"a": [1, 2]}).filter(pt.col("a") > 1)
    assert "reserved" not in frame.explain(analyze=True)

"""Lists of values for groups, and one aggregate over rows in groups, beside plain Python."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from partita.engine.errors import ComputeError
from partita.engine.expr.node import Agg, Call, Column, SortKey, literal
from partita.engine.physical.kernels import lists
from partita.engine.physical.kernels.aggregate_groups import aggregate_groups
from partita.engine.physical.kernels.group import GroupIds, group_ids, only_rows


def groups_of(ids: list[int], count: int) -> GroupIds:
    """Return groups that need not all have rows."""
    every = group_ids([pa.array([*range(count), *ids])], count + len(ids))
    return only_rows(every, np.arange(count + len(ids)) >= count)


CASES = [
    ([], 0),
    ([], 3),
    ([0, 0, 0], 1),
    ([2, 0, 2, 2], 4),
    (random.Random(1).choices(range(7), k=50), 9),
]


@pytest.mark.parametrize(("ids", "count"), CASES)
def test_lists_are_made_brought_together_cut_and_sorted(ids: list[int], count: int) -> None:
    values = random.Random(2).choices([None, "b", "a", "ä", ""], k=len(ids))
    plain: list[list[Any]] = [
        [value for own, value in zip(ids, values, strict=True) if own == number]
        for number in range(count)
    ]
    made = lists.lists_of(groups_of(ids, count), pa.array(values, pa.string()))
    assert made.to_pylist() == plain
    assert made.type.value_type == pa.large_string()
    for most in (0, 1, 2, 100):
        assert lists.heads(made, most).to_pylist() == [each[:most] for each in plain]
        last = [each[-most:] if most else [] for each in plain]
        assert lists.heads(made, most, last=True).to_pylist() == last
    down = lists.sorted_lists(made, descending=True).to_pylist()
    assert down == [
        sorted((v for v in each if v is not None), reverse=True) + [None] * each.count(None)
        for each in plain
    ]
    shown = lists.as_lists(made, pa.list_(pa.string()))
    assert shown.type == pa.list_(pa.string())
    assert shown.to_pylist() == plain
    shown.validate(full=True)
    if count:
        pairs = GroupIds(
            ids=np.array([number // 2 for number in range(count)]),
            first_rows=np.arange(0, count, 2),
            count=(count + 1) // 2,
        )
        both = [[v for each in plain[at : at + 2] for v in each] for at in range(0, count, 2)]
        assert lists.concatenated(pairs, made).to_pylist() == both


def test_lists_of_a_slice_are_those_of_its_rows() -> None:
    array = pa.array([9, 1, 2, 3])[1:]
    assert lists.lists_of(groups_of([0, 0, 0], 1), array).to_pylist() == [[1, 2, 3]]
    made = lists.lists_of(groups_of([0, 1, 0], 2), array)
    assert lists.heads(made[1:], 1).to_pylist() == [[2]]
    assert lists.sorted_numbers(made).tolist() == [1, 3, 2]


def test_values_that_are_too_many_for_a_list_are_an_error_that_says_so() -> None:
    offsets = pa.array([0, 2**31 + 1])
    made = pa.LargeListArray.from_arrays(offsets, pa.nulls(2**31 + 1))
    with pytest.raises(ComputeError, match="batch_rows"):
        lists.as_lists(made, pa.list_(pa.null()))


BATCH = pa.RecordBatch.from_pydict(
    {
        "v": pa.array([5, None, 3, 8, 1, 4, 9, 2]),
        "t": pa.array([3, 1, None, 1, 7, 3, 0, 5]),
        "s": pa.array(["a", "b", "a", "c", "b", "a", None, "c"]).dictionary_encode(),
    }
)
IDS = [0, 1, 0, 1, 0, 3, 3, 0]
LARGE = Call("gt", (Column("v"), literal(2)))


@pytest.mark.parametrize(
    ("agg", "wanted"),
    [
        (Agg("sum", Column("v")), [11, 8, 0, 13]),
        (Agg("sum", Column("v"), where=LARGE), [8, 8, 0, 13]),
        (Agg("len", None, where=LARGE), [2, 1, 0, 2]),
        (Agg("first", Column("v")), [5, None, None, 4]),
        (Agg("last", Column("s")), ["c", "c", None, None]),
        (Agg("first", Column("s"), where=LARGE), ["a", "c", None, "a"]),
        (Agg("first", Column("v"), order_by=(SortKey(Column("t")),)), [3, None, None, 9]),
        (
            Agg("last", Column("v"), order_by=(SortKey(Column("t"), nulls_last=True),)),
            [3, 8, None, 4],
        ),
        (
            Agg("implode", Column("v"), order_by=(SortKey(Column("t"), descending=True),)),
            [[3, 1, 2, 5], [None, 8], [], [4, 9]],
        ),
        (
            Agg("head", Column("s"), (("n", 1),), LARGE, (SortKey(Column("v")),)),
            [["a"], ["c"], [], ["a"]],
        ),
        (Agg("max_by", Column("s"), others=(Column("v"),)), ["a", "c", None, None]),
        (Agg("quantile", Column("v"), (("quantile", 0.0),), LARGE), [3.0, 8.0, None, 4.0]),
        (Agg("min", Column("s"), where=LARGE), ["a", "c", None, "a"]),
        (Agg("arg_max", Column("v")), [0, 1, None, 1]),
    ],
)
def test_one_aggregate_over_groups_of_which_one_has_no_rows(agg: Agg, wanted: list[Any]) -> None:
    types = {"sum": pa.int64(), "len": pa.int64(), "arg_max": pa.int64(), "quantile": pa.float64()}
    named = pa.string() if agg.input == Column("s") else pa.int64()
    lists_of = agg.name in ("implode", "head")
    dtype = types.get(agg.name, pa.list_(named) if lists_of else named)
    found = aggregate_groups(agg, groups_of(IDS, 4), BATCH, dtype)
    assert found.to_pylist() == wanted

"""Which slots of a join are shared by several tasks, where slots and streams are very many."""

from __future__ import annotations

import pyarrow as pa

from partita.engine.physical.join_slots import join_tasks
from partita.engine.physical.stage import Exchange, Ref, Stage, StageOutput, TaskResult

TARGET = 1_000


def side(number: int, sizes: list[int], writers: int = 4) -> StageOutput:
    """Return what `writers` tasks have made of slots of such bytes together."""
    stage = Stage(
        id=number,
        label="",
        branches=(),
        schema=pa.schema([]),
        output=Exchange(kind="hash", partitions=len(sizes)),
    )
    made = [
        tuple(
            Ref(
                path=f"{number}-{writer}",
                offset=0,
                length=1,
                rows=1,
                bytes=size // writers,
                slot=slot,
            )
            for slot, size in enumerate(sizes)
        )
        for writer in range(writers)
    ]
    return StageOutput(stage=stage, partitions=made, results=[TaskResult()] * writers)


def test_slots_that_are_all_large_are_not_split_where_they_are_many() -> None:
    left, right = side(0, [40_000] * 300), side(1, [4_000] * 300)
    assert len(join_tasks("inner", False, left, right, TARGET)) == 300
    # Where they are few there are more workers than slots.
    left, right = side(0, [40_000] * 30), side(1, [4_000] * 30)
    assert len(join_tasks("inner", False, left, right, TARGET)) == 120


def test_a_slot_that_is_larger_than_the_others_is_split_all_the_same() -> None:
    left = side(0, [40_000] * 299 + [4_000_000], writers=40)
    right = side(1, [4_000] * 300)
    tasks = join_tasks("inner", False, left, right, TARGET)
    assert len(tasks) == 299 + 40
    streamed = [ref for task in tasks[299:] for ref in task.streamed]
    assert streamed == list(left.slots()[299])
    assert all(task.built == right.slots()[299] for task in tasks[299:])


def test_a_part_streams_more_where_it_builds_of_very_many_streams() -> None:
    left = side(0, [1_000, 64_000], writers=64)
    few, many = (side(1, [2_000, 2_000], writers) for writers in (2, 1_000))
    parts = [len(join_tasks("inner", False, left, right, TARGET)) - 1 for right in (few, many)]
    assert parts == [32, 22]

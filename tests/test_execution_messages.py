"""What goes between driver and workers beside the rows: messages, stages, places for files."""

from __future__ import annotations

import pickle
from pathlib import Path

import pyarrow as pa

import partita as pt
from partita.engine.execution import by_value
from partita.engine.execution.messages import CloseQuery, NewStage, packed, unpacked
from partita.engine.execution.run_directory import RunDirectory
from partita.engine.physical.planner import Planner
from partita.engine.physical.stage import Stage


def test_messages_that_are_sent_at_once_are_taken_apart_again() -> None:
    sent = [NewStage(1, 2, b"blob"), CloseQuery(1), NewStage(1, 3, b"")]
    assert unpacked(packed(*sent)) == sent
    assert unpacked(packed(sent[0])) == sent[:1]


def stage_of(frame: pt.DataFrame) -> Stage:
    return Planner(frame.plan, pt.config.get()).advance()[0]


def test_a_stage_without_functions_of_the_user_is_pickled_by_name() -> None:
    frame = pt.from_pydict({"a": [1, 2], "s": ["x", "y"]}).filter(pt.col("a") > 1)
    written = by_value._pickled_by_name(stage_of(frame))
    assert written is not None
    assert pickle.loads(written).label == stage_of(frame).label


def doubled(batch: pa.RecordBatch) -> pa.RecordBatch:
    return batch


class Own:
    """A class of this file."""


def test_a_stage_with_functions_of_the_user_is_not() -> None:
    frame = pt.from_pydict({"a": [1, 2]})
    held = Own()
    for function in (doubled, lambda batch: batch, lambda batch: (held, batch)[1]):
        mapped = frame.map_batches(function, schema=frame.schema)
        assert by_value._pickled_by_name(stage_of(mapped)) is None
        assert pickle.loads(by_value.pickled_stage(stage_of(mapped))).branches[0].operators


def test_the_places_of_a_query_are_emptied_and_used_again(tmp_path: Path) -> None:
    directory = RunDirectory(str(tmp_path))
    try:
        first = directory.for_query(1)
        other = directory.for_query(2)
        assert set(first).isdisjoint(other)
        Path(first[0], "left.arrows").write_bytes(b"x")
        directory.leave(*first)
        assert directory.for_query(3) == first
        assert list(Path(first[0]).iterdir()) == []
    finally:
        directory.close()


def test_places_that_cannot_be_emptied_or_are_gone_are_not_used_again(tmp_path: Path) -> None:
    directory = RunDirectory(str(tmp_path))
    try:
        first = directory.for_query(1)
        Path(first[0], "folder").mkdir()
        directory.leave(*first)
        assert not Path(first[0]).exists()
        second = directory.for_query(2)
        directory.leave(*second)
        Path(second[1]).rmdir()
        third = directory.for_query(3)
        assert third != second
        assert all(Path(place).is_dir() for place in third)
    finally:
        directory.close()

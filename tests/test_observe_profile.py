"""The profile tells what happened: tasks, rows, bytes, retries, stage by stage."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import partita as pt
from partita.engine.execution.events import (
    QueryFinished,
    QueryStarted,
    StageFinished,
    StagePlanned,
    TaskFailed,
    TaskFinished,
    WorkerDied,
)
from partita.engine.observe.profile import Profile, ProfileRecorder
from partita.engine.physical.stage import Branch, Exchange, Stage, TaskInput, TaskResult

SCHEMA = pa.schema([("a", pa.int64())])


def stage(number: int, tasks: int, label: str = "scan > gather") -> Stage:
    """Return a stage of `tasks` tasks that read nothing from storage."""
    return Stage(
        id=number,
        label=label,
        branches=(Branch(inputs=(TaskInput(),) * tasks, schema=SCHEMA),),
        schema=SCHEMA,
        output=Exchange(kind="gather"),
    )


@pytest.fixture
def files(tmp_path: Path) -> Path:
    for number in range(6):
        rows = pa.table({"k": [number % 2] * 1000, "v": range(1000), "unused": ["x" * 50] * 1000})
        path = tmp_path / f"{number}.parquet"
        pq.write_table(rows, path, use_dictionary=False, compression="none")
    return tmp_path


@pytest.mark.parametrize("executor", ["serial", "process"])
def test_a_run_is_accounted_for(files: Path, executor: str) -> None:
    with pt.config.set(executor=executor, workers=2, partition_bytes=1):
        query = pt.scan_parquet(files).filter(pt.col("v") < 10).group_by("k").agg(pt.len())
        profile = query.collect().profile
    assert isinstance(profile, Profile)
    assert profile.executor == executor
    assert profile.outcome == "finished"
    assert profile.rows == 2
    assert profile.retries == 0
    assert profile.tasks == sum(stage.tasks for stage in profile.stages)
    assert profile.stages[0].tasks == 6
    assert profile.stages[0].rows_in == 6000
    assert profile.stages[-1].rows_out == 2
    assert all(stage.finished == stage.tasks for stage in profile.stages)
    assert profile.busy_seconds > 0
    assert 0 < profile.seconds < 60
    on_disk = sum(path.stat().st_size for path in files.iterdir())
    # The column that is not needed is most of each file.
    assert 0 < profile.bytes_read < on_disk / 2
    assert profile.bytes_read == profile.stored_bytes
    assert profile.bytes_handed_on > 0


def test_less_is_read_when_enough_rows_are_there(files: Path) -> None:
    with pt.config.set(executor="serial", partition_bytes=1):
        profile = pt.scan_parquet(files).map_batches(lambda b: b).head(5).collect().profile
    assert profile is not None
    assert profile.rows == 5
    assert profile.bytes_read < profile.stored_bytes


def test_text_html_and_dict(files: Path) -> None:
    profile = pt.scan_parquet(files).group_by("k").len().profile()
    assert str(profile).splitlines()[0] == profile.summary()
    assert "2 rows" in profile.summary()
    assert "scan" in str(profile)
    assert repr(profile) == str(profile)
    ElementTree.fromstring(profile._repr_html_())
    plain = json.loads(json.dumps(profile.to_dict()))
    assert plain["rows"] == 2
    assert plain["stages"][0]["rows_in"] == 6000


def test_labels_are_escaped_and_shortened() -> None:
    record = ProfileRecorder()
    record(QueryStarted(query=1, time=0.0, executor="serial", workers=1))
    record(StagePlanned(query=1, time=0.0, stage=stage(0, 1, "scan > <b>\n" + "x" * 500)))
    profile = record.profile()
    assert "<b>" not in profile._repr_html_()
    ElementTree.fromstring(profile._repr_html_())
    assert max(map(len, str(profile).splitlines())) < 160


def test_what_went_wrong_is_counted() -> None:
    record = ProfileRecorder()
    record(QueryStarted(query=1, time=10.0, executor="process", workers=2))
    record(StagePlanned(query=1, time=10.0, stage=stage(0, 2)))
    record(WorkerDied(query=1, time=10.5, worker=1, pid=1, reason="killed"))
    lost = {"query": 1, "stage": 0, "partition": 0, "worker": 1}
    record(TaskFailed(time=10.5, attempt=0, reason="its worker died", retry=True, **lost))
    result = TaskResult(rows=3, rows_in=7, seconds=0.25, metrics=(("rows_probed", 4),))
    for partition in (0, 1):
        record(
            TaskFinished(
                query=1, time=11.0, stage=0, partition=partition, attempt=1, worker=2, result=result
            )
        )
    record(StageFinished(query=1, time=11.0, stage=0, rows=6, bytes=600))
    record(QueryFinished(query=1, time=11.5, outcome="failed"))
    profile = record.profile()
    assert (profile.retries, profile.workers_lost, profile.tasks) == (1, 1, 2)
    assert profile.seconds == pytest.approx(1.5)
    (only,) = profile.stages
    assert (only.rows_in, only.rows_out, only.bytes_out) == (14, 6, 600)
    assert only.metrics == {"rows_probed": 8}
    assert only.seconds == pytest.approx(0.5)
    assert "1 tried again, 1 workers lost, failed" in profile.summary()
    assert "rows probed 8" in str(profile)

"""The progress bar: silent at first, quiet elsewhere than on a terminal, and gone at the end."""

from __future__ import annotations

import io
import os
import pty
import re
import subprocess
import sys
from dataclasses import replace
from typing import Any

import pyarrow as pa
import pytest

from partita.engine.config import Settings
from partita.engine.execution.events import (
    Heartbeat,
    QueryStarted,
    StageFinished,
    StagePlanned,
    TaskFinished,
)
from partita.engine.observe.progress import (
    NotebookCanvas,
    Picture,
    Progress,
    TerminalCanvas,
    picture_html,
    progress_for,
)
from partita.engine.physical.stage import Branch, Exchange, Ref, Stage, TaskInput, TaskResult

SCHEMA = pa.schema([("a", pa.int64())])


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


class Drawn:
    """A canvas that keeps what it was given."""

    def __init__(self) -> None:
        self.pictures: list[Picture] = []
        self.cleared = 0

    def draw(self, picture: Picture) -> None:
        self.pictures.append(picture)

    def clear(self) -> None:
        self.cleared += 1


def planned(number: int, tasks: int, time: float, reads: tuple[int, ...] = ()) -> StagePlanned:
    refs = tuple(Ref(path="", offset=0, length=0, rows=0, bytes=0) for _ in reads)
    stage = Stage(
        id=number,
        label=f"stage {number}",
        branches=(Branch(inputs=(TaskInput(refs=refs),) * tasks, schema=SCHEMA),),
        schema=SCHEMA,
        output=Exchange(kind="gather"),
        reads=reads,
    )
    return StagePlanned(query=1, time=time, stage=stage)


def finished(number: int, time: float, rows_in: int = 100) -> TaskFinished:
    result = TaskResult(rows_in=rows_in)
    return TaskFinished(
        query=1, time=time, stage=number, partition=0, attempt=0, worker=0, result=result
    )


def test_before_the_first_rows_no_rate_is_shown() -> None:
    picture = Picture(done=0, known=16, stage="scan", rows=0, seconds=1.2)
    assert picture.figures() == "0/16 tasks, 1.2 s"


def test_rows_count_where_a_stage_reads_a_source_beside_another_stage() -> None:
    canvas = Drawn()
    progress = Progress(canvas, patience=0.0)
    progress(QueryStarted(query=1, time=0.0, executor="serial", workers=1))
    probe = planned(1, 2, 0.0).stage
    progress(StagePlanned(query=1, time=0.0, stage=replace(probe, reads=(0,))))
    progress(finished(1, 1.0))
    assert canvas.pictures[-1].rows == 100


def test_nothing_is_drawn_for_a_second_and_then_ten_times_a_second_at_most() -> None:
    canvas = Drawn()
    progress = Progress(canvas)
    progress(QueryStarted(query=1, time=100.0, executor="process", workers=2))
    progress(planned(0, 2000, 100.0))
    for step in range(1000):
        progress(finished(0, 100.0 + step / 500))
    assert 9 <= len(canvas.pictures) <= 11
    assert canvas.pictures[0].seconds >= 1.0
    assert canvas.pictures[0].done == 501
    progress.close()
    assert canvas.cleared == 1


def test_a_picture_counts_tasks_and_the_rows_that_were_read_from_sources() -> None:
    canvas = Drawn()
    progress = Progress(canvas, patience=0.0)
    progress(QueryStarted(query=1, time=0.0, executor="serial", workers=1))
    progress(planned(0, 2, 0.0))
    progress(finished(0, 0.5))
    progress(finished(0, 0.6))
    progress(planned(1, 2, 0.8, reads=(0,)))
    progress(StageFinished(query=1, time=0.9, stage=0, rows=1, bytes=1))
    progress(finished(1, 1.0))
    progress(Heartbeat(query=1, time=2.0))
    last = canvas.pictures[-1]
    assert (last.done, last.known, last.rows, last.stage) == (3, 4, 200, "stage 1")
    assert last.share == 0.75
    assert last.figures() == "3/4 tasks, 100 rows/s, 2.0 s"


def test_the_line_of_a_terminal_is_cut_and_erased(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    stream = Terminal()
    canvas = TerminalCanvas(stream)
    picture = Picture(done=1, known=2, stage="scan > \x1b[31m" + "x" * 99, rows=10, seconds=2.0)
    canvas.draw(picture)
    canvas.draw(picture)
    canvas.clear()
    canvas.clear()
    written = stream.getvalue()
    assert written.endswith("\r\x1b[K")
    assert written.count("\r") == 3
    assert "\n" not in written
    assert "\x1b[31m" not in written
    lines = [re.sub(r"\x1b\[K", "", line) for line in written.split("\r")]
    assert max(map(len, lines)) < 60
    assert "1/2 tasks, 5 rows/s" in lines[1]


def test_a_canvas_that_drew_nothing_erases_nothing() -> None:
    stream = Terminal()
    TerminalCanvas(stream).clear()
    assert stream.getvalue() == ""


def test_a_notebook_gets_one_box_that_is_replaced_and_emptied() -> None:
    shown: list[tuple[str, dict[str, str]]] = []

    class Handle:
        def update(self, data: dict[str, str], raw: bool) -> None:
            assert raw
            shown.append(("update", data))

    def display(data: dict[str, str], raw: bool, display_id: bool) -> Handle:
        assert raw
        assert display_id
        shown.append(("display", data))
        return Handle()

    canvas = NotebookCanvas(display)
    canvas.clear()
    assert shown == []
    picture = Picture(done=1, known=2, stage="<script>", rows=10, seconds=2.0)
    canvas.draw(picture)
    canvas.draw(picture)
    canvas.clear()
    assert [kind for kind, _ in shown] == ["display", "update", "update"]
    assert "&lt;script&gt;" in shown[0][1]["text/html"]
    assert "<script>" not in picture_html(picture)
    assert shown[-1][1]["text/html"] == ""


@pytest.mark.parametrize(
    ("setting", "stream", "drawn"),
    [
        ("auto", Terminal(), True),
        ("on", Terminal(), True),
        ("off", Terminal(), False),
        ("auto", io.StringIO(), False),
        ("on", io.StringIO(), False),
    ],
)
def test_where_it_is_drawn(setting: str, stream: Any, drawn: bool) -> None:
    assert (progress_for(Settings(progress=setting), stream) is not None) is drawn


SCRIPT = """
import partita as pt
def same(batch):
    return batch
def fails(batch):
    raise ValueError("no such luck")
with pt.config.set(progress="on", executor={executor!r}, workers=1, partition_bytes=1000):
    df = pt.from_pydict({{"a": list(range(1000))}})
    print("rows", len(df.map_batches(same)))
    try:
        df.map_batches(fails, schema=df.schema).collect()
    except pt.errors.UserFunctionError:
        print("failed as it should")
"""


def on_a_terminal(script: str) -> str:
    """Return what a script writes when all its streams are one terminal."""
    ours, theirs = pty.openpty()
    run = subprocess.Popen(
        [sys.executable, "-c", script], stdin=theirs, stdout=theirs, stderr=theirs
    )
    os.close(theirs)
    written = b""
    while True:
        try:
            piece = os.read(ours, 4096)
        except OSError:
            # How Linux says that the other side has closed.
            break
        if not piece:
            break
        written += piece
    os.close(ours)
    assert run.wait(timeout=60) == 0
    return written.decode()


@pytest.mark.parametrize("executor", ["serial", "process"])
def test_a_real_terminal_is_left_as_it_was(executor: str) -> None:
    written = on_a_terminal(SCRIPT.format(executor=executor))
    assert "tasks" in written
    # What stays on the screen: of each line what comes after the last erasure.
    left = [re.split(r"\r\x1b\[K", line)[-1].strip() for line in written.strip().split("\n")]
    assert left == ["rows 1000", "failed as it should"]


def test_nothing_is_written_where_there_is_no_terminal() -> None:
    script = SCRIPT.format(executor="serial")
    run = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )
    assert run.stderr == ""
    assert run.stdout == "rows 1000\nfailed as it should\n"

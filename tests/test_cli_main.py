"""The command `partita`, run as a user runs it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pandas as pd
import psutil
import pyarrow as pa
import pyarrow.csv as pv
import pyarrow.feather as pf
import pyarrow.parquet as pq
import pytest

from partita.engine.cli import demo
from partita.engine.cli.main import main

from .faults.processes import await_end
from .patience import SOON

PARTITA = [sys.executable, "-m", "partita"]
TABLE = pa.table({"zone": ["Park North", "Hill East", None], "trips": [3, 1, 2]})


def partita(*arguments: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run the command in `cwd`, which is also its place for temporary files."""
    return subprocess.run(
        [*PARTITA, *map(str, arguments)],
        cwd=cwd,
        env={**os.environ, "TMPDIR": str(cwd)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=100,
    )


def test_the_demo_runs_from_end_to_end(tmp_path: Path) -> None:
    run = partita("demo", "--rows", "200_000", "--workers", "2", cwd=tmp_path)
    assert run.returncode == 0, run.stderr
    assert run.stderr == ""
    lines = run.stdout.splitlines()
    assert "verified against pandas: equal" in lines
    written, as_run = run.stdout.split("The plan as it is run:")
    assert "FILTER" in written
    assert "FILTER" not in as_run
    assert "columns: 7 of 13" in as_run
    assert "(process, 2 workers)" in run.stdout
    assert any(line.startswith("Read ") and " on disk" in line for line in lines)
    assert "Museum West" in run.stdout
    assert not list(tmp_path.glob("partita-demo-*"))


def test_out_keeps_dataset_and_result_and_uses_the_dataset_again(tmp_path: Path) -> None:
    first = partita("demo", "--rows", "30,000", "--out", "kept", cwd=tmp_path)
    again = partita("demo", "--rows", "30000", "--out", "kept", cwd=tmp_path)
    other = partita("demo", "--rows", "20000", "--out", "kept", cwd=tmp_path)
    assert [run.returncode for run in (first, again, other)] == [0, 0, 0]
    assert "Used again: 24 Parquet files" in again.stdout
    assert "Made 24 Parquet files" in first.stdout
    assert "Made 24 Parquet files" in other.stdout
    result = pd.read_parquet(tmp_path / "kept" / "result")
    assert result["borough"].nunique() == 5
    assert len(list((tmp_path / "kept" / "trips").rglob("*.parquet"))) == 24


def test_one_row_is_enough(tmp_path: Path) -> None:
    run = partita("demo", "--rows", "1", cwd=tmp_path)
    assert run.returncode == 0, run.stderr
    assert "verified against pandas: equal" in run.stdout


def test_a_difference_is_said_and_is_the_exit_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ask_pandas = demo.ask_pandas
    monkeypatch.setattr(demo, "ask_pandas", lambda *files: ask_pandas(*files).assign(trips=0))
    assert main(["demo", "--rows", "2000", "--out", str(tmp_path / "out")]) == 1
    shown = capsys.readouterr()
    assert "DIFFERENT from pandas: trips of borough" in shown.err
    assert "verified" not in shown.out


def test_ctrl_c_ends_it_and_leaves_nothing(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [*PARTITA, "demo", "--rows", "5000000", "--workers", "2"],
        cwd=tmp_path,
        env={**os.environ, "TMPDIR": str(tmp_path), "PYTHONUNBUFFERED": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("== The run"):
            break
    started = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.SIGINT)
    _, complaint = process.communicate(timeout=60)
    assert process.returncode == 130
    assert complaint == "partita demo: interrupted\n"
    assert not list(tmp_path.glob("partita-demo-*"))
    assert await_end([each.pid for each in started], SOON) == []


def write_parquet(path: Path) -> Path:
    (path / "k=1").mkdir(parents=True)
    pq.write_table(TABLE, path / "k=1" / "part-0.parquet")
    return path


def write_one_parquet(path: Path) -> Path:
    pq.write_table(TABLE, path.with_suffix(".parquet"))
    return path.with_suffix(".parquet")


def write_csv(path: Path) -> Path:
    pv.write_csv(TABLE, path.with_suffix(".csv"))
    return path.with_suffix(".csv")


def write_ipc(path: Path) -> Path:
    pf.write_feather(TABLE, path.with_suffix(".arrow"), compression="uncompressed")
    return path.with_suffix(".arrow")


@pytest.mark.parametrize("write", [write_parquet, write_one_parquet, write_csv, write_ipc])
def test_schema_and_head_know_the_formats(
    tmp_path: Path, write: object, capsys: pytest.CaptureFixture[str]
) -> None:
    assert callable(write)
    path = str(write(tmp_path / "zones"))
    assert main(["schema", path]) == 0
    shown = capsys.readouterr().out
    assert "zone" in shown
    assert "int64" in shown
    assert "1 file" in shown
    assert main(["head", path, "-n", "2"]) == 0
    shown = capsys.readouterr().out
    assert "Park North" in shown
    assert "2 rows" in shown


def test_schema_says_how_large_a_dataset_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["schema", str(write_parquet(tmp_path / "zones"))]) == 0
    assert "3 rows, 3 columns, 1 file, " in capsys.readouterr().out


@pytest.mark.parametrize("command", ["schema", "head"])
@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("missing.parquet", None, "missing.parquet"),
        ("broken.parquet", b"this is no Parquet file", "broken.parquet"),
        ("notes.txt", b"words\n", "notes.txt"),
    ],
)
def test_what_the_user_can_put_right_is_one_message(
    tmp_path: Path, command: str, name: str, content: bytes | None, expected: str
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    run = partita(command, name, cwd=tmp_path)
    assert run.returncode == 2
    assert run.stdout == ""
    assert run.stderr.startswith(f"partita {command}: ")
    assert expected in run.stderr
    assert "Traceback" not in run.stderr


def test_a_directory_that_is_not_the_demos_is_left_alone(tmp_path: Path) -> None:
    mine = tmp_path / "out" / "result" / "mine.txt"
    mine.parent.mkdir(parents=True)
    mine.write_text("mine")
    run = partita("demo", "--rows", "100", "--out", "out", cwd=tmp_path)
    assert run.returncode == 2
    assert "not made by the demo" in run.stderr
    assert mine.read_text() == "mine"


@pytest.mark.parametrize(
    "arguments", [["demo", "--rows", "0"], ["demo", "--rows", "many"], ["head"], [], ["fly"]]
)
def test_wrong_arguments_show_the_usage(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    assert stop.value.code == 2
    assert "usage: partita" in capsys.readouterr().err


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["--version"])
    assert stop.value.code == 0
    assert capsys.readouterr().out == f"partita {version('partita')}\n"


def test_a_reader_that_has_seen_enough_is_no_error(tmp_path: Path) -> None:
    pq.write_table(pa.table({"n": range(50_000)}), tmp_path / "n.parquet")
    command = " ".join(PARTITA) + " head n.parquet -n 50000"
    run = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {command} | head -n 1"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert run.returncode == 0, run.stderr
    assert run.stderr == ""

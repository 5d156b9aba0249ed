"""Who is started when: new interpreters, one after the other, the engines in turns."""

from __future__ import annotations

import json
import math
import os
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..harness.errors import EngineFailedError, RowsDifferError
from ..scheduling.__main__ import measure as measure_tasks

ASK = Path(__file__).with_name("ask.py")
PYTHON = (sys.executable, "-P")  # what is installed counts, not what lies in this directory

BASE = "pyarrow.parquet"
"""The import that the subject's is held against: no engine over Parquet in Python does without."""

MODULES = {"partita": "partita", "polars": "polars", "duckdb": "duckdb", "dask": "dask.dataframe"}
"""Engine -> what a user imports."""

_IMPORT = """
import sys, time
started = time.perf_counter()
__import__(sys.argv[1])
print(time.perf_counter() - started)
"""


IMPORT = "import"
FIRST = "first query, import included"
WARM = "warm query of 100 rows"
TASK = "a task, of the driver's processor"
TASK_WALL = "a task, wall"


@dataclass(frozen=True, kw_only=True)
class Series:
    """One figure, measured several times."""

    figure: str
    """What was measured."""

    subject: str
    """Of which engine or module."""

    seconds: tuple[float, ...]

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)


def imports(modules: Sequence[str], runs: int) -> list[Series]:
    """Return the seconds that each import takes in a new interpreter; one round is not counted."""

    def once(module: str) -> float:
        return float(_run([*PYTHON, "-c", _IMPORT, module]))

    return _in_turns(IMPORT, modules, runs, once)


def first_queries(engines: Sequence[str], path: Path, runs: int) -> list[Series]:
    """Return import and first query together, in a new process; Partita's by its pool."""
    right: list[Any] = []

    def once(engine: str) -> float:
        said = _ask(engine, path, 0, "process")
        _check(engine, said["rows"], right)
        return float(said["import"] + said["first"])

    return _in_turns(FIRST, engines, runs, once)


def warm_queries(engines: Sequence[str], path: Path, runs: int, each: int) -> list[Series]:
    """Return the seconds of a query that a process has answered before.

    Each run is a process, and its figure the median of `each` queries.
    """
    right: list[Any] = []

    def once(engine: str) -> float:
        said = _ask(engine, path, each, "auto")
        _check(engine, said["rows"], right)
        return statistics.median(said["warm"])

    return _in_turns(WARM, engines, runs, once)


def empty_tasks(tasks: int, runs: int) -> list[Series]:
    """Return the driver's processor time for each task, and the wall time for each."""
    import partita as pt  # late: what is imported here is not part of the other figures

    with pt.config.set(executor="process", workers=2):
        measure_tasks(10)
        taken = [measure_tasks(tasks) for _ in range(runs)]
    return [
        Series(figure=figure, subject="partita", seconds=tuple(t[at] / tasks for t in taken))
        for at, figure in enumerate((TASK, TASK_WALL))
    ]


def _in_turns(
    figure: str, subjects: Sequence[str], runs: int, once: Callable[[str], float]
) -> list[Series]:
    """Measure each subject once a round; the first round, which writes byte code, is dropped."""
    found: dict[str, list[float]] = {subject: [] for subject in subjects}
    for turn in range(1 + runs):
        for subject in _beginning_with(subjects, turn):
            found[subject].append(once(subject))
    return [Series(figure=figure, subject=s, seconds=tuple(t[1:])) for s, t in found.items()]


def _beginning_with(subjects: Sequence[str], turn: int) -> Iterator[str]:
    start = turn % len(subjects)
    yield from subjects[start:]
    yield from subjects[:start]


def _ask(engine: str, path: Path, warm: int, executor: str) -> dict[str, Any]:
    said = _run([*PYTHON, str(ASK), engine, str(path), str(warm), executor])
    answer: dict[str, Any] = json.loads(said.splitlines()[-1])
    return answer


def _run(command: list[str]) -> str:
    """Run a process as a user would, with byte code written, and return what it prints."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    if done.returncode != 0:
        said = " ".join(command[1:])
        raise EngineFailedError(f"{said} ended with {done.returncode}:\n{done.stderr}")
    return done.stdout


def _check(engine: str, rows: list[dict[str, Any]], right: list[Any]) -> None:
    """Raise unless these rows are those of the first who answered; sums may differ in last bits."""
    if not right:
        right.append(rows)
    (expected,) = right
    if len(expected) != len(rows) or not all(map(_same_row, expected, rows)):
        raise RowsDifferError(f"{engine} gave {rows[:5]}, not {expected[:5]}")


def _same_row(left: dict[str, Any], right: dict[str, Any]) -> bool:
    return left.keys() == right.keys() and all(
        math.isclose(left[k], right[k], rel_tol=1e-9)
        if isinstance(left[k], float)
        else left[k] == right[k]
        for k in left
    )

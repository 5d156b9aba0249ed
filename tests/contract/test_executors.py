"""The contract is held against every executor that there is."""

from __future__ import annotations

import importlib
import os
import pkgutil
from pathlib import Path

import partita as pt
from partita.engine.execution import executors
from partita.engine.observe.profile import Profile

from .executors import PLACES, Executor
from .marks import pids, watched


def test_every_executor_has_its_line() -> None:
    modules = [
        importlib.import_module(f"{executors.__name__}.{module.name}")
        for module in pkgutil.iter_modules(executors.__path__)
    ]
    kinds = {
        kind
        for module in modules
        for kind in vars(module).values()
        if isinstance(kind, type) and isinstance(vars(kind).get("shares_memory"), bool)
    }
    assert kinds == {place.kind for place in PLACES.values()}
    assert all(place.kind.name == name for name, place in PLACES.items())


def test_tasks_run_where_the_executor_says(
    executor: Executor, session: pt.Session, dataset: Path, tmp_path: Path
) -> None:
    profile = watched(pt.scan_parquet(dataset), tmp_path / "marks").collect().profile
    assert isinstance(profile, Profile)
    assert profile.executor == executor.name
    assert profile.outcome == "finished"
    here = pids(tmp_path / "marks") == {os.getpid()}
    assert here == executor.shares_memory
    assert 1 <= len(pids(tmp_path / "marks")) <= profile.workers


def test_a_run_is_accounted_for(session: pt.Session, dataset: Path) -> None:
    asked = pt.scan_parquet(dataset).group_by("file").agg(pt.col("value").sum())
    profile = asked.collect().profile
    assert isinstance(profile, Profile)
    assert profile.rows == 6
    assert profile.retries == 0
    assert profile.stages[0].tasks == 12
    assert profile.stages[0].rows_in == 120_000
    assert all(stage.finished == stage.tasks for stage in profile.stages)
    assert profile.busy_seconds > 0
    assert profile.bytes_handed_on > 0

"""Limits of memory that make no sense, or cannot be kept, are told when they are set."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import warnings
from dataclasses import replace

import pytest

import partita as pt
from partita.engine import config, errors

LEAST = 64 << 20


@pytest.fixture(autouse=True)
def _as_users_have_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(config, "LEAST_MEMORY", LEAST)


@pytest.mark.parametrize("executor", ["serial", "process"])
def test_less_than_one_worker_needs_is_told_once(executor: str) -> None:
    frame = pt.from_pydict({"a": [3, 1, 2]})
    with pt.Session(executor=executor, memory_limit="6MiB", workers=2):
        with pytest.warns(UserWarning, match=r"memory_limit is 6\.0 MiB.* 64 MiB are kept"):
            assert frame.sort("a").to_pydict() == {"a": [1, 2, 3]}
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert frame.sort("a").to_pydict() == {"a": [1, 2, 3]}


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        (-1, "at least 0"),
        ("-2GiB", "at least 0"),
        ("lots", "a size such as '512MiB'"),
        ("", "a size such as '512MiB'"),
        ("2 gigs", "a size such as '512MiB'"),
        ("nanGiB", "a size such as '512MiB'"),
        ("infGiB", "a size such as '512MiB'"),
        (None, "a size such as '512MiB'"),
        (True, "a size such as '512MiB'"),
        (0.5, "a size such as '512MiB'"),
    ],
)
def test_what_is_no_size_is_refused(given: object, wanted: str) -> None:
    with pytest.raises(errors.ConfigError, match=wanted):
        pt.config.set(memory_limit=given)


def test_zero_takes_a_part_of_what_there_is() -> None:
    with config.set(memory_limit=0):
        assert config.memory_limit(config.get()) > LEAST


def test_more_than_there_is_is_no_more_than_there_is() -> None:
    frame = pt.from_pydict({"a": [3, 1, 2]})
    with pt.Session(executor="serial", memory_limit="900000GiB"):
        assert frame.sort("a").to_pydict() == {"a": [1, 2, 3]}


@pytest.mark.parametrize(("limit", "workers"), [(1, 1), (2, 2), (3, 3), (8, 8), (100, 8)])
def test_there_is_a_worker_for_each_64_mebibytes(limit: int, workers: int) -> None:
    settings = replace(config.get(), workers=8, memory_limit=limit * LEAST)
    assert config.worker_count(settings) == workers


def test_fewer_workers_than_were_asked_for_are_told_of() -> None:
    script = """
        import warnings
        import partita as pt
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            with pt.Session(executor="process", workers=3, memory_limit="64MiB") as session:
                assert pt.from_pydict({"a": [1, 2]}).count().to_pydict() == {"a": [2]}
                pids = session.pids
        print(len(pids), *[each.message for each in caught])
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, check=True
    )
    # With the helper that forks them.
    assert done.stdout.startswith("2 3 workers were asked for, and 1 are started:")
    assert "memory_limit is 64 MiB" in done.stdout
    assert done.stdout.count("workers were asked for") == 1


def test_as_many_workers_as_fit_are_no_news() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pt.Session(executor="process", workers=2, memory_limit="128MiB") as session:
            assert len(session.pids) == 3

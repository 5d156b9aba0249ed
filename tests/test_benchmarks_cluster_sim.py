"""The simulated cluster: the real scheduler comes to its end on it, and its account is right."""

from __future__ import annotations

import sys
from dataclasses import replace

import pytest

from . import quick_runs  # noqa: F401  (it makes the benchmarks importable)

from benchmarks.cluster_sim import __main__ as command  # isort: skip
from benchmarks.cluster_sim.bound import HELD_BACK  # isort: skip
from benchmarks.cluster_sim.cluster import Cluster  # isort: skip
from benchmarks.cluster_sim.shapes import SHAPES  # isort: skip
from benchmarks.cluster_sim.simulation import simulate  # isort: skip

CALM = Cluster(workers=20, slow=0.0, lost=0)
PART = 2**25


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_ends_with_nothing_held_near_what_is_possible(shape: str) -> None:
    account = simulate(shape, 400, CALM, PART)
    assert account.tasks >= 400
    assert account.bound <= account.makespan < 3 * account.bound
    assert account.left == 0
    assert 0 < account.held <= 800 * PART
    assert account.remade == 0


@pytest.mark.parametrize("shape", SHAPES)
def test_idleness_is_told_by_its_causes(shape: str) -> None:
    account = simulate(shape, 300, CALM, PART)
    busy = account.bounds.work / account.makespan
    # What is not accounted for are the differences in speed of the workers that were busy.
    assert busy + sum(account.idle.values()) == pytest.approx(1, abs=0.05)


def test_the_path_knows_that_an_exchange_is_waited_for() -> None:
    account = simulate("sort", 30, replace(CALM, workers=40), PART)
    # Fewer tasks than workers: what each stage waits for is its longest task.
    assert account.bounds.name == "path"
    assert account.bounds.path > 1.2 * account.bounds.task


def test_slow_workers_that_get_no_more_tasks_are_not_waited_for() -> None:
    slow = replace(CALM, slow=0.1)
    plain = simulate("reduce", 1_000, slow, PART)
    avoiding = simulate("reduce", 1_000, slow, PART, avoid=3.0)
    assert avoiding.makespan < plain.makespan
    assert avoiding.remade == 0


def test_what_a_lost_worker_held_is_made_again_and_no_more() -> None:
    # Each task behind the scan reads a few of its outputs, and one worker of twenty has died.
    account = simulate("sort", 300, replace(CALM, lost=1), PART)
    assert 0 < account.remade < 0.15


def test_the_same_seed_gives_the_same_schedule() -> None:
    stormy = replace(CALM, slow=0.1, lost=4)
    first, second = (simulate("join", 300, stormy, PART) for _ in range(2))
    assert (first.makespan, first.held, first.remade) == (
        second.makespan,
        second.held,
        second.remade,
    )


def test_workers_that_die_cost_work_and_not_the_answer() -> None:
    account = simulate("reduce", 400, replace(CALM, lost=5), PART)
    assert account.tasks == simulate("reduce", 400, CALM, PART).tasks
    assert 0 < account.remade < 1
    assert account.left == 0


def test_a_task_costs_the_driver_about_the_same_however_many_there_are() -> None:
    few, many = (simulate("map", tasks, Cluster(), PART) for tasks in (1_000, 10_000))
    assert many.per_task < 3 * few.per_task + 100


def test_twice_as_many_pieces_cost_no_more_each() -> None:
    few, many = (simulate("sort", tasks, Cluster(), PART) for tasks in (250, 1_000))
    # Four times the tasks, sixteen times the pieces.
    assert many.driver < 16 * 3 * few.driver


def test_slow_workers_are_made_up_for_by_starting_tasks_again() -> None:
    slow = replace(CALM, slow=0.2)
    plain = simulate("reduce", 400, slow, PART)
    again = simulate("reduce", 400, slow, PART, speculate=2.0)
    assert again.makespan < plain.makespan
    assert again.remade > 0


def test_the_command_prints_a_line_for_each_query(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        sys,
        "argv",
        ["cluster_sim", "--tasks=100", "--workers=10", "--queries=map,join", "--lost=1"],
    )
    command.main()
    makespans, causes = (
        [line.strip("| ").split(" | ") for line in part.splitlines() if line.startswith("| ")]
        for part in capsys.readouterr().out.split("Of all seconds")
    )
    assert [row[0] for row in makespans] == [row[0] for row in causes] == ["query", "map", "join"]
    for row in causes[1:]:
        assert sum(map(float, row[1:])) == pytest.approx(100, abs=1)


def test_scans_go_on_where_what_is_held_is_only_read_when_all_is_there() -> None:
    small = replace(CALM, memory=2**29)
    account = simulate("sort", 1_500, small, PART)
    assert account.held > small.workers * small.memory
    assert account.idle[HELD_BACK] < 0.01
    assert account.makespan < 3 * account.bound

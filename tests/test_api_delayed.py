"""Python functions as tasks: a graph of calls, and several results of one run."""

from __future__ import annotations

import functools
import operator
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import partita as pt
from partita import col, errors
from partita.engine.execution import events
from partita.engine.execution.session import Session
from partita.engine.optimizer.context import Context
from partita.engine.optimizer.optimizer import optimize
from partita.engine.plan.display import text
from partita.engine.plan.together import Together
from partita.engine.plan.verify import verify

from .contract.marks import comes_true


@pytest.fixture(scope="module", params=["serial", "process"])
def session(request: pytest.FixtureRequest) -> Iterator[pt.Session]:
    with pt.Session(executor=request.param, workers=2, partition_bytes="64KiB") as session:
        yield session


@pt.delayed
def add(left: Any, right: Any = 0) -> Any:
    return left + right


@pt.delayed
def noted(value: Any, *after: Any, folder: str) -> Any:
    """Return the value, and leave a file that says that it was called."""
    Path(folder, f"{value}-{os.urandom(6).hex()}").touch()
    return value


def frame(rows: int = 30_000) -> pt.DataFrame:
    return pt.from_pydict({"a": np.arange(rows), "k": np.arange(rows) % 5})


def seen(session: Session, plan: Any) -> list[events.Event]:
    found: list[events.Event] = []
    list(session.execute(optimize(plan), [found.append]))
    return found


def test_calls_make_a_graph(session: pt.Session) -> None:
    one = add(1)
    two = add(one, one)
    four = add(two, right=two)
    assert four.compute() == 4
    assert add([1, 2], [3]).compute() == [1, 2, 3]
    assert pt.delayed(dict)(a=add(1), b=[add(2), (add(3), {"c": add(4)})]).compute() == {
        "a": 1,
        "b": [2, (3, {"c": 4})],
    }
    tree = [pt.delayed(operator.mul)(n, n) for n in range(64)]
    while len(tree) > 1:
        tree = [add(*tree[place : place + 2]) for place in range(0, len(tree), 2)]
    assert tree[0].compute() == sum(n * n for n in range(64))
    chain = functools.reduce(lambda made, n: add(made, n), range(30), add(0))
    assert chain.compute() == sum(range(30))


def test_each_call_runs_once_and_none_before_it_is_asked_for(
    session: pt.Session, tmp_path: Path
) -> None:
    base = noted(1, folder=str(tmp_path))
    left, right = noted(2, base, folder=str(tmp_path)), noted(3, base, folder=str(tmp_path))
    never = noted(9, base, folder=str(tmp_path))
    assert repr(never).startswith("<delayed noted")
    assert not list(tmp_path.iterdir())
    assert pt.compute(add(left, right), [left, base], 7) == (5, [2, 1], 7)
    assert sorted(path.name[0] for path in tmp_path.iterdir()) == ["1", "2", "3"]
    # Each of two calls of one function with the same arguments, which may not be pure.
    again = [noted(5, folder=str(tmp_path)) for _ in range(2)]
    pt.compute(*again)
    assert sum(path.name[0] == "5" for path in tmp_path.iterdir()) == 2


def test_frames_are_given_as_tables(session: pt.Session) -> None:
    @pt.delayed
    def describe(table: pa.Table, other: pa.Table, factor: int) -> tuple[Any, ...]:
        assert isinstance(table, pa.Table)
        return table.num_rows, table.column_names, other.num_rows * factor

    filtered = frame().filter(col("a") >= 10)
    groups = filtered.group_by("k").agg(col("a").sum())
    found = describe(filtered, groups, add(5, 5)).compute()
    assert found == (29_990, ["a", "k"], 50)
    ordered = pt.delayed(lambda table: table["a"].to_pylist())(frame(1000))
    assert ordered.compute() == list(range(1000))
    assert pt.delayed(len)(frame(0)).compute() == 0


def test_objects_of_any_kind_and_size_travel(session: pt.Session) -> None:
    class Model:
        def __init__(self, weights: np.ndarray) -> None:
            self.weights = weights

    @pt.delayed
    def fit(seed: int) -> Model:
        return Model(np.full(200_000, seed, float))

    @pt.delayed
    def mean(models: list[Model]) -> np.ndarray:
        return np.mean([model.weights for model in models], axis=0)

    assert mean([fit(1), fit(3)]).compute().tolist() == [2.0] * 200_000
    assert pt.delayed(lambda: None)().compute() is None
    assert pt.delayed(pa.table)({"a": [1]}).compute().to_pydict() == {"a": [1]}


def test_many_calls_are_few_stages(session: pt.Session) -> None:
    total = pt.delayed(sum)([add(n, 1) for n in range(500)])
    stages = [
        event for event in seen(session, total.plan) if isinstance(event, events.StagePlanned)
    ]
    assert len(stages) == 2
    assert total.compute() == sum(range(501))


def _pid_with_another(number: int, folder: str) -> int:
    """Return this process, once another one is in the middle of this as well."""
    Path(folder, str(os.getpid())).touch()
    comes_true(lambda: len(os.listdir(folder)) > 1)
    return os.getpid()


def test_calls_run_in_processes_and_again_where_one_dies(tmp_path: Path) -> None:
    def die_once(value: int, folder: str = str(tmp_path)) -> int:
        mark = Path(folder, "died")
        if value == 3 and not mark.exists():
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return value

    # Without a word about it calls run in the pool, on all of its workers.
    with pt.Session(workers=2):
        calls = [pt.delayed(die_once)(n) for n in range(6)]
        assert pt.delayed(sum)(calls).compute() == 15
        folder = tmp_path / "pids"
        folder.mkdir()
        pids = pt.compute(*[pt.delayed(_pid_with_another)(n, str(folder)) for n in range(2)])
    assert os.getpid() not in pids
    assert len(set(pids)) == 2


def test_a_call_that_fails_is_named(session: pt.Session) -> None:
    def broken(value: int) -> int:
        raise LookupError(f"nothing at {value}")

    with pytest.raises(errors.UserFunctionError) as caught:
        add(1, pt.delayed(broken)(7)).compute()
    message = str(caught.value)
    assert "broken raised LookupError: nothing at 7" in message
    assert Path(__file__).name in message
    assert "a call of test_a_call_that_fails_is_named" in message
    assert isinstance(caught.value.__cause__, LookupError)


def test_what_cannot_be_done_with_a_call_is_said() -> None:
    with pytest.raises(errors.InvalidExpression, match="neither true nor false"):
        bool(add(1))
    with pytest.raises(errors.InvalidExpression, match="nothing to go through"):
        list(add(1))
    with pytest.raises(errors.InvalidExpression, match="found int"):
        pt.delayed(5)  # type: ignore[arg-type]


# Several results


def test_several_frames_are_run_in_one_go(session: pt.Session, tmp_path: Path) -> None:
    def counted(batch: pa.RecordBatch, folder: str = str(tmp_path)) -> pa.RecordBatch:
        Path(folder, os.urandom(8).hex()).touch()
        return batch

    common = frame().map_batches(counted, frame().schema)
    parts = frame().npartitions
    sums, top, rows, nothing = pt.compute(
        common.group_by("k").agg(col("a").sum()).sort("k"),
        common.top_k(2, by="a").select("a"),
        common.select(pt.len()),
        common.filter(col("a") < 0),
    )
    assert isinstance(sums, pd.DataFrame)
    assert sums["k"].tolist() == [0, 1, 2, 3, 4]
    assert sums["a"].sum() == 30_000 * 29_999 // 2
    assert top["a"].tolist() == [29_999, 29_998]
    assert rows["len"].tolist() == [30_000]
    assert (len(nothing), list(nothing.columns)) == (0, ["a", "k"])
    assert len(list(tmp_path.iterdir())) == parts


def test_results_keep_their_columns_and_order(session: pt.Session) -> None:
    table = pa.table(
        {"d": pa.array(["x", None]).dictionary_encode(), "t": pa.array([1, 2], pa.timestamp("ns"))}
    )
    first, second, third = pt.compute(frame(), pt.from_arrow(table), frame().select("a"))
    assert first["a"].tolist() == list(range(30_000))
    pd.testing.assert_frame_equal(second, table.to_pandas())
    assert third.columns.tolist() == ["a"]
    assert pt.compute(frame(10), frame(10))[1].equals(frame(10).to_pandas())
    same = frame(10)
    assert all(found.equals(same.to_pandas()) for found in pt.compute(same, same))


def test_results_may_lie_in_containers_among_other_things(session: pt.Session) -> None:
    found = pt.compute({"f": frame(3), "n": [add(1, 1), "text"]}, 5, None)
    assert found[0]["f"]["a"].tolist() == [0, 1, 2]
    assert found[0]["n"] == [2, "text"]
    assert found[1:] == (5, None)
    assert pt.compute() == ()
    assert pt.compute(1, "x") == (1, "x")


@pytest.mark.parametrize("optimized", [True, False])
def test_several_results_are_a_plan_like_others(session: pt.Session, optimized: bool) -> None:
    sums = frame().group_by("k").agg(col("a").sum())
    calls = [pt.delayed(len)(sums), sums, sums.filter(col("k") > 2).select("k"), add(1)]
    plan = Together(parts=tuple(each.plan for each in calls))
    verify(optimize(plan, Context(verify=True)))
    described = text(plan)
    assert described.startswith("TOGETHER 4 results")
    assert "RUN len  rows: gathered" in described
    assert described.count("AGGREGATE by k  gives") == 1
    with pt.config.set(optimize=optimized):
        count, whole, some, one = pt.compute(*calls)
    assert (count, len(whole), sorted(some["k"]), one) == (5, 5, [3, 4], 1)


def test_an_error_in_one_of_several_is_raised(session: pt.Session) -> None:
    with pytest.raises(errors.ComputeError):
        pt.compute(frame(10), frame(10).select(col("a").cast("int8") * 100 * col("a")))

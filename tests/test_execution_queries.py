"""The life of a query: begun, suspended, forgotten, interrupted, inherited; and what it leaves."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import pyarrow as pa
import pytest

import partita as pt
from partita import errors
from partita.engine.execution.policy import StageRun
from partita.engine.execution.report import failure_of, located
from partita.engine.execution.worker import yield_to_driver
from partita.engine.physical.stage import Branch, Exchange, Stage, TaskInput

SCHEMA = pa.schema([("key", pa.int64()), ("value", pa.float64()), ("file", pa.int32())])


def slowly(batch: pa.RecordBatch) -> pa.RecordBatch:
    time.sleep(0.02)
    return batch


def slow(root: Path) -> pt.DataFrame:
    return pt.scan_parquet(root).map_batches(slowly, schema=SCHEMA)


def rows(root: Path) -> int:
    return len(pt.scan_parquet(root))


def files_of(session: pt.Session) -> list[str]:
    """Return the files of the session other than its locks."""
    assert session._directory is not None
    places = session._directory.memory, session._directory.disk
    names = [name for place in places for _, _, names in os.walk(place) for name in names]
    return [name for name in names if name != "lock"]


def run_script(script: str, *arguments: object, **more: object) -> tuple[str, str, int]:
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script), *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        **more,  # type: ignore[call-overload]
    )
    return done.stdout, done.stderr, done.returncode


def test_an_interrupt_before_there_is_a_worker(dataset: Path) -> None:
    # The helper stands still while tasks wait for workers that are not there. It is a process
    # group of its own: what is killed by mistake is not the test.
    script = """
        import os, signal, sys, threading, time
        import partita as pt
        from partita.engine.execution.executors.fork_server import ForkServer
        from partita.engine.execution.session import current

        pt.config.set(executor="process", workers=2, partition_bytes="1MiB")
        start = ForkServer.__init__

        def start_and_stop(helper, *arguments):
            start(helper, *arguments)
            os.kill(helper.pid, signal.SIGSTOP)
            threading.Timer(2, os.kill, (helper.pid, signal.SIGCONT)).start()

        def interrupt():
            while not any(one.tasks for pool in current()._executors.values()
                          for one in pool._pool.workers.values()):
                time.sleep(0.01)
            os.kill(os.getpid(), signal.SIGINT)

        ForkServer.__init__ = start_and_stop
        frame = pt.scan_parquet(sys.argv[1])
        threading.Thread(target=interrupt).start()
        try:
            frame.collect()
        except KeyboardInterrupt:
            print("interrupted")
        print(len(frame))
    """
    done = run_script(script, dataset, start_new_session=True)
    assert done == ("interrupted\n120000\n", "", 0)


def test_an_interrupt_of_the_whole_group_while_the_pool_starts(dataset: Path) -> None:
    script = """
        import os, signal, sys, threading
        import partita as pt

        pt.config.set(executor="process", workers=2, partition_bytes="1MiB")
        frame = pt.scan_parquet(sys.argv[1])
        for seconds in (0.01, 0.05, 0.2):
            try:
                threading.Timer(seconds, os.killpg, (os.getpid(), signal.SIGINT)).start()
                while True:
                    frame.collect()
            except KeyboardInterrupt:
                print("interrupted")
        print(len(frame))
    """
    done = run_script(script, dataset, start_new_session=True)
    assert done == ("interrupted\n" * 3 + "120000\n", "", 0)


def test_a_child_that_a_function_forks_does_not_hide_the_end_of_its_worker(
    pool: pt.Session, dataset: Path, tmp_path: Path
) -> None:
    forked, over = tmp_path / "forked", tmp_path / "over"

    def fork_and_die(batch: pa.RecordBatch) -> pa.RecordBatch:
        if batch.column("file")[0].as_py() == 3 and not forked.exists():
            forked.touch()
            if os.fork() == 0:
                # It has the worker's socket, and keeps it.
                while not over.exists():
                    time.sleep(0.02)
                os._exit(0)
            os.kill(os.getpid(), signal.SIGKILL)
        return batch

    frame = pt.scan_parquet(dataset).map_batches(fork_and_die, schema=SCHEMA)
    # Ends the wait of a driver that would not notice.
    late = threading.Timer(60, over.touch)
    late.start()
    try:
        assert frame.collect().shape == (120_000, 3)
        assert forked.exists()
        assert not over.exists()
    finally:
        late.cancel()
        over.touch()


def test_a_working_directory_that_is_gone(dataset: Path, tmp_path: Path) -> None:
    script = """
        import os, sys
        import partita as pt

        os.mkdir(sys.argv[2])
        os.chdir(sys.argv[2])
        os.rmdir(sys.argv[2])
        pt.config.set(executor="process", workers=1)
        print(len(pt.scan_parquet(sys.argv[1])))
    """
    assert run_script(script, dataset, tmp_path / "gone") == ("120000\n", "", 0)


def test_the_interpreter_ends_quietly_while_a_query_is_suspended(dataset: Path) -> None:
    script = """
        import sys
        import partita as pt

        pt.config.set(executor="process", workers=2, partition_bytes="256KiB")
        batches = pt.scan_parquet(sys.argv[1]).collect_batches()
        print(next(batches).num_rows > 0)
        itself = [batches]
        itself.append(itself)
    """
    assert run_script(script, dataset) == ("True\n", "", 0)


def test_a_query_in_an_exit_handler_that_runs_after_the_end_of_the_session(dataset: Path) -> None:
    script = """
        import atexit, sys

        @atexit.register
        def last():
            print(len(frame))

        import partita as pt

        pt.config.set(executor="process", workers=1)
        frame = pt.scan_parquet(sys.argv[1])
        print(len(frame))
    """
    assert run_script(script, dataset) == ("120000\n120000\n", "", 0)


def test_a_forked_child_leaves_the_suspended_query_of_its_parent_alone(
    pool: pt.Session, dataset: Path
) -> None:
    batches = slow(dataset).collect_batches()
    seen = next(batches).num_rows
    child = os.fork()
    if child == 0:
        status = 1
        try:
            list(batches)
        except errors.ExecutionError:
            status = 0
        finally:
            os._exit(status)
    assert os.waitpid(child, 0)[1] == 0
    assert seen + sum(batch.num_rows for batch in batches) == 120_000


def test_a_closed_session_is_not_entered_again() -> None:
    session = pt.Session(workers=1)
    session.close()
    with pytest.raises(errors.ExecutionError, match="session is closed"), session:
        pass


def test_suspended_queries_that_are_garbage_are_left_whoever_collects_them(
    pool: pt.Session, dataset: Path
) -> None:
    def forget_one() -> None:
        batches = slow(dataset).collect_batches()
        next(batches)
        cycle: list[object] = [batches]
        cycle.append(cycle)

    for _ in range(3):
        forget_one()
    collector = threading.Timer(0.05, gc.collect)
    collector.start()
    assert rows(dataset) == 120_000
    collector.join()
    # And by this thread, at any moment of another query.
    thresholds = gc.get_threshold()
    gc.set_threshold(5, 1, 1)
    try:
        for _ in range(3):
            forget_one()
            assert rows(dataset) == 120_000
    finally:
        gc.set_threshold(*thresholds)
    gc.collect()
    assert rows(dataset) == 120_000
    assert files_of(pool) == []


def test_workers_that_are_changed_while_a_query_is_suspended(dataset: Path) -> None:
    with (
        pt.config.set(executor="process", workers=1, partition_bytes="256KiB"),
        pt.Session() as own,
    ):
        batches = slow(dataset).collect_batches()
        seen = next(batches).num_rows
        first = own.pids
        with pt.config.set(workers=2):
            assert rows(dataset) == 120_000
            assert own.pids == first
            assert seen + sum(batch.num_rows for batch in batches) == 120_000
            assert rows(dataset) == 120_000
            assert len(own.pids) == 3


def test_the_partition_that_the_user_waits_for_is_run_again_first() -> None:
    branch = Branch(inputs=(TaskInput(),) * 8, schema=SCHEMA)
    stage = Stage(id=0, label="", branches=(branch,), schema=SCHEMA, output=Exchange(kind="result"))
    run = StageRun(stage)
    assert [run.take() for _ in range(6)] == [0, 1, 2, 3, 4, 5]
    # In the order in which their workers were found dead.
    run.again.update((5, 3))
    assert [run.take() for _ in range(3)] == [3, 5, 6]


def test_an_error_of_a_class_of_the_user_arrives_as_the_nearest_of_ours() -> None:
    class Peculiar(errors.SourceCorrupt):
        def __init__(self, path: str, offset: int) -> None:
            super().__init__(f"{path} is damaged at {offset}")

    stage = Stage(
        id=3,
        label="scan",
        branches=(Branch(inputs=(TaskInput(label="a.bin"),), schema=SCHEMA),),
        schema=SCHEMA,
        output=Exchange(kind="result"),
    )
    error = located(failure_of(Peculiar("a.bin", 7)), stage, 0).raised()
    assert type(error) is errors.SourceCorrupt
    assert str(error).startswith("a.bin is damaged at 7\n  in partition 0 of 1 (a.bin)")
    missing = located(failure_of(errors.column_not_found("a", ["b"])), stage, 0).raised()
    assert type(missing) is errors.ColumnNotFound
    assert str(missing).startswith("Column 'a' is not found. Existing columns: 'b'.\n  in")


def test_workers_do_not_take_the_place_of_the_driver() -> None:
    before = os.sched_getscheduler(0)
    with pt.Session(executor="process", workers=2) as session:
        frame = pt.from_pydict({"a": list(range(8))}).repartition(8)
        assert frame.count().to_pydict() == {"a": [8]}
        *workers, _ = session.pids
        assert os.sched_getscheduler(0) == before
        assert os.SCHED_BATCH in {os.sched_getscheduler(pid) for pid in workers}


def test_a_worker_works_where_its_policy_must_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "sched_setscheduler", refused)
    yield_to_driver()

"""A run directory that goes, closes or never was one: typed errors, and the next query right."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

import partita as pt
from partita import col, errors
from partita.engine.execution import session as sessions

from .namespaces import in_namespace, needs_namespace

ROWS = 48_000
MEMORY = {"serial": "512KiB", "process": "1MiB"}


@pytest.fixture(scope="module")
def frame(tmp_path_factory: pytest.TempPathFactory) -> pt.DataFrame:
    """Several partitions, of which a sort or a join holds more than it may."""
    folder = tmp_path_factory.mktemp("rows")
    random = np.random.default_rng(2)
    table = {"value": random.permutation(ROWS) * 7919, "other": random.random(ROWS)}
    for part in range(4):
        piece = {name: column[part::4] for name, column in table.items()}
        pt.from_arrow(pa.table(piece)).sink_parquet(folder / str(part))
    return pt.scan_parquet(f"{folder}/*/*.parquet")


@pytest.fixture(params=["serial", "process"])
def session(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[pt.Session]:
    """A session whose run directory is below the test's own."""
    settings = {"executor": request.param, "workers": 2, "memory_limit": MEMORY[request.param]}
    with pt.Session(**settings, run_directory=str(tmp_path), broadcast_bytes=0) as made:
        yield made


QUERIES: dict[str, Callable[[pt.DataFrame], pt.DataFrame]] = {
    "sort": lambda df: df.sort("value"),
    "group": lambda df: df.group_by("value").agg(other=col("other").max()).sort("value"),
    "join": lambda df: (
        df.select("value").join(df, on="value").select("value", "other").sort("value")
    ),
}


def disk(session: pt.Session) -> Path:
    return Path(session._directories().disk)


def outcome(query: pt.DataFrame, meanwhile: Callable[[int], object] = lambda batch: None) -> str:
    """Return how a query ended that sorts by value; `meanwhile` is called with each batch."""
    seen = 0
    try:
        for number, batch in enumerate(query.collect_batches()):
            meanwhile(number)
            assert np.array_equal(
                batch["value"].to_numpy(), np.arange(seen, seen + batch.num_rows) * 7919
            )
            seen += batch.num_rows
    except errors.ExecutionError as error:
        return f"{type(error).__name__}: {error}"
    assert seen == ROWS
    return "right"


@pytest.mark.parametrize("name", QUERIES)
def test_it_is_removed_before_rows_are_put_aside(
    name: str, frame: pt.DataFrame, session: pt.Session
) -> None:
    place = disk(session)
    home = str(place.parent)

    def remove(batch: pa.RecordBatch) -> pa.RecordBatch:
        for directory in os.listdir(home):
            shutil.rmtree(os.path.join(home, directory), ignore_errors=True)
        return batch

    said = outcome(QUERIES[name](frame.map_batches(remove, schema=frame.schema)))
    if said == "right":
        # Without workers there is a directory only once rows are put aside.
        assert "serial" in repr(session)
    else:
        assert said.startswith("ExecutionError")
        assert home in said
        assert "No such file or directory" in said
        assert "run_directory" in said
        assert "Traceback" not in said
    assert outcome(QUERIES[name](frame)) == "right"
    # In a place of its own again.
    assert disk(session).is_dir()
    assert disk(session) != place


@pytest.mark.parametrize(("name", "after"), [("sort", 0), ("sort", 3), ("group", 1), ("join", 1)])
def test_it_is_removed_while_rows_are_taken(
    name: str, after: int, frame: pt.DataFrame, session: pt.Session
) -> None:
    def remove(batch: int) -> None:
        if batch == after:
            shutil.rmtree(disk(session))

    said = outcome(QUERIES[name](frame), remove)
    # What was read ahead may have been all.
    assert said == "right" or ("ExecutionError" in said and "Traceback" not in said)
    assert outcome(QUERIES[name](frame)) == "right"


def test_all_that_is_in_it_is_removed_while_rows_are_taken(
    frame: pt.DataFrame, session: pt.Session
) -> None:
    def remove(batch: int) -> None:
        for path in disk(session).rglob("*.arrows"):
            path.unlink(missing_ok=True)

    said = outcome(frame.sort("value"), remove)
    assert said == "right" or ("cannot be read again" in said and "Traceback" not in said)
    assert outcome(frame.sort("value")) == "right"


@pytest.mark.parametrize("executor", ["serial", "process"])
@pytest.mark.parametrize("kind", ["file", "file inside", "missing", "broken link"])
def test_it_is_no_directory(kind: str, executor: str, frame: pt.DataFrame, tmp_path: Path) -> None:
    place = tmp_path / "place"
    inside = place / f"partita-{os.getuid()}"
    match kind:
        case "file":
            place.write_text("mine")
        case "file inside":
            place.mkdir()
            inside.write_text("mine")
        case "broken link":
            place.symlink_to(tmp_path / "nowhere")
    settings = {"executor": executor, "workers": 2, "memory_limit": MEMORY[executor]}
    with pt.Session(**settings, run_directory=str(place)):
        said = outcome(frame.sort("value"))
        assert said.startswith("ExecutionError: The run directory")
        assert str(place) in said
        assert "run_directory" in said
        # Nobody's file has been touched.
        if kind.startswith("file"):
            (path := place if kind == "file" else inside).unlink()
            assert path != place or not place.exists()
        if kind == "broken link":
            place.unlink()
        place.mkdir(exist_ok=True)
        # The same session, now that there is a place.
        assert outcome(frame.sort("value")) == "right"
    assert list(inside.iterdir()) == []


@needs_namespace
def test_it_cannot_be_written_to_any_more(tmp_path: Path) -> None:
    for line in in_namespace("full_spills.py", "read-only", str(tmp_path), "0"):
        assert line["before"] == "finished", line
        assert line["ended"] in {"ExecutionError", "StorageFull"}, line
        assert "Read-only file system" in line["message"], line
        assert "Traceback" not in line["message"], line
        assert line["left"] == [], line
        assert line["next"], line
        assert line["again"] == "finished", line


def test_another_session_is_not_touched(frame: pt.DataFrame, tmp_path: Path) -> None:
    def small() -> pt.Session:
        return pt.Session(executor="serial", memory_limit="512KiB", run_directory=str(tmp_path))

    with small() as first:
        assert outcome(frame.sort("value")) == "right"
        with small() as second:
            assert outcome(frame.sort("value")) == "right"
            shutil.rmtree(disk(first))
            assert outcome(frame.sort("value")) == "right"
            assert disk(second).is_dir()
        assert sessions.current() is first
        assert outcome(frame.sort("value")) == "right"

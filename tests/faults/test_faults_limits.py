"""Whole queries in a container, and under ``ulimit``, that has less memory than their data."""

from __future__ import annotations

import functools
import json
import os
import resource
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pyarrow as pa
import pytest

import partita as pt
from partita.io.file_errors import reason

from . import heavy
from .cgroups import killed_in, memory_group
from .processes import environment

# the benchmarks are part of the repository and not of the package: nothing installs them
sys.path.append(str(Path(__file__).resolve().parents[2]))

from benchmarks.harness.comparison import difference
from benchmarks.harness.engines import duckdb as reference
from benchmarks.harness.engines.partita import Partita
from benchmarks.harness.suite import Tables
from benchmarks.tpch.dataset import Dataset, generated
from benchmarks.tpch.queries import ORDER_BY, queries

ALLOWED = int(1.2 * 2**30)

TPCH = ("Q1", "Q5", "Q9", "Q13", "Q18", "Q21")
SERIAL = ("sort", "many groups", "join", "distinct text", "window", "Q18")

SECONDS = 900
"""For one query, on a machine that is busy with other things."""


@pytest.fixture(scope="module")
def gigabytes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """2 GiB of numbers and 1 GB of texts."""
    root = tmp_path_factory.mktemp("heavy")
    heavy.write_numbers(root, files=16)
    heavy.write_texts(root, files=14)
    return root


@pytest.fixture(scope="module")
def tpch() -> Dataset:
    """TPC-H at scale 1; kept from run to run."""
    return generated(1.0, "double")


def right(number: int, data: Dataset, found: pa.Table) -> str | None:
    """Return in what rows differ from DuckDB's, None where they do not."""
    import duckdb

    engine = reference.DuckDB(duckdb.connect())
    expected = engine.collect(queries("duckdb")[number](Tables(engine, data)))
    return difference(expected, found, order_by=ORDER_BY.get(number, ()))


T = TypeVar("T")


def driven(
    name: str,
    executor: str,
    root: Path,
    enter: Callable[[], object],
    take: Callable[[Iterator[pa.RecordBatch]], T],
) -> tuple[dict[str, Any], T]:
    """Run a query in a driver of its own, which calls `enter` first.

    Return what it says, and what `take` makes of its rows in this process, where no limit is.
    """
    reading, writing = os.pipe()
    command = [sys.executable, heavy.__file__, name, str(root), executor, str(writing)]
    with tempfile.TemporaryFile("w+") as said, os.fdopen(reading, "rb") as pipe:
        try:
            driver = subprocess.Popen(
                command,
                stdout=subprocess.PIPE,
                stderr=said,
                text=True,
                env=environment(),
                preexec_fn=enter,
                pass_fds=[writing],
            )
        finally:
            os.close(writing)
        timer = threading.Timer(SECONDS, driver.kill)
        timer.start()
        rows = take(heavy.received(pipe))
        printed, _ = driver.communicate()
        timer.cancel()
        said.seek(0)
        assert driver.returncode == 0, f"it ended with {driver.returncode}: {said.read()[-3000:]}"
    found: dict[str, Any] = json.loads(printed)
    assert found["next"] == {"g": [0, 1, 2], "n": [334, 333, 333]}
    return found, rows


def check(
    name: str, executor: str, gigabytes: Path, tpch: Dataset, enter: Callable[[], object]
) -> dict[str, Any]:
    """Have a query finish with the right rows, or end with an error of ours."""
    if name in TPCH:
        found, batches = driven(name, executor, tpch.directory, enter, list)
        differs = found["ended"] == "finished" and right(
            int(name[1:]), tpch, pa.Table.from_batches(batches)
        )
    else:
        by = heavy.HEAVY[name].by
        found, rows = driven(
            name, executor, gigabytes, enter, lambda batches: heavy.summed(batches, by)
        )
        differs = found["ended"] == "finished" and not (
            rows.in_order and rows.digest == expected(name, gigabytes)
        )
    print(f"\n{executor}, {name}: {found}")
    assert found["limit"] <= 0.7 * ALLOWED
    assert not differs
    if found["ended"] != "finished":
        assert issubclass(getattr(pt.errors, found["ended"]), pt.errors.PartitaError)
    return found


expected = functools.cache(heavy.expected)


CASES = [
    *(("process", name) for name in (*heavy.HEAVY, *TPCH)),
    *(("serial", name) for name in SERIAL),
]


@pytest.mark.soak
@pytest.mark.timeout(2 * SECONDS)
@pytest.mark.parametrize(("executor", "name"), CASES)
def test_a_container_of_12_hundred_megabytes(
    name: str, executor: str, gigabytes: Path, tpch: Dataset
) -> None:
    with memory_group(ALLOWED) as group:

        def enter() -> None:
            (group / "cgroup.procs").write_text(str(os.getpid()))

        found = check(name, executor, gigabytes, tpch, enter)
        # What the kernel has ended the user is told of.
        assert not killed_in(group) or found.get("lost") or found["ended"] != "finished"


@pytest.mark.soak
@pytest.mark.timeout(2 * SECONDS)
@pytest.mark.parametrize("kind", [resource.RLIMIT_DATA, resource.RLIMIT_AS])
@pytest.mark.parametrize(("executor", "name"), CASES)
def test_a_ulimit_of_12_hundred_megabytes(
    name: str, executor: str, kind: int, gigabytes: Path, tpch: Dataset
) -> None:
    def enter() -> None:
        resource.setrlimit(kind, (ALLOWED, ALLOWED))

    check(name, executor, gigabytes, tpch, enter)


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("limit", ["1GiB", "512MiB", "256MiB"])
def test_tpch_at_scale_1_with_little_memory(limit: str, tpch: Dataset) -> None:
    spilled, refused = {}, {}
    with pt.Session(executor="process", workers=2, memory_limit=limit):
        for number, query in queries("partita").items():
            try:
                result = query(Tables(Partita(), tpch)).collect()
            except pt.errors.PartitaError as error:
                refused[number] = type(error).__name__
                continue
            spilled[number] = result.profile.spilled_bytes
            assert right(number, tpch, result.to_arrow()) is None, number
    print(f"\n{limit}: {len(spilled)} right, refused: {refused}, spilled: {spilled}")
    # With more no query of this scale needs the disk.
    assert limit != "256MiB" or sum(spilled.values()) > 0


def test_a_small_container_is_found_and_kept(tmp_path: Path) -> None:
    root = tmp_path / "numbers"
    root.mkdir()
    heavy.write_numbers(root, files=3, rows=1 << 20)
    with memory_group(640 << 20) as group:

        def enter() -> None:
            (group / "cgroup.procs").write_text(str(os.getpid()))

        found, rows = driven(
            "sort", "process", root, enter, lambda batches: heavy.summed(batches, ("a",))
        )
        assert killed_in(group) == 0
    assert found["limit"] == 160 << 20
    assert found["ended"] == "finished", found
    assert rows.digest == expected("sort", root)
    assert rows.in_order
    assert found["spilled"] > 0


REFUSED = """
import os, resource, sys
import partita as pt

path, form = sys.argv[1:]
pt.config.set(executor="serial", progress="off")
rows = pt.range(100_000).with_columns(b=pt.col("id") * 3)
getattr(rows, "sink_" + form)(path)
found = getattr(pt, "scan_" + form)(path, on_error="skip")
query = found.select(pt.col("id").sum(), pt.col("b").max())
assert query.to_pydict() == {"id": [4999950000], "b": [299997]}
before = resource.getrlimit(resource.RLIMIT_NOFILE)
least = os.open("/dev/null", os.O_RDONLY)
os.close(least)
resource.setrlimit(resource.RLIMIT_NOFILE, (least, before[1]))
try:
    answer = query.to_pydict()
except pt.errors.PartitaError as error:
    answer = type(error).__name__
resource.setrlimit(resource.RLIMIT_NOFILE, before)
print(answer)
print(query.to_pydict() == {"id": [4999950000], "b": [299997]})
"""


@pytest.mark.parametrize("form", ["parquet", "ipc", "csv"])
def test_a_file_that_may_not_be_opened_is_not_damaged(form: str, tmp_path: Path) -> None:
    # With on_error="skip" its rows would be left out.
    done = subprocess.run(
        [sys.executable, "-c", REFUSED, str(tmp_path / "rows"), form],
        capture_output=True,
        text=True,
        env=environment(),
    )
    assert done.stdout.split() == ["ExecutionError", "True"], done.stdout + done.stderr[-2000:]
    assert "SkippedWarning" not in done.stderr


def test_a_file_for_which_there_is_no_memory_is_not_damaged() -> None:
    with pytest.raises(pt.errors.MemoryLimitExceeded, match="malloc of size 1048576 failed"):
        reason(pa.ArrowMemoryError("malloc of size 1048576 failed"))
    # What a damaged length asks for, no machine has.
    assert "failed" in reason(pa.ArrowMemoryError("malloc of size 4611686018427387904 failed"))
    assert reason(pa.ArrowInvalid("Magic bytes not found.")) == "Magic bytes not found"


ULIMITS = {resource.RLIMIT_AS: 640 << 20, resource.RLIMIT_DATA: 320 << 20}
"""Bytes for which 80 MiB are the limit of queries."""


@pytest.mark.parametrize(
    ("kind", "executor", "name"),
    [
        (resource.RLIMIT_AS, "process", "join"),
        (resource.RLIMIT_AS, "serial", "sort"),
        (resource.RLIMIT_DATA, "process", "sort"),
    ],
)
def test_a_small_ulimit_is_found_and_kept(
    kind: int, executor: str, name: str, few_numbers: Path
) -> None:
    def enter() -> None:
        resource.setrlimit(kind, (ULIMITS[kind], ULIMITS[kind]))

    by = heavy.HEAVY[name].by
    found, rows = driven(
        name, executor, few_numbers, enter, lambda batches: heavy.summed(batches, by)
    )
    assert found["limit"] == 80 << 20
    assert found["ended"] == "finished", found
    assert found["lost"] == 0
    assert rows.digest == expected(name, few_numbers)
    assert rows.in_order


@pytest.fixture(scope="module")
def few_numbers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """48 MiB of numbers."""
    root = tmp_path_factory.mktemp("few")
    heavy.write_numbers(root, files=3, rows=1 << 18)
    return root


def test_the_serial_executor_keeps_to_its_share(dataset: Path) -> None:
    rows = pt.scan_parquet(dataset / "part-0[0-3].parquet").sort("value")
    with pt.Session(executor="serial", memory_limit="6MiB") as session:
        found = rows.select("value").profile()
        assert found.spilled_bytes > 0
        values = [batch["value"].to_pylist() for batch in rows.collect_batches()]
        directory = Path(session._directories().disk)
        assert [path.name for path in directory.rglob("*") if path.is_file()] == ["lock"]
    flat = [value for batch in values for value in batch]
    assert len(flat) == 200_000
    assert flat == sorted(flat)

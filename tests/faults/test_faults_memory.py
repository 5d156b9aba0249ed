"""A memory limit that holds: what does not fit is put aside, or refused with numbers."""

from __future__ import annotations

import resource
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from polars.testing import assert_frame_equal

import partita as pt
from partita import col, errors
from partita.engine.execution import session as sessions

from ..same_rows import same_bits
from .processes import environment

# the benchmarks are part of the repository and not of the package: nothing installs them
sys.path.append(str(Path(__file__).resolve().parents[2]))

from benchmarks.harness.memory import PeakSampler, sample

TIGHT = {"executor": "process", "workers": 2, "memory_limit": "6MiB"}
"""Of which a task may take 3.1 MB."""


@pytest.fixture(scope="module")
def tight() -> Iterator[pt.Session]:
    """A pool with much less memory than the data of the tests take."""
    with pt.Session(**TIGHT) as session:
        yield session


@contextmanager
def in_session(session: pt.Session) -> Iterator[None]:
    """Run what is inside in a session that lives on."""
    before, sessions._current = sessions._current, session
    try:
        yield
    finally:
        sessions._current = before


QUERIES: dict[str, Callable[[pt.DataFrame], pt.DataFrame]] = {
    "sort": lambda df: df.sort("value", descending=True),
    "group": lambda df: df.group_by("value").agg(n=pt.len(), file=col("file").max()),
    "group in order": lambda df: df.group_by("value", maintain_order=True).agg(
        n=pt.len(), key=col("key").first()
    ),
    "spread": lambda df: df.group_by("number", maintain_order=True).agg(
        s=col("value").std(), m=col("value").mean(), q=col("value").median()
    ),
    "distinct": lambda df: df.select("key", "number").unique(maintain_order=True),
    "join": lambda df: df.join(df.select("value", other=col("number")), on="value"),
    "window": lambda df: df.with_columns(
        total=col("value").sum().over("number"), before=col("key").shift(1).over("number")
    ),
    "last rows": lambda df: df.group_by("value", maintain_order=True).tail(1),
}


def numbered(root: Path) -> pt.DataFrame:
    """Return 200,000 of the rows, 8 MB, with a key of many values."""
    return pt.scan_parquet(root / "part-0[0-3].parquet").with_columns(
        number=(col("value") * 1e6).round().cast("int64") % 100_003
    )


def written(query: pt.DataFrame, place: Path) -> tuple[pl.DataFrame, int]:
    """Return the rows, in an order of their own, and how many bytes were put aside for them."""
    done = query.sink_parquet(place)
    assert isinstance(done, pt.Result)
    assert done.profile is not None
    rows = pl.read_parquet(place)
    exact = [name for name, dtype in rows.schema.items() if not dtype.is_float()]
    return rows.sort([*exact, "value"] if "value" in rows.columns else exact), (
        done.profile.spilled_bytes
    )


@pytest.mark.parametrize("name", QUERIES)
def test_what_does_not_fit_is_put_aside_and_the_rows_are_the_same(
    name: str, tight: pt.Session, dataset: Path, tmp_path: Path
) -> None:
    query = QUERIES[name](numbered(dataset))
    with in_session(tight):
        found, spilled = written(query, tmp_path / "tight")
    expected, _ = written(query, tmp_path / "plenty")
    assert spilled > 0
    assert_frame_equal(found, expected, rel_tol=1e-9, abs_tol=1e-12)


@pytest.mark.parametrize("name", ["sort", "group in order", "window"])
def test_what_is_put_aside_does_not_show_in_the_bits(name: str, dataset: Path) -> None:
    found = []
    for workers in (1, 2):
        # One worker has twice the share of each of two.
        with pt.Session(executor="process", workers=workers, memory_limit="20MiB"):
            query = QUERIES[name](numbered(dataset))
            found.append(pa.Table.from_batches(query.collect_batches(), schema=query.schema))
    assert same_bits(*found)


def test_a_group_that_does_not_fit_is_refused_with_numbers(
    tight: pt.Session, dataset: Path
) -> None:
    frame = pt.scan_parquet(dataset)
    everything = frame.with_columns(total=col("value").sum().over(col("key") * 0))
    with in_session(tight):
        with pytest.raises(errors.MemoryLimitExceeded) as caught:
            everything.select(n=pt.len(), total=col("total").max()).collect()
        assert frame.select(n=pt.len()).collect().to_pydict() == {"n": [600_000]}
    message = str(caught.value)
    assert "A window with sum(value) needs" in message
    assert "of memory_limit" in message
    assert "raise memory_limit" in message
    assert Path(__file__).name in message


def test_a_result_larger_than_the_limit_is_refused(tight: pt.Session, dataset: Path) -> None:
    frame = pt.scan_parquet(dataset)
    with in_session(tight):
        with pytest.raises(errors.MemoryLimitExceeded, match="collect_batches"):
            frame.collect()
        assert sum(batch.num_rows for batch in frame.collect_batches()) == 600_000


def test_a_function_near_its_share_is_given_half_batches(tight: pt.Session, dataset: Path) -> None:
    frame = pt.scan_parquet(dataset)

    def hoarding(batch: pa.RecordBatch) -> dict[str, Any]:
        # Kept as long as the process lives, as a cache of the user's would be.
        kept = vars(sys).setdefault("kept_by_this_test", [])
        kept.append(np.ones(200_000))
        return {"rows": [batch.num_rows]}

    with in_session(tight):
        rows = frame.map_batches(hoarding, schema={"rows": pa.int64()}).collect()["rows"]
    assert sum(rows.to_pylist()) == 600_000
    # Few at first, as nobody knows what is made of them; then whole batches, until it is too much.
    given = rows.to_pylist()
    assert max(given) > 4 * min(given[given.index(max(given)) :])


def test_a_process_without_memory_says_so(pool: pt.Session, dataset: Path) -> None:
    def greedy(batch: pa.RecordBatch) -> pa.RecordBatch:
        np.ones(1 << 50)
        return batch

    frame = pt.scan_parquet(dataset)
    with in_session(pool), pytest.raises(errors.PartitaError, match=r"8\.00 PiB"):
        frame.map_batches(greedy, schema=frame.schema).collect()


SCRIPT = """
    import sys
    import numpy as np
    import partita as pt
    from partita import col
    from partita.engine import config

    print(config.memory_limit(config.get()), flush=True)
    frame = pt.scan_parquet(sys.argv[1])
    pt.config.set(executor="process", workers=2)
    try:
        if sys.argv[2] == "group":
            made = frame.group_by("k").agg(n=pt.len(), s=col("b").sum())
            print("rows", made.select(n=col("n").sum()).collect().to_pydict()["n"])
        elif sys.argv[2] == "join":
            other = frame.select("k", d="b")
            print("rows", frame.join(other, on="k").select(n=pt.len()).collect().to_pydict()["n"])
        elif sys.argv[2] == "sort":
            rows, last, ordered = 0, -1, True
            for batch in frame.sort("a").collect_batches():
                values = batch.column("a").to_numpy()
                ordered &= bool((np.diff(values) >= 0).all()) and values[0] >= last
                rows, last = rows + len(values), values[-1]
            print("rows", [rows], "in order", ordered)
        else:
            frame.collect()
    except pt.errors.PartitaError as error:
        print("refused", type(error).__name__)
    print("alive", pt.from_pydict({"a": [1, 2]}).select(n=pt.len()).collect().to_pydict())
"""


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """2 GiB of rows: ``a`` and ``k`` of many values, and doubles."""
    root = tmp_path_factory.mktemp("large")
    random = np.random.default_rng(3)
    rows = 2 << 20
    for number in range(16):
        columns = {"a": random.integers(0, 1 << 60, rows), "k": random.integers(0, 16 * rows, rows)}
        columns |= {name: random.random(rows) for name in "bcxyzw"}
        pq.write_table(
            pa.table(columns),
            root / f"{number:02d}.parquet",
            row_group_size=1 << 17,
            compression="none",
            use_dictionary=False,
        )
    return root


@pytest.mark.soak
@pytest.mark.timeout(600)
@pytest.mark.parametrize("kind", ["sort", "group", "join"])
def test_eight_times_the_limit_stays_below_it(kind: str, large: Path) -> None:
    peak_of(kind, large, 256 << 20, 1.3)


def peak_of(kind: str, data: Path, limit: int, most: float) -> None:
    """Run a query and look at its processes; they take no more than `most` times the limit."""
    script = f"import partita as pt\npt.config.set(memory_limit={limit})\n" + WAITING
    process = subprocess.Popen(
        [sys.executable, "-c", script + textwrap.dedent(SCRIPT), str(data), kind],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environment(),
        start_new_session=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    owned: set[str] = set()
    idle = sample(process.pid, owned).total
    with PeakSampler(process.pid, owned) as sampler:
        out, _ = process.communicate("go\n", timeout=600)
    assert process.returncode == 0
    assert "rows" in out
    assert "False" not in out
    assert sampler.peak is not None
    print(f"{kind}, {limit >> 20} MiB: {(sampler.peak.total - idle) / limit:.2f} of the limit")
    assert sampler.peak.total - idle <= most * limit


@pytest.mark.soak
@pytest.mark.timeout(1200)
@pytest.mark.parametrize(("files", "most"), [(4, 1.3), (8, 1.5)])
@pytest.mark.parametrize("kind", ["sort", "group", "join"])
def test_eight_times_a_small_limit(
    kind: str, files: int, most: float, large: Path, tmp_path: Path
) -> None:
    # Of 64 MiB one worker is started and not two: each takes a part that depends on no limit.
    for path in sorted(large.iterdir())[:files]:
        (tmp_path / path.name).symlink_to(path)
    peak_of(kind, tmp_path, files << 24, most)


WAITING = """
pt.config.set(executor="process", workers=2)
pt.from_pydict({"a": [1, 2]}).group_by("a").agg(n=pt.len()).sort("a").collect()
print("ready", flush=True)
input()
"""


@pytest.mark.soak
@pytest.mark.timeout(600)
@pytest.mark.parametrize("attempt", range(5))
@pytest.mark.parametrize("kind", ["sort", "group", "join", "collect"])
def test_the_limit_of_a_process_is_found_and_kept(kind: str, attempt: int, large: Path) -> None:
    allowed = int(1.2 * 2**30)

    def limit_it() -> None:
        resource.setrlimit(resource.RLIMIT_DATA, (allowed, allowed))

    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(SCRIPT), str(large), kind],
        stdout=subprocess.PIPE,
        text=True,
        env=environment(),
        preexec_fn=limit_it,
        timeout=500,
        check=False,
    )
    limit, *lines = done.stdout.splitlines()
    assert int(limit) <= 0.7 * allowed
    assert done.returncode == 0
    assert any(line.startswith(("rows", "refused")) for line in lines)
    assert lines[-1] == "alive {'n': [2]}"

"""Thousands of queries in one session: what it holds does not grow."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil
import pyarrow as pa
import pytest

import partita as pt
from partita import col, errors

WARM = 60
"""Queries after which all is imported, compiled, cached and as large as it gets."""

LEAST = 5_000
"""Bytes that a process may grow by for each query: less is not told from the allocator's noise."""


def fails(batch: pa.RecordBatch) -> pa.RecordBatch:
    raise ValueError("on purpose")


class Queries:
    """Small queries of several kinds, one after the other."""

    def __init__(self, files: Path) -> None:
        self._table = pa.table({"key": np.arange(2000) % 7, "value": np.arange(2000)})
        self._files = files
        self._number = 0

    def ask(self, times: int) -> None:
        """Run so many, and look at what they give."""
        kinds = (self._groups, self._joined, self._left_early, self._failed, self._kept)
        for _ in range(times):
            kinds[self._number % len(kinds)]()
            self._number += 1

    def _groups(self) -> None:
        frame = pt.from_arrow(self._table)
        asked = frame.group_by("key").agg(total=col("value").sum()).sort("key")
        assert asked.collect().shape == (7, 2)

    def _joined(self) -> None:
        frame = pt.from_arrow(self._table)
        # A condition that was never there before: nothing kept for a plan may pile up.
        small = frame.filter(col("value") > self._number % 1000).unique("key")
        assert len(small.join(frame, on="key").to_pandas()) == 2000

    def _left_early(self) -> None:
        batches = pt.scan_parquet(self._files / "part-00.parquet").collect_batches()
        next(batches)
        batches.close()

    def _failed(self) -> None:
        frame = pt.from_arrow(self._table)
        with pytest.raises(errors.UserFunctionError, match="on purpose"):
            frame.map_batches(fails, schema=frame.schema).collect()

    def _kept(self) -> None:
        kept = pt.from_arrow(self._table).filter(col("key") == 3).persist()
        assert kept.count().to_pydict()["value"] == [286]


@dataclass(frozen=True)
class Held:
    """What the processes of a session hold."""

    counts: dict[str, int]
    bytes: dict[int, int]
    """Resident memory, by process."""


def held(session: pt.Session, pids: tuple[int, ...]) -> Held:
    gc.collect()
    driver = psutil.Process()
    processes = [driver, *map(psutil.Process, pids)]
    assert session._directory is not None or not pids
    places = (session._directory.memory, session._directory.disk) if session._directory else ()
    counts = {
        "processes": len(driver.children(recursive=True)),
        "files": sum(len(names) for place in places for _, _, names in os.walk(place)),
    }
    for number, process in enumerate(processes):
        counts[f"descriptors of {number}"] = process.num_fds()
        counts[f"threads of {number}"] = process.num_threads()
    return Held(counts, {process.pid: process.memory_info().rss for process in processes})


def live(session: pt.Session, files: Path, times: int, looks: int) -> Iterator[Held]:
    """Run so many queries; look at what is held, so many times on the way."""
    queries = Queries(files)
    queries.ask(WARM)
    pids = session.pids if session.settings().executor == "process" else ()
    yield held(session, pids)
    for _ in range(looks):
        queries.ask(times // looks)
        assert pids == (session.pids if pids else ())
        yield held(session, pids)


def slopes(seen: list[Held], times: int) -> list[float]:
    """Return by how many bytes a query each process has grown, by a line through all looks."""
    at = np.linspace(0, times, len(seen))
    return [float(np.polyfit(at, [one.bytes[pid] for one in seen], 1)[0]) for pid in seen[0].bytes]


def more(first: Held, last: Held) -> dict[str, int]:
    """Return what there is more of at last.

    Arrow's threads in this process come when they are wanted at the same time, up to a number that
    the machine gives. There may be less of anything where something of earlier tests has ended.
    """
    room = {"threads of 0": pa.cpu_count() + pa.io_thread_count()}
    grown = {name: last.counts[name] - count for name, count in first.counts.items()}
    return {name: by for name, by in grown.items() if by > room.get(name, 0)}


@pytest.mark.parametrize("executor", ["serial", "process"])
def test_hundreds_of_queries_leave_nothing(executor: str, dataset: Path) -> None:
    with pt.Session(executor=executor, workers=2) as session:
        first, *_, last = live(session, dataset, 200, 2)
    assert more(first, last) == {}
    grown = [last.bytes[pid] - first.bytes[pid] for pid in first.bytes]
    assert max(grown) < 16 << 20


@pytest.mark.soak
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("executor", ["serial", "process"])
def test_two_thousand_queries_leave_nothing(executor: str, dataset: Path) -> None:
    with pt.Session(executor=executor, workers=2) as session:
        seen = list(live(session, dataset, 2000, 40))
    found = slopes(seen, 2000)
    print(
        f"\n{executor}: {', '.join(f'{slope:,.0f}' for slope in found)} bytes a query"
        " (the driver, workers, the helper)"
    )
    assert more(seen[0], seen[-1]) == {}
    assert max(found) < LEAST

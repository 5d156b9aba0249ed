"""Several queries at once: from threads, in the background, suspended in the middle of a stream."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow as pa
import pytest

import partita as pt
from partita import col, errors

from ..same_rows import same_bits
from .executors import Executor


def asked(dataset: Path, number: int) -> pt.DataFrame:
    """Return a query with a shuffle, another one for each number."""
    rows = pt.scan_parquet(dataset).filter(col("key") % 7 != number)
    return rows.group_by("key").agg(total=col("value").sum()).sort("total")


@pytest.fixture(scope="module")
def expected(dataset: Path) -> list[pa.Table]:
    with pt.Session(executor="serial", partition_bytes="100KiB", exchange_bytes="128KiB"):
        return [asked(dataset, number).to_arrow() for number in range(6)]


def test_queries_of_several_threads(
    session: pt.Session, dataset: Path, expected: list[pa.Table]
) -> None:
    with ThreadPoolExecutor(6) as threads:
        found = list(threads.map(lambda number: asked(dataset, number).to_arrow(), range(6)))
    assert all(same_bits(one, other) for one, other in zip(found, expected, strict=True))


def test_queries_in_the_background(
    session: pt.Session, dataset: Path, expected: list[pa.Table]
) -> None:
    queries = [asked(dataset, number).collect(background=True) for number in range(6)]
    found = [query.fetch_blocking().to_arrow() for query in queries]
    assert all(same_bits(one, other) for one, other in zip(found, expected, strict=True))


def test_streams_side_by_side(session: pt.Session, dataset: Path, expected: list[pa.Table]) -> None:
    streams = [asked(dataset, number).collect_batches() for number in range(3)]
    rows: list[list[pa.RecordBatch]] = [[], [], []]
    going = list(range(3))
    while going:
        for number in list(going):
            batch = next(streams[number], None)
            if batch is None:
                going.remove(number)
            else:
                rows[number].append(batch)
    for number in range(3):
        assert same_bits(pa.Table.from_batches(rows[number]), expected[number])


def test_a_failure_is_that_of_its_own_query(
    session: pt.Session, dataset: Path, expected: list[pa.Table]
) -> None:
    def fail(batch: pa.RecordBatch) -> pa.RecordBatch:
        raise ValueError("no such luck")

    rows = pt.scan_parquet(dataset)
    wrong = [rows.map_batches(fail, rows.schema).collect(background=True) for _ in range(3)]
    right = [asked(dataset, number).collect(background=True) for number in range(3)]
    for number, query in enumerate(right):
        assert same_bits(query.fetch_blocking().to_arrow(), expected[number])
    for query in wrong:
        with pytest.raises(errors.UserFunctionError, match="no such luck"):
            query.fetch_blocking()


def test_a_query_inside_the_stream_of_another(session: pt.Session, dataset: Path) -> None:
    rows = 0
    for number, batch in enumerate(pt.scan_parquet(dataset).sort("value").collect_batches()):
        rows += batch.num_rows
        if number < 3:
            assert len(pt.scan_parquet(dataset)) == 120_000
    assert rows == 120_000


def test_two_sessions_side_by_side(
    executor: Executor, dataset: Path, expected: list[pa.Table]
) -> None:
    cuts = {"partition_bytes": "100KiB", "exchange_bytes": "128KiB"}
    found: dict[int, pa.Table] = {}
    with executor.session(**cuts) as one, executor.session(**cuts) as two:

        def run(session: pt.Session, number: int) -> None:
            plan = asked(dataset, number)
            found[number] = pa.Table.from_batches(session.execute(plan.plan), plan.schema)

        threads = [
            threading.Thread(target=run, args=(session, number))
            for number, session in enumerate((one, two, one, two))
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    for number in range(4):
        assert same_bits(found[number], expected[number])

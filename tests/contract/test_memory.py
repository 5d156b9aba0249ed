"""The limit is kept: what does not fit is put aside or refused with numbers, wherever it runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import partita as pt
from partita import col, errors

from ..same_rows import same_bits
from .executors import Executor


@pytest.fixture(scope="module")
def tight(executor: Executor) -> Iterator[pt.Session]:
    """A session with less memory than the rows of the tests take."""
    with executor.session(memory_limit="3MiB") as session:
        yield session


QUERIES: dict[str, Callable[[pt.DataFrame], pt.DataFrame]] = {
    "sort": lambda rows: rows.sort("noise"),
    "group": lambda rows: rows.group_by("noise").agg(col("id").max()).sort("noise"),
    "window": lambda rows: rows.with_columns(before=col("id").shift(1).over("group")).sort("id"),
}


def rows(number: int) -> pt.DataFrame:
    """Return rows of 24 bytes: more than a task may hold where there are many."""
    return pt.range(number).with_columns(
        noise=(col("id") * 7_919) % 1_000_003, group=col("id") % 1009
    )


@pytest.mark.parametrize("name", QUERIES)
def test_what_does_not_fit_is_put_aside(tight: pt.Session, name: str, tmp_path: Path) -> None:
    asked = QUERIES[name](rows(200_000).repartition(2))
    done = asked.sink_parquet(tmp_path / "tight")
    assert isinstance(done, pt.Result)
    assert done.profile is not None
    assert done.profile.spilled_bytes > 0
    with pt.Session(executor="serial"):
        found = pt.scan_parquet(tmp_path / "tight").to_arrow()
        assert same_bits(found, asked.to_arrow())


def test_a_group_that_does_not_fit_is_refused_with_numbers(tight: pt.Session) -> None:
    everything = rows(200_000).with_columns(total=col("noise").sum().over(col("id") * 0))
    with pytest.raises(errors.MemoryLimitExceeded) as caught:
        everything.select(n=pt.len(), total=col("total").max()).collect()
    message = str(caught.value)
    for part in ("sum(noise) needs", "memory_limit", "raise memory_limit", Path(__file__).name):
        assert part in message
    assert rows(1000).select(pt.len()).to_pydict() == {"len": [1000]}


def test_a_result_larger_than_the_limit_is_refused(tight: pt.Session) -> None:
    frame = rows(200_000)
    with pytest.raises(errors.MemoryLimitExceeded, match="collect_batches"):
        frame.collect()
    assert sum(batch.num_rows for batch in frame.collect_batches()) == 200_000

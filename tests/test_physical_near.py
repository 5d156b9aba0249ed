"""A function of the user that takes much is given less at once, and the answer is the same."""

from __future__ import annotations

import gc
import mmap
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from partita import errors
from partita.engine.expr.node import Column
from partita.engine.expr.python_call import PythonCall
from partita.engine.physical.memory import Budget
from partita.engine.physical.operators.filter import FilterRows
from partita.engine.physical.operators.map_groups import MapGroupsRows

from .tight_tasks import PLENTY, TightContext, rows_of

SHARE = 48 << 20
"""Of which 36 MiB are taken by six calls that keep 6 MiB each."""


class Hoarding:
    """Keeps memory with each call, as a cache of the user's would.

    Its pages are its own: from the heap it might be given what earlier tests have left there, and
    the process would not grow.
    """

    def __init__(self) -> None:
        self.kept: list[mmap.mmap] = []
        self.given: list[int] = []

    def hoard(self, rows: int) -> None:
        pages = mmap.mmap(-1, 6 << 20, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        for start in range(0, len(pages), mmap.PAGESIZE):
            pages[start] = 1
        self.kept.append(pages)
        self.given.append(rows)


@pytest.fixture(autouse=True)
def _what_earlier_tests_have_left_is_gone() -> None:
    # Freed in the middle of a test, it would make the process smaller than when it began.
    gc.collect()
    pa.default_memory_pool().release_unused()


def batches(count: int, rows: int) -> list[pa.RecordBatch]:
    random = np.random.default_rng(1)
    return [
        pa.record_batch(
            {"k": random.integers(0, 50, rows), "n": np.arange(each * rows, (each + 1) * rows)}
        )
        for each in range(count)
    ]


def test_a_filter_near_its_share_is_given_half_batches(tmp_path: Path) -> None:
    def run(share: int) -> tuple[list[dict[str, Any]], list[int]]:
        hoarding = Hoarding()

        def is_even(values: np.ndarray) -> np.ndarray:
            hoarding.hoard(len(values))
            return values % 2 == 0

        called = PythonCall(function=is_even, args=(Column("n"),), dtype=pa.bool_(), takes="numpy")
        context = TightContext(directory=tmp_path, memory=Budget(share))
        given = FilterRows(predicate=called).execute(iter(batches(12, 16_384)), context)
        return rows_of(list(given)), hoarding.given

    expected, whole = run(PLENTY)
    found, halved = run(SHARE)
    assert found == expected
    assert len(expected) == 6 * 16_384
    assert set(whole) == {16_384}
    assert halved[0] == 16_384
    assert 1024 <= min(halved) <= 4096


def test_functions_of_groups_near_the_share_have_fewer_groups_at_once(tmp_path: Path) -> None:
    given = batches(60, 20_000)
    schema = pa.schema([("k", pa.int64()), ("rows", pa.int64())])

    def run(share: int) -> tuple[list[dict[str, Any]], TightContext]:
        hoarding = Hoarding()

        def count(group: pa.Table) -> dict[str, Any]:
            if len(hoarding.kept) < 10:
                hoarding.hoard(group.num_rows)
            return {"k": [group["k"][0].as_py()], "rows": [group.num_rows]}

        operator = MapGroupsRows(
            keys=("k",),
            function=count,
            given=given[0].schema,
            schema=schema,
            takes="arrow",
            site=None,
        )
        # What an earlier task of the process has left: more than there is room for.
        memory = Budget(share)
        for _ in range(8):
            hoarding.hoard(0)
        context = TightContext(directory=tmp_path, memory=memory)
        found = rows_of(list(operator.execute(iter(given[:20]), context)))
        assert list(tmp_path.iterdir()) == []
        return found, context

    expected, plenty = run(PLENTY)
    found, near = run(SHARE)
    assert found == expected
    assert len(found) == 50
    assert "spilled_bytes" not in plenty.metrics
    assert near.metrics["spilled_bytes"] > 0
    assert next(near.files) < 2000


def test_a_group_that_does_not_fit_alone_is_refused_with_numbers(tmp_path: Path) -> None:
    batch = pa.record_batch({"k": np.zeros(50_000, np.int64), "n": np.arange(50_000)})

    def same(group: pa.Table) -> pa.Table:
        return group

    operator = MapGroupsRows(
        keys=("k",),
        function=same,
        given=batch.schema,
        schema=batch.schema,
        takes="arrow",
        site=None,
    )
    context = TightContext(directory=tmp_path, memory=Budget(1_000_000))
    with pytest.raises(errors.MemoryLimitExceeded, match=r"A group of .*same needs .* bytes"):
        list(operator.execute(iter([batch]), context))

"""What a task takes where little may be taken: of wide rows, of what grows, of shared memory."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import partita as pt
from partita import col
from partita.engine.physical.kernels.explode import explode
from partita.engine.physical.memory import LEAST_ROWS, Budget, Halved


def test_batches_of_wide_rows_are_bounded_by_bytes(tmp_path: Path) -> None:
    texts = pa.table({"t": ["x" * 100_000] * 400})
    pq.write_table(texts, tmp_path / "wide.parquet", row_group_size=50, use_dictionary=False)
    frame = pt.scan_parquet(tmp_path / "wide.parquet")
    with pt.Session(executor="serial", memory_limit="64MiB"):
        given = [batch.num_rows for batch in frame.select(col("t") + "y").collect_batches()]
    assert sum(given) == 400
    assert max(given) * 100_000 <= 2 << 20


@pytest.mark.parametrize("batch_rows", [1, 2, 3, 7, 1000])
@pytest.mark.parametrize("empty", [False, True])
@pytest.mark.parametrize("nulls", [False, True])
@pytest.mark.parametrize("seed", range(4))
def test_lists_are_exploded_a_batch_at_a_time(
    seed: int, nulls: bool, empty: bool, batch_rows: int
) -> None:
    random = np.random.default_rng(seed)
    lists: list[list[int] | None] = [
        None if kind == 0 else random.integers(0, 9, kind - 1).tolist()
        for kind in random.integers(0, 6, seed * 7).tolist()
    ]
    batch = pa.record_batch(
        {"i": pa.array(range(len(lists)), pa.int64()), "l": pa.array(lists, pa.list_(pa.int64()))}
    )
    expected: list[Any] = []
    for number, values in enumerate(lists):
        if values is None:
            expected += [(number, None)] * nulls
        elif not values:
            expected += [(number, None)] * empty
        else:
            expected += [(number, value) for value in values]
    made = list(explode(batch, ["l"], empty_as_null=empty, keep_nulls=nulls, batch_rows=batch_rows))
    assert [(row["i"], row["l"]) for each in made for row in each.to_pylist()] == expected
    assert all(each.num_rows == batch_rows for each in made[:-1])


def test_a_function_that_makes_much_of_little_is_given_less(tmp_path: Path) -> None:
    batch = pa.record_batch({"a": np.arange(100_000)})
    halved = Halved(Budget(32 << 20), grows=True)
    given = []
    for piece in halved.pieces(batch):
        given.append(piece.num_rows)
        halved.made(piece.num_rows, piece.num_rows * 8 * 100)
    assert sum(given) == 100_000
    assert given[0] == LEAST_ROWS
    assert max(given[:-1]) * 800 <= 4 << 20 < (max(given) + 1) * 800
    # One that makes as much as it is given has whole batches from the second piece on.
    halved = Halved(Budget(32 << 20), grows=True)
    given = []
    for piece in halved.pieces(batch):
        given.append(piece.num_rows)
        halved.made(piece.num_rows, piece.nbytes)
    assert given == [LEAST_ROWS, 100_000 - LEAST_ROWS]
    # Where there is plenty nobody looks.
    assert [piece.num_rows for piece in Halved(Budget(1 << 30), grows=True).pieces(batch)] == [
        100_000
    ]


def test_what_a_function_makes_of_little_goes_to_disk_beyond_its_room(tmp_path: Path) -> None:
    pq.write_table(pa.table({"k": np.arange(1000)}), tmp_path / "few.parquet")

    def grow(batch: pa.RecordBatch) -> pa.RecordBatch:
        return pa.record_batch({"k": np.repeat(batch["k"].to_numpy(), 1000)})

    grown = pt.scan_parquet(tmp_path / "few.parquet").map_batches(grow, {"k": pa.int64()})
    with pt.Session(executor="serial", memory_limit="8MiB"):
        done = grown.repartition(3).sink_parquet(tmp_path / "out")
    assert isinstance(done, pt.Result)
    assert done.profile is not None
    assert done.profile.spilled_bytes > 0
    found = pt.scan_parquet(tmp_path / "out").select(n=pt.len(), s=col("k").sum())
    assert found.to_pydict() == {"n": [1_000_000], "s": [1000 * 999 // 2 * 1000]}


def test_a_long_task_does_not_grow_by_what_it_freed(tmp_path: Path) -> None:
    script = """
        import numpy as np
        import partita as pt
        from partita.engine.execution import allocators
        from partita.engine.physical.memory import own_bytes
        pt.config.set(executor="serial", memory_limit="128MiB")
        left = pt.from_arrow({"k": np.arange(2000) % 1000})
        right = pt.from_arrow({"w": np.random.default_rng(1).random(5000)})
        made = left.join(right, how="cross").group_by("k").agg(n=pt.len(), s=pt.col("w").sum())
        made.head(1).collect()
        allocators.suit(32 << 20)
        before = own_bytes()
        assert made.select(pt.col("n").sum()).to_pydict() == {"n": [10_000_000]}
        print((own_bytes() - before) >> 20)
    """
    script = script.replace("pt.from_arrow({", "pt.from_pydict({")
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, check=True
    )
    # 150 with the system's allocator.
    assert int(done.stdout) < 64

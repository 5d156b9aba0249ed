"""Row groups that may not be held whole are read in parts, and what cannot be is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from partita import errors
from partita.engine.source import Pushdown, RowFilters
from partita.io import ParquetSource
from partita.io.parquet_pages import bytes_at_once

ROWS = 20_000


def table() -> pa.Table:
    random = np.random.default_rng(7)
    numbers = random.integers(0, 1 << 40, ROWS)
    words = pa.array([f"word {number}" for number in range(50)])
    missing = random.random(ROWS) < 0.1
    ends = np.concatenate([[0], np.cumsum(random.integers(0, 5, ROWS))]).astype(np.int32)
    return pa.table(
        {
            "n": pa.array(numbers, mask=missing),
            "d": pa.DictionaryArray.from_arrays(
                pa.array(random.integers(0, 50, ROWS).astype(np.int32), mask=missing), words
            ).cast(pa.string()),
            "t": pa.array([str(number) * (number % 7) for number in numbers]),
            "l": pa.ListArray.from_arrays(ends, pa.array(random.random(ends[-1]))),
            "s": pa.array([{"a": int(number), "b": None} for number in numbers]),
        }
    )


def fragment(path: Path, columns: tuple[str, ...] | None = None) -> Any:
    source = ParquetSource.open(str(path))
    (found,) = source.plan(Pushdown(columns=columns), 1 << 20).fragments
    return found


def read(found: Any, batch_rows: int, **more: int) -> list[pa.RecordBatch]:
    return list(found.filtered_batches(batch_rows, RowFilters(**more)))


@pytest.mark.parametrize("compression", ["none", "zstd"])
@pytest.mark.parametrize("batch_rows", [1, 777, 1 << 20])
def test_the_rows_are_those_of_a_whole_read(
    batch_rows: int, compression: str, tmp_path: Path
) -> None:
    rows = table().slice(0, 300 if batch_rows == 1 else ROWS)
    pq.write_table(rows, tmp_path / "one.parquet", compression=compression, data_page_size=4096)
    found = fragment(tmp_path / "one.parquet")
    batches = read(found, batch_rows, most_bytes=1)
    assert max(batch.num_rows for batch in batches) <= batch_rows
    parts = pa.concat_tables(pa.table(batch.columns, rows.schema.names) for batch in batches)
    assert parts.cast(rows.schema).combine_chunks().equals(rows.combine_chunks())


def test_a_large_row_group_is_not_held(tmp_path: Path) -> None:
    pages = pa.table({"a": np.random.default_rng(1).random(8 << 20)})
    pq.write_table(pages, tmp_path / "one.parquet", row_group_size=8 << 20, compression="none")
    found = fragment(tmp_path / "one.parquet")
    pool = pa.default_memory_pool()
    before = pool.bytes_allocated()
    most = rows = 0
    for batch in found.filtered_batches(1 << 16, RowFilters(most_bytes=8 << 20)):
        rows += batch.num_rows
        most = max(most, pool.bytes_allocated() - before)
    assert rows == 8 << 20
    assert most < 8 << 20


def test_pages_that_are_more_than_a_task_may_take_are_refused(tmp_path: Path) -> None:
    texts = pa.table({"i": np.arange(40), "t": ["x" * 100_000 + str(row) for row in range(40)]})
    pq.write_table(texts, tmp_path / "one.parquet", compression="none", use_dictionary=False)
    found = fragment(tmp_path / "one.parquet")
    with pytest.raises(errors.MemoryLimitExceeded, match=r"needs 4,0\d\d,\d\d\d bytes") as caught:
        read(found, 10, most_bytes=1 << 20, share=3 << 20)
    for part in ("one.parquet", "2 columns", "3,145,728 of memory_limit", "fewer columns"):
        assert part in str(caught.value)
    assert sum(batch.num_rows for batch in read(found, 10, most_bytes=1 << 20, share=8 << 20)) == 40
    numbers = fragment(tmp_path / "one.parquet", ("i",))
    assert sum(batch.num_rows for batch in read(numbers, 10, most_bytes=1, share=1 << 20)) == 40


@pytest.mark.parametrize("compression", ["none", "snappy", "zstd"])
def test_what_is_needed_at_once_counts_dictionaries_and_pages(
    compression: str, tmp_path: Path
) -> None:
    values = pa.array([f"value number {number}" for number in range(100_000)])
    codes = pa.array(np.random.default_rng(1).integers(0, 100_000, 300_000).astype(np.int32))
    rows = pa.table({"d": pa.DictionaryArray.from_arrays(codes, values)})
    path = tmp_path / "one.parquet"
    pq.write_table(rows, path, compression=compression, dictionary_pagesize_limit=1 << 30)
    group = pq.read_metadata(path).row_group(0)
    with pa.OSFile(str(path)) as file:
        needed = bytes_at_once(file, group, [0])
        assert needed > values.nbytes
        assert needed < 3 * values.nbytes
        # What is no header is left to the reader.
        assert bytes_at_once(pa.BufferReader(b"\xff" * file.size()), group, [0]) < 1 << 16


def test_lists_are_counted_by_their_values(tmp_path: Path) -> None:
    same = pa.array(np.full(1_000_000, 7, np.int32))
    rows = pa.table({"l": pa.ListArray.from_arrays(np.arange(0, 1_000_001, 10_000), same)})
    pq.write_table(rows.cast(pa.schema({"l": pa.list_(pa.int32())})), tmp_path / "one.parquet")
    assert (tmp_path / "one.parquet").stat().st_size < 100_000
    assert fragment(tmp_path / "one.parquet").bytes >= 4_000_000

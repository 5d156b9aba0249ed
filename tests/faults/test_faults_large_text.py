"""More text than the 32-bit offsets of one Arrow array reach."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

import partita as pt
from partita import col

LENGTH = 1_000_000
ROWS = 2_400


@pytest.fixture(scope="module")
def long_texts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of 2.4 GB of text, which takes 250 kB."""
    path = tmp_path_factory.mktemp("texts") / "texts.parquet"
    schema = pa.schema({"k": pa.int64(), "i": pa.int64(), "s": pa.string()})
    with pq.ParquetWriter(path, schema, use_dictionary=False, compression="zstd") as writer:
        for begin in range(0, ROWS, 100):
            rows = range(begin, begin + 100)
            texts = [chr(97 + row % 26) * LENGTH + str(row) for row in rows]
            columns = [[row % 7 for row in rows], list(rows), texts]
            writer.write_table(pa.table(columns, schema=schema), row_group_size=100)
    return path


ALL = sum(LENGTH + len(str(row)) for row in range(ROWS))
ROWS_OF_3 = [row for row in range(ROWS) if row % 7 == 3]
LAST_OF_KEYS = set(range(ROWS - 7, ROWS))

QUERIES: dict[str, tuple[Callable[[pt.DataFrame], pt.DataFrame], Any]] = {
    "rows": (lambda df: df.select(col("s").str.len_chars().sum()), ALL),
    "sort": (
        lambda df: df.sort("i", descending=True).select(col("s").str.len_chars().sum()),
        ALL,
    ),
    "lists": (
        lambda df: (
            df.group_by("k")
            .agg(col("s").implode().list.len().alias("n"))
            .filter(col("k") == 3)
            .select("n")
        ),
        len(ROWS_OF_3),
    ),
    "join": (
        lambda df: df.join(df.select("i", b="s"), on="i").select((col("s") == col("b")).sum()),
        ROWS,
    ),
    "window": (
        lambda df: df.select(col("s").shift(-1).over("k", order_by="i").is_null().sum()),
        len(LAST_OF_KEYS),
    ),
}


@pytest.mark.soak
@pytest.mark.parametrize("name", QUERIES)
def test_more_text_than_one_array_takes(name: str, long_texts: Path) -> None:
    query, expected = QUERIES[name]
    with pt.Session(executor="process", workers=2, memory_limit="9GiB"):
        found = query(pt.read_parquet(long_texts)).collect().to_arrow()
    assert found.column(0).to_pylist() == [expected]


@pytest.mark.soak
def test_a_result_of_more_text_than_one_array_takes(long_texts: Path) -> None:
    with pt.Session(executor="process", workers=2, memory_limit="9GiB"):
        table = pt.read_parquet(long_texts).select("s").collect().to_arrow()
    assert pc.sum(pc.utf8_length(table["s"])).as_py() == ALL

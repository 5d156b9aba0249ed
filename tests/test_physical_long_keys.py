"""Keys of a sort that are long: what is compared of them is little, and the order exact."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import partita as pt
from partita.engine.expr.node import Column, SortKey
from partita.engine.physical.kernels.sort import cut, order_key, sample

KINDS = {
    "text": (pa.string(), lambda text: text),
    "large text": (pa.large_string(), lambda text: text),
    "bytes": (pa.binary(), lambda text: text.encode()),
    "coded": (pa.dictionary(pa.int32(), pa.string()), lambda text: text),
}


def texts(seed: int, count: int) -> list[str | None]:
    """Return texts that are alike for 1 to 3,000 characters, of one byte or four each."""
    random = np.random.default_rng(seed)
    made: list[str | None] = []
    for _ in range(count):
        begins = "aé€😀"[random.integers(4)] * int(random.choice([0, 1, 1023, 1024, 1025, 3000]))
        ends = "".join(random.choice(list("ab😀"), random.integers(3)).tolist())
        made.append(None if random.random() < 0.05 else begins + ends)
    return made


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("nulls_last", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_a_run_is_cut_as_whole_keys_are_compared(
    kind: str, nulls_last: bool, descending: bool
) -> None:
    dtype, made = KINDS[kind]
    by = [
        SortKey(Column("t"), descending=descending, nulls_last=nulls_last),
        SortKey(Column("n"), descending=not descending),
    ]
    random = np.random.default_rng(5)
    keys: list[tuple[Any, ...]] = [
        (None if text is None else made(text), int(random.integers(3))) for text in texts(1, 300)
    ]
    keys.sort(key=lambda key: order_key(key, by))
    values = [key[0] for key in keys]
    column = (
        pa.array(values, pa.string()).dictionary_encode()
        if kind == "coded"
        else pa.array(values, dtype)
    )
    run = pa.record_batch({"t": column, "n": [key[1] for key in keys]})
    edges = [*sample(run, by, 60), *keys[::11]]
    for behind in (False, True):
        expected = [
            sum(
                order_key(key, by) < order_key(edge, by)
                or (behind and order_key(key, by) == order_key(edge, by))
                for key in keys
            )
            for edge in edges
        ]
        assert cut(run, by, edges, behind=behind) == expected


def test_what_is_sampled_of_long_texts_is_short() -> None:
    by = [SortKey(Column("t"))]
    run = pa.record_batch({"t": sorted(f"{row:03d}" + "x" * 100_000 for row in range(100))})
    assert {len(text) for (text,) in sample(run, by, 10)} == {1024}
    short = pa.record_batch({"t": sorted(f"{row:03d}" + "x" * 500 for row in range(100))})
    assert {len(text) for (text,) in sample(short, by, 10)} == {503}


@pytest.mark.parametrize("executor", ["serial", "process"])
@pytest.mark.parametrize("descending", [False, True])
def test_long_texts_are_sorted_whole(executor: str, descending: bool, tmp_path: Path) -> None:
    random = np.random.default_rng(3)
    # Alike as far as is sampled, and behind.
    words = ["y" * 1500 + str(number) for number in random.integers(0, 500, 600).tolist()]
    words += ["z" * length for length in random.integers(0, 2000, 600).tolist()]
    random.shuffle(words)
    pq.write_table(
        pa.table({"t": words, "i": range(1200)}), tmp_path / "t.parquet", row_group_size=50
    )
    with pt.Session(executor=executor, workers=2, memory_limit="2MiB"):
        found = pt.scan_parquet(tmp_path / "t.parquet").sort("t", descending=descending)
        given = [batch.to_pydict() for batch in found.collect_batches()]
    order = sorted(range(1200), key=lambda row: words[row], reverse=descending)
    if descending:
        # Rows with equal keys keep their order.
        order = sorted(range(1199, -1, -1), key=lambda row: words[row])[::-1]
    assert [row for batch in given for row in batch["i"]] == order

"""How rows lie in partitions: cut anew by number, size and keys, counted, and taken one by one."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pytest

import partita as pt
from partita import col, errors

ROWS = 20_000


@pytest.fixture(scope="module", params=["serial", "process"])
def session(request: pytest.FixtureRequest) -> Iterator[pt.Session]:
    with pt.Session(executor=request.param, workers=2, partition_bytes="32KiB") as session:
        yield session


def frame(rows: int = ROWS) -> pt.DataFrame:
    random = np.random.default_rng(3)
    return pt.from_pydict(
        {
            "a": np.arange(rows),
            "k": pa.array([None if key == 0 else int(key) for key in random.integers(0, 50, rows)]),
            "f": random.choice([0.0, -0.0, 1.5, float("nan")], rows),
        }
    )


def sizes(of: pt.DataFrame) -> list[int]:
    return [len(part) for part in of.partitions]


@pytest.mark.parametrize("count", [1, 2, 3, 7, 64])
def test_a_number_of_partitions_is_of_equal_rows_and_keeps_the_order(
    session: pt.Session, count: int
) -> None:
    cut = frame().repartition(count)
    assert cut.npartitions == count
    kept = cut.persist()
    assert kept.npartitions == count
    assert sizes(kept) == [ROWS * (n + 1) // count - ROWS * n // count for n in range(count)]
    assert cut.to_arrow()["a"].to_pylist() == list(range(ROWS))


@pytest.mark.parametrize("rows", [0, 1, 3])
def test_more_partitions_than_rows(session: pt.Session, rows: int) -> None:
    cut = frame(rows).repartition(5).persist()
    assert cut.npartitions == 5
    assert sum(sizes(cut)) == rows
    assert cut.to_arrow()["a"].to_pylist() == list(range(rows))


@pytest.mark.parametrize("size", ["20KiB", "100KiB", 7_000, "1GiB"])
def test_partitions_of_a_size_are_alike_and_keep_the_order(
    session: pt.Session, size: int | str
) -> None:
    cut = frame().filter(col("a") % 3 != 0).repartition(bytes=size)
    kept = cut.persist()
    rows = sizes(kept)
    assert max(rows) <= min(rows) * 1.2 + 2
    assert kept.to_arrow()["a"].to_pylist() == [row for row in range(ROWS) if row % 3]
    if size == "1GiB":
        assert len(rows) == 1


@pytest.mark.parametrize("keys", ["k", "f", ["k", "f"]])
@pytest.mark.parametrize("count", [None, 1, 4, 100])
def test_rows_of_a_key_are_in_one_partition_in_their_order(
    session: pt.Session, keys: str | list[str], count: int | None
) -> None:
    with pt.config.set(exchange_bytes="16KiB"):
        kept = frame().repartition(count, by=keys).persist()
    if count is not None:
        assert kept.npartitions == count
    seen: set[tuple[object, ...]] = set()
    total = 0
    for part in kept.partitions:
        table = part.to_arrow()
        total += table.num_rows
        names = [keys] if isinstance(keys, str) else keys
        rows = zip(*(table[name].to_pylist() for name in names), strict=True)
        # -0.0 is equal to 0.0 as a key, and NaN to NaN.
        mine = {tuple(str(v + 0.0) if isinstance(v, float) else v for v in row) for row in rows}
        assert not mine & seen
        seen |= mine
        places = {}
        for key, place in zip(table["k"].to_pylist(), table["a"].to_pylist(), strict=True):
            assert places.get(key, -1) < place or keys == "f"
            places[key] = place
    assert total == ROWS


def test_whole_partitions_behind_keys_see_whole_groups(session: pt.Session) -> None:
    def totals(batch: pa.RecordBatch) -> pa.Table:
        return pa.TableGroupBy(pa.Table.from_batches([batch]), "k").aggregate([("a", "sum")])

    schema = {"k": "int64", "a_sum": "int64"}
    by_hand = frame().repartition(8, by="k").map_batches(totals, schema, whole_partition=True)
    expected = frame().group_by("k").agg(a_sum=col("a").sum())
    assert by_hand.sort("k").collect().equals(expected.sort("k").collect())


def test_columns_that_are_not_asked_for_do_not_move_the_cut(session: pt.Session) -> None:
    parts = frame().repartition(3).partitions
    assert parts[1].select("k").to_pydict()["k"] == parts[1].to_pydict()["k"]
    assert [len(part.select("a")) for part in frame().partitions] == sizes(frame())
    alone = [value for part in frame().partitions for value in part.select("a").to_pydict()["a"]]
    assert alone == list(range(ROWS))
    # A condition neither: the second partition of the rows is not that of the rows that match.
    second = frame().partitions[1]
    first_row = second.to_pydict()["a"][0]
    assert second.filter(col("a") > first_row).to_pydict()["a"][0] == first_row + 1
    assert second.head(1).to_pydict()["a"] == [first_row]


def test_partitions_are_a_sequence(session: pt.Session) -> None:
    parts = frame(100).repartition(5).partitions
    assert len(parts) == 5
    assert parts[-1].to_pydict()["a"] == list(range(80, 100))
    assert parts[1:3].to_pydict()["a"] == list(range(20, 60))
    assert parts[::-2].to_pydict()["a"] == [*range(80, 100), *range(40, 60), *range(20)]
    assert parts[[3, 0]].to_pydict()["a"] == [*range(60, 80), *range(20)]
    assert parts[2:2].to_pydict()["a"] == []
    assert pt.concat(list(parts)).collect().equals(frame(100).collect())
    with pytest.raises(IndexError, match="there are 5 partitions"):
        parts[5]
    with pytest.raises(errors.InvalidExpression, match="a number, a slice"):
        parts["a"]  # type: ignore[index]


def test_a_cut_that_is_decided_late_says_so(session: pt.Session) -> None:
    grouped = frame().group_by("k").agg(col("a").sum())
    assert grouped.npartitions is None
    with pytest.raises(errors.InvalidExpression, match=r"persist\(\) or \.repartition"):
        len(grouped.partitions)
    assert len(grouped.partitions[0]) > 0
    with pytest.raises(errors.InvalidExpression, match="There is no partition 1000"):
        grouped.partitions[1000].collect()
    assert "decided when it runs" in repr(grouped.partitions)
    assert grouped.repartition(2).npartitions == 2
    assert len(grouped.persist().partitions) >= 1


def test_partitions_of_what_is_fused_with_a_join(session: pt.Session) -> None:
    other = pt.from_pydict({"k": [1, 2, 3], "name": ["x", "y", "z"]})
    joined = frame().join(other, on="k", how="inner")
    whole = joined.to_pydict()["a"]
    first = joined.partitions[0].to_pydict()["a"]
    assert first
    assert whole[: len(first)] == first
    both = pt.concat([frame(), frame()])
    assert len(both.partitions) == 2 * len(frame().partitions)
    assert both.partitions[-1].collect().equals(frame().partitions[-1].collect())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "wants n=, by= or bytes="),
        ({"n": 0}, "at least 1"),
        ({"n": "k"}, "For columns write by="),
        ({"n": 2, "bytes": 10}, "not both"),
        ({"by": "kk"}, "Did you mean 'k'"),
        ({"bytes": "many"}, "size such as"),
        ({"npartitions": 3}, "write n="),
        ({"by": col("a") + 1}, "with_columns"),
    ],
)
def test_what_is_asked_wrongly_is_answered_with_the_fix(
    arguments: dict[str, object], message: str
) -> None:
    with pytest.raises(errors.PartitaError, match=message):
        frame(3).repartition(**arguments)  # type: ignore[arg-type]


def test_a_plan_says_how_it_is_cut() -> None:
    text = frame(3).repartition(4, by="k").explain()
    assert "REPARTITION into 4 by k" in text
    assert "REPARTITION of 64 bytes" in frame(3).repartition(bytes=64).explain()
    assert "PARTITIONS 0, 2" in frame(3).repartition(4).partitions[::2].explain()

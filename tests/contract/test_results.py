"""The answer is the same to the bit, its order included, whoever computes it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import partita as pt
from partita import col

from ..same_rows import same_bits
from .executors import PLACES, Executor

FILES = 4
ROWS = 5_000
CUTS = {
    # Many partitions, real shuffles on both sides of a join, pieces that arrive in any order.
    "partition_bytes": "128KiB",
    "exchange_bytes": "64KiB",
    "broadcast_bytes": "4KiB",
    "chunk_bytes": "16KiB",
    "batch_rows": 1500,
}


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Files with skewed keys, and floats whose sums depend on the order of the addends."""
    root = tmp_path_factory.mktemp("sales")
    random = np.random.default_rng(11)
    for number in range(FILES):
        skewed = np.minimum(random.zipf(1.3, ROWS), 3000)
        amount = random.normal(size=ROWS) * 10.0 ** random.integers(-6, 9, ROWS)
        amount[random.random(ROWS) < 0.01] = np.nan
        amount[random.random(ROWS) < 0.01] = -0.0
        table = pa.table(
            {
                "key": pa.array(skewed, mask=random.random(ROWS) < 0.05),
                "amount": pa.array(amount, mask=random.random(ROWS) < 0.1),
                "place": pa.array([f"place {at}" for at in skewed % 37]),
                "row": np.arange(ROWS) + number * ROWS,
            }
        )
        pq.write_table(table, root / f"part-{number}.parquet", row_group_size=ROWS // 4)
    return root


def group_by(sales: pt.DataFrame) -> pt.DataFrame:
    return sales.group_by("key").agg(
        total=col("amount").sum(),
        mean=col("amount").mean(),
        spread=col("amount").std(),
        least=col("amount").min(),
        first=col("row").first(),
        last=col("row").last(),
        places=col("place").n_unique(),
    )


def group_by_text(sales: pt.DataFrame) -> pt.DataFrame:
    return sales.group_by("place", half=col("row") % 2).agg(col("amount").sum(), rows=pt.len())


def shuffled_join(sales: pt.DataFrame) -> pt.DataFrame:
    rare = sales.filter(col("key") > 20)
    return rare.join(rare.filter(col("row") % 3 == 0), on=["key", "place"])


def left_join(sales: pt.DataFrame) -> pt.DataFrame:
    totals = sales.group_by("key").agg(total=col("amount").sum())
    return sales.join(totals, on="key", how="left")


def anti_join(sales: pt.DataFrame) -> pt.DataFrame:
    return sales.join(sales.filter(col("amount") > 0), on=["key", "place"], how="anti")


def sort(sales: pt.DataFrame) -> pt.DataFrame:
    return sales.sort("place", "amount", descending=[True, False], nulls_last=True)


def top(sales: pt.DataFrame) -> pt.DataFrame:
    return sales.top_k(500, by="amount")


def distinct(sales: pt.DataFrame) -> pt.DataFrame:
    return sales.select("key", "place").unique()


def one_of_each(sales: pt.DataFrame) -> pt.DataFrame:
    return sales.unique("key", keep="any")


def whole_sum(sales: pt.DataFrame) -> pt.DataFrame:
    return sales.select(col("amount").sum().alias("total"), spread=col("amount").var())


def tail(sales: pt.DataFrame) -> pt.DataFrame:
    return sales.filter(col("amount") > 0).tail(700)


def exploded(sales: pt.DataFrame) -> pt.DataFrame:
    parts = sales.select("row", part=col("place").str.split(" "))
    return parts.filter(col("row") % 3 == 0).explode("part").reverse()


def numbered(sales: pt.DataFrame) -> pt.DataFrame:
    return sales.filter(col("amount") > 0).with_row_index().gather_every(3)


def sample(sales: pt.DataFrame) -> pt.DataFrame:
    return sales.filter(col("amount") < 5).sample(900, seed=4)


def shuffle(sales: pt.DataFrame) -> pt.DataFrame:
    return sales.select("row", "place").shuffle(seed=4)


def side_by_side(sales: pt.DataFrame) -> pt.DataFrame:
    others = sales.filter(col("row") % 5 > 0).select(other="place", amount_below="amount")
    return pt.concat([sales, others], how="horizontal_extend")


def long(sales: pt.DataFrame) -> pt.DataFrame:
    return sales.filter(col("key") < 9).unpivot(["row", "amount"], index="place")


QUERIES = (
    group_by,
    group_by_text,
    shuffled_join,
    left_join,
    anti_join,
    sort,
    top,
    distinct,
    one_of_each,
    whole_sum,
    tail,
    exploded,
    numbered,
    sample,
    shuffle,
    side_by_side,
    long,
)


@pytest.fixture(scope="module")
def expected(dataset: Path) -> dict[str, pa.Table]:
    """The answers of this process alone."""
    with pt.config.set(executor="serial", **CUTS):
        return {
            query.__name__: query(pt.scan_parquet(dataset)).collect().to_arrow()
            for query in QUERIES
        }


RUNS = [*((name, {}) for name in PLACES), ("process", {"workers": 1}), ("process", {"workers": 4})]


@pytest.fixture(scope="module", params=RUNS, ids=lambda run: "-".join(map(str, run)))
def session(request: pytest.FixtureRequest) -> Iterator[pt.Session]:
    name, more = request.param
    with Executor(name, request).session(**CUTS, **more) as session:
        yield session


@pytest.mark.parametrize("query", QUERIES)
def test_the_answer_is_the_same_to_the_bit(
    query: Callable[[pt.DataFrame], pt.DataFrame],
    dataset: Path,
    expected: dict[str, pa.Table],
    session: pt.Session,
) -> None:
    alone = expected[query.__name__]
    assert alone.num_rows
    assert same_bits(query(pt.scan_parquet(dataset)).collect().to_arrow(), alone)


def test_rows_keep_their_order(session: pt.Session, dataset: Path) -> None:
    sales = pt.scan_parquet(dataset)
    assert sales.select("row").to_pydict()["row"] == list(range(FILES * ROWS))
    odd = sales.filter(col("row") % 2 == 1).select("row").head(6000).to_pydict()["row"]
    assert odd == list(range(1, 12_000, 2))
    # Rows of the same place stay in the order in which they were.
    places = sales.sort("place").select("place", "row").to_arrow()
    by_hand = pq.read_table(dataset, columns=["place", "row"]).sort_by(
        [("place", "ascending"), ("row", "ascending")]
    )
    assert places.cast(by_hand.schema).equals(by_hand)


def test_a_stream_has_the_rows_of_the_whole(session: pt.Session, dataset: Path) -> None:
    asked = sort(pt.scan_parquet(dataset))
    streamed = pa.Table.from_batches(asked.collect_batches(), asked.schema)
    assert same_bits(streamed, asked.collect().to_arrow())


def test_this_data_would_show_another_order_of_addition(dataset: Path) -> None:
    amounts = pq.read_table(dataset)["amount"].drop_null().to_numpy()
    amounts = amounts[~np.isnan(amounts)]
    assert np.cumsum(amounts)[-1] != np.cumsum(amounts[::-1])[-1]

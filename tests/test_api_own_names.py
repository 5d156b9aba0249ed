"""Columns that are called as the engine calls its own are columns like any others."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pyarrow as pa
import pytest

import partita as pt
from partita import col

from .same_rows import difference

OWN = (
    "__row",
    "__place",
    "__key_0",
    "__left_row",
    "__right_row",
    "__left_key_0",
    "__right_key_0",
    "__left k",
    "__right k",
    "__left there",
    "__on",
    "__total",
    "__group_rows",
    "__step_0",
    "__window_start",
    "__window_first",
    "\x1fplace",
    "\x1fbuild_place",
    "count",
    "x__sum",
)
"""Names that the engine has used, or uses where they are free."""


@pytest.fixture(autouse=True)
def _many_partitions() -> Iterator[None]:
    small = {"partition_bytes": 2048, "exchange_bytes": 2048, "broadcast_bytes": 1}
    with pt.config.set(executor="serial", small_query_bytes=0, **small):
        yield


def frame(own: str, seed: int) -> pt.DataFrame:
    """Return rows with a key, a time and a value, and one more column that is called `own`."""
    random = np.random.default_rng(seed)
    rows = 240
    return pt.from_arrow(
        pa.table(
            {
                "k": random.integers(0, 40, rows),
                own: random.integers(0, 30, rows),
                "t": np.sort(random.integers(0, 1000, rows)),
                "x": random.integers(0, 1000, rows),
            }
        )
    )


Query = Callable[[pt.DataFrame, pt.DataFrame, str], pt.DataFrame]

QUERIES: dict[str, Query] = {
    "group": lambda a, b, own: a.group_by(col("k") % 7).agg(s=col(own).sum(), t=col("x").sum()),
    "group by it": lambda a, b, own: a.group_by(own, col("k") % 3).agg(s=col("x").sum()),
    "group in order": lambda a, b, own: a.group_by(own, maintain_order=True).agg(
        s=col("x").first(), m=col("t").median()
    ),
    "as a result": lambda a, b, own: a.group_by("k").agg(col("x").sum().alias(own)),
    "distinct": lambda a, b, own: a.select("k", own).unique(),
    "once": lambda a, b, own: a.unique(subset=["k", own], keep="none"),
    "rows of groups": lambda a, b, own: a.group_by("k", maintain_order=True).head(2),
    "window": lambda a, b, own: a.with_columns(
        s=col(own).sum().over(col("k") % 5), r=col(own).cum_sum(), d=col(own).shift(1)
    ),
    "window in order": lambda a, b, own: a.with_columns(
        s=col("x").cum_sum().over(own, order_by="t")
    ),
    "window as it": lambda a, b, own: a.drop(own).with_columns(
        col("x").cum_sum().over("k", order_by="t").alias(own)
    ),
    "rolling": lambda a, b, own: a.rolling("t", period=5, group_by=own).agg(s=col("x").sum()),
    "dynamic": lambda a, b, own: a.group_by_dynamic("t", every=50, group_by=own).agg(
        s=col("x").sum()
    ),
    "dynamic, point": lambda a, b, own: a.group_by_dynamic(
        "t", every=50, period=100, label="datapoint"
    ).agg(col(own).sum()),
    "join": lambda a, b, own: a.join(b, on="k"),
    "join on it": lambda a, b, own: a.join(b, on=[own, "k"], how="full"),
    "join, computed": lambda a, b, own: a.join(
        b, left_on=col("k") + 1, right_on=col(own), how="left"
    ),
    "join in order": lambda a, b, own: a.join(b, on="k", how="full", maintain_order="left_right"),
    "join, coalesced": lambda a, b, own: a.join(b, on="k", how="full", coalesce=True),
    "semi": lambda a, b, own: a.join(b, left_on=col("k") * 2, right_on=col(own) * 2, how="semi"),
    "group of a join": lambda a, b, own: (
        a.join(b.rename({own: "other"}), on="k").group_by(own).agg(s=col("x").sum())
    ),
    "asof": lambda a, b, own: a.join_asof(b.sort("t"), on="t"),
    "asof by": lambda a, b, own: a.join_asof(b.sort("t"), on="t", by=own),
    "merge": lambda a, b, own: a.merge(b, on="k", how="outer", indicator=True),
    "sort": lambda a, b, own: a.sort(own, "x", descending=True),
    "functions of groups": lambda a, b, own: a.group_by((col("k") % 4).alias("k")).map_groups(
        _largest, schema=a.schema
    ),
    "sample": lambda a, b, own: a.sample(fraction=0.3, seed=1),
    "counts": lambda a, b, own: a.select(own).value_counts(normalize=True),
    "tail": lambda a, b, own: a.with_row_index("n").tail(20),
}


def _largest(group: pa.Table) -> pa.Table:
    return group.sort_by("x").slice(0, 1)


@pytest.mark.parametrize("query", QUERIES)
def test_a_column_may_be_called_as_the_engine_calls_its_own(query: str) -> None:
    run = QUERIES[query]
    expected = run(frame("plain", 1), frame("plain", 2), "plain").collect().to_arrow()
    assert expected.num_rows
    for own in OWN:
        found = run(frame(own, 1), frame(own, 2), own).collect().to_arrow()
        names = [name.replace(own, "plain") for name in found.schema.names]
        assert difference(found.rename_columns(names), expected, ordered=False) is None, own

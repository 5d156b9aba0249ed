"""Queries of so many tasks: plans of the public interface, over tables that lie nowhere."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import pyarrow as pa

import partita as pt
from partita import col
from partita.engine.api.dataframe import DataFrame
from partita.engine.plan.nodes import Scan
from partita.engine.source import ColumnStatistics, Pushdown, ScanPlan, Statistics

from .work import KEYS, ROW_BYTES

COLUMNS = pa.schema(
    [
        ("key", pa.int64()),
        ("other", pa.int64()),
        ("amount", pa.float64()),
        ("kind", pa.int32()),
    ]
)

LARGEST = 8
"""A file of the table has at most so many times the bytes of the smallest: Zipf's law holds for
sizes up to here, for a scan would cut larger ones."""


FACTS = ("events", "lines")
"""Tables whose keys repeat. No two of them are joined: of a key that has a tenth of the rows of
both, the pairs would be more than all the rows together."""


@dataclass(frozen=True, slots=True)
class Part:
    """A fragment that is never read."""

    number: int
    bytes: int
    skewed: bool
    """Whether some of its keys are frequent."""

    label: str = "part"

    @property
    def rows(self) -> int:
        """As many as fit."""
        return self.bytes // ROW_BYTES

    @property
    def stored_bytes(self) -> int:
        """Compressed."""
        return self.bytes // 3

    def batches(self, batch_rows: int) -> Iterator[pa.RecordBatch]:
        """Refuse: no task runs."""
        raise TypeError("a part of a simulated table holds no rows")


@dataclass(frozen=True)
class Table:
    """A source of so many parts, whose sizes follow Zipf's law."""

    name: str
    parts: int
    bytes: int
    """Of the mean part."""

    facts: bool
    """Whether keys repeat, by Zipf's law; else each has a row."""

    @property
    def label(self) -> str:
        """Its name."""
        return self.name

    @property
    def schema(self) -> pa.Schema:
        """The columns of `COLUMNS`."""
        return COLUMNS

    def statistics(self) -> Statistics:
        """Return what footers would tell."""
        rows = self.parts * self.bytes // ROW_BYTES
        return Statistics(
            rows=rows,
            bytes=self.parts * self.bytes,
            columns={
                "key": ColumnStatistics(
                    minimum=0,
                    maximum=rows,
                    null_count=0,
                    distinct=rows // 4 if self.facts else rows,
                ),
                "other": ColumnStatistics(minimum=0, maximum=rows, null_count=0),
                "kind": ColumnStatistics(minimum=0, maximum=KEYS, null_count=0, distinct=KEYS),
            },
        )

    def plan(self, pushdown: Pushdown, partition_bytes: int) -> ScanPlan:
        """Return the parts, however they were to be cut."""
        chance = random.Random(self.name)
        sizes = [1 / number for number in range(1, LARGEST + 1)]
        mean = len(sizes) / sum(sizes)
        drawn = chance.choices(range(1, LARGEST + 1), sizes, k=self.parts)
        return ScanPlan(
            fragments=tuple(
                Part(number, int(self.bytes * size / mean), self.facts)
                for number, size in enumerate(drawn)
            )
        )


def _table(name: str, tasks: float, size: int) -> DataFrame:
    table = Table(name, max(2, int(tasks)), size, name in FACTS)
    return DataFrame._from_plan(Scan(source=table))


def _map_only(tasks: int, size: int) -> DataFrame:
    return _table("events", tasks, size).filter(col("kind") > 3, col("amount") > 0.0)


def _reduce(tasks: int, size: int) -> DataFrame:
    return _table("events", tasks, size).group_by("key").agg(total=pt.sum("amount"))


def _join(tasks: int, size: int) -> DataFrame:
    left = _table("events", 0.7 * tasks, size).filter(col("kind") > 3)
    right = _table("orders", 0.3 * tasks, size).filter(col("kind") > 5)
    return left.join(right, on="key").group_by("kind").agg(total=pt.sum("amount"))


def _sort(tasks: int, size: int) -> DataFrame:
    return _table("events", tasks, size).filter(col("kind") > 3).sort("key")


def _like_tpch(tasks: int, size: int) -> DataFrame:
    lines = _table("lines", 0.7 * tasks, size)
    orders = _table("orders", 0.2 * tasks, size).filter(col("kind") > 3)
    parts = _table("parts", 0.1 * tasks, size).filter(col("kind") < 9)
    shops = _table("shops", 2, 2**20)
    names = {"other": "shop", "amount": "price", "kind": "sort"}
    return (
        lines.join(orders.select("key", "other"), on="key", suffix="_order")
        .join(parts.select("key", "kind").rename({"kind": "part_kind"}), on="key")
        .join(shops.rename(names).select("shop", "sort"), left_on="other", right_on="shop")
        .group_by("sort")
        .agg(total=pt.sum("amount"))
        .sort("total", descending=True)
        .head(10)
    )


SHAPES: Mapping[str, Callable[[int, int], DataFrame]] = {
    "map": _map_only,
    "reduce": _reduce,
    "join": _join,
    "sort": _sort,
    "tpch": _like_tpch,
}
"""Name -> what makes a query of about so many tasks over parts of so many bytes."""

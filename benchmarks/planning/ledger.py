"""A dataset of very many partitions that lies nowhere, and a pipeline of twenty steps over it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import pyarrow as pa

import partita as pt
from partita import col
from partita.engine.source import ColumnStatistics, Pushdown, ScanPlan, Statistics

COLUMNS = pa.schema(
    [
        ("id", pa.int64()),
        ("shop", pa.int64()),
        ("product", pa.int64()),
        ("day", pa.date32()),
        ("amount", pa.float64()),
        ("quantity", pa.int32()),
        ("channel", pa.string()),
        ("note", pa.string()),
    ]
)

ROWS = 100
"""Rows of a partition."""


@dataclass(frozen=True)
class Page:
    """A partition of the ledger."""

    number: int
    names: tuple[str, ...]
    rows: int = ROWS
    bytes: int = 100 * ROWS
    stored_bytes: int = 40 * ROWS

    @property
    def label(self) -> str:
        """Which page it is."""
        return f"page {self.number}"

    def batches(self, batch_rows: int) -> Iterator[pa.RecordBatch]:
        """Give the rows of the page."""
        first = self.number * ROWS
        ids = range(first, first + ROWS)
        columns = {
            "id": pa.array(ids, pa.int64()),
            "shop": pa.array([each % 50 for each in ids], pa.int64()),
            "product": pa.array([each % 500 for each in ids], pa.int64()),
            "day": pa.array([date(2024, 1, 1 + each % 28) for each in ids]),
            "amount": pa.array([float(each % 97) for each in ids]),
            "quantity": pa.array([each % 7 for each in ids], pa.int32()),
            "channel": pa.array(["web" if each % 3 else "shop" for each in ids]),
            "note": pa.array([None] * ROWS, pa.string()),
        }
        yield pa.record_batch({name: columns[name] for name in self.names})


@dataclass(frozen=True)
class Ledger:
    """A source of so many partitions."""

    pages: int
    label: str = "ledger"

    @property
    def schema(self) -> pa.Schema:
        """The columns of `COLUMNS`."""
        return COLUMNS

    def statistics(self) -> Statistics:
        """Rows and bounds are known, as from the footers of files."""
        rows = self.pages * ROWS
        return Statistics(
            rows=rows,
            bytes=rows * 100,
            columns={
                "id": ColumnStatistics(minimum=0, maximum=rows - 1, null_count=0),
                "shop": ColumnStatistics(minimum=0, maximum=49, null_count=0),
                "product": ColumnStatistics(minimum=0, maximum=499, null_count=0),
            },
        )

    def plan(self, pushdown: Pushdown, partition_bytes: int) -> ScanPlan:
        """Give every page as a partition of its own."""
        names = pushdown.columns or tuple(COLUMNS.names)
        return ScanPlan(fragments=tuple(Page(number, names) for number in range(self.pages)))


def tables() -> dict[str, pt.DataFrame]:
    """Return the small tables that the ledger is joined with."""
    return {
        "shops": pt.from_pydict(
            {"shop": list(range(50)), "town": [n % 9 for n in range(50)], "open": [True] * 50}
        ),
        "towns": pt.from_pydict({"town": list(range(9)), "country": ["de", "fr", "it"] * 3}),
        "products": pt.from_pydict(
            {"product": list(range(500)), "kind": [n % 12 for n in range(500)]}
        ),
        "kinds": pt.from_pydict(
            {"kind": list(range(12)), "taxed": [n % 2 == 0 for n in range(12)]}
        ),
        "closed": pt.from_pydict({"shop": [3, 4, 5]}),
    }


def pipeline(ledger: pt.DataFrame, small: dict[str, pt.DataFrame]) -> pt.DataFrame:
    """Return twenty steps over the ledger: each line is one."""
    return (
        ledger.filter(col("quantity") > 0)
        .with_columns(price=col("amount") / col("quantity"))
        .join(small["shops"], on="shop")
        .filter(col("open"))
        .join(small["towns"], on="town")
        .join(small["products"], on="product")
        .join(small["kinds"], on="kind")
        .filter(col("country") != "it")
        .join(small["closed"], on="shop", how="anti")
        .with_columns(net=pt.when(col("taxed")).then(col("amount") / 1.19).otherwise(col("amount")))
        .drop("note")
        .rename({"channel": "sold_by"})
        .filter(col("net") > 1.0)
        .with_columns(month=col("day").dt.month())
        .group_by("shop", "country", "kind", "month")
        .agg(net=col("net").sum(), most=col("price").max(), sales=pt.len())
        .filter(col("sales") > 1)
        .with_columns(mean=col("net") / col("sales"))
        .sort("mean", descending=True)
        .select("country", "kind", "month", "mean", "most")
        .head(100)
    )

"""Groups as a Polars user writes them."""

from __future__ import annotations

from typing import Any

import polars as pl
from polars import col

from ..cases import Case

AGGREGATES: dict[str, dict[str, Any]] = {
    "sum_mean_count": {
        "quantity": col("quantity").sum(),
        "price": col("price").mean(),
        "rows": pl.len(),
    },
    "min_max": {"least": col("price").min(), "most": col("quantity").max()},
}

AGAIN: dict[str, dict[str, Any]] = {
    "sum_mean_count": {
        "quantity": col("quantity").sum(),
        "price": col("price").sum(),
        "rows": col("rows").cast(pl.Int64).sum(),
    },
    "min_max": {"least": col("least").sum(), "most": col("most").sum()},
}


def run(case: Case, t: Any) -> pl.LazyFrame:
    grouped = t.sales.group_by(*case.columns).agg(**AGGREGATES[case.aggregates])
    if not case.is_reduced:
        return grouped
    tied = "quantity" if case.aggregates == "sum_mean_count" else "most"
    return grouped.select(
        groups=pl.len(),
        tied=(col(case.checked_key) % 1000 * col(tied)).sum(),
        **AGAIN[case.aggregates],
    )

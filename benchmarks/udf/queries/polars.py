"""The functions in Polars: `map_batches`, told that rows are independent, so that it may stream."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import polars as pl
from polars import col

from ..functions import families, ratings


def _rated(columns: Sequence[pl.Series]) -> pl.Series:
    prices, quantities = columns
    return pl.Series(ratings(prices.to_list(), quantities.to_list()), dtype=pl.Float64)


def _families(codes: pl.Series) -> pl.Series:
    return pl.Series(families(codes.to_list()), dtype=pl.String)


def numbers(t: Any) -> pl.LazyFrame:
    rating = pl.map_batches(
        ["price", "quantity"], _rated, return_dtype=pl.Float64, is_elementwise=True
    )
    return t.sales.with_columns(rating=rating).select(
        rows=pl.len(), total=col("rating").sum(), most=col("rating").max()
    )


def text(t: Any) -> pl.LazyFrame:
    family = col("code").map_batches(_families, return_dtype=pl.String, is_elementwise=True)
    return t.sales.with_columns(family=family).group_by("family").agg(rows=pl.len())

"""The functions in Partita: over Arrow arrays, in the workers."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

import partita as pt
from partita import col

from ..functions import families, ratings


@pt.udf(returns=float)
def rated(prices: pa.Array, quantities: pa.Array) -> list[float]:
    return ratings(prices.to_pylist(), quantities.to_pylist())


def numbers(t: Any) -> pt.DataFrame:
    with_rating = t.sales.with_columns(rating=rated("price", "quantity"))
    return with_rating.select(rows=pt.len(), total=col("rating").sum(), most=col("rating").max())


def text(t: Any) -> pt.DataFrame:
    family = col("code").map_batches(lambda codes: families(codes.to_pylist()), str)
    return t.sales.with_columns(family=family).group_by("family").agg(rows=pt.len())

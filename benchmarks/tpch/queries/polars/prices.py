"""Prices that can be multiplied without a rounding."""

from __future__ import annotations

from typing import Any

import polars as pl
from polars import col


def price(t: Any, scale: int = 4) -> pl.Expr:
    """Return ``l_extendedprice`` with room for a product of `scale` decimals.

    Polars keeps the larger scale of two factors and rounds each product to it; the standard's
    answer has the sum of both scales, so a decimal price is widened before it is multiplied.
    """
    return widened(t, "l_extendedprice", scale)


def revenue(t: Any) -> pl.Expr:
    """Return the price after its discount."""
    return price(t) * (1 - col("l_discount"))


def widened(t: Any, name: str, scale: int = 4) -> pl.Expr:
    """Return a price with room for a product of `scale` decimals."""
    return col(name).cast(pl.Decimal(38, scale)) if t.decimals == "keep" else col(name)

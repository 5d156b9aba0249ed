"""TPC-H as a Polars user writes it, lazily."""

from __future__ import annotations

from datetime import date
from typing import Any

import polars as pl
from polars import col


def _price(t: Any, scale: int) -> pl.Expr:
    """Return ``l_extendedprice`` with room for a product of `scale` decimals.

    Polars keeps the larger scale of two factors and rounds each product to it; the standard's
    answer has the sum of both scales, so a decimal price is widened before it is multiplied.
    """
    price = col("l_extendedprice")
    return price.cast(pl.Decimal(38, scale)) if t.decimals == "keep" else price


def q1(t: Any) -> pl.LazyFrame:
    """Pricing summary report."""
    return (
        t.lineitem.filter(col("l_shipdate") <= date(1998, 9, 2))
        .group_by("l_returnflag", "l_linestatus")
        .agg(
            sum_qty=col("l_quantity").sum(),
            sum_base_price=col("l_extendedprice").sum(),
            sum_disc_price=(_price(t, 4) * (1 - col("l_discount"))).sum(),
            sum_charge=(_price(t, 6) * (1 - col("l_discount")) * (1 + col("l_tax"))).sum(),
            avg_qty=col("l_quantity").mean(),
            avg_price=col("l_extendedprice").mean(),
            avg_disc=col("l_discount").mean(),
            count_order=pl.len(),
        )
        .sort("l_returnflag", "l_linestatus")
    )


def q3(t: Any) -> pl.LazyFrame:
    """Shipping priority."""
    day = date(1995, 3, 15)
    return (
        t.customer.filter(col("c_mktsegment") == "BUILDING")
        .join(t.orders, left_on="c_custkey", right_on="o_custkey")
        .join(t.lineitem, left_on="o_orderkey", right_on="l_orderkey")
        .filter(col("o_orderdate") < day, col("l_shipdate") > day)
        .group_by(col("o_orderkey").alias("l_orderkey"), "o_orderdate", "o_shippriority")
        .agg(revenue=(_price(t, 4) * (1 - col("l_discount"))).sum())
        .select("l_orderkey", "revenue", "o_orderdate", "o_shippriority")
        .sort("revenue", "o_orderdate", descending=[True, False])
        .head(10)
    )


def q6(t: Any) -> pl.LazyFrame:
    """Forecasting revenue change."""
    return t.lineitem.filter(
        col("l_shipdate") >= date(1994, 1, 1),
        col("l_shipdate") < date(1995, 1, 1),
        col("l_discount").is_between(0.05, 0.07),
        col("l_quantity") < 24,
    ).select((_price(t, 4) * col("l_discount")).sum().alias("revenue"))

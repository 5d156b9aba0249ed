"""TPC-H as a Partita user writes it."""

from __future__ import annotations

from datetime import date
from typing import Any

import partita as pt
from partita import col


def q1(t: Any) -> pt.DataFrame:
    """Pricing summary report."""
    discounted = col("l_extendedprice") * (1 - col("l_discount"))
    return (
        t.lineitem.filter(col("l_shipdate") <= date(1998, 9, 2))
        .group_by("l_returnflag", "l_linestatus")
        .agg(
            sum_qty=col("l_quantity").sum(),
            sum_base_price=col("l_extendedprice").sum(),
            sum_disc_price=discounted.sum(),
            sum_charge=(discounted * (1 + col("l_tax"))).sum(),
            avg_qty=col("l_quantity").mean(),
            avg_price=col("l_extendedprice").mean(),
            avg_disc=col("l_discount").mean(),
            count_order=pt.len(),
        )
        .sort("l_returnflag", "l_linestatus")
    )


def q3(t: Any) -> pt.DataFrame:
    """Shipping priority."""
    day = date(1995, 3, 15)
    return (
        t.customer.filter(col("c_mktsegment") == "BUILDING")
        .join(t.orders, left_on="c_custkey", right_on="o_custkey")
        .join(t.lineitem, left_on="o_orderkey", right_on="l_orderkey")
        .filter(col("o_orderdate") < day, col("l_shipdate") > day)
        .group_by(col("o_orderkey").alias("l_orderkey"), "o_orderdate", "o_shippriority")
        .agg(revenue=(col("l_extendedprice") * (1 - col("l_discount"))).sum())
        .select("l_orderkey", "revenue", "o_orderdate", "o_shippriority")
        .sort("revenue", "o_orderdate", descending=[True, False])
        .head(10)
    )


def q6(t: Any) -> pt.DataFrame:
    """Forecasting revenue change."""
    return t.lineitem.filter(
        col("l_shipdate") >= date(1994, 1, 1),
        col("l_shipdate") < date(1995, 1, 1),
        col("l_discount").is_between(0.05, 0.07),
        col("l_quantity") < 24,
    ).select((col("l_extendedprice") * col("l_discount")).sum().alias("revenue"))

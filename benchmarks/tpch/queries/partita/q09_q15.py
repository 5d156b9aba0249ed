"""Queries 9 to 15."""

from __future__ import annotations

from datetime import date
from typing import Any

import partita as pt
from partita import col

REVENUE = col("l_extendedprice") * (1 - col("l_discount"))


def q9(t: Any) -> pt.DataFrame:
    """Product type profit measure."""
    return (
        t.part.filter(col("p_name").str.contains("green", literal=True))
        .join(t.lineitem, left_on="p_partkey", right_on="l_partkey")
        .join(t.supplier, left_on="l_suppkey", right_on="s_suppkey")
        .join(
            t.partsupp,
            left_on=["l_suppkey", "p_partkey"],
            right_on=["ps_suppkey", "ps_partkey"],
        )
        .join(t.orders, left_on="l_orderkey", right_on="o_orderkey")
        .join(t.nation, left_on="s_nationkey", right_on="n_nationkey")
        .group_by(nation=col("n_name"), o_year=col("o_orderdate").dt.year())
        .agg(sum_profit=(REVENUE - col("ps_supplycost") * col("l_quantity")).sum())
        .sort("nation", "o_year", descending=[False, True])
    )


def q10(t: Any) -> pt.DataFrame:
    """Returned item reporting."""
    return (
        t.customer.join(t.orders, left_on="c_custkey", right_on="o_custkey")
        .join(t.lineitem, left_on="o_orderkey", right_on="l_orderkey")
        .join(t.nation, left_on="c_nationkey", right_on="n_nationkey")
        .filter(
            col("o_orderdate") >= date(1993, 10, 1),
            col("o_orderdate") < date(1994, 1, 1),
            col("l_returnflag") == "R",
        )
        .group_by(
            *("c_custkey", "c_name", "c_acctbal", "c_phone"),
            *("n_name", "c_address", "c_comment"),
        )
        .agg(revenue=REVENUE.sum())
        .select(
            *("c_custkey", "c_name", "revenue", "c_acctbal"),
            *("n_name", "c_address", "c_phone", "c_comment"),
        )
        .sort("revenue", descending=True)
        .head(20)
    )


def q11(t: Any) -> pt.DataFrame:
    """Important stock identification."""
    stock = (
        t.partsupp.join(t.supplier, left_on="ps_suppkey", right_on="s_suppkey")
        .join(t.nation, left_on="s_nationkey", right_on="n_nationkey")
        .filter(col("n_name") == "GERMANY")
    )
    return (
        stock.group_by("ps_partkey")
        .agg(value=(col("ps_supplycost") * col("ps_availqty")).sum())
        .filter(col("value") > col("value").sum() * (0.0001 / t.scale))
        .sort("value", descending=True)
    )


def q12(t: Any) -> pt.DataFrame:
    """Shipping modes and order priority."""
    urgent = col("o_orderpriority").is_in(["1-URGENT", "2-HIGH"])
    return (
        t.orders.join(t.lineitem, left_on="o_orderkey", right_on="l_orderkey")
        .filter(
            col("l_shipmode").is_in(["MAIL", "SHIP"]),
            col("l_commitdate") < col("l_receiptdate"),
            col("l_shipdate") < col("l_commitdate"),
            col("l_receiptdate") >= date(1994, 1, 1),
            col("l_receiptdate") < date(1995, 1, 1),
        )
        .group_by("l_shipmode")
        .agg(high_line_count=urgent.sum(), low_line_count=(~urgent).sum())
        .sort("l_shipmode")
    )


def q13(t: Any) -> pt.DataFrame:
    """Customer distribution."""
    ordinary = t.orders.filter(~col("o_comment").str.contains("special.*requests"))
    return (
        t.customer.join(ordinary, left_on="c_custkey", right_on="o_custkey", how="left")
        .group_by("c_custkey")
        .agg(c_count=col("o_orderkey").count())
        .group_by("c_count")
        .agg(custdist=pt.len())
        .sort("custdist", "c_count", descending=True)
    )


def q14(t: Any) -> pt.DataFrame:
    """Promotion effect."""
    promoted = pt.when(col("p_type").str.starts_with("PROMO")).then(REVENUE).otherwise(0)
    return (
        t.lineitem.filter(
            col("l_shipdate") >= date(1995, 9, 1), col("l_shipdate") < date(1995, 10, 1)
        )
        .join(t.part, left_on="l_partkey", right_on="p_partkey")
        .select(promo_revenue=100.0 * promoted.sum() / REVENUE.sum())
    )


def q15(t: Any) -> pt.DataFrame:
    """Top supplier."""
    revenue = (
        t.lineitem.filter(
            col("l_shipdate") >= date(1996, 1, 1), col("l_shipdate") < date(1996, 4, 1)
        )
        .group_by("l_suppkey")
        .agg(total_revenue=REVENUE.sum())
    )
    return (
        t.supplier.join(revenue, left_on="s_suppkey", right_on="l_suppkey")
        .filter(col("total_revenue") == col("total_revenue").max())
        .select("s_suppkey", "s_name", "s_address", "s_phone", "total_revenue")
        .sort("s_suppkey")
    )

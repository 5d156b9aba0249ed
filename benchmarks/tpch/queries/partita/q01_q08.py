"""Queries 1 to 8."""

from __future__ import annotations

from datetime import date
from typing import Any

import partita as pt
from partita import col

REVENUE = col("l_extendedprice") * (1 - col("l_discount"))


def q1(t: Any) -> pt.DataFrame:
    """Pricing summary report."""
    return (
        t.lineitem.filter(col("l_shipdate") <= date(1998, 9, 2))
        .group_by("l_returnflag", "l_linestatus")
        .agg(
            sum_qty=col("l_quantity").sum(),
            sum_base_price=col("l_extendedprice").sum(),
            sum_disc_price=REVENUE.sum(),
            sum_charge=(REVENUE * (1 + col("l_tax"))).sum(),
            avg_qty=col("l_quantity").mean(),
            avg_price=col("l_extendedprice").mean(),
            avg_disc=col("l_discount").mean(),
            count_order=pt.len(),
        )
        .sort("l_returnflag", "l_linestatus")
    )


def q2(t: Any) -> pt.DataFrame:
    """Minimum cost supplier."""
    offers = (
        t.part.filter(col("p_size") == 15, col("p_type").str.ends_with("BRASS"))
        .join(t.partsupp, left_on="p_partkey", right_on="ps_partkey")
        .join(t.supplier, left_on="ps_suppkey", right_on="s_suppkey")
        .join(t.nation, left_on="s_nationkey", right_on="n_nationkey")
        .join(t.region, left_on="n_regionkey", right_on="r_regionkey")
        .filter(col("r_name") == "EUROPE")
    )
    least = offers.group_by("p_partkey").agg(col("ps_supplycost").min())
    return (
        offers.join(least, on=["p_partkey", "ps_supplycost"])
        .select(
            *("s_acctbal", "s_name", "n_name", "p_partkey", "p_mfgr"),
            *("s_address", "s_phone", "s_comment"),
        )
        .sort("s_acctbal", "n_name", "s_name", "p_partkey", descending=[True, False, False, False])
        .head(100)
    )


def q3(t: Any) -> pt.DataFrame:
    """Shipping priority."""
    day = date(1995, 3, 15)
    return (
        t.customer.filter(col("c_mktsegment") == "BUILDING")
        .join(t.orders, left_on="c_custkey", right_on="o_custkey")
        .join(t.lineitem, left_on="o_orderkey", right_on="l_orderkey")
        .filter(col("o_orderdate") < day, col("l_shipdate") > day)
        .group_by("o_orderdate", "o_shippriority", l_orderkey="o_orderkey")
        .agg(revenue=REVENUE.sum())
        .select("l_orderkey", "revenue", "o_orderdate", "o_shippriority")
        .sort("revenue", "o_orderdate", descending=[True, False])
        .head(10)
    )


def q4(t: Any) -> pt.DataFrame:
    """Order priority checking."""
    late = t.lineitem.filter(col("l_commitdate") < col("l_receiptdate"))
    return (
        t.orders.filter(
            col("o_orderdate") >= date(1993, 7, 1), col("o_orderdate") < date(1993, 10, 1)
        )
        .join(late, left_on="o_orderkey", right_on="l_orderkey", how="semi")
        .group_by("o_orderpriority")
        .agg(order_count=pt.len())
        .sort("o_orderpriority")
    )


def q5(t: Any) -> pt.DataFrame:
    """Local supplier volume."""
    return (
        t.customer.join(t.orders, left_on="c_custkey", right_on="o_custkey")
        .join(t.lineitem, left_on="o_orderkey", right_on="l_orderkey")
        .join(
            t.supplier,
            left_on=["l_suppkey", "c_nationkey"],
            right_on=["s_suppkey", "s_nationkey"],
        )
        .join(t.nation, left_on="c_nationkey", right_on="n_nationkey")
        .join(t.region, left_on="n_regionkey", right_on="r_regionkey")
        .filter(
            col("r_name") == "ASIA",
            col("o_orderdate") >= date(1994, 1, 1),
            col("o_orderdate") < date(1995, 1, 1),
        )
        .group_by("n_name")
        .agg(revenue=REVENUE.sum())
        .sort("revenue", descending=True)
    )


def q6(t: Any) -> pt.DataFrame:
    """Forecasting revenue change."""
    return t.lineitem.filter(
        col("l_shipdate") >= date(1994, 1, 1),
        col("l_shipdate") < date(1995, 1, 1),
        col("l_discount").is_between(0.05, 0.07),
        col("l_quantity") < 24,
    ).select((col("l_extendedprice") * col("l_discount")).sum().alias("revenue"))


def q7(t: Any) -> pt.DataFrame:
    """Volume shipping."""
    sellers = t.nation.select("n_nationkey", supp_nation="n_name")
    buyers = t.nation.select("n_nationkey", cust_nation="n_name")
    france_sells = (col("supp_nation") == "FRANCE") & (col("cust_nation") == "GERMANY")
    germany_sells = (col("supp_nation") == "GERMANY") & (col("cust_nation") == "FRANCE")
    return (
        t.supplier.join(t.lineitem, left_on="s_suppkey", right_on="l_suppkey")
        .join(t.orders, left_on="l_orderkey", right_on="o_orderkey")
        .join(t.customer, left_on="o_custkey", right_on="c_custkey")
        .join(sellers, left_on="s_nationkey", right_on="n_nationkey")
        .join(buyers, left_on="c_nationkey", right_on="n_nationkey")
        .filter(
            france_sells | germany_sells,
            col("l_shipdate").is_between(date(1995, 1, 1), date(1996, 12, 31)),
        )
        .group_by("supp_nation", "cust_nation", l_year=col("l_shipdate").dt.year())
        .agg(revenue=REVENUE.sum())
        .sort("supp_nation", "cust_nation", "l_year")
    )


def q8(t: Any) -> pt.DataFrame:
    """National market share."""
    sellers = t.nation.select("n_nationkey", nation="n_name")
    of_brazil = pt.when(col("nation") == "BRAZIL").then(col("volume")).otherwise(0)
    return (
        t.part.filter(col("p_type") == "ECONOMY ANODIZED STEEL")
        .join(t.lineitem, left_on="p_partkey", right_on="l_partkey")
        .join(t.supplier, left_on="l_suppkey", right_on="s_suppkey")
        .join(t.orders, left_on="l_orderkey", right_on="o_orderkey")
        .join(t.customer, left_on="o_custkey", right_on="c_custkey")
        .join(t.nation, left_on="c_nationkey", right_on="n_nationkey")
        .join(t.region, left_on="n_regionkey", right_on="r_regionkey")
        .join(sellers, left_on="s_nationkey", right_on="n_nationkey")
        .filter(
            col("r_name") == "AMERICA",
            col("o_orderdate").is_between(date(1995, 1, 1), date(1996, 12, 31)),
        )
        .with_columns(o_year=col("o_orderdate").dt.year(), volume=REVENUE)
        .group_by("o_year")
        .agg(mkt_share=of_brazil.sum() / col("volume").sum())
        .sort("o_year")
    )

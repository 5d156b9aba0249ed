"""Queries 9 to 15."""

from __future__ import annotations

from datetime import date
from typing import Any


def q9(t: Any) -> Any:
    """Product type profit measure."""
    part = t.part[t.part.p_name.str.contains("green", regex=False)]
    joined = (
        part.merge(t.lineitem, left_on="p_partkey", right_on="l_partkey")
        .merge(t.supplier, left_on="l_suppkey", right_on="s_suppkey")
        .merge(
            t.partsupp,
            left_on=["l_suppkey", "p_partkey"],
            right_on=["ps_suppkey", "ps_partkey"],
        )
        .merge(t.orders, left_on="l_orderkey", right_on="o_orderkey")
        .merge(t.nation, left_on="s_nationkey", right_on="n_nationkey")
    )
    joined["nation"] = joined.n_name
    joined["o_year"] = joined.o_orderdate.dt.year
    revenue = joined.l_extendedprice * (1 - joined.l_discount)
    joined["sum_profit"] = revenue - joined.ps_supplycost * joined.l_quantity
    profit = joined.groupby(["nation", "o_year"]).sum_profit.sum()
    return profit.reset_index().sort_values(["nation", "o_year"], ascending=[True, False])


def q10(t: Any) -> Any:
    """Returned item reporting."""
    orders = t.orders[
        (t.orders.o_orderdate >= date(1993, 10, 1)) & (t.orders.o_orderdate < date(1994, 1, 1))
    ]
    lineitem = t.lineitem[t.lineitem.l_returnflag == "R"]
    joined = (
        t.customer.merge(orders, left_on="c_custkey", right_on="o_custkey")
        .merge(lineitem, left_on="o_orderkey", right_on="l_orderkey")
        .merge(t.nation, left_on="c_nationkey", right_on="n_nationkey")
    )
    joined["revenue"] = joined.l_extendedprice * (1 - joined.l_discount)
    keys = ["c_custkey", "c_name", "c_acctbal", "c_phone", "n_name", "c_address", "c_comment"]
    revenue = joined.groupby(keys).revenue.sum().reset_index()
    return revenue.nlargest(20, "revenue")[
        [
            *("c_custkey", "c_name", "revenue", "c_acctbal"),
            *("n_name", "c_address", "c_phone", "c_comment"),
        ]
    ]


def q11(t: Any) -> Any:
    """Important stock identification."""
    nation = t.nation[t.nation.n_name == "GERMANY"]
    stock = t.partsupp.merge(t.supplier, left_on="ps_suppkey", right_on="s_suppkey").merge(
        nation, left_on="s_nationkey", right_on="n_nationkey"
    )
    stock["value"] = stock.ps_supplycost * stock.ps_availqty
    by_part = stock.groupby("ps_partkey").value.sum().reset_index()
    least = stock.value.sum() * (0.0001 / t.scale)
    return by_part[by_part.value > least].sort_values("value", ascending=False)


def q12(t: Any) -> Any:
    """Shipping modes and order priority."""
    lineitem = t.lineitem
    lineitem = lineitem[
        lineitem.l_shipmode.isin(["MAIL", "SHIP"])
        & (lineitem.l_commitdate < lineitem.l_receiptdate)
        & (lineitem.l_shipdate < lineitem.l_commitdate)
        & (lineitem.l_receiptdate >= date(1994, 1, 1))
        & (lineitem.l_receiptdate < date(1995, 1, 1))
    ]
    joined = t.orders.merge(lineitem, left_on="o_orderkey", right_on="l_orderkey")
    urgent = joined.o_orderpriority.isin(["1-URGENT", "2-HIGH"])
    joined["high_line_count"] = urgent.astype(int)
    joined["low_line_count"] = (~urgent).astype(int)
    counts = joined.groupby("l_shipmode")[["high_line_count", "low_line_count"]].sum()
    return counts.reset_index().sort_values("l_shipmode")


def q13(t: Any) -> Any:
    """Customer distribution."""
    ordinary = t.orders[~t.orders.o_comment.str.contains("special.*requests", regex=True)]
    joined = t.customer.merge(ordinary, left_on="c_custkey", right_on="o_custkey", how="left")
    c_count = joined.groupby("c_custkey").o_orderkey.count().rename("c_count").reset_index()
    custdist = c_count.groupby("c_count").c_custkey.count().rename("custdist").reset_index()
    return custdist.sort_values(["custdist", "c_count"], ascending=False)


def q14(t: Any) -> Any:
    """Promotion effect."""
    lineitem = t.lineitem[
        (t.lineitem.l_shipdate >= date(1995, 9, 1)) & (t.lineitem.l_shipdate < date(1995, 10, 1))
    ]
    joined = lineitem.merge(t.part, left_on="l_partkey", right_on="p_partkey")
    revenue = joined.l_extendedprice * (1 - joined.l_discount)
    promoted = revenue.where(joined.p_type.str.startswith("PROMO"), 0.0)
    return {"promo_revenue": 100.0 * promoted.sum() / revenue.sum()}


def q15(t: Any) -> Any:
    """Top supplier."""
    lineitem = t.lineitem[
        (t.lineitem.l_shipdate >= date(1996, 1, 1)) & (t.lineitem.l_shipdate < date(1996, 4, 1))
    ]
    lineitem["total_revenue"] = lineitem.l_extendedprice * (1 - lineitem.l_discount)
    revenue = lineitem.groupby("l_suppkey").total_revenue.sum().reset_index()
    joined = t.supplier.merge(revenue, left_on="s_suppkey", right_on="l_suppkey")
    return joined[joined.total_revenue == joined.total_revenue.max()][
        ["s_suppkey", "s_name", "s_address", "s_phone", "total_revenue"]
    ].sort_values("s_suppkey")

"""Queries 1 to 8."""

from __future__ import annotations

from datetime import date
from typing import Any


def q1(t: Any) -> Any:
    """Pricing summary report."""
    lineitem = t.lineitem
    lineitem = lineitem[lineitem.l_shipdate <= date(1998, 9, 2)]
    disc_price = lineitem.l_extendedprice * (1 - lineitem.l_discount)
    lineitem = lineitem.assign(
        sum_qty=lineitem.l_quantity,
        sum_base_price=lineitem.l_extendedprice,
        sum_disc_price=disc_price,
        sum_charge=disc_price * (1 + lineitem.l_tax),
        avg_qty=lineitem.l_quantity,
        avg_price=lineitem.l_extendedprice,
        avg_disc=lineitem.l_discount,
        count_order=lineitem.l_orderkey,
    )
    return (
        lineitem.groupby(["l_returnflag", "l_linestatus"])
        .agg(
            {
                "sum_qty": "sum",
                "sum_base_price": "sum",
                "sum_disc_price": "sum",
                "sum_charge": "sum",
                "avg_qty": "mean",
                "avg_price": "mean",
                "avg_disc": "mean",
                "count_order": "size",
            }
        )
        .reset_index()
        .sort_values(["l_returnflag", "l_linestatus"])
    )


def q2(t: Any) -> Any:
    """Minimum cost supplier."""
    part = t.part[(t.part.p_size == 15) & t.part.p_type.str.endswith("BRASS")]
    region = t.region[t.region.r_name == "EUROPE"]
    offers = (
        part.merge(t.partsupp, left_on="p_partkey", right_on="ps_partkey")
        .merge(t.supplier, left_on="ps_suppkey", right_on="s_suppkey")
        .merge(t.nation, left_on="s_nationkey", right_on="n_nationkey")
        .merge(region, left_on="n_regionkey", right_on="r_regionkey")
    )
    least = offers.groupby("p_partkey").ps_supplycost.min().reset_index()
    return (
        offers.merge(least, on=["p_partkey", "ps_supplycost"])[
            [
                *("s_acctbal", "s_name", "n_name", "p_partkey", "p_mfgr"),
                *("s_address", "s_phone", "s_comment"),
            ]
        ]
        .sort_values(
            ["s_acctbal", "n_name", "s_name", "p_partkey"], ascending=[False, True, True, True]
        )
        .head(100, npartitions=-1, compute=False)
    )


def q3(t: Any) -> Any:
    """Shipping priority."""
    day = date(1995, 3, 15)
    customer = t.customer[t.customer.c_mktsegment == "BUILDING"]
    orders = t.orders[t.orders.o_orderdate < day]
    lineitem = t.lineitem[t.lineitem.l_shipdate > day]
    joined = customer.merge(orders, left_on="c_custkey", right_on="o_custkey").merge(
        lineitem, left_on="o_orderkey", right_on="l_orderkey"
    )
    joined["revenue"] = joined.l_extendedprice * (1 - joined.l_discount)
    revenue = joined.groupby(["l_orderkey", "o_orderdate", "o_shippriority"]).revenue.sum()
    return revenue.reset_index().nlargest(10, "revenue")[
        ["l_orderkey", "revenue", "o_orderdate", "o_shippriority"]
    ]


def q4(t: Any) -> Any:
    """Order priority checking."""
    late = t.lineitem[t.lineitem.l_commitdate < t.lineitem.l_receiptdate]
    late = late[["l_orderkey"]].drop_duplicates()
    orders = t.orders[
        (t.orders.o_orderdate >= date(1993, 7, 1)) & (t.orders.o_orderdate < date(1993, 10, 1))
    ]
    counts = (
        orders.merge(late, left_on="o_orderkey", right_on="l_orderkey")
        .groupby("o_orderpriority")
        .o_orderkey.count()
    )
    return (
        counts.reset_index()
        .rename(columns={"o_orderkey": "order_count"})
        .sort_values("o_orderpriority")
    )


def q5(t: Any) -> Any:
    """Local supplier volume."""
    orders = t.orders[
        (t.orders.o_orderdate >= date(1994, 1, 1)) & (t.orders.o_orderdate < date(1995, 1, 1))
    ]
    region = t.region[t.region.r_name == "ASIA"]
    joined = (
        t.customer.merge(orders, left_on="c_custkey", right_on="o_custkey")
        .merge(t.lineitem, left_on="o_orderkey", right_on="l_orderkey")
        .merge(
            t.supplier,
            left_on=["l_suppkey", "c_nationkey"],
            right_on=["s_suppkey", "s_nationkey"],
        )
        .merge(t.nation, left_on="s_nationkey", right_on="n_nationkey")
        .merge(region, left_on="n_regionkey", right_on="r_regionkey")
    )
    joined["revenue"] = joined.l_extendedprice * (1 - joined.l_discount)
    revenue = joined.groupby("n_name").revenue.sum()
    return revenue.reset_index().sort_values("revenue", ascending=False)


def q6(t: Any) -> Any:
    """Forecasting revenue change."""
    lineitem = t.lineitem
    lineitem = lineitem[
        (lineitem.l_shipdate >= date(1994, 1, 1))
        & (lineitem.l_shipdate < date(1995, 1, 1))
        & (lineitem.l_discount >= 0.05)
        & (lineitem.l_discount <= 0.07)
        & (lineitem.l_quantity < 24)
    ]
    revenue = lineitem.l_extendedprice * lineitem.l_discount
    return revenue.to_frame("revenue").sum()


def q7(t: Any) -> Any:
    """Volume shipping."""
    nation = t.nation[t.nation.n_name.isin(["FRANCE", "GERMANY"])][["n_nationkey", "n_name"]]
    sellers = nation.rename(columns={"n_nationkey": "s_nationkey", "n_name": "supp_nation"})
    buyers = nation.rename(columns={"n_nationkey": "c_nationkey", "n_name": "cust_nation"})
    lineitem = t.lineitem[
        (t.lineitem.l_shipdate >= date(1995, 1, 1)) & (t.lineitem.l_shipdate <= date(1996, 12, 31))
    ]
    joined = (
        t.supplier.merge(sellers, on="s_nationkey")
        .merge(lineitem, left_on="s_suppkey", right_on="l_suppkey")
        .merge(t.orders, left_on="l_orderkey", right_on="o_orderkey")
        .merge(
            t.customer.merge(buyers, on="c_nationkey"), left_on="o_custkey", right_on="c_custkey"
        )
    )
    joined = joined[joined.supp_nation != joined.cust_nation]
    joined["l_year"] = joined.l_shipdate.dt.year
    joined["revenue"] = joined.l_extendedprice * (1 - joined.l_discount)
    keys = ["supp_nation", "cust_nation", "l_year"]
    return joined.groupby(keys).revenue.sum().reset_index().sort_values(keys)


def q8(t: Any) -> Any:
    """National market share."""
    part = t.part[t.part.p_type == "ECONOMY ANODIZED STEEL"]
    orders = t.orders[
        (t.orders.o_orderdate >= date(1995, 1, 1)) & (t.orders.o_orderdate <= date(1996, 12, 31))
    ]
    region = t.region[t.region.r_name == "AMERICA"]
    buyers = t.nation.merge(region, left_on="n_regionkey", right_on="r_regionkey")
    sellers = t.nation.rename(columns={"n_name": "nation"})[["n_nationkey", "nation"]]
    joined = (
        part.merge(t.lineitem, left_on="p_partkey", right_on="l_partkey")
        .merge(t.supplier, left_on="l_suppkey", right_on="s_suppkey")
        .merge(orders, left_on="l_orderkey", right_on="o_orderkey")
        .merge(t.customer, left_on="o_custkey", right_on="c_custkey")
        .merge(buyers[["n_nationkey"]], left_on="c_nationkey", right_on="n_nationkey")
        .merge(sellers, left_on="s_nationkey", right_on="n_nationkey")
    )
    joined["o_year"] = joined.o_orderdate.dt.year
    joined["volume"] = joined.l_extendedprice * (1 - joined.l_discount)
    joined["of_brazil"] = joined.volume.where(joined.nation == "BRAZIL", 0.0)
    sums = joined.groupby("o_year")[["of_brazil", "volume"]].sum().reset_index()
    sums["mkt_share"] = sums.of_brazil / sums.volume
    return sums[["o_year", "mkt_share"]].sort_values("o_year")

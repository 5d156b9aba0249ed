"""Queries 16 to 22."""

from __future__ import annotations

from datetime import date
from typing import Any


def q16(t: Any) -> Any:
    """Parts/supplier relationship."""
    part = t.part[
        (t.part.p_brand != "Brand#45")
        & ~t.part.p_type.str.startswith("MEDIUM POLISHED")
        & t.part.p_size.isin([49, 14, 23, 45, 19, 3, 36, 9])
    ]
    complaint = t.supplier.s_comment.str.contains("Customer.*Complaints", regex=True)
    joined = t.partsupp.merge(part, left_on="ps_partkey", right_on="p_partkey").merge(
        t.supplier[~complaint], left_on="ps_suppkey", right_on="s_suppkey"
    )
    keys = ["p_brand", "p_type", "p_size"]
    counts = joined.groupby(keys).ps_suppkey.nunique().rename("supplier_cnt").reset_index()
    return counts.sort_values(["supplier_cnt", *keys], ascending=[False, True, True, True])


def q17(t: Any) -> Any:
    """Small-quantity-order revenue."""
    part = t.part[(t.part.p_brand == "Brand#23") & (t.part.p_container == "MED BOX")]
    items = part.merge(t.lineitem, left_on="p_partkey", right_on="l_partkey")
    mean = items.groupby("p_partkey").l_quantity.mean().rename("mean").reset_index()
    items = items.merge(mean, on="p_partkey")
    small = items[items.l_quantity < 0.2 * items["mean"]]
    # pandas' sum of no rows is 0; the standard wants its null
    return {"avg_yearly": small.l_extendedprice.sum(min_count=1) / 7.0}


def q18(t: Any) -> Any:
    """Large volume customer."""
    quantity = t.lineitem.groupby("l_orderkey").l_quantity.sum().rename("sum_qty").reset_index()
    large = quantity[quantity.sum_qty > 300]
    joined = t.customer.merge(t.orders, left_on="c_custkey", right_on="o_custkey").merge(
        large, left_on="o_orderkey", right_on="l_orderkey"
    )
    return (
        joined[["c_name", "c_custkey", "o_orderkey", "o_orderdate", "o_totalprice", "sum_qty"]]
        .sort_values(["o_totalprice", "o_orderdate"], ascending=[False, True])
        .head(100, npartitions=-1, compute=False)
    )


def q19(t: Any) -> Any:
    """Discounted revenue."""
    lineitem = t.lineitem[
        t.lineitem.l_shipmode.isin(["AIR", "AIR REG"])
        & (t.lineitem.l_shipinstruct == "DELIVER IN PERSON")
    ]
    j = lineitem.merge(t.part, left_on="l_partkey", right_on="p_partkey")
    small = (
        (j.p_brand == "Brand#12")
        & j.p_container.isin(["SM CASE", "SM BOX", "SM PACK", "SM PKG"])
        & j.l_quantity.between(1, 11)
        & j.p_size.between(1, 5)
    )
    medium = (
        (j.p_brand == "Brand#23")
        & j.p_container.isin(["MED BAG", "MED BOX", "MED PKG", "MED PACK"])
        & j.l_quantity.between(10, 20)
        & j.p_size.between(1, 10)
    )
    large = (
        (j.p_brand == "Brand#34")
        & j.p_container.isin(["LG CASE", "LG BOX", "LG PACK", "LG PKG"])
        & j.l_quantity.between(20, 30)
        & j.p_size.between(1, 15)
    )
    j = j[small | medium | large]
    return {"revenue": (j.l_extendedprice * (1 - j.l_discount)).sum()}


def q20(t: Any) -> Any:
    """Potential part promotion."""
    lineitem = t.lineitem[
        (t.lineitem.l_shipdate >= date(1994, 1, 1)) & (t.lineitem.l_shipdate < date(1995, 1, 1))
    ]
    shipped = lineitem.groupby(["l_partkey", "l_suppkey"]).l_quantity.sum().reset_index()
    forest = t.part[t.part.p_name.str.startswith("forest")]
    plenty = t.partsupp.merge(forest, left_on="ps_partkey", right_on="p_partkey").merge(
        shipped, left_on=["ps_partkey", "ps_suppkey"], right_on=["l_partkey", "l_suppkey"]
    )
    plenty = plenty[plenty.ps_availqty > 0.5 * plenty.l_quantity]
    nation = t.nation[t.nation.n_name == "CANADA"]
    return (
        t.supplier.merge(nation, left_on="s_nationkey", right_on="n_nationkey")
        .merge(
            plenty[["ps_suppkey"]].drop_duplicates(), left_on="s_suppkey", right_on="ps_suppkey"
        )[["s_name", "s_address"]]
        .sort_values("s_name")
    )


def q21(t: Any) -> Any:
    """Suppliers who kept orders waiting."""
    items = t.lineitem[["l_orderkey", "l_suppkey"]]
    late = items[t.lineitem.l_receiptdate > t.lineitem.l_commitdate]
    several = items.drop_duplicates().groupby("l_orderkey").l_suppkey.count().reset_index()
    several = several[several.l_suppkey > 1][["l_orderkey"]]
    one_late = late.drop_duplicates().groupby("l_orderkey").l_suppkey.count().reset_index()
    one_late = one_late[one_late.l_suppkey == 1][["l_orderkey"]]
    nation = t.nation[t.nation.n_name == "SAUDI ARABIA"]
    joined = (
        t.supplier.merge(nation, left_on="s_nationkey", right_on="n_nationkey")
        .merge(late, left_on="s_suppkey", right_on="l_suppkey")
        .merge(t.orders[t.orders.o_orderstatus == "F"], left_on="l_orderkey", right_on="o_orderkey")
        .merge(several, on="l_orderkey")
        .merge(one_late, on="l_orderkey")
    )
    return (
        joined.groupby("s_name")
        .s_suppkey.count()
        .rename("numwait")
        .reset_index()
        .sort_values(["numwait", "s_name"], ascending=[False, True])
        .head(100, npartitions=-1, compute=False)
    )


def q22(t: Any) -> Any:
    """Global sales opportunity."""
    customer = t.customer
    customer["cntrycode"] = customer.c_phone.str[:2]
    customer = customer[customer.cntrycode.isin(["13", "31", "23", "29", "30", "18", "17"])]
    average = customer[customer.c_acctbal > 0].c_acctbal.mean()
    rich = customer[customer.c_acctbal > average]
    joined = rich.merge(
        t.orders[["o_custkey"]].drop_duplicates(),
        left_on="c_custkey",
        right_on="o_custkey",
        how="left",
    )
    idle = joined[joined.o_custkey.isna()]
    sums = idle.groupby("cntrycode").agg({"c_custkey": "count", "c_acctbal": "sum"}).reset_index()
    return sums.rename(columns={"c_custkey": "numcust", "c_acctbal": "totacctbal"}).sort_values(
        "cntrycode"
    )

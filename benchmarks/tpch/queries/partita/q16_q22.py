"""Queries 16 to 22."""

from __future__ import annotations

from datetime import date
from typing import Any

import partita as pt
from partita import col


def q16(t: Any) -> pt.DataFrame:
    """Parts/supplier relationship."""
    complaints = t.supplier.filter(col("s_comment").str.contains("Customer.*Complaints"))
    return (
        t.partsupp.join(t.part, left_on="ps_partkey", right_on="p_partkey")
        .filter(
            col("p_brand") != "Brand#45",
            ~col("p_type").str.starts_with("MEDIUM POLISHED"),
            col("p_size").is_in([49, 14, 23, 45, 19, 3, 36, 9]),
        )
        .join(complaints, left_on="ps_suppkey", right_on="s_suppkey", how="anti")
        .group_by("p_brand", "p_type", "p_size")
        .agg(supplier_cnt=col("ps_suppkey").n_unique())
        .sort("supplier_cnt", "p_brand", "p_type", "p_size", descending=[True, False, False, False])
    )


def q17(t: Any) -> pt.DataFrame:
    """Small-quantity-order revenue."""
    items = t.part.filter(col("p_brand") == "Brand#23", col("p_container") == "MED BOX").join(
        t.lineitem, left_on="p_partkey", right_on="l_partkey"
    )
    small = items.group_by("p_partkey").agg(small=0.2 * col("l_quantity").mean())
    # A sum of no rows, as there are at scale 0.01, is 0; the standard wants its null.
    yearly = pt.when(pt.len() > 0).then(col("l_extendedprice").sum() / 7.0)
    return (
        items.join(small, on="p_partkey")
        .filter(col("l_quantity") < col("small"))
        .select(avg_yearly=yearly)
    )


def q18(t: Any) -> pt.DataFrame:
    """Large volume customer."""
    large = (
        t.lineitem.group_by("l_orderkey")
        .agg(quantity=col("l_quantity").sum())
        .filter(col("quantity") > 300)
    )
    return (
        t.customer.join(t.orders, left_on="c_custkey", right_on="o_custkey")
        .join(large, left_on="o_orderkey", right_on="l_orderkey", how="semi")
        .join(t.lineitem, left_on="o_orderkey", right_on="l_orderkey")
        .group_by("c_name", "c_custkey", "o_orderkey", "o_orderdate", "o_totalprice")
        .agg(sum_qty=col("l_quantity").sum())
        .sort("o_totalprice", "o_orderdate", descending=[True, False])
        .head(100)
    )


def q19(t: Any) -> pt.DataFrame:
    """Discounted revenue."""
    quantity, size, container = col("l_quantity"), col("p_size"), col("p_container")
    small = (
        (col("p_brand") == "Brand#12")
        & container.is_in(["SM CASE", "SM BOX", "SM PACK", "SM PKG"])
        & quantity.is_between(1, 11)
        & size.is_between(1, 5)
    )
    medium = (
        (col("p_brand") == "Brand#23")
        & container.is_in(["MED BAG", "MED BOX", "MED PKG", "MED PACK"])
        & quantity.is_between(10, 20)
        & size.is_between(1, 10)
    )
    large = (
        (col("p_brand") == "Brand#34")
        & container.is_in(["LG CASE", "LG BOX", "LG PACK", "LG PKG"])
        & quantity.is_between(20, 30)
        & size.is_between(1, 15)
    )
    return (
        t.lineitem.join(t.part, left_on="l_partkey", right_on="p_partkey")
        .filter(
            small | medium | large,
            col("l_shipmode").is_in(["AIR", "AIR REG"]),
            col("l_shipinstruct") == "DELIVER IN PERSON",
        )
        .select(revenue=(col("l_extendedprice") * (1 - col("l_discount"))).sum())
    )


def q20(t: Any) -> pt.DataFrame:
    """Potential part promotion."""
    shipped = (
        t.lineitem.filter(
            col("l_shipdate") >= date(1994, 1, 1), col("l_shipdate") < date(1995, 1, 1)
        )
        .group_by("l_partkey", "l_suppkey")
        .agg(half=0.5 * col("l_quantity").sum())
    )
    forest = t.part.filter(col("p_name").str.starts_with("forest"))
    plenty = (
        t.partsupp.join(forest, left_on="ps_partkey", right_on="p_partkey", how="semi")
        .join(
            shipped,
            left_on=["ps_partkey", "ps_suppkey"],
            right_on=["l_partkey", "l_suppkey"],
        )
        .filter(col("ps_availqty") > col("half"))
    )
    return (
        t.supplier.join(t.nation, left_on="s_nationkey", right_on="n_nationkey")
        .filter(col("n_name") == "CANADA")
        .join(plenty, left_on="s_suppkey", right_on="ps_suppkey", how="semi")
        .select("s_name", "s_address")
        .sort("s_name")
    )


def q21(t: Any) -> pt.DataFrame:
    """Suppliers who kept orders waiting."""
    is_late = col("l_receiptdate") > col("l_commitdate")
    supplier = col("l_suppkey")
    waiting = (
        t.lineitem.group_by("l_orderkey")
        .agg(suppliers=supplier.n_unique(), late=supplier.filter(is_late).n_unique())
        .filter(col("suppliers") > 1, col("late") == 1)
    )
    return (
        t.supplier.join(t.nation, left_on="s_nationkey", right_on="n_nationkey")
        .join(t.lineitem.filter(is_late), left_on="s_suppkey", right_on="l_suppkey")
        .join(t.orders, left_on="l_orderkey", right_on="o_orderkey")
        .filter(col("o_orderstatus") == "F", col("n_name") == "SAUDI ARABIA")
        .join(waiting, on="l_orderkey", how="semi")
        .group_by("s_name")
        .agg(numwait=pt.len())
        .sort("numwait", "s_name", descending=[True, False])
        .head(100)
    )


def q22(t: Any) -> pt.DataFrame:
    """Global sales opportunity."""
    customers = t.customer.with_columns(cntrycode=col("c_phone").str.head(2)).filter(
        col("cntrycode").is_in(["13", "31", "23", "29", "30", "18", "17"])
    )
    balance = col("c_acctbal")
    return (
        customers.filter(balance > balance.filter(balance > 0).mean())
        .join(t.orders, left_on="c_custkey", right_on="o_custkey", how="anti")
        .group_by("cntrycode")
        .agg(numcust=pt.len(), totacctbal=balance.sum())
        .sort("cntrycode")
    )

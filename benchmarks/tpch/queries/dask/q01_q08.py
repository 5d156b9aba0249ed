"""TPC-H as a Dask user writes it: filters first, then merges, one group-by, one small sort."""

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

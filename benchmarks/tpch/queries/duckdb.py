"""TPC-H in SQL, as the standard gives it; each table is ``read_parquet`` of its files."""

from __future__ import annotations

from typing import Any


def q1(t: Any) -> str:
    """Pricing summary report."""
    return f"""
        select
            l_returnflag,
            l_linestatus,
            sum(l_quantity) as sum_qty,
            sum(l_extendedprice) as sum_base_price,
            sum(l_extendedprice * (1 - l_discount)) as sum_disc_price,
            sum(l_extendedprice * (1 - l_discount) * (1 + l_tax)) as sum_charge,
            avg(l_quantity) as avg_qty,
            avg(l_extendedprice) as avg_price,
            avg(l_discount) as avg_disc,
            count(*) as count_order
        from {t.lineitem}
        where l_shipdate <= date '1998-09-02'
        group by l_returnflag, l_linestatus
        order by l_returnflag, l_linestatus
    """


def q3(t: Any) -> str:
    """Shipping priority."""
    return f"""
        select
            l_orderkey,
            sum(l_extendedprice * (1 - l_discount)) as revenue,
            o_orderdate,
            o_shippriority
        from {t.customer}, {t.orders}, {t.lineitem}
        where
            c_mktsegment = 'BUILDING'
            and c_custkey = o_custkey
            and l_orderkey = o_orderkey
            and o_orderdate < date '1995-03-15'
            and l_shipdate > date '1995-03-15'
        group by l_orderkey, o_orderdate, o_shippriority
        order by revenue desc, o_orderdate
        limit 10
    """


def q6(t: Any) -> str:
    """Forecasting revenue change."""
    return f"""
        select sum(l_extendedprice * l_discount) as revenue
        from {t.lineitem}
        where
            l_shipdate >= date '1994-01-01'
            and l_shipdate < date '1995-01-01'
            and l_discount between 0.05 and 0.07
            and l_quantity < 24
    """

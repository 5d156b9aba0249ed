"""Queries 9 to 15."""

from __future__ import annotations

from typing import Any


def q9(t: Any) -> str:
    """Product type profit measure."""
    return f"""
        select nation, o_year, sum(amount) as sum_profit
        from (
            select
                n_name as nation,
                extract(year from o_orderdate) as o_year,
                l_extendedprice * (1 - l_discount) - ps_supplycost * l_quantity as amount
            from {t.part}, {t.supplier}, {t.lineitem}, {t.partsupp}, {t.orders}, {t.nation}
            where
                s_suppkey = l_suppkey
                and ps_suppkey = l_suppkey
                and ps_partkey = l_partkey
                and p_partkey = l_partkey
                and o_orderkey = l_orderkey
                and s_nationkey = n_nationkey
                and p_name like '%green%'
        ) as profit
        group by nation, o_year
        order by nation, o_year desc
    """


def q10(t: Any) -> str:
    """Returned item reporting."""
    return f"""
        select
            c_custkey,
            c_name,
            sum(l_extendedprice * (1 - l_discount)) as revenue,
            c_acctbal,
            n_name,
            c_address,
            c_phone,
            c_comment
        from {t.customer}, {t.orders}, {t.lineitem}, {t.nation}
        where
            c_custkey = o_custkey
            and l_orderkey = o_orderkey
            and o_orderdate >= date '1993-10-01'
            and o_orderdate < date '1993-10-01' + interval '3' month
            and l_returnflag = 'R'
            and c_nationkey = n_nationkey
        group by c_custkey, c_name, c_acctbal, c_phone, n_name, c_address, c_comment
        order by revenue desc
        limit 20
    """


def q11(t: Any) -> str:
    """Important stock identification."""
    return f"""
        select ps_partkey, sum(ps_supplycost * ps_availqty) as value
        from {t.partsupp}, {t.supplier}, {t.nation}
        where
            ps_suppkey = s_suppkey
            and s_nationkey = n_nationkey
            and n_name = 'GERMANY'
        group by ps_partkey
        having
            sum(ps_supplycost * ps_availqty) > (
                select sum(ps_supplycost * ps_availqty) * {0.0001 / t.scale:.12f}
                from {t.partsupp}, {t.supplier}, {t.nation}
                where
                    ps_suppkey = s_suppkey
                    and s_nationkey = n_nationkey
                    and n_name = 'GERMANY'
            )
        order by value desc
    """


def q12(t: Any) -> str:
    """Shipping modes and order priority."""
    return f"""
        select
            l_shipmode,
            sum(
                case
                    when o_orderpriority = '1-URGENT' or o_orderpriority = '2-HIGH' then 1 else 0
                end
            ) as high_line_count,
            sum(
                case
                    when o_orderpriority <> '1-URGENT' and o_orderpriority <> '2-HIGH' then 1 else 0
                end
            ) as low_line_count
        from {t.orders}, {t.lineitem}
        where
            o_orderkey = l_orderkey
            and l_shipmode in ('MAIL', 'SHIP')
            and l_commitdate < l_receiptdate
            and l_shipdate < l_commitdate
            and l_receiptdate >= date '1994-01-01'
            and l_receiptdate < date '1994-01-01' + interval '1' year
        group by l_shipmode
        order by l_shipmode
    """


def q13(t: Any) -> str:
    """Customer distribution."""
    return f"""
        select c_count, count(*) as custdist
        from (
            select c_custkey, count(o_orderkey) as c_count
            from {t.customer}
            left outer join {t.orders}
                on c_custkey = o_custkey and o_comment not like '%special%requests%'
            group by c_custkey
        ) as c_orders
        group by c_count
        order by custdist desc, c_count desc
    """


def q14(t: Any) -> str:
    """Promotion effect."""
    return f"""
        select
            100.00
            * sum(case when p_type like 'PROMO%' then l_extendedprice * (1 - l_discount) else 0 end)
            / sum(l_extendedprice * (1 - l_discount)) as promo_revenue
        from {t.lineitem}, {t.part}
        where
            l_partkey = p_partkey
            and l_shipdate >= date '1995-09-01'
            and l_shipdate < date '1995-09-01' + interval '1' month
    """


def q15(t: Any) -> str:
    """Top supplier."""
    return f"""
        with revenue as (
            select
                l_suppkey as supplier_no,
                sum(l_extendedprice * (1 - l_discount)) as total_revenue
            from {t.lineitem}
            where
                l_shipdate >= date '1996-01-01'
                and l_shipdate < date '1996-01-01' + interval '3' month
            group by l_suppkey
        )
        select s_suppkey, s_name, s_address, s_phone, total_revenue
        from {t.supplier}, revenue
        where
            s_suppkey = supplier_no
            and total_revenue = (select max(total_revenue) from revenue)
        order by s_suppkey
    """

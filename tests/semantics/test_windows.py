"""Windows: the checks of their table."""

from __future__ import annotations

import datetime
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa

import partita as pt

from .page import (
    HERE,
    INF,
    NAN,
    POLARS,
    Section,
    col,
    fails,
    ints,
    rows,
    same,
    sql_fails,
    sql_type,
    type_of,
    values,
)

SECTION = Section("Windows")
line = SECTION.line

DATA: dict[str, list[Any]] = {
    "i": [0, 1, 2, 3, 4],
    "k": ["a", None, "a", None, "b"],
    "a": [1, None, 3, 5, 4],
    "f": [1.0, NAN, 2.0, None, -1.0],
}
PANDAS = pd.DataFrame(DATA)
LARGE = [2**62, 2**62]


def asked(e: Any, **exprs: Any) -> list[list[Any]]:
    """Return what windows give over a small frame, here in three partitions."""
    if e is POLARS:
        return [column.to_list() for column in e.frame(**DATA).select(**exprs)]
    table = pa.table(DATA)
    with pt.config.set(executor="serial", exchange_bytes=50):
        parts = [pt.from_arrow(table.slice(start, 2)) for start in (0, 2, 4)]
        return list(pt.concat(parts).select(**exprs).to_pydict().values())


def over(expression: str) -> list[Any]:
    """Return what DuckDB gives for a window over that frame, in the order of its rows."""
    return [row[0] for row in rows(f"SELECT {expression} FROM t ORDER BY i", t=DATA)]


@line("an aggregate beside columns", "here", "Polars")
def _(e: Any) -> None:
    a = e.col("a")
    found = asked(e, x=a - a.mean(), y=a.sum().over("k"))
    assert found == [[-2.25, None, -0.25, 1.75, 0.75], [4, 5, 4, 5, 4]]


@line("an aggregate beside columns", "pandas")
def _() -> None:
    assert same(PANDAS.groupby("k")["a"].transform("sum"), [4.0, NAN, 4.0, NAN, 4.0])


@line("an aggregate beside columns", "DuckDB")
def _() -> None:
    assert over("a - avg(a) OVER ()") == [-2.25, None, -0.25, 1.75, 0.75]


@line("null keys of a window", "here", "Polars")
def _(e: Any) -> None:
    assert asked(e, x=e.len().over("k")) == [[2, 2, 2, 2, 1]]


@line("null keys of a window", "pandas")
def _() -> None:
    assert same(PANDAS.groupby("k")["i"].transform("sum"), [2.0, NAN, 2.0, NAN, 4.0])


@line("null keys of a window", "DuckDB")
def _() -> None:
    assert over("count(*) OVER (PARTITION BY k)") == [2, 2, 2, 2, 1]


@line("order of rows under `over`", "here", "Polars")
def _(e: Any) -> None:
    running = e.col("a").cum_sum().over("k", order_by="a", descending=True)
    assert asked(e, a=e.col("a"), x=running) == [DATA["a"], [4, None, 3, 5, 4]]


@line("order of rows under `over`", "DuckDB")
def _() -> None:
    data = {"k": [2, 1, 2], "v": [1, 2, 3]}
    assert rows("SELECT v, sum(v) OVER (PARTITION BY k ORDER BY v DESC) FROM t", t=data) != [
        (1, 4),
        (2, 2),
        (3, 3),
    ]


@line("an aggregate over an order", "here", "Polars")
def _(e: Any) -> None:
    assert asked(e, x=e.col("a").sum().over("k", order_by="i")) == [[4, 5, 4, 5, 4]]


@line("an aggregate over an order", "DuckDB")
def _() -> None:
    assert over("sum(a) OVER (PARTITION BY k ORDER BY i)") == [1, None, 4, 5, 4]


@line("null in a running function", "here", "Polars")
def _(e: Any) -> None:
    found = asked(e, x=e.col("a").cum_sum(), y=e.col("a").cum_count())
    assert found == [[1, None, 4, 9, 13], [1, 1, 2, 3, 4]]


@line("null in a running function", "pandas")
def _() -> None:
    assert same(PANDAS["a"].cumsum(), [1.0, NAN, 4.0, 9.0, 13.0])


@line("null in a running function", "DuckDB")
def _() -> None:
    assert over("sum(a) OVER (ORDER BY i)") == [1, 1, 4, 9, 13]


@line("null in a rolling window", "here", "Polars")
def _(e: Any) -> None:
    a = e.col("a")
    found = asked(e, x=a.rolling_sum(2), y=a.rolling_sum(2, min_samples=1))
    assert found == [[None, None, None, 8, 9], [1, 1, 3, 8, 9]]


@line("null in a rolling window", "pandas")
def _() -> None:
    assert same(PANDAS["a"].rolling(2).sum(), [NAN, NAN, NAN, 8.0, 9.0])
    assert list(PANDAS["a"].rolling(2, min_periods=1).sum()) == [1.0, 1.0, 3.0, 8.0, 9.0]


@line("null in a rolling window", "DuckDB")
def _() -> None:
    assert over("sum(a) OVER (ORDER BY i ROWS 1 PRECEDING)") == [1, 1, 3, 8, 9]


@line("null in `rank`", "here", "Polars")
def _(e: Any) -> None:
    assert asked(e, x=e.col("a").rank()) == [[1.0, None, 2.0, 4.0, 3.0]]


@line("null in `rank`", "pandas")
def _() -> None:
    assert same(PANDAS["a"].rank(), [1.0, NAN, 2.0, 4.0, 3.0])


@line("null in `rank`", "DuckDB")
def _() -> None:
    assert over("rank() OVER (ORDER BY a)") == [1, 5, 2, 4, 3]


@line("`rank` of equals", "here", "Polars")
def _(e: Any) -> None:
    assert e.values(e.col("x").rank(), x=[1, 1, 2]) == [1.5, 1.5, 3.0]
    assert e.values(e.col("x").rank("min"), x=[1, 1, 2]) == [1, 1, 3]


@line("`rank` of equals", "pandas")
def _() -> None:
    assert list(pd.Series([1, 1, 2]).rank()) == [1.5, 1.5, 3.0]


@line("`rank` of equals", "DuckDB")
def _() -> None:
    found = rows("SELECT rank() OVER (ORDER BY x) FROM t ORDER BY x", t={"x": [1, 1, 2]})
    assert found == [(1,), (1,), (3,)]


@line("NaN in a running or rolling extreme")
def _() -> None:
    found = asked(HERE, x=col("f").cum_max(), y=col("f").rolling_max(2))
    assert found == [[1.0, 1.0, 2.0, None, 2.0], [None, 1.0, 2.0, None, None]]


@line("NaN in a running or rolling extreme", "pandas")
def _() -> None:
    assert same(PANDAS["f"].cummax(), [1.0, NAN, 2.0, NAN, 2.0])
    assert same(PANDAS["f"].rolling(2).max(), [NAN] * 5)


@line("NaN in a running or rolling extreme", "Polars")
def _() -> None:
    running, rolling = asked(POLARS, x=pl.col("f").cum_max(), y=pl.col("f").rolling_max(2))
    assert running == [1.0, 1.0, 2.0, None, 2.0]
    assert same(rolling, [None, NAN, NAN, None, None])


@line("NaN in a running or rolling extreme", "DuckDB")
def _() -> None:
    assert same(over("max(f) OVER (ORDER BY i)"), [1.0, NAN, NAN, NAN, NAN])


@line("NaN in a rank", "here", "Polars")
def _(e: Any) -> None:
    assert e.values(e.col("x").rank("min"), x=[NAN, 1.0, NAN, INF]) == [3, 1, 3, 2]


@line("NaN in a rank", "pandas")
def _() -> None:
    found = pd.Series([NAN, 1.0, NAN, INF]).rank(method="min")
    assert same(found, [NAN, 1.0, NAN, 2.0])


@line("NaN in a rank", "DuckDB")
def _() -> None:
    data = {"x": [NAN, 1.0, NAN, INF], "i": [0, 1, 2, 3]}
    found = rows("SELECT rank() OVER (ORDER BY x) FROM t ORDER BY i", t=data)
    assert found == [(3,), (1,), (3,), (2,)]


@line("overflow in a window")
def _() -> None:
    assert fails(col("x").cum_sum(), x=LARGE)
    assert fails(col("x").cum_prod(), x=LARGE)
    assert fails(col("x").rolling_sum(2), x=LARGE)
    assert fails(col("x").diff(), x=[-(2**62) - 1, 2**62])


@line("overflow in a window", "pandas")
def _() -> None:
    assert list(pd.Series(LARGE).cumsum()) == [2**62, -(2**63)]
    assert pd.Series(LARGE).rolling(2).sum()[1] == 2.0**63


@line("overflow in a window", "Polars")
def _() -> None:
    assert POLARS.values(pl.col("x").cum_sum(), x=LARGE) == [2**62, -(2**63)]
    assert POLARS.values(pl.col("x").rolling_sum(2), x=LARGE) == [None, -(2**63)]
    found = POLARS.values(pl.col("x").diff(), x=[-(2**62) - 1, 2**62])
    assert found == [None, 1 - 2**63]


@line("type of a running or rolling sum")
def _() -> None:
    for small in (ints("int8", 1), ints("int32", 1)):
        assert type_of(col("x").cum_sum(), x=small) == type_of(col("x").sum(), x=small) == "int64"
        assert type_of(col("x").rolling_sum(2), x=small) == "int64"


@line("type of a running or rolling sum", "pandas")
def _() -> None:
    assert pd.Series([1], dtype="int8").cumsum().dtype == "int64"
    assert pd.Series([1], dtype="int8").rolling(1).sum().dtype == "float64"


@line("type of a running or rolling sum", "Polars")
def _() -> None:
    assert POLARS.type_of(pl.col("x").cum_sum(), x=ints("int8", 1)) == "int64"
    assert POLARS.type_of(pl.col("x").cum_sum(), x=ints("int32", 1)) == "int32"
    assert POLARS.type_of(pl.col("x").rolling_sum(2), x=ints("int32", 1)) == "int32"


@line("type of a running or rolling sum", "DuckDB")
def _() -> None:
    running = "sum(x) OVER (ROWS UNBOUNDED PRECEDING)"
    assert sql_type(running, x=ints("int32", 1)) == "decimal128(38, 0)"


DAYS = [datetime.date(2024, 1, 1), datetime.date(2024, 3, 1)]


@line("type of a difference", "here", "Polars")
def _(e: Any) -> None:
    difference = e.col("x").diff()
    assert e.type_of(difference, x=ints("int16", 1)) == "int16"
    assert e.type_of(difference, x=ints("uint8", 1)) == "int16"
    assert e.values(difference, x=ints("uint64", 3, 1)) == [None, -2]
    assert e.values(difference, x=DAYS)[1] == datetime.timedelta(days=60)


@line("type of a difference", "pandas")
def _() -> None:
    assert same(pd.Series([3, 1], dtype="uint8").diff(), [NAN, 254.0])


@line("type of a difference", "DuckDB")
def _() -> None:
    assert sql_type("x - lag(x) OVER ()", x=ints("int16", 1)) == "int16"
    assert sql_fails("x - lag(x) OVER ()", x=ints("uint8", 3, 1))
    assert sql_type("x - lag(x) OVER ()", x=DAYS) == "int64"


@line("type of ranks and counts")
def _() -> None:
    assert type_of(col("x").rank(), x=[1]) == "double"
    assert type_of(col("x").rank("dense"), x=[1]) == "int64"
    assert type_of(col("x").cum_count(), x=[1]) == type_of(pt.row_index(), x=[1]) == "int64"


@line("type of ranks and counts", "pandas")
def _() -> None:
    assert pd.Series([1]).rank(method="dense").dtype == "float64"


@line("type of ranks and counts", "Polars")
def _() -> None:
    assert POLARS.type_of(pl.col("x").rank(), x=[1]) == "double"
    assert POLARS.type_of(pl.col("x").rank("dense"), x=[1]) == "uint32"
    assert POLARS.type_of(pl.col("x").cum_count(), x=[1]) == "uint32"


@line("type of ranks and counts", "DuckDB")
def _() -> None:
    assert sql_type("dense_rank() OVER (ORDER BY x)", x=[1]) == "int64"


@line("a rolling sum of floats", "here", "Polars")
def _(e: Any) -> None:
    assert e.values(e.col("x").rolling_sum(2), x=[0.1, 1e16, 0.2, 0.3])[3] == 0.5


@line("a rolling sum of floats", "pandas")
def _() -> None:
    assert pd.Series([0.1, 1e16, 0.2, 0.3]).rolling(2).sum()[3] == 0.5


@line("a rolling sum of floats", "DuckDB")
def _() -> None:
    text = "SELECT sum(x) OVER (ORDER BY i ROWS 1 PRECEDING) FROM t ORDER BY i"
    data = {"x": [0.1, 1e16, 0.2, 0.3], "i": [0, 1, 2, 3]}
    assert rows(text, t=data)[3] == (0.5,)


@line("an aggregate in a window of a group-by", "here", "Polars")
def _(e: Any) -> None:
    groups = e.frame(k=["a", "a", "b"], a=[1, 3, 5]).group_by("k", maintain_order=True)
    found = groups.agg((e.col("a") - e.col("a").mean()).abs().sum())
    assert e.rows(found) == [{"k": "a", "a": 2.0}, {"k": "b", "a": 0.0}]


@line("a window inside of a window")
def _() -> None:
    total = col("a").sum().over("k")
    found = asked(HERE, x=total.rank("dense"), y=(total.max() - total).over("a"))
    assert found == [[1, 2, 1, 2, 1], [0, 0, 0, 0, 0]]


@line('`fill_null(strategy="mean")` of integers')
def _() -> None:
    assert asked(HERE, x=col("a").fill_null(strategy="mean")) == [[1.0, 3.25, 3.0, 5.0, 4.0]]
    assert values(col("x").fill_null(strategy="forward"), x=[None, 1, None]) == [None, 1, 1]


@line('`fill_null(strategy="mean")` of integers', "pandas")
def _() -> None:
    assert list(PANDAS["a"].fillna(PANDAS["a"].mean())) == [1.0, 3.25, 3.0, 5.0, 4.0]


@line('`fill_null(strategy="mean")` of integers', "Polars")
def _() -> None:
    assert asked(POLARS, x=pl.col("a").fill_null(strategy="mean")) == [[1, 3, 3, 5, 4]]


test_cells, test_agreement = SECTION.tests()

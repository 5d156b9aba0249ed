"""Groups by time: the checks of their table."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import pandas as pd
import polars as pl
import pytest

import partita as pt
from partita import errors

from .page import HERE, POLARS, Section, col, rows

SECTION = Section("Groups by time")
line = SECTION.line


def rolled(e: Any, period: Any, **data: Any) -> list[Any]:
    """Return the sums of ``v`` in windows of a length along ``t``."""
    groups = e.frame(**data).rolling("t", period=period)
    return [row["v"] for row in e.rows(groups.agg(e.col("v").sum()))]


@line("`rolling` by months", "here", "Polars")
def _(e: Any) -> None:
    # A month before March 29 is the last of February, whose row is outside; March 29 is inside.
    days = [date(2023, 2, 28), date(2023, 3, 1), date(2023, 3, 29)]
    assert rolled(e, "1mo", t=days, v=[1, 2, 4]) == [1, 3, 6]
    days = [date(2024, 2, 29), date(2024, 3, 1), date(2024, 3, 29)]
    assert rolled(e, "1mo", t=days, v=[1, 2, 4]) == [1, 3, 6]


@line("rows of the same time in `rolling`", "here", "Polars")
def _(e: Any) -> None:
    days = [date(2024, 1, 1), date(2024, 1, 1), date(2024, 1, 2)]
    assert rolled(e, "1d", t=days, v=[1, 2, 4]) == [3, 3, 4]


@line("rows of the same time in `rolling`", "pandas")
def _() -> None:
    days = pd.to_datetime(["2024-01-01", "2024-01-01", "2024-01-02"])
    assert list(pd.Series([1, 2, 4], index=days).rolling("1D").sum()) == [1.0, 3.0, 4.0]


@line("order of rows for `rolling`")
def _() -> None:
    df = pt.from_pydict({"t": [5, 1, 2], "v": [1, 2, 4]})
    found = df.rolling("t", period=2).agg(col("v").sum())
    assert found.to_pydict() == {"t": [1, 2, 5], "v": [2, 6, 1]}


@line("order of rows for `rolling`", "pandas")
def _() -> None:
    days = pd.to_datetime(["2024-01-05", "2024-01-01", "2024-01-02"])
    with pytest.raises(ValueError, match="monotonic"):
        pd.Series([1, 2, 4], index=days).rolling("1D").sum()


@line("order of rows for `rolling`", "Polars")
def _() -> None:
    with pytest.raises(pl.exceptions.InvalidOperationError, match="not sorted"):
        rolled(POLARS, "2i", t=[5, 1, 2], v=[1, 2, 4])


@line("null in the times of `rolling`")
def _() -> None:
    with pytest.raises(errors.ComputeError, match="lie nowhere in time"):
        rolled(HERE, 1, t=[1, None], v=[1, 2])


@line("null in the times of `rolling`", "Polars")
def _() -> None:
    with pytest.raises(pl.exceptions.InvalidOperationError):
        rolled(POLARS, "1i", t=[1, None], v=[1, 2])


@line("a window without rows")
def _() -> None:
    df = pt.from_pydict({"t": [1, 5], "v": [1, 2]})
    ahead = df.rolling("t", period=1, offset=0, closed="none")
    found = ahead.agg(s=col("v").sum(), m=col("v").max()).to_dicts()
    assert found == [{"t": 1, "s": 0, "m": None}, {"t": 5, "s": 0, "m": None}]


@line("a window without rows", "Polars")
def _() -> None:
    df = POLARS.frame(t=[1, 5], v=[1, 2])
    ahead = df.rolling("t", period="1i", offset="0i", closed="none")
    found = ahead.agg(s=pl.col("v").sum(), m=pl.col("v").max()).rows()
    assert found == [(1, 0, None), (5, 0, None)]


def windowed(e: Any, every: Any, times: list[Any], **options: Any) -> list[tuple[Any, ...]]:
    """Return the windows along times, and how many rows each has."""
    groups = e.frame(t=times).group_by_dynamic("t", every=every, **options)
    return [tuple(row.values()) for row in e.rows(groups.agg(e.len()))]


SUNDAY, MONDAY = datetime(2024, 1, 7, 23), datetime(2024, 1, 8, 1)
WEEKS = [(datetime(2024, 1, 1), 1), (datetime(2024, 1, 8), 1)]


@line("windows of a week", "here", "Polars")
def _(e: Any) -> None:
    assert windowed(e, "1w", [SUNDAY, MONDAY]) == WEEKS


@line("windows of a week", "pandas")
def _() -> None:
    found = pd.DataFrame({"t": [SUNDAY, MONDAY]}).resample("W", on="t").size()
    assert list(found.index) == [pd.Timestamp(2024, 1, 7), pd.Timestamp(2024, 1, 14)]


@line("windows of a week", "DuckDB")
def _() -> None:
    text = "SELECT date_trunc('week', t), count(*) FROM t GROUP BY 1 ORDER BY 1"
    assert rows(text, t={"t": [SUNDAY, MONDAY]}) == WEEKS


@line("a window in which no row lies", "here", "Polars")
def _(e: Any) -> None:
    first, third = datetime(2024, 1, 1), datetime(2024, 1, 3)
    assert windowed(e, "1d", [first, third]) == [(first, 1), (third, 1)]


@line("a window in which no row lies", "pandas")
def _() -> None:
    df = pd.DataFrame({"t": [datetime(2024, 1, 1), datetime(2024, 1, 3)]})
    assert list(df.resample("D", on="t").size()) == [1, 0, 1]


@line("order of rows, and null, for `group_by_dynamic`")
def _() -> None:
    first, second = datetime(2024, 1, 1), datetime(2024, 1, 2)
    assert windowed(HERE, "1d", [second, None, first]) == [(first, 1), (second, 1)]


@line("order of rows, and null, for `group_by_dynamic`", "pandas")
def _() -> None:
    times = pd.to_datetime(["2024-01-02", None, "2024-01-01"])
    assert list(pd.DataFrame({"t": times}).resample("D", on="t").size()) == [1, 1]


@line("order of rows, and null, for `group_by_dynamic`", "Polars")
def _() -> None:
    for other in (None, datetime(2024, 1, 1)):
        with pytest.raises(pl.exceptions.InvalidOperationError, match="not sorted"):
            windowed(POLARS, "1d", [datetime(2024, 1, 2), other])


@line("windows that overlap")
def _() -> None:
    assert windowed(HERE, 1, [1, 2], period=2) == [(0, 1), (1, 2), (2, 1)]


@line("windows that overlap", "Polars")
def _() -> None:
    assert windowed(POLARS, "1i", [1, 2], period="2i") == [(1, 2), (2, 1)]


test_cells, test_agreement = SECTION.tests()

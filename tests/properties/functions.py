"""Functions of one column that mean the same here and in polars, many of them in SQL too."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import polars as pl
import pyarrow as pa

from .frames import Fact
from .value import Value, joined


@dataclass(frozen=True, kw_only=True)
class Function:
    """A function in three languages; `{}` in `sql` is what it is of."""

    of: Callable[[Any], Any]
    """For an expression of either library."""

    sql: str | None = None
    takes: Callable[[pa.DataType], bool] = pa.types.is_string
    bound: Callable[[float], float] = lambda bound: bound
    counts: bool = False
    """Whether it gives integers, which polars has in fewer bits."""

    def __call__(self, value: Value) -> Value:
        polars = self.of(value.polars)
        return Value(
            partita=self.of(value.partita),
            polars=polars.cast(pl.Int64) if self.counts else polars,
            sql=None if self.sql is None else joined(self.sql, value),
            fact=Fact(
                bound=1000 if self.counts else self.bound(value.fact.bound),
                dyadic=value.fact.dyadic and not self.counts,
            ),
        )


def _is_moment(dtype: pa.DataType) -> bool:
    return pa.types.is_date(dtype) or pa.types.is_timestamp(dtype)


def _is_integer(dtype: pa.DataType) -> bool:
    return pa.types.is_integer(dtype)


_LEADING_A = "CASE WHEN starts_with({0}, 'a') THEN substring({0}, 2) ELSE {0} END"

# Of null and a number the greatest is the number.
_CLIPPED = "CASE WHEN {0} IS NOT NULL THEN least(greatest({0}, 0), 5) END"

OF_TEXT = (
    Function(of=lambda s: s.str.replace_all("a", "xy", literal=True), sql="replace({}, 'a', 'xy')"),
    Function(of=lambda s: s.str.replace("a", "", literal=True)),
    Function(of=lambda s: s.str.replace_all("[ab]+", "<$0>")),
    Function(of=lambda s: s.str.extract("(a+)", 1)),
    Function(of=lambda s: s.str.strip_chars(), sql="trim({})"),
    Function(of=lambda s: s.str.strip_chars_start("a "), sql="ltrim({}, 'a ')"),
    Function(of=lambda s: s.str.strip_prefix("a"), sql=_LEADING_A),
    Function(of=lambda s: s.str.pad_start(4, "*")),
    Function(of=lambda s: s.str.pad_end(3)),
    Function(of=lambda s: s.str.zfill(5)),
    Function(of=lambda s: s.str.reverse(), sql="reverse({})"),
    Function(of=lambda s: s.str.head(2), sql="left({}, 2)"),
    Function(of=lambda s: s.str.head(-1)),
    Function(of=lambda s: s.str.tail(2), sql="right({}, 2)"),
    Function(of=lambda s: s.str.to_titlecase()),
    Function(of=lambda s: s.replace({"a": "one", "": "none"})),
    Function(of=lambda d: d.dt.strftime("%Y-%m"), takes=_is_moment, sql="strftime({}, '%Y-%m')"),
)

OF_NUMBERS = (
    Function(of=lambda s: s.str.len_bytes(), sql="strlen({})", counts=True),
    Function(of=lambda s: s.str.count_matches("a", literal=True), counts=True),
    Function(of=lambda s: s.str.find("b", literal=True), counts=True),
    Function(of=lambda s: s.str.extract(r"(\d+)", 1).str.to_integer(strict=False), counts=True),
    Function(of=lambda f: f.floor(), takes=pa.types.is_float64, sql="floor({})"),
    Function(of=lambda f: f.ceil(), takes=pa.types.is_float64, bound=lambda bound: bound + 1),
    Function(of=lambda f: f.round(0), takes=pa.types.is_float64, bound=lambda bound: bound + 1),
    Function(of=lambda f: f.sign(), takes=pa.types.is_float64),
    Function(of=lambda f: f.clip(-1, 1), takes=pa.types.is_float64),
    Function(of=lambda i: i.clip(0, 5), takes=_is_integer, sql=_CLIPPED),
    Function(of=lambda i: -i, takes=_is_integer, sql="(-{})"),
    Function(of=lambda i: i.replace({1: 10, 7: 70}), takes=_is_integer, bound=lambda b: b + 70),
    Function(of=lambda d: d.dt.days_in_month(), takes=_is_moment, counts=True),
)

OF_CONDITIONS = (
    Function(of=lambda s: s.str.contains("^a|b$"), sql="regexp_matches({}, '^a|b$')"),
    Function(of=lambda f: f.is_finite(), takes=pa.types.is_float64, sql="isfinite({})"),
    Function(of=lambda i: i.eq_missing(3), takes=_is_integer, sql="({} IS NOT DISTINCT FROM 3)"),
    Function(of=lambda f: f.ne_missing(0.5), takes=pa.types.is_float64),
    Function(of=lambda i: i.is_in([1, None]), takes=_is_integer),
    Function(of=lambda d: d.dt.is_leap_year(), takes=_is_moment),
)

OF_MOMENTS = (
    Function(of=lambda t: t.dt.truncate("1mo"), takes=pa.types.is_timestamp),
    Function(of=lambda t: t.dt.truncate("1h"), takes=pa.types.is_timestamp),
    Function(of=lambda t: t.dt.date(), takes=pa.types.is_timestamp, sql="({})::DATE"),
    Function(of=lambda d: d.dt.truncate("1w"), takes=pa.types.is_date),
    Function(of=lambda d: d.dt.month_end(), takes=_is_moment),
    Function(of=lambda d: d.dt.offset_by("1mo"), takes=_is_moment),
)

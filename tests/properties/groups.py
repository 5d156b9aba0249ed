"""Steps that aggregate, by keys or all rows."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import polars as pl
import pyarrow as pa

import partita as pt

from . import choices
from .frames import Fact
from .plan import NUMBER, Draw, RandomPlan, exact_columns, expressions_over, grown
from .value import Value, column, quoted


@dataclass(frozen=True, kw_only=True)
class Aggregate:
    """One aggregate in three languages.

    In `sql`, ``{0}`` is what it is of, ``{1}`` which rows, and ``{2}`` their order.
    """

    sql: str
    takes: Callable[[pa.DataType], bool]
    rough: bool = False
    sums: bool = False
    """Whether its last bits depend on the order in which floats are added."""

    ordered: bool = False


def _is_number(dtype: pa.DataType) -> bool:
    return pa.types.is_integer(dtype) or pa.types.is_floating(dtype)


def _is_summable(dtype: pa.DataType) -> bool:
    return _is_number(dtype) or pa.types.is_decimal(dtype) or pa.types.is_boolean(dtype)


def _is_orderable(dtype: pa.DataType) -> bool:
    return not pa.types.is_dictionary(dtype) and not pa.types.is_boolean(dtype)


def _is_anything(dtype: pa.DataType) -> bool:
    return True


AGGREGATES = {
    "sum": Aggregate(sql="coalesce(sum({0}){1}, 0)", takes=_is_summable, sums=True),
    "mean": Aggregate(sql="avg({0}){1}", takes=_is_number, sums=True),
    # DuckDB's maximum is NaN where there is one, and polars' and ours only where there is no other.
    "min": Aggregate(sql="min({0}){1}", takes=_is_orderable),
    "max": Aggregate(sql="max({0}){1}", takes=_is_orderable),
    "count": Aggregate(sql="count({0}){1}", takes=_is_anything),
    # DuckDB does not count null among the distinct values.
    "n_unique": Aggregate(
        sql="(count(DISTINCT {0}){1} + coalesce(max(({0} IS NULL)::INT){1}, 0))", takes=_is_anything
    ),
    "std": Aggregate(sql="stddev_samp({0}){1}", takes=_is_number, rough=True),
    "var": Aggregate(sql="var_samp({0}){1}", takes=_is_number, rough=True),
    "median": Aggregate(sql="median({0}){1}", takes=_is_number, rough=True),
    "any": Aggregate(sql="coalesce(bool_or({0}){1}, FALSE)", takes=pa.types.is_boolean),
    "all": Aggregate(sql="coalesce(bool_and({0}){1}, TRUE)", takes=pa.types.is_boolean),
    "first": Aggregate(sql="first({0} ORDER BY {2}){1}", takes=_is_anything, ordered=True),
    "last": Aggregate(sql="last({0} ORDER BY {2}){1}", takes=_is_anything, ordered=True),
}


Inner = dict[str, pl.Expr]


def _aggregated(draw: Draw, of: RandomPlan, number: int) -> tuple[str, Value, Inner] | None:
    """Draw an aggregate: its name, what it is, and what it is of in polars.

    For polars that is a column of its own, called ``__`` and the name: an aggregate of a constant
    would be of one value there, and is of one for each row here and in SQL. So is the condition of
    an aggregate of some of the rows.
    """
    name = draw(choices.sampled_from(list(AGGREGATES)))
    aggregate = AGGREGATES[name]
    expressions = expressions_over(draw, of)
    if aggregate.ordered and not (of.ordered and exact_columns(of)):
        return None
    if aggregate.takes is _is_number and draw(choices.integers(0, 2)) == 0:
        value = expressions.number()
    else:
        found = expressions.of(aggregate.takes)
        if found is None:
            return None
        value = found
    floats = _is_number is aggregate.takes or _is_summable is aggregate.takes
    inexact = floats and not value.fact.dyadic and _may_be_float(of, value)
    fact = Fact(
        dyadic=value.fact.dyadic and name != "mean",
        rough=aggregate.rough or (aggregate.sums and inexact),
        bound=value.fact.bound if name in ("min", "max", "first", "last") else math.inf,
    )
    template: str | None = aggregate.sql
    if name in ("std", "var") and value.fact.bound == math.inf:
        # DuckDB refuses what is too large, and infinity is.
        template = None
    if name in ("min", "max") and _may_be_float(of, value):
        template = (
            f"coalesce({name}({{0}}) FILTER (NOT isnan({{0}}::DOUBLE){{3}}), {name}({{0}}){{1}})"
        )
    given = _new_name(f"{name}{number}", of)
    partita, polars, inner = value.partita, pl.col(f"__{given}"), {f"__{given}": value.polars}
    where, order = "", NUMBER
    if draw(choices.integers(0, 3)) == 0:
        condition = expressions.condition()
        partita = partita.filter(condition.partita)
        inner[f"__{given} where"] = condition.polars
        polars = polars.filter(pl.col(f"__{given} where"))
        where = condition.sql
    elif aggregate.ordered and draw(choices.booleans()):
        by, down = draw(choices.sampled_from(exact_columns(of))), draw(choices.booleans())
        partita = partita.sort_by(by, descending=down)
        # A sort inside an aggregate is not stable there.
        inner |= {f"__{given} by": pl.col(by), f"__{given} row": pl.int_range(pl.len())}
        polars = polars.sort_by(f"__{given} by", f"__{given} row", descending=[down, False])
        order = f"{quoted(by)} {'DESC' if down else 'ASC'} NULLS FIRST, {NUMBER}"
    sql = None
    if None not in (template, value.sql, where):
        kept = (f" FILTER (WHERE {where})", f" AND {where}") if where else ("", "")
        sql = str(template).format(value.sql, kept[0], order, kept[1])
    made = Value(
        partita=getattr(partita, name)(), polars=getattr(polars, name)(), sql=sql, fact=fact
    )
    return given, made, inner


def _new_name(name: str, of: RandomPlan) -> str:
    """Return a name that none of the columns has, of which each may become a key."""
    while name in of.facts:
        name += "_"
    return name


def _may_be_float(of: RandomPlan, value: Value) -> bool:
    return pa.types.is_floating(of.partita.select(v=value.partita).schema.field("v").type)


def group_by(draw: Draw, of: RandomPlan, made: list[RandomPlan]) -> RandomPlan | None:
    exact = exact_columns(of)
    if not exact:
        return None
    keys = {name: column(name, of.facts) for name in draw(choices.several(exact, least=0, most=2))}
    if not keys or draw(choices.integers(0, 3)) == 0:
        keys["key"] = expressions_over(draw, of).any_value()[1]
    order = of.ordered and draw(choices.booleans())
    aggs, inner = _aggregates(draw, of)
    grouped = of.partita.group_by(
        **{name: each.partita for name, each in keys.items()}, maintain_order=order
    )
    # As columns first: polars makes one group of no rows where the key is a constant.
    hidden = {f"__key {name}": each.polars for name, each in keys.items()}
    polars = (
        of.polars.with_columns(**inner, **hidden)
        .group_by(list(hidden), maintain_order=True)
        .agg(**{name: each.polars for name, each in aggs.items()})
        .rename(dict(zip(hidden, keys, strict=True)))
    )
    named = {**keys, **aggs}
    sql = None
    if of.sql is not None and all(each.sql is not None for each in named.values()):
        shown = [f"{each.sql} AS {quoted(name)}" for name, each in named.items()]
        places = ", ".join(str(place + 1) for place in range(len(keys)))
        numbered = f"min({NUMBER}) AS {NUMBER}"
        sql = f"SELECT {', '.join([*shown, numbered])} FROM ({of.sql}) GROUP BY {places}"
    return grown(
        of,
        f"group_by{[*keys]}.agg{[*aggs]}",
        grouped.agg(**{name: each.partita for name, each in aggs.items()}),
        polars,
        sql,
        facts={name: each.fact for name, each in named.items()},
        ordered=order,
    )


def _aggregates(draw: Draw, of: RandomPlan) -> tuple[dict[str, Value], dict[str, pl.Expr]]:
    """Draw aggregates, and the columns that polars needs for them."""
    found = [_aggregated(draw, of, number) for number in range(draw(choices.integers(0, 5)))]
    made = [each for each in found if each is not None]
    rows = Value(
        partita=pt.len(), polars=pl.len().cast(pl.Int64), sql="count(*)", fact=Fact(bound=1e6)
    )
    aggs = {_new_name("rows", of): rows, **{name: value for name, value, _ in made}}
    return aggs, {name: each for *_, inner in made for name, each in inner.items()}


def select_aggregates(draw: Draw, of: RandomPlan, made: list[RandomPlan]) -> RandomPlan:
    aggs, inner = _aggregates(draw, of)
    sql = None
    if of.sql is not None and all(each.sql is not None for each in aggs.values()):
        shown = [f"{each.sql} AS {quoted(name)}" for name, each in aggs.items()]
        sql = f"SELECT {', '.join(shown)}, 0 AS {NUMBER} FROM ({of.sql})"
    return grown(
        of,
        f"select{[*aggs]}",
        of.partita.select(**{name: each.partita for name, each in aggs.items()}),
        of.polars.with_columns(**inner).select(
            **{name: each.polars for name, each in aggs.items()}
        ),
        sql,
        facts={name: each.fact for name, each in aggs.items()},
        ordered=True,
    )

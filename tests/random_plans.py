"""Random plans, built step by step in three languages: Partita's, polars' and SQL.

polars computes each step at once, so that what is known of the rows can decide what comes next: how
many there are, and whether their order is promised. Where it is not, nothing is asked that depends
on it. The SQL of a plan is one query whose relations carry the number of each row.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
from hypothesis import strategies as st

import partita as pt

from .random_expressions import Expressions, Value, column, quoted
from .random_frames import ROW_NUMBER, Fact, RandomFrame

Draw = Any

MOST_COLUMNS = 12
MOST_JOINED_ROWS = 3000
NUMBER = quoted(ROW_NUMBER)


@dataclass(frozen=True, kw_only=True)
class RandomPlan:
    """A plan in three languages, and what is known of its rows."""

    partita: pt.DataFrame
    polars: pl.DataFrame
    """The rows, as polars has them."""

    sql: str | None
    """A query for the same rows, with the number of each; None where DuckDB has other rules."""

    facts: dict[str, Fact]
    ordered: bool
    """Whether the order of the rows is promised."""

    steps: tuple[str, ...]

    def __repr__(self) -> str:
        return " -> ".join(self.steps) + "\n" + self.partita.explain(optimized=False)

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        # What Hypothesis shows of it.
        printer.text(repr(self))

    def rough(self) -> set[str]:
        """Return the columns whose last bits are not determined."""
        return {name for name, fact in self.facts.items() if fact.rough}


def random_plan(draw: Draw, frames: list[RandomFrame]) -> RandomPlan:
    """Draw a plan of one to seven steps over `frames`; some of it may be shared."""
    made = [
        RandomPlan(
            partita=frame.partita,
            polars=frame.polars,
            sql=f"SELECT * FROM {frame.name}",
            facts=frame.facts,
            ordered=True,
            steps=(f"{frame.name} ({frame.layout}, {frame.polars.height} rows)",),
        )
        for frame in frames
    ]
    wanted = draw(st.integers(1, 7))
    # Not every draw has a step that fits what there is.
    for _ in range(4 * wanted):
        if len(made) >= len(frames) + wanted:
            break
        # Mostly the newest: a chain; at times an older one, of which two things are made then.
        of = made[-1] if draw(st.integers(0, 5)) else draw(st.sampled_from(made))
        grown = draw(st.sampled_from(_STEPS))(draw, of, made)
        if grown is not None and len(grown.facts) <= MOST_COLUMNS:
            made.append(grown)
    return made[-1]


def _expressions(draw: Draw, of: RandomPlan) -> Expressions:
    return Expressions(draw, of.partita.schema, of.facts)


def _grown(
    of: RandomPlan,
    step: str,
    partita: pt.DataFrame,
    polars: pl.DataFrame,
    sql: str | None,
    facts: dict[str, Fact] | None = None,
    ordered: bool | None = None,
) -> RandomPlan:
    return RandomPlan(
        partita=partita,
        polars=polars,
        sql=sql,
        facts=of.facts if facts is None else facts,
        ordered=of.ordered if ordered is None else ordered,
        steps=(*of.steps, step),
    )


def _listed(names: list[str], *more: str) -> str:
    return ", ".join([*map(quoted, names), *more])


def _exact(of: RandomPlan) -> list[str]:
    """Return the columns by which rows may be compared."""
    return [name for name, fact in of.facts.items() if not fact.rough]


# Rows


def _filter(draw: Draw, of: RandomPlan, made: list[RandomPlan]) -> RandomPlan:
    made_of = _expressions(draw, of)
    conditions = [made_of.condition() for _ in range(draw(st.sampled_from((1, 1, 2))))]
    sql = None
    texts = [each.sql for each in conditions]
    if of.sql is not None and None not in texts:
        sql = f"SELECT * FROM ({of.sql}) WHERE {' AND '.join(map(str, texts))}"
    return _grown(
        of,
        "filter",
        of.partita.filter(*(each.partita for each in conditions)),
        of.polars.filter(*(each.polars for each in conditions)),
        sql,
    )


def _sort(draw: Draw, of: RandomPlan, made: list[RandomPlan]) -> RandomPlan | None:
    exact = _exact(of)
    if not exact:
        return None
    names = draw(st.lists(st.sampled_from(exact), min_size=1, max_size=3, unique=True))
    if not of.ordered and draw(st.booleans()):
        # By all columns: rows that are still equal cannot be told apart.
        names += [name for name in exact if name not in names]
    down = [draw(st.booleans()) for _ in names]
    last = [draw(st.booleans()) for _ in names]
    by = ", ".join(
        f"{quoted(name)} {'DESC' if falling else 'ASC'} NULLS {'LAST' if end else 'FIRST'}"
        for name, falling, end in zip(names, down, last, strict=True)
    )
    numbered = f"row_number() OVER (ORDER BY {by}, {NUMBER}) AS {NUMBER}"
    return _grown(
        of,
        f"sort{names}",
        of.partita.sort(*names, descending=down, nulls_last=last),
        of.polars.sort(*names, descending=down, nulls_last=last, maintain_order=True),
        None if of.sql is None else f"SELECT * REPLACE ({numbered}) FROM ({of.sql})",
        ordered=of.ordered or len(names) == len(of.facts),
    )


def _slice(draw: Draw, of: RandomPlan, made: list[RandomPlan]) -> RandomPlan | None:
    if not of.ordered:
        return None
    kind = draw(st.sampled_from(("head", "tail", "slice")))
    length = draw(st.sampled_from((0, 1, 3, 10, 40)))
    offset = 0
    rows = of.polars.height
    if kind == "slice":
        offset = draw(st.sampled_from((0, 1, 5, 20, -1, -4, -30)))
        partita, polars = of.partita.slice(offset, length), _sliced(of.polars, offset, length)
    else:
        partita = getattr(of.partita, kind)(length)
        polars = getattr(of.polars, kind)(length)
        offset = max(0, rows - length) if kind == "tail" else 0
    start = offset if offset >= 0 else rows + offset
    place = f"row_number() OVER (ORDER BY {NUMBER})"
    within = f"QUALIFY {place} > {start} AND {place} <= {start + length}"
    sql = None if of.sql is None else f"SELECT * FROM ({of.sql}) {within}"
    return _grown(of, f"{kind}({offset}, {length})", partita, polars, sql)


def _sliced(frame: pl.DataFrame, offset: int, length: int) -> pl.DataFrame:
    """Return a slice whose length counts from its offset, even if that is before the first row."""
    start = offset if offset >= 0 else frame.height + offset
    stop = max(0, start + length)
    start = max(0, start)
    return frame.slice(start, max(0, stop - start))


def _unique(draw: Draw, of: RandomPlan, made: list[RandomPlan]) -> RandomPlan | None:
    exact = _exact(of)
    order = draw(st.booleans())
    if len(exact) < len(of.facts):
        return None
    if not of.ordered or draw(st.booleans()):
        # Which of equal rows is kept cannot be seen.
        subset, keep = None, "any"
    else:
        subset = draw(st.lists(st.sampled_from(exact), min_size=1, max_size=2, unique=True))
        keep = draw(st.sampled_from(("first", "last", "none")))
    over = f"PARTITION BY {_listed(subset or exact)}"
    direction = "DESC" if keep == "last" else "ASC"
    chosen = f"row_number() OVER ({over} ORDER BY {NUMBER} {direction})"
    if keep == "none":
        chosen = f"count(*) OVER ({over})"
    return _grown(
        of,
        f"unique({subset}, {keep})",
        of.partita.unique(subset, keep=keep, maintain_order=order),
        of.polars.unique(subset, keep=keep if subset else "first", maintain_order=True),
        None if of.sql is None else f"SELECT * FROM ({of.sql}) QUALIFY {chosen} = 1",
        ordered=of.ordered and order,
    )


def _concat(draw: Draw, of: RandomPlan, made: list[RandomPlan]) -> RandomPlan | None:
    fitting = [each for each in made if each.partita.schema == of.partita.schema]
    parts = [of, *draw(st.lists(st.sampled_from(fitting), min_size=1, max_size=2))]
    if sum(part.polars.height for part in parts) > MOST_JOINED_ROWS:
        return None
    sql = None
    if all(part.sql is not None for part in parts):
        union = " UNION ALL ".join(
            f"SELECT *, {number} AS part FROM ({part.sql})" for number, part in enumerate(parts)
        )
        numbered = f"row_number() OVER (ORDER BY part, {NUMBER}) AS {NUMBER}"
        sql = f"SELECT * EXCLUDE (part) REPLACE ({numbered}) FROM ({union})"
    facts = {
        name: Fact(
            bound=max(part.facts[name].bound for part in parts),
            dyadic=all(part.facts[name].dyadic for part in parts),
            rough=any(part.facts[name].rough for part in parts),
        )
        for name in of.facts
    }
    return _grown(
        of,
        f"concat({len(parts)})",
        pt.concat([part.partita for part in parts]),
        pl.concat([part.polars for part in parts], how="vertical_relaxed"),
        sql,
        facts=facts,
        ordered=all(part.ordered for part in parts),
    )


# Columns


def _with_columns(draw: Draw, of: RandomPlan, made: list[RandomPlan]) -> RandomPlan:
    made_of = _expressions(draw, of)
    named: dict[str, Value] = {}
    for number in range(draw(st.integers(1, 2))):
        name = draw(st.sampled_from([f"x{number}", f"x{number}", *of.facts]))
        named[name] = made_of.any_value()[1]
    partita = of.partita.with_columns(**{name: each.partita for name, each in named.items()})
    return _projected(of, "with_columns", partita, named)


def _select(draw: Draw, of: RandomPlan, made: list[RandomPlan]) -> RandomPlan:
    names = draw(st.lists(st.sampled_from(list(of.facts)), min_size=1, unique=True))
    named = {name: column(name, of.facts) for name in names}
    if draw(st.booleans()):
        named["y"] = _expressions(draw, of).any_value()[1]
    partita = of.partita.select(**{name: each.partita for name, each in named.items()})
    grown = _projected(of, "select", partita, named)
    return _grown(
        of,
        grown.steps[-1],
        partita,
        grown.polars.select(list(named)),
        grown.sql and f"SELECT {_listed(list(named), NUMBER)} FROM ({grown.sql})",
        facts={name: grown.facts[name] for name in named},
    )


def _projected(
    of: RandomPlan, step: str, partita: pt.DataFrame, named: dict[str, Value]
) -> RandomPlan:
    """Return `of` with columns computed, in place or behind the others."""
    kept = [name for name in of.facts if name not in named]
    texts = {name: each.sql for name, each in named.items()}
    sql = None
    if of.sql is not None and None not in texts.values():
        columns = [texts.get(name, quoted(name)) for name in of.facts]
        columns += [text for name, text in texts.items() if name not in of.facts]
        names = [*of.facts, *(name for name in named if name not in of.facts)]
        shown = [f"{text} AS {quoted(name)}" for text, name in zip(columns, names, strict=True)]
        sql = f"SELECT {', '.join([*shown, NUMBER])} FROM ({of.sql})"
    return _grown(
        of,
        f"{step}{[*named]}",
        partita,
        of.polars.with_columns(**{name: each.polars for name, each in named.items()}),
        sql,
        facts={
            name: named[name].fact if name in named else of.facts[name]
            for name in [*of.facts, *(name for name in named if name not in kept)]
        },
    )


def _map_batches(draw: Draw, of: RandomPlan, made: list[RandomPlan]) -> RandomPlan:
    floats = _expressions(draw, of).named(pa.types.is_float64)
    if not floats or draw(st.booleans()):
        name = draw(st.sampled_from(list(of.facts)))
        kept = f"SELECT * FROM ({of.sql}) WHERE {quoted(name)} IS NOT NULL"
        return _grown(
            of,
            f"map_batches(known {name})",
            of.partita.map_batches(functools.partial(known_rows, name=name), of.partita.schema),
            of.polars.filter(pl.col(name).is_not_null()),
            of.sql and kept,
        )
    name = draw(st.sampled_from(floats))
    return _grown(
        of,
        f"map_batches(halve {name})",
        of.partita.map_batches(functools.partial(halved, name=name), of.partita.schema),
        of.polars.with_columns(pl.col(name) / 2),
        of.sql and f"SELECT * REPLACE ({quoted(name)} / 2 AS {quoted(name)}) FROM ({of.sql})",
        facts={**of.facts, name: Fact(bound=of.facts[name].bound)},
    )


def known_rows(batch: pa.RecordBatch, name: str) -> pa.RecordBatch:
    """Keep the rows in which a column is not null."""
    return batch.filter(batch[name].is_valid())


def halved(batch: pa.RecordBatch, name: str) -> pa.Table:
    """Halve a column of floats."""
    table = pa.Table.from_batches([batch])
    place = table.schema.get_field_index(name)
    return table.set_column(place, table.schema.field(name), pc.divide(table[name], 2.0))


# Groups


@dataclass(frozen=True, kw_only=True)
class Aggregate:
    """One aggregate in three languages; `{0}` in `sql` is what it is of."""

    sql: str | None
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
    "sum": Aggregate(sql="coalesce(sum({0}), 0)", takes=_is_summable, sums=True),
    "mean": Aggregate(sql="avg({0})", takes=_is_number, sums=True),
    # DuckDB's maximum is NaN where there is one, and polars' and ours only where there is no other.
    "min": Aggregate(sql="min({0})", takes=_is_orderable),
    "max": Aggregate(sql="max({0})", takes=_is_orderable),
    "count": Aggregate(sql="count({0})", takes=_is_anything),
    # DuckDB does not count null among the distinct values.
    "n_unique": Aggregate(
        sql="(count(DISTINCT {0}) + coalesce(max(({0} IS NULL)::INT), 0))", takes=_is_anything
    ),
    "std": Aggregate(sql=None, takes=_is_number, rough=True),
    "var": Aggregate(sql=None, takes=_is_number, rough=True),
    "any": Aggregate(sql="coalesce(bool_or({0}), FALSE)", takes=pa.types.is_boolean),
    "all": Aggregate(sql="coalesce(bool_and({0}), TRUE)", takes=pa.types.is_boolean),
    "first": Aggregate(sql=f"first({{0}} ORDER BY {NUMBER})", takes=_is_anything, ordered=True),
    "last": Aggregate(sql=f"last({{0}} ORDER BY {NUMBER})", takes=_is_anything, ordered=True),
}


def _aggregated(draw: Draw, of: RandomPlan, number: int) -> tuple[str, Value, pl.Expr] | None:
    """Draw an aggregate: its name, what it is, and what it is of in polars.

    For polars that is a column of its own, called ``__`` and the name: an aggregate of a constant
    would be of one value there, and is of one for each row here and in SQL.
    """
    name = draw(st.sampled_from(list(AGGREGATES)))
    aggregate = AGGREGATES[name]
    expressions = _expressions(draw, of)
    if aggregate.ordered and not of.ordered:
        return None
    if aggregate.takes is _is_number and draw(st.integers(0, 2)) == 0:
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
        bound=value.fact.bound if name in ("min", "max", "first", "last") else float("inf"),
    )
    template = aggregate.sql
    if name in ("min", "max") and _may_be_float(of, value):
        template = f"coalesce({name}({{0}}) FILTER (NOT isnan({{0}}::DOUBLE)), {name}({{0}}))"
    given = _new_name(f"{name}{number}", of)
    made = Value(
        partita=getattr(value.partita, name)(),
        polars=getattr(pl.col(f"__{given}"), name)(),
        sql=None if template is None or value.sql is None else template.format(value.sql),
        fact=fact,
    )
    return given, made, value.polars


def _new_name(name: str, of: RandomPlan) -> str:
    """Return a name that none of the columns has, of which each may become a key."""
    while name in of.facts:
        name += "_"
    return name


def _may_be_float(of: RandomPlan, value: Value) -> bool:
    return pa.types.is_floating(of.partita.select(v=value.partita).schema.field("v").type)


def _group_by(draw: Draw, of: RandomPlan, made: list[RandomPlan]) -> RandomPlan | None:
    exact = _exact(of)
    if not exact:
        return None
    keys = {
        name: column(name, of.facts)
        for name in draw(st.lists(st.sampled_from(exact), max_size=2, unique=True))
    }
    if not keys or draw(st.integers(0, 3)) == 0:
        keys["key"] = _expressions(draw, of).any_value()[1]
    order = of.ordered and draw(st.booleans())
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
    return _grown(
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
    found = [_aggregated(draw, of, number) for number in range(draw(st.integers(0, 3)))]
    made = [each for each in found if each is not None]
    rows = Value(
        partita=pt.len(), polars=pl.len().cast(pl.Int64), sql="count(*)", fact=Fact(bound=1e6)
    )
    aggs = {_new_name("rows", of): rows, **{name: value for name, value, _ in made}}
    return aggs, {f"__{name}": inner for name, _, inner in made}


def _select_aggregates(draw: Draw, of: RandomPlan, made: list[RandomPlan]) -> RandomPlan:
    aggs, inner = _aggregates(draw, of)
    sql = None
    if of.sql is not None and all(each.sql is not None for each in aggs.values()):
        shown = [f"{each.sql} AS {quoted(name)}" for name, each in aggs.items()]
        sql = f"SELECT {', '.join(shown)}, 0 AS {NUMBER} FROM ({of.sql})"
    return _grown(
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


# Joins


def _join(draw: Draw, of: RandomPlan, made: list[RandomPlan]) -> RandomPlan | None:
    other = draw(st.sampled_from(made))
    how = draw(st.sampled_from(("inner", "inner", "left", "semi", "anti")))
    pairs = _key_pairs(of, other)
    if not pairs:
        return None
    keys = draw(st.lists(st.sampled_from(pairs), min_size=1, max_size=2, unique=True))
    if len({left for left, _ in keys}) < len(keys) or len({right for _, right in keys}) < len(keys):
        return None
    merged = {left for left, right in keys if left == right}
    given = {}
    if how in ("inner", "left"):
        given = {
            name: f"{name}_right" if name in of.facts else name
            for name in other.facts
            if name not in merged
        }
    if len({*given.values(), *of.facts}) < len(given) + len(of.facts):
        return None
    order = of.ordered and other.ordered and draw(st.booleans())
    polars = _polars_join(of.polars, other.polars, keys, how, given)
    if polars.height > MOST_JOINED_ROWS:
        return None
    facts = {**of.facts, **{named: other.facts[name] for name, named in given.items()}}
    return _grown(
        of,
        f"join({how}, {keys}, [{' -> '.join(other.steps)}])",
        of.partita.join(
            other.partita,
            left_on=[left for left, _ in keys],
            right_on=[right for _, right in keys],
            how=how,
            maintain_order=order,
        ),
        polars,
        _sql_join(of, other, keys, how, given),
        facts=facts,
        # A semi-join is a kind of filter, and still promises no order by itself.
        ordered=order,
    )


def _key_pairs(of: RandomPlan, other: RandomPlan) -> list[tuple[str, str]]:
    mine, others = of.partita.schema, other.partita.schema
    pairs = []
    for left in _exact(of):
        for right in _exact(other):
            types = mine.field(left).type, others.field(right).type
            both_integers = all(pa.types.is_integer(dtype) for dtype in types)
            if types[0] == types[1] or both_integers:
                # Equal names more often: that is how frames are joined.
                pairs += [(left, right)] * (3 if left == right else 1)
    return pairs


def _polars_join(
    left: pl.DataFrame,
    right: pl.DataFrame,
    keys: list[tuple[str, str]],
    how: Any,
    given: dict[str, str],
) -> pl.DataFrame:
    """Join over keys of names and types of their own, so that only the matching is polars'."""
    names = [f"__key{number}" for number in range(len(keys))]
    wide = zip(names, keys, strict=True)
    cast = {
        name: (_wide(left.schema[mine]), pl.col(mine), pl.col(others))
        for name, (mine, others) in wide
    }
    keyed = left.with_columns(**{name: mine.cast(dtype) for name, (dtype, mine, _) in cast.items()})
    others_keyed = right.select(
        **{name: others.cast(dtype) for name, (dtype, _, others) in cast.items()},
        **{named: pl.col(name) for name, named in given.items()},
    )
    joined = keyed.join(
        others_keyed,
        on=names,
        how=how,
        maintain_order="left_right" if how in ("inner", "left") else "left",
    )
    return joined.drop(names)


def _wide(dtype: pl.DataType) -> Any:
    return pl.Int64 if dtype.is_integer() else pl.String if dtype == pl.Categorical else dtype


def _sql_join(
    of: RandomPlan,
    other: RandomPlan,
    keys: list[tuple[str, str]],
    how: str,
    given: dict[str, str],
) -> str | None:
    if of.sql is None or other.sql is None:
        return None
    on = " AND ".join(f"l.{quoted(left)} = r.{quoted(right)}" for left, right in keys)
    if how in ("semi", "anti"):
        exists = "EXISTS" if how == "semi" else "NOT EXISTS"
        inner = f"SELECT 1 FROM ({other.sql}) r WHERE {on}"
        return f"SELECT l.* FROM ({of.sql}) l WHERE {exists} ({inner})"
    shown = [f"l.{quoted(name)}" for name in of.facts]
    shown += [f"r.{quoted(name)} AS {quoted(named)}" for name, named in given.items()]
    numbered = f"row_number() OVER (ORDER BY l.{NUMBER}, r.{NUMBER}) AS {NUMBER}"
    kind = "LEFT JOIN" if how == "left" else "JOIN"
    return (
        f"SELECT {', '.join([*shown, numbered])} FROM ({of.sql}) l {kind} ({other.sql}) r ON {on}"
    )


_STEPS: tuple[Callable[[Draw, RandomPlan, list[RandomPlan]], RandomPlan | None], ...] = (
    *(_filter, _filter, _filter, _with_columns, _with_columns, _select),
    *(_group_by, _group_by, _group_by, _select_aggregates, _join, _join, _join),
    *(_sort, _sort, _slice, _slice, _unique, _concat, _map_batches),
)

"""Random expressions over the columns of a frame."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import polars as pl
import pyarrow as pa

import partita as pt

from . import choices
from .choices import Draw
from .frames import KINDS, Fact
from .functions import OF_CONDITIONS, OF_MOMENTS, OF_NUMBERS, OF_TEXT, Function
from .value import Facts, Value, column, constant, joined, of_two_values, sql_of


class Expressions:
    """Draws expressions over the columns of one frame."""

    def __init__(self, draw: Draw, schema: pa.Schema, facts: Facts) -> None:
        self._draw = draw
        self._facts = facts
        self._schema = schema

    def named(self, *tests: Callable[[pa.DataType], bool]) -> list[str]:
        """Return the columns of which questions may be asked and whose type passes a test."""
        return [
            field.name
            for field in self._schema
            if not self._facts[field.name].rough and any(test(field.type) for test in tests)
        ]

    def of(self, *tests: Callable[[pa.DataType], bool]) -> Value | None:
        """Return a column whose type passes one of the tests, None where there is none."""
        names = self.named(*tests)
        return column(self._pick(names), self._facts) if names else None

    def _pick(self, values: Any) -> Any:
        return self._draw(choices.sampled_from(values))

    def any_value(self) -> tuple[str, Value]:
        """Return a computed value, and what sort of value it is."""
        sort = self._pick(("number", "number", "condition", "text", "moment"))
        return sort, getattr(self, sort)()

    # Numbers

    def number(self, depth: int = 2) -> Value:
        """Return an integer or a float."""
        steps = (self._literal, self._number_column, self._number_column)
        if depth:
            steps += (
                *(self._sum, self._sum, self._scaled, self._quotient, self._floored, self._chosen),
                *(self._filled, self._to_float, self._to_int, self._of_text, self._of_time),
                *(self._size, self._extreme, self._number_of, self._number_of),
            )
        made = self._pick(steps)(depth - 1)
        return made if made is not None else self._literal(0)

    def _literal(self, depth: int) -> Value:
        return constant(self._pick((0, 1, 2, -3, 0.5, 2.0, -0.25)))

    def _number_column(self, depth: int) -> Value | None:
        return self.of(pa.types.is_integer, pa.types.is_floating)

    def _integer(self) -> Value | None:
        return self.of(pa.types.is_integer)

    def _sum(self, depth: int) -> Value | None:
        left, right = self.number(depth), self.number(depth)
        symbol, of_two = self._pick((("+", operator.add), ("-", operator.sub)))
        fact = Fact(
            bound=left.fact.bound + right.fact.bound,
            dyadic=left.fact.dyadic and right.fact.dyadic,
        )
        if fact.bound > 2**30:
            return None
        return of_two_values(of_two, f"({{}} {symbol} {{}})", left, right, fact)

    def _scaled(self, depth: int) -> Value | None:
        value, factor = self.number(depth), self._pick((2, 3, -1, 0.5))
        fact = Fact(bound=value.fact.bound * abs(factor), dyadic=value.fact.dyadic)
        if fact.bound > 2**30:
            return None
        return of_two_values(operator.mul, "({} * {})", value, constant(factor), fact)

    def _quotient(self, depth: int) -> Value | None:
        value = self.number(depth)
        by = self._pick((2, 4, 3, None))
        if by is None:
            by_column = self._integer()
            if by_column is None:
                return None
            return of_two_values(operator.truediv, "({} / {})", value, by_column, Fact())
        fact = Fact(bound=value.fact.bound, dyadic=False)
        # polars multiplies by the reciprocal of a constant, which is rounded once more.
        divisor = replace(constant(by), polars=pl.int_range(pl.len()) * 0 + by)
        return of_two_values(operator.truediv, "({} / {})", value, divisor, fact)

    def _floored(self, depth: int) -> Value | None:
        """Return an integer divided by another, rounded down; SQL rounds towards zero."""
        value, divisor = self._integer(), self._integer()
        if value is None or divisor is None:
            return None
        if self._draw(choices.booleans()):
            divisor = constant(self._pick((2, 3, -2, 7)))
        of_two = self._pick((operator.floordiv, operator.mod))
        bound = max(value.fact.bound, divisor.fact.bound)
        return replace(of_two_values(of_two, "", value, divisor, Fact(bound=bound)), sql=None)

    def _chosen(self, depth: int) -> Value:
        condition, yes, no = self.condition(1), self.number(depth), self.number(depth)
        fact = Fact(
            bound=max(yes.fact.bound, no.fact.bound), dyadic=yes.fact.dyadic and no.fact.dyadic
        )
        return Value(
            partita=pt.when(condition.partita).then(yes.partita).otherwise(no.partita),
            polars=pl.when(condition.polars).then(yes.polars).otherwise(no.polars),
            sql=joined("(CASE WHEN {} THEN {} ELSE {} END)", condition, yes, no),
            fact=fact,
        )

    def _filled(self, depth: int) -> Value | None:
        value = self._number_column(depth)
        if value is None:
            return None
        filling = constant(self._pick((0, 1)))
        return Value(
            partita=value.partita.fill_null(filling.partita),
            polars=value.polars.fill_null(filling.polars),
            sql=joined("coalesce({}, {})", value, filling),
            fact=value.fact,
        )

    def _to_float(self, depth: int) -> Value | None:
        value = self.of(pa.types.is_integer, pa.types.is_decimal)
        if value is None:
            return None
        # Decimals have no bound here, and as doubles no exact sums.
        dyadic = value.fact.bound < 2**30
        return Value(
            partita=value.partita.cast("float64"),
            polars=value.polars.cast(pl.Float64),
            sql=joined("({})::DOUBLE", value),
            fact=replace(value.fact, dyadic=dyadic),
        )

    def _to_int(self, depth: int) -> Value | None:
        flags = self._draw(choices.booleans())
        value = self.of(pa.types.is_boolean if flags else pa.types.is_floating)
        if value is None or (not flags and value.fact.bound > 2**30):
            return None
        if flags:
            mine, theirs, template, bound = value.partita, value.polars, "({})::BIGINT", 1.0
        else:
            mine, theirs = value.partita.fill_nan(0.0), value.polars.fill_nan(0.0)
            # DuckDB rounds, where the others drop the fraction.
            template = "trunc(CASE WHEN isnan({0}) THEN 0 ELSE {0} END)::BIGINT"
            bound = value.fact.bound
        return Value(
            partita=mine.cast("int64"),
            polars=theirs.cast(pl.Int64),
            sql=joined(template, value),
            fact=Fact(bound=bound),
        )

    def _of_text(self, depth: int) -> Value:
        value = self.text(0)
        return Value(
            partita=value.partita.str.len_chars(),
            polars=value.polars.str.len_chars().cast(pl.Int64),
            sql=joined("length({})", value),
            fact=Fact(bound=1000),
        )

    def _of_time(self, depth: int) -> Value | None:
        value = self.of(pa.types.is_date, pa.types.is_timestamp)
        if value is None:
            return None
        part, sql = self._pick(
            (
                ("year", "year"),
                ("month", "month"),
                ("day", "day"),
                ("weekday", "isodow"),
                ("ordinal_day", "dayofyear"),
                ("quarter", "quarter"),
            )
        )
        return Value(
            partita=getattr(value.partita.dt, part)(),
            polars=getattr(value.polars.dt, part)().cast(pl.Int64),
            sql=joined(f"extract({sql} FROM {{}})", value),
            fact=Fact(bound=10_000),
        )

    def _function(self, functions: Sequence[Function]) -> Value | None:
        """Return a function of a column, None where the one drawn has none to take."""
        function = self._pick(functions)
        value = self.of(function.takes)
        return value and function(value)

    def _number_of(self, depth: int) -> Value | None:
        return self._function(OF_NUMBERS)

    def _size(self, depth: int) -> Value | None:
        value = self.number(depth)
        return Value(
            partita=value.partita.abs(),
            polars=value.polars.abs(),
            sql=joined("abs({})", value),
            fact=value.fact,
        )

    def _extreme(self, depth: int) -> Value | None:
        """Return the least or greatest of two integers; NaN is a matter of its own in polars."""
        left, right = self._integer(), self._integer()
        if left is None or right is None:
            return None
        name, sql = self._pick((("min_horizontal", "least"), ("max_horizontal", "greatest")))
        return Value(
            partita=getattr(pt, name)(left.partita, right.partita),
            polars=getattr(pl, name)(left.polars, right.polars),
            sql=joined(f"{sql}({{}}, {{}})", left, right),
            fact=Fact(bound=max(left.fact.bound, right.fact.bound)),
        )

    # Conditions

    def condition(self, depth: int = 2) -> Value:
        """Return a boolean."""
        steps = (
            *(self._compared, self._compared, self._compared_other, self._flag),
            *(self._missing, self._member, self._matched, self._not_a_number, self._between),
            self._asked,
        )
        if depth:
            steps += (self._not, self._both, self._both, self._always)
        made = self._pick(steps)(depth - 1)
        return made if made is not None else self._always(0)

    def _always(self, depth: int) -> Value:
        made = constant(self._draw(choices.booleans()))
        # polars forgets how many rows there are in `lit(False) & column`.
        rows = pl.int_range(pl.len())
        return replace(made, polars=rows >= 0 if made.sql == "TRUE" else rows < 0)

    def _compared(self, depth: int) -> Value:
        return self._comparison(self.number(1), self.number(0))

    def _comparison(self, left: Value, right: Value) -> Value:
        symbol, of_two = self._pick(COMPARISONS)
        return of_two_values(of_two, f"({{}} {symbol} {{}})", left, right, Fact())

    def _compared_other(self, depth: int) -> Value | None:
        """Return a comparison of text, dates, instants or decimals."""
        names = self.named(_is_text, pa.types.is_temporal, pa.types.is_decimal)
        if not names:
            return None
        name = self._pick(names)
        dtype = self._schema.field(name).type
        alike = self.named(lambda other: other == dtype)
        if self._draw(choices.booleans()):
            other = column(self._pick(alike), self._facts)
        else:
            other = constant(self._pick(_values(dtype)))
        return self._comparison(column(name, self._facts), other)

    def _flag(self, depth: int) -> Value | None:
        return self.of(pa.types.is_boolean)

    def _missing(self, depth: int) -> Value:
        # Whether a value is there is certain even where its last bits are not.
        value = column(self._pick(self._schema.names), self._facts)
        if self._draw(choices.booleans()):
            sql = joined("({} IS NULL)", value)
            mine, theirs = value.partita.is_null(), value.polars.is_null()
        else:
            sql = joined("({} IS NOT NULL)", value)
            mine, theirs = value.partita.is_not_null(), value.polars.is_not_null()
        return Value(partita=mine, polars=theirs, sql=sql)

    def _member(self, depth: int) -> Value | None:
        names = self.named(_is_text, pa.types.is_integer, pa.types.is_floating, pa.types.is_date)
        if not names:
            return None
        name = self._pick(names)
        value = column(name, self._facts)
        items = self._draw(choices.several(_values(self._schema.field(name).type), least=0, most=4))
        # Standard SQL has no empty list of values.
        sql = joined(f"({{}} IN ({', '.join(map(sql_of, items))}))", value) if items else None
        return Value(
            partita=value.partita.is_in(items),
            polars=value.polars.is_in(items),
            sql=sql,
        )

    def _between(self, depth: int) -> Value:
        value, low, high = self.number(1), self.number(0), self.number(0)
        return Value(
            partita=value.partita.is_between(low.partita, high.partita),
            polars=value.polars.is_between(low.polars, high.polars),
            sql=joined("({} BETWEEN {} AND {})", value, low, high),
        )

    def _matched(self, depth: int) -> Value:
        value, part = self.text(1), self._pick(("a", "", "b", "é", "key 00"))
        method, sql = self._pick(
            (("starts_with", "starts_with"), ("ends_with", "ends_with"), ("contains", "contains"))
        )
        named = {"literal": True} if method == "contains" else {}
        return Value(
            partita=getattr(value.partita.str, method)(part, **named),
            polars=getattr(value.polars.str, method)(part, **named),
            sql=joined(f"{sql}({{}}, {sql_of(part)})", value),
        )

    def _not_a_number(self, depth: int) -> Value | None:
        value = self.of(pa.types.is_floating)
        if value is None:
            return None
        return Value(
            partita=value.partita.is_nan(),
            polars=value.polars.is_nan(),
            sql=joined("isnan({})", value),
        )

    def _asked(self, depth: int) -> Value | None:
        return self._function(OF_CONDITIONS)

    def _not(self, depth: int) -> Value:
        value = self.condition(depth)
        return Value(partita=~value.partita, polars=~value.polars, sql=joined("(NOT {})", value))

    def _both(self, depth: int) -> Value:
        left, right = self.condition(depth), self.condition(depth)
        symbol, of_two = self._pick((("AND", operator.and_), ("OR", operator.or_)))
        return of_two_values(of_two, f"({{}} {symbol} {{}})", left, right, Fact())

    # Text

    def text(self, depth: int = 1) -> Value:
        """Return text."""
        value = self.of(_is_text) or constant(self._pick(("a", "B b", "")))
        if not depth:
            return value
        steps = (
            self._cased,
            self._cut,
            self._glued,
            self._filled_text,
            self._digits,
            self._text_of,
        )
        return self._pick(steps)(value)

    def _text_of(self, value: Value) -> Value:
        return self._function(OF_TEXT) or value

    # Points in time

    def moment(self) -> Value:
        """Return a date or a timestamp, a number where there are none."""
        return self._function(OF_MOMENTS) or self.number()

    def _cased(self, value: Value) -> Value:
        method, sql = self._pick((("to_uppercase", "upper"), ("to_lowercase", "lower")))
        return Value(
            partita=getattr(value.partita.str, method)(),
            polars=getattr(value.polars.str, method)(),
            sql=joined(f"{sql}({{}})", value),
        )

    def _cut(self, value: Value) -> Value:
        offset, length = self._pick((0, 1, 2)), self._pick((0, 1, 3))
        return Value(
            partita=value.partita.str.slice(offset, length),
            polars=value.polars.str.slice(offset, length),
            sql=joined(f"substring({{}}, {offset + 1}, {length})", value),
        )

    def _glued(self, value: Value) -> Value:
        other = self.of(_is_text) or constant("x")
        return of_two_values(operator.add, "({} || {})", value, other, Fact())

    def _filled_text(self, value: Value) -> Value:
        return Value(
            partita=value.partita.fill_null(pt.lit("none")),
            polars=value.polars.fill_null(pl.lit("none")),
            sql=joined("coalesce({}, 'none')", value),
        )

    def _digits(self, value: Value) -> Value:
        number = self._integer() or constant(7)
        return Value(
            partita=number.partita.cast("string"),
            polars=number.polars.cast(pl.String),
            sql=joined("({})::VARCHAR", number),
        )


COMPARISONS: tuple[tuple[str, Callable[[Any, Any], Any]], ...] = (
    ("=", operator.eq),
    ("<>", operator.ne),
    ("<", operator.lt),
    ("<=", operator.le),
    (">", operator.gt),
    (">=", operator.ge),
)


def _is_text(dtype: pa.DataType) -> bool:
    return pa.types.is_string(dtype) or pa.types.is_dictionary(dtype)


def _values(dtype: pa.DataType) -> tuple[Any, ...]:
    """Return values to compare columns of a type with, most of which occur."""
    plain = pa.string() if pa.types.is_dictionary(dtype) else dtype
    for kind in KINDS.values():
        if kind.dtype == plain or (pa.types.is_decimal(plain) and pa.types.is_decimal(kind.dtype)):
            return kind.values
    return KINDS["i"].values

"""The functions that begin an expression: ``col``, ``lit``, ``when``, ``all``, ``sum("a")``.

Many have the names of Python's own functions, which this file therefore does without.
"""

from __future__ import annotations

import inspect
import re
from builtins import len as _count
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from ..errors import InvalidExpression
from ..expr.aggregates import AGGREGATES, Aggregate
from ..expr.conjunctions import conjunction
from ..expr.datatype import data_type
from ..expr.function import Parameter
from ..expr.functions import FUNCTIONS
from ..expr.node import (
    Agg,
    Alias,
    Call,
    Cast,
    Column,
    EachElement,
    Expr,
    Literal,
    When,
    Wildcard,
    WindowCall,
    is_pattern,
    literal,
    output_name,
)
from ..expr.text import text_of
from . import aggregate_methods  # noqa: F401 - it gives Expression its methods
from .chosen_rows import aggregate_of
from .expression import Expression, call_of, selected, to_expr
from .methods import Given, method_of


class _Columns:
    """Return a column by its name, or several columns; ``pt.col.a`` is ``pt.col("a")``.

    Several names stand for several columns, ``"*"`` for all. A text from ``^`` to ``$`` is a
    regular expression and stands for the columns whose names it matches; a type, or several, for
    the columns of that type.

    Examples
    --------
    >>> import partita as pt
    >>> pt.col("a") + 1
    a + 1
    >>> pt.col("^price_.*$") * 2
    col("^price_.*$") * 2
    """

    def __call__(self, *names: Any) -> Expression:
        """Return a column by its name, or several columns."""
        wanted = selected(names, "col")
        if wanted == ("*",):
            return Expression(Wildcard())
        if not wanted:
            raise InvalidExpression("col wants a name, as in pt.col('a'); found none.")
        first, *more = wanted
        if more or not isinstance(first, str) or is_pattern(first):
            return Expression(Wildcard(names=wanted))
        return Expression(Column(first))

    def __repr__(self) -> str:
        return "col: a column by its name, as in pt.col('a')"

    def __getattr__(self, name: str) -> Expression:
        if name.startswith("__"):
            # Asked by inspect, pickle and the like, never meant as a column.
            raise AttributeError(name)
        return self(name)


col = _Columns()
"""``pt.col("a")``: a column by its name."""


def lit(value: Any, dtype: Any = None) -> Expression:
    """Return a constant.

    Parameters
    ----------
    value
        A Python value or an Arrow scalar.
    dtype
        Its type; without one it takes that of the columns beside it, where it fits.

    Examples
    --------
    >>> import datetime
    >>> import partita as pt
    >>> pt.col("day") >= pt.lit(datetime.date(2024, 1, 31))
    day >= 2024-01-31
    """
    node = to_expr(value)
    if dtype is None:
        return Expression(node)
    wanted = data_type(dtype)
    if not isinstance(node, Literal):
        return Expression(Cast(node, wanted))
    # A value that does not fit the type is reported by the cast, with the expression.
    return Expression(literal(None, wanted) if value is None else Cast(node, wanted))


class Then(Expression):
    """A ``when`` with its value: null where no condition is true, until ``otherwise``."""

    def when(self, *predicates: Any) -> Branch:
        """Return a further branch, for the rows that no earlier one is for.

        Examples
        --------
        >>> import partita as pt
        >>> pt.when(pt.col("a") > 9).then(2).when(pt.col("a") > 1).then(1).otherwise(0)
        when(a > 9).then(2).when(a > 1).then(1).otherwise(0)
        """
        node = self.node
        assert isinstance(node, When)
        return Branch(conditions=(*node.conditions, _condition(predicates)), values=node.values)

    def otherwise(self, value: Any) -> Expression:
        """Return it with a value for all other rows; text is the name of a column.

        Examples
        --------
        >>> import partita as pt
        >>> df = pt.from_pydict({"a": [1, 5]})
        >>> df.select(pt.when(pt.col("a") > 3).then("a").otherwise(0)).to_pydict()
        {'a': [0, 5]}
        """
        node = self.node
        assert isinstance(node, When)
        return Expression(replace(node, otherwise=to_expr(value, names=True)))


@dataclass(frozen=True, kw_only=True, repr=False)
class Branch:
    """Conditions, the last one of them without its value yet."""

    conditions: tuple[Expr, ...]
    values: tuple[Expr, ...] = ()

    def __repr__(self) -> str:
        return f"when({text_of(self.conditions[-1])}): it wants .then(value)"

    def then(self, value: Any) -> Then:
        """Return it with the value for these rows; text is the name of a column.

        Examples
        --------
        >>> import partita as pt
        >>> pt.when(pt.col("a") > 1).then(pt.lit("large"))
        when(a > 1).then("large").otherwise(null)
        """
        values = (*self.values, to_expr(value, names=True))
        return Then(When(self.conditions, values, literal(None)))


def when(*predicates: Any) -> Branch:
    """Begin a choice: ``when(...).then(...).otherwise(...)``; several predicates must all be true.

    The first branch whose condition is true gives the value; a null condition is not true. In
    ``then`` and ``otherwise`` text is the name of a column, and ``lit("text")`` is text.

    Examples
    --------
    >>> import partita as pt
    >>> pt.when(pt.col("a") > 1).then(pt.col("a")).otherwise(0)
    when(a > 1).then(a).otherwise(0)
    """
    return Branch(conditions=(_condition(predicates),))


def _condition(predicates: tuple[Any, ...]) -> Expr:
    found = conjunction(tuple(to_expr(each, names=True) for each in predicates))
    if found is None:
        raise InvalidExpression("when() wants a condition: pt.when(pt.col('a') > 1).")
    return found


def exclude(*names: Any) -> Expression:
    """Return all columns but these: names, regular expressions from ``^`` to ``$``, types.

    >>> import partita as pt
    >>> pt.exclude("a", "b")
    exclude("a", "b")
    """
    return Expression(Wildcard(excluded=selected(names, "exclude")))


def len() -> Expression:  # noqa: A001 - the public name is ``pt.len``
    """Return the number of rows, as ``int64``.

    >>> import partita as pt
    >>> pt.len()
    len()
    """
    return Expression(Agg("len", None))


def row_index(name: str = "index") -> Expression:
    """Return the number of each row, from 0, as ``int64``; over keys, within the group.

    Examples
    --------
    >>> import partita as pt
    >>> df = pt.from_pydict({"k": ["a", "b", "a"]})
    >>> df.with_columns(pt.row_index(), n=pt.row_index().over("k")).to_pydict()
    {'k': ['a', 'b', 'a'], 'index': [0, 1, 2], 'n': [0, 0, 1]}
    """
    return Expression(Alias(WindowCall("row_index", ()), name))


def _over_names(name: str, without: Expr | None = None, doc: str = "") -> Callable[..., Expression]:
    """Return ``pt.sum("a", "b")`` and the like; with no name it gives `without`, as `doc` says."""
    entry = AGGREGATES[name]
    names = Parameter(name="names", expr=True, names=True, variadic=True)
    settings = (replace(each, keyword_only=True) for each in entry.parameters)
    whole = replace(
        _as_function(entry),
        parameters=(names, *settings),
        doc=f"{inspect.cleandoc(entry.doc)}\n\n{doc}".strip(),
    )

    def build(_: None, given: Given) -> Expression:
        wanted = [value for _, value in given.arguments]
        if wanted:
            node = col(*wanted).node
            return Expression(aggregate_of(name, node, settings=given.settings))
        if without is None:
            raise InvalidExpression(f"{name}() wants names of columns: pt.{name}('a').")
        return Expression(without)

    return method_of(whole, build, name, "", receiver=False)


def _as_function(entry: Aggregate) -> Aggregate:
    """Return `entry` with the example of its method as one of the function of the module."""
    called = re.fullmatch(r"pt\.col\((.+?)\)\.(\w+)\((.*)", entry.example.code)
    if called is None:
        return entry
    column, name, rest = called.groups()
    between = "" if rest.startswith(")") else ", "
    code = f"pt.{name}({column}{between}{rest}"
    return replace(entry, example=replace(entry.example, code=code))


sum = _over_names("sum")  # noqa: A001 - the public name is ``pt.sum``
mean = _over_names("mean")
min = _over_names("min")  # noqa: A001
max = _over_names("max")  # noqa: A001
count = _over_names("count", Agg("len", None), "Without a name it counts rows, as `len` does.")
n_unique = _over_names("n_unique")
first = _over_names("first")
last = _over_names("last")
std = _over_names("std")
var = _over_names("var")
any = _over_names("any")  # noqa: A001
all = _over_names(  # noqa: A001
    "all",
    Wildcard(),
    "Without a name it stands for all columns, as in ``pt.all().sum()``.",
)


def _of_columns(name: str) -> Callable[..., Expression]:
    """Return a function of the module over the columns that an aggregate takes, by name or not.

    Its first parameter is what the method is called on.
    """
    entry = AGGREGATES[name]
    first = Parameter(name="a" if entry.others else "column", expr=True, names=True)
    whole = replace(_as_function(entry), parameters=(first, *entry.parameters))

    def build(_: None, given: Given) -> Expression:
        nodes = [to_expr(value, names=True) for _, value in given.arguments]
        return Expression(aggregate_of(name, nodes[0], nodes[1:], given.settings))

    return method_of(whole, build, name, "", receiver=False)


quantile = _of_columns("quantile")
approx_quantile = _of_columns("approx_quantile")
corr = _of_columns("corr")
cov = _of_columns("cov")
median = _over_names("median")
mode = _over_names("mode")
product = _over_names("product")
implode = _over_names("implode")
approx_n_unique = _over_names("approx_n_unique")
skew = _over_names("skew")
kurtosis = _over_names("kurtosis")
null_count = _over_names("null_count")


def _function(name: str) -> Callable[..., Expression]:
    """Return a function of the module made of an entry of ``FUNCTIONS``."""

    def build(_: None, given: Given) -> Expression:
        given = replace(given, arguments=tuple(_flat(given.arguments)))
        if not given.arguments:
            raise InvalidExpression(f"{name}() wants at least one column or value.")
        return call_of(name, given)

    return method_of(FUNCTIONS[name], build, name, "", receiver=False)


def _flat(arguments: tuple[tuple[Parameter, Any], ...]) -> Iterator[tuple[Parameter, Any]]:
    """Yield arguments, those in a list of columns one by one: ``pt.coalesce(["a", "b"])``."""
    for parameter, value in arguments:
        if parameter.variadic and isinstance(value, list | tuple):
            yield from ((parameter, each) for each in value)
        else:
            yield parameter, value


def element() -> Expression:
    """Return the element of a list, in ``.list.eval`` and ``.list.filter``.

    >>> import partita as pt
    >>> pt.col("a").list.eval(pt.element() + 1)
    a.list.eval(element() + 1)
    """
    return Expression(EachElement())


def field(name: str) -> Expression:
    """Return a field of the struct, in ``.struct.with_fields``.

    >>> import partita as pt
    >>> pt.col("s").struct.with_fields(b=pt.field("a") * 2)
    s.struct.with_fields(s.struct.field("a") * 2, names=('b',))
    """
    return Expression(Call("struct.field", (EachElement(),), (("name", name),)))


def struct(*exprs: Any, **named: Any) -> Expression:
    """Return a struct of several columns, under the names they have.

    Parameters
    ----------
    exprs, named
        Columns, expressions, or lists of them.

    Examples
    --------
    >>> import partita as pt
    >>> pt.struct("a", b=pt.col("a") * 2)
    struct(a, a * 2, names=('a', 'b'))
    """
    flat = [each for item in exprs for each in (item if isinstance(item, list | tuple) else [item])]
    nodes = [to_expr(each, names=True) for each in (*flat, *named.values())]
    names = [*(output_name(each) for each in nodes[: _count(flat)]), *named]
    if not nodes:
        raise InvalidExpression("struct() wants at least one column: pt.struct('a', 'b').")
    single = [name for name, node in zip(names, nodes, strict=True) if not _is_several(node)]
    if _count(set(single)) != _count(single):
        raise InvalidExpression(
            f"A struct has each field once, but this has {', '.join(map(repr, names))}. Name them"
            " anew with .alias() or as keywords."
        )
    return Expression(Call("struct", tuple(nodes), (("names", tuple(names)),)))


def _is_several(node: Expr) -> bool:
    """Whether an expression stands for several columns, whose names are not known yet."""
    return [each for each in node.walk() if isinstance(each, Wildcard)] != []


def format(f_string: str, *args: Any) -> Expression:  # noqa: A001 - the public name is ``pt.format``
    """Return text with values in the places of ``{}``; null if one of them is null.

    Parameters
    ----------
    f_string
        The text; ``{}`` stands for the next of the values.
    args
        Columns by name, or expressions.

    Examples
    --------
    >>> import partita as pt
    >>> pt.format("{} of {}", "a", pt.col("b"))
    concat_str(a, " of ", b)
    """
    texts = f_string.split("{}")
    if _count(texts) - 1 != _count(args):
        raise InvalidExpression(
            f"{f_string!r} has {_count(texts) - 1} places, but there are {_count(args)} values."
        )
    nodes: list[Expr] = [] if not texts[0] else [literal(texts[0])]
    for value, text in zip(args, texts[1:], strict=True):
        nodes.append(to_expr(value, names=True))
        if text:
            nodes.append(literal(text))
    settings = (("ignore_nulls", False), ("separator", ""))
    return Expression(Call("concat_str", tuple(nodes) or (literal(""),), settings))


coalesce = _function("coalesce")
concat_str = _function("concat_str")
min_horizontal = _function("min_horizontal")
max_horizontal = _function("max_horizontal")
concat_list = _function("concat_list")
sum_horizontal = _function("sum_horizontal")
mean_horizontal = _function("mean_horizontal")
any_horizontal = _function("any_horizontal")
all_horizontal = _function("all_horizontal")
date = _function("date")
datetime = _function("datetime")
time = _function("time")
duration = _function("duration")

"""The frozen nodes of a column expression.

An expression is a tree over columns. It holds no data but its literals, compares by structure and
hashes, so that equal expressions are found and computed once. What users combine with operators is
a thin wrapper in ``api``; here ``==`` means "the same expression".
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa

from .python_values import ALIKE, found_array
from .tree import Expr as Expr


@dataclass(frozen=True)
class Column(Expr):
    """A column of the input, by name."""

    name: str


@dataclass(frozen=True, eq=False)
class Literal(Expr):
    """A constant: an Arrow scalar.

    A literal that is not `typed` was written as a bare Python value: next to a column it takes
    that column's type where it fits (``col("small") + 1`` stays ``int8``).
    """

    value: pa.Scalar
    typed: bool = False

    def _key(self) -> tuple[Any, ...]:
        found: tuple[Any, ...] | None = self.kept.get("key")
        if found is None:
            # Python has 1 == True == 1.0 and nan != nan; the text of a value has neither problem.
            plain = getattr(self.value, "value", None)
            shown = repr(plain if isinstance(plain, int) else self.value.as_py())
            found = self.value.type, shown, self.value.is_valid, self.typed
            self.kept["key"] = found
        return found

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Literal) and self._key() == other._key()

    def _hashed(self) -> tuple[Any, ...]:
        return self._key()


@dataclass(frozen=True)
class Call(Expr):
    """A function of ``FUNCTIONS`` over arguments, row by row."""

    name: str
    """Its key in ``FUNCTIONS``, such as ``add`` or ``str.starts_with``."""

    args: tuple[Expr, ...]

    options: tuple[tuple[str, Any], ...] = ()
    """Plain, hashable settings of the call, sorted by name."""

    @property
    def children(self) -> tuple[Expr, ...]:
        return self.args

    def with_children(self, children: tuple[Expr, ...]) -> Expr:
        return replace(self, args=children)


@dataclass(frozen=True)
class Cast(Expr):
    """A value as another type; without `strict`, what does not fit becomes null."""

    input: Expr
    dtype: pa.DataType
    strict: bool = True

    @property
    def children(self) -> tuple[Expr, ...]:
        return (self.input,)

    def with_children(self, children: tuple[Expr, ...]) -> Expr:
        return replace(self, input=children[0])


@dataclass(frozen=True)
class Alias(Expr):
    """A value under another name."""

    input: Expr
    name: str

    @property
    def children(self) -> tuple[Expr, ...]:
        return (self.input,)

    def with_children(self, children: tuple[Expr, ...]) -> Expr:
        return replace(self, input=children[0])


@dataclass(frozen=True)
class When(Expr):
    """The value of the first branch whose condition is true; null conditions count as false."""

    conditions: tuple[Expr, ...]
    values: tuple[Expr, ...]
    otherwise: Expr

    @property
    def children(self) -> tuple[Expr, ...]:
        return (*self.conditions, *self.values, self.otherwise)

    def with_children(self, children: tuple[Expr, ...]) -> Expr:
        count = len(self.conditions)
        return When(children[:count], children[count : 2 * count], children[-1])


@dataclass(frozen=True)
class SortKey:
    """One key of an order."""

    expr: Expr
    descending: bool = False
    nulls_last: bool = False


@dataclass(frozen=True)
class Agg(Expr):
    """An aggregate of ``AGGREGATES`` over a group of rows; `input` is None for ``len``."""

    name: str
    input: Expr | None
    options: tuple[tuple[str, Any], ...] = ()

    where: Expr | None = None
    """Only the rows for which this is true are aggregated; the group is there all the same."""

    order_by: tuple[SortKey, ...] = ()
    """The order of the rows, for aggregates that see one; that of the input where it is empty."""

    others: tuple[Expr, ...] = ()
    """Further inputs, of aggregates over several columns: the second of a correlation."""

    @property
    def inputs(self) -> tuple[Expr, ...]:
        """What is aggregated: `input`, if there is one, and `others`."""
        return self.others if self.input is None else (self.input, *self.others)

    @property
    def children(self) -> tuple[Expr, ...]:
        where = () if self.where is None else (self.where,)
        return (*self.inputs, *where, *(key.expr for key in self.order_by))

    def with_children(self, children: tuple[Expr, ...]) -> Expr:
        rest = iter(children)
        return replace(
            self,
            input=None if self.input is None else next(rest),
            others=tuple(next(rest) for _ in self.others),
            where=None if self.where is None else next(rest),
            order_by=_ordered(self.order_by, rest),
        )


@dataclass(frozen=True)
class Rows(Expr):
    """A value over some of the rows, or over them in another order, which an aggregate takes.

    The aggregate made of it has `where` and `order_by`; by itself it is no column.
    """

    input: Expr
    where: Expr | None = None
    order_by: tuple[SortKey, ...] = ()

    @property
    def children(self) -> tuple[Expr, ...]:
        where = () if self.where is None else (self.where,)
        return (self.input, *where, *(key.expr for key in self.order_by))

    def with_children(self, children: tuple[Expr, ...]) -> Expr:
        value, *rest = children
        where = None if self.where is None else rest.pop(0)
        return Rows(value, where, _ordered(self.order_by, iter(rest)))


@dataclass(frozen=True)
class WindowCall(Expr):
    """A function of ``WINDOWS``: one value for each row, from that row and others around it.

    By itself it goes over the whole frame in the order of its rows; inside of a `Window`, over
    the rows with the same keys.
    """

    name: str
    """Its key in ``WINDOWS``, such as ``shift`` or ``rank``."""

    args: tuple[Expr, ...]

    options: tuple[tuple[str, Any], ...] = ()

    @property
    def children(self) -> tuple[Expr, ...]:
        return self.args

    def with_children(self, children: tuple[Expr, ...]) -> Expr:
        return replace(self, args=children)


@dataclass(frozen=True)
class Window(Expr):
    """A function over the rows that have the same `keys`, with a value for each of the rows."""

    function: Expr
    """An `Agg`, whose value every row of its group is given, or a `WindowCall`."""

    keys: tuple[Expr, ...] = ()
    """Without keys all rows are one group."""

    order_by: tuple[SortKey, ...] = ()
    """The order in which the function sees a group; that of the input where it is empty."""

    @property
    def children(self) -> tuple[Expr, ...]:
        return (self.function, *self.keys, *(key.expr for key in self.order_by))

    def with_children(self, children: tuple[Expr, ...]) -> Expr:
        function, *rest = children
        count = len(self.keys)
        return Window(function, tuple(rest[:count]), _ordered(self.order_by, iter(rest[count:])))


def _ordered(order_by: tuple[SortKey, ...], exprs: Iterator[Expr]) -> tuple[SortKey, ...]:
    """Return the keys of an order over other expressions."""
    return tuple(replace(key, expr=next(exprs)) for key in order_by)


@dataclass(frozen=True)
class Wildcard(Expr):
    """Several columns at once; expanded as soon as a schema is known (``expand.py``)."""

    excluded: tuple[str | pa.DataType, ...] = ()
    """Stands for all columns but these."""

    names: tuple[str | pa.DataType, ...] = ()
    """If there are any: stands for these columns.

    Both hold names, patterns (``^...$``, as `is_pattern` tells) and types.
    """


def is_pattern(name: object) -> bool:
    """Return whether a name stands for all that a regular expression matches.

    >>> is_pattern("^a.*$"), is_pattern("a")
    (True, False)
    """
    return isinstance(name, str) and len(name) > 1 and name[0] == "^" and name[-1] == "$"


@dataclass(frozen=True)
class Renamed(Expr):
    """A value under a name made of its column's; an `Alias` as soon as a schema is known."""

    input: Expr

    how: str
    """One of ``prefix suffix keep map to_uppercase to_lowercase replace``."""

    given: tuple[Any, ...] = ()
    """What the renaming was given: a text, a function."""

    @property
    def children(self) -> tuple[Expr, ...]:
        return (self.input,)

    def with_children(self, children: tuple[Expr, ...]) -> Expr:
        return replace(self, input=children[0])


@dataclass(frozen=True)
class EachElement(Expr):
    """An element of a list, inside of a `ListEval`."""


@dataclass(frozen=True)
class ListEval(Expr):
    """Lists whose elements are computed one by one, or kept where a condition is true."""

    input: Expr

    function: Expr
    """Over `EachElement`, not over columns: it is no child."""

    keep: bool = False
    """Whether `function` is a condition for the elements to be kept."""

    @property
    def children(self) -> tuple[Expr, ...]:
        return (self.input,)

    def with_children(self, children: tuple[Expr, ...]) -> Expr:
        return replace(self, input=children[0])


def literal(value: Any, dtype: pa.DataType | None = None) -> Literal:
    """Return a literal of a Python value, or of an Arrow scalar.

    >>> literal(3).value
    <pyarrow.Int64Scalar: 3>
    """
    if isinstance(value, pa.Scalar):
        return Literal(value if dtype is None else value.cast(dtype), typed=True)
    if dtype is None and type(value) not in ALIKE:
        return Literal(found_array([value])[0])
    return Literal(pa.scalar(value, type=dtype), typed=dtype is not None)


def columns_of(expr: Expr) -> frozenset[str]:
    """Return the names of all columns that `expr` reads."""
    found: frozenset[str] | None = expr.kept.get("columns")
    if found is None:
        found = frozenset([node.name for node in expr.walk() if isinstance(node, Column)])
        expr.kept["columns"] = found
    return found


def has_wildcard(expr: Expr) -> bool:
    """Return whether `expr`, or a part of it, stands for columns that are not told one by one."""
    return any(isinstance(node, Wildcard) for node in expr.walk())


def output_name(expr: Expr) -> str:
    """Return the name a column made by `expr` has: its alias, its leftmost column's or field's.

    >>> output_name(Call("add", (Column("a"), Column("b"))))
    'a'
    """
    made = list(_values(expr))
    named = [name for node in made if (name := _own_name(node))]
    called = [node.name for node in made if isinstance(node, Agg | Call | WindowCall)]
    return (named or called or ["literal"])[0]


def _own_name(node: Expr) -> str:
    """Return what a node by itself is called, empty for what is called after a part of it."""
    if isinstance(node, Alias | Column):
        return node.name
    if isinstance(node, Call) and node.name == "struct.field":
        return str(dict(node.options)["name"])
    return ""


def _values(expr: Expr) -> Iterator[Expr]:
    """Yield what `walk` does, but for what only says which rows an aggregate or a window is of."""
    stack: list[Expr] = [expr]
    while stack:
        node = stack.pop()
        yield node
        below = node.children
        if isinstance(node, Agg):
            below = node.inputs
        elif isinstance(node, Rows):
            below = (node.input,)
        elif isinstance(node, When):
            # Its conditions choose; what it gives is named for the first value.
            below = (node.values[0],)
        elif isinstance(node, Window):
            below = (node.function,)
        stack.extend(reversed(below))


def unaliased(expr: Expr) -> Expr:
    """Return `expr` without the aliases at its top."""
    while isinstance(expr, Alias):
        expr = expr.input
    return expr


def has_aggregate(expr: Expr) -> bool:
    """Return whether `expr` contains an aggregate that is not over a window."""
    return bool(_of_rows(expr) & _AGGREGATE)


def has_window(expr: Expr) -> bool:
    """Return whether `expr` contains a function that looks at other rows."""
    return bool(_of_rows(expr) & _WINDOW)


_AGGREGATE, _WINDOW = 1, 2


def _of_rows(expr: Expr) -> int:
    """Return which of the two `expr` contains that are made of several rows, as bits."""
    found: int | None = expr.kept.get("of_rows")
    if found is None:
        found = 0
        for node in outside_windows(expr):
            if isinstance(node, Agg):
                found |= _AGGREGATE
            elif isinstance(node, Window | WindowCall):
                found |= _WINDOW
        expr.kept["of_rows"] = found
    return found


def outside_windows(expr: Expr) -> Iterator[Expr]:
    """Yield the nodes of `expr`, parents first, but none that is below a `Window`."""
    stack = [expr]
    while stack:
        node = stack.pop()
        yield node
        if not isinstance(node, Window):
            stack.extend(reversed(node.children))


def substitute(expr: Expr, columns: dict[str, Expr]) -> Expr:
    """Return `expr` with each column that `columns` names replaced by its expression."""

    def replace_column(node: Expr) -> Expr:
        return columns.get(node.name, node) if isinstance(node, Column) else node

    return expr.transform(replace_column)

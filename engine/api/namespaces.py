"""Namespaces of an expression: ``.str``, ``.dt``, ``.list`` and the like, each for a kind of type.

Most of their methods come from the table ``FUNCTIONS``; what is written here builds nodes of other
kinds, or takes what an entry of the table cannot describe.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn

from ..errors import InvalidExpression, NotOffered, did_you_mean
from ..expr.node import (
    Agg,
    Alias,
    Call,
    Column,
    EachElement,
    Expr,
    ListEval,
    Renamed,
    literal,
    output_name,
)
from .absent import NAMESPACED

if TYPE_CHECKING:
    from .expression import Expression


@dataclass(frozen=True, repr=False)
class Namespace:
    """The methods of an expression that are about one kind of type."""

    expression: Expression
    _called: ClassVar[str] = ""
    _picking: ClassVar[str] = ""
    """What to write in place of an index in square brackets."""

    def __repr__(self) -> str:
        return f"{self.expression!r}{self._called}: the functions of one kind of type"

    def __getattr__(self, name: str) -> Any:
        advice = NAMESPACED.get(f"{self._called}.{name}")
        if advice is not None:
            raise NotOffered(f"{self._called} has no {name!r}. {advice}")
        raise AttributeError(no_method(name, type(self), self._called))

    def __getitem__(self, key: Any) -> NoReturn:
        raise InvalidExpression(f"{self._called}[...] picks nothing.{self._picking}")

    def _call(self, name: str, *args: Any, **settings: Any) -> Expression:
        """Return a call of the function `name` of the table on this expression."""
        given = tuple(self.expression._node_of(each) for each in args)
        options = tuple(sorted(settings.items()))
        return self.expression._made(Call(name, (self.expression.node, *given), options))


@dataclass(frozen=True, repr=False)
class TextMethods(Namespace):
    """``.str``: functions of text."""

    _called: ClassVar[str] = ".str"
    _picking: ClassVar[str] = " In text: .str.slice(offset, length), .str.head(n), .str.tail(n)."

    def concat(self, delimiter: str = "", *, ignore_nulls: bool = True) -> Expression:
        """Return the texts of all rows of a group as one, in the order of the rows.

        Parameters
        ----------
        delimiter
            What stands between two of them.
        ignore_nulls
            Whether nulls are left out; else one makes the whole null.

        Examples
        --------
        >>> import partita as pt
        >>> pt.col("s").str.concat("-")
        implode(s).list.join("-")
        """
        texts = Agg("implode", self.expression.node)
        settings = (("ignore_nulls", bool(ignore_nulls)),)
        return self.expression._made(Call("list.join", (texts, literal(delimiter)), settings))

    join = concat


@dataclass(frozen=True, repr=False)
class TimeMethods(Namespace):
    """``.dt``: functions of dates, times, timestamps and durations."""

    _called: ClassVar[str] = ".dt"


@dataclass(frozen=True, repr=False)
class ListMethods(Namespace):
    """``.list``: functions of lists, those of a fixed size among them."""

    _called: ClassVar[str] = ".list"
    _picking: ClassVar[str] = " In lists: .list.get(index), .list.slice(offset, length)."

    def eval(self, expr: Any) -> Expression:
        """Return each list with an expression computed over its elements, ``pt.element()``.

        Parameters
        ----------
        expr
            An expression over ``pt.element()``, element by element.

        Examples
        --------
        >>> import partita as pt
        >>> pt.col("a").list.eval(pt.element() * 2)
        a.list.eval(element() * 2)
        """
        return self._over_elements(expr, keep=False)

    def filter(self, predicate: Any) -> Expression:
        """Return each list with only the elements for which `predicate` is true.

        Parameters
        ----------
        predicate
            A condition over ``pt.element()``.

        Examples
        --------
        >>> import partita as pt
        >>> pt.col("a").list.filter(pt.element() > 2)
        a.list.filter(element() > 2)
        """
        return self._over_elements(predicate, keep=True)

    def explode(self) -> NoReturn:
        """Raise: rows are added by the frame, ``df.explode("a")``.

        Examples
        --------
        >>> import partita as pt
        >>> pt.from_pydict({"a": [[1, 2]]}).explode("a").to_pydict()
        {'a': [1, 2]}
        """
        raise InvalidExpression(
            "An expression gives as many rows as it is given: for a row of its own for each"
            " element use df.explode('a') on the frame."
        )

    def _over_elements(self, expr: Any, *, keep: bool) -> Expression:
        function = self.expression._node_of(expr)
        for node in function.walk():
            if isinstance(node, Column):
                raise InvalidExpression(
                    f"Over the elements of a list there is pt.element() alone, but this reads the"
                    f" column {node.name!r}."
                )
            if isinstance(node, Agg):
                raise InvalidExpression(
                    f"An expression over elements gives one value for each of them, and"
                    f" {node.name} is over all. For each list: .list.{node.name}()."
                )
        return self.expression._made(ListEval(self.expression.node, function, keep))


@dataclass(frozen=True, repr=False)
class StructMethods(Namespace):
    """``.struct``: functions of structs."""

    _called: ClassVar[str] = ".struct"

    def __getitem__(self, key: Any) -> Any:
        """Return a field by its name, as ``.struct["a"]``."""
        return self.field(key)

    def with_fields(self, *exprs: Any, **named: Any) -> Expression:
        """Return each struct with further fields, or other values for those it has.

        Parameters
        ----------
        exprs, named
            Expressions; in them ``pt.field("a")`` is a field of the struct.

        Examples
        --------
        >>> import partita as pt
        >>> pt.col("s").struct.with_fields(c=pt.field("a") + 1)
        s.struct.with_fields(s.struct.field("a") + 1, names=('c',))
        """
        given = [self.expression._node_of(each) for each in _flat(exprs)]
        names = [_field_name(each) or output_name(each) for each in given]
        given += [self.expression._node_of(each) for each in named.values()]
        names += named
        struct = self.expression.node

        def of_struct(node: Expr) -> Expr:
            return struct if isinstance(node, EachElement) else node

        values = tuple(each.transform(of_struct) for each in given)
        options = (("names", tuple(names)),)
        return self.expression._made(Call("struct.with_fields", (struct, *values), options))


def _field_name(node: Expr) -> str:
    """Return the name of the field that ``pt.field("a") + 1`` begins with, empty for none."""
    for each in node.walk():
        if isinstance(each, Alias):
            return each.name
        if isinstance(each, Call) and each.name == "struct.field":
            return str(dict(each.options)["name"])
    return ""


def _flat(items: Iterable[Any]) -> list[Any]:
    return [each for item in items for each in (item if isinstance(item, list | tuple) else [item])]


@dataclass(frozen=True, repr=False)
class CategoryMethods(Namespace):
    """``.cat``: functions of categories, which are text with few different values."""

    _called: ClassVar[str] = ".cat"

    def get_categories(self) -> Expression:
        """Return the list of the categories that occur in a group, sorted.

        Examples
        --------
        >>> import partita as pt
        >>> pt.col("c").cat.get_categories()
        implode(c).list.unique().list.drop_nulls().list.sort()
        """
        values = self.expression._made(Agg("implode", self.expression.node))
        return values.list.unique().list.drop_nulls().list.sort()


@dataclass(frozen=True, repr=False)
class BinaryMethods(Namespace):
    """``.bin``: functions of binary values."""

    _called: ClassVar[str] = ".bin"


@dataclass(frozen=True, repr=False)
class NameMethods(Namespace):
    """``.name``: what the column is called, where an alias would have to know it: ``pt.all()``."""

    _called: ClassVar[str] = ".name"

    def prefix(self, prefix: str) -> Expression:
        """Return it under its column's name with `prefix` before it.

        >>> import partita as pt
        >>> pt.all().sum().name.prefix("sum_")
        sum(all()).name.prefix("sum_")
        """
        return self._renamed("prefix", prefix)

    def suffix(self, suffix: str) -> Expression:
        """Return it under its column's name with `suffix` behind it.

        >>> import partita as pt
        >>> pt.all().mean().name.suffix("_mean")
        mean(all()).name.suffix("_mean")
        """
        return self._renamed("suffix", suffix)

    def keep(self) -> Expression:
        """Return it under its column's own name, whatever alias it has.

        >>> import partita as pt
        >>> pt.col("a").alias("b").name.keep()
        a.alias("b").name.keep()
        """
        return self._renamed("keep")

    def map(self, function: Callable[[str], str]) -> Expression:
        """Return it under the name that `function` makes of its column's.

        >>> import partita as pt
        >>> pt.col("a").name.map(str.upper)
        a.name.map(upper)
        """
        if not callable(function):
            raise InvalidExpression(f"name.map wants a function of a name, found {function!r}.")
        return self._renamed("map", function)

    def to_uppercase(self) -> Expression:
        """Return it under its column's name in upper case.

        >>> import partita as pt
        >>> pt.col("a").name.to_uppercase()
        a.name.to_uppercase()
        """
        return self._renamed("to_uppercase")

    def to_lowercase(self) -> Expression:
        """Return it under its column's name in lower case.

        >>> import partita as pt
        >>> pt.col("A").name.to_lowercase()
        A.name.to_lowercase()
        """
        return self._renamed("to_lowercase")

    def replace(self, pattern: str, value: str, *, literal: bool = False) -> Expression:
        """Return it under its column's name with a pattern replaced, plain text if `literal`.

        >>> import partita as pt
        >>> pt.col("a.b").name.replace(".", "_", literal=True)
        col("a.b").name.replace(".", "_", True)
        """
        return self._renamed("replace", pattern, value, literal)

    def _renamed(self, how: str, *given: Any) -> Expression:
        if how not in ("map", "replace") and not all(isinstance(each, str) for each in given):
            raise InvalidExpression(f"name.{how} wants text, found {given[0]!r}.")
        return self.expression._made(Renamed(self.expression.node, how, given))


NAMESPACES: dict[str, type[Namespace]] = {
    "str": TextMethods,
    "dt": TimeMethods,
    "list": ListMethods,
    "struct": StructMethods,
    "cat": CategoryMethods,
    "bin": BinaryMethods,
    "name": NameMethods,
}
"""What comes before a function's name in ``FUNCTIONS`` -> the class that has its method."""


class WithNamespaces:
    """The namespaces of an expression."""

    @property
    def str(self) -> TextMethods:
        """The functions of text.

        Examples
        --------
        >>> import partita as pt
        >>> df = pt.from_pydict({"s": ["ab"]})
        >>> df.select(pt.col("s").str.len_chars()).to_pydict()
        {'s': [2]}
        """
        return TextMethods(_expression(self))

    @property
    def dt(self) -> TimeMethods:
        """The functions of dates, times, timestamps and durations.

        Examples
        --------
        >>> import partita as pt, datetime
        >>> df = pt.from_pydict({"d": [datetime.date(2024, 5, 1)]})
        >>> df.select(pt.col("d").dt.month()).to_pydict()
        {'d': [5]}
        """
        return TimeMethods(_expression(self))

    @property
    def list(self) -> ListMethods:
        """The functions of lists.

        Examples
        --------
        >>> import partita as pt
        >>> df = pt.from_pydict({"l": [[1, 2]]})
        >>> df.select(pt.col("l").list.sum()).to_pydict()
        {'l': [3]}
        """
        return ListMethods(_expression(self))

    @property
    def struct(self) -> StructMethods:
        """The functions of structs.

        Examples
        --------
        >>> import partita as pt
        >>> df = pt.from_pydict({"s": [{"a": 1}]})
        >>> df.select(pt.col("s").struct.field("a")).to_pydict()
        {'a': [1]}
        """
        return StructMethods(_expression(self))

    @property
    def cat(self) -> CategoryMethods:
        """The functions of categories.

        Examples
        --------
        >>> import partita as pt
        >>> df = pt.from_pydict({"c": ["b", "a", "b"]})
        >>> df.select(pt.col("c").cat.get_categories()).to_pydict()
        {'c': [['a', 'b']]}
        """
        return CategoryMethods(_expression(self))

    @property
    def bin(self) -> BinaryMethods:
        """The functions of binary values.

        Examples
        --------
        >>> import partita as pt
        >>> df = pt.from_pydict({"b": [b"ab"]})
        >>> df.select(pt.col("b").bin.size()).to_pydict()
        {'b': [2]}
        """
        return BinaryMethods(_expression(self))

    @property
    def name(self) -> NameMethods:
        """What it is called.

        Examples
        --------
        >>> import partita as pt
        >>> df = pt.from_pydict({"a": [1]})
        >>> df.select(pt.all().name.prefix("x_")).to_pydict()
        {'x_a': [1]}
        """
        return NameMethods(_expression(self))


def _expression(given: Any) -> Expression:
    """Return what has the namespaces as what it is: there is no other class that has them."""
    found: Expression = given
    return found


def no_method(name: str, owner: type, called: str) -> str:
    """Return the message for a method that `owner` has not, with where it is to be found."""
    known = [each for each in dir(owner) if not each.startswith("_")]
    elsewhere = [
        f".{short}.{name}"
        for short, other in NAMESPACES.items()
        if owner is not other and name in dir(other)
    ]
    if elsewhere:
        return f"{called} has no {name!r}. There is {' and '.join(elsewhere)}."
    close = did_you_mean(name, known)
    if close:
        return f"{called} has no {name!r}.{close}"
    if len(known) > 60:
        return f"{called} has no {name!r}. For its {len(known)} methods: help(pt.Expression)."
    return f"{called} has no {name!r}. It has: {', '.join(known)}."

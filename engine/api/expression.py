"""Expression: what users combine columns with. A thin wrapper over the nodes of ``expr``.

Its methods come from the tables ``FUNCTIONS`` and ``AGGREGATES`` (``aggregate_methods.py``); only
operators and what builds nodes of other kinds is written here. What begins an expression (``col``,
``lit``, ``when``) is in ``constructors.py``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, NoReturn

import pyarrow as pa

from ..errors import InvalidExpression, NotOffered
from ..expr.datatype import data_type
from ..expr.functions import FUNCTIONS
from ..expr.node import (
    Alias,
    Call,
    Cast,
    Column,
    Expr,
    Literal,
    Wildcard,
    is_pattern,
    literal,
)
from ..expr.python_values import found_list
from ..expr.text import text_of
from .absent import EXPRESSION
from .chosen_rows import number_of
from .methods import Given, documentation, method_of
from .namespaces import NAMESPACES, Namespace, WithNamespaces, no_method
from .numpy_functions import BOTH, ONE, check_ufunc, scalar_of
from .options import checked_calls
from .python_methods import PythonMethods
from .window_methods import WindowMethods
from .written_methods import WrittenMethods


@checked_calls
@dataclass(frozen=True, eq=False, repr=False)
class Expression(WindowMethods, PythonMethods, WrittenMethods, WithNamespaces):
    """A computation over columns; nothing is computed before a frame is collected.

    Combine with ``+ - * / // % **``, ``== != < <= > >=`` and ``& | ~``, or call its methods.

    Examples
    --------
    >>> import partita as pt
    >>> pt.col("amount") * 2 > 100
    amount * 2 > 100
    """

    node: Expr
    """What it is, for the engine."""

    def __repr__(self) -> str:
        return text_of(self.node)

    def __hash__(self) -> int:
        return hash(self.node)

    def __array_ufunc__(self, ufunc: Any, way: Any, *inputs: Any, **options: Any) -> Expression:
        """What ``np.log(a)`` is; numpy's scalars leave their operators to this, too."""
        check_ufunc(ufunc, way, options)
        name = ufunc.__name__
        if name in ONE:
            found: Expression = getattr(self, ONE[name])()
            return found
        return _call(BOTH[name], *(scalar_of(each) for each in inputs))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NoReturn:
        raise InvalidExpression(
            f"{self!r} holds no values that an array could be made of. In the place of np.where and"
            " np.select write pt.when(condition).then(x).otherwise(y); for values collect a frame."
        )

    def __bool__(self) -> NoReturn:
        """Raise, as a column has a truth value for each row: combine with ``&``, ``|``, ``~``.

        Examples
        --------
        >>> import partita as pt
        >>> (pt.col("a") > 1) & (pt.col("b") < 2)
        (a > 1) & (b < 2)
        """
        raise InvalidExpression(
            f"{self!r} has one truth value for each row, not one in all. Combine conditions with"
            " & (and), | (or) and ~ (not), each in brackets: (a > 1) & (b < 2). For a chain such"
            " as 1 < a < 2 write a.is_between(1, 2, closed='none'), for a in [1, 2]"
            " a.is_in([1, 2]). To choose a value for each row: pt.when(a > 1).then(x).otherwise(y)."
        )

    def __iter__(self) -> Iterator[NoReturn]:
        raise InvalidExpression(f"{self!r} holds no values to go through. Collect a frame first.")

    def __getitem__(self, key: Any) -> NoReturn:
        raise InvalidExpression(
            f"{self!r}[{key!r}] picks nothing. For rows: df.slice(offset, length), df.head(n). In"
            " structs: .struct.field(name), in lists: .list.get(index), in text: .str.slice(0, 2)."
        )

    def __contains__(self, item: object) -> NoReturn:
        raise InvalidExpression(
            f"'in' cannot look into {self!r}. For each row: .is_in([...]); in a frame: filter it."
        )

    def __getattr__(self, name: str) -> Any:
        if name in EXPRESSION:
            raise NotOffered(f"An expression has no {name!r}. {EXPRESSION[name]}")
        raise AttributeError(no_method(name, Expression, "An expression"))

    def __add__(self, other: Any) -> Expression:
        return _call("add", self, other)

    def __radd__(self, other: Any) -> Expression:
        return _call("add", other, self)

    def __sub__(self, other: Any) -> Expression:
        return _call("subtract", self, other)

    def __rsub__(self, other: Any) -> Expression:
        return _call("subtract", other, self)

    def __mul__(self, other: Any) -> Expression:
        return _call("multiply", self, other)

    def __rmul__(self, other: Any) -> Expression:
        return _call("multiply", other, self)

    def __truediv__(self, other: Any) -> Expression:
        return _call("divide", self, other)

    def __rtruediv__(self, other: Any) -> Expression:
        return _call("divide", other, self)

    def __floordiv__(self, other: Any) -> Expression:
        return _call("floor_divide", self, other)

    def __rfloordiv__(self, other: Any) -> Expression:
        return _call("floor_divide", other, self)

    def __mod__(self, other: Any) -> Expression:
        return _call("modulo", self, other)

    def __rmod__(self, other: Any) -> Expression:
        return _call("modulo", other, self)

    def __pow__(self, other: Any) -> Expression:
        return _call("power", self, other)

    def __rpow__(self, other: Any) -> Expression:
        return _call("power", other, self)

    def __eq__(self, other: object) -> Expression:  # type: ignore[override]
        return _call("eq", self, other)

    def __ne__(self, other: object) -> Expression:  # type: ignore[override]
        return _call("ne", self, other)

    def __lt__(self, other: Any) -> Expression:
        return _call("lt", self, other)

    def __le__(self, other: Any) -> Expression:
        return _call("le", self, other)

    def __gt__(self, other: Any) -> Expression:
        return _call("gt", self, other)

    def __ge__(self, other: Any) -> Expression:
        return _call("ge", self, other)

    def __and__(self, other: Any) -> Expression:
        return _call("and", self, other)

    def __rand__(self, other: Any) -> Expression:
        return _call("and", other, self)

    def __or__(self, other: Any) -> Expression:
        return _call("or", self, other)

    def __ror__(self, other: Any) -> Expression:
        return _call("or", other, self)

    def __xor__(self, other: Any) -> Expression:
        return _call("xor", self, other)

    def __rxor__(self, other: Any) -> Expression:
        return _call("xor", other, self)

    def __invert__(self) -> Expression:
        return _call("not", self)

    def __neg__(self) -> Expression:
        return _call("negate", self)

    def __pos__(self) -> Expression:
        return self

    def __abs__(self) -> Expression:
        return _call("abs", self)

    def __round__(self, digits: int | None = None) -> Expression:
        rounded: Expression = self.round(digits or 0)
        return rounded

    def alias(self, name: str) -> Expression:
        """Return it under another name.

        >>> import partita as pt
        >>> pt.col("a").alias("b")
        a.alias("b")
        """
        return Expression(Alias(self.node, name))

    def exclude(self, *names: Any) -> Expression:
        """Return several columns without these: names, regular expressions, types.

        >>> import partita as pt
        >>> pt.all().exclude("a")
        exclude("a")
        """
        if not isinstance(self.node, Wildcard):
            raise InvalidExpression(
                f"exclude leaves columns out of several, such as pt.all() or pt.col('^a.*$'), and"
                f" {self!r} is one."
            )
        gone = selected(names, "exclude")
        return Expression(replace(self.node, excluded=(*self.node.excluded, *gone)))

    def cast(self, dtype: Any, *, strict: bool = True) -> Expression:
        """Return it as another type.

        Parameters
        ----------
        dtype
            An Arrow type, its name such as ``"int64"``, or a Python type such as ``float``.
        strict
            Whether a value that does not fit raises; else it becomes null.

        Examples
        --------
        >>> import partita as pt
        >>> pt.col("a").cast(float)
        a.cast(double)
        """
        return Expression(Cast(self.node, data_type(dtype), strict))

    astype = cast

    def len(self) -> Expression:
        """Return the number of rows, nulls among them, as ``int64``.

        Examples
        --------
        >>> import partita as pt
        >>> pt.from_pydict({"a": [1, None]}).select(pt.col("a").len()).to_pydict()
        {'a': [2]}
        """
        return Expression(number_of(self.node))

    @staticmethod
    def _made(node: Expr) -> Expression:
        """Return an expression of another node, for methods that are written elsewhere."""
        return Expression(node)

    @staticmethod
    def _node_of(value: Any, *, names: bool = False) -> Expr:
        """Return the node that an argument stands for, for methods that are written elsewhere."""
        return to_expr(value, names=names)


def to_expr(value: Any, *, names: bool = False) -> Expr:
    """Return the node that `value` stands for.

    Parameters
    ----------
    value
        An `Expression`, a node, or a plain value, which becomes a literal.
    names
        Whether text is the name of a column rather than a literal.

    Raises
    ------
    InvalidExpression
        If it is a value that no column could hold.

    Examples
    --------
    >>> to_expr("a", names=True)
    Column(name='a')
    """
    if isinstance(value, Expression):
        return value.node
    if isinstance(value, Expr):
        return value
    if names and isinstance(value, str):
        if is_pattern(value):
            return Wildcard(names=(value,))
        return Wildcard() if value == "*" else Column(value)
    if callable(value):
        raise InvalidExpression(_not_called(value))
    if not isinstance(value, list | tuple) and hasattr(value, "__array__") and _length(value):
        raise InvalidExpression(
            f"A {type(value).__name__} of values cannot be a column: rows have no numbers that it"
            " could be matched by. Make a frame with a key of it, pt.from_pydict({...}), and"
            " .join() that; to look among its values use .is_in(values)."
        )
    if isinstance(value, Mapping) and any(isinstance(each, Expression) for each in value.values()):
        raise InvalidExpression(
            "A mapping of names to expressions is given as keywords: .with_columns(**{'a': ...}),"
            " .select(**{'a': ...})."
        )
    try:
        return literal(value)
    except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:
        raise InvalidExpression(
            f"{value!r} is neither an expression nor a value that a column can hold"
            f" ({type(value).__name__}: {error}). Write columns as pt.col(name)."
        ) from None


def selected(items: tuple[Any, ...], where: str) -> tuple[str | pa.DataType, ...]:
    """Return names and types of columns, those in lists among them.

    Raises
    ------
    InvalidExpression
        If one is neither.
    """
    found: list[str | pa.DataType] = []
    for item in items:
        for each in item if isinstance(item, list | tuple) else (item,):
            if isinstance(each, type | pa.DataType):
                found.append(data_type(each))
            elif isinstance(each, str):
                found.append(each)
            else:
                raise InvalidExpression(
                    f"{where} wants names as text, or types of columns, but this is {each!r}."
                )
    return tuple(found)


def is_method(value: Any) -> bool:
    """Whether `value` is a method of an expression that was not called, such as ``a.dt.hour``."""
    return isinstance(getattr(value, "__self__", None), Expression | Namespace)


def _not_called(value: Any) -> str:
    name = getattr(value, "__name__", type(value).__name__)
    if is_method(value):
        return f"{name!r} is a method here, not a property: write .{name}()."
    return (
        f"{name!r} is a function, and a column is an expression: pt.col('a') + 1. Functions of"
        " one's own go into df.map_batches(function), or are made of columns by pt.udf."
    )


def _length(value: Any) -> bool:
    """Whether `value` has a length, which a scalar of numpy or pandas has not."""
    try:
        len(value)
    except TypeError:
        return False
    return True


def _call(name: str, *values: Any) -> Expression:
    return Expression(Call(name, tuple(to_expr(value) for value in values)))


def _items(values: Any, name: str) -> Expr:
    """Return the list of the values to look among: a literal, or a column of lists."""
    frame = hasattr(values, "schema") and hasattr(values, "plan")
    if isinstance(values, Expression):
        return values.node
    if isinstance(values, str | bytes) or not isinstance(values, Iterable) or frame:
        raise InvalidExpression(
            f"{name} wants a list of plain values, but this is a {type(values).__name__}. To"
            " compare two columns use ==; for the values of another frame, .join(other, on=...,"
            " how='semi')."
        )
    plain = values.to_pylist() if hasattr(values, "to_pylist") else [*values]
    try:
        return Literal(found_list(plain))
    except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:
        raise InvalidExpression(f"{name} wants values of one type: {error}") from None


def _arguments(given: Given, name: str) -> tuple[Expr, ...]:
    """Return the nodes of the arguments that a method was given."""
    return tuple(
        _items(value, name) if parameter.items else to_expr(value, names=parameter.names)
        for parameter, value in given.arguments
    )


def call_of(name: str, given: Given, receiver: Expression | None = None) -> Expression:
    """Return a call of the function `name` with what a method was given."""
    first = () if receiver is None else (receiver.node,)
    return Expression(Call(name, (*first, *_arguments(given, name)), given.settings))


def _install_functions() -> None:
    owners: dict[str, type] = {"": Expression, **NAMESPACES}
    for function in FUNCTIONS.values():
        namespace, _, bare = function.name.rpartition(".")
        installed = function.method and not function.written
        names = ((bare,) if installed else ()) + function.also
        owner = owners[namespace]

        def build(self: Any, given: Given, name: str = function.name) -> Expression:
            receiver = self.expression if isinstance(self, Namespace) else self
            return call_of(name, given, receiver)

        for name in names:
            setattr(owner, name, method_of(function, build, name, owner.__name__))


OPERATORS = {
    "add": "__add__",
    "subtract": "__sub__",
    "multiply": "__mul__",
    "divide": "__truediv__",
    "floor_divide": "__floordiv__",
    "modulo": "__mod__",
    "power": "__pow__",
    "eq": "__eq__",
    "ne": "__ne__",
    "lt": "__lt__",
    "le": "__le__",
    "gt": "__gt__",
    "ge": "__ge__",
    "and": "__and__",
    "or": "__or__",
    "xor": "__xor__",
    "not": "__invert__",
    "negate": "__neg__",
}
"""Functions of the table -> the operators that users write for them."""


def _document_operators() -> None:
    for name, operator in OPERATORS.items():
        vars(Expression)[operator].__doc__ = documentation(FUNCTIONS[name])


_install_functions()
_document_operators()

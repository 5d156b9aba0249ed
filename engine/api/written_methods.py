"""Methods of an expression whose arguments an entry of ``FUNCTIONS`` cannot describe: mappings,
several conditions, bounds and their labels."""

from __future__ import annotations

import builtins
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from ..errors import InvalidExpression
from ..expr.datatype import data_type
from ..expr.node import Call, Cast, Literal
from ..expr.python_values import found_list
from .chosen_rows import aggregate_of

if TYPE_CHECKING:
    from .expression import Expression


class _NotGiven:
    """Stands for an argument that is left out, where None is a value."""

    def __repr__(self) -> str:
        return "<not given>"


_NOT_GIVEN: Any = _NotGiven()


class WrittenMethods:
    """The methods of an expression that are written by hand."""

    def and_(self, *others: Any) -> Expression:
        """Return whether this and all `others` are true; ``a.and_(b)`` is ``a & b``.

        >>> import partita as pt
        >>> pt.col("a").and_(pt.col("b"), pt.col("c"))
        a & b & c
        """
        return _chained(self, "and", others)

    def or_(self, *others: Any) -> Expression:
        """Return whether this or one of `others` is true; ``a.or_(b)`` is ``a | b``.

        >>> import partita as pt
        >>> pt.col("a").or_(pt.col("b"))
        a | b
        """
        return _chained(self, "or", others)

    def replace(self, old: Any, new: Any = _NOT_GIVEN) -> Expression:
        """Return the value, or another one in the place of certain values; the type stays.

        Parameters
        ----------
        old
            The value or values to replace, or a mapping of old to new values.
        new
            What comes in their place: one for all, or one for each.

        Examples
        --------
        >>> import partita as pt
        >>> pt.col("a").replace({1: 10, 2: 20})
        a.replace([1, 2], [10, 20])
        """
        return _replaced(self, "replace", *_pairs("replace", old, new))

    def replace_strict(
        self,
        old: Any,
        new: Any = _NOT_GIVEN,
        *,
        default: Any = _NOT_GIVEN,
        return_dtype: Any = None,
    ) -> Expression:
        """Return the new value of each value, which may be of another type.

        Parameters
        ----------
        old
            The value or values to replace, or a mapping of old to new values.
        new
            What comes in their place: one for all, or one for each.
        default
            What comes in the place of all others, a value or an expression; without it, a value
            that is not among the old ones (and is not null) raises.
        return_dtype
            The type of the result; that of the new values (and the default) by default.

        Examples
        --------
        >>> import partita as pt
        >>> pt.col("a").replace_strict({1: "one", 2: "two"}, default="many")
        a.replace_strict([1, 2], ["one", "two"], "many")
        """
        pairs = _pairs("replace_strict", old, new)
        more = () if default is _NOT_GIVEN else (default,)
        found = _replaced(self, "replace_strict", *pairs, *more)
        if return_dtype is None:
            return found
        return found._made(Cast(found.node, data_type(return_dtype)))

    def cut(
        self,
        breaks: Sequence[Any],
        *,
        labels: Sequence[str] | None = None,
        left_closed: bool = False,
        include_breaks: bool = False,
    ) -> Expression:
        """Return the interval that a number lies in, as text.

        Parameters
        ----------
        breaks
            Where the intervals meet, in ascending order; the outermost reach to infinity. Numbers,
            or expressions, such as aggregates.
        labels
            What the intervals are called, one more than there are breaks; ``(1, 5]`` and the like
            by default.
        left_closed
            Whether a break belongs to the interval above it rather than to that below.
        include_breaks
            Whether to give a struct of the interval's upper end, ``breakpoint``, and its label,
            ``category``.

        Examples
        --------
        >>> import partita as pt
        >>> df = pt.from_pydict({"a": [-1, 3, 9]})
        >>> df.select(pt.col("a").cut([0, 5], labels=["low", "middle", "high"])).to_pydict()
        {'a': ['low', 'middle', 'high']}
        >>> df.select(pt.col("a").cut([pt.col("a").mean()])).to_pydict()["a"][0]
        '(-inf, 3.6666666666666665]'
        """
        ends: builtins.list[Any] = [*breaks]
        computed = any(isinstance(each, type(self)) for each in ends)
        edges = () if computed else tuple(float(each) for each in ends)
        if list(edges) != sorted(set(edges)):
            raise InvalidExpression(f"cut wants breaks in ascending order, found {edges}.")
        settings = _cutting(
            len(ends), labels, left_closed=left_closed, include_breaks=include_breaks
        )
        me = _expression(self)
        args = [me._node_of(each) for each in ends] if computed else []
        return me._made(Call("cut", (me.node, *args), _sorted(breaks=edges, **settings)))

    def qcut(
        self,
        quantiles: Sequence[float] | int,
        *,
        labels: Sequence[str] | None = None,
        left_closed: bool = False,
        allow_duplicates: bool = False,
        include_breaks: bool = False,
    ) -> Expression:
        """Return which part of all values a number belongs to: `cut` at quantiles, as text.

        The quantiles are exact, so that all values come together; ``explain`` says so. Behind
        ``.over("k")`` they are those of each group.

        Parameters
        ----------
        quantiles
            Shares between 0 and 1, or a number of parts that hold about as many rows each.
        labels, left_closed, include_breaks
            As for `cut`; there is one label more than there are quantiles.
        allow_duplicates
            Whether equal quantiles leave out what is between them; else they are an error.

        Examples
        --------
        >>> import partita as pt
        >>> df = pt.from_pydict({"a": [1, 2, 3, 10]})
        >>> df.select(pt.col("a").qcut(2, labels=["less", "more"])).to_pydict()
        {'a': ['less', 'less', 'more', 'more']}
        >>> df.select(pt.col("a").qcut([0.25, 0.75])).to_pydict()["a"][:2]
        ['(-inf, 1.75]', '(1.75, 4.75]']
        """
        shares = _shares_of(quantiles)
        me = _expression(self)
        ends = tuple(
            aggregate_of(
                "quantile", me.node, settings=_sorted(interpolation="linear", quantile=each)
            )
            for each in shares
        )
        settings = _cutting(
            len(shares),
            labels,
            left_closed=left_closed,
            include_breaks=include_breaks,
            allow_duplicates=allow_duplicates,
        )
        return me._made(Call("cut", (me.node, *ends), _sorted(breaks=(), **settings)))


def _shares_of(quantiles: Sequence[float] | int) -> builtins.list[float]:
    if isinstance(quantiles, int) and not isinstance(quantiles, bool) and quantiles > 0:
        return [number / quantiles for number in range(1, quantiles)]
    wanted = "qcut wants shares between 0 and 1, as in .qcut([0.25, 0.75]), or a number of parts"
    if isinstance(quantiles, str) or not isinstance(quantiles, Iterable):
        raise InvalidExpression(f"{wanted}; found {quantiles!r}.")
    shares = sorted(quantiles)
    for share in shares:
        if not isinstance(share, int | float) or not 0 <= share <= 1:
            raise InvalidExpression(f"{wanted}; found {share!r}.")
    return [float(share) for share in shares]


def _cutting(breaks: int, labels: Sequence[str] | None, **flags: bool) -> dict[str, Any]:
    """Return settings of ``cut``; the labels have to be one more than there are breaks."""
    if labels is not None and len(labels) != breaks + 1:
        raise InvalidExpression(
            f"{breaks} breaks make {breaks + 1} intervals, but there are {len(labels)} labels."
        )
    named = None if labels is None else tuple(labels)
    return {"allow_duplicates": False, "labels": named} | {
        name: bool(flag) for name, flag in flags.items()
    }


def _sorted(**settings: Any) -> tuple[tuple[str, Any], ...]:
    return tuple(sorted(settings.items()))


def _expression(given: Any) -> Expression:
    """Return what has these methods as what it is: there is no other class that has them."""
    found: Expression = given
    return found


def _chained(first: WrittenMethods, name: str, others: Iterable[Any]) -> Expression:
    me = _expression(first)
    node = me.node
    for other in others:
        node = Call(name, (node, me._node_of(other)))
    return me._made(node)


def _pairs(name: str, old: Any, new: Any) -> tuple[Literal, Literal]:
    """Return the old and the new values, as lists of the same length."""
    if isinstance(old, Mapping):
        if new is not _NOT_GIVEN:
            raise InvalidExpression(f"{name}: a mapping says the new values already; leave `new`.")
        olds, news = list(old.keys()), list(old.values())
    else:
        if new is _NOT_GIVEN:
            raise InvalidExpression(f"{name} wants old and new values, or a mapping of them.")
        olds = _values(old)
        news = _values(new)
        if len(news) == 1 and len(olds) != 1:
            news = news * len(olds)
    if len(olds) != len(news):
        raise InvalidExpression(f"{name}: {len(olds)} old values and {len(news)} new ones.")
    try:
        return Literal(found_list(olds)), Literal(found_list(news), typed=True)
    except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:
        raise InvalidExpression(f"{name} wants plain values of one type: {error}") from None


def _values(given: Any) -> builtins.list[Any]:
    if isinstance(given, str | bytes) or not isinstance(given, Iterable):
        return [given]
    return given.to_pylist() if hasattr(given, "to_pylist") else [*given]


def _replaced(first: WrittenMethods, name: str, *args: Any) -> Expression:
    me = _expression(first)
    nodes = (each if isinstance(each, Literal) else me._node_of(each) for each in args)
    return me._made(Call(name, (me.node, *nodes)))

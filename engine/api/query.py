"""The text of ``df.query("a > 1 and b in ['x', 'y']")``, read into an expression.

Only names, constants and operators are understood; nothing of the text is ever run.
"""

from __future__ import annotations

import ast
import io
import operator
import tokenize
from collections.abc import Callable, Mapping
from typing import Any

from ..errors import InvalidExpression
from .constructors import col, lit
from .expression import Expression

_BINARY: Mapping[type[ast.AST], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
    ast.BitAnd: operator.and_,
    ast.BitOr: operator.or_,
}
_COMPARISONS: Mapping[type[ast.AST], Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}


def parse_query(text: str) -> Expression:
    """Return the predicate that `text` says.

    Parameters
    ----------
    text : str
        Columns by name (in backticks where the name is no identifier), numbers, strings, ``None``,
        ``True``, ``False``, arithmetic, comparisons (also chained), ``in`` and ``not in`` a list,
        ``and`` / ``&``, ``or`` / ``|``, ``not`` / ``~``.

    Raises
    ------
    InvalidExpression
        If it cannot be read, or says something else; the place is shown.

    Examples
    --------
    >>> import partita as pt
    >>> pt.from_pydict({"a": [1, 2, 3]}).query("1 < a <= 2 or a == 3").to_pydict()
    {'a': [2, 3]}
    """
    if not isinstance(text, str):
        raise InvalidExpression(f"query wants text, found {type(text).__name__}.")
    prepared, quoted = _prepared(text)
    try:
        tree = ast.parse(prepared, mode="eval")
    except (SyntaxError, ValueError, RecursionError) as error:
        raise InvalidExpression(f"query({text!r}) cannot be read: {error}.{_hint(text)}") from None
    try:
        found = _Reader(text, quoted).read(tree.body)
    except RecursionError:
        raise InvalidExpression(f"query({text[:60]!r}...) is nested too deeply.") from None
    return found if isinstance(found, Expression) else lit(found)


def _hint(text: str) -> str:
    return (
        " Variables of Python are not seen there: use .filter(pt.col('a') > x)."
        if "@" in text
        else ""
    )


def _prepared(text: str) -> tuple[str, dict[str, str]]:
    """Return `text` as Python: backticked names replaced, and ``&`` and ``|`` as and, or.

    In Python ``a > 1 & b > 2`` compares with ``1 & b``; what pandas and its users mean is
    ``(a > 1) & (b > 2)``, which the words say.
    """
    parts = text.strip().split("`")
    if len(parts) % 2 == 0:
        raise InvalidExpression(f"query({text!r}): a backtick is not closed.")
    quoted: dict[str, str] = {}
    for place in range(1, len(parts), 2):
        stand_in = f"_quoted_{place}_"
        quoted[stand_in] = parts[place]
        parts[place] = stand_in
    words = {"&": "and", "|": "or"}
    try:
        tokens = [
            (token.type, f" {words[token.string]} " if token.string in words else token.string)
            for token in tokenize.generate_tokens(io.StringIO("".join(parts)).readline)
        ]
    except (tokenize.TokenError, SyntaxError) as error:
        raise InvalidExpression(f"query({text!r}) cannot be read: {error}.") from None
    return tokenize.untokenize(tokens).strip(), quoted


class _Reader:
    """Reads one tree of Python's own grammar; what it has no method for is refused."""

    def __init__(self, text: str, quoted: Mapping[str, str]) -> None:
        self._text = text
        self._quoted = quoted

    def read(self, node: ast.AST) -> Any:
        """Return an `Expression`, or a plain value for a constant."""
        reader = getattr(self, f"_{type(node).__name__.lower()}", None)
        if reader is None:
            raise self._refused(node)
        return reader(node)

    def _name(self, node: ast.Name) -> Expression:
        return col(self._quoted.get(node.id, node.id))

    def _constant(self, node: ast.Constant) -> Any:
        if isinstance(node.value, str | int | float | bool | None):
            return node.value
        raise self._refused(node)

    def _list(self, node: ast.List | ast.Tuple) -> list[Any]:
        values = [self.read(item) for item in node.elts]
        if any(isinstance(value, Expression | list) for value in values):
            raise self._refused(node)
        return values

    _tuple = _list

    def _boolop(self, node: ast.BoolOp) -> Any:
        combine = operator.and_ if isinstance(node.op, ast.And) else operator.or_
        result = self._expression(node.values[0])
        for value in node.values[1:]:
            result = combine(result, self._expression(value))
        return result

    def _unaryop(self, node: ast.UnaryOp) -> Any:
        if isinstance(node.op, ast.Not | ast.Invert):
            return ~self._expression(node.operand)
        value = self.read(node.operand)
        if isinstance(value, str | list) or value is None:
            raise self._refused(node)
        return -value if isinstance(node.op, ast.USub) else value

    def _binop(self, node: ast.BinOp) -> Any:
        combine = _BINARY.get(type(node.op))
        if combine is None:
            raise self._refused(node)
        # One side is always an expression, so that no arithmetic of the text runs here.
        return combine(self._expression(node.left), self.read(node.right))

    def _compare(self, node: ast.Compare) -> Expression:
        result: Expression | None = None
        left: Any = self.read(node.left)
        for comparison, right_node in zip(node.ops, node.comparators, strict=True):
            right = self.read(right_node)
            part = self._one_comparison(node, comparison, left, right)
            result = part if result is None else result & part
            left = right
        assert result is not None
        return result

    def _one_comparison(
        self, node: ast.Compare, comparison: ast.cmpop, left: Any, right: Any
    ) -> Expression:
        if isinstance(left, list):
            raise self._refused(node)
        left = left if isinstance(left, Expression) else lit(left)
        if isinstance(comparison, ast.In | ast.NotIn):
            if not isinstance(right, list):
                raise self._refused(node)
            found = left.is_in(right)
            return found if isinstance(comparison, ast.In) else ~found
        if right is None:
            # As in pandas, a comparison with None asks for null.
            if isinstance(comparison, ast.Eq | ast.Is):
                return left.is_null()
            if isinstance(comparison, ast.NotEq | ast.IsNot):
                return left.is_not_null()
        compare = _COMPARISONS.get(type(comparison))
        if compare is None or isinstance(right, list):
            raise self._refused(node)
        return compare(left, right)

    def _expression(self, node: ast.AST) -> Expression:
        value = self.read(node)
        if isinstance(value, list):
            raise self._refused(node)
        return value if isinstance(value, Expression) else lit(value)

    def _refused(self, node: ast.AST) -> InvalidExpression:
        shown = ast.unparse(node)
        for stand_in, name in self._quoted.items():
            shown = shown.replace(stand_in, f"`{name}`")
        return InvalidExpression(
            f"query({self._text!r}): {shown!r} is not understood there. A query has names of"
            " columns, constants, + - * / // % **, comparisons, in [...], and, or, not. For all"
            " else use .filter(...) with expressions."
        )

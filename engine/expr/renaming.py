"""What ``.name`` makes of a column's name: an alias, as soon as it is known which column it is."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from ..errors import InvalidExpression
from .node import Alias, Expr, Renamed, output_name


def with_aliases(expr: Expr) -> Expr:
    """Return `expr` with every `Renamed` in it as the alias it means.

    >>> from .node import Column
    >>> with_aliases(Renamed(Column("a"), "suffix", ("_x",)))
    Alias(input=Column(name='a'), name='a_x')
    """

    def aliased(node: Expr) -> Expr:
        return Alias(node.input, new_name(node)) if isinstance(node, Renamed) else node

    return expr.transform(aliased) if any(isinstance(n, Renamed) for n in expr.walk()) else expr


def new_name(renamed: Renamed) -> str:
    """Return the name that a renaming makes of that which its input would have.

    >>> from .node import Column
    >>> new_name(Renamed(Alias(Column("a"), "b"), "prefix", ("x_",)))
    'x_b'
    """
    name = _own_name(renamed.input) if renamed.how == "keep" else output_name(renamed.input)
    made = _RENAMINGS[renamed.how](name, *renamed.given)
    if not isinstance(made, str):
        raise InvalidExpression(f"name.{renamed.how} gave {made!r}, which is no name.")
    return made


def _own_name(expr: Expr) -> str:
    """Return the name of the column that `expr` begins with, whatever it is called since."""
    bare = expr.transform(lambda node: node.input if isinstance(node, Alias) else node)
    return output_name(bare)


def _replaced(name: str, pattern: str, value: str, literal: bool) -> str:
    return name.replace(pattern, value) if literal else re.sub(pattern, value, name)


_RENAMINGS: dict[str, Callable[..., Any]] = {
    "prefix": lambda name, prefix: f"{prefix}{name}",
    "suffix": lambda name, suffix: f"{name}{suffix}",
    "keep": lambda name: name,
    "map": lambda name, function: function(name),
    "to_uppercase": str.upper,
    "to_lowercase": str.lower,
    "replace": _replaced,
}

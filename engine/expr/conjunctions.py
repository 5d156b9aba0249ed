"""Conditions as the parts that must all be true, and back."""

from __future__ import annotations

from .node import Call, Expr


def conjuncts(predicate: Expr) -> tuple[Expr, ...]:
    """Return the parts of a conjunction: ``a & (b & c)`` gives ``a``, ``b``, ``c``."""
    parts: list[Expr] = []
    stack = [predicate]
    while stack:
        part = stack.pop()
        if isinstance(part, Call) and part.name == "and":
            stack.extend(reversed(part.args))
        else:
            parts.append(part)
    return tuple(parts)


_LONGEST_CHAIN = 64


def conjunction(parts: tuple[Expr, ...]) -> Expr | None:
    """Return the conjunction of `parts`, None where there are none."""
    if not parts:
        return None
    if len(parts) > _LONGEST_CHAIN:
        # Trees are walked recursively: a chain of a thousand would be too deep for Python.
        halves = parts[: len(parts) // 2], parts[len(parts) // 2 :]
        return conjunction(tuple(half for part in halves if (half := conjunction(part))))
    result = parts[0]
    for part in parts[1:]:
        result = Call("and", (result, part))
    return result

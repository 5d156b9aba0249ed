"""What every node of an expression is: a tree that compares by structure and hashes once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

_HASH = "_hash"

_KEPT = "_kept"
"""Where a node keeps what was worked out of it."""


def _hash_once(self: Expr) -> int:
    found = self.__dict__.get(_HASH)
    if found is None:
        found = self.__dict__[_HASH] = hash((type(self), *self._hashed()))
    return found


@dataclass(frozen=True)
class Expr:
    """A node of an expression tree."""

    def __init_subclass__(cls, **more: Any) -> None:
        super().__init_subclass__(**more)
        # Trees are looked up in dicts at every level: hashing each anew would be quadratic. Said
        # here, before `dataclass` sees the class, so that it keeps this one.
        if cls.__dict__.get("__hash__") is None:
            cls.__hash__ = _hash_once  # type: ignore[assignment]

    def _hashed(self) -> tuple[Any, ...]:
        """Return what the hash is made of."""
        return tuple(getattr(self, name) for name in self.__dataclass_fields__)

    def __getstate__(self) -> dict[str, Any]:
        # Hashes of text differ from process to process.
        return {name: value for name, value in self.__dict__.items() if name not in (_HASH, _KEPT)}

    @property
    def kept(self) -> dict[str, Any]:
        """What was worked out of this node, for those who ask again."""
        found: dict[str, Any] | None = self.__dict__.get(_KEPT)
        if found is None:
            found = self.__dict__[_KEPT] = {}
        return found

    @property
    def children(self) -> tuple[Expr, ...]:
        """The nodes this one is computed from."""
        return ()

    def with_children(self, children: tuple[Expr, ...]) -> Expr:
        """Return this node over other children; the same object where nothing differs."""
        assert not children
        return self

    def walk(self) -> Iterator[Expr]:
        """Yield this node and all below it, parents first."""
        # A stack of our own: nested generators would hand every node up through all levels.
        stack: list[Expr] = [self]
        while stack:
            node = stack.pop()
            yield node
            stack.extend(reversed(node.children))

    def transform(self, function: Callable[[Expr], Expr]) -> Expr:
        """Return the tree with `function` applied to each node, children first."""
        children = tuple(child.transform(function) for child in self.children)
        unchanged = all(new is old for new, old in zip(children, self.children, strict=True))
        return function(self if unchanged else self.with_children(children))

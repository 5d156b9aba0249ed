"""The base of the logical nodes: inputs, schema, and where in the user's code it was written."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pyarrow as pa


@dataclass(frozen=True)
class Site:
    """A line of the user's code."""

    file: str
    line: int
    code: str = ""

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


_PACKAGE = Path(__file__).resolve().parents[1]
_OWN_FOLDERS = tuple(f"{_PACKAGE.parent / part}/" for part in (_PACKAGE.name, "partita", "io"))


def caller_site() -> Site | None:
    """Return the innermost line of the call stack that is not Partita's own."""
    frame = sys._getframe(1)
    while frame is not None:
        file = frame.f_code.co_filename
        if not file.startswith(_OWN_FOLDERS) and not file.startswith("<frozen"):
            # linecache reads the source only when a message is made, not here.
            return Site(file, frame.f_lineno)
        if frame.f_back is None:
            return None
        frame = frame.f_back
    return None


@dataclass(frozen=True, kw_only=True)
class PlanNode:
    """A node of the logical plan. It knows its inputs, never its parents.

    Subclasses compute their schema in `_schema`; building a node computes it, so that a node that
    does not make sense is never made.
    """

    site: Site | None = field(default=None, compare=False, repr=False)

    def __post_init__(self) -> None:
        # Computed now for its errors; kept by cached_property for later.
        _ = self.schema

    @functools.cached_property
    def schema(self) -> pa.Schema:
        """The logical columns this node gives."""
        return self._schema()

    def _schema(self) -> pa.Schema:
        raise TypeError(f"{type(self).__name__} does not say its schema")

    @property
    def inputs(self) -> tuple[PlanNode, ...]:
        """The nodes this one reads, left to right."""
        return ()

    def with_inputs(self, inputs: tuple[PlanNode, ...]) -> PlanNode:
        """Return this node over other inputs; the same object where nothing differs."""
        names = self._input_names()
        if all(new is old for new, old in zip(inputs, self.inputs, strict=True)):
            return self
        return replace(self, **dict(zip(names, inputs, strict=True)))  # type: ignore[arg-type]

    def _input_names(self) -> tuple[str, ...]:
        return ()

    def walk(self) -> Iterator[PlanNode]:
        """Yield every node once, inputs before those that read them."""
        # Without recursion: a loop of with_columns makes plans deeper than Python's stack.
        seen = {id(self)}
        stack = [(self, iter(self.inputs))]
        while stack:
            node, rest = stack[-1]
            child = next((child for child in rest if id(child) not in seen), None)
            if child is None:
                stack.pop()
                yield node
            else:
                seen.add(id(child))
                stack.append((child, iter(child.inputs)))

    def transform_up(self, function: Callable[[PlanNode], PlanNode]) -> PlanNode:
        """Return the plan with `function` applied to every node once, inputs first.

        A node that is shared by several parents stays shared.
        """
        done: dict[int, PlanNode] = {}
        for node in self.walk():
            inputs = tuple(done[id(child)] for child in node.inputs)
            done[id(node)] = function(node.with_inputs(inputs))
        return done[id(self)]

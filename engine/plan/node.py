"""The base of the logical nodes: inputs, schema, and where in the user's code it was written."""

from __future__ import annotations

import functools
import operator
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

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

    @functools.cached_property
    def kept(self) -> dict[str, Any]:
        """What was worked out of this node, for those who ask again: see `Known`."""
        return {}

    @property
    def nodes(self) -> tuple[PlanNode, ...]:
        """Every node of this plan once, inputs before those that read them; this one is last."""
        found: tuple[PlanNode, ...] | None = self.kept.get("nodes")
        if found is None:
            # Of itself, it would keep itself, and the data of its sources, from being freed.
            found = self.kept["nodes"] = tuple(_below(self))
        return (*found, self)

    def has(self, *kinds: type[PlanNode]) -> bool:
        """Return whether this plan has a node of one of these classes, for those who look first."""
        found: frozenset[type[PlanNode]] | None = self.kept.get("kinds")
        if found is None:
            found = self.kept["kinds"] = frozenset(map(type, self.nodes))
        return not found.isdisjoint(kinds)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "kept"}

    def _schema(self) -> pa.Schema:
        raise TypeError(f"{type(self).__name__} does not say its schema")

    @property
    def inputs(self) -> tuple[PlanNode, ...]:
        """The nodes this one reads, left to right."""
        return ()

    def with_inputs(self, inputs: tuple[PlanNode, ...]) -> PlanNode:
        """Return this node over other inputs; the same object where nothing differs."""
        before = self.inputs
        if _are(inputs, before):
            return self
        after = object.__new__(type(self))
        state = after.__dict__
        state.update(self.__dict__)
        state.pop("kept", None)
        state.update(self._over(inputs))
        if not all(map(_same_schema, inputs, before)):
            # Else all that is checked was checked when this node was built.
            del state["schema"]
            after.__post_init__()
        return after

    def _over(self, inputs: tuple[PlanNode, ...]) -> dict[str, Any]:
        """Return the fields that hold the inputs, holding `inputs`."""
        return {}

    def walk(self) -> Iterator[PlanNode]:
        """Yield every node once, inputs before those that read them."""
        return iter(self.nodes)

    def transform_up(self, function: Callable[[PlanNode], PlanNode]) -> PlanNode:
        """Return the plan with `function` applied to every node once, inputs first.

        A node that is shared by several parents stays shared.
        """
        done: dict[int, PlanNode] = {}
        for node in self.nodes:
            inputs = tuple([done[id(child)] for child in node.inputs])
            done[id(node)] = function(node.with_inputs(inputs))
        return done[id(self)]


def _below(plan: PlanNode) -> list[PlanNode]:
    """Return every node below `plan` once, inputs before those that read them."""
    # Without recursion: a loop of with_columns makes plans deeper than Python's stack.
    found: list[PlanNode] = []
    seen = {id(plan)}
    stack = [(plan, iter(plan.inputs))]
    while stack:
        node, rest = stack[-1]
        for child in rest:
            if id(child) not in seen:
                seen.add(id(child))
                inputs = child.inputs
                if inputs:
                    stack.append((child, iter(inputs)))
                    break
                found.append(child)
        else:
            stack.pop()
            found.append(node)
    found.pop()
    return found


def _are(inputs: tuple[PlanNode, ...], before: tuple[PlanNode, ...]) -> bool:
    """Return whether these are the same objects."""
    if len(inputs) != len(before):
        raise ValueError(f"A node with {len(before)} inputs is given {len(inputs)}.")
    return all(map(operator.is_, inputs, before))


def _same_schema(one: PlanNode, other: PlanNode) -> bool:
    return one.schema is other.schema or one.schema.equals(other.schema, check_metadata=True)

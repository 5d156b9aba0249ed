"""The nodes of a query with several results, and of Python functions whose results meet."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from .node import PlanNode
from .user_functions import OBJECTS

PART = "part"
"""The key under which the schema of a batch tells which of several results it belongs to."""


@dataclass(frozen=True, kw_only=True)
class Together(PlanNode):
    """Several results of one query; each keeps its own columns. Only the root of a plan."""

    parts: tuple[PlanNode, ...]

    @property
    def inputs(self) -> tuple[PlanNode, ...]:
        return self.parts

    def _over(self, inputs: tuple[PlanNode, ...]) -> dict[str, Any]:
        return {"parts": inputs}

    def _schema(self) -> pa.Schema:
        return pa.schema([(PART, pa.int64())])


class Argument:
    """Stands for what the input with this number gives, among the arguments of a call."""

    def __init__(self, number: int) -> None:
        self.number = number


@dataclass(frozen=True, eq=False)
class FunctionCall:
    """A Python function and its arguments; equal to itself alone, as it may give other things."""

    function: Callable[..., Any]
    args: tuple[Any, ...]
    named: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class RunFunction(PlanNode):
    """Call a Python function once, with what other nodes give; one row, the object it returns.

    What a `RunFunction` gives is handed on as the object; rows of other nodes as one Table.
    """

    call: FunctionCall
    arguments: tuple[PlanNode, ...] = ()

    @property
    def inputs(self) -> tuple[PlanNode, ...]:
        return self.arguments

    def _over(self, inputs: tuple[PlanNode, ...]) -> dict[str, Any]:
        return {"arguments": inputs}

    def _schema(self) -> pa.Schema:
        return OBJECTS

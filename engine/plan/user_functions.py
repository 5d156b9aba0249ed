"""The nodes that call a function of the user on more than a batch: on groups, and in a tree."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from .. import schema as schemas
from ..expr.evaluate import dtype_of
from .nodes import Named, Unary

VALUE = "value"
"""The name of a column that holds Python objects, pickled."""

OBJECTS = pa.schema([(VALUE, pa.large_binary())])


@dataclass(frozen=True, kw_only=True)
class MapGroups(Unary):
    """Call a Python function with all rows of each group; `declared` is what it returns."""

    keys: tuple[Named, ...]
    function: Callable[[Any], Any]
    declared: pa.Schema
    takes: str = "arrow"
    """What the function is given: ``arrow`` (a Table) or ``pandas`` (a DataFrame)."""

    maintain_order: bool = False

    def _schema(self) -> pa.Schema:
        _ = self.given
        return schemas.schema_of(self.declared, "map_groups")

    @property
    def given(self) -> pa.Schema:
        """What the function is given: all columns, then computed keys of other names."""
        before = self.input.schema
        fields = [(name, dtype_of(expr, before)) for name, expr in self.keys]
        return pa.schema(
            [
                *before,
                *(pa.field(*field) for field in fields if not schemas.has_column(before, field[0])),
            ]
        )


@dataclass(frozen=True, kw_only=True)
class Reduce(Unary):
    """Make one Python object of all rows: of each partition one, then of two and two one.

    Gives a single row with the object, pickled.
    """

    function: Callable[[Any], Any]
    """What is made of the rows of a partition."""

    combine: Callable[[Any, Any], Any]
    """What is made of two such objects, the earlier rows' first."""

    takes: str = "arrow"

    def _schema(self) -> pa.Schema:
        return OBJECTS

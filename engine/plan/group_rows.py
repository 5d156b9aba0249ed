"""`GroupRows`: the first or last rows of each group, as they are."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from .. import schema as schemas
from ..errors import SchemaError
from .nodes import Unary


@dataclass(frozen=True, kw_only=True)
class GroupRows(Unary):
    """The first `count` rows of each combination of `keys`, or the last; group after group."""

    keys: tuple[str, ...]
    count: int
    last: bool = False
    maintain_order: bool = False
    """Whether groups come in the order of their first rows."""

    def _schema(self) -> pa.Schema:
        for name in self.keys:
            schemas.field_index(self.input.schema, name, "group_by")
        if self.count < 0:
            raise SchemaError(f"A group cannot give {self.count} rows.")
        return self.input.schema

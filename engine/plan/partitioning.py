"""The nodes that are about how rows lie in partitions, not about which rows there are."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from .. import schema as schemas
from ..errors import SchemaError
from .nodes import Unary


@dataclass(frozen=True, kw_only=True)
class Repartition(Unary):
    """Cut the rows into other partitions: by number, by size, or by what keys have in common.

    Without `keys` the order of the rows is kept. With them all rows of a key are in one partition,
    where they keep their order.
    """

    count: int | None = None
    """So many partitions; of as many rows each, where there are no keys."""

    size: int | None = None
    """Bytes that a partition should have."""

    keys: tuple[str, ...] = ()

    def _schema(self) -> pa.Schema:
        for what, number in (("n", self.count), ("bytes", self.size)):
            if number is not None and number < 1:
                raise SchemaError(f"repartition({what}={number}): it is at least 1.")
        for name in self.keys:
            schemas.field_index(self.input.schema, name, "repartition")
        return self.input.schema


@dataclass(frozen=True, kw_only=True)
class TakePartitions(Unary):
    """The rows of the partitions with these numbers, counted from 0, in this order."""

    numbers: tuple[int, ...]

    def _schema(self) -> pa.Schema:
        return self.input.schema


@dataclass(frozen=True, kw_only=True)
class Cache(Unary):
    """A mark: what is below is made once for all that read it in one query."""

    def _schema(self) -> pa.Schema:
        return self.input.schema

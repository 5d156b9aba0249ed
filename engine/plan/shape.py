"""The logical nodes that change how rows lie: exploded, numbered, turned round, side by side."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from .. import schema as schemas
from ..errors import SchemaError, TypeMismatch
from .node import PlanNode
from .nodes import Unary

INDEX_TYPE = pa.int64()
"""Of row numbers, as of all counts."""


@dataclass(frozen=True, kw_only=True)
class Explode(Unary):
    """One row for each value of the lists in `columns`; the other columns are repeated.

    The lists of one row are equally long; their values come side by side. Order is kept.
    """

    columns: tuple[str, ...]
    empty_as_null: bool = False
    """Whether an empty list gives one row with null, rather than none."""

    keep_nulls: bool = True
    """Whether a null in the place of a list gives one row with null, rather than none."""

    def _schema(self) -> pa.Schema:
        if not self.columns:
            raise SchemaError("explode needs a column of lists, as in .explode('a').")
        fields = {field.name: field for field in self.input.schema}
        for name in self.columns:
            schemas.field_index(self.input.schema, name, "explode")
            if name not in fields or not is_list(fields[name].type):
                raise TypeMismatch(
                    f"explode makes rows of lists, and column {name!r} is"
                    f" {self.input.schema.field(name).type}. Leave it out, or make lists of it"
                    " first."
                )
            fields[name] = pa.field(name, fields[name].type.value_type)
        return schemas.schema_of(fields.values(), "explode")


def is_list(dtype: pa.DataType) -> bool:
    """Return whether values are lists that can be exploded."""
    return (
        pa.types.is_list(dtype)
        or pa.types.is_large_list(dtype)
        or pa.types.is_fixed_size_list(dtype)
    )


@dataclass(frozen=True, kw_only=True)
class RowIndex(Unary):
    """Number the rows from `offset`, in their order and over all partitions, as a first column."""

    name: str = "index"
    offset: int = 0

    def _schema(self) -> pa.Schema:
        own = pa.field(self.name, INDEX_TYPE)
        return schemas.schema_of([own, *self.input.schema], "with_row_index")


@dataclass(frozen=True, kw_only=True)
class RandomBits(Unary):
    """Give each row 63 bits that look random, as a first column of integers of 0 or more.

    They follow from `seed` and the row's number over all partitions alone.
    """

    name: str
    seed: int

    def _schema(self) -> pa.Schema:
        own = pa.field(self.name, INDEX_TYPE)
        return schemas.schema_of([own, *self.input.schema], "sample")


@dataclass(frozen=True, kw_only=True)
class Unnest(Unary):
    """Give the fields of the structs in `columns` as columns in their place; null for a null."""

    columns: tuple[str, ...]
    separator: str | None = None
    """Where given, a field is called ``struct + separator + field``."""

    def _schema(self) -> pa.Schema:
        for name in self.columns:
            dtype = self.input.schema.field(
                schemas.field_index(self.input.schema, name, "unnest")
            ).type
            if not pa.types.is_struct(dtype):
                raise TypeMismatch(
                    f"unnest makes columns of structs, and column {name!r} is {dtype}. For lists"
                    " there is .explode()."
                )
        fields = [
            pa.field(given, dtype)
            for field in self.input.schema
            for given, dtype in (
                self.made(field) if self.opens(field) else [(field.name, field.type)]
            )
        ]
        return schemas.schema_of(fields, "unnest")

    def opens(self, field: pa.Field) -> bool:
        """Return whether a column of the input is one that is opened."""
        return field.name in self.columns

    def made(self, field: pa.Field) -> list[tuple[str, pa.DataType]]:
        """Return names and types of the columns that a column of structs becomes."""
        before = "" if self.separator is None else f"{field.name}{self.separator}"
        return [
            (before + field.type.field(place).name, field.type.field(place).type)
            for place in range(field.type.num_fields)
        ]


@dataclass(frozen=True, kw_only=True)
class Reverse(Unary):
    """Give the rows in the opposite order."""

    def _schema(self) -> pa.Schema:
        return self.input.schema


@dataclass(frozen=True, kw_only=True)
class Beside(PlanNode):
    """Put the columns of all inputs side by side: row 0 with row 0, row 1 with row 1.

    Inputs that end early are filled up with null where `extend` says so, else that is an error.
    """

    parts: tuple[PlanNode, ...]
    extend: bool = False

    @property
    def inputs(self) -> tuple[PlanNode, ...]:
        return self.parts

    def _over(self, inputs: tuple[PlanNode, ...]) -> dict[str, Any]:
        return {"parts": inputs}

    def _schema(self) -> pa.Schema:
        if not self.parts:
            raise SchemaError("concat needs at least one frame.")
        fields = [field for part in self.parts for field in part.schema]
        return schemas.schema_of(fields, 'concat(how="horizontal")')

"""What Dask's users write for the columns that a function returns: ``meta=``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from ...io.convert import plain_type
from ..errors import SchemaError
from .columns import fields_of
from .frame import Frame


def schema_of_meta(meta: Any, where: str) -> pa.Schema:
    """Return the columns that Dask's ``meta=`` tells: names and types, or a frame without rows.

    Raises
    ------
    SchemaError
        If it tells none.
    """
    if isinstance(meta, Frame):
        return meta.schema
    if hasattr(meta, "dtypes") and hasattr(meta, "columns"):
        return pa.schema(
            (field.name, plain_type(field.type))
            for field in pa.Schema.from_pandas(meta, preserve_index=False)
        )
    if isinstance(meta, list) and all(isinstance(each, tuple) and len(each) == 2 for each in meta):
        meta = dict(meta)
    if not isinstance(meta, Mapping):
        raise SchemaError(
            f"{where}: meta= is a mapping of names to types or a DataFrame without rows, found"
            f" {type(meta).__name__}. A function returns a DataFrame, so that its result has a"
            " name."
        )
    return fields_of(meta, where)

"""What a user's function of a batch returns, found out by calling it on a batch without rows."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pyarrow as pa

from ...io.convert import plain_type
from ..errors import InvalidExpression, SchemaError, listed
from ..schema import has_column
from .pandas_index import tell_of_index

FORMS = ("arrow", "pandas")
"""What a function may be given."""


def check_callable(function: Any, where: str, of: str) -> None:
    """Raise `InvalidExpression` when `function` is none."""
    if not callable(function):
        raise InvalidExpression(
            f"{where} wants a function of {of}, found {type(function).__name__}."
        )


def probed_schema(
    function: Callable[[Any], Any], schema: pa.Schema, takes: str, where: str = "map_batches"
) -> pa.Schema:
    """Return the schema of what `function` makes of a batch of `schema`.

    Raises
    ------
    SchemaError
        If it raises on an empty batch, or what it returns does not tell all types; ``schema=`` has
        to be given then.
    """
    name = getattr(function, "__qualname__", type(function).__name__)
    empty = pa.RecordBatch.from_pylist([], schema=schema)
    try:
        result = function(empty.to_pandas() if takes == "pandas" else empty)
        if isinstance(result, Iterator):
            # A generator: what it yields first tells the columns of all that it yields.
            result = next(result, None)
    except (Exception, SystemExit) as error:
        raise SchemaError(
            f"{where} called {name} on an empty batch, to know what columns it gives, and it"
            f" raised {type(error).__name__}: {error}{_place(error)}. {_ADVICE}"
        ) from error
    found = _known_types(_schema_of(result, name, where), schema)
    unknown = [field.name for field in found if pa.types.is_null(field.type)]
    if unknown:
        raise SchemaError(
            f"{where} called {name} on an empty batch, and what it returned does not tell the"
            f" type of {listed(unknown)}. {_ADVICE}"
        )
    return found


def _known_types(found: pa.Schema, before: pa.Schema) -> pa.Schema:
    """Return `found` with the types of `before` for columns that do not tell theirs.

    pandas keeps dates, decimals and lists as Python objects, which have no type where there is no
    row; a column that has kept its name has most likely kept its type, and what the function
    returns is checked against it.
    """
    return pa.schema(
        before.field(field.name).with_nullable(True)
        if pa.types.is_null(field.type) and has_column(before, field.name)
        else field
        for field in found
    )


_ADVICE = (
    'Give its columns with schema=, such as schema={"a": "int64"}; for the same columns as before,'
    " schema=df.schema."
)


def _place(error: BaseException) -> str:
    """Return the innermost line of the user's own that `error` went through."""
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)[1:]
        if "site-packages" not in frame.filename and not frame.filename.endswith(".pxi")
    ]
    return f" ({frames[-1].filename}:{frames[-1].lineno})" if frames else ""


def _schema_of(result: Any, name: str, where: str) -> pa.Schema:
    if isinstance(result, pa.RecordBatch | pa.Table):
        # Arrow has told its types; they are kept as they are.
        return result.schema.remove_metadata()
    # In pandas 3 its classes say they are of "pandas", before that of "pandas.core.frame".
    if type(result).__module__.split(".")[0] == "pandas" and hasattr(result, "columns"):
        tell_of_index(result, f"what {name} returns")
        return _plain(pa.Schema.from_pandas(result, preserve_index=False))
    if isinstance(result, Mapping):
        return _plain(pa.RecordBatch.from_pydict(dict(result)).schema)
    if hasattr(result, "__arrow_c_stream__"):
        return _plain(pa.table(result).schema)
    raise SchemaError(
        f"A function of {where} returns a RecordBatch, a Table, a pandas DataFrame or a dict"
        f" of columns; {name} returned {type(result).__name__}."
    )


def _plain(schema: pa.Schema) -> pa.Schema:
    return pa.schema([(field.name, plain_type(field.type)) for field in schema])

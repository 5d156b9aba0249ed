"""A function of the user on its way: called with errors told, and what it returns checked."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from ..errors import PartitaError, SchemaError
from ..expr.python_values import exact_table
from ..expr.user_code import name_of, user_failure
from ..plan.node import Site
from ..plan.nodes import describe
from ..schema import carries, conform
from .stage import TaskContext


class ReturnedWrong(SchemaError):
    """What stands between the engine and a function found that this returned the wrong thing."""


@dataclass(frozen=True, kw_only=True)
class UserCode:
    """A function, and where the user asked for it."""

    function: Callable[..., Any]
    site: Site | None

    def call(self, context: TaskContext, *arguments: Any) -> Any:
        """Return what the function makes of `arguments`.

        Raises
        ------
        UserFunctionError
            If it raises.
        """
        try:
            return self.function(*arguments)
        except ReturnedWrong:
            raise
        except (Exception, SystemExit) as error:
            raise user_failure(self.function, error, self._place(context)) from error

    def call_named(
        self, context: TaskContext, arguments: Sequence[Any], named: Mapping[str, Any]
    ) -> Any:
        """Return what the function makes of arguments, some of them by name; see `call`."""
        bound = functools.partial(self.function, *arguments, **named)
        try:
            return bound()
        except (Exception, SystemExit) as error:
            raise user_failure(self.function, error, self._place(context)) from error

    def results(self, context: TaskContext, *arguments: Any) -> Iterator[Any]:
        """Yield what it returns; of an iterator, such as a generator, one thing after the other."""
        result = self.call(context, *arguments)
        if not isinstance(result, Iterator):
            yield result
            return
        while True:
            try:
                made = next(result)
            except StopIteration:
                return
            except (Exception, SystemExit) as error:
                raise user_failure(self.function, error, self._place(context)) from error
            yield made

    def checked(self, result: Any, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        """Yield what the function returned as batches of the declared schema.

        Raises
        ------
        SchemaError
            If it is something else; both are named.
        """
        try:
            for batch in self._as_batches(result, schema):
                yield self._conformed(batch, schema)
        except PartitaError:
            raise
        except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:
            raise SchemaError(
                f"What {name_of(self.function)}{self._asked()} returned cannot be read as"
                f" {describe(schema)}: {error}"
            ) from error

    def _place(self, context: TaskContext) -> str:
        asked = f", asked for in {self.site}" if self.site is not None else ""
        label = f" ({context.label})" if context.label else ""
        return f"{asked}, on partition {context.partition}{label}"

    def _conformed(self, batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
        fits = batch.schema.names == schema.names and all(
            carries(given.type, wanted.type)
            for given, wanted in zip(batch.schema, schema, strict=True)
        )
        if not fits:
            raise SchemaError(
                f"{name_of(self.function)}{self._asked()} declared {describe(schema)} and"
                f" returned {describe(batch.schema)}. Correct schema=, or cast in the function."
            )
        return conform(batch, schema)

    def _asked(self) -> str:
        return f" ({self.site})" if self.site is not None else ""

    def _as_batches(self, result: Any, schema: pa.Schema) -> list[pa.RecordBatch]:
        """Return a RecordBatch, Table, DataFrame or dict of columns as batches."""
        if isinstance(result, pa.RecordBatch):
            return [result]
        if isinstance(result, pa.Table):
            return result.to_batches()
        if isinstance(result, Mapping):
            _check_names(list(result), schema)
            # Lists and numpy arrays carry no exact type: they take the declared one.
            return exact_table(result, schema).to_batches()
        if _is_pandas(result):
            _check_names(sorted(map(str, result.columns)), schema, sorted(schema.names))
            columns = {str(name): column for name, column in result.items()}
            return exact_table(columns, schema).to_batches()
        if hasattr(result, "__arrow_c_stream__"):
            # Those of polars, whose text has a type of its own.
            table = pa.table(result)
            _check_names(table.column_names, schema)
            columns = dict(zip(table.column_names, table.columns, strict=True))
            return exact_table(columns, schema).to_batches()
        raise SchemaError(
            f"{name_of(self.function)}{self._asked()} has to return rows: a RecordBatch, a Table, a"
            f" DataFrame or a dict of columns; it returned {type(result).__name__}."
        )


def _check_names(found: list[str], schema: pa.Schema, wanted: list[str] | None = None) -> None:
    if found != (schema.names if wanted is None else wanted):
        raise SchemaError(f"The columns {found} were returned, {schema.names} were declared.")


def _is_pandas(result: Any) -> bool:
    """Return whether this is a DataFrame, without importing pandas to find out."""
    return any(
        kind.__name__ == "DataFrame" and kind.__module__.split(".")[0] == "pandas"
        for kind in type(result).__mro__
    )

"""Call a Python function once, with objects and tables that other tasks have made."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from ...expr.user_code import name_of
from ...plan.node import Site
from ...plan.together import PART, Argument, FunctionCall
from ...schema import conform
from ..stage import TaskContext
from ..user_code import UserCode
from .held import Held
from .reduce import object_batch, objects


@dataclass(frozen=True, kw_only=True)
class RunFunctionOnce:
    """Give one row with what the call returns; nothing comes in but the arguments, by the side.

    Tables are held whole, and refused if they may not be.
    """

    call: FunctionCall
    tables: tuple[pa.Schema | None, ...]
    """For each argument, the columns of a table, or None for an object."""

    site: Site | None

    @property
    def label(self) -> str:
        """What to call it in a profile."""
        return f"run {name_of(self.call.function)}"

    def execute(
        self, batches: Iterator[pa.RecordBatch], context: TaskContext
    ) -> Iterator[pa.RecordBatch]:
        """Give the one row."""
        with Held(context, self, copies=1, row_bytes=0) as held:
            known = [self._argument(number, held, context) for number in range(len(self.tables))]
            args = with_arguments(self.call.args, known)
            named = with_arguments(self.call.named, known)
            code = UserCode(function=self.call.function, site=self.site)
            made = object_batch(code.call_named(context, args, named))
        yield made

    def _argument(self, number: int, held: Held, context: TaskContext) -> Any:
        coming = context.side(number)
        schema = self.tables[number]
        if schema is None:
            (value,) = objects(coming)
            return value
        rows: list[pa.RecordBatch] = []
        for batch in coming:
            rows.append(conform(batch, schema))
            held.insist(rows[-1], f"A table for {name_of(self.call.function)}", _ADVICE)
        return pa.Table.from_batches(rows, schema=schema)


_ADVICE = "It is given all rows at once: raise memory_limit, or take fewer workers."


def with_arguments(value: Any, known: list[Any]) -> Any:
    """Return `value` with the arguments in it, also in lists, tuples and dicts, by their values."""
    if isinstance(value, Argument):
        return known[value.number]
    if type(value) in (list, tuple, set):
        return type(value)(with_arguments(each, known) for each in value)
    if isinstance(value, Mapping) and type(value) is dict:
        return {key: with_arguments(each, known) for key, each in value.items()}
    return value


@dataclass(frozen=True, kw_only=True)
class MarkRows:
    """Have batches say which of several results they belong to."""

    part: int

    @property
    def label(self) -> str:
        """What to call it in a profile."""
        return f"result {self.part}"

    def execute(
        self, batches: Iterator[pa.RecordBatch], context: TaskContext
    ) -> Iterator[pa.RecordBatch]:
        """Stream the batches, marked."""
        for batch in batches:
            yield batch.replace_schema_metadata({PART: str(self.part)})

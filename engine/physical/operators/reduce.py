"""Make Python objects of partitions, and one of several."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import cloudpickle
import pyarrow as pa

from ...expr.user_code import name_of
from ...plan.node import Site
from ...plan.user_functions import OBJECTS, VALUE
from ...schema import conform
from ..stage import TaskContext
from ..user_code import UserCode


def object_batch(value: Any) -> pa.RecordBatch:
    """Return a row with a Python object, pickled by value."""
    return pa.RecordBatch.from_arrays(
        [pa.array([cloudpickle.dumps(value)], pa.large_binary())], schema=OBJECTS
    )


def objects(batches: Iterator[pa.RecordBatch]) -> Iterator[Any]:
    """Yield the Python objects of such rows; they come from tasks, never from a file."""
    for batch in batches:
        for value in batch.column(VALUE):
            yield cloudpickle.loads(value.as_buffer())


@dataclass(frozen=True, kw_only=True)
class ReduceRows:
    """Give one row with what `function` makes of all rows of the partition."""

    function: Callable[[Any], Any]
    given: pa.Schema
    takes: str
    site: Site | None

    empty: bool = False
    """Whether it is called without rows too."""

    @property
    def label(self) -> str:
        """What to call it in a profile."""
        return f"reduce {name_of(self.function)}"

    def execute(
        self, batches: Iterator[pa.RecordBatch], context: TaskContext
    ) -> Iterator[pa.RecordBatch]:
        """Stream the one row, once the input is at its end."""
        held = []
        for batch in batches:
            context.check()
            held.append(conform(batch, self.given))
        table = pa.Table.from_batches(held, schema=self.given)
        if table.num_rows or self.empty:
            code = UserCode(function=self.function, site=self.site)
            given = table.to_pandas() if self.takes == "pandas" else table
            yield object_batch(code.call(context, given))


@dataclass(frozen=True, kw_only=True)
class CombineObjects:
    """Give one row with what `function` makes of the objects that come, two and two, in order."""

    function: Callable[[Any, Any], Any]
    site: Site | None

    @property
    def label(self) -> str:
        """What to call it in a profile."""
        return f"combine {name_of(self.function)}"

    def execute(
        self, batches: Iterator[pa.RecordBatch], context: TaskContext
    ) -> Iterator[pa.RecordBatch]:
        """Stream the one row, or none where nothing comes."""
        code = UserCode(function=self.function, site=self.site)
        coming = objects(batches)
        for first in coming:
            made = first
            for value in coming:
                context.check()
                made = code.call(context, made, value)
            yield object_batch(made)

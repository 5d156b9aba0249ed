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
from .held import Held


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
    """Give one row with what `function` makes of all rows of the partition.

    It is given all of them whatever memory there is, as what it makes of parts that are cut by what
    is free, and combined, may have other bits. What may not be held is refused.
    """

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
        with Held(context, self, copies=2, row_bytes=0) as held:
            logical = (conform(batch, self.given) for batch in batches)
            rows = held.all(logical, context, f"A partition for {name_of(self.function)}", _ADVICE)
            table = pa.Table.from_batches(rows, schema=self.given)
            if not table.num_rows and not self.empty:
                return
            code = UserCode(function=self.function, site=self.site)
            given = table.to_pandas() if self.takes == "pandas" else table
            made = object_batch(code.call(context, given))
        yield made


_ADVICE = "Set partition_bytes lower, raise memory_limit, or take fewer workers."


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

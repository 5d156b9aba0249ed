"""Apply a Python function of the user to batches."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from ...expr.user_code import name_of
from ...plan.node import Site
from ...schema import conform
from ..kernels.concat import concat, slices
from ..memory import Halved, Labelled
from ..stage import TaskContext
from ..user_code import UserCode
from .held import Held


@dataclass(frozen=True, kw_only=True)
class MapBatchesRows:
    """Call `function` with each batch, or once with all rows of the partition.

    It may return a RecordBatch, a Table, a pandas DataFrame or a dict of columns, or an iterator of
    these; what it returns is checked against `schema`.
    """

    function: Callable[[Any], Any]
    given: pa.Schema
    """The columns it is called with, as the user knows them: text is text."""

    schema: pa.Schema
    """The columns it has to return."""

    takes: str
    """What it is given: ``arrow`` (a RecordBatch) or ``pandas`` (a DataFrame)."""

    whole_partition: bool
    site: Site | None
    """Where the user asked for it."""

    @property
    def label(self) -> str:
        """What to call it in a profile."""
        return f"map {name_of(self.function)}"

    def execute(
        self, batches: Iterator[pa.RecordBatch], context: TaskContext
    ) -> Iterator[pa.RecordBatch]:
        """Stream what the function makes of the batches."""
        code = UserCode(function=self.function, site=self.site)
        logical = (conform(batch, self.given) for batch in batches)
        given = whole(logical, self, context) if self.whole_partition else logical
        halved = Halved(context.memory, grows=True)
        if not self.whole_partition:
            given = halved.all(logical)
        for batch in given:
            context.check()
            if not batch.num_rows:
                continue
            argument = batch.to_pandas() if self.takes == "pandas" else batch
            largest = 0
            for result in code.results(context, argument):
                for made in code.checked(result, self.schema):
                    largest = max(largest, made.nbytes)
                    yield from slices(made, context.batch_rows)
            halved.made(batch.num_rows, largest)


def whole(
    batches: Iterator[pa.RecordBatch], of: Labelled, context: TaskContext
) -> Iterator[pa.RecordBatch]:
    """Yield all rows as one batch, and none if there are no rows."""
    with Held(context, of, copies=2, row_bytes=0) as held:
        for batch in batches:
            context.check()
            held.insist(batch, "A function of whole partitions", _ADVICE)
        if held.batches:
            yield concat(held.batches)


_ADVICE = (
    "Set partition_bytes lower, raise memory_limit, or give the function batches"
    " (whole_partition=False)."
)

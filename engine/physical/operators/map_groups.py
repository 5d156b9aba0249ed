"""Call a Python function of the user with the rows of each group."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa

from ...expr.user_code import name_of
from ...plan.node import Site
from ...schema import conform
from ..kernels.concat import concat, slices
from ..kernels.group import group_ids
from ..stage import TaskContext
from ..user_code import UserCode
from .held import PLACE, with_place
from .parts import InParts


@dataclass(frozen=True, kw_only=True)
class MapGroupsRows:
    """Call `function` with each group of the partition, which has to hold whole groups.

    Groups come in the order of their first rows, and rows within them as they came. A group is
    given whole: one that may not be held is refused. Where the process is near its share, the
    groups of fewer rows are brought together at once.
    """

    keys: tuple[str, ...]
    function: Callable[[Any], Any]
    given: pa.Schema
    """The columns it is called with."""

    schema: pa.Schema
    """The columns it has to return."""

    takes: str
    """What it is given: ``arrow`` (a Table) or ``pandas`` (a DataFrame)."""

    site: Site | None

    @property
    def label(self) -> str:
        """What to call it in a profile."""
        return f"map groups {name_of(self.function)} by {', '.join(self.keys)}"

    def execute(
        self, batches: Iterator[pa.RecordBatch], context: TaskContext
    ) -> Iterator[pa.RecordBatch]:
        """Stream what the function makes of the groups, in batches of their own size."""
        parts = InParts(
            context=context,
            of=self,
            keys=lambda batch: [batch.column(name) for name in self.keys],
            make=partial(self._made, context),
            what=f"A group of {name_of(self.function)}",
            advice="Raise memory_limit, take fewer workers, or choose keys that fewer rows share.",
            grows=True,
        )
        yield from parts.given(batches)

    def _made(
        self, context: TaskContext, batches: list[pa.RecordBatch], /, *, placed: bool
    ) -> Iterator[pa.RecordBatch]:
        """Stream what the function makes of groups; as places, those of their first rows."""
        code = UserCode(function=self.function, site=self.site)
        held: list[pa.RecordBatch] = []
        rows = 0
        batch = concat(batches)
        batches.clear()
        for group, place in self._groups(batch, placed):
            context.check()
            for result in code.results(context, group):
                for made in code.checked(result, self.schema):
                    places = pa.array(np.full(made.num_rows, place))
                    held.append(with_place(made, places) if placed else made)
                    rows += made.num_rows
            if rows >= context.batch_rows:
                yield from slices(concat(held), context.batch_rows)
                held, rows = [], 0
        if rows:
            yield from slices(concat(held), context.batch_rows)

    def _groups(self, batch: pa.RecordBatch, placed: bool) -> Iterator[tuple[Any, int]]:
        groups = group_ids([batch.column(name) for name in self.keys], batch.num_rows)
        # One sort and one take; each group is then a slice of neighbours.
        order = np.argsort(groups.ids, kind="stable")
        ends = np.cumsum(np.bincount(groups.ids, minlength=groups.count)).tolist()
        shown = conform(batch.select(self.given.names).take(pa.array(order)), self.given)
        start = 0
        places = batch.column(PLACE).to_numpy() if placed else np.arange(batch.num_rows)
        for end, place in zip(ends, places[groups.first_rows].tolist(), strict=True):
            piece = shown.slice(start, end - start)
            start = end
            given = piece.to_pandas() if self.takes == "pandas" else pa.Table.from_batches([piece])
            yield given, place

"""Compute columns row by row."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow as pa

from ...expr.evaluate import evaluate_many
from ...expr.node import Expr
from ...expr.python_call import has_python_call
from ...plan.nodes import Named
from ..memory import Halved
from ..stage import TaskContext


@dataclass(frozen=True, kw_only=True)
class Compute:
    """Give the columns `exprs`, and these only; what several of them share is computed once."""

    exprs: tuple[Named, ...]
    schema: pa.Schema
    """The logical columns; text may be carried as a dictionary."""

    @property
    def label(self) -> str:
        """What to call it in a profile."""
        names = [name for name, _ in self.exprs]
        shown = ", ".join(names[:4]) + (", ..." if len(names) > 4 else "")
        return f"compute {shown}"

    def execute(
        self, batches: Iterator[pa.RecordBatch], context: TaskContext
    ) -> Iterator[pa.RecordBatch]:
        """Stream the columns of each batch."""
        names = [name for name, _ in self.exprs]
        exprs: list[Expr] = [expr for _, expr in self.exprs]
        halved = None
        if any(has_python_call(expr) for expr in exprs):
            halved = Halved(context.memory, grows=True)
            batches = halved.all(batches)
        for batch in batches:
            context.check()
            if not batch.num_rows:
                continue
            if not exprs:
                # A batch made of no columns would forget how many rows it has.
                yield batch.select([])
                continue
            made = pa.RecordBatch.from_arrays(evaluate_many(exprs, batch), names=names)
            if halved is not None:
                halved.made(batch.num_rows, made.nbytes)
            yield made

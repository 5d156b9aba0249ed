"""Combine the rows for which a value of one side lies in an interval of the other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from ...expr.node import Expr
from ...expr.text import text_of
from ...plan.joins import RangeEnd
from ..kernels.ranges import Edge, SortedPoints, pairs, sorted_points, within
from ..stage import TaskContext
from .build_side import Rows, WholeRead, key_columns, paired


@dataclass(frozen=True, kw_only=True)
class _Built:
    """The side input: its rows, and its values in order where it is the side of the values."""

    rows: Rows
    points: SortedPoints | None


@dataclass(frozen=True, kw_only=True)
class SearchRange:
    """Sort the values and find those of each interval with two binary searches.

    The values of the side input are sorted once, those of the streamed side batch by batch. Pairs
    are made in batches of at most `batch_rows`. The side input is held by each process, and refused
    if it is more than may be.
    """

    point: Expr
    low: RangeEnd | None
    high: RangeEnd | None
    dtype: pa.DataType
    """The type in which values and ends are compared."""

    point_side: str
    """Which side the values are of; the intervals are of the other."""

    side: int
    swap: bool
    """Whether the left is the side input and the right streams."""

    output: tuple[tuple[str, str, str], ...]
    """The columns given: ``left`` or ``right``, the name there, the name given."""

    build_schema: pa.Schema
    id: str
    """What the side input is called in the cache: all tasks read the same."""

    @property
    def label(self) -> str:
        """What to call it in a profile."""
        return f"range join ({text_of(self.point)})"

    @property
    def _build_role(self) -> str:
        return "left" if self.swap else "right"

    @property
    def _builds_points(self) -> bool:
        return self.point_side == self._build_role

    def execute(
        self, batches: Iterator[pa.RecordBatch], context: TaskContext
    ) -> Iterator[pa.RecordBatch]:
        """Stream the pairs of each probe batch."""
        for batch in batches:
            context.check()
            if not batch.num_rows:
                continue
            # Not before there is a row: an expression may raise only for rows that have a pair.
            built = self._built(context)
            if not built.rows.count:
                return
            context.count("rows_probed", batch.num_rows)
            most = context.memory.rows_at_once(context.batch_rows, batch, built.rows.rows)
            for probe, build in self._places(batch, built, most):
                context.check()
                yield paired(batch, built.rows, self._build_role, self.output, probe, build)

    def _ends(self) -> list[Expr]:
        return [end.expr for end in (self.low, self.high) if end is not None]

    def _keys(self, batch: pa.RecordBatch, points: bool) -> list[pa.Array]:
        exprs = [self.point] if points else self._ends()
        return key_columns(exprs, [self.dtype] * len(exprs), batch, nulls_equal=False)

    def _built(self, context: TaskContext) -> _Built:
        asked = self.point, self.low, self.high, self.dtype
        key = "range join", self.id, self.swap, asked, self.output
        if key not in context.cache:
            exprs = [self.point] if self._builds_points else self._ends()
            wanted = [name for role, name, _ in self.output if role == self._build_role]
            types = [self.dtype] * len(exprs)
            whole = WholeRead(
                of=self,
                side=self.side,
                on=exprs,
                types=types,
                wanted=wanted,
                logical=self.build_schema,
            )
            rows = whole.rows(context)
            points = sorted_points(rows.keys[0]) if self._builds_points else None
            context.cache[key] = _Built(rows=rows, points=points)
        built: _Built = context.cache[key]
        return built

    def _places(
        self, batch: pa.RecordBatch, built: _Built, most: int
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield the rows of the batch and of the build side that make pairs."""
        if built.points is not None:
            points = built.points
            for probe, place in pairs(*self._within(points, self._keys(batch, False)), most):
                yield probe, points.rows[place]
            return
        points = sorted_points(self._keys(batch, True)[0])
        for build, place in pairs(*self._within(points, built.rows.keys), most):
            yield points.rows[place], build

    def _within(self, points: SortedPoints, ends: list[pa.Array]) -> tuple[np.ndarray, np.ndarray]:
        low = None if self.low is None else Edge(values=ends[0], inclusive=self.low.inclusive)
        high = None if self.high is None else Edge(values=ends[-1], inclusive=self.high.inclusive)
        return within(points, low, high)

"""Put beside each row the row of the other side that is nearest in an order."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import pyarrow as pa

from ...expr.node import Expr
from ...expr.text import text_of
from ...schema import decoded
from ..kernels.asof import AsofIndex, build_asof, find_asof
from ..kernels.concat import take
from ..kernels.words import integers, storage
from ..stage import KeyRange, TaskContext
from .build_side import COPIES, ROW_BYTES, Rows, WholeRead, key_columns, read_whole
from .held import PLACE, Held, held_whole
from .spilled_join import SpilledJoin


@dataclass(frozen=True, kw_only=True)
class _Built:
    rows: Rows
    index: AsofIndex


@dataclass(frozen=True, kw_only=True)
class FindAsof:
    """Give every row of the left, in order, with the row of the right that is found for it.

    The right is a side input, sorted here: all of it, the keys of a slot, or a range of the order
    with the rows next to it. Where it may not be held, both sides are put aside by a hash of their
    keys; without keys, or in a range, it is refused.
    """

    left_on: Expr
    right_on: Expr
    left_by: tuple[Expr, ...]
    right_by: tuple[Expr, ...]
    types: tuple[pa.DataType, ...]
    """The type of the order, then those of the keys, in which they are compared."""

    strategy: str
    exact: bool
    tolerance: int | float | None
    side: int
    output: tuple[tuple[str, str, str], ...]
    """The columns given: ``left`` or ``right``, the name there, the name given."""

    right_schema: pa.Schema
    id: str
    """What the side input is called in the cache."""

    shared: bool = False
    """Whether all tasks read the same: it is sorted once per process then."""

    ranged: bool = False
    """Whether the batches of the right are sorted, and only a range of them is wanted."""

    @property
    def label(self) -> str:
        """What to call it in a profile."""
        return f"asof join ({text_of(self.left_on)} {self.strategy})"

    def execute(
        self, batches: Iterator[pa.RecordBatch], context: TaskContext
    ) -> Iterator[pa.RecordBatch]:
        """Stream the rows of the left with what is found for them."""
        kept = self._kept(context) if self.shared else None
        if kept is not None:
            yield from self._joined(batches, kept, context)
            return
        with Held(context, self, COPIES, ROW_BYTES) as held:
            side = context.side(self.side)
            if self.ranged:
                side = self._near(side, context.key_range)
            rest = held_whole(side, held, context)
            while rest is not None:
                batch = next(rest)
                if self.left_by and not self.ranged:
                    whole = itertools.chain(held.batches, [batch], rest)
                    yield from self._spilled(context).given(batches, whole, held)
                    return
                held.insist(batch, self._what, _ADVICE)
                rest = held_whole(rest, held, context)
            yield from self._joined(batches, self._build(held.batches, context), context)

    @property
    def _what(self) -> str:
        return f"{self.label[0].upper()}{self.label[1:]}"

    def _spilled(self, context: TaskContext) -> SpilledJoin:
        """Return how the join is done where its right may not be held: by parts of the keys."""
        inner = replace(self, output=(*self.output, ("left", PLACE, PLACE)))

        def join(
            left: Iterator[pa.RecordBatch], right: list[pa.RecordBatch]
        ) -> Iterator[pa.RecordBatch]:
            yield from inner._joined(left, inner._build(right, context), context)

        def keys(on: tuple[Expr, ...], batch: pa.RecordBatch) -> list[pa.Array]:
            return key_columns(on, self.types[1:], batch, nulls_equal=False)

        return SpilledJoin(
            context=context,
            of=self,
            join=join,
            probe_keys=partial(keys, self.left_by),
            build_keys=partial(keys, self.right_by),
            what=self._what,
            advice=_ADVICE,
        )

    def _joined(
        self, batches: Iterator[pa.RecordBatch], built: _Built, context: TaskContext
    ) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            context.check()
            if not batch.num_rows:
                continue
            on, *by = key_columns(
                (self.left_on, *self.left_by), self.types, batch, nulls_equal=False
            )
            context.count("rows_probed", batch.num_rows)
            found = find_asof(
                built.index,
                on,
                by,
                strategy=self.strategy,
                exact=self.exact,
                tolerance=self.tolerance,
            )
            yield self._combined(batch, built.rows, found)

    def _combined(self, batch: pa.RecordBatch, right: Rows, found: np.ndarray) -> pa.RecordBatch:
        rows = take(right.rows, pa.array(found, mask=found < 0), right.schema)
        columns = [
            batch.column(name) if role == "left" else rows.column(name)
            for role, name, _ in self.output
        ]
        return pa.RecordBatch.from_arrays(columns, names=[given for _, _, given in self.output])

    def _kept(self, context: TaskContext) -> _Built | None:
        """Return the side that all tasks read, reserved once in a process; None if it is refused.

        Without keys, by which rows could be put aside, `MemoryLimitExceeded` is raised.
        """
        key = "asof join", self.id, self.right_on, self.right_by, self.types, self.output
        if key not in context.cache:
            on, types, wanted, schema = self._read
            whole = WholeRead(
                of=self, side=self.side, on=on, types=types, wanted=wanted, logical=schema
            )
            read = whole.granted(context) if self.left_by else whole.rows(context)
            if read is None:
                return None
            context.cache[key] = self._indexed(read)
        built: _Built = context.cache[key]
        return built

    @property
    def _read(self) -> tuple[Sequence[Expr], Sequence[pa.DataType], Sequence[str], pa.Schema]:
        """What is read of the right; see `read_whole`."""
        wanted = [name for role, name, _ in self.output if role == "right"]
        return (self.right_on, *self.right_by), self.types, wanted, self.right_schema

    def _build(self, batches: list[pa.RecordBatch], context: TaskContext) -> _Built:
        rows = read_whole(iter(batches), context, *self._read)
        context.count("rows_built", rows.count)
        return self._indexed(rows)

    def _indexed(self, rows: Rows) -> _Built:
        on, *by = rows.keys
        return _Built(rows=rows, index=build_asof(on, by))

    def _near(
        self, batches: Iterator[pa.RecordBatch], wanted: KeyRange | None
    ) -> Iterator[pa.RecordBatch]:
        """Yield the rows of sorted batches that a row within the range may be nearest to."""
        assert wanted is not None
        for batch in batches:
            if not batch.num_rows:
                continue
            (on,) = key_columns((self.right_on,), self.types[:1], batch, nulls_equal=False)
            words = integers(decoded(on))
            start, stop = 0, len(words)
            if wanted.low is not None:
                # With the row before, which is the last of its value.
                start = int(np.searchsorted(words, self._word(wanted.low[0]), side="left"))
                start = max(start - 1, 0)
            if wanted.high is not None:
                stop = int(np.searchsorted(words, self._word(wanted.high[0]), side="left"))
                if stop < len(words):
                    # With all rows of the value after it: the nearest is the last of them.
                    stop = int(np.searchsorted(words, words[stop], side="right"))
            yield batch.slice(start, stop - start)

    def _word(self, value: object) -> int:
        """Return the edge of a range, which is a plain value, as it is compared."""
        dtype = self.types[0]
        if value is None:
            return int(np.iinfo(np.int64).min)
        if pa.types.is_temporal(dtype):
            stored = storage(pa.array([], dtype)).dtype
            return int(pa.array([value], pa.from_numpy_dtype(stored))[0].as_py())
        return int(integers(pa.array([value], dtype))[0])


_ADVICE = (
    "The rows of one key, or of a range of the order, are that many: raise memory_limit, take fewer"
    " workers, or set exchange_bytes lower."
)

"""The result on its way out: pieces to the user in partition order, files of a sink made visible.

It knows which partition comes next and how much of it was given, so that an attempt that is made
again gives nothing twice.
"""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa

from ..physical.stage import Ref
from ..plan.nodes import WRITTEN
from ..source import WriteJob
from .executors.executor import Executor, not_held
from .holdings import Holdings
from .policy import StageRun
from .stores import Store


class Delivery:
    """What of one query's result was given, and what waits to be."""

    def __init__(self, query: int, executor: Executor, store: Store, holdings: Holdings) -> None:
        self._query = query
        self._executor = executor
        self._store = store
        self._holdings = holdings
        self.cursor = 0
        """The partition that comes next."""

        self._given = 0
        """How many of its pieces were given."""

        self.undelivered = 0
        """Bytes of the result that the user has not taken yet."""

    def is_given(self, partition: int, piece: int) -> bool:
        """Return whether a piece was given already: a second attempt makes the same ones again."""
        return partition == self.cursor and piece < self._given

    def add(self, ref: Ref) -> None:
        """Count a piece that waits."""
        self.undelivered += ref.length

    def forget(self, partition: int, pieces: list[Ref]) -> list[Ref]:
        """Return those of a lost attempt's pieces that were not given, and do not wait for them."""
        waiting = pieces[self._given :] if partition == self.cursor else pieces
        self.undelivered -= sum(ref.length for ref in waiting)
        return waiting

    def batches(self, run: StageRun) -> Iterator[pa.RecordBatch]:
        """Yield what of the result comes next and is there."""
        if run.stage.output.kind != "result":
            return
        while self.cursor < run.stage.partitions:
            pieces = run.pieces.get(self.cursor, [])
            while self._given < len(pieces):
                # The files of a query that is not open here are gone, or another process's.
                if not self._executor.holds(self._query):
                    raise not_held()
                ref = pieces[self._given]
                self._given += 1
                # Mapped rows stay readable when their file is gone, so it goes at once.
                batches = list(self._store.read(ref))
                self._holdings.remove(ref.path)
                self.undelivered -= ref.length
                yield from batches
            if self.cursor not in run.results:
                return
            run.pieces.pop(self.cursor, None)
            self.cursor += 1
            self._given = 0


def commit(run: StageRun, job: WriteJob) -> pa.RecordBatch:
    """Make what the tasks of a sink have written visible; return one row per file."""
    written = [file for number in sorted(run.results) for file in run.results[number].written]
    files = job.commit(written)
    columns = [
        [file.path for file in files],
        [file.rows for file in files],
        [file.bytes for file in files],
    ]
    return pa.record_batch(
        [pa.array(column, field.type) for column, field in zip(columns, WRITTEN, strict=True)],
        schema=WRITTEN,
    )

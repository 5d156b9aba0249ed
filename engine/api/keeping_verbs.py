"""Keeping rows (`persist`, `cache`, `checkpoint`), and how they lie in partitions."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Generic, Self, TypeVar

from ...io.kept import KeptSource
from ...io.parquet import ParquetSource
from ...io.parquet_sink import ParquetSink
from ..config import size_in_bytes
from ..errors import InvalidExpression, SchemaError
from ..execution.session import current
from ..optimizer.context import Context
from ..optimizer.optimizer import optimize
from ..plan.node import caller_site
from ..plan.nodes import Scan, Write
from ..plan.partitioning import Cache, Repartition, TakePartitions
from .columns import names
from .frame import Frame
from .options import options
from .running import Run

FrameT = TypeVar("FrameT", bound="KeepingVerbs")


class KeepingVerbs(Frame):
    """Verbs for rows that are made once and read more often."""

    __slots__ = ()

    @options(storage_level="shared memory first, then disk, always")
    def persist(self) -> Self:
        """Run the plan now and keep its rows for what comes after.

        The rows lie in shared memory while its share of ``memory_limit`` lasts, then on disk, as
        Arrow that is read without a copy. They are kept until no frame reads them any more, or
        until the session ends; a pool that is started anew finds them as they were.

        Returns
        -------
        DataFrame
            Over the kept rows, in the partitions in which they were made; its numbers of rows and
            bytes are exact. It cannot be pickled, and a forked process cannot read it.

        Raises
        ------
        PartitaError
            What went wrong while it ran.

        Examples
        --------
        >>> import partita as pt
        >>> kept = pt.from_pydict({"a": [1, 2, 3]}).filter(pt.col("a") > 1).persist()
        >>> kept.estimate().rows
        2.0
        >>> kept.to_pydict()
        {'a': [2, 3]}
        """
        __tracebackhide__ = True
        site = caller_site()
        sink = current().keeper.sink()
        Run(Write(input=self.plan, sink=sink, site=site), progress=True).exhaust()
        assert sink.kept is not None
        return self._from_plan(Scan(source=KeptSource(sink.kept, self.schema), site=site))

    def cache(self) -> Self:
        """Mark the plan so far: in one query it is made once, for all that read it.

        Nothing is run, and nothing is kept from one query to the next: for that see `persist`.
        What is read only once is not held up by the mark.

        Examples
        --------
        >>> import partita as pt
        >>> common = pt.from_pydict({"a": [1, 2, 3]}).with_columns(b=pt.col("a") * 2).cache()
        >>> pt.concat([common.filter(pt.col("a") > 2), common.head(1)]).to_pydict()
        {'a': [3, 1], 'b': [6, 2]}
        """
        return self._from_plan(Cache(input=self.plan, site=caller_site()))

    @options(
        mode="write overwrite=True or leave it out",
        eager="a checkpoint is written now, always",
    )
    def checkpoint(self, path: str | os.PathLike[str], *, overwrite: bool = False) -> Self:
        """Run the plan now, write its rows as a Parquet dataset, and go on from that.

        Unlike what `persist` keeps it stays when the session ends. It is there as a whole or not
        at all.

        Parameters
        ----------
        path : path
            A directory; or one file, where the name ends in ``.parquet``.
        overwrite : bool
            Whether to replace what is there. What is there is never taken for the rows of this
            plan: read it with `scan_parquet` where you know that it is.

        Returns
        -------
        DataFrame
            A scan of what was written.

        Raises
        ------
        SinkExists
            If something is there and `overwrite` is not set.

        Examples
        --------
        >>> import partita as pt
        >>> pt.from_pydict({"a": [1, 2]}).checkpoint("step-1").to_pydict()
        {'a': [1, 2]}
        """
        __tracebackhide__ = True
        site = caller_site()
        sink = ParquetSink(path=path, mode="overwrite" if overwrite else "error")
        Run(Write(input=self.plan, sink=sink, site=site), progress=True).exhaust()
        source = ParquetSource.open(path, schema=self.schema, hive_partitioning=False)
        return self._from_plan(Scan(source=source, site=site))

    @options(
        npartitions="write n=",
        partition_size="write bytes=",
        num_blocks="write n=",
        num="write n=",
        keys="write by=",
        columns="write by=",
    )
    def repartition(
        self,
        n: int | None = None,
        *,
        by: str | Sequence[str] | None = None,
        bytes: int | str | None = None,  # noqa: A002 - the public name
    ) -> Self:
        """Cut the rows into other partitions.

        Partitions are what `map_batches` with ``whole_partition=True`` is called with, what is
        written as one file, and what runs side by side. For everything else the engine cuts by
        itself.

        Parameters
        ----------
        n : int, optional
            So many partitions, of as many rows each where `by` is not given.
        by : str or sequence of str, optional
            Columns: rows that are equal in them are in one partition. Partitions may then be
            uneven, and the order of rows is kept only within each key.
        bytes : int or str, optional
            About so many bytes in each partition, as in ``"64MiB"``.

        Returns
        -------
        DataFrame
            The same rows; without `by` in the same order.

        Examples
        --------
        >>> import partita as pt
        >>> df = pt.from_pydict({"a": [1, 2, 3, 4, 5]}).repartition(2)
        >>> [part.to_pydict()["a"] for part in df.partitions]
        [[1, 2], [3, 4, 5]]
        """
        site = caller_site()
        if n is not None and (isinstance(n, bool) or not isinstance(n, int)):
            raise InvalidExpression(
                f"repartition(n={n!r}): it is a number of partitions. For columns write by=."
            )
        if n is None and by is None and bytes is None:
            raise SchemaError("repartition wants n=, by= or bytes=.")
        if n is not None and bytes is not None:
            raise SchemaError("repartition takes n= or bytes=, not both: one follows of the other.")
        keys = () if by is None else names([by], self.schema, "repartition")
        size = None if bytes is None else size_in_bytes(bytes, "repartition(bytes=...)")
        return self._from_plan(
            Repartition(input=self.plan, count=n, size=size, keys=keys, site=site)
        )

    @property
    def npartitions(self) -> int | None:
        """Into how many partitions the rows fall; nothing is run.

        It is exact, for the settings in force, where files, kept rows or `repartition` say it; it
        is None where the cut is decided while the frame runs, as behind a group-by, a join or a
        sort. ``df.persist().npartitions`` always is a number.

        Examples
        --------
        >>> import partita as pt
        >>> df = pt.from_pydict({"a": [1, 2, 3, 4, 5]})
        >>> df.npartitions, df.repartition(3).npartitions
        (1, 3)
        """
        count: int | None = None
        plan = self.plan
        if isinstance(plan, Repartition) and plan.count is not None:
            count = plan.count
        elif isinstance(plan, TakePartitions):
            count = len(plan.numbers)
        else:
            settings = current().settings()
            better = optimize(plan, Context(settings=settings))
            # Operators and kernels are loaded with the first query, not with the interface.
            from ..physical.planner import Planner

            pipeline = Planner(better, settings).lower(better)
            count = None if pipeline is None else pipeline.partitions
        return count

    @property
    def partitions(self) -> Partitions[Self]:
        """The partitions as frames of their own: ``df.partitions[0]``, a slice, or all of them.

        Nothing is run. To look at one does not make the others where the cut is known before.

        Examples
        --------
        >>> import partita as pt
        >>> df = pt.from_pydict({"a": [1, 2, 3, 4]}).repartition(4)
        >>> df.partitions[1].to_pydict(), df.partitions[2:].to_pydict()
        ({'a': [2]}, {'a': [3, 4]})
        """
        return Partitions(self)


class Partitions(Generic[FrameT]):
    """The partitions of a frame; each is a frame, and several are one too."""

    def __init__(self, frame: FrameT) -> None:
        self._frame = frame

    def __len__(self) -> int:
        count = self._frame.npartitions
        if count is None:
            raise InvalidExpression(
                "How many partitions there are is decided while this frame runs. Make it known with"
                " .persist() or .repartition(n) first."
            )
        return count

    def __getitem__(self, place: int | slice | Iterable[int]) -> FrameT:
        if isinstance(place, slice):
            return self._chosen(range(*place.indices(len(self))))
        if isinstance(place, Iterable):
            return self._chosen(map(self._number, place))
        return self._chosen([self._number(place)])

    def _number(self, place: Any) -> int:
        if isinstance(place, bool) or not isinstance(place, int):
            raise InvalidExpression(
                f"partitions[{place!r}]: it is a number, a slice, or a list of numbers."
            )
        count = len(self) if place < 0 else self._frame.npartitions
        if count is not None and not -count <= place < count:
            # An IndexError, for it ends a loop.
            raise IndexError(f"partitions[{place}]: there are {count} partitions, from 0.")
        return place if place >= 0 else place + (count or 0)

    def _chosen(self, numbers: Iterable[int]) -> FrameT:
        plan = TakePartitions(input=self._frame.plan, numbers=tuple(numbers), site=caller_site())
        return self._frame._from_plan(plan)

    def __iter__(self) -> Iterator[FrameT]:
        return (self._chosen([number]) for number in range(len(self)))

    def __repr__(self) -> str:
        count = self._frame.npartitions
        return f"<partitions of a frame: {'decided when it runs' if count is None else count}>"

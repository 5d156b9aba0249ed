"""Running a plan, and what the rows become: a result, a stream, a frame of another library."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING, Any, Literal, overload

import numpy as np
import pyarrow as pa

from ..config import memory_limit
from ..errors import MemoryLimitExceeded, PartitaError, SkippedWarning
from ..execution.session import current
from ..expr.node import Agg
from ..observe.profile import Profile, ProfileRecorder
from ..observe.progress import progress_for
from ..optimizer.context import Context
from ..optimizer.optimizer import optimize
from ..plan.node import PlanNode
from ..plan.nodes import Aggregate, Scan, Slice
from .background import BackgroundQuery
from .frame import Frame
from .options import options
from .result import Result, batch_rows
from .table_text import ROWS_SHOWN
from .torch_dataset import torch_dataset

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl

    from ..execution.events import Observer


class Run:
    """One run of a plan: its batches, and the account of it.

    A stream, whose rows go to the user one by one, shows no progress: what the user prints between
    them would get into the bar's line.
    """

    def __init__(self, plan: PlanNode, *, progress: bool) -> None:
        self._session = current()
        # A thread that runs it in the background starts later than a `with` block may end.
        self._settings = settings = self._session.settings()
        self._limit = memory_limit(settings)
        self.plan = optimize(plan, Context(settings=settings))
        self._recorder = ProfileRecorder()
        self._recorder.skipped_before = tuple(
            part for scan in self._scans() for part in getattr(scan.source, "skipped", ())
        )
        self._progress = progress_for(settings) if progress else None
        self._cancelled = threading.Event()

    def batches(self) -> Generator[pa.RecordBatch, None, None]:
        """Yield the rows in partition order; closing it ends the query."""
        __tracebackhide__ = True  # IPython leaves such frames out of what it shows
        observers: list[Observer] = [self._recorder]
        if self._progress is not None:
            observers.append(self._progress)
        try:
            for batch in self._session.execute(
                self.plan, observers, self._cancelled.is_set, self._settings
            ):
                self._recorder.rows += batch.num_rows
                yield batch
        except (PartitaError, KeyboardInterrupt) as error:
            # The scheduler's frames tell the user nothing; the message says where it happened.
            raise error.with_traceback(None)  # noqa: B904 - its own cause stays
        finally:
            if self._progress is not None:
                self._progress.close()
            self._warn_of_skipped()

    def _scans(self) -> list[Scan]:
        return [node for node in self.plan.walk() if isinstance(node, Scan)]

    def _warn_of_skipped(self) -> None:
        """Warn of what was left out, at the line of the scan that asked for it."""
        skipped = self._recorder.skipped
        if not skipped:
            return
        more = f"\n  and {len(skipped) - 3:,} more" if len(skipped) > 3 else ""
        parts = "".join(f"\n  {part}" for part in skipped[:3])
        parts_left = (
            "A part of a file could not be read and was left out"
            if len(skipped) == 1
            else f"{len(skipped):,} parts of files could not be read and were left out"
        )
        said = (
            f"{parts_left}, as on_error='skip' asks for;"
            f" .profile.skipped of the result lists them.{parts}{more}"
        )
        lenient = [s for s in self._scans() if getattr(s.source, "on_error", "raise") == "skip"]
        site = next((scan.site for scan in lenient if scan.site is not None), None)
        if site is None:
            warnings.warn(said, SkippedWarning, stacklevel=2)
        else:
            # Each time: the filter for repeated warnings knows nothing of the file's contents.
            warnings.warn_explicit(said, SkippedWarning, site.file, site.line)

    def cancel(self) -> None:
        """Give it up, from another thread than the one that runs it."""
        self._cancelled.set()

    def result(self) -> Result:
        """Run to the end and return all rows."""
        __tracebackhide__ = True
        batches, size = [], 0
        for batch in self.batches():
            batches.append(batch)
            size += batch.nbytes
            if size > self._limit:
                raise MemoryLimitExceeded(
                    f"The rows of the result take more than the {self._limit:,} bytes of"
                    " memory_limit. Take them batch by batch (collect_batches), write them"
                    " (sink_parquet), aggregate them, or raise memory_limit."
                )
        table = pa.Table.from_batches(batches, schema=self.plan.schema)
        return Result(table, self.profile())

    def exhaust(self) -> Profile:
        """Run to the end, drop the rows, return the account."""
        for _ in self.batches():
            pass
        return self.profile()

    def profile(self) -> Profile:
        """Return the account so far."""
        return self._recorder.profile()


class Running(Frame):
    """What runs a frame; everything else only builds plans."""

    __slots__ = ()

    @overload
    def collect(self, *, background: Literal[False] = False) -> Result: ...

    @overload
    def collect(self, *, background: Literal[True]) -> BackgroundQuery: ...

    @options(
        engine="results stream through the workers, always; where they run is a matter of"
        " pt.config.set(executor=...)",
        streaming="leave it out: partitions are streamed, always",
        scheduler="write pt.config.set(executor='serial' or 'process')",
        optimizations="write pt.config.set(optimize=...)",
    )
    def collect(self, *, background: bool = False) -> Result | BackgroundQuery:
        """Run the plan and return all rows.

        Parameters
        ----------
        background : bool
            Whether to return at once, with a query that runs beside what comes next.

        Returns
        -------
        Result
            The rows as one Arrow table, with the profile of the run.
        BackgroundQuery
            With ``background=True``: it has `fetch`, `fetch_blocking` and `cancel`.

        Raises
        ------
        PartitaError
            What went wrong, with the user's line, the partition and its file.

        Examples
        --------
        >>> import partita as pt
        >>> pt.from_pydict({"a": [1, 2]}).filter(pt.col("a") > 1).collect().to_pydict()
        {'a': [2]}
        """
        if background:
            run = Run(self.plan, progress=False)
            return BackgroundQuery(run.result, run.cancel)
        return Run(self.plan, progress=True).result()

    @options(scheduler="write pt.config.set(executor='serial' or 'process')")
    def compute(self) -> pd.DataFrame:
        """Run the plan and return a pandas DataFrame: `to_pandas`, as Dask calls it.

        Examples
        --------
        >>> import partita as pt
        >>> df = pt.from_pydict({"a": [1, 2]})
        >>> df.compute()
           a
        0  1
        1  2
        """
        return self.to_pandas()

    def to_pandas(self) -> pd.DataFrame:
        """Run the plan and return a pandas DataFrame with a plain index.

        Examples
        --------
        >>> import partita as pt
        >>> df = pt.from_pydict({"a": [1, 2]})
        >>> df.to_pandas()
           a
        0  1
        1  2
        """
        return self.collect().to_pandas()

    def to_arrow(self) -> pa.Table:
        """Run the plan and return a pyarrow Table.

        Examples
        --------
        >>> import partita as pt
        >>> df = pt.from_pydict({"a": [1, 2]})
        >>> df.to_arrow().column_names
        ['a']
        """
        return self.collect().to_arrow()

    def to_polars(self) -> pl.DataFrame:
        """Run the plan and return a polars DataFrame; polars must be installed.

        Examples
        --------
        >>> import partita as pt
        >>> df = pt.from_pydict({"a": [1, 2]})
        >>> df.to_polars().shape
        (2, 1)
        """
        return self.collect().to_polars()

    def to_numpy(self) -> np.ndarray:
        """Run the plan and return a two-dimensional array, rows first.

        Examples
        --------
        >>> import partita as pt
        >>> df = pt.from_pydict({"a": [1, 2], "b": [3, 4]})
        >>> df.to_numpy()
        array([[1, 3],
               [2, 4]])
        """
        return self.collect().to_numpy()

    def to_pydict(self) -> dict[str, list[Any]]:
        """Run the plan and return the columns as lists of Python values.

        Examples
        --------
        >>> import partita as pt
        >>> pt.from_pydict({"a": [1, None]}).to_pydict()
        {'a': [1, None]}
        """
        return self.collect().to_pydict()

    def to_dicts(self) -> list[dict[str, Any]]:
        """Run the plan and return the rows as dicts.

        Examples
        --------
        >>> import partita as pt
        >>> pt.from_pydict({"a": [1, 2]}).to_dicts()
        [{'a': 1}, {'a': 2}]
        """
        return self.collect().to_dicts()

    def toPandas(self) -> pd.DataFrame:  # noqa: N802 - what libraries look for
        """Run the plan and return a pandas DataFrame: `to_pandas`, as Spark calls it.

        Examples
        --------
        >>> import partita as pt
        >>> df = pt.from_pydict({"a": [1, 2]})
        >>> df.toPandas()
           a
        0  1
        1  2
        """
        return self.to_pandas()

    def collect_batches(self) -> Generator[pa.RecordBatch, None, None]:
        """Run the plan and yield Arrow batches as they are made, in order.

        The first comes before the scan is over, and what waits for a slow consumer is bounded.
        Leaving the loop early ends the query.

        Yields
        ------
        pyarrow.RecordBatch
            Of exactly `schema`; of what length is not promised.

        Examples
        --------
        >>> import partita as pt
        >>> [batch.num_rows for batch in pt.from_pydict({"a": [1, 2]}).collect_batches()]
        [2]
        """
        return Run(self.plan, progress=False).batches()

    def to_batches(self) -> Generator[pa.RecordBatch, None, None]:
        """Run the plan and yield Arrow batches as they are made: `collect_batches`.

        Examples
        --------
        >>> import partita as pt
        >>> df = pt.from_pydict({"a": [1, 2]})
        >>> [batch.num_rows for batch in df.to_batches()]
        [2]
        """
        return self.collect_batches()

    def iter_rows(self, *, named: bool = False) -> Iterator[Any]:
        """Run the plan and yield the rows as tuples, or as dicts when `named`.

        It is for a few rows: in Python, each costs a microsecond or more for every column.

        Examples
        --------
        >>> import partita as pt
        >>> list(pt.from_pydict({"a": [1, 2], "b": ["x", "y"]}).iter_rows())
        [(1, 'x'), (2, 'y')]
        """
        for batch in self.collect_batches():
            yield from batch_rows(batch, named=named)

    def to_torch(self, batch_size: int | None = None) -> Any:
        """Return a ``torch.utils.data.IterableDataset`` over the rows; PyTorch must be installed.

        Each item is a dict of names to tensors; each pass over it runs the plan. The frame runs on
        all cores by itself: more processes of a ``DataLoader`` make nothing faster, and of several
        only the first gives rows.

        Parameters
        ----------
        batch_size : int, optional
            Rows of each item but the last; by default as they come. Give the loader
            ``batch_size=None``, as items are batches already.

        Raises
        ------
        MissingDependency
            If PyTorch is not installed.
        TypeMismatch
            If a column is neither numbers nor booleans, or has nulls and is not floating.

        Examples
        --------
        >>> import partita as pt
        >>> df = pt.from_pydict({"a": [1, 2]})
        >>> for batch in df.to_torch(batch_size=2):  # doctest: +SKIP
        ...     print(batch)
        {'a': tensor([1, 2])}
        """
        return torch_dataset(self.collect_batches, self.schema, batch_size)

    @options(truncate="wide values are shortened, always", vertical="write df.head(n).to_dicts()")
    def show(self, n: int = 10) -> None:
        """Run the plan for the first `n` rows and show them.

        Examples
        --------
        >>> import partita as pt
        >>> pt.from_pydict({"a": [1, 2, 3]}).show(1)
        ┌───────┐
        │     a │
        │ int64 │
        ├───────┤
        │     1 │
        └───────┘
        1 row, 1 column
        """
        first = Slice(input=self.plan, offset=0, length=n)
        print(Run(first, progress=True).result().to_text(max(n, ROWS_SHOWN)))

    def profile(self) -> Profile:
        """Run the plan, drop its rows, and return how it ran.

        Examples
        --------
        >>> import partita as pt
        >>> pt.from_pydict({"a": [1, 2]}).profile().rows
        2
        """
        return Run(self.plan, progress=True).exhaust()

    def __len__(self) -> int:
        """Run the plan as far as needed to count its rows.

        Examples
        --------
        >>> import partita as pt
        >>> len(pt.from_pydict({"a": [1, 2]}))
        2
        """
        counted = Aggregate(input=self.plan, keys=(), aggs=(("len", Agg("len", None)),))
        return Run(counted, progress=True).result()["len"][0].as_py()

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """Run the plan and hand the batches on as they are made, to all that reads Arrow.

        Examples
        --------
        >>> import partita as pt, pyarrow as pa
        >>> pa.table(pt.from_pydict({"a": [1, 2]})).num_rows
        2
        """
        run = Run(self.plan, progress=False)
        reader = pa.RecordBatchReader.from_batches(run.plan.schema, run.batches())
        return reader.__arrow_c_stream__(requested_schema)

    def __arrow_c_schema__(self) -> object:
        """Hand names and types over to all that reads Arrow.

        Examples
        --------
        >>> import partita as pt, pyarrow as pa
        >>> pa.schema(pt.from_pydict({"a": [1, 2]})).names
        ['a']
        """
        return self.schema.__arrow_c_schema__()

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        """Return the rows as numpy wants them: `to_numpy`.

        Examples
        --------
        >>> import partita as pt, numpy as np
        >>> np.asarray(pt.from_pydict({"a": [1, 2]}))
        array([[1],
               [2]])
        """
        return self.collect().__array__(dtype, copy)

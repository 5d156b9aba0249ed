"""The session: it owns the workers and the run directory, and sees to their end.

There is one for the process, made when the first query needs it and ended with the process. A
session of one's own (``with Session(workers=4) as session``) is for other limits, or for an end at
a chosen moment.
"""

from __future__ import annotations

import atexit
import contextlib
import itertools
import multiprocessing
import os
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from types import TracebackType
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from .. import config
from ..config import Settings
from ..errors import ExecutionError, PartitaError, refused
from ..machine import known_memory
from ..physical.memory import shares
from ..plan.node import PlanNode
from .keeping import Keeper
from .run_directory import RunDirectory

if TYPE_CHECKING:
    from ..physical.planner import Planner
    from .events import Observer
    from .executors.executor import Executor
    from .executors.process import ProcessExecutor

_numbers = itertools.count(1)

_WORTH_LOADING = 64 << 20
"""Decoded bytes from which a query in this process is worth the 0.3 s of loading the kernels."""


class Session:
    """Workers and a private directory, for one query after the other.

    Parameters
    ----------
    **settings
        Settings (see `partita.config`) that hold in this session whatever is configured
        elsewhere, such as ``workers=4`` or ``memory_limit="2GiB"``.

    Examples
    --------
    >>> import partita as pt
    >>> with pt.Session(executor="serial"):
    ...     pt.from_pydict({"a": [1, 2]}).count().to_pydict()
    {'a': [2]}
    """

    def __init__(self, **settings: object) -> None:
        with config.set(**settings):
            wanted = config.get()
        self._overrides = {name: getattr(wanted, name) for name in settings}
        self._executors: dict[Any, Executor] = {}
        self._directory: RunDirectory | None = None
        self.keeper = Keeper(self._directories)
        """What persisted frames of this session hold."""

        self._lock = threading.RLock()
        self._process = os.getpid()
        self._before: Session | None = None
        self._closed = False
        _sessions.append(self)

    def settings(self) -> Settings:
        """Return the settings in force for a query of this session that starts now.

        Examples
        --------
        >>> import partita as pt
        >>> with pt.Session(workers=3, executor="serial") as session:
        ...     session.settings().workers
        3
        """
        return replace(config.get(), **self._overrides)

    def execute(
        self,
        plan: PlanNode,
        observers: Sequence[Observer] = (),
        cancelled: Callable[[], bool] = lambda: False,
        settings: Settings | None = None,
    ) -> Iterator[pa.RecordBatch]:
        """Yield the batches of `plan`, of exactly its schema and in partition order.

        Closing the generator cancels what still runs.

        Parameters
        ----------
        plan
            A logical plan, optimized or not.
        observers
            Functions that are given every event.
        cancelled
            Asked now and then whether the query is still wanted; another thread may say so.
        settings
            Those to run it with; by default those in force when the first batch is asked for.

        Raises
        ------
        PartitaError
            What a task failed with, with the place where it did.
        """
        try:
            yield from self._executed(plan, observers, cancelled, settings)
        except (OSError, MemoryError) as error:
            # What the driver itself did not get of the system; a task's errors are typed already.
            if isinstance(error, PartitaError):
                raise
            raise refused(error) from error

    def _executed(
        self,
        plan: PlanNode,
        observers: Sequence[Observer],
        cancelled: Callable[[], bool],
        settings: Settings | None,
    ) -> Iterator[pa.RecordBatch]:
        # Operators and kernels, half of the engine, are loaded with the first query: a script that
        # only looks at schemas does without them.
        from ..physical.kernels import jit
        from ..physical.planner import Planner
        from .scheduler import Scheduler

        settings = config.within_limit(settings or self.settings())
        planner = Planner(plan, settings)
        name = _choice(planner, settings)
        executor = self.executor(name, settings)
        if name == "serial" and planner.scan_bytes >= _WORTH_LOADING:
            jit.load_if_cached()
        # Where no limit is set, a cluster has its own memory, of which so many tasks run at once as
        # fit; partitions are cut as they are here, so that answers are the same.
        limit = min(config.memory_limit(settings), known_memory())
        if executor.memory:
            limit = settings.memory_limit or executor.memory
        share = shares(limit, settings, executor.workers)
        number = next(_numbers)
        try:
            yield from Scheduler(
                number,
                planner,
                executor,
                settings,
                share,
                observers,
                self.keeper.bytes_in_memory,
                cancelled,
            ).run()
        except ExecutionError:
            if executor.broken:
                self._drop(name, executor)
            raise

    def executor(self, name: str, settings: Settings | None = None) -> Executor:
        """Return the executor of that name, started if it is not yet.

        One that was started for another number of workers is replaced, as soon as no query is
        under way in it.
        """
        # They load with the first query, as above.
        from .executors import started
        from .executors.executor import Resources

        self._check_open()
        settings = settings or self.settings()
        workers = config.worker_count(settings)
        with self._lock:
            known = self._executors.get(name)
            if known is not None and not known.busy:
                # How many a cluster has is its own affair.
                fits = known.workers == workers or known.shares_memory or config.is_cluster(name)
                if known.broken or not fits:
                    self._drop(name, known)
            if name not in self._executors:
                limit = config.memory_limit(settings)
                if limit < config.LEAST_MEMORY and not config.is_cluster(name):
                    warnings.warn(_little(limit), stacklevel=2)
                elif name == "process" and workers < settings.workers:
                    warnings.warn(_fewer(settings.workers, workers, limit), stacklevel=2)
                self._executors[name] = started(name, Resources(workers, self._directories, limit))
            return self._executors[name]

    def start_early(self, stored_bytes: int) -> None:
        """Start the pool, if a query over files of so many bytes would want it; wait for nothing.

        Its processes import what they need while the script goes on to its query.
        """
        settings = self.settings()
        if not settings.start_early or settings.executor not in ("auto", "process"):
            return
        if "process" in self._executors:
            return
        if settings.executor == "auto" and stored_bytes < settings.small_query_bytes:
            return
        # Whatever prevents it, the query that needs the pool will say so.
        with contextlib.suppress(ExecutionError, OSError):
            self.executor("process", settings)

    @property
    def pids(self) -> tuple[int, ...]:
        """The workers of the process pool and, last, the helper that forks them; starts both."""
        self.executor("process")
        pool = self._pool
        assert pool is not None
        return pool.pids

    @property
    def _pool(self) -> ProcessExecutor | None:
        """The process pool, if it was started."""
        pool: Any = self._executors.get("process")
        return pool

    def _directories(self) -> RunDirectory:
        if self._directory is None:
            self._directory = RunDirectory(self.settings().run_directory)
        return self._directory

    def _drop(self, name: str, executor: Executor) -> None:
        with self._lock:
            # Another query may have found it broken too, and have been given the next already.
            if self._executors.get(name) is executor:
                del self._executors[name]
                executor.close()

    def close(self) -> None:
        """End the workers and remove the session's directories; bounded in time.

        It is what the end of a ``with`` calls, and does nothing the second time.

        Examples
        --------
        >>> import partita as pt
        >>> session = pt.Session(executor="serial")
        >>> session.close()
        >>> session
        <partita.Session closed, settings {'executor': 'serial'}>
        """
        if self._closed or self._process != os.getpid():
            return
        self._closed = True
        try:
            for name, executor in list(self._executors.items()):
                self._drop(name, executor)
        finally:
            # Also when a Ctrl-C comes meanwhile.
            self.keeper.close()
            if self._directory is not None:
                self._directory.close()
            if self in _sessions:
                _sessions.remove(self)

    def _check_open(self) -> None:
        if self._closed:
            raise ExecutionError("This session is closed. Make a new one, or use none.")

    def __enter__(self) -> Session:
        global _current
        self._check_open()
        self._before, _current = _current, self
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        global _current
        _current = self._before
        self.close()

    def __repr__(self) -> str:
        state = "closed" if self._closed else f"open, {sorted(map(str, self._executors))} started"
        return f"<partita.Session {state}, settings {self._overrides}>"


def _little(limit: int) -> str:
    # Not refused: rows are put aside as early as was asked for, with any limit.
    return (
        f"memory_limit is {limit / config.MiB:,.1f} MiB. Rows are held to it, by one worker, but a"
        " process takes 10 to 25 MiB beside them, so that more is used in all:"
        f" {config.LEAST_MEMORY // config.MiB} MiB are kept."
    )


def _fewer(wanted: int, workers: int, limit: int) -> str:
    return (
        f"{wanted} workers were asked for, and {workers} are started: memory_limit is"
        f" {limit / config.MiB:,.0f} MiB, which is kept where each has"
        f" {config.LEAST_MEMORY // config.MiB} MiB or more. Raise memory_limit for more of them."
    )


def _choice(planner: Planner, settings: Settings) -> str:
    """Return the executor of a query: a small one runs in this process, with no pool started."""
    if settings.executor != "auto":
        return settings.executor
    return "serial" if planner.scan_bytes < settings.small_query_bytes else "process"


_sessions: list[Session] = []
_current: Session | None = None
_making = threading.Lock()


def current() -> Session:
    """Return the session of the innermost ``with Session(...)``, or the process's own.

    A process forked by the user gets one of its own: it must not use its parent's workers.
    """
    global _current
    with _making:
        if _current is None or _current._closed or _current._process != os.getpid():
            _current = Session()
        return _current


def start_early(stored_bytes: int) -> None:
    """Start the pool of the session in force as `Session.start_early` does.

    Not in a process that another one has started for a part of its work: that often only looks at
    what it is to hand on.
    """
    if not _forked and multiprocessing.parent_process() is None:
        current().start_early(stored_bytes)


_forked = False


def close_all() -> None:
    """Close every session of this process."""
    for session in list(_sessions):
        session.close()


def _abandon_all() -> None:
    """In a forked child: let go of the parent's workers, so that their end follows its end."""
    global _making, _forked
    _forked = True
    # Another thread of the parent may have held it.
    _making = threading.Lock()
    for session in _sessions:
        if session._pool is not None:
            session._pool.abandon()
        if session._directory is not None:
            session._directory.let_go()
    _sessions.clear()


atexit.register(close_all)
os.register_at_fork(after_in_child=_abandon_all)

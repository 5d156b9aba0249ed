"""The session: it owns the workers and the run directory, and sees to their end.

There is one for the process, made when the first query needs it and ended with the process. A
session of one's own (``with Session(workers=4) as session``) is for other limits, or for an end at
a chosen moment.
"""

from __future__ import annotations

import atexit
import itertools
import os
import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from types import TracebackType

import pyarrow as pa

from .. import config
from ..config import Settings
from ..errors import ExecutionError
from ..physical.planner import Planner
from ..plan.node import PlanNode
from .executors.executor import Executor
from .executors.process import ProcessExecutor
from .executors.serial import SerialExecutor
from .run_directory import RunDirectory
from .scheduler import Observer, Scheduler

_numbers = itertools.count(1)


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
        self._serial = SerialExecutor()
        self._pool: ProcessExecutor | None = None
        self._directory: RunDirectory | None = None
        self._lock = threading.RLock()
        self._process = os.getpid()
        self._before: Session | None = None
        self._closed = False
        _sessions.append(self)

    def settings(self) -> Settings:
        """Return the settings in force for a query of this session that starts now."""
        return replace(config.get(), **self._overrides)

    def execute(
        self, plan: PlanNode, observers: Sequence[Observer] = ()
    ) -> Iterator[pa.RecordBatch]:
        """Yield the batches of `plan`, of exactly its schema and in partition order.

        Closing the generator cancels what still runs.

        Parameters
        ----------
        plan
            A logical plan, optimized or not.
        observers
            Functions that are given every event.

        Raises
        ------
        PartitaError
            What a task failed with, with the place where it did.
        """
        settings = self.settings()
        planner = Planner(plan, settings)
        executor = self._executor(planner, settings)
        scheduler = Scheduler(
            next(_numbers), planner, executor, settings, config.memory_limit(settings), observers
        )
        try:
            yield from scheduler.run()
        except ExecutionError:
            if isinstance(executor, ProcessExecutor) and executor.broken:
                self._drop_pool()
            raise

    def _executor(self, planner: Planner, settings: Settings) -> Executor:
        """Return where a query runs: a small one in this process, with no pool started."""
        if self._closed:
            raise ExecutionError("This session is closed. Make a new one, or use none.")
        small = planner.scan_bytes < settings.small_query_bytes
        if settings.executor == "serial" or (settings.executor == "auto" and small):
            return self._serial
        return self.pool(settings)

    def pool(self, settings: Settings | None = None) -> ProcessExecutor:
        """Return the workers, started if they are not yet; of another number if it was changed."""
        settings = settings or self.settings()
        workers = config.worker_count(settings)
        with self._lock:
            if (
                self._pool is not None
                and (self._pool.workers != workers or self._pool.broken)
                and not self._pool.busy
            ):
                self._drop_pool()
            if self._pool is None:
                if self._directory is None:
                    self._directory = RunDirectory(settings.run_directory)
                self._pool = ProcessExecutor(workers, self._directory)
            return self._pool

    def _drop_pool(self) -> None:
        with self._lock:
            pool, self._pool = self._pool, None
            if pool is not None:
                pool.close()

    def close(self) -> None:
        """End the workers and remove the session's directories; bounded in time."""
        if self._closed or self._process != os.getpid():
            return
        self._closed = True
        self._serial.close()
        self._drop_pool()
        if self._directory is not None:
            self._directory.close()
        if self in _sessions:
            _sessions.remove(self)

    def __enter__(self) -> Session:
        global _current
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
        state = "closed" if self._closed else "no pool" if self._pool is None else "running"
        return f"<partita.Session {state} {self._overrides}>"


_sessions: list[Session] = []
_current: Session | None = None


def current() -> Session:
    """Return the session of the innermost ``with Session(...)``, or the process's own.

    A process forked by the user gets one of its own: it must not use its parent's workers.
    """
    global _current
    if _current is None or _current._closed or _current._process != os.getpid():
        _current = Session()
    return _current


def close_all() -> None:
    """Close every session of this process."""
    for session in list(_sessions):
        session.close()


def _abandon_all() -> None:
    """In a forked child: let go of the parent's workers, so that their end follows its end."""
    for session in _sessions:
        if session._pool is not None:
            session._pool.abandon()
    _sessions.clear()


atexit.register(close_all)
os.register_at_fork(after_in_child=_abandon_all)

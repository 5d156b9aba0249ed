"""What runs on a Dask worker: one task, from the values of other keys to the value of its own.

The driver is told by an event, in which the rows of a small output come along; it needs no other
message to know how a task ended and where its rows lie.
"""

from __future__ import annotations

import pickle
import random
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import cloudpickle
import distributed
from distributed.worker import thread_state

from ...physical.kernels import jit
from ...physical.memory import Budget
from ...physical.stage import Stage, Task
from ..report import Done, Failed, Piece, Report, added, failure_of, key_of
from ..task import TaskSettings, run_task
from ..transport import MemoryStore
from .output import Output, together

SMALL = 32 * 1024
"""Bytes of an output that goes along with the report of it: a round trip to fetch it takes more."""


@dataclass(frozen=True, kw_only=True)
class Order:
    """A task, and what a worker has to know to run it."""

    query: tuple[str, int]
    """Of which driver, and its number there."""

    task: Task
    settings: TaskSettings
    versions: tuple[tuple[str, str], ...]
    """Of the driver; those here are the same."""

    rows: Output | None = None
    """Rows of the driver that are few."""


@dataclass(kw_only=True)
class _Query:
    """What a process keeps of a query, for its tasks one after the other and beside each other."""

    settings: TaskSettings
    stages: dict[int, Stage] = field(default_factory=dict)
    cache: dict[Any, Any] = field(default_factory=dict)
    budgets: dict[int, Budget] = field(default_factory=dict)
    """By thread."""

    used: float = 0.0


_queries: dict[tuple[str, int], _Query] = {}
_lock = threading.Lock()


def run(order_bytes: bytes, stage_bytes: bytes, *given: Output) -> Output:
    """Run a task over what other tasks have made; return what it makes."""
    worker, key = distributed.get_worker(), thread_state.key
    order: Order = pickle.loads(order_bytes)
    task = order.task
    cancelled = _cancellation(worker, key)
    query = _query(order, worker)
    if order.rows is not None:
        given = (*given, order.rows)
    store = MemoryStore(lambda: worker.local_directory, together(given))
    taken = set(store.files)
    ended: Report
    pieces: list[Report] = []
    try:
        stage = query.stages.get(task.stage)
        if stage is None:
            stage = query.stages[task.stage] = cloudpickle.loads(stage_bytes)
        if stage.job is not None:
            # The scheduler may have it run twice at once, when a host is cut off.
            task = replace(task, attempt=random.getrandbits(48))
        budget = query.budgets.setdefault(threading.get_ident(), Budget(query.settings.share))
        steps = run_task(stage, task, store, query.settings, query.cache, cancelled, budget)
        while True:
            try:
                pieces.append(Piece(key_of(order.task), next(steps)))
            except StopIteration as stop:
                ended = Done(key_of(order.task), stop.value)
                break
    except BaseException as error:  # whatever a user's function raises is reported
        if cancelled():
            return Output({})
        failure = added(failure_of(error), _where(error, worker, task))
        pieces, ended = [], Failed(key_of(order.task), failure)
    output = Output({path: held for path, held in store.files.items() if path not in taken})
    message = {
        "query": order.query[1],
        "worker": worker.address,
        "reports": pickle.dumps([*pieces, ended], pickle.HIGHEST_PROTOCOL),
        "output": pickle.dumps(output) if output.bytes <= SMALL else b"",
    }
    worker.log_event(order.query[0], message)
    return output


def forget(query: tuple[str, int]) -> None:
    """Drop what this process keeps of a query."""
    with _lock:
        _queries.pop(query, None)


def _query(order: Order, worker: Any) -> _Query:
    """Return what is kept of the task's query; begin it with its first task."""
    with _lock:
        query = _queries.get(order.query)
        if query is None:
            if not jit.ready():
                jit.load_if_cached()
            settings = order.settings
            allowed = worker.memory_manager.memory_limit
            if allowed:
                settings = replace(
                    settings, share=min(settings.share, allowed // worker.state.nthreads)
                )
            query = _queries[order.query] = _Query(settings=settings)
        query.used = time.monotonic()
        return query


def _cancellation(worker: Any, key: Any) -> Callable[[], bool]:
    """Return a function that says whether the task that runs is no longer wanted."""
    tasks = worker.state.tasks

    def cancelled() -> bool:
        known = tasks.get(key)
        return known is None or known.state in ("cancelled", "resumed", "released", "forgotten")

    return cancelled


def _where(error: BaseException, worker: Any, task: Task) -> str:
    """Return on which worker a task failed, and what that may have to do with it."""
    place = f"{worker.address} ({socket.gethostname()})"
    told = f"  on worker {place}"
    cause = error if isinstance(error, OSError) else error.__cause__
    if isinstance(cause, FileNotFoundError | PermissionError) and task.input.fragment is not None:
        path = cause.filename or task.input.label
        told += (
            f"\n  Workers read files by themselves, and {place} does not see {path!r}. Put the"
            " files on a file system that all workers have under the same path, or into an object"
            " store."
        )
    return told

"""What runs on a Dask worker: one task, from the values of other keys to the value of its own.

The driver is told by an event, in which the rows of a small output come along; it needs no other
message to know how a task ended and where its rows lie.
"""

from __future__ import annotations

import asyncio
import contextlib
import pickle
import random
import socket
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import cloudpickle
import distributed
import pyarrow as pa
from distributed.worker import thread_state

from ...errors import ExecutionError, MemoryLimitExceeded, SinkError
from ...physical.kernels import jit
from ...physical.memory import Budget
from ...physical.stage import Stage, Task
from ...source import held_here
from ..keeping import KeepJob
from ..report import Done, Failed, Piece, Report, added, failure_of, key_of
from ..task import TaskSettings, run_task
from .built_once import BuiltOnce
from .connecting import unlike, versions
from .output import Output, together
from .sealed import Sealed
from .stopping import LetGo, begin
from .worker_store import WorkerStore

SMALL = 32 * 1024
"""Bytes of an output that goes along with the report of it: a round trip to fetch it takes more."""

TASK_SHARE = 0.4
"""Of a worker's memory: Dask puts rows that it holds on disk where they take the rest."""

IDLE_SECONDS = 600.0
"""After which a query is forgotten whose driver has ended without a word."""


@dataclass(frozen=True, kw_only=True)
class Order:
    """A task, and what a worker has to know to run it."""

    query: tuple[str, int]
    """The topic of its events, which is one driver's alone, and its number there."""

    task: Task
    settings: TaskSettings
    versions: Mapping[str, str]
    alone: bool = False
    """Whether the workers are the session's own."""


@dataclass(kw_only=True)
class _Query:
    """What a process keeps of a query, for its tasks one after the other and beside each other."""

    settings: TaskSettings
    stages: dict[int, Stage] = field(default_factory=dict)
    cache: BuiltOnce = field(default_factory=BuiltOnce)
    budgets: dict[int, Budget] = field(default_factory=dict)
    """By thread."""

    used: float = 0.0


_queries: dict[tuple[str, int], _Query] = {}
_lock = threading.Lock()


def run(order_bytes: Sealed, stage_bytes: Sealed, *given: Output) -> Output:
    """Run a task over what other tasks have made; return what it makes."""
    worker: Any = distributed.get_worker()
    order: Order = pickle.loads(order_bytes.content)
    key = key_of(order.task)
    cancelled = _cancellation(worker, thread_state.key)
    store = WorkerStore(worker.local_directory, together(given), order.settings.share)
    _tell(worker, order, begun=True)
    reports: list[Report] = []
    failed: BaseException | None = None
    query: _Query | None = None
    task = begin(cancelled, order.alone, partial(_stays, worker, order.task))
    try:
        query = _query(order, worker)
        steps = _steps(query, order, stage_bytes.content, store, cancelled)
        while True:
            try:
                reports.append(Piece(key, next(steps)))
            except StopIteration as stop:
                reports.append(Done(key, stop.value))
                break
    except BaseException as error:  # whatever a user's function raises is reported
        failed = error
    while not task.over:
        try:
            task.end()
        except LetGo:
            continue
    # Not before: it may have been cut short there.
    held_here.files = {}
    if query is not None:
        query.cache.leave()
    if failed is not None:
        if cancelled():
            _tell(worker, order, left=True)
            return Output({})
        if isinstance(failed, LetGo):
            # It is wanted again.
            return run(order_bytes, stage_bytes, *given)
        reports = [Failed(key, added(failure_of(failed), _where(failed, worker, order.task)))]
        failed = None  # with its frames, of which this is one
    output = store.output()
    _tell(
        worker,
        order,
        reports=pickle.dumps(reports, pickle.HIGHEST_PROTOCOL),
        output=pickle.dumps(output) if output.bytes <= SMALL else b"",
    )
    return output


def _tell(worker: Any, order: Order, **news: object) -> None:
    """Tell the driver something of a task."""
    key = (order.task.stage, order.task.partition, order.task.attempt)
    worker.log_event(
        order.query[0],
        {"query": order.query[1], "key": key, "worker": worker.address, **news},
    )


def _steps(
    query: _Query,
    order: Order,
    stage_bytes: bytes,
    store: WorkerStore,
    cancelled: Callable[[], bool],
) -> Any:
    """Yield the pieces of a task's output and return its result, as `run_task` does."""
    task = order.task
    stage = query.stages.get(task.stage)
    if stage is None:
        stage = query.stages[task.stage] = cloudpickle.loads(stage_bytes)
    if isinstance(stage.job, KeepJob):
        # What is kept is this task's output, and held by reference as others are.
        stage = replace(stage, job=replace(stage.job, held_by=store))
    elif stage.job is not None:
        # Dask may run it twice at once, when a host is cut off; no file is written by both.
        task = replace(task, attempt=random.getrandbits(48))
    thread = threading.get_ident()
    budget = query.budgets.get(thread)
    if budget is None:
        budget = query.budgets[thread] = Budget(query.settings.share)
    held_here.files = store.files
    return (yield from run_task(stage, task, store, query.settings, query.cache, cancelled, budget))


def _stays(worker: Any, task: Task) -> None:
    """Warn those who use the cluster, as Dask warns them, of a thread that is not had back."""
    told = (
        f"The worker {worker.address} ({socket.gethostname()}) goes on with partition"
        f" {task.partition} of a query that was given up: the function that it calls gives no batch"
        " and does not come back to Python. Its thread takes no other task until that returns."
        f" client.restart_workers([{worker.address!r}]) ends it."
    )
    message = {"message": pickle.dumps(told), "category": pickle.dumps(UserWarning)}
    worker.log_event("warn", message)


def forget(query: tuple[str, int]) -> None:
    """Drop what this process keeps of a query."""
    with _lock:
        _queries.pop(query, None)


def aside(client: Any, call: Callable[..., object], *arguments: object) -> Future[None]:
    """Have all workers call something, and do not wait for it; return what tells its end."""

    async def ask() -> None:
        # Who has left needs to be told nothing.
        with contextlib.suppress(OSError):
            await client.run(call, *arguments, asynchronous=True, on_error="ignore")

    return asyncio.run_coroutine_threadsafe(ask(), client.loop.asyncio_loop)


def _query(order: Order, worker: Any) -> _Query:
    """Return what is kept of the task's query; begin it with its first task."""
    with _lock:
        query = _queries.get(order.query)
        if query is None:
            query = _queries[order.query] = _begun(order, worker)
            idle = time.monotonic() - IDLE_SECONDS
            for old in [name for name, known in _queries.items() if 0 < known.used < idle]:
                del _queries[old]
        query.used = time.monotonic()
        return query


def _begun(order: Order, worker: Any) -> _Query:
    if wrong := unlike(versions(), order.versions):
        raise ExecutionError(f"This worker has {wrong}. Install the same versions on both.")
    if not jit.ready():
        jit.load_if_cached()
    share = order.settings.share
    allowed = worker.memory_manager.memory_limit
    if allowed:
        share = min(share, int(TASK_SHARE * allowed) // worker.state.nthreads)
    return _Query(settings=replace(order.settings, share=share))


def _cancellation(worker: Any, key: Any) -> Callable[[], bool]:
    """Return a function that says whether the task that runs is no longer wanted."""
    tasks = worker.state.tasks

    def cancelled() -> bool:
        known = tasks.get(key)
        return known is None or known.state not in ("executing", "long-running")

    return cancelled


def _where(error: BaseException, worker: Any, task: Task) -> str:
    """Return on which worker a task failed, and what that may have to do with it."""
    place = f"{worker.address} ({socket.gethostname()})"
    told = f"  on worker {place}"
    cause = error if isinstance(error, OSError) else error.__cause__
    if isinstance(cause, FileNotFoundError | PermissionError) and task.input.fragment is not None:
        path = cause.filename or task.input.label
        told += (
            f"\n  Workers read files by themselves, and {place} cannot read {path!r}. Put the"
            " files on a file system that all workers have under the same path, or into an object"
            " store."
        )
    if isinstance(error, SinkError):
        told += "\n  Workers write by themselves: it has to see the target under the same path."
    if isinstance(error, MemoryLimitExceeded | pa.ArrowMemoryError | MemoryError):
        limit = worker.memory_manager.memory_limit
        told += (
            f"\n  It has {limit:,} bytes" if limit else "\n  It has no limit of its own"
        ) + f" for {worker.state.nthreads} threads (--memory-limit, --nthreads)."
    return told

"""Run tasks on a Dask cluster: Dask starts them, moves what they read, and rebuilds what is lost.

A task is a key of a graph, and what it reads are other keys: the outputs of tasks before it. They
stay on the workers that made them, as Arrow streams, and go from worker to worker. The driver sends
what may be started in one message; each task reports by an event, with its rows where these are
few; other rows of the result are fetched in their order, some ahead of who takes them. What nobody
will read any more is given up, and Dask forgets it with its last reader.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import queue
import time
from collections.abc import Callable, Sequence
from concurrent import futures
from typing import TYPE_CHECKING, Any

from ...errors import ExecutionError, WorkerLost
from ...physical.stage import Stage, Task
from ..cluster.connecting import attendance, connected, refuse_others
from ..report import Report, WorkerDown, WorkerUp
from ..stores import Store
from ..task import TaskSettings
from .executor import Resources, not_held

if TYPE_CHECKING:
    from ..cluster.fetching import DriverStore
    from ..cluster.sending import Query

AHEAD = 4
"""Tasks that are handed out for each thread of the cluster: so that it has some when it is done."""

LOOK_SECONDS = 0.2
"""How often to look for tasks of which nothing will be heard, for their workers have died."""


WORKER_SECONDS = 20.0
"""How long a query waits for a worker where there is none."""

CANCEL_SECONDS = 1.0
"""How long tasks that write have to let go of their files before these are removed."""


class DaskExecutor:
    """The workers of a Dask cluster, for one session.

    Parameters
    ----------
    where
        ``dask``, ``dask://host:port``, or a `distributed.Client`, which is not closed.
    resources
        How many workers a cluster of this machine has, and where they put rows on disk.
    """

    name = "dask"
    shares_memory = False

    def __init__(self, where: Any, resources: Resources) -> None:
        self._client, self._cluster = connected(where, resources)
        self._process = os.getpid()
        self._topic = f"partita-{self._client.id}"
        self._limit = resources.memory_limit
        self._queries: dict[int, Query] = {}
        self._stores: dict[int, DriverStore] = {}
        self._known: dict[str, tuple[int, int]] = {}
        """By address: the number and the process of a worker."""

        self._numbers = 0
        self._told: list[futures.Future[None]] = []
        """What workers are being told, with nobody waiting for it."""

        self._changed = True
        self.workers = 1
        self.memory = 0
        # Before Dask's own end of all clusters, which was registered earlier: at its import.
        atexit.register(self.close)
        self._client.subscribe_topic(self._topic, self._hear)
        try:
            self._client.register_plugin(attendance(self._topic, self._client.id))
            self._news = self._meet()
        except BaseException:
            self.close()
            raise

    def _hear(self, event: tuple[float, dict[str, Any]]) -> None:
        """Take what a worker tells, or that one has come or gone, in the client's own thread."""
        news = event[1]
        self._changed |= "there" in news
        query = self._queries.get(news.get("query", 0))
        if query is not None:
            query.heard.put(news)

    def _meet(self) -> list[Report]:
        """Look which workers have come, and refuse those that do not fit, and which are gone."""
        self._changed = False
        there = self._client.scheduler_info(n_workers=-1)["workers"]
        reports: list[Report] = []
        for address in [address for address in self._known if address not in there]:
            number, pid = self._known.pop(address)
            reports.append(WorkerDown(number, pid, f"{address} left the cluster"))
        new = [address for address in there if address not in self._known]
        for address, pid in refuse_others(self._client, new, in_query=self.busy):
            self._numbers += 1
            self._known[address] = self._numbers, pid
            reports.append(WorkerUp(self._numbers, pid))
        # Who has not answered is gone the next time, or is asked again.
        self._changed |= any(address not in self._known for address in new)
        self.workers = max(1, sum(worker["nthreads"] for worker in there.values()))
        self.memory = sum(worker["memory_limit"] or 0 for worker in there.values())
        return reports

    @property
    def broken(self) -> bool:
        """Whether the scheduler is gone."""
        return self._client.status != "running"

    @property
    def busy(self) -> bool:
        """Whether a query is under way."""
        return bool(self._queries)

    def open_query(
        self, query: int, settings: TaskSettings, cancelled: Callable[[], bool]
    ) -> Store:
        """Make ready for the tasks of a query."""
        from ..cluster.fetching import DriverStore
        from ..cluster.sending import Query  # with all of Dask

        found = self._queries[query] = Query(
            (self._topic, query), settings, self._cluster is not None
        )
        self._seen = time.monotonic()
        store = self._stores[query] = DriverStore(found, self._client, self._limit)
        return store

    def holds(self, query: int) -> bool:
        """Return whether the query is open here."""
        return query in self._queries and os.getpid() == self._process

    def _query(self, query: int) -> Query:
        if not self.holds(query):
            raise not_held()
        return self._queries[query]

    def free(self, query: int) -> int:
        """Return how many tasks can be handed out."""
        return AHEAD * self.workers - len(self._query(query).sent)

    def start(self, stage: Stage, task: Task) -> int:
        """Note a task; it goes out with others, when the driver waits for reports."""
        self._query(task.query).add(stage, task)
        return 0

    def completed(self, query: int, timeout: float) -> Sequence[Report]:
        """Send what was started, and wait for reports."""
        found = self._query(query)
        found.send(self._client, len(self._known))
        reports, self._news = self._news, []
        with contextlib.suppress(queue.Empty):
            news = found.heard.get(timeout=timeout)
            while True:
                worker, _ = self._known.get(news["worker"], (0, 0))
                reports += found.told(news, worker)
                news = found.heard.get_nowait()
        if time.monotonic() - found.looked > LOOK_SECONDS:
            found.looked = time.monotonic()
            self._check()
            reports += found.given_up()
        if self._changed:
            reports += self._meet()
        self._stores[query].fetch_ahead()
        return reports

    def _check(self) -> None:
        """Raise where the scheduler is gone, or all workers are."""
        if self.broken:
            raise ExecutionError(
                f"The Dask scheduler of {self._client} does not answer any more; what the query had"
                " made is gone with it. Run the query again when there is one."
            )
        now = time.monotonic()
        if self._known:
            self._seen = now
        elif now - self._seen > WORKER_SECONDS:
            raise WorkerLost(
                f"No worker is connected to the scheduler of {self._client}, for"
                f" {WORKER_SECONDS:.0f} s now. Start some with `dask worker`; their logs say why"
                " others have ended (perhaps --memory-limit)."
            )

    def cancel(self, query: int, stage: int | None = None, partition: int | None = None) -> None:
        """Give up tasks; Dask tells the workers that have them."""
        sent = self._query(query).sent
        for key in list(sent):
            if stage is None or (key.stage, key.partition) == (stage, partition):
                del sent[key]

    def close_query(self, query: int) -> None:
        """Give up all that belongs to the query."""
        if self.holds(query) and not self.broken:
            from ..cluster.remote import aside, forget

            self._queries[query].leave(CANCEL_SECONDS)
            self._told.append(aside(self._client, forget, (self._topic, query)))
            self._told = [told for told in self._told if not told.done()]
        self._queries.pop(query, None)
        self._stores.pop(query, None)

    def close(self) -> None:
        """Leave the cluster; end it if it was started here."""
        self._queries.clear()
        atexit.unregister(self.close)
        if os.getpid() != self._process:
            return
        # A worker that is gone before it has answered is an error in the scheduler's log.
        futures.wait(self._told, CANCEL_SECONDS)
        self._client.close()
        if self._cluster is not None:
            from ..cluster.local import end  # with all of Dask

            end(self._cluster)

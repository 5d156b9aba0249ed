"""What runs on the scheduler of a Dask cluster: it tells a driver which workers come and go.

Dask has a topic of its own for that, "all". One of the events there, of `replicate`, holds objects
that cannot be sent, and cuts off every client that listens.
"""

from __future__ import annotations

from typing import Any

from distributed.diagnostics.plugin import SchedulerPlugin

KEPT_BYTES = 32 << 20
"""After so many bytes of a driver's events they are forgotten; Dask keeps 100,000 of each topic."""


class Attendance(SchedulerPlugin):
    """Tells one driver of workers, and forgets what was told to it.

    Parameters
    ----------
    topic
        The topic that the driver listens to.
    client
        Its client, at whose end this ends.
    """

    def __init__(self, topic: str, client: str) -> None:
        self.name = topic
        self._client = client
        self._size = 0

    async def start(self, scheduler: Any) -> None:
        """Note where this runs."""
        self._scheduler = scheduler

    def add_worker(self, scheduler: Any, worker: str) -> None:
        """Tell of a worker that has come."""
        scheduler.log_event(self.name, {"worker": worker, "there": True})

    def remove_worker(self, scheduler: Any, worker: str, **_: Any) -> None:
        """Tell of a worker that is gone."""
        scheduler.log_event(self.name, {"worker": worker, "there": False})

    def log_event(self, topic: str, msg: Any) -> None:
        """Have what was told forgotten now and then: it has been sent already."""
        if topic == self.name:
            self._size += 200 + sum(len(msg.get(part, b"")) for part in ("reports", "output"))
            if self._size > KEPT_BYTES:
                self._forget()

    def remove_client(self, scheduler: Any, client: str) -> None:
        """End with the driver."""
        if client == self._client:
            self._forget()
            scheduler.remove_plugin(self.name)

    def _forget(self) -> None:
        self._size = 0
        self._scheduler._broker.truncate(self.name)

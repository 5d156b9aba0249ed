"""What the driver reads of a cluster: rows of the result, fetched some ahead of whoever takes them.

A round trip for each partition, one after the other, is what a result of many small ones waits for.
So those that come next are asked for together, as many as fit the driver's share of memory: what it
has not taken yet stays on the workers.
"""

from __future__ import annotations

import asyncio
import heapq
import os
from collections.abc import Iterator
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from ...errors import WorkerLost
from ...physical.stage import Ref
from ..stores import MemoryStore

if TYPE_CHECKING:
    from distributed import Client

    from .exchange import Made
    from .output import Output
    from .sending import Query

DRIVER_SHARE = 0.05
"""Of the memory limit, what may be fetched ahead: half of the driver's tenth of it."""


class DriverStore(MemoryStore):
    """What the driver reads of the cluster, and what it gives to it.

    Parameters
    ----------
    query
        Whose streams these are.
    client
        Fetches them.
    limit
        Bytes that all of it may take on this machine.
    """

    def __init__(self, query: Query, client: Client, limit: int) -> None:
        super().__init__(os.getcwd, query.files)
        self._query = query
        self._client = client
        self._most = int(DRIVER_SHARE * limit)
        self._coming: dict[Made, Future[list[Output]]] = {}
        self._ahead: dict[str, int] = {}
        """Bytes by path of what was asked for before anybody read it, and is not removed yet."""

    def fetch_ahead(self) -> None:
        """Ask for what of the result comes next and is not here, as far as there is room."""
        left = self._most - sum(self._ahead.values())
        results = self._query.results
        while results and results[0].size <= left:
            result = heapq.heappop(results)
            paths = {path: size for path, size in result.paths.items() if path in self._query.made}
            if paths and result.made not in self._coming:
                self._ahead.update(paths)
                left -= sum(paths.values())
                self._ask(result.made)

    def read(self, *refs: Ref, sparsely: bool = False) -> Iterator[pa.RecordBatch]:
        """Stream the batches of `refs`, fetched together if they are not here yet."""
        missing = dict.fromkeys(
            self._query.made[ref.path] for ref in refs if ref.path not in self.files
        )
        for made in missing:
            if made not in self._coming:
                self._ask(made)
        if missing:
            self.fetch_ahead()
        for made in missing:
            for output in self._arrived(self._coming.pop(made)):
                self.files.update({path: dict(streams) for path, streams in output.files.items()})
        yield from super().read(*refs)

    def remove(self, path: str) -> None:
        """Forget the streams under `path`, here and there."""
        made = self._query.made.pop(path, None)
        if self._ahead.pop(path, None) is not None:
            if made is not None and path not in self.files:
                self._coming.pop(made, None)  # nobody has wanted it
            self.fetch_ahead()
        super().remove(path)

    def _ask(self, made: Made) -> None:
        """Have an output fetched, in the client's own thread."""
        loop: Any = self._client.loop

        async def gathered(future: Any = made.future) -> list[Output]:
            outputs: list[Output] = await self._client.gather([future], asynchronous=True)
            return outputs

        self._coming[made] = asyncio.run_coroutine_threadsafe(gathered(), loop.asyncio_loop)

    def _arrived(self, coming: Future[list[Output]]) -> list[Output]:
        try:
            return coming.result()
        except Exception as error:  # whatever Dask raises of what was lost
            raise WorkerLost(
                f"Rows that the cluster had made could not be fetched: {type(error).__name__}:"
                f" {error}. Run the query again."
            ) from error

"""A Dask cluster on this machine: the scheduler in this process, each worker from a command line.

`distributed.LocalCluster` starts workers by `multiprocessing`, which imports the user's script once
more in each of them: a script without a guard, or one from standard input, ends in a traceback.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import signal
import sys
from typing import Any

from distributed import Scheduler
from distributed.deploy.spec import ProcessInterface, SpecCluster

from ..executors.executor import Resources
from ..executors.fork_server import ENVIRONMENT

LOOPBACK = "127.0.0.1"


class _Worker(ProcessInterface):
    """A worker and its nanny, which ends when the scheduler is gone: with this process."""

    def __init__(self, scheduler: str, name: Any, options: dict[str, Any]) -> None:
        self._spec = {"cls": "distributed.Nanny", "opts": {"name": name, **options}}
        self._scheduler = scheduler
        self._process: asyncio.subprocess.Process | None = None
        super().__init__()

    async def start(self) -> None:
        """Start the process; the scheduler hears of it when it is there."""
        command = [sys.executable, "-P", "-m", "dask", "spec", self._scheduler]
        path = os.pathsep.join(filter(None, sys.path))
        self._process = await asyncio.create_subprocess_exec(
            *command,
            "--spec",
            json.dumps(self._spec),
            stdin=asyncio.subprocess.DEVNULL,
            env={**os.environ, **ENVIRONMENT, "PYTHONPATH": path},
            # Ctrl-C in a terminal is for the driver.
            start_new_session=True,
        )
        await super().start()

    async def close(self) -> None:
        """End it with the process that works for it."""
        process, self._process = self._process, None
        if process is not None and process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
        await super().close()


def local_cluster(resources: Resources) -> SpecCluster:
    """Return a cluster of `resources.workers` workers of one thread each, on loopback alone."""
    options = {
        "host": LOOPBACK,
        "nthreads": 1,
        "memory_limit": resources.memory_limit // resources.workers or None,
        "local_directory": resources.directory().disk,
        "dashboard": False,
        "silence_logs": logging.WARNING,
    }
    worker = {"cls": _Worker, "options": {"options": options}}
    return SpecCluster(
        scheduler={
            "cls": Scheduler,
            "options": {
                "host": LOOPBACK,
                "port": 0,
                "dashboard": True,
                "dashboard_address": f"{LOOPBACK}:0",
            },
        },
        workers=dict.fromkeys(range(resources.workers), worker),
        worker=worker,
        silence_logs=logging.WARNING,
        name="partita",
    )


def end(cluster: Any) -> None:
    """End a cluster; what its workers are being told meanwhile is no error for a user to read."""
    batched = logging.getLogger("distributed.batched")
    if batched.level == logging.NOTSET:
        # It says of streams that they are closed, also after the cluster has closed them.
        batched.setLevel(logging.WARNING)
    log = logging.getLogger("distributed.scheduler")
    level = log.level
    log.setLevel(logging.CRITICAL)
    try:
        cluster.close()
    finally:
        log.setLevel(level)

"""Dask clusters as a user starts them: a scheduler and workers, each from its command line."""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import psutil

START_SECONDS = 60.0
"""How long a process may take until it serves; it imports for about a second."""

END_SECONDS = 10.0
"""How long one that is asked to end has for it."""


LOOPBACK = "127.0.0.1"

_LIBC = ctypes.CDLL(None)
_PR_SET_PDEATHSIG = 1


def _end_with_parent() -> None:
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


class Member:
    """A scheduler or a worker: a process group with a log.

    Parameters
    ----------
    log
        Where its output goes.
    command
        The command line, after `python`.
    environment
        Variables beside those of this process.
    before
        What the command is run by, such as ``ip netns exec NAME``.
    python
        The interpreter; by default this one.
    """

    def __init__(
        self,
        log: Path,
        command: Sequence[object],
        environment: Mapping[str, str] | None = None,
        before: Sequence[str] = (),
        python: str = sys.executable,
    ) -> None:
        self.log = log
        with log.open("w") as output:
            self._process = subprocess.Popen(
                [*before, python, "-m", "dask", *map(str, command)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, **(environment or {})},
                # Where nothing of the tests can be imported from.
                cwd=log.parent,
                start_new_session=True,
                # With these tests, however they end.
                preexec_fn=_end_with_parent,
            )

    @property
    def pid(self) -> int:
        """The process that was started: of a worker the nanny, or what runs it in a namespace."""
        return self._process.pid

    def processes(self) -> list[psutil.Process]:
        """Return the living processes of the group."""
        found = []
        for process in psutil.process_iter():
            try:
                if os.getpgid(process.pid) == self.pid:
                    found.append(process)
            except ProcessLookupError:
                continue  # it is over
        return [process for process in found if process.is_running()]

    def await_line(self, text: str) -> None:
        """Wait until the log has `text`."""
        deadline = time.monotonic() + START_SECONDS
        while text not in self.log.read_text():
            ended = self._process.poll() is not None
            if ended or time.monotonic() > deadline:
                raise AssertionError(f"{text!r} is not told by {self.log}:\n{self.log.read_text()}")
            time.sleep(0.02)

    def kill(self) -> None:
        """End all its processes at once, as a machine ends that loses its power."""
        with contextlib.suppress(ProcessLookupError):  # they may have ended
            os.killpg(self.pid, signal.SIGKILL)
        self._process.wait()

    def end(self) -> None:
        """Ask it to end, and see to it."""
        self._process.terminate()
        try:
            self._process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()


class Cluster:
    """A scheduler and its workers, on this machine or on hosts of its own.

    Parameters
    ----------
    folder
        Where logs are written, and what workers put aside.
    scheduler
        Options of ``dask scheduler`` beside the port and the dashboard, which is not run.
    environment
        Variables of all members, such as settings of Dask (``DASK_DISTRIBUTED__...``).
    before
        What the scheduler's command is run by.
    """

    def __init__(
        self,
        folder: Path,
        scheduler: Sequence[object] = ("--host", LOOPBACK),
        environment: Mapping[str, str] | None = None,
        before: Sequence[str] = (),
    ) -> None:
        self.folder = folder
        self.environment = dict(environment or {})
        self.workers: list[Member] = []
        told = folder / "scheduler.json"
        # A port of its own choice, so that clusters of several runs are apart.
        command = ["scheduler", "--port", 0, "--no-dashboard", "--dashboard-address", ":0"]
        self.scheduler = Member(
            folder / "scheduler.log",
            [*command, "--scheduler-file", told, *scheduler],
            self.environment,
            before,
        )
        try:
            self.scheduler.await_line("Scheduler at:")
            self.address = _address(told)
        except BaseException:
            self.close()
            raise

    @property
    def executor(self) -> str:
        """What a session is given as `executor` to run on the cluster."""
        scheme, rest = self.address.split("://")
        return f"{'dask' if scheme == 'tcp' else scheme}://{rest}"

    def add_worker(
        self,
        *options: object,
        name: str = "",
        environment: Mapping[str, str] | None = None,
        before: Sequence[str] = (),
        python: str = sys.executable,
        host: str = LOOPBACK,
        await_it: bool = True,
    ) -> Member:
        """Start a worker of one thread; unless told otherwise return when it is registered."""
        name = name or f"worker-{len(self.workers)}"
        command = ["worker", self.address, "--name", name, "--nthreads", 1, "--no-dashboard"]
        places = ["--host", host, "--local-directory", self.folder / name]
        worker = Member(
            self.folder / f"{name}.log",
            [*command, *places, *options],
            {**self.environment, **(environment or {})},
            before,
            python,
        )
        self.workers.append(worker)
        if await_it:
            worker.await_line("Starting established connection")
        return worker

    def add_workers(self, number: int, *options: object, **more: Any) -> None:
        """Start several, and return when all are registered."""
        new = [self.add_worker(*options, await_it=False, **more) for _ in range(number)]
        for worker in new:
            worker.await_line("Starting established connection")

    def close(self) -> None:
        """End everything: first what depends on the scheduler."""
        for worker in self.workers:
            worker._process.terminate()
        for worker in self.workers:
            worker.end()
        self.scheduler.end()

    def __enter__(self) -> Cluster:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def _address(told: Path) -> str:
    """Return the address that a scheduler has written into its file."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        try:
            return str(json.loads(told.read_text())["address"])
        except (FileNotFoundError, json.JSONDecodeError):
            time.sleep(0.02)  # it is being written
    raise AssertionError(f"{told} was not written")

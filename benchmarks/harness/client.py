"""The harness's side of an engine's process."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pyarrow as pa

from .engines import Options
from .errors import EngineFailedError
from .suite import Dataset, Suite

ROOT = Path(__file__).resolve().parents[2]
"""Where ``benchmarks`` lies: the directory that a server process is started in."""

GRACE_SECONDS = 15.0
"""How long an engine may take to end before its processes are killed."""

INTERRUPTED_GRACE_SECONDS = 2.0
"""The same, when the run is ended by an error or by the user, perhaps in the middle of a query."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """One query, answered once."""

    seconds: float
    """From building the query to its last row, measured in the engine's process."""

    rows: pa.Table
    """The rows as the engine gave them."""


class EngineProcess:
    """An engine in a process, and a session (in the sense of POSIX), of its own.

    It is started at once and waited for by who asks it first, so that several start side by side.
    """

    def __init__(self, name: str, suite: Suite, dataset: Dataset, options: Options) -> None:
        self.name = name
        request = {
            "engine": name,
            "suite": suite.name,
            "dataset": dataset.as_json(),
            "options": asdict(options),
        }
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.harness.engines", json.dumps(request)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        self.pid = self._process.pid

    @cached_property
    def queries(self) -> tuple[str, ...]:
        """The queries it has, when it has started."""
        return tuple(self._read_header()["queries"])

    def ask(self, query: str) -> Answer:
        """Run a query once.

        Raises
        ------
        EngineFailedError
            When the engine raises (its traceback is in the message) or its process ends.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        assert query in self.queries
        with suppress(BrokenPipeError):  # the process has ended: reading says how
            self._process.stdin.write(json.dumps({"query": query}).encode() + b"\n")
            self._process.stdin.flush()
        header = self._read_header()
        if "error" in header:
            raise EngineFailedError(f"{self.name} failed on {query}:\n{header['error']}")
        payload = self._process.stdout.read(header["bytes"])
        if len(payload) < header["bytes"]:
            raise self._ended()
        return Answer(seconds=header["seconds"], rows=pa.ipc.open_stream(payload).read_all())

    def close(self, grace: float = GRACE_SECONDS) -> None:
        """End the engine: by closing its input, and by force when it does not follow."""
        if self._process.stdin is not None:
            with suppress(BrokenPipeError):
                self._process.stdin.close()
        try:
            self._process.wait(grace)
        except subprocess.TimeoutExpired:
            print(f"{self.name} did not end in {grace:.0f} s: killed", file=sys.stderr)
        finally:
            with suppress(ProcessLookupError):  # the whole group has ended by itself
                os.killpg(self.pid, signal.SIGKILL)
            self._process.wait()
            if self._process.stdout is not None:
                self._process.stdout.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close(GRACE_SECONDS if kind is None else INTERRUPTED_GRACE_SECONDS)

    def _read_header(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise self._ended()
        header: dict[str, Any] = json.loads(line)
        return header

    def _ended(self) -> EngineFailedError:
        return EngineFailedError(
            f"The process of {self.name} ended with exit code {self._process.wait()}; what it"
            " said is above."
        )

"""The protocol of executors: they start tasks and report, and decide nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from ...errors import ExecutionError
from ...physical.stage import Stage, Task
from ..report import Report
from ..run_directory import RunDirectory
from ..stores import Store
from ..task import TaskSettings


@dataclass(frozen=True)
class Resources:
    """What a session gives to an executor that it makes."""

    workers: int
    """How many tasks should run at once."""

    directory: Callable[[], RunDirectory]
    """Returns the session's directories, made when they are first asked for."""

    memory_limit: int = 0
    """Bytes that all of it may take."""


class Executor(Protocol):
    """Where tasks run."""

    name: str
    workers: int
    memory: int
    """Bytes that the workers have together for themselves; 0 where they share this machine's."""

    @property
    def broken(self) -> bool:
        """Whether it can start nothing any more, so that another has to be made."""

    @property
    def busy(self) -> bool:
        """Whether a query is under way."""

    @property
    def shares_memory(self) -> bool:
        """Whether tasks see the objects of this process, so that nothing need be written out."""

    def open_query(
        self, query: int, settings: TaskSettings, cancelled: Callable[[], bool]
    ) -> Store:
        """Make ready for the tasks of a query; return where their data is found.

        `cancelled` is for tasks that run in this process; the others are told by `cancel`.
        """

    def holds(self, query: int) -> bool:
        """Return whether the query is open here: not once this was closed, nor in a forked child
        of the process that has the workers."""

    def free(self, query: int) -> int:
        """Return how many more tasks of `query` can be started now."""

    def start(self, stage: Stage, task: Task) -> int:
        """Begin a task; return the number of the worker that has it."""

    def completed(self, query: int, timeout: float) -> Sequence[Report]:
        """Wait up to `timeout` seconds for something to report of `query`.

        Reports of other queries are kept for these: a query may be run while another one waits
        for its consumer.
        """

    def cancel(self, query: int, stage: int | None = None, partition: int | None = None) -> None:
        """Give up the tasks of a query, or one of them; nothing more is reported of them."""

    def close_query(self, query: int) -> None:
        """Forget a query and remove what its tasks have left."""

    def close(self) -> None:
        """End all workers; bounded in time."""


def not_held() -> ExecutionError:
    """Return (not raise) the error of a query that its executor does not hold any more."""
    return ExecutionError(
        "The session of this query was closed, or belongs to the process that this one was forked"
        " from. Run the query again."
    )

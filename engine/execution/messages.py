"""What driver, helper and workers say to each other, apart from reports of tasks."""

from __future__ import annotations

import io
import pickle
import struct
from dataclasses import dataclass
from typing import Any

from ..physical.stage import Task
from .task import TaskSettings

REQUEST = struct.Struct("!cI")
"""What the helper is asked: one of the letters below, and the number of a worker or of bytes."""

FORK = b"F"
"""To the helper, with a descriptor: fork a worker that serves it."""

IMPORT = b"I"
"""To the helper: import what is named behind the request, in so many bytes."""

CLOSE = b"C"
"""To the helper: the driver ends in order and removes its directories itself."""


def packed(*messages: object) -> bytes:
    """Return messages as bytes that are sent at once; `unpacked` takes them apart."""
    return b"".join([pickle.dumps(message, pickle.HIGHEST_PROTOCOL) for message in messages])


def unpacked(data: bytes) -> list[Any]:
    """Return the messages of what was sent at once, in order."""
    stream = io.BytesIO(data)
    messages = [pickle.load(stream)]
    while stream.tell() < len(data):
        messages.append(pickle.load(stream))
    return messages


@dataclass(frozen=True)
class Hello:
    """First message of the driver: how its interpreter finds modules, and where it stands."""

    path: tuple[str, ...]
    directory: str


@dataclass(frozen=True)
class OpenQuery:
    """A query begins; its data lies in these directories."""

    query: int
    settings: TaskSettings
    memory: str
    disk: str


@dataclass(frozen=True)
class NewStage:
    """A stage, pickled by value, that tasks will name."""

    query: int
    stage: int
    blob: bytes


@dataclass(frozen=True)
class Cancel:
    """Tasks that are no longer wanted: all of a query, or one."""

    query: int
    stage: int | None = None
    partition: int | None = None

    def covers(self, task: Task) -> bool:
        """Return whether `task` is one of them."""
        named = self.stage is None or (self.stage, self.partition) == (task.stage, task.partition)
        return task.query == self.query and named


@dataclass(frozen=True)
class CloseQuery:
    """A query is over; what was kept for it can go."""

    query: int


@dataclass(frozen=True)
class Cancelled:
    """Answer to a task that was given up."""

    query: int

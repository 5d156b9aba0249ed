"""Executors: where tasks are started. One file each, and a line in ``EXECUTORS``."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from .executor import Executor, Resources
from .process import ProcessExecutor
from .serial import SerialExecutor

EXECUTORS: Mapping[str, Callable[[Resources], Executor]] = {
    "serial": SerialExecutor,
    "process": ProcessExecutor,
}

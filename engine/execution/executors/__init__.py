"""Executors: where tasks are started. One file each, and a line in ``EXECUTORS``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from .executor import Executor, Resources
from .process import ProcessExecutor
from .serial import SerialExecutor

EXECUTORS: Mapping[str, Callable[[Resources], Executor]] = {
    "serial": SerialExecutor,
    "process": ProcessExecutor,
}


def started(name: Any, resources: Resources) -> Executor:
    """Return the executor that the setting ``executor`` names, started."""
    if name in EXECUTORS:
        return EXECUTORS[name](resources)
    from .dask import DaskExecutor  # with what it needs of distributed, which is optional

    return DaskExecutor(name, resources)

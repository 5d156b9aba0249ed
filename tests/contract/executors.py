"""The executors that the contract is held against: one line of `PLACES` for each.

What a test may ask of an executor follows from what that says of itself. One that shares its memory
with the driver has no processes that could be lost, and nothing travels to it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pytest

import partita as pt
from partita.engine.execution.executors.dask import DaskExecutor
from partita.engine.execution.executors.executor import Executor as ExecutorOfEngine
from partita.engine.execution.executors.process import ProcessExecutor
from partita.engine.execution.executors.serial import SerialExecutor

from ..clusters import Cluster

Settings = dict[str, object]


def no_settings(_: pytest.FixtureRequest) -> Settings:
    return {}


def two_workers(_: pytest.FixtureRequest) -> Settings:
    return {"workers": 2}


def the_cluster(request: pytest.FixtureRequest) -> Settings:
    cluster: Cluster = request.getfixturevalue("cluster")
    return {"executor": cluster.executor}


def files_of(session: pt.Session) -> list[str]:
    """Return the files of a session other than its locks."""
    places = session._directories()
    found = [
        os.path.join(folder, name)
        for place in (places.memory, places.disk)
        for folder, _, names in os.walk(place)
        for name in names
    ]
    return [path for path in found if os.path.basename(path) != "lock"]


def keys_of(session: pt.Session) -> list[str]:
    """Return what the scheduler of a session's cluster knows of, and what its workers hold."""
    from distributed import Client

    address = str(session.settings().executor).replace("dask://", "tcp://")
    with Client(address, set_as_default=False) as client:
        known = client.run_on_scheduler(lambda dask_scheduler: list(map(str, dask_scheduler.tasks)))
        held = client.run(lambda dask_worker: list(map(str, dask_worker.data)))
    return [*known, *(key for keys in held.values() for key in keys), *files_of(session)]


@dataclass(frozen=True, kw_only=True)
class Place:
    """How the tests run on an executor, and how they see what it holds."""

    kind: type[SerialExecutor] | type[ProcessExecutor] | type[DaskExecutor]
    settings: Callable[[pytest.FixtureRequest], Settings]
    held: Callable[[pt.Session], list[str]]
    own: Settings
    """With which the processes that it runs in are the session's own."""


PLACES: Mapping[str, Place] = {
    "serial": Place(kind=SerialExecutor, settings=no_settings, held=files_of, own={}),
    "process": Place(kind=ProcessExecutor, settings=two_workers, held=files_of, own={"workers": 2}),
    "dask": Place(
        kind=DaskExecutor,
        settings=the_cluster,
        held=keys_of,
        own={"executor": "dask", "workers": 2},
    ),
}
"""By the name that an executor has of itself."""

WITH_WORKERS = [name for name, place in PLACES.items() if not place.kind.shares_memory]
"""Those whose tasks run in other processes."""


class Executor:
    """One of them in a test: it opens sessions."""

    def __init__(self, name: str, request: pytest.FixtureRequest) -> None:
        self.name = name
        self.settings: Settings = {"executor": name, **PLACES[name].settings(request)}

    def session(self, **settings: object) -> pt.Session:
        """Return a session with these settings beside its own."""
        return pt.Session(**{**self.settings, **settings})

    def own_session(self, **settings: object) -> pt.Session:
        """Return a session with processes of its own."""
        return pt.Session(**{"executor": self.name, **PLACES[self.name].own, **settings})

    workers = 2
    """More are not there; an executor may have less."""

    @property
    def shares_memory(self) -> bool:
        """Whether its tasks run in this process."""
        return PLACES[self.name].kind.shares_memory

    def started(self, session: pt.Session) -> ExecutorOfEngine:
        """Return the executor itself that a session has."""
        return session.executor(str(self.settings["executor"]))

    def held(self, session: pt.Session) -> list[str]:
        """Return names of what the executor still holds for a session."""
        return PLACES[self.name].held(session)

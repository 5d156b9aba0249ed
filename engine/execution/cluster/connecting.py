"""How a Dask cluster is reached, and whether what runs there fits what runs here."""

from __future__ import annotations

import functools
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ...errors import ExecutionError, MissingDependency, WorkerLost
from ..executors.executor import Resources

if TYPE_CHECKING:
    import distributed


START_SECONDS = 60.0
"""How long workers of this machine may take to start."""

CONNECT_SECONDS = 10.0
"""How long a scheduler has to answer."""


def connected(where: Any, resources: Resources) -> tuple[distributed.Client, Any]:
    """Return a client of the cluster `where`, and the cluster if it was started for it.

    Parameters
    ----------
    where
        ``dask`` for a cluster on this machine, ``dask://host:port`` (``tls://``, ``tcp://``), or a
        client.
    resources
        How many processes a cluster on this machine has, and where they put rows on disk.
    """
    try:
        import distributed  # half a second
    except ImportError as error:
        raise MissingDependency(
            f"executor={where!r} needs the library distributed: pip install 'partita[dask]'."
        ) from error
    if where == "dask":
        return _started_here(resources)
    if isinstance(where, str):
        address, security = where.removeprefix("dask://"), None
        _refuse_without_certificate(address, distributed.Security())
    else:
        # One of our own beside the user's: topics have one listener in a client.
        address, security = where.scheduler.address, where.security
    try:
        client = distributed.Client(
            address, security=security, set_as_default=False, timeout=CONNECT_SECONDS
        )
        return client, None
    except OSError as error:
        raise ExecutionError(
            f"No Dask scheduler answers at {address!r} (executor={where!r}): {error}. Is it"
            " started, and reached from here? See docs/cluster.md."
        ) from error


def _started_here(resources: Resources) -> tuple[distributed.Client, Any]:
    import distributed

    from .local import local_cluster  # with all of Dask

    cluster = local_cluster(resources)
    client = None
    try:
        client = distributed.Client(cluster, set_as_default=False)
        client.wait_for_workers(resources.workers, timeout=START_SECONDS)
    except BaseException as error:
        if client is not None:
            client.close()
        cluster.close()
        if not isinstance(error, TimeoutError):
            raise
        raise ExecutionError(
            f"{resources.workers} Dask workers did not start on this machine within"
            f" {START_SECONDS:.0f} s; what is written to stderr says why."
        ) from error
    return client, cluster


def _refuse_without_certificate(address: str, security: distributed.Security) -> None:
    """Raise where Dask would, after a while and with what is in its way inside."""
    encrypted = address.startswith(("tls://", "wss://"))
    if encrypted and security.get_connection_args("client").get("ssl_context") is None:
        raise ExecutionError(
            f"{address!r} wants certificates, and Dask has none here. Set"
            " DASK_DISTRIBUTED__COMM__TLS__CA_FILE and, of this client,"
            " DASK_DISTRIBUTED__COMM__TLS__CLIENT__CERT and __KEY; see docs/cluster.md."
        )


def attendance(topic: str, client: str) -> Any:
    """Return what is to tell the driver of workers that come and go."""
    from .attendance import Attendance  # with all of Dask

    return Attendance(topic, client)


@functools.cache
def versions() -> Mapping[str, str]:
    """Return what has to be the same here and on every worker."""
    from importlib.metadata import version

    import pyarrow as pa

    python = ".".join(map(str, sys.version_info[:2]))
    return {"Python": python, "pyarrow": pa.__version__, "partita": version("partita")}


def unlike(there: Mapping[str, Any], here: Mapping[str, str]) -> str:
    """Return what is not the same in two processes, and nothing if all is.

    >>> unlike({"pyarrow": "25.0"}, {"pyarrow": "26.0"})
    'pyarrow 25.0, and the driver 26.0'
    """
    return "; ".join(
        f"{name} {there[name]}, and the driver {mine}"
        for name, mine in here.items()
        if there[name] != mine
    )


_ASKED = """{
    "pid": __import__("os").getpid(),
    "host": __import__("socket").gethostname(),
    "Python": "%d.%d" % __import__("sys").version_info[:2],
    **{
        name: (
            __import__(name).__version__
            if __import__("importlib.util").util.find_spec(name)
            else "none"
        )
        for name in ("pyarrow", "partita")
    },
}"""
"""An expression, for its text means the same to every version of Python, and needs no partita."""


def refuse_others(
    client: distributed.Client, workers: list[str], *, in_query: bool
) -> list[tuple[str, int]]:
    """Raise where a worker has another Python, pyarrow or partita than this process.

    Returned are the addresses of the workers and the numbers of their processes, without those that
    have ended before they answered where that is the affair of a query: a task may end every worker
    that Dask gives it to, and is told of by its own name.

    Raises
    ------
    ExecutionError
        With both versions and the worker.
    """
    if not workers:
        return []
    told: dict[str, Any] = client.run(eval, _ASKED, workers=workers, on_error="return")
    if in_query:
        told = {address: each for address, each in told.items() if not isinstance(each, OSError)}
    for address, found in told.items():
        if isinstance(found, OSError):
            raise WorkerLost(
                f"The worker {address} ended as soon as it was asked for its versions: {found}. Its"
                " log says why; it may have too little memory (--memory-limit) to start at all."
            )
        if isinstance(found, BaseException):
            raise ExecutionError(
                f"The worker {address} cannot say which versions it has: {type(found).__name__}:"
                f" {found}."
            )
    wrong = [
        f"worker {address} ({found['host']}) has {other}"
        for address, found in told.items()
        if (other := unlike(found, versions()))
    ]
    if wrong:
        more = f" (and {len(wrong) - 3} more)" if len(wrong) > 3 else ""
        raise ExecutionError(
            "The cluster does not fit this process: " + "; ".join(wrong[:3]) + more + ". Install"
            " the same versions there and restart its workers; answers and data between processes"
            " depend on them."
        )
    return [(address, found["pid"]) for address, found in told.items()]

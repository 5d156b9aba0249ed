"""Partita with its tasks on a Dask cluster of this machine: the same queries, another executor."""

from __future__ import annotations

import partita as pt

from . import Options
from .partita import Partita


def start(options: Options) -> Partita:
    """Set the cluster, of one-thread processes, and return the engine."""
    pt.config.set(executor="dask")
    if options.workers is not None:
        pt.config.set(workers=options.workers)
    return Partita()

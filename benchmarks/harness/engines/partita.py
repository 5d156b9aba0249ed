"""Partita through its public interface."""

from __future__ import annotations

import pyarrow as pa

import partita as pt

from . import Options


class Partita:
    """One session for all queries; its workers start with the first query that needs them."""

    def scan(self, path: str) -> pt.DataFrame:
        return pt.scan_parquet(path)

    def collect(self, query: pt.DataFrame) -> pa.Table:
        return query.collect().to_arrow()

    def close(self) -> None:
        """Nothing to do: the session ends with the process."""


def start(options: Options) -> Partita:
    """Set the executor and the workers, and return the engine."""
    pt.config.set(executor=options.executor)
    if options.workers is not None:
        pt.config.set(workers=options.workers)
    return Partita()

"""Polars, lazy frames on its streaming engine."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pyarrow as pa

from . import Options

if TYPE_CHECKING:
    import polars as pl


class Polars:
    """Lazy frames, collected by the streaming engine."""

    def scan(self, path: str) -> pl.LazyFrame:
        # late: its number of threads is read from the environment when it is imported
        import polars as pl

        return pl.scan_parquet(path)

    def collect(self, query: pl.LazyFrame) -> pa.Table:
        return query.collect(engine="streaming").to_arrow()

    def close(self) -> None:
        """Nothing to do: threads end with the process."""


def start(options: Options) -> Polars:
    """Set the number of threads and return the engine."""
    if options.workers is not None:
        os.environ["POLARS_MAX_THREADS"] = str(options.workers)
    return Polars()

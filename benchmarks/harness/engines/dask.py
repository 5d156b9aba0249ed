"""Dask DataFrame on a local cluster of processes, with the settings its documentation advises."""

from __future__ import annotations

from typing import Any

import dask
import dask.dataframe as dd
import pandas as pd
import pyarrow as pa
from distributed import Client, LocalCluster

from . import Options

BLOCKSIZE = "64MiB"
"""Row groups are read together up to this size. At scale 1 on two cores this gave the best sum of
Q1 and Q3 (1.3 s); 32 MiB 1.5 s, the default, a single partition for lineitem, 1.6 s, and a
partition per row group 2.4 s. Files are read together as well: a thousand of them, of 1,000 rows,
took 3.4 s that way and 15 s one by one, on a busy machine."""


class Dask:
    """A cluster with one thread per process, as Dask advises for work that holds the GIL."""

    def __init__(self, cluster: LocalCluster) -> None:
        self._cluster = cluster
        self._client = Client(cluster)

    def scan(self, path: str) -> Any:
        """Return the frame; its decimals as doubles, since pandas has no decimal arithmetic.

        By way of Arrow's doubles, which is a cast in Arrow: straight to NumPy's goes through a
        Python object for every value (Q1 at scale 1: 5.6 s against 1.3 s).
        """
        frame = dd.read_parquet(path, blocksize=BLOCKSIZE, aggregate_files=True)
        decimals = [
            name
            for name, dtype in frame.dtypes.items()
            if isinstance(dtype, pd.ArrowDtype) and pa.types.is_decimal(dtype.pyarrow_dtype)
        ]
        if not decimals:
            return frame
        arrow = frame.astype(dict.fromkeys(decimals, "double[pyarrow]"))
        return arrow.astype(dict.fromkeys(decimals, "float64"))

    def collect(self, query: Any) -> pa.Table:
        """Compute; a Series is what aggregates of a whole frame give, one row of them.

        So is a dict: its values are aggregates, computed together, its keys their names.
        """
        if isinstance(query, dict):
            (values,) = dask.compute(query)
            return pa.table({name: [_plain(value)] for name, value in values.items()})
        result = query.compute()
        rows = result.to_frame().T if isinstance(result, pd.Series) else result
        return pa.Table.from_pandas(rows, preserve_index=False)

    def close(self) -> None:
        self._client.close()
        self._cluster.close()


def _plain(value: Any) -> Any:
    """Return a number, None for what pandas gives in place of a null."""
    return None if pd.isna(value) else float(value)


def start(options: Options) -> Dask:
    """Start the cluster; it listens on loopback only and has no dashboard."""
    dask.config.set({"distributed.logging": {"distributed": "error"}})
    return Dask(
        LocalCluster(
            n_workers=options.workers,
            threads_per_worker=1,
            host="127.0.0.1",
            dashboard_address=None,
            silence_logs=40,  # logging.ERROR: the shuffle warns of each of its own starts
        )
    )

"""A new process of a user: imports one engine and asks it: ``ask.py ENGINE FILE WARM [EXECUTOR]``.

Run as a script, so that nothing is imported before the clock runs. It prints seconds and rows as
JSON: of the import, of the first query, and of so many more, which are warm.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from typing import Any

Rows = list[dict[str, Any]]


def partita(path: str, executor: str) -> Callable[[], Rows]:
    import partita as pt

    pt.config.set(executor=executor)
    col = pt.col

    def query() -> Rows:
        rows = pt.scan_parquet(path).filter(col("n") % 2 == 0)
        groups = rows.group_by("k").agg(total=col("n").sum(), mean=col("x").mean())
        return groups.sort("k").collect().to_dicts()

    return query


def polars(path: str, executor: str) -> Callable[[], Rows]:
    import polars as pl

    col = pl.col

    def query() -> Rows:
        rows = pl.scan_parquet(path).filter(col("n") % 2 == 0)
        groups = rows.group_by("k").agg(total=col("n").sum(), mean=col("x").mean())
        return groups.sort("k").collect(engine="streaming").to_dicts()

    return query


def duckdb(path: str, executor: str) -> Callable[[], Rows]:
    import duckdb

    text = """
        select k, sum(n)::bigint as total, avg(x) as mean
        from read_parquet(?) where n % 2 = 0 group by k order by k
    """

    def query() -> Rows:
        found = duckdb.execute(text, [path])
        names = [column[0] for column in found.description]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]

    return query


def dask(path: str, executor: str) -> Callable[[], Rows]:
    import dask.dataframe as dd
    from distributed import Client, LocalCluster

    clients: list[Client] = []

    def query() -> Rows:
        if not clients:
            cluster = LocalCluster(threads_per_worker=1, dashboard_address=None, silence_logs=40)
            clients.append(Client(cluster))
        frame = dd.read_parquet(path)
        groups = frame[frame.n % 2 == 0].groupby("k")
        found = groups.agg(total=("n", "sum"), mean=("x", "mean")).reset_index().sort_values("k")
        rows: Rows = found.compute().to_dict("records")
        return rows

    return query


ENGINES = {"partita": partita, "polars": polars, "duckdb": duckdb, "dask": dask}


def main() -> None:
    """Import, ask, print."""
    engine, path, warm, *executor = sys.argv[1:]
    times = [time.perf_counter()]
    query = ENGINES[engine](path, *(executor or ["auto"]))
    times.append(time.perf_counter())
    rows = query()
    times.append(time.perf_counter())
    again = []
    for _ in range(int(warm)):
        started = time.perf_counter()
        query()
        again.append(time.perf_counter() - started)
    seconds = {"import": times[1] - times[0], "first": times[2] - times[1], "warm": again}
    print(json.dumps({**seconds, "rows": rows}), flush=True)


if __name__ == "__main__":
    main()

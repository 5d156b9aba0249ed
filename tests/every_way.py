"""A query run whole and in parts, in this process and in others, must give the same rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pyarrow as pa

import partita as pt

PARTS = (1, 2, 7, 20)


def run_every_way(
    query: Callable[[pt.DataFrame], pt.DataFrame],
    table: pa.Table,
    *,
    parts: Sequence[int] = PARTS,
    processes: bool = False,
) -> Iterator[tuple[str, pa.Table]]:
    """Yield what a query over `table` gives, with how it was run.

    Parameters
    ----------
    query
        Makes the query of a frame over `table`.
    table
        The rows, in memory.
    parts
        Into about how many partitions the rows are cut, one way each.
    processes
        Whether two workers run it as well, with the data in 7 parts.
    """
    for parts in PARTS:
        for optimize in (True, False):
            with pt.config.set(executor="serial", optimize=optimize, **cuts(table, parts)):
                yield (
                    f"{parts} parts, {optimize=}",
                    query(pt.from_arrow(table)).collect().to_arrow(),
                )
    if processes:
        with pt.config.set(executor="process", workers=2, **cuts(table, 7)):
            yield "processes", query(pt.from_arrow(table)).collect().to_arrow()


def cuts(table: pa.Table, parts: int) -> dict[str, Any]:
    """Return settings that cut `table` into about so many partitions, and exchanges likewise."""
    size = max(1, table.nbytes // parts)
    if parts == 1:
        return {"partition_bytes": max(1, table.nbytes) * 4}
    return {
        "partition_bytes": size,
        "exchange_bytes": 600,
        "broadcast_bytes": 64,
        "chunk_bytes": 200,
        "batch_rows": 5,
    }

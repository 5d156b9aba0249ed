"""Into how many fragments a scan is cut: enough to share the work, few enough not to show."""

from __future__ import annotations

from ..source import Pushdown, ScanPlan, Source

PARTS = 16
"""Of a scan of little data. The last task of a stage runs while other workers wait: with 16 tasks
two workers wait less than a thirtieth of the time, where with 3 one of them waits a third."""

LEAST_BYTES = 4 * 2**20
"""Of a fragment that is cut smaller than the settings say. It is read in about 10 ms, and a task
costs about 0.5 ms."""

FEW = 4
"""Tasks into which a scan of less data yet is cut all the same, as far as it goes: what is joined
to its rows is done in them too, and others have often nothing else to do meanwhile. Longest way
through the tasks of TPC-H at scale 1, of whose processor time (medians of six runs) the schedule
of two workers was simulated: Q2 34.7 ms before, 30.5 now, Q16 36.9 and 34.2, Q22 35.5 and 33.6,
Q14 122 and 120; the time of all tasks together is 2.3 % more."""

LEAST_OF_FEW = 2**20
"""Bytes of their fragments; of less than two of them nothing is cut."""

LEAST_SHARE = 8
"""A fragment is not cut smaller than this share of what the settings say."""


def evenly_cut(source: Source, pushdown: Pushdown, partition_bytes: int) -> ScanPlan:
    """Return the fragments of a scan, of `partition_bytes` or, of less data, smaller.

    The cut depends on the data and on `partition_bytes` alone, never on the number of workers.
    """
    plan = source.plan(pushdown, partition_bytes)
    total = sum(fragment.bytes for fragment in plan.fragments)
    size = max(total // PARTS, partition_bytes // LEAST_SHARE, LEAST_BYTES)
    if 2 * LEAST_OF_FEW <= total < FEW * size:
        size = max(total // FEW, partition_bytes // LEAST_SHARE // FEW, LEAST_OF_FEW)
    if size >= partition_bytes or total <= size:
        return plan
    return source.plan(pushdown, size)

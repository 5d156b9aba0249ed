"""Into how many fragments a scan is cut: enough to share the work, few enough not to show."""

from __future__ import annotations

from ..source import Pushdown, ScanPlan, Source

PARTS = 16
"""Of a scan of little data. The last task of a stage runs while other workers wait: with 16 tasks
two workers wait less than a thirtieth of the time, where with 3 one of them waits a third."""

LEAST_BYTES = 4 * 2**20
"""Of a fragment that is cut smaller than the settings say. It is read in about 10 ms, and a task
costs about 0.5 ms."""

LEAST_SHARE = 8
"""A fragment is not cut smaller than this share of what the settings say."""


def evenly_cut(source: Source, pushdown: Pushdown, partition_bytes: int) -> ScanPlan:
    """Return the fragments of a scan, of `partition_bytes` or, of less data, smaller.

    The cut depends on the data and on `partition_bytes` alone, never on the number of workers.
    """
    plan = source.plan(pushdown, partition_bytes)
    total = sum(fragment.bytes for fragment in plan.fragments)
    size = max(total // PARTS, partition_bytes // LEAST_SHARE, LEAST_BYTES)
    if size >= partition_bytes or total <= size:
        return plan
    return source.plan(pushdown, size)

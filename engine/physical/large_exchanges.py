"""Exchanges of very many tasks: how many pieces there may be, and how they become fewer.

An exchange of all to all has a piece for each task that writes and each that reads: a few bytes of
the driver's memory and microseconds of its time each, and a read of its own. A million of them take
4 s of the driver, however many rows they hold; a hundred million would take its memory. Beyond, the
tasks hand their rows on as they are, and fewer tasks, which read a run of neighbours each, split
them. What that costs, writing and reading the rows once more, is paid only by what is large: with
256 slots and partitions of 32 MiB, from 128 GiB on.
"""

from __future__ import annotations

import math

from .stage import Exchange

MOST_PIECES = 2**20
"""Of one exchange."""

MOST_RUNS = math.isqrt(MOST_PIECES)
"""Sorted runs of a range exchange, where the number of ranges is not known before."""


def most_writers(output: Exchange) -> int | None:
    """Return how many tasks may write into an exchange; None where it does not matter."""
    match output.kind:
        case "hash":
            return max(1, MOST_PIECES // output.partitions)
        case "range":
            return MOST_RUNS
        case _:
            return None


def range_count(size: int, runs: int, target: int) -> int:
    """Return into how many ranges `runs` of `size` bytes together are cut.

    >>> range_count(2**30, 8, 2**24), range_count(2**50, 1024, 2**24)
    (64, 1024)
    """
    return max(1, min(-(-size // target), MOST_PIECES // max(runs, 1)))

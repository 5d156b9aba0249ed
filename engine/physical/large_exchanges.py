"""Exchanges of very many tasks: how many pieces there may be, and how they become fewer.

An exchange of all to all has a piece for each task that writes and each that reads: 200 bytes of
the driver's memory, 4 microseconds of its time, and a read of its own, however many rows it holds.
So their number follows the bytes that are read for them, from a million (5 s of the driver) to four
millions (20 s and 1 GiB). Beyond, the tasks hand their rows on as they are, and fewer tasks, which
read a run of neighbours each, split them. What that costs, writing and reading the rows once more,
is paid only by what is large: with 256 slots and partitions of 32 MiB, from 128 GiB on.

Fewer pieces for the largest would spare the driver little beside its tasks, and make tasks so large
and few that a thousand workers wait for the last of them: in `benchmarks.cluster_sim` a sort of
100,000 parts had 1,033 tasks in each stage behind them with a million pieces, and took 2.8 times as
long as it could have.
"""

from __future__ import annotations

import math

from .stage import Exchange

LEAST_PIECES = 2**20
"""Of an exchange, up to which nobody asks how large they are."""

MOST_PIECES = 2**22
"""Of one exchange, however much it moves."""

_PIECE_BYTES = 2**20
"""That are read for a piece where there are more than `LEAST_PIECES`."""


def most_pieces(size: int) -> int:
    """Return how many pieces an exchange may have for which `size` bytes are read.

    >>> most_pieces(2**30), most_pieces(2**41), most_pieces(2**50)
    (1048576, 2097152, 4194304)
    """
    return min(MOST_PIECES, max(LEAST_PIECES, size // _PIECE_BYTES))


def most_runs(size: int) -> int:
    """Return how many tasks may write, and as many read, where either number follows the other."""
    return math.isqrt(most_pieces(size))


def most_writers(output: Exchange, size: int) -> int | None:
    """Return how many tasks may write into an exchange; None where it does not matter."""
    match output.kind:
        case "hash":
            return max(1, most_pieces(size) // output.partitions)
        case "range":
            return most_runs(size)
        case _:
            return None


def range_count(size: int, runs: int, target: int) -> int:
    """Return into how many ranges `runs` of `size` bytes together are cut.

    >>> range_count(2**30, 8, 2**24), range_count(2**50, 2048, 2**24)
    (64, 2048)
    """
    return max(1, min(-(-size // target), MOST_PIECES // max(runs, 1)))

"""Cases of the loops that several kernels share."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from .case import Arguments, Cases


def gather(random: np.random.Generator) -> Iterator[Arguments]:
    for rows in (0, 1, 1000):
        places = random.integers(0, 50, rows)
        for dtype in (np.int32, np.int64, np.float64):
            yield [np.arange(50, dtype=dtype), places, np.zeros(rows, dtype)]


CASES: dict[str, Cases] = {"gather": gather}

"""Arguments for every compiled kernel: what the loop and its stand-in are compared on.

A case is a function of a random generator that yields lists of arguments; arrays that the kernel
writes are compared afterwards, byte for byte, and so is what it returns.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

Arguments = list[Any]
Cases = Callable[[np.random.Generator], Iterator[Arguments]]


def gather(random: np.random.Generator) -> Iterator[Arguments]:
    for rows in (0, 1, 1000):
        places = random.integers(0, 50, rows)
        for dtype in (np.int32, np.int64, np.float64):
            yield [np.arange(50, dtype=dtype), places, np.zeros(rows, dtype)]


CASES: dict[str, Cases] = {"gather": gather}

"""Compiled loops that several kernels share."""

from __future__ import annotations

import numpy as np

from .jit import kernel


def _gather_numpy(values: np.ndarray, places: np.ndarray, out: np.ndarray) -> None:
    np.take(values, places, out=out, mode="clip")


@kernel(
    "in i4, in i8, out i4", "in i8, in i8, out i8", "in f8, in i8, out f8", instead=_gather_numpy
)
def gather(values: np.ndarray, places: np.ndarray, out: np.ndarray) -> None:
    """Put the value at each place into `out`; places are within `values`."""
    for row in range(len(places)):
        out[row] = values[places[row]]

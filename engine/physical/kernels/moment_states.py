"""MOMENT_STATES: skewness, kurtosis, covariance, correlation; states are counts, means, moments.

Moments about the mean are computed in two passes over a batch and merged by the formulas of Pébay
(Formulas for Robust, One-Pass Parallel Computation of Covariances and Arbitrary-Order Statistical
Moments, Sandia report 2008-6212), for any number of parts at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from .accumulate import count_rows, doubles, sum_counts, sum_floats
from .group import GroupIds
from .state import Parts, State
from .words import validity

Options = Mapping[str, Any]

_EPSILON = float(np.finfo(np.float64).eps)


def _moments(groups: GroupIds, array: pa.Array) -> Parts:
    ids, count = groups.ids, groups.count
    valid = validity(array)
    values = doubles(array)
    if valid is not None:
        ids, values = ids[valid], values[valid]
    rows = count_rows(ids, count)
    mean = sum_floats(ids, count, values) / np.maximum(rows, 1)
    with np.errstate(invalid="ignore", over="ignore"):
        distance = values - mean[ids]
        # By multiplication, since numpy's third power costs ten times its square.
        square = distance * distance
        powers = (square, square * distance, square * square)
        sums = [sum_floats(ids, count, power) for power in powers]
    return tuple(pa.array(part) for part in (rows, mean, *sums))


def _merge_moments(groups: GroupIds, parts: Parts) -> Parts:
    rows, mean, second, third, fourth = (part.to_numpy() for part in parts)
    total, common, distance = _common(groups, rows, mean)
    with np.errstate(invalid="ignore", over="ignore"):
        merged = (
            second + rows * distance**2,
            third + 3 * distance * second + rows * distance**3,
            fourth + 4 * distance * third + 6 * distance**2 * second + rows * distance**4,
        )
    sums = (sum_floats(groups.ids, groups.count, each) for each in merged)
    return tuple(pa.array(part) for part in (total, common, *sums))


def _common(
    groups: GroupIds, rows: np.ndarray, mean: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the rows and the mean of each group, and how far from it the mean of each part is."""
    total = sum_counts(groups.ids, groups.count, rows)
    with np.errstate(invalid="ignore", over="ignore"):
        weighted = np.where(rows > 0, mean * rows, 0.0)
        common = sum_floats(groups.ids, groups.count, weighted) / np.maximum(total, 1)
        distance = np.where(rows > 0, mean - common[groups.ids], 0.0)
    return total, common, distance


def _are_equal(rows: np.ndarray, mean: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return whether the values of a group differ by roundings of their mean alone."""
    with np.errstate(invalid="ignore", over="ignore"):
        return second / np.maximum(rows, 1) <= (_EPSILON * mean) ** 2


def _finish_skew(parts: Parts, dtype: pa.DataType, options: Options) -> pa.Array:
    rows, mean, second, third, _ = (part.to_numpy() for part in parts)
    count = np.maximum(rows, 1).astype(np.float64)
    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
        skew = (third / count) / (second / count) ** 1.5
        if not options.get("bias", True):
            skew = skew * np.sqrt(count * (count - 1)) / (count - 2)
    skew = np.where(_are_equal(rows, mean, second), np.nan, skew)
    least = 1 if options.get("bias", True) else 3
    return pa.array(skew, mask=rows < least)


def _finish_kurtosis(parts: Parts, dtype: pa.DataType, options: Options) -> pa.Array:
    rows, mean, second, _, fourth = (part.to_numpy() for part in parts)
    count = np.maximum(rows, 1).astype(np.float64)
    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
        kurtosis = (fourth / count) / (second / count) ** 2
        if not options.get("bias", True):
            scaled = (count**2 - 1) * kurtosis - 3 * (count - 1) ** 2
            kurtosis = scaled / ((count - 2) * (count - 3)) + 3
    kurtosis = np.where(_are_equal(rows, mean, second), np.nan, kurtosis)
    if options.get("fisher", True):
        kurtosis = kurtosis - 3
    least = 1 if options.get("bias", True) else 4
    return pa.array(kurtosis, mask=rows < least)


# Two columns


def _joint(groups: GroupIds, array: pa.StructArray) -> Parts:
    left, right = array.field(0), array.field(1)
    valid = np.ones(len(array), np.bool_)
    for column in (left, right):
        known = validity(column)
        valid = valid if known is None else valid & known
    ids, count = groups.ids[valid], groups.count
    x, y = doubles(left)[valid], doubles(right)[valid]
    rows = count_rows(ids, count)
    most = np.maximum(rows, 1)
    with np.errstate(invalid="ignore", over="ignore"):
        mean_x, mean_y = sum_floats(ids, count, x) / most, sum_floats(ids, count, y) / most
        dx, dy = x - mean_x[ids], y - mean_y[ids]
        sums = [sum_floats(ids, count, each) for each in (dx**2, dy**2, dx * dy)]
    return tuple(pa.array(part) for part in (rows, mean_x, mean_y, *sums))


def _merge_joint(groups: GroupIds, parts: Parts) -> Parts:
    rows, mean_x, mean_y, xx, yy, xy = (part.to_numpy() for part in parts)
    total, common_x, dx = _common(groups, rows, mean_x)
    _, common_y, dy = _common(groups, rows, mean_y)
    with np.errstate(invalid="ignore", over="ignore"):
        merged = (xx + rows * dx**2, yy + rows * dy**2, xy + rows * dx * dy)
    sums = (sum_floats(groups.ids, groups.count, each) for each in merged)
    return tuple(pa.array(part) for part in (total, common_x, common_y, *sums))


def _finish_covariance(parts: Parts, dtype: pa.DataType, options: Options) -> pa.Array:
    rows, together = parts[0].to_numpy(), parts[5].to_numpy()
    freedom = rows - int(options.get("ddof", 1))
    return pa.array(together / np.maximum(freedom, 1), mask=freedom <= 0)


def _finish_correlation(parts: Parts, dtype: pa.DataType, options: Options) -> pa.Array:
    rows, mean_x, mean_y, xx, yy, xy = (part.to_numpy() for part in parts)
    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
        found = xy / (np.sqrt(xx) * np.sqrt(yy))
    constant = _are_equal(rows, mean_x, xx) | _are_equal(rows, mean_y, yy)
    # A rounding may carry a perfect correlation past 1.
    return pa.array(np.where(constant, np.nan, np.clip(found, -1.0, 1.0)), mask=rows < 1)


def _types(dtype: pa.DataType) -> tuple[pa.DataType, ...]:
    return (pa.int64(), *[pa.float64()] * 4)


_MOMENTS = ("count", "mean", "second", "third", "fourth")
_JOINT = ("count", "mean_x", "mean_y", "xx", "yy", "xy")

MOMENT_STATES: dict[str, State] = {
    "skew": State(
        parts=_MOMENTS,
        types=_types,
        start=_moments,
        merge=_merge_moments,
        finish=_finish_skew,
        folds=False,
    ),
    "kurtosis": State(
        parts=_MOMENTS,
        types=_types,
        start=_moments,
        merge=_merge_moments,
        finish=_finish_kurtosis,
        folds=False,
    ),
    "cov": State(
        parts=_JOINT,
        types=lambda dtype: (pa.int64(), *[pa.float64()] * 5),
        start=_joint,
        merge=_merge_joint,
        finish=_finish_covariance,
        folds=False,
    ),
    "corr": State(
        parts=_JOINT,
        types=lambda dtype: (pa.int64(), *[pa.float64()] * 5),
        start=_joint,
        merge=_merge_joint,
        finish=_finish_correlation,
        folds=False,
    ),
}

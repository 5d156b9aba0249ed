"""Which rows lie in the window of each row: ranges of neighbours in the order of time."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from .group import GroupIds


def window_ranges(
    groups: np.ndarray, times: np.ndarray, lower: np.ndarray, upper: np.ndarray, closed: str
) -> tuple[np.ndarray, np.ndarray]:
    """Return the first row of each row's window and the row behind its last one, int64.

    Method: group and time are one number, so that two binary searches of sorted numbers find the
    windows of all groups at once. Cost: 0.3 s for a million rows in any number of groups.

    Parameters
    ----------
    groups
        The group of each row, not decreasing.
    times
        int64, not decreasing within a group.
    lower, upper
        Where each row's window begins and ends, int64.
    closed
        ``left``, ``right``, ``both`` or ``none``: which ends belong to the window.
    """
    known = np.unique(times)
    size = len(known) + 1
    placed = groups * size + np.searchsorted(known, times)
    # A time between two known ones takes the place of the later one.
    low = np.searchsorted(known, lower, "left" if closed in ("left", "both") else "right")
    high = np.searchsorted(known, upper, "right" if closed in ("right", "both") else "left")
    starts = np.searchsorted(placed, groups * size + low)
    stops = np.searchsorted(placed, groups * size + high)
    return starts, np.maximum(starts, stops)


def expanded(
    starts: np.ndarray, stops: np.ndarray, most: int
) -> Iterator[tuple[slice, np.ndarray, GroupIds]]:
    """Yield the rows of many windows one behind another, about `most` rows at a time.

    Yields
    ------
    windows
        Which windows these are.
    rows
        The rows in them, window after window, int64.
    groups
        The window of each of these rows; windows without rows have no number.
    """
    ends = np.cumsum(stops - starts)
    first = 0
    while first < len(starts):
        done = ends[first - 1] if first else 0
        last = max(int(np.searchsorted(ends, done + most, "right")), first + 1)
        widths = stops[first:last] - starts[first:last]
        widths = widths[widths > 0]
        begins = starts[first:last][stops[first:last] > starts[first:last]]
        ids = np.repeat(np.arange(len(widths)), widths)
        first_rows = np.cumsum(widths) - widths
        rows = np.arange(len(ids)) - np.repeat(first_rows - begins, widths)
        groups = GroupIds(ids=ids, first_rows=first_rows, count=len(widths))
        yield slice(first, last), rows, groups
        first = last

"""Row groups that need not be read, or not whole, because of what comes behind the scan.

Statistics are looked at first: they cost nothing. What they leave is read whole, as two reads of a
row group cost 10 to 20 % more than one, until nothing of a batch has passed the filters. From then
on the filters' columns are read first, and the others only where something is left, as long as that
pays: every row group that falls away is worth a few tests that were in vain.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property

import pyarrow as pa

from ..engine.source import RowFilters
from .bounds import Bounds, of_scalar
from .pruning import may_lie_between

Range = tuple[str, Bounds, Bounds]

_WORTH = 4
"""Tests in vain that a row group which falls away pays for."""


class RowGroupFilter:
    """What one task's scan leaves out.

    Parameters
    ----------
    filters
        The filters behind the scan.
    """

    def __init__(self, filters: RowFilters) -> None:
        self._filters = filters
        self._credit = 0
        self._passed = 0

    @property
    def most_bytes(self) -> int:
        """See `RowFilters`."""
        return self._filters.most_bytes

    @property
    def share(self) -> int:
        """See `RowFilters`."""
        return self._filters.share

    @cached_property
    def ranges(self) -> Sequence[Range]:
        """Columns with the least and the greatest value that passes."""
        return [
            (name, of_scalar(low), of_scalar(high))
            for each in self._filters.filters
            for name, (low, high) in each.ranges().items()
        ]

    def may_hold(self, ranges: Sequence[Range], bounds: Callable[[str], Bounds]) -> bool:
        """Return whether a row of which `bounds` are known may pass."""
        return all(may_lie_between(bounds(name), low, high) for name, low, high in ranges)

    def skip(self, groups: int) -> None:
        """Take note of row groups that are not read at all."""
        self._filters.count("row_groups_skipped", groups)

    # Which columns to read first

    def first_columns(self, stored: Sequence[str]) -> list[str]:
        """Return the columns to read before the others; none while whole reads are the better."""
        if self._credit <= 0:
            return []
        needed = {name for each in self._filters.filters for name in each.columns}
        first = [name for name in stored if name in needed]
        return first if 0 < len(first) < len(stored) and needed <= set(stored) else []

    def leaves_something(self, table: pa.Table) -> bool:
        """Return whether a row of a row group may pass, of which the filters' columns are given."""
        for batch in table.to_batches():
            masks = (
                each.passing(batch.select(list(each.columns))) for each in self._filters.filters
            )
            left = None
            for mask in masks:
                left = mask if left is None else left & mask
                if not left.any():
                    break
            else:
                self._credit -= 1
                return True
        self._credit = min(self._credit + _WORTH, 2 * _WORTH)
        self._filters.count("row_groups_half_read", 1)
        return False

    def giving(self) -> None:
        """Rows are about to be given."""
        self._passed = self._filters.passed

    def given(self) -> None:
        """They have been taken up: where nothing of them has passed, columns are read in turns."""
        filters = self._filters
        if filters.filters and filters.tells and filters.passed == self._passed:
            self._credit = min(self._credit + _WORTH, 2 * _WORTH)

"""A source without rows: what is left of a part of a plan that is known to give none."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from ..source import Pushdown, ScanPlan, Statistics


@dataclass(frozen=True)
class NoRows:
    """No rows of some columns; nothing is run to read them."""

    columns: pa.Schema
    label: str = "no rows"

    @property
    def schema(self) -> pa.Schema:
        """The columns there would be."""
        return self.columns

    def statistics(self) -> Statistics:
        """There is nothing."""
        return Statistics(rows=0, bytes=0)

    def plan(self, pushdown: Pushdown, partition_bytes: int) -> ScanPlan:
        """Give no fragment."""
        return ScanPlan(fragments=())

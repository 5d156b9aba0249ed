"""What is asked: all rows in an order, given or written to Parquet, and the first hundred of it."""

from __future__ import annotations

from dataclasses import dataclass

ORDERS: dict[str, dict[str, bool]] = {
    "double": {"x": False},
    "two_keys": {"a": False, "b": True},
    "string": {"s": False},
}
"""Name -> the columns to sort by, and whether descending."""

FIRST = 100
"""Rows of a top-k."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """One query; ``id`` is given beside the keys."""

    order: str
    first: int | None = None
    written: bool = False

    @property
    def name(self) -> str:
        ending = "_first" if self.first else "_to_parquet" if self.written else ""
        return f"{self.order}{ending}"

    @property
    def keys(self) -> dict[str, bool]:
        """What to sort by; the first rows also by ``id``, so that there is one right answer."""
        return ORDERS[self.order] | ({"id": False} if self.first else {})

    @property
    def columns(self) -> tuple[str, ...]:
        """What is given."""
        return ("id", *ORDERS[self.order])


CASES = (
    *(Case(order=order) for order in ORDERS),
    Case(order="double", written=True),
    *(Case(order=order, first=FIRST) for order in ORDERS),
)

"""What is asked: each set of keys with each set of aggregates.

Few groups are given as they are. Where there are very many, which nobody wants to see one by one,
they are aggregated once more, and the result holds every key and every value of every group.
"""

from __future__ import annotations

from dataclasses import dataclass

KEYS: dict[str, tuple[str, ...]] = {
    "two": ("half",),
    "strings_100k": ("shop",),
    "integers_10m": ("receipt",),
    "six_keys": ("color", "size", "brand", "year", "month", "store"),
}
"""Group by what; ``receipt`` is another integer in each row."""

REDUCED = ("integers_10m", "six_keys")
"""Keys of which the groups are aggregated once more."""

AGGREGATES = ("sum_mean_count", "min_max")


@dataclass(frozen=True, kw_only=True)
class Case:
    """One query."""

    keys: str
    aggregates: str

    @property
    def name(self) -> str:
        return f"{self.keys}_{self.aggregates}"

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns to group by."""
        return KEYS[self.keys]

    @property
    def is_reduced(self) -> bool:
        return self.keys in REDUCED

    @property
    def checked_key(self) -> str:
        """The integer key that goes into the result of groups that are aggregated once more."""
        return self.columns[-1]


CASES = tuple(Case(keys=keys, aggregates=aggregates) for keys in KEYS for aggregates in AGGREGATES)

"""What is asked: each size of the other side, by each kind of key, in each way.

The joined rows are counted and summed, so that what is compared is small and holds every row;
one case gives the rows themselves.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

SIDES = ("small", "medium", "equal")
"""Tables of 1,000, a million and 10 million rows where there are 10 million facts."""

KINDS = ("integer", "string")
HOWS = ("inner", "left", "semi")


@dataclass(frozen=True, kw_only=True)
class Case:
    """One query."""

    side: str
    kind: str
    how: Literal["inner", "left", "semi"]
    gives_rows: bool = False

    @property
    def name(self) -> str:
        return f"{self.side}_{self.kind}_{self.how}{'_rows' if self.gives_rows else ''}"

    @property
    def left_on(self) -> str:
        """The key among the facts."""
        return self.side if self.kind == "integer" else f"{self.side}_name"

    @property
    def right_on(self) -> str:
        """The key of the other side."""
        return "key" if self.kind == "integer" else "name"


CASES = (
    *(
        Case(side=side, kind=kind, how=how)  # type: ignore[arg-type]
        for side in SIDES
        for kind in KINDS
        for how in HOWS
    ),
    Case(side="medium", kind="integer", how="inner", gives_rows=True),
)

ROWS = ("id", "small_name", "price", "weight")
"""The columns of joined rows that are given."""

"""Joins as a Partita user writes them."""

from __future__ import annotations

from typing import Any

import partita as pt
from partita import col

from ..cases import ROWS, Case


def run(case: Case, t: Any) -> pt.DataFrame:
    side = getattr(t, case.side)
    joined = t.facts.join(side, left_on=case.left_on, right_on=case.right_on, how=case.how)
    if case.gives_rows:
        return joined.select(*ROWS)
    sums = {"rows": pt.len(), "quantity": col("quantity").sum()}
    if case.how != "semi":
        sums |= {"matched": col("weight").count(), "weight": col("weight").sum()}
    return joined.select(**sums)

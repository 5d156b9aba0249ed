"""Joins as a Dask user writes them; a semi join is an inner one, as the side's keys are unique."""

from __future__ import annotations

from typing import Any

from ..cases import ROWS, Case


def run(case: Case, t: Any) -> Any:
    side = getattr(t, case.side)
    values = [] if case.how == "semi" else ["weight"]
    facts = [name for name in ROWS if name != "weight"] if case.gives_rows else ["quantity"]
    joined = t.facts[[case.left_on, *facts]].merge(
        side[[case.right_on, *values]],
        left_on=case.left_on,
        right_on=case.right_on,
        how="left" if case.how == "left" else "inner",
    )
    if case.gives_rows:
        return joined[list(ROWS)]
    sums = {"rows": joined.quantity.size, "quantity": joined.quantity.sum()}
    if case.how != "semi":
        sums |= {"matched": joined.weight.count(), "weight": joined.weight.sum()}
    return sums

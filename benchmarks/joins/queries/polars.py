"""Joins as a Polars user writes them."""

from __future__ import annotations

from typing import Any

import polars as pl
from polars import col

from ..cases import ROWS, Case


def run(case: Case, t: Any) -> pl.LazyFrame:
    side = getattr(t, case.side)
    joined = t.facts.join(side, left_on=case.left_on, right_on=case.right_on, how=case.how)
    if case.gives_rows:
        return joined.select(*ROWS)
    sums = {"rows": pl.len(), "quantity": col("quantity").sum()}
    if case.how != "semi":
        sums |= {"matched": col("weight").count(), "weight": col("weight").sum()}
    return joined.select(**sums)

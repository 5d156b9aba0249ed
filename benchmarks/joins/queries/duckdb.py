"""Joins in SQL."""

from __future__ import annotations

from typing import Any

from ..cases import ROWS, Case


def run(case: Case, t: Any) -> str:
    sums = "count(*) as rows, sum(quantity) as quantity"
    if case.how != "semi":
        sums += ", count(weight) as matched, sum(weight) as weight"
    return f"""
        select {", ".join(ROWS) if case.gives_rows else sums}
        from {t.facts} facts {case.how} join {getattr(t, case.side)} side
            on facts.{case.left_on} = side.{case.right_on}
    """

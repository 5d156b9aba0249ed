"""Groups in SQL."""

from __future__ import annotations

from typing import Any

from ..cases import Case

AGGREGATES = {
    "sum_mean_count": "sum(quantity) as quantity, avg(price) as price, count(*) as rows",
    "min_max": "min(price) as least, max(quantity) as most",
}

AGAIN = {
    "sum_mean_count": "sum(quantity) as quantity, sum(price) as price, sum(rows) as rows",
    "min_max": "sum(least) as least, sum(most) as most",
}


def run(case: Case, t: Any) -> str:
    keys = ", ".join(case.columns)
    grouped = f"select {keys}, {AGGREGATES[case.aggregates]} from {t.sales} group by {keys}"
    if not case.is_reduced:
        return grouped
    tied = "quantity" if case.aggregates == "sum_mean_count" else "most"
    return f"""
        select count(*) as groups, sum({case.checked_key} % 1000 * {tied}) as tied,
            {AGAIN[case.aggregates]}
        from ({grouped})
    """

"""Groups as a Dask user writes them; many groups stay in partitions (`split_out`)."""

from __future__ import annotations

from typing import Any

from ..cases import Case

AGGREGATES = {
    "sum_mean_count": {
        "quantity": ("quantity", "sum"),
        "price": ("price", "mean"),
        "rows": ("quantity", "size"),
    },
    "min_max": {"least": ("price", "min"), "most": ("quantity", "max")},
}

PARTITIONS = 16
"""Of very many groups."""


def run(case: Case, t: Any) -> Any:
    aggregates = AGGREGATES[case.aggregates]
    values = list(dict.fromkeys(column for column, _ in aggregates.values()))
    keys = list(case.columns)
    grouped = t.sales[[*keys, *values]].groupby(
        keys, **({"sort": False} if case.is_reduced else {})
    )
    if not case.is_reduced:
        return grouped.agg(**aggregates).reset_index()
    groups = grouped.agg(**aggregates, split_out=PARTITIONS).reset_index()
    tied = "quantity" if case.aggregates == "sum_mean_count" else "most"
    return {
        "groups": groups[case.checked_key].count(),
        "tied": (groups[case.checked_key] % 1000 * groups[tied]).sum(),
        **{name: groups[name].sum() for name in aggregates},
    }

"""Sorts as a Dask user writes them; pandas sorts by all keys one way, so one is turned round."""

from __future__ import annotations

from typing import Any

from ...harness.engines import Written
from ..cases import Case


def run(case: Case, t: Any) -> Any:
    rows = t.rows[list(case.columns)]
    turned = {f"{key}_turned": -rows[key] for key, descending in case.keys.items() if descending}
    keys = [f"{key}_turned" if descending else key for key, descending in case.keys.items()]
    with_turned = rows.assign(**turned).sort_values(keys)
    if case.first:
        first = with_turned.head(case.first, npartitions=-1, compute=False)
        # through persist, as choosing columns of it loses the turned one before the sort
        return first.persist()[list(case.columns)]
    in_order = with_turned[list(case.columns)]
    if not case.written:
        return in_order
    path = str(t.scratch / "sorted")
    in_order.to_parquet(path, compression="zstd", write_index=False)
    return Written(path=path)

"""Sorts as a Partita user writes them; a sorted dataset is a directory of files."""

from __future__ import annotations

from typing import Any

import partita as pt

from ...harness.engines import Written
from ..cases import Case


def run(case: Case, t: Any) -> pt.DataFrame | Written:
    in_order = t.rows.sort(*case.keys, descending=list(case.keys.values()))
    rows = in_order.select(*case.columns)
    if case.first:
        return rows.head(case.first)
    if not case.written:
        return rows
    path = str(t.scratch / "sorted")
    rows.sink_parquet(path)
    return Written(path=path)

"""The queries: one module per engine, one function ``q<number>(t)`` per query.

``t.lineitem`` and its like are the engine's own lazy frames (for DuckDB a table function in SQL).
A query that an engine has no function for is left out of that engine's column.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from importlib import import_module
from typing import Any

ORDER_BY: dict[int, tuple[str, ...]] = {
    1: ("l_returnflag", "l_linestatus"),
    3: ("revenue", "o_orderdate"),
}
"""The columns whose order the standard prescribes; rows that tie in them may come in any order."""


def queries(engine: str) -> dict[int, Callable[[Any], Any]]:
    """Return the queries that are written for an engine, by number."""
    module = import_module(f".{engine}", __name__)
    numbered = {
        int(name[1:]): function
        for name, function in vars(module).items()
        if re.fullmatch(r"q\d+", name)
    }
    return dict(sorted(numbered.items()))

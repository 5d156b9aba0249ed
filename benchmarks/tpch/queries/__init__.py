"""The queries: one package per engine, one function ``q<number>(t)`` per query in its modules.

``t.lineitem`` and its like are the engine's own lazy frames (for DuckDB a table function in SQL);
``t.scale`` is the scale factor, ``t.decimals`` what the prices are. A query that an engine has no
function for is left out of that engine's column.
"""

from __future__ import annotations

import pkgutil
import re
from collections.abc import Callable
from importlib import import_module
from typing import Any

ORDER_BY: dict[int, tuple[str, ...]] = {
    1: ("l_returnflag", "l_linestatus"),
    2: ("s_acctbal", "n_name", "s_name", "p_partkey"),
    3: ("revenue", "o_orderdate"),
    4: ("o_orderpriority",),
    5: ("revenue",),
    7: ("supp_nation", "cust_nation", "l_year"),
    8: ("o_year",),
    9: ("nation", "o_year"),
    10: ("revenue",),
    11: ("value",),
    12: ("l_shipmode",),
    13: ("custdist", "c_count"),
    15: ("s_suppkey",),
    16: ("supplier_cnt", "p_brand", "p_type", "p_size"),
    18: ("o_totalprice", "o_orderdate"),
    20: ("s_name",),
    21: ("numwait", "s_name"),
    22: ("cntrycode",),
}
"""The columns whose order the standard prescribes; rows that tie in them may come in any order."""


def queries(engine: str) -> dict[int, Callable[[Any], Any]]:
    """Return the queries that are written for an engine, by number."""
    package = import_module(f".{engine}", __name__)
    modules = [
        import_module(f".{found.name}", package.__name__)
        for found in pkgutil.iter_modules(package.__path__)
    ]
    numbered = {
        int(name[1:]): function
        for module in modules
        for name, function in vars(module).items()
        if re.fullmatch(r"q\d+", name)
    }
    return dict(sorted(numbered.items()))

"""WINDOWS: the functions that give one value for each row from that row and others around it.

Over a whole frame they see its rows in their order; ``.over(keys, order_by=...)`` says which rows
belong together and in which order.
"""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from .cumulative import CUMULATIVE
from .filling import FILLING
from .neighbours import NEIGHBOURS
from .ranking import RANKING
from .rolling import ROLLING
from .window import Options, WindowFunction

WINDOWS: dict[str, WindowFunction] = {
    entry.name: entry for entry in (*NEIGHBOURS, *RANKING, *CUMULATIVE, *ROLLING, *FILLING)
}
"""Name -> function."""


def window_type(name: str, types: Sequence[pa.DataType], options: Options) -> pa.DataType:
    """Return the type of a function of ``WINDOWS`` over arguments of `types`.

    Raises
    ------
    TypeMismatch
        If it is not defined for that type.

    Examples
    --------
    >>> window_type("cum_sum", [pa.int8()], {"reverse": False})
    DataType(int64)
    """
    entry = WINDOWS[name]
    if types:
        entry.check_type(types[0])
        first = entry.accepts.stand_in if pa.types.is_null(types[0]) else types[0]
        types = (first, *types[1:])
    return entry.dtype(types, options)

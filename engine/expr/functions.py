"""FUNCTIONS: every function over columns, by name.

To add one is to add an entry to the file it belongs to; it gets its method, its documentation, its
type and its tests from there.
"""

from __future__ import annotations

from .arithmetic import ARITHMETIC
from .binary import BINARIES
from .bits import BITS
from .boolean import BOOLEAN_LOGIC
from .categories import CATEGORIES
from .comparison import COMPARISON
from .function import Function
from .hashing import HASHING
from .horizontal import HORIZONTAL
from .list_numbers import LIST_NUMBERS
from .list_order import LIST_ORDER
from .lists import LISTS
from .maths import MATHS
from .moments import MOMENTS
from .nulls import NULLS
from .patterns import PATTERNS
from .replacing import REPLACING
from .strings import STRINGS
from .structs import STRUCTS
from .temporal import TEMPORAL
from .temporal_more import TEMPORAL_MORE

_TABLES = (
    *(ARITHMETIC, COMPARISON, BOOLEAN_LOGIC, NULLS, MATHS, BITS, REPLACING, HASHING),
    *(STRINGS, PATTERNS, TEMPORAL, LISTS, LIST_ORDER, LIST_NUMBERS, STRUCTS, BINARIES),
    *(HORIZONTAL, MOMENTS, TEMPORAL_MORE, CATEGORIES),
)

FUNCTIONS: dict[str, Function] = {entry.name: entry for table in _TABLES for entry in table}
"""Name -> function."""
